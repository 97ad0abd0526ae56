//! The secrets of a host, made once and shared by all its servers through the database, where they
//! lie sealed.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use aws_lc_rs::hmac;
use ed25519_dalek::SigningKey;
use jiff::Timestamp;

use super::authority::{Authority, AuthorityProblem};
use super::sealed::{DoesNotOpen, SealingKey};
use super::{NoRandomness, random_bytes};

/// Where sealed secrets are kept: the store.
pub trait SecretShelf {
    /// Why the shelf cannot be reached.
    type Problem: std::error::Error + Send + Sync + 'static;

    /// The sealed bytes under a name.
    fn host_secret(
        &self,
        name: &str,
    ) -> impl Future<Output = Result<Option<Vec<u8>>, Self::Problem>> + Send;

    /// Keeps sealed bytes under a name for good, and answers with the bytes that are there
    /// afterwards: another server's, when it was first.
    fn keep_host_secret(
        &self,
        name: &str,
        sealed: Vec<u8>,
    ) -> impl Future<Output = Result<Vec<u8>, Self::Problem>> + Send;
}

/// The names under which secrets are kept.
const SIGNING: &str = "signing-key";
const CREDENTIAL: &str = "credential-key";
const AUTHORITY: &str = "certificate-authority";
const PAGES: &str = "page-tokens";

/// The key that profile credentials and one-time codes are made with.
#[derive(Clone)]
pub struct CredentialKey(pub(super) hmac::Key);

impl CredentialKey {
    /// The key with these bytes.
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }
}

impl fmt::Debug for CredentialKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CredentialKey")
    }
}

/// Everything secret that a host has.
pub struct HostSecrets {
    /// Signs profile manifests; its public half is the server's identity to widgets.
    pub signing: SigningKey,
    /// Makes profile credentials and one-time codes.
    pub credential_key: CredentialKey,
    /// Signs this host's certificates, unless it has others.
    pub authority: Arc<Authority>,
    /// Seals page tokens.
    pub page_key: SealingKey,
}

impl fmt::Debug for HostSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HostSecrets")
    }
}

/// Why a host's secrets can be neither read nor made.
#[derive(Debug)]
pub enum HostSecretsProblem {
    /// A secret is there and does not open.
    DoesNotOpen(DoesNotOpen),
    /// A secret opens and is not what its name says.
    Malformed(&'static str),
    /// The certificate authority cannot be made.
    Authority(AuthorityProblem),
    /// There is no randomness to make secrets from.
    NoRandomness(NoRandomness),
    /// The shelf cannot be reached.
    Shelf(Box<dyn std::error::Error + Send + Sync>),
}

impl fmt::Display for HostSecretsProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DoesNotOpen(problem) => problem.fmt(f),
            Self::Malformed(name) => write!(f, "the secret \"{name}\" in the database is damaged"),
            Self::Authority(problem) => problem.fmt(f),
            Self::NoRandomness(problem) => problem.fmt(f),
            Self::Shelf(problem) => write!(f, "the host's secrets cannot be reached: {problem}"),
        }
    }
}

impl std::error::Error for HostSecretsProblem {}

impl From<NoRandomness> for HostSecretsProblem {
    fn from(problem: NoRandomness) -> Self {
        Self::NoRandomness(problem)
    }
}

impl From<DoesNotOpen> for HostSecretsProblem {
    fn from(problem: DoesNotOpen) -> Self {
        Self::DoesNotOpen(problem)
    }
}

impl From<AuthorityProblem> for HostSecretsProblem {
    fn from(problem: AuthorityProblem) -> Self {
        Self::Authority(problem)
    }
}

impl HostSecrets {
    /// Reads the host's secrets, and makes what is not there yet. `server_name` goes into the
    /// certificate authority's name.
    pub async fn open<S: SecretShelf + Sync>(
        shelf: &S,
        key: &SealingKey,
        server_name: &str,
        now: Timestamp,
    ) -> Result<Self, HostSecretsProblem> {
        let random = || Ok(random_bytes::<32>()?.to_vec());
        let signing = key_of_32(SIGNING, &obtain(shelf, key, SIGNING, random).await?)?;
        let credential = key_of_32(CREDENTIAL, &obtain(shelf, key, CREDENTIAL, random).await?)?;
        let made = || Ok(Authority::make(server_name, now)?.to_pem().into_bytes());
        let pem = obtain(shelf, key, AUTHORITY, made).await?;
        let pem = String::from_utf8(pem).map_err(|_| HostSecretsProblem::Malformed(AUTHORITY))?;
        let page_key = key_of_32(PAGES, &obtain(shelf, key, PAGES, random).await?)?;
        let page_key = SealingKey::new(&page_key).ok_or(HostSecretsProblem::Malformed(PAGES))?;
        Ok(Self {
            signing: SigningKey::from_bytes(&signing),
            credential_key: CredentialKey::new(&credential),
            authority: Arc::new(Authority::from_pem(&pem)?),
            page_key,
        })
    }
}

