//! One-time codes that people pass on to each other: short, easy to read out, forgiving to type.
//!
//! A code has 10 characters of Crockford's base 32 (50 bits), in two groups. Guessing is throttled
//! where codes are redeemed. The server keeps only a keyed hash, so that a stolen database tells no
//! codes.

use aws_lc_rs::hmac;

use super::host::CredentialKey;
use super::{NoRandomness, random_bytes};

/// Crockford's base 32: no I, L, O, U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// How many characters a code has, dashes apart.
const LENGTH: usize = 10;

/// The code of one request of a team about one address, e.g. `7K3QX-0M9TD`. A repeated request gets
/// the same code.
pub fn code_for_request(
    key: &CredentialKey,
    team: i64,
    request_id: &str,
    email_key: &str,
) -> String {
    write(&keyed(key, b"code", &[&team.to_be_bytes(), request_id.as_bytes(), email_key.as_bytes()]))
}

/// A code that no request determines.
pub fn random_code() -> Result<String, NoRandomness> {
    Ok(write(&random_bytes()?))
}

/// What the server keeps of a code and looks it up by, for one address. `None` when nothing like a
/// code was typed. Forgives case, dashes, blanks, O for 0 and I or L for 1.
pub fn code_hash(key: &CredentialKey, email_key: &str, typed: &str) -> Option<[u8; 32]> {
    let code = read(typed)?;
    Some(keyed(key, b"code hash", &[email_key.as_bytes(), &code]))
}

fn write(bytes: &[u8; 32]) -> String {
    let mut code: String = bytes
        .iter()
        .take(LENGTH)
        .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]))
        .collect();
    code.insert(LENGTH / 2, '-');
    code
}

/// The characters of a code as the alphabet has them.
fn read(typed: &str) -> Option<[u8; LENGTH]> {
    let mut code = [0; LENGTH];
    let mut places = code.iter_mut();
    for c in typed.chars().filter(|c| !c.is_whitespace() && *c != '-') {
        let c = match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            c => c,
        };
        let c = u8::try_from(c).ok().filter(|c| ALPHABET.contains(c))?;
        *places.next()? = c;
    }
    places.next().is_none().then_some(code)
}

/// HMAC-SHA-256 over a purpose and parts, each with its length before it.
pub(super) fn keyed(key: &CredentialKey, purpose: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(&key.0);
    for part in std::iter::once(&purpose).chain(parts) {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut tag = [0; 32];
    tag.copy_from_slice(context.sign().as_ref());
    tag
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> CredentialKey {
        CredentialKey::new(&[1; 32])
    }

    #[test]
    fn a_repeated_request_gets_the_same_code_and_no_other_does() {
        let code = code_for_request(&key(), 1, "request-1", "ana@example.org");
        assert_eq!(code, code_for_request(&key(), 1, "request-1", "ana@example.org"));
        assert_eq!(code.len(), LENGTH + 1);
        for other in [
            code_for_request(&key(), 2, "request-1", "ana@example.org"),
            code_for_request(&key(), 1, "request-2", "ana@example.org"),
            code_for_request(&key(), 1, "request-1a", "na@example.org"),
            code_for_request(&CredentialKey::new(&[2; 32]), 1, "request-1", "ana@example.org"),
            random_code().expect("made"),
        ] {
            assert_ne!(code, other);
        }
    }

    #[test]
    fn typing_is_forgiven() {
        let hash = |typed| code_hash(&key(), "ana@example.org", typed);
        let right = hash("01ABC-10XYZ");
        assert!(right.is_some());
        for typed in
            ["01abc10xyz", " oiabc-loxyz ", "0LABC-IOXYZ", "01-AB-C1-0X-YZ", "01ABC 10XYZ\n"]
        {
            assert_eq!(hash(typed), right, "{typed:?}");
        }
        assert_ne!(hash("01ABC-10XYY"), right);
        assert_ne!(code_hash(&key(), "eva@example.org", "01ABC-10XYZ"), right);
        for typed in ["", "01ABC-10XY", "01ABC-10XYZZ", "01ABC-10XYU", "01ABC-10XYé", "01ABC_10XYZ"]
        {
            assert_eq!(hash(typed), None, "{typed:?}");
        }
    }

    proptest! {
        #[test]
        fn every_code_made_can_be_typed(team: i64, request in "[a-z0-9-]{8,64}") {
            let code = code_for_request(&key(), team, &request, "ana@example.org");
            let hash = code_hash(&key(), "ana@example.org", &code);
            prop_assert!(hash.is_some());
            prop_assert_eq!(code_hash(&key(), "ana@example.org", &code.to_lowercase()), hash);
        }

        #[test]
        fn nothing_typed_panics(typed in "(?s).{0,30}") {
            let _ = code_hash(&key(), "ana@example.org", &typed);
        }
    }
}
