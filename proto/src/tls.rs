//! How clients speak TLS: which certificate authorities they trust, and one cryptography for all of
//! it.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tonic::Code;

use crate::problem::Problem;

/// HTTP/2, the only protocol a Deskbell server speaks.
pub(crate) const HTTP2: &[u8] = b"h2";

/// Named explicitly, so that another part of a program that brings a second cryptography changes
/// nothing here.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// A configuration that trusts these authorities (PEM, one or more certificates), or the system's
/// when there are none.
pub(crate) fn config(authorities_pem: Option<&str>) -> Result<Arc<ClientConfig>, Problem> {
    let unusable = |why: String| Problem::local(Code::InvalidArgument, "AUTHORITIES_UNUSABLE", why);
    let mut roots = RootCertStore::empty();
    if let Some(pem) = authorities_pem {
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate.map_err(|problem| {
                unusable(format!("The certificate authority is not readable as PEM: {problem:?}."))
            })?;
            roots.add(certificate).map_err(|problem| {
                unusable(format!("The certificate authority cannot be used: {problem}."))
            })?;
        }
        if roots.is_empty() {
            return Err(unusable("The certificate authorities hold no certificate.".to_owned()));
        }
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err(unusable(
                "This system has no certificate authorities of its own: name the server's \
                 fingerprint instead."
                    .to_owned(),
            ));
        }
    }
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|problem| unusable(format!("TLS cannot be set up: {problem}.")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![HTTP2.to_vec()];
    Ok(Arc::new(config))
}

/// A certificate as PEM text.
pub(crate) fn pem(certificate: &[u8]) -> String {
    let encoded = STANDARD.encode(certificate);
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pem_reads_back() {
        for length in [1, 47, 48, 49, 500] {
            let certificate: Vec<u8> =
                (0..length).map(|byte| u8::try_from(byte % 251).unwrap_or(0)).collect();
            let text = pem(&certificate);
            assert_eq!(
                CertificateDer::from_pem_slice(text.as_bytes()).unwrap().as_ref(),
                certificate
            );
            assert!(text.lines().all(|line| line.len() <= 64));
        }
    }

    #[test]
    fn authorities_that_are_none_are_refused() {
        for pem in ["", "nothing", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
        {
            assert_eq!(config(Some(pem)).unwrap_err().reason, "AUTHORITIES_UNUSABLE");
        }
    }
}