/// The secret of a name, made and kept if it is not there.
async fn obtain<S: SecretShelf + Sync>(
    shelf: &S,
    key: &SealingKey,
    name: &str,
    make: impl Fn() -> Result<Vec<u8>, HostSecretsProblem>,
) -> Result<Vec<u8>, HostSecretsProblem> {
    let kept = shelf.host_secret(name).await.map_err(shelf_problem)?;
    let sealed = if let Some(sealed) = kept {
        sealed
    } else {
        let sealed = key.seal(name, &make()?).ok_or(NoRandomness)?;
        shelf.keep_host_secret(name, sealed).await.map_err(shelf_problem)?
    };
    Ok(key.open(name, &sealed)?)
}

fn key_of_32(name: &'static str, bytes: &[u8]) -> Result<[u8; 32], HostSecretsProblem> {
    bytes.try_into().map_err(|_| HostSecretsProblem::Malformed(name))
}

fn shelf_problem(problem: impl std::error::Error + Send + Sync + 'static) -> HostSecretsProblem {
    HostSecretsProblem::Shelf(Box::new(problem))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::convert::Infallible;
    use std::sync::Mutex;

    use super::*;

    /// A shelf in memory.
    #[derive(Default)]
    struct Shelf(Mutex<HashMap<String, Vec<u8>>>);

    impl SecretShelf for Shelf {
        type Problem = Infallible;

        async fn host_secret(&self, name: &str) -> Result<Option<Vec<u8>>, Infallible> {
            Ok(self.0.lock().expect("unpoisoned").get(name).cloned())
        }

        async fn keep_host_secret(
            &self,
            name: &str,
            sealed: Vec<u8>,
        ) -> Result<Vec<u8>, Infallible> {
            Ok(self.0.lock().expect("unpoisoned").entry(name.to_owned()).or_insert(sealed).clone())
        }
    }

    #[tokio::test]
    async fn are_made_once_and_then_stay() {
        let shelf = Shelf::default();
        let key = SealingKey::new(&[7; 32]).expect("a key");
        let now = Timestamp::UNIX_EPOCH;
        let first = HostSecrets::open(&shelf, &key, "Desk", now).await.expect("made");
        let sealed = first.page_key.seal("a list", b"a place").expect("sealed");
        assert_eq!(shelf.0.lock().expect("unpoisoned").len(), 4);
        let second = HostSecrets::open(&shelf, &key, "Desk", now).await.expect("read");
        assert_eq!(first.signing.to_bytes(), second.signing.to_bytes());
        assert_eq!(first.authority.fingerprint(), second.authority.fingerprint());
        assert_eq!(second.page_key.open("a list", &sealed).as_deref(), Ok(b"a place".as_slice()));
        assert_eq!(format!("{first:?}"), "HostSecrets");
    }

    #[tokio::test]
    async fn do_not_open_under_another_key_file() {
        let shelf = Shelf::default();
        let key = |byte| SealingKey::new(&[byte; 32]).expect("a key");
        HostSecrets::open(&shelf, &key(1), "Desk", Timestamp::UNIX_EPOCH).await.expect("made");
        let problem = HostSecrets::open(&shelf, &key(2), "Desk", Timestamp::UNIX_EPOCH).await;
        assert!(matches!(problem, Err(HostSecretsProblem::DoesNotOpen(_))));
    }

    #[tokio::test]
    async fn two_servers_that_start_at_once_agree() {
        let shelf = Shelf::default();
        let key = SealingKey::new(&[7; 32]).expect("a key");
        let first = obtain(&shelf, &key, "x", || Ok(b"first".to_vec())).await.expect("made");
        // The loser made its own, and is told the winner's.
        let sealed = key.seal("x", b"second").expect("sealed");
        let kept = shelf.keep_host_secret("x", sealed).await.expect("kept");
        assert_eq!(key.open("x", &kept), Ok(first));
    }
}
