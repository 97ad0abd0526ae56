//! Which profile this program shows: finding the manifest, trusting the first one, and from then on
//! refusing what does not follow it.
//!
//! The newest manifest that was ever used is kept in the data folder under its profile. It is the
//! pin: what comes later – from the file beside the program, by drop, or over the wire – must be
//! signed by the same key and not be older. Each place a manifest was used from also remembers its
//! profile, so that a damaged or missing file does not take the helper away.
//!
//! A profile without a pin is free only where nobody was trusted yet, or under a key that was.
//! Otherwise a stranger would need no more than another profile id to take a pinned program over.

mod pins;

use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use deskbell_proto::manifest::{self, LARGEST, Refusal, Verified};
use deskbell_proto::pin::same_fingerprint;
use deskbell_proto::v1::SignedManifest;
use prost::Message as _;

use crate::{disk, texts::Key};

/// The file that pins a profile, in its folder.
const NEWEST: &str = "newest.manifest";

/// The manifests that were used, on disk.
#[derive(Clone, Debug)]
pub struct Manifests {
    data: PathBuf,
    /// Where the manifest of this copy of the program is looked for.
    place: PathBuf,
    /// The fingerprint of the one server that may be trusted without asking, when one was named.
    trusted: Option<String>,
}

/// What there is at the start.
#[derive(Debug, Default)]
pub struct Start {
    /// The profile to show.
    pub used: Option<Verified>,
    /// Why the file at its place is not used, or could not be kept.
    pub trouble: Option<Trouble>,
    /// The file at its place and what it says, when somebody has to be asked before it is used.
    pub offered: Option<(Vec<u8>, Verified)>,
}

/// Why a manifest is not used, or not kept.
#[derive(Debug)]
pub enum Trouble {
    /// It is refused.
    Refused(Refusal),
    /// Its file cannot be read.
    NotRead(io::Error),
    /// It is right, and cannot be kept.
    NotKept(io::Error),
}

impl Trouble {
    /// What to tell the customer; what fills `{reason}` is [`Self::reason`].
    pub fn key(&self) -> Key {
        match self {
            Self::Refused(Refusal::WrongSignature) => Key::ManifestSignature,
            Self::Refused(Refusal::OtherKey) => Key::ManifestOtherSigner,
            Self::Refused(Refusal::Older { .. }) => Key::ManifestOlder,
            Self::Refused(_) => Key::ManifestUnreadable,
            Self::NotRead(_) => Key::ManifestNotRead,
            Self::NotKept(_) => Key::StorageFull,
        }
    }

    /// The system's own words, where there are some.
    pub fn reason(&self) -> String {
        match self {
            Self::Refused(_) => String::new(),
            Self::NotRead(error) | Self::NotKept(error) => error.to_string(),
        }
    }
}

/// What is to be done about a manifest that was found right.
#[derive(Debug)]
pub enum Verdict {
    /// It follows one that is in use, or its server is trusted: no question asked.
    Follows(Verified),
    /// The first of all: somebody has to trust it.
    First(Verified),
    /// Of a server that was never trusted here, while another one was.
    Stranger(Verified),
}

impl Manifests {
    /// Manifests kept in this data folder, for the copy of the program whose own lies at `place`.
    pub fn new(data: PathBuf, place: PathBuf) -> Self {
        Self { data, place, trusted: None }
    }

    /// With the fingerprint of the one server that may be trusted without asking. Nobody else's
    /// new profile is then used unasked, not even the first.
    #[must_use]
    pub fn trusting(self, fingerprint: Option<String>) -> Self {
        Self { trusted: fingerprint, ..self }
    }

    /// Whether the server that signed this is the one that was named, if one was.
    pub fn is_named(&self, verified: &Verified) -> bool {
        self.trusted.as_ref().is_none_or(|named| {
            same_fingerprint(named, &manifest::fingerprint(&verified.public_key))
        })
    }

    /// Where the manifest of this copy of the program is looked for.
    pub fn place(&self) -> &Path {
        &self.place
    }

    fn profiles(&self) -> PathBuf {
        self.data.join("profiles")
    }

    /// The folder of everything that belongs to a profile.
    pub fn folder(&self, profile_id: &str) -> PathBuf {
        self.profiles().join(short_hash(profile_id.as_bytes()))
    }

