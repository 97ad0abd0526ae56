//! What callers present to show who they are: session tokens, profile credentials – and request
//! ids. Ticket secrets are the contract's ([`deskbell_proto::ticket_secret`]), since the widget
//! makes them.
//!
//! A session token is random and only its hash is kept. A profile credential is kept nowhere: it
//! carries its team and profile with a proof that this host made it. So does a device's token: see
//! [`super::device`].

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::host::CredentialKey;
use super::{NoRandomness, random_bytes, sha256};

/// A session's token: 32 random bytes. Its owner keeps it, the server only its hash.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionToken([u8; 32]);

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken")
    }
}

impl SessionToken {
    /// A new token.
    pub fn make() -> Result<Self, NoRandomness> {
        random_bytes().map(Self)
    }

    /// The token that somebody presents, if it can be one.
    pub fn parse(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }

    /// The text to hand out, once.
    pub fn reveal(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// SHA-256 of the token: what the server keeps and looks it up by.
    pub fn hash(&self) -> [u8; 32] {
        sha256(&self.0)
    }
}

/// How many bytes of the proof a profile credential carries.
pub(super) const PROOF_LENGTH: usize = 16;

/// What a genuine profile credential says. Whether the profile still exists is another question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProfileCredential {
    /// The team's id in the store.
    pub team: i64,
    /// The profile's id in the store.
    pub profile: i64,
}

impl ProfileCredential {
    /// The credential's text, for the profile's manifest: base64url of both ids and the proof.
    /// Always the same for a profile.
    pub fn make(self, key: &CredentialKey) -> String {
        let ids = self.ids();
        let mut bytes = ids.to_vec();
        bytes.extend_from_slice(&proof(key, &ids));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What a credential says, if this host made it.
    pub fn verify(key: &CredentialKey, text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (team, rest) = bytes.split_first_chunk::<8>()?;
        let (profile, given) = rest.split_first_chunk::<8>()?;
        let said = Self { team: i64::from_be_bytes(*team), profile: i64::from_be_bytes(*profile) };
        aws_lc_rs::constant_time::verify_slices_are_equal(given, &proof(key, &said.ids())).ok()?;
        Some(said)
    }

    fn ids(self) -> [u8; 16] {
        let mut ids = [0; 16];
        ids[..8].copy_from_slice(&self.team.to_be_bytes());
        ids[8..].copy_from_slice(&self.profile.to_be_bytes());
        ids
    }
}

fn proof(key: &CredentialKey, ids: &[u8; 16]) -> [u8; PROOF_LENGTH] {
    keyed(key, b"profile credential v1\0", ids)
}

/// The beginning of HMAC-SHA-256 over a purpose and what follows it.
pub(super) fn keyed(key: &CredentialKey, purpose: &[u8], rest: &[u8]) -> [u8; PROOF_LENGTH] {
    let message = [purpose, rest].concat();
    let mut proof = [0; PROOF_LENGTH];
    proof.copy_from_slice(&hmac::sign(&key.0, &message).as_ref()[..PROOF_LENGTH]);
    proof
}

/// Whether a request id is 8 to 64 visible ASCII characters.
pub fn is_request_id(text: &str) -> bool {
    (8..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(byte: u8) -> CredentialKey {
        CredentialKey::new(&[byte; 32])
    }

    #[test]
    fn session_tokens_come_back_and_differ() {
        let token = SessionToken::make().expect("made");
        let text = token.reveal();
        assert_eq!(text.len(), 43);
        assert_eq!(SessionToken::parse(&text).map(|t| t.hash()), Some(token.hash()));
        assert_ne!(token, SessionToken::make().expect("made"));
        assert_eq!(format!("{token:?}"), "SessionToken");
        for wrong in ["", "AAAA", &text[1..], &format!("{text}A"), &format!("{text}=")] {
            assert_eq!(SessionToken::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn profile_credentials_are_this_hosts_only() {
        let said = ProfileCredential { team: 3, profile: 9 };
        let text = said.make(&key(1));
        assert_eq!(text, said.make(&key(1)));
        assert_eq!(ProfileCredential::verify(&key(1), &text), Some(said));
        assert_eq!(ProfileCredential::verify(&key(2), &text), None);
        for wrong in ["", "x", &text[..42], &format!("{text}A")] {
            assert_eq!(ProfileCredential::verify(&key(1), wrong), None, "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn no_credential_survives_a_flipped_bit(team: i64, profile: i64, bit in 0_usize..256) {
            let said = ProfileCredential { team, profile };
            let text = said.make(&key(1));
            prop_assert_eq!(ProfileCredential::verify(&key(1), &text), Some(said));
            let mut bytes = URL_SAFE_NO_PAD.decode(text).expect("base64");
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(ProfileCredential::verify(&key(1), &URL_SAFE_NO_PAD.encode(bytes)), None);
        }

        #[test]
        fn nothing_presented_panics(text in "(?s).{0,80}") {
            let _ = SessionToken::parse(&text);
            let _ = ProfileCredential::verify(&key(1), &text);
        }
    }

    #[test]
    fn request_ids_table() {
        let long = "x".repeat(64);
        for right in ["12345678", "0198c5c0-7b1e-7000-8000-000000000000", "!~abcdef", &long] {
            assert!(is_request_id(right), "{right:?}");
        }
        for wrong in ["", "1234567", "1234 5678", "1234567\n", "12345678é", &"x".repeat(65)] {
            assert!(!is_request_id(wrong), "{wrong:?}");
        }
    }
}
