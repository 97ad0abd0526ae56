//! Marks: keyed digests for rows that must be found again and outlive what they were made from, or
//! tell more than they should. Who has the database alone can confirm no guess by them.

use super::codes::keyed;
use super::host::CredentialKey;

/// What a request is recognised by when it is repeated, from the digest of its call and body.
pub fn request_mark(key: &CredentialKey, fingerprint: &[u8; 32]) -> [u8; 32] {
    keyed(key, b"request", &[fingerprint])
}

/// What failures to sign in are counted under.
pub fn throttle_mark(key: &CredentialKey, subject: &[&str]) -> String {
    let parts: Vec<_> = subject.iter().map(|part| part.as_bytes()).collect();
    hex::encode(keyed(key, b"throttle", &parts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::sha256;

    #[test]
    fn a_mark_is_the_same_again_and_nothing_without_the_key() {
        let (key, other) = (CredentialKey::new(&[1; 32]), CredentialKey::new(&[2; 32]));
        let print = sha256(b"WriteMessage\0It is broken.");
        let mark = request_mark(&key, &print);
        assert_eq!(mark, request_mark(&key, &print));
        for confirmed in [print, sha256(&print), request_mark(&other, &print)] {
            assert_ne!(mark, confirmed);
        }
        assert_ne!(mark, request_mark(&key, &sha256(b"WriteMessage\0It works.")));

        let subject = ["account", "ana@example.org"];
        let mark = throttle_mark(&key, &subject);
        assert_eq!(mark, throttle_mark(&key, &subject));
        assert!(!mark.contains("ana"), "{mark}");
        for different in [
            throttle_mark(&other, &subject),
            throttle_mark(&key, &["account", "eva@example.org"]),
            throttle_mark(&key, &["accountana@example.org"]),
        ] {
            assert_ne!(mark, different);
        }
    }
}