    /// Finds what to show. A manifest that lies at its place is trusted on first use: whoever
    /// placed it there also placed the program. Once a server was trusted, another one's waits for
    /// the customer, and the last good one stays. An older one than was seen is the usual case
    /// after an update over the wire, and nothing to talk about.
    pub fn at_start(&self) -> Start {
        let last = self.last_used_here();
        let file = match disk::read(&self.place, LARGEST) {
            Ok(None) => return Start { used: last, ..Start::default() },
            Ok(Some(file)) => file,
            Err(error) => {
                let trouble = Some(Trouble::NotRead(error));
                return Start { used: last, trouble, offered: None };
            }
        };
        match self.judge(&file) {
            Ok(Verdict::Stranger(verified)) => {
                Start { used: last, trouble: None, offered: Some((file, verified)) }
            }
            Ok(Verdict::Follows(verified) | Verdict::First(verified)) => {
                // The same revision as came over the wire since: a group may have another name by
                // now.
                let kept = newest(&self.folder(&verified.manifest.profile_id));
                if let Some(kept) =
                    kept.filter(|kept| kept.manifest.revision == verified.manifest.revision)
                {
                    let trouble = self.point_to(&verified).err().map(Trouble::NotKept);
                    return Start { used: Some(kept), trouble, offered: None };
                }
                let trouble = self.keep(&file, &verified).err().map(Trouble::NotKept);
                Start { used: Some(verified), trouble, offered: None }
            }
            Err((refusal, seen)) => {
                let trouble = (!matches!(refusal, Refusal::Older { .. }))
                    .then_some(Trouble::Refused(refusal));
                Start { used: seen.map(|seen| *seen).or(last), trouble, offered: None }
            }
        }
    }

    /// Checks a manifest against what was seen before. A refusal comes with the last good one of
    /// the same profile.
    pub fn judge(&self, file: &[u8]) -> Result<Verdict, (Refusal, Option<Box<Verified>>)> {
        let verified = manifest::read(file).map_err(|refusal| (refusal, None))?;
        match newest(&self.folder(&verified.manifest.profile_id)) {
            None => Ok(self.judge_unpinned(verified)),
            Some(seen) => match verified.may_follow(&seen) {
                Ok(()) => Ok(Verdict::Follows(verified)),
                Err(refusal) => Err((refusal, Some(Box::new(seen)))),
            },
        }
    }

    /// Keeps a manifest that was judged, as the newest of its profile and as the one of this place.
    pub fn keep(&self, file: &[u8], verified: &Verified) -> io::Result<()> {
        let folder = self.folder(&verified.manifest.profile_id);
        disk::make_folder(&folder)?;
        if newest(&folder).as_ref() != Some(verified) {
            disk::write(&folder.join(NEWEST), file)?;
        }
        self.point_to(verified)
    }

    /// Remembers that this copy of the program shows this profile.
    fn point_to(&self, verified: &Verified) -> io::Result<()> {
        let folder = self.folder(&verified.manifest.profile_id);
        let pointer = self.pointer();
        let name =
            folder.file_name().map(|name| name.as_encoded_bytes().to_vec()).unwrap_or_default();
        if disk::read(&pointer, 64).ok().flatten().as_deref() == Some(name.as_slice()) {
            return Ok(());
        }
        disk::make_folder(&self.data.join("places"))?;
        disk::write(&pointer, &name)
    }

    /// Judges and keeps a manifest that came over the wire; it must follow the one in use.
    pub fn follow(&self, signed: &SignedManifest, used: &Verified) -> Result<Verified, Trouble> {
        let verified = Self::newer(signed, used).map_err(Trouble::Refused)?;
        self.keep(&signed.encode_to_vec(), &verified).map_err(Trouble::NotKept)?;
        Ok(verified)
    }

    /// Checks one that came over the wire, without keeping it.
    pub fn newer(signed: &SignedManifest, used: &Verified) -> Result<Verified, Refusal> {
        let verified = manifest::verify(signed)?;
        verified.may_follow(used)?;
        Ok(verified)
    }

    fn last_used_here(&self) -> Option<Verified> {
        let name = String::from_utf8(disk::read(&self.pointer(), 64).ok().flatten()?).ok()?;
        let is_ours = name.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_ours.then(|| newest(&self.profiles().join(name))).flatten()
    }

