//! A device's token: what a device that signed in before presents with its next attempt, so that
//! strangers who fail in the account's name do not hold it back (OWASP: device cookies).
//!
//! It is kept nowhere: it carries a nonce with a proof that this host made it for the account.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::host::CredentialKey;
use super::tokens::{PROOF_LENGTH, keyed};
use super::{NoRandomness, random_bytes};

/// How many bytes tell a device from others.
const NONCE_LENGTH: usize = 16;

/// A device that signed in to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceToken {
    nonce: [u8; NONCE_LENGTH],
}

impl DeviceToken {
    /// A new device.
    pub fn make() -> Result<Self, NoRandomness> {
        Ok(Self { nonce: random_bytes()? })
    }

    /// The text to hand out to the account with this address, in the form that is compared.
    pub fn reveal(self, key: &CredentialKey, email_key: &str) -> String {
        let mut bytes = self.nonce.to_vec();
        bytes.extend_from_slice(&self.proof(key, email_key));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The device that a text names, if this host handed it out to the account with this address.
    pub fn verify(key: &CredentialKey, email_key: &str, text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (nonce, given) = bytes.split_first_chunk::<NONCE_LENGTH>()?;
        let said = Self { nonce: *nonce };
        let proof = said.proof(key, email_key);
        aws_lc_rs::constant_time::verify_slices_are_equal(given, &proof).ok()?;
        Some(said)
    }

    /// What its failures are counted by. No secret: it proves nothing.
    pub fn name(self) -> String {
        URL_SAFE_NO_PAD.encode(self.nonce)
    }

    fn proof(self, key: &CredentialKey, email_key: &str) -> [u8; PROOF_LENGTH] {
        // The nonce has always the same length, so that no two pairs read the same.
        let rest = [&self.nonce, email_key.as_bytes()].concat();
        keyed(key, b"device token v1\0", &rest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(byte: u8) -> CredentialKey {
        CredentialKey::new(&[byte; 32])
    }

    #[test]
    fn is_one_accounts_at_one_host() {
        let device = DeviceToken::make().expect("made");
        let text = device.reveal(&key(1), "ana@desk.example");
        assert!(text.len() <= 64, "as the contract says");
        assert!(!text.is_empty() && text == device.reveal(&key(1), "ana@desk.example"));
        assert_eq!(DeviceToken::verify(&key(1), "ana@desk.example", &text), Some(device));
        assert_eq!(DeviceToken::verify(&key(2), "ana@desk.example", &text), None);
        for other in ["bo@desk.example", "ana@desk.exampl", ""] {
            assert_eq!(DeviceToken::verify(&key(1), other, &text), None, "{other:?}");
        }
        for wrong in ["", "x", &text[..22], &text[..42], &format!("{text}A"), &device.name()] {
            assert_eq!(DeviceToken::verify(&key(1), "ana@desk.example", wrong), None, "{wrong:?}");
        }
        assert_ne!(device, DeviceToken::make().expect("made"));
    }

    proptest! {
        #[test]
        fn no_token_survives_a_flipped_bit(nonce: [u8; 16], bit in 0_usize..256) {
            let text = DeviceToken { nonce }.reveal(&key(1), "a@b");
            let mut bytes = URL_SAFE_NO_PAD.decode(text).expect("base64");
            bytes[bit / 8] ^= 1 << (bit % 8);
            let text = URL_SAFE_NO_PAD.encode(bytes);
            prop_assert_eq!(DeviceToken::verify(&key(1), "a@b", &text), None);
        }

        #[test]
        fn nothing_presented_panics(text in "(?s).{0,80}") {
            let _ = DeviceToken::verify(&key(1), "a@b", &text);
        }
    }
}
