//! What a customer's program proves itself with about a ticket, and the hash by which the server
//! finds that ticket.

use std::fmt;
use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};

/// Bytes of a secret, and of its hash.
const LENGTH: usize = 32;

/// How many of them tell when the secret was made: milliseconds since 1970, big-endian, as in a
/// UUID of version 7 (RFC 9562).
pub const TIME: usize = 6;

/// Now, as a secret begins with it. A clock before 1970 says 1970.
pub fn now() -> [u8; TIME] {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let mut time = [0; TIME];
    time.copy_from_slice(&now.to_be_bytes()[size_of::<u128>() - TIME..]);
    time
}

/// The secret of a ticket: when it was made, and 26 bytes that nobody can guess. The program that
/// rings makes it, and gives away only its hash.
///
/// The time is there so that what a team's customers ring one after the other lies side by side
/// where it is looked up. Whether it is right does not matter. `Debug` shows nothing of a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct TicketSecret([u8; LENGTH]);

impl fmt::Debug for TicketSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketSecret")
    }
}

impl TicketSecret {
    /// A new one. Fails when the system gives no randomness.
    pub fn make() -> io::Result<Self> {
        let mut bytes = [0; LENGTH];
        aws_lc_rs::rand::fill(&mut bytes)
            .map_err(|_| io::Error::other("the system gives no randomness"))?;
        bytes[..TIME].copy_from_slice(&now());
        Ok(Self(bytes))
    }

    /// One that was kept.
    pub const fn from_bytes(bytes: [u8; LENGTH]) -> Self {
        Self(bytes)
    }

    /// What to keep. Whoever has it is the ticket's customer.
    pub const fn bytes(&self) -> &[u8; LENGTH] {
        &self.0
    }

    /// The one that somebody presents: 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != LENGTH * 2 {
            return None;
        }
        let digit =
            |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let mut bytes = [0; LENGTH];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = (digit(pair[0])? << 4) | digit(pair[1])?;
        }
        Some(Self(bytes))
    }

    /// The text to present.
    pub fn reveal(&self) -> String {
        hex::encode(self.0)
    }

    /// What the server keeps, and finds the ticket by: when the secret was made, as in the secret
    /// itself, then the first 26 bytes of the SHA-256 of the whole secret.
    pub fn hash(&self) -> [u8; LENGTH] {
        let mut hash = self.0;
        hash[TIME..].copy_from_slice(&digest(&SHA256, &self.0).as_ref()[..LENGTH - TIME]);
        hash
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn secrets_differ_and_come_back() {
        let secret = TicketSecret::make().unwrap();
        assert_ne!(secret, TicketSecret::make().unwrap());
        assert_eq!(TicketSecret::parse(&secret.reveal()), Some(secret.clone()));
        assert_eq!(TicketSecret::parse(&secret.reveal().to_uppercase()), Some(secret.clone()));
        assert_eq!(TicketSecret::from_bytes(*secret.bytes()), secret);
        assert_eq!(format!("{secret:?}"), "TicketSecret");
    }

    #[test]
    fn hashes_follow_each_other_as_their_secrets_were_made() {
        let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let hash = TicketSecret::make().unwrap().hash();
        let after = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let made = hash[..6].iter().fold(0, |time, byte| time << 8 | u128::from(*byte));
        assert!((before..=after).contains(&made), "{before} {made} {after}");
    }

    #[test]
    fn the_hash_tells_nothing_of_the_secret_but_its_time() {
        let secret = TicketSecret::from_bytes([0; 32]);
        // SHA-256 of 32 bytes of zero, as sha256sum tells it.
        let known = "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a";
        assert_eq!(hex::encode(secret.hash()), format!("000000000000{known}"));
        let other = TicketSecret::from_bytes([0xff; 32]);
        assert_eq!(other.hash()[..6], [0xff; 6]);
        assert_ne!(other.hash()[6..], secret.hash()[6..]);
    }

    #[test]
    fn what_is_no_secret_is_none() {
        for wrong in [
            "",
            "00",
            &"0".repeat(63),
            &"0g".repeat(32),
            &"é".repeat(32),
            &"+1".repeat(32),
            &"0".repeat(65),
        ] {
            assert_eq!(TicketSecret::parse(wrong), None, "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_presented_panics(text in "(?s).{0,80}") {
            let _ = TicketSecret::parse(&text);
        }
    }
}
