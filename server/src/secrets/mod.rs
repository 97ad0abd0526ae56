//! What nobody but this host may know: the key file, secrets kept encrypted in the database,
//! passwords, tokens and codes.
//!
//! Nothing here is ever logged: types that hold a secret show only their name when debugged. Knows
//! no SQL, no protobuf and no rules; the store keeps sealed bytes through [`host::SecretShelf`].

pub mod authority;
pub mod codes;
pub mod device;
pub mod host;
pub mod key_file;
pub mod marks;
pub mod passwords;
pub mod sealed;
pub mod tokens;

pub use authority::Authority;
pub use codes::{code_for_request, code_hash, random_code};
pub use device::DeviceToken;
pub use host::{CredentialKey, HostSecrets, HostSecretsProblem, SecretShelf};
pub use marks::{request_mark, throttle_mark};
pub use passwords::{HashingProblem, Passwords, UnfitPassword, check as check_password};
pub use tokens::{ProfileCredential, SessionToken, is_request_id};

/// The system's source of randomness failed. Nothing secret can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRandomness;

impl std::fmt::Display for NoRandomness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the system's source of randomness failed")
    }
}

impl std::error::Error for NoRandomness {}

/// `N` bytes that nobody can guess.
#[expect(clippy::disallowed_methods, reason = "everybody else gets their bytes here")]
pub fn random_bytes<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

/// SHA-256 of some bytes.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref());
    hash
}
