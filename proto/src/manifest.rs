//! Manifests: what makes an unchanged program somebody's branded widget. Signed by the server,
//! checked by everybody.
//!
//! The signature is Ed25519 over the ASCII text "deskbell manifest v1", one zero byte, and the
//! encoded manifest, checked strictly. It proves who made the manifest, not that they should be
//! trusted: the first one is trusted on use, and from then on [`Verified::may_follow`] decides.

use std::fmt;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use prost::Message as _;

use crate::v1::{Manifest, SignedManifest};

/// The largest file `deskbell.manifest` that is read, in bytes.
pub const LARGEST: usize = 1024 * 1024;
/// The name of the file beside the program.
pub const FILE_NAME: &str = "deskbell.manifest";
const CONTEXT: &[u8] = b"deskbell manifest v1\0";

/// A manifest whose signature was found right.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    /// What it says.
    pub manifest: Manifest,
    /// The key that signed it.
    pub public_key: [u8; 32],
}

/// Why a manifest is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Larger than [`LARGEST`].
    TooLarge {
        /// Its size in bytes.
        bytes: usize,
    },
    /// Not a manifest file at all.
    NotAManifest,
    /// The key is not an Ed25519 public key.
    UnusableKey,
    /// The signature is not right for key and content.
    WrongSignature,
    /// The signature is right, but something is missing.
    Incomplete {
        /// The field.
        field: &'static str,
    },
    /// Signed by another server than the last one.
    OtherKey,
    /// Of another profile than the last one.
    OtherProfile,
    /// Older than one already seen.
    Older {
        /// Its revision.
        revision: i64,
        /// The newest one seen.
        seen: i64,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { bytes } => write!(
                f,
                "The manifest is too large: {bytes} bytes, at \
                most {LARGEST}."
            ),
            Self::NotAManifest => f.write_str(
                "The file is not a Deskbell manifest, or it is \
                damaged. Get it again from whoever gave you the program.",
            ),
            Self::UnusableKey => f.write_str(
                "The manifest's key is not usable. Get it again from \
                whoever gave you the program.",
            ),
            Self::WrongSignature => f.write_str(
                "The manifest was changed after it was signed. Do not use it; get it \
                    again from whoever gave you the program.",
            ),
            Self::Incomplete { field } => write!(
                f,
                "The manifest lacks its {field}. Get it again \
                from whoever gave you the program."
            ),
            Self::OtherKey => f.write_str(
                "The manifest is signed by another server than before. \
                The one in use stays; ask whoever gave you the program.",
            ),
            Self::OtherProfile => f.write_str(
                "The manifest is for another profile. The one in \
                use stays.",
            ),
            Self::Older { revision, seen } => {
                write!(
                    f,
                    "The manifest is older (revision {revision}) than one already used \
                    (revision {seen}). The newer one stays."
                )
            }
        }
    }
}

impl std::error::Error for Refusal {}

/// Signs a manifest with the server's key, given as its 32-byte seed.
pub fn sign(manifest: &Manifest, seed: &[u8; 32]) -> Result<SignedManifest, Refusal> {
    let key = SigningKey::from_bytes(seed);
    let bytes = manifest.encode_to_vec();
    let signature = key.sign(&signed_bytes(&bytes));
    let signed = SignedManifest {
        manifest: bytes,
        public_key: key.verifying_key().to_bytes().to_vec(),
        signature: signature.to_bytes().to_vec(),
    };
    match signed.encoded_len() {
        bytes if bytes > LARGEST => Err(Refusal::TooLarge { bytes }),
        _ => Ok(signed),
    }
}

/// Checks a manifest's size, signature and completeness.
pub fn verify(signed: &SignedManifest) -> Result<Verified, Refusal> {
    let bytes = signed.encoded_len();
    if bytes > LARGEST {
        return Err(Refusal::TooLarge { bytes });
    }
    let public_key: [u8; 32] =
        signed.public_key.as_slice().try_into().map_err(|_| Refusal::UnusableKey)?;
    let key = VerifyingKey::from_bytes(&public_key).map_err(|_| Refusal::UnusableKey)?;
    let signature =
        Signature::from_slice(&signed.signature).map_err(|_| Refusal::WrongSignature)?;
    key.verify_strict(&signed_bytes(&signed.manifest), &signature)
        .map_err(|_| Refusal::WrongSignature)?;
    let manifest =
        Manifest::decode(signed.manifest.as_slice()).map_err(|_| Refusal::NotAManifest)?;
    let missing = [
        (manifest.profile_id.is_empty(), "profile"),
        (manifest.revision < 1, "revision"),
        (manifest.credential.is_empty(), "credential"),
        (manifest.addresses.is_empty(), "server address"),
    ];
    match missing.iter().find(|(missing, _)| *missing) {
        Some((_, field)) => Err(Refusal::Incomplete { field }),
        None => Ok(Verified { manifest, public_key }),
    }
}

