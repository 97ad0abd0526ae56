//! Which servers this computer has trusted already, and what that means for a profile that it has
//! not seen before.

use std::fs;
use std::io;
use std::path::Path;

use deskbell_proto::manifest::{self, LARGEST, Verified};

use super::{Manifests, NEWEST, Verdict};
use crate::disk;
use crate::state::offer::Before;

/// The manifests that are pinned in a data folder.
#[derive(Debug, Default)]
struct Pins {
    readable: Vec<Verified>,
    /// There are others that cannot be read. A damaged pin is no reason to trust somebody new.
    unreadable: bool,
}

impl Pins {
    fn read(profiles: &Path) -> Self {
        let mut pins = Self::default();
        let entries = match fs::read_dir(profiles) {
            Ok(entries) => entries,
            Err(error) => {
                pins.unreadable = error.kind() != io::ErrorKind::NotFound;
                return pins;
            }
        };
        for entry in entries {
            let Ok(folder) = entry.map(|entry| entry.path()) else {
                pins.unreadable = true;
                continue;
            };
            if !folder.is_dir() {
                continue;
            }
            match disk::read(&folder.join(NEWEST), LARGEST).map(|file| {
                // Without one, nothing of this profile was ever kept.
                file.map(|file| manifest::read(&file))
            }) {
                Ok(None) => {}
                Ok(Some(Ok(verified))) => pins.readable.push(verified),
                Ok(Some(Err(_))) | Err(_) => pins.unreadable = true,
            }
        }
        pins
    }
}

impl Manifests {
    /// What to do about a profile that has no readable pin. The key decides: whoever signs can
    /// choose any profile id.
    pub(super) fn judge_unpinned(&self, verified: Verified) -> Verdict {
        let pins = Pins::read(&self.profiles());
        let is_known = match &self.trusted {
            Some(_) => self.is_named(&verified),
            None => pins.readable.iter().any(|pin| pin.public_key == verified.public_key),
        };
        let trusts_nobody = pins.readable.is_empty() && !pins.unreadable;
        if is_known {
            Verdict::Follows(verified)
        } else if trusts_nobody && self.trusted.is_none() {
            Verdict::First(verified)
        } else {
            Verdict::Stranger(verified)
        }
    }

    /// Whom this copy followed until now, or else this computer; None when it trusted nobody yet.
    pub fn before(&self) -> Option<Before> {
        let pins = Pins::read(&self.profiles());
        if pins.readable.is_empty() && !pins.unreadable {
            return None;
        }
        let mut servers: Vec<String> = match self.last_used_here() {
            Some(last) => vec![last.manifest.server_name],
            None => pins.readable.into_iter().map(|pin| pin.manifest.server_name).collect(),
        };
        servers.sort();
        servers.dedup();
        Some(Before { servers, folder: self.data.display().to_string() })
    }
}