    fn pointer(&self) -> PathBuf {
        self.data.join("places").join(short_hash(self.place.as_os_str().as_encoded_bytes()))
    }
}

/// The newest manifest that was kept in a profile's folder.
fn newest(folder: &Path) -> Option<Verified> {
    let file = disk::read(&folder.join(NEWEST), LARGEST).ok().flatten()?;
    manifest::read(&file).ok()
}

/// A name for a folder that any id can have: 32 hexadecimal digits.
fn short_hash(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes).as_ref().get(..16).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use deskbell_proto::v1::Manifest;

    use super::*;

    const OURS: [u8; 32] = [7; 32];
    const THEIRS: [u8; 32] = [8; 32];

    struct Copy {
        folder: tempfile::TempDir,
    }

    impl Copy {
        fn new() -> Self {
            Self { folder: tempfile::tempdir().unwrap() }
        }

        fn manifests(&self) -> Manifests {
            Manifests::new(
                self.folder.path().join("data"),
                self.folder.path().join("deskbell.manifest"),
            )
        }

        fn start_with(&self, file: &[u8]) -> Start {
            fs::write(self.folder.path().join("deskbell.manifest"), file).unwrap();
            self.manifests().at_start()
        }
    }

    fn signed(profile: &str, revision: i64, key: &[u8; 32]) -> SignedManifest {
        let manifest = Manifest {
            profile_id: profile.into(),
            revision,
            credential: "c".into(),
            addresses: vec!["https://desk.example".into()],
            ..Manifest::default()
        };
        manifest::sign(&manifest, key).unwrap()
    }

    fn file(profile: &str, revision: i64, key: &[u8; 32]) -> Vec<u8> {
        signed(profile, revision, key).encode_to_vec()
    }

    fn revision(start: &Start) -> Option<i64> {
        start.used.as_ref().map(|used| used.manifest.revision)
    }

    #[test]
    fn nothing_is_nothing() {
        let start = Copy::new().manifests().at_start();
        assert!(start.used.is_none() && start.trouble.is_none());
    }

    #[test]
    fn the_first_is_trusted_and_the_newest_stays() {
        let copy = Copy::new();
        for (given, used) in [(3, 3), (5, 5), (4, 5), (5, 5)] {
            let start = copy.start_with(&file("p", given, &OURS));
            assert_eq!(revision(&start), Some(used));
            assert!(start.trouble.is_none());
        }
    }

    #[test]
    fn what_does_not_follow_is_refused_and_the_last_good_one_stays() {
        let mut tampered = file("p", 9, &OURS);
        let middle = tampered.len() / 2;
        tampered[middle] ^= 1;
        let table = [
            (tampered, Key::ManifestSignature),
            (file("p", 9, &THEIRS), Key::ManifestOtherSigner),
            (b"no manifest".to_vec(), Key::ManifestUnreadable),
            (Vec::new(), Key::ManifestUnreadable),
        ];
        for (bad, key) in table {
            let copy = Copy::new();
            copy.start_with(&file("p", 3, &OURS));
            let start = copy.start_with(&bad);
            assert_eq!(revision(&start), Some(3), "{key:?}");
            let told = start.trouble.unwrap().key();
            assert!(told == key || told == Key::ManifestUnreadable, "{told:?}");
            // And with nothing good before, nothing is used.
            let fresh = Copy::new();
            let start = fresh.start_with(&bad);
            assert_eq!(revision(&start).is_none(), key != Key::ManifestOtherSigner);
        }
    }

    #[test]
    fn a_lost_file_takes_nothing_away() {
        let copy = Copy::new();
        copy.start_with(&file("p", 3, &OURS));
        fs::remove_file(copy.folder.path().join("deskbell.manifest")).unwrap();
        assert_eq!(revision(&copy.manifests().at_start()), Some(3));
    }

    #[test]
    fn another_profile_of_a_trusted_server_is_another_identity() {
        let copy = Copy::new();
        copy.start_with(&file("p", 3, &OURS));
        let start = copy.start_with(&file("q", 1, &OURS));
        assert_eq!(start.used.unwrap().manifest.profile_id, "q");
        assert!(start.offered.is_none() && copy.manifests().before().is_some());
    }

    /// The profiles that are pinned, in whatever place.
    fn pinned(copy: &Copy) -> Vec<bool> {
        ["p", "q"].map(|id| newest(&copy.manifests().folder(id)).is_some()).to_vec()
    }

    #[test]
    fn a_strangers_profile_is_asked_about_and_pins_nothing() {
        let copy = Copy::new();
        copy.start_with(&file("p", 3, &OURS));
        let theirs = file("q", 1, &THEIRS);
        for _ in 0..2 {
            let start = copy.start_with(&theirs);
            assert_eq!(start.used.unwrap().manifest.profile_id, "p", "the last good one stays");
            assert_eq!(start.offered.unwrap().1.manifest.profile_id, "q");
            assert_eq!(pinned(&copy), [true, false]);
        }
        fs::remove_file(copy.folder.path().join("deskbell.manifest")).unwrap();
        assert_eq!(copy.manifests().at_start().used.unwrap().manifest.profile_id, "p");

        // Another copy on the same computer has no last good one, and asks all the same.
        let beside = copy.folder.path().join("beside.manifest");
        fs::write(&beside, &theirs).unwrap();
        let start = Manifests::new(copy.folder.path().join("data"), beside).at_start();
        assert!(start.used.is_none() && start.offered.is_some());

        // Once accepted it is as good as the first.
        let manifests = copy.manifests();
        let Ok(Verdict::Stranger(verified)) = manifests.judge(&theirs) else { panic!() };
        manifests.keep(&theirs, &verified).unwrap();
        let start = copy.start_with(&theirs);
        assert_eq!(start.used.unwrap().manifest.profile_id, "q");
        assert!(start.offered.is_none());
    }

    #[test]
    fn a_damaged_pin_makes_nobody_the_first() {
        for damaged in [b"".as_slice(), b"no manifest", &file("p", 3, &OURS)[..40]] {
            for id in ["p", "q"] {
                let copy = Copy::new();
                copy.start_with(&file("p", 3, &OURS));
                fs::write(copy.manifests().folder("p").join(NEWEST), damaged).unwrap();
                let start = copy.start_with(&file(id, 9, &THEIRS));
                assert!(start.used.is_none() && start.offered.is_some(), "{id}");
                assert!(copy.manifests().before().unwrap().servers.is_empty());
            }
        }
    }

    #[test]
    fn a_named_fingerprint_trusts_that_server_and_no_other() {
        let print = |key| {
            let verified = manifest::read(&file("q", 1, key)).unwrap();
            manifest::fingerprint(&verified.public_key)
        };
        let theirs = print(&THEIRS);
        let spaced = theirs.to_uppercase().replace("SHA256:", "");
        for (pinned_before, named, used) in [
            (true, theirs.clone(), "q"),
            (true, spaced, "q"),
            (true, print(&OURS), "p"),
            (true, String::new(), "p"),
            (false, theirs, "q"),
            (false, print(&OURS), ""),
        ] {
            let copy = Copy::new();
            if pinned_before {
                copy.start_with(&file("p", 3, &OURS));
            }
            fs::write(copy.folder.path().join("deskbell.manifest"), file("q", 1, &THEIRS)).unwrap();
            let start = copy.manifests().trusting(Some(named.clone())).at_start();
            let id = start.used.map(|used| used.manifest.profile_id).unwrap_or_default();
            assert_eq!((id.as_str(), start.offered.is_none()), (used, used == "q"), "{named}");
            assert_eq!(pinned(&copy), [pinned_before, used == "q"]);
        }
        // The same profile under another key stays refused, whoever is named.
        let copy = Copy::new();
        copy.start_with(&file("p", 3, &OURS));
        let refused = copy.manifests().trusting(Some(print(&THEIRS))).judge(&file("p", 9, &THEIRS));
        assert!(matches!(refused, Err((Refusal::OtherKey, Some(_)))));
    }

    #[test]
    fn over_the_wire_only_what_follows() {
        let copy = Copy::new();
        let used = copy.start_with(&file("p", 3, &OURS)).used.unwrap();
        let manifests = copy.manifests();
        for bad in [signed("p", 2, &OURS), signed("p", 4, &THEIRS), signed("q", 4, &OURS)] {
            assert!(manifests.follow(&bad, &used).is_err());
        }
        assert_eq!(manifests.follow(&signed("p", 4, &OURS), &used).unwrap().manifest.revision, 4);
        assert_eq!(revision(&manifests.at_start()), Some(4));
    }
}
