//! A private certificate authority for hosts that have no certificates of their own, and the
//! short-lived certificates it signs.
//!
//! Clients pin the authority by its fingerprint, and manifests carry it, so that certificates can
//! be replaced at every start.

use std::fmt;
use std::net::IpAddr;

use jiff::{Span, Timestamp, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::sha256;

/// How long an authority lives, in days: ten years.
const AUTHORITY_DAYS: i64 = 3653;

/// How long a certificate lives, in days.
pub const LEAF_DAYS: i64 = 90;

/// A certificate authority: its certificate and its key.
pub struct Authority {
    certificate: CertificateDer<'static>,
    certificate_pem: String,
    key: KeyPair,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authority({})", self.fingerprint())
    }
}

/// A certificate for a server, with the chain to its authority.
pub struct Leaf {
    /// The server's certificate, then the authority's.
    pub chain: Vec<CertificateDer<'static>>,
    /// The server's key.
    pub key: PrivateKeyDer<'static>,
}

/// Why there is no authority or certificate.
#[derive(Debug)]
pub enum AuthorityProblem {
    /// What was kept is not a certificate and a key in PEM.
    Malformed,
    /// A name can be in no certificate.
    Name(String),
    /// Making it failed.
    Making(rcgen::Error),
}

impl fmt::Display for AuthorityProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("the certificate authority in the database is damaged"),
            Self::Name(name) => {
                write!(f, "\"{name}\" can be in no certificate: use host names and IP addresses")
            }
            Self::Making(error) => write!(f, "a certificate cannot be made: {error}"),
        }
    }
}

impl std::error::Error for AuthorityProblem {}

impl From<rcgen::Error> for AuthorityProblem {
    fn from(error: rcgen::Error) -> Self {
        Self::Making(error)
    }
}

impl Authority {
    /// A new authority with a new key (ECDSA P-256).
    pub fn make(server_name: &str, now: Timestamp) -> Result<Self, AuthorityProblem> {
        let key = KeyPair::generate()?;
        let mut params = valid_for(AUTHORITY_DAYS, now);
        params
            .distinguished_name
            .push(DnType::CommonName, format!("{server_name} certificate authority"));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key)?;
        Ok(Self { certificate: certificate.der().clone(), certificate_pem: certificate.pem(), key })
    }

    /// The authority that [`Self::to_pem`] wrote.
    pub fn from_pem(pem: &str) -> Result<Self, AuthorityProblem> {
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| AuthorityProblem::Malformed)?;
        let start = pem.find("-----BEGIN PRIVATE KEY").ok_or(AuthorityProblem::Malformed)?;
        let (certificate_pem, key_pem) = pem.split_at(start);
        let key = KeyPair::from_pem(key_pem).map_err(|_| AuthorityProblem::Malformed)?;
        Ok(Self { certificate, certificate_pem: certificate_pem.to_owned(), key })
    }

    /// Certificate and key, one after the other. Secret.
    pub fn to_pem(&self) -> String {
        format!("{}{}", self.certificate_pem, self.key.serialize_pem())
    }

    /// The certificate alone, to hand out.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// What clients pin: `sha256:` and the hash of the certificate in hexadecimal.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.certificate)
    }

    /// A certificate with a key of its own for some host names and IP addresses, valid from a day
    /// ago for 90 days.
    pub fn issue(&self, names: &[String], now: Timestamp) -> Result<Leaf, AuthorityProblem> {
        let key = KeyPair::generate()?;
        let mut params = valid_for(LEAF_DAYS, now);
        params.subject_alt_names =
            names.iter().map(|name| alternative_name(name)).collect::<Result<_, _>>()?;
        params
            .distinguished_name
            .push(DnType::CommonName, names.first().map_or("deskbell", String::as_str));
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let issuer = Issuer::from_ca_cert_der(&self.certificate, &self.key)?;
        let certificate = params.signed_by(&key, &issuer)?;
        Ok(Leaf {
            chain: vec![certificate.der().clone(), self.certificate.clone()],
            key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        })
    }
}

/// What clients pin about a certificate.
pub fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    format!("sha256:{}", hex::encode(sha256(certificate)))
}

/// An empty certificate, valid from a day before now (clocks differ) for so many days.
fn valid_for(days: i64, now: Timestamp) -> CertificateParams {
    let midnight = |days: i64| {
        let date = now.to_zoned(TimeZone::UTC).date().saturating_add(Span::new().days(days));
        let positive = |number: i8| u8::try_from(number).unwrap_or(1);
        date_time_ymd(i32::from(date.year()), positive(date.month()), positive(date.day()))
    };
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.not_before = midnight(-1);
    params.not_after = midnight(days);
    params
}

fn alternative_name(name: &str) -> Result<SanType, AuthorityProblem> {
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(SanType::IpAddress(address));
    }
    let unusable = || AuthorityProblem::Name(name.to_owned());
    let ascii =
        idna::domain_to_ascii_strict(name.trim_start_matches("*.")).map_err(|_| unusable())?;
    let full = if name.starts_with("*.") { format!("*.{ascii}") } else { ascii };
    if full.is_empty() {
        return Err(unusable());
    }
    full.try_into().map(SanType::DnsName).map_err(|_| unusable())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_being_kept() {
        let made = Authority::make("Desk", Timestamp::UNIX_EPOCH).expect("made");
        let kept = Authority::from_pem(&made.to_pem()).expect("read");
        assert_eq!(made.fingerprint(), kept.fingerprint());
        assert_eq!(made.certificate_pem(), kept.certificate_pem());
        assert!(!kept.certificate_pem().contains("PRIVATE"));
        assert!(kept.fingerprint().starts_with("sha256:") && kept.fingerprint().len() == 71);
    }

    #[test]
    fn certifies_names_and_addresses() {
        let authority = Authority::make("Desk", Timestamp::UNIX_EPOCH).expect("made");
        for name in
            ["localhost", "desk.example", "*.desk.example", "bücher.example", "127.0.0.1", "::1"]
        {
            let leaf = authority.issue(&[name.to_owned()], Timestamp::UNIX_EPOCH).expect(name);
            assert_eq!(leaf.chain.len(), 2);
            assert_eq!(fingerprint(&leaf.chain[1]), authority.fingerprint());
        }
        for name in ["", "a b", "-x", "x y.example", "*."] {
            let refused = authority.issue(&[name.to_owned()], Timestamp::UNIX_EPOCH);
            assert!(matches!(refused, Err(AuthorityProblem::Name(_))), "{name:?}");
        }
    }

    #[test]
    fn refuses_what_is_damaged() {
        for pem in ["", "-----BEGIN CERTIFICATE-----", "-----BEGIN PRIVATE KEY-----"] {
            assert!(
                matches!(Authority::from_pem(pem), Err(AuthorityProblem::Malformed)),
                "{pem:?}"
            );
        }
    }
}
