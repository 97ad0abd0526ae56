//! The certificates that the server presents: the host's own files, or short-lived ones by its
//! private authority. Both are renewed while the server runs: connections that are open go on as
//! they began, new ones see the new certificate.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use metrics::gauge;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::stopping::{Asked, Stage, Stopping};
use crate::clock;
use crate::config::CertificateFiles;
use crate::secrets::authority::{Authority, AuthorityProblem, LEAF_DAYS, fingerprint};
use crate::telemetry::names;

/// How often certificates are looked after.
const LOOK_AFTER: Duration = Duration::from_mins(10);

/// A certificate by the own authority is replaced after a third of its life.
const RENEW_AFTER: SignedDuration = SignedDuration::from_hours(24 * LEAF_DAYS / 3);

/// Why there are no certificates.
#[derive(Debug)]
pub enum CertificatesProblem {
    /// A file cannot be read, or holds something else.
    File(PathBuf, String),
    /// Certificate and key do not go with each other, or with TLS.
    Unusable(rustls::Error),
    /// The own authority cannot make one.
    Authority(AuthorityProblem),
}

impl fmt::Display for CertificatesProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, cause) => {
                write!(f, "the certificate file {}: {cause}", path.display())
            }
            Self::Unusable(error) => {
                write!(f, "the certificate and its key cannot be used: {error}")
            }
            Self::Authority(problem) => problem.fmt(f),
        }
    }
}

impl std::error::Error for CertificatesProblem {}

impl From<rustls::Error> for CertificatesProblem {
    fn from(error: rustls::Error) -> Self {
        Self::Unusable(error)
    }
}

impl From<AuthorityProblem> for CertificatesProblem {
    fn from(problem: AuthorityProblem) -> Self {
        Self::Authority(problem)
    }
}

/// What the server presents, and what clients should trust.
#[derive(Debug)]
pub struct Certificates {
    source: Source,
    presented: RwLock<Presented>,
}

enum Source {
    Files(CertificateFiles),
    Authority { authority: Arc<Authority>, names: Vec<String> },
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Files(files) => files.fmt(f),
            Self::Authority { authority, .. } => authority.fmt(f),
        }
    }
}

#[derive(Debug)]
struct Presented {
    key: Arc<CertifiedKey>,
    since: Timestamp,
}

impl Certificates {
    /// Certificates from files of the host's own.
    pub fn from_files(
        files: CertificateFiles,
        now: Timestamp,
    ) -> Result<Self, CertificatesProblem> {
        if let Some(authority) = &files.authority {
            read_chain(authority)?;
        }
        Self::new(Source::Files(files), now)
    }

    /// Certificates for some names by the host's own authority.
    pub fn from_authority(
        authority: Arc<Authority>,
        names: Vec<String>,
        now: Timestamp,
    ) -> Result<Self, CertificatesProblem> {
        Self::new(Source::Authority { authority, names }, now)
    }

    fn new(source: Source, now: Timestamp) -> Result<Self, CertificatesProblem> {
        let presented = RwLock::new(Presented { key: source.make(now)?, since: now });
        Ok(Self { source, presented })
    }

    /// What clients pin: the fingerprint of the last certificate that the server presents, which is
    /// the authority's or the one nearest to it.
    pub fn fingerprint(&self) -> String {
        self.key().cert.last().map(fingerprint).unwrap_or_default()
    }

    /// The authorities that clients must know, in PEM. Empty when every system knows them.
    pub fn authorities_pem(&self) -> Result<String, CertificatesProblem> {
        match &self.source {
            Source::Authority { authority, .. } => Ok(authority.certificate_pem().to_owned()),
            Source::Files(CertificateFiles { authority: Some(path), .. }) => {
                std::fs::read_to_string(path)
                    .map_err(|error| CertificatesProblem::File(path.clone(), error.to_string()))
            }
            Source::Files(_) => Ok(String::new()),
        }
    }

    /// TLS with these certificates: versions 1.2 and 1.3, HTTP/2 only.
    pub fn server_config(self: &Arc<Self>) -> Result<ServerConfig, CertificatesProblem> {
        let mut config =
            ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()?
                .with_no_client_auth()
                .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(config)
    }

    /// Renews what is presented, if it is time or the files have changed. Answers whether it did.
    /// What was presented stays when there is a problem.
    pub fn renew(&self, now: Timestamp) -> Result<bool, CertificatesProblem> {
        if matches!(self.source, Source::Authority { .. })
            && now.duration_since(self.since()) < RENEW_AFTER
        {
            return Ok(false);
        }
        let key = self.source.make(now)?;
        if key.cert == self.key().cert {
            return Ok(false);
        }
        *self.presented.write().unwrap_or_else(PoisonError::into_inner) =
            Presented { key, since: now };
        Ok(true)
    }

    /// Looks after the certificates until the server stops: now and then, and whenever it is asked
    /// to.
    pub async fn look_after(&self, asked: &mut Asked, stopping: Stopping) {
        gauge!(names::CERTIFICATE_UP).set(1.0);
        loop {
            let was_asked = tokio::select! {
                () = stopping.reaches(Stage::Draining) => return,
                () = tokio::time::sleep(LOOK_AFTER) => false,
                () = asked.again() => true,
            };
            let renewed = self.renew(clock::timestamp());
            gauge!(names::CERTIFICATE_UP).set(if renewed.is_ok() { 1.0 } else { 0.0 });
            match renewed {
                Ok(true) => {
                    tracing::info!(fingerprint = self.fingerprint(), "the certificate was renewed");
                }
                Ok(false) if was_asked => tracing::info!("the certificate is the same as before"),
                Ok(false) => {}
                Err(problem) => {
                    tracing::error!(%problem, "the certificate cannot be renewed; the old one \
                        stays");
                }
            }
        }
    }

    fn key(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.presented.read().unwrap_or_else(PoisonError::into_inner).key)
    }

    fn since(&self) -> Timestamp {
        self.presented.read().unwrap_or_else(PoisonError::into_inner).since
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.key())
    }
}

impl Source {
    fn make(&self, now: Timestamp) -> Result<Arc<CertifiedKey>, CertificatesProblem> {
        let (chain, key) = match self {
            Self::Files(files) => {
                let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| {
                    CertificatesProblem::File(files.key.clone(), error.to_string())
                })?;
                (read_chain(&files.chain)?, key)
            }
            Self::Authority { authority, names } => {
                let leaf = authority.issue(names, now)?;
                (leaf.chain, leaf.key)
            }
        };
        Ok(Arc::new(CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider())?))
    }
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertificatesProblem> {
    let problem = |cause: String| CertificatesProblem::File(path.to_owned(), cause);
    let chain: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| problem(error.to_string()))?;
    if chain.is_empty() {
        Err(problem("there is no certificate in it".to_owned()))
    } else {
        Ok(chain)
    }
}
