//! Pinning: looking at the certificates a server presents, so that a person can compare its
//! fingerprint and then trust exactly that certificate authority.
//!
//! Looking trusts nobody and sends nothing. What makes a pin safe is the connection afterwards: it
//! accepts only certificates that the pinned authority signed, so somebody in between who merely
//! shows the right authority gets no further.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::Code;

use crate::address::Address;
use crate::problem::Problem;
use crate::tls;

/// How long the server may take to show its certificates.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// What a server presents before anybody trusts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresentedServer {
    /// The fingerprint of its certificate authority, for a person to compare; see [`fingerprint`].
    pub fingerprint: String,
    /// That authority as PEM, for [`crate::client::Server::authorities_pem`] once the fingerprint
    /// was found right.
    pub authorities_pem: String,
}

/// The fingerprint of a certificate authority (DER): "sha256:" and the lower-case hex of its
/// SHA-256.
pub fn fingerprint(certificate: &[u8]) -> String {
    crate::sha256_fingerprint(certificate)
}

/// Whether two fingerprints are the same, however people write them: letters in either case, with
/// or without colons or spaces between the digits, with or without "sha256:".
pub fn same_fingerprint(one: &str, other: &str) -> bool {
    digits(one).is_some_and(|one| Some(one) == digits(other))
}

/// Whether this can be a fingerprint at all.
pub fn is_fingerprint(text: &str) -> bool {
    digits(text).is_some()
}

fn digits(text: &str) -> Option<String> {
    let text: String =
        text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect();
    let digits = text.trim_start_matches("sha256:").replace(':', "");
    (digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(digits)
}

/// Connects to an `https://` address and tells what the server presents. The authority is the last
/// certificate it sends: a Deskbell server sends its own certificate and then its authority's.
pub async fn inspect(address: &str) -> Result<PresentedServer, Problem> {
    let address = Address::parse(address)?;
    if !address.is_secure() {
        return Err(Problem::address(
            &address.to_string(),
            "without TLS there is no certificate to look at",
        ));
    }
    let shown = address.to_string();
    let chain = tokio::time::timeout(ANSWER_WITHIN, present(&address))
        .await
        .map_err(|_| Problem::away(&shown, "no answer within 10 seconds"))??;
    let authority = chain.last().ok_or_else(|| {
        Problem::local(
            Code::FailedPrecondition,
            "NOT_A_SERVER",
            format!("{shown} presents no certificate."),
        )
    })?;
    Ok(PresentedServer {
        fingerprint: fingerprint(authority),
        authorities_pem: tls::pem(authority),
    })
}

async fn present(address: &Address) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let shown = address.to_string();
    let record = Arc::new(Record { provider: tls::provider(), chain: Mutex::default() });
    let mut config = ClientConfig::builder_with_provider(record.provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|problem| {
            Problem::local(
                Code::Internal,
                "TLS_UNUSABLE",
                format!("TLS cannot be set up: {problem}."),
            )
        })?
        .dangerous()
        .with_custom_certificate_verifier(record.clone())
        .with_no_client_auth();
    config.alpn_protocols = vec![tls::HTTP2.to_vec()];
    let name = ServerName::try_from(address.host().to_owned()).map_err(|_| {
        Problem::address(&shown, "its host is not a name that a certificate can have")
    })?;
    let socket = TcpStream::connect((address.host(), address.port()))
        .await
        .map_err(|failure| Problem::away(&shown, &failure.to_string()))?;
    TlsConnector::from(Arc::new(config))
        .connect(name, socket)
        .await
        .map_err(|failure| Problem::handshake(&shown, &failure))?;
    let chain = record.chain.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(chain.clone())
}

/// Remembers what is presented. Checks that the server holds its certificate's key, and leaves
/// trust to the person.
#[derive(Debug)]
struct Record {
    provider: Arc<CryptoProvider>,
    chain: Mutex<Vec<CertificateDer<'static>>>,
}

impl ServerCertVerifier for Record {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let presented = std::iter::once(end_entity)
            .chain(intermediates)
            .map(|certificate| certificate.clone().into_owned());
        *self.chain.lock().unwrap_or_else(PoisonError::into_inner) = presented.collect();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    use rustls::ServerConfig;
    use rustls::pki_types::PrivateKeyDer;
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;
    use crate::client::{Client, Credentials, Server};
    use crate::v1;

    /// A TLS server that presents a leaf for 127.0.0.1 and its authority, then hangs up. Answers
    /// its address and the authority.
    async fn tls_server() -> (String, Vec<u8>) {
        let authority_key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_certificate = authority.self_signed(&authority_key).unwrap();
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()])
            .unwrap()
            .signed_by(&key, &Issuer::from_params(&authority, &authority_key))
            .unwrap();
        let mut config = ServerConfig::builder_with_provider(tls::provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![leaf.der().clone(), authority_certificate.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )
            .unwrap();
        config.alpn_protocols = vec![tls::HTTP2.to_vec()];
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("https://{}", listener.local_addr().unwrap());
        let acceptor = TlsAcceptor::from(Arc::new(config));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                drop(acceptor.accept(socket).await);
            }
        });
        (address, authority_certificate.der().to_vec())
    }

    #[tokio::test]
    async fn a_pinned_server_is_trusted_and_no_other() {
        let (address, authority) = tls_server().await;
        let (elsewhere, _) = tls_server().await;
        let presented = inspect(&address).await.unwrap();
        assert_eq!(presented.fingerprint, fingerprint(&authority));

        let reason = async |address: &str| {
            let server = Server {
                addresses: vec![address.to_owned()],
                authorities_pem: Some(presented.authorities_pem.clone()),
            };
            let client = Client::new(server.connect_lazy().unwrap(), Credentials::none());
            Problem::from(
                client
                    .server_info()
                    .get_server_info(v1::GetServerInfoRequest {})
                    .await
                    .unwrap_err(),
            )
            .reason
        };
        // The handshake succeeds; this server then hangs up.
        assert_eq!(reason(&address).await, "CONNECTION_LOST");
        assert_eq!(reason(&elsewhere).await, "CERTIFICATE_UNTRUSTED");
        assert_eq!(
            reason(&address.replace("127.0.0.1", "localhost")).await,
            "CERTIFICATE_OTHER_NAME"
        );
    }

    #[tokio::test]
    async fn what_speaks_no_tls_is_named() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("https://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            use tokio::io::AsyncWriteExt as _;
            while let Ok((mut socket, _)) = listener.accept().await {
                drop(socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await);
            }
        });
        assert_eq!(inspect(&address).await.unwrap_err().reason, "NOT_A_SERVER");
        assert_eq!(inspect("http://127.0.0.1:1").await.unwrap_err().reason, "ADDRESS_INVALID");
        assert_eq!(inspect("https://127.0.0.1:1").await.unwrap_err().reason, "SERVER_AWAY");
    }

    #[test]
    fn fingerprints_compare_as_people_write_them() {
        let print = fingerprint(b"certificate");
        assert!(print.starts_with("sha256:") && print.len() == 7 + 64);
        assert!(same_fingerprint(&print, &print.to_uppercase()));
        assert!(same_fingerprint(&print, print.trim_start_matches("sha256:")));
        assert!(!same_fingerprint(&print, &fingerprint(b"another")));
        assert!(!same_fingerprint("", ""));
        assert!(!same_fingerprint("sha256:", "sha256:"));
        assert!(is_fingerprint(&format!(" {print}\n")));
        for wrong in ["", "sha256:", "sha256:12", &"x".repeat(64), &"0".repeat(65)] {
            assert!(!is_fingerprint(wrong), "{wrong}");
        }
    }
}
