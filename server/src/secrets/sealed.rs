//! Encrypting what the database keeps for this host.
//!
//! AES-256-GCM with a random nonce in front. The secret's name is authenticated too, so that sealed
//! bytes moved to another name do not open.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};

/// The length of a sealing key, in bytes.
pub const KEY_LENGTH: usize = 32;

/// The key that host secrets are encrypted under: the content of the key file.
pub struct SealingKey(RandomizedNonceKey);

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey")
    }
}

/// Sealed bytes that do not open: made under another key or another name, or damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoesNotOpen {
    /// The secret's name.
    pub name: String,
}

impl fmt::Display for DoesNotOpen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the secret \"{}\" in the database was not made under this key file, or is damaged",
            self.name
        )
    }
}

impl std::error::Error for DoesNotOpen {}

impl SealingKey {
    /// The key with these bytes.
    pub fn new(bytes: &[u8; KEY_LENGTH]) -> Option<Self> {
        RandomizedNonceKey::new(&AES_256_GCM, bytes).ok().map(Self)
    }

    /// Encrypts a secret under a name. `None` when the system has no randomness.
    pub fn seal(&self, name: &str, secret: &[u8]) -> Option<Vec<u8>> {
        let mut text = secret.to_vec();
        let nonce = self.0.seal_in_place_append_tag(Aad::from(name), &mut text).ok()?;
        let mut sealed = nonce.as_ref().to_vec();
        sealed.append(&mut text);
        Some(sealed)
    }

    /// The secret that was sealed under a name.
    pub fn open(&self, name: &str, sealed: &[u8]) -> Result<Vec<u8>, DoesNotOpen> {
        let does_not_open = || DoesNotOpen { name: name.to_owned() };
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN).ok_or_else(does_not_open)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| does_not_open())?;
        let mut text = text.to_vec();
        let secret =
            self.0.open_in_place(nonce, Aad::from(name), &mut text).map_err(|_| does_not_open())?;
        Ok(secret.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> SealingKey {
        SealingKey::new(&[byte; KEY_LENGTH]).expect("a key of the right length")
    }

    #[test]
    fn opens_under_the_same_key_and_name_only() {
        let sealed = key(1).seal("signing", b"secret").expect("sealed");
        assert_eq!(key(1).open("signing", &sealed).as_deref(), Ok(b"secret".as_slice()));
        assert!(key(2).open("signing", &sealed).is_err());
        assert!(key(1).open("credential", &sealed).is_err());
        assert!(key(1).open("signing", &sealed[..8]).is_err());
        assert!(key(1).open("signing", &[]).is_err());
        let mut damaged = sealed.clone();
        damaged[NONCE_LEN] ^= 1;
        assert!(key(1).open("signing", &damaged).is_err());
    }

    #[test]
    fn never_seals_twice_alike_and_never_shows_itself() {
        let key = key(1);
        assert_ne!(key.seal("a", b"x"), key.seal("a", b"x"));
        assert_eq!(format!("{key:?}"), "SealingKey");
    }
}
