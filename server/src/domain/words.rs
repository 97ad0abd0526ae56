//! People's words and addresses, kept apart from what the log remembers.
//!
//! The log holds ids, enums and salted digests. The words live in content rows: erasing one deletes
//! words and salt, and the digest that stays behind tells nothing.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};

use super::ids::ContentId;

/// A digest: SHA-256, or the hash of a ticket's secret. Written as hex in stored events.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

/// Random bytes that keep a digest from being guessed.
pub type Salt = [u8; 16];

/// SHA-256 over the parts, one after the other.
pub fn sha256(parts: &[&[u8]]) -> Digest {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.finish().as_ref());
    Digest(bytes)
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 64];
        for (index, byte) in self.0.iter().enumerate() {
            text[index * 2] = HEX[usize::from(byte >> 4)];
            text[index * 2 + 1] = HEX[usize::from(byte & 15)];
        }
        serializer.serialize_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let wrong = || serde::de::Error::custom("a digest is 64 hexadecimal digits");
        if text.len() != 64 || !text.is_ascii() {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).map_err(|_| wrong())?;
        }
        Ok(Digest(bytes))
    }
}

/// Where an entity's words are, and what they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentRef {
    /// The content row.
    pub id: ContentId,
    /// SHA-256 of salt and body.
    pub digest: Digest,
}

/// An entity with its words at hand. Reads like the entity itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry<T, W> {
    /// What the log remembers.
    pub image: T,
    /// What people wrote.
    pub words: W,
}

impl<T, W> Deref for Entry<T, W> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.image
    }
}

impl<T, W> DerefMut for Entry<T, W> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.image
    }
}

/// The row that words go into.
#[derive(Clone, Debug, PartialEq)]
pub struct NewWords {
    /// Keeps the digest from being guessed.
    pub salt: Salt,
    /// The words as JSON.
    pub body: String,
}

/// Words that are ready to be kept: checked, written out and digested, which takes no lock and no
/// database.
#[derive(Clone, Debug)]
pub struct Prepared<W> {
    /// The words.
    pub words: Arc<W>,
    /// The row to be.
    pub row: NewWords,
    /// SHA-256 of salt and body.
    pub digest: Digest,
}

impl<W: Serialize> Prepared<W> {
    /// Prepares words with a salt that nothing else has.
    pub fn new(words: W, salt: Salt) -> Self {
        // Words are plain structs of texts; their serialisation has no way to fail.
        let body = serde_json::to_string(&words).unwrap_or_default();
        let digest = sha256(&[&salt, body.as_bytes()]);
        Prepared { words: Arc::new(words), row: NewWords { salt, body }, digest }
    }

    /// A reference to the row, once it has an id.
    pub fn at(&self, id: ContentId) -> ContentRef {
        ContentRef { id, digest: self.digest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_sixty_four_digits() {
        let digest = sha256(&[b"a", b"bc"]);
        let stored = serde_json::to_string(&digest).expect("plain data");
        assert_eq!(stored, "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"");
        assert_eq!(serde_json::from_str::<Digest>(&stored).expect("was stored"), digest);
        let digits = "0".repeat(63);
        for wrong in
            ["", "00", &digits, &format!("{digits}g"), &format!("{digits}00"), &"\u{e9}".repeat(32)]
        {
            assert!(serde_json::from_str::<Digest>(&format!("\"{wrong}\"")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_digest_tells_nothing_without_its_salt() {
        let [one, other] = [[1; 16], [2; 16]].map(|salt| Prepared::new("Ana", salt));
        assert_ne!(one.digest, other.digest);
        assert_eq!(one.row.body, other.row.body);
        assert_eq!(one.digest, sha256(&[&one.row.salt, one.row.body.as_bytes()]));
    }
}