/// Checks the content of a file `deskbell.manifest`.
pub fn read(file: &[u8]) -> Result<Verified, Refusal> {
    if file.len() > LARGEST {
        return Err(Refusal::TooLarge { bytes: file.len() });
    }
    verify(&SignedManifest::decode(file).map_err(|_| Refusal::NotAManifest)?)
}

/// The fingerprint of a signing key, for people to compare: "sha256:" and the lower-case hex of its
/// SHA-256.
pub fn fingerprint(public_key: &[u8]) -> String {
    crate::sha256_fingerprint(public_key)
}

impl Verified {
    /// Whether this manifest may take the place of one that was used before: same key, same
    /// profile, not older.
    pub fn may_follow(&self, last: &Self) -> Result<(), Refusal> {
        if self.manifest.profile_id != last.manifest.profile_id {
            Err(Refusal::OtherProfile)
        } else if self.public_key != last.public_key {
            Err(Refusal::OtherKey)
        } else if self.manifest.revision < last.manifest.revision {
            Err(Refusal::Older { revision: self.manifest.revision, seen: last.manifest.revision })
        } else {
            Ok(())
        }
    }
}

fn signed_bytes(manifest: &[u8]) -> Vec<u8> {
    [CONTEXT, manifest].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: [u8; 32] = [7; 32];

    fn manifest(revision: i64) -> Manifest {
        Manifest {
            profile_id: "p".to_owned(),
            revision,
            credential: "c".to_owned(),
            addresses: vec!["https://desk.example:7443".to_owned()],
            ..Default::default()
        }
    }

    #[test]
    fn what_was_signed_is_read() {
        let signed = sign(&manifest(3), &SEED).unwrap();
        let verified = read(&signed.encode_to_vec()).unwrap();
        assert_eq!(verified.manifest, manifest(3));
        assert_eq!(verified.public_key.as_slice(), signed.public_key);
        assert!(fingerprint(&verified.public_key).starts_with("sha256:"));
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        let signed = sign(&manifest(3), &SEED).unwrap();
        let file = signed.encode_to_vec();
        for at in 0..file.len() {
            let mut tampered = file.clone();
            tampered[at] ^= 1;
            assert!(read(&tampered).is_err(), "byte {at}");
        }
        for length in 0..file.len() {
            assert!(read(&file[..length]).is_err(), "cut at {length}");
        }
    }

    #[test]
    fn the_signature_is_of_the_stated_bytes() {
        let signed = sign(&manifest(3), &SEED).unwrap();
        let bare = SigningKey::from_bytes(&SEED).sign(&signed.manifest);
        assert_eq!(
            verify(&SignedManifest { signature: bare.to_bytes().to_vec(), ..signed.clone() }),
            Err(Refusal::WrongSignature)
        );
        // The identity point as a key would accept forged signatures if checking were not strict.
        let mut weak = vec![0; 32];
        weak[0] = 1;
        let mut zero = weak.clone();
        zero.extend([0; 32]);
        assert!(verify(&SignedManifest { public_key: weak, signature: zero, ..signed }).is_err());
    }

    #[test]
    fn too_large_and_incomplete_ones_are_refused() {
        let large = Manifest { server_name: "x".repeat(LARGEST), ..manifest(1) };
        assert!(matches!(sign(&large, &SEED), Err(Refusal::TooLarge { .. })));
        assert!(matches!(read(&vec![0; LARGEST + 1]), Err(Refusal::TooLarge { .. })));
        let signed = sign(&Manifest { addresses: vec![], ..manifest(1) }, &SEED).unwrap();
        assert_eq!(verify(&signed), Err(Refusal::Incomplete { field: "server address" }));
    }

    #[test]
    fn only_a_newer_one_of_the_same_server_and_profile_follows() {
        let seen = |manifest: &Manifest, seed| verify(&sign(manifest, seed).unwrap()).unwrap();
        let last = seen(&manifest(3), &SEED);
        assert_eq!(seen(&manifest(4), &SEED).may_follow(&last), Ok(()));
        assert_eq!(seen(&manifest(3), &SEED).may_follow(&last), Ok(()));
        assert_eq!(
            seen(&manifest(2), &SEED).may_follow(&last),
            Err(Refusal::Older { revision: 2, seen: 3 })
        );
        assert_eq!(seen(&manifest(4), &[8; 32]).may_follow(&last), Err(Refusal::OtherKey));
        let other = Manifest { profile_id: "q".to_owned(), ..manifest(4) };
        assert_eq!(seen(&other, &SEED).may_follow(&last), Err(Refusal::OtherProfile));
    }
}
