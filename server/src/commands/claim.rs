//! The claim on an embedded database: one server works on a file at a time. Two could both write,
//! but people who watch on one would not hear what changes on the other.
//!
//! The claim is a lock on a file beside the database, which the system lets go of when the process
//! ends, however it ends. That file stays; only its lock says anything. A lock on the database file
//! itself would cost SQLite its own: a process loses all locks of that kind on a file when it
//! closes any handle to it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use jiff::Unit;

use super::failure::Failure;
use crate::clock;

/// As much of the file is read to tell who has the claim, in bytes.
const LONGEST: u64 = 200;

/// A claim on a database file, until it is dropped.
pub(super) struct Claim {
    _locked: File,
}

impl Claim {
    /// Claims the file of an embedded database, which must be there, for `what` (a command's name).
    /// None: a database that servers may share.
    pub(super) fn lay(database: &str, what: &str) -> Result<Option<Self>, Failure> {
        let Some(file) = database.strip_prefix("sqlite:") else { return Ok(None) };
        let beside = beside(Path::new(file)).map_err(|error| {
            Failure::failed(format!("the database {file} cannot be found: {error}"))
        })?;
        let failed = |error: io::Error| {
            Failure::failed(format!(
                "the file {} cannot be made, opened or locked: {error}; it keeps a second server \
                 from the database, so its \
                 folder must be there and writable",
                beside.display()
            ))
        };
        let mut locked = open(&beside).map_err(failed)?;
        give_to_owner(&locked, Path::new(file));
        match locked.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(taken(file, &mut locked)),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let now = clock::timestamp();
        let since = now.round(Unit::Second).unwrap_or(now);
        let written = locked.set_len(0).and_then(|()| {
            writeln!(locked, "{what}, process {}, since {since}", std::process::id())
        });
        written.map_err(failed)?;
        Ok(Some(Self { _locked: locked }))
    }
}

/// Beside the database itself, so that two names of one file are one claim.
fn beside(file: &Path) -> io::Result<PathBuf> {
    let mut beside = fs::canonicalize(file)?.into_os_string();
    beside.push("-serving");
    Ok(beside.into())
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.read(true).write(true).create(true).truncate(false).open(path)
}

/// What root makes beside a database shall not keep the database's owner out, as it is with
/// SQLite's own files.
fn give_to_owner(locked: &File, database: &Path) {
    #[cfg(unix)]
    if let Ok(owner) = fs::metadata(database) {
        use std::os::unix::fs::MetadataExt as _;
        // Only root can, and only for root it matters.
        let _ = std::os::unix::fs::fchown(locked, Some(owner.uid()), Some(owner.gid()));
    }
    #[cfg(not(unix))]
    let _ = (locked, database);
}

fn taken(file: &str, locked: &mut File) -> Failure {
    let mut text = String::new();
    // Who it is helps, but is no reason to fail: on some systems nobody else reads a locked file.
    let read = locked.rewind().and_then(|()| locked.take(LONGEST).read_to_string(&mut text));
    let who: String =
        text.lines().next().unwrap_or_default().chars().filter(|it| !it.is_control()).collect();
    let who = if read.is_err() || who.is_empty() {
        "another program of Deskbell".to_owned()
    } else {
        who
    };
    Failure::failed(format!(
        "the database {file} is in use by {who}: stop that one first, or name another database. \
         Servers that work side by \
         side share one PostgreSQL"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(folder: &Path) -> String {
        let file = folder.join("desk.db");
        fs::write(&file, "").expect("a file");
        format!("sqlite:{}", file.display())
    }

    fn refusal(database: &str) -> String {
        Claim::lay(database, "copy").err().expect("refused").sentence
    }

    #[test]
    fn one_has_it_at_a_time_and_the_others_learn_who() {
        let folder = tempfile::tempdir().expect("a folder");
        let database = database(folder.path());
        let claim = Claim::lay(&database, "serve").expect("free").expect("a file's");
        let refused = refusal(&database);
        let who = format!("in use by serve, process {}, since 2", std::process::id());
        assert!(refused.contains(&who), "{refused}");
        assert!(
            refused.contains(&folder.path().join("desk.db").display().to_string()),
            "{refused}"
        );
        drop(claim);
        let again = Claim::lay(&database, "copy").expect("free again");
        assert!(
            refusal(&database).contains("in use by copy, process"),
            "the newest says who it is"
        );
        drop(again);
    }

    #[cfg(unix)]
    #[test]
    fn two_names_of_a_file_are_one_claim() {
        let folder = tempfile::tempdir().expect("a folder");
        let database = database(folder.path());
        let other = folder.path().join("other.db");
        std::os::unix::fs::symlink(folder.path().join("desk.db"), &other).expect("a link");
        let _claim = Claim::lay(&database, "serve").expect("free");
        assert!(refusal(&format!("sqlite:{}", other.display())).contains("in use by serve"));
    }

    #[cfg(unix)]
    #[test]
    fn it_is_the_databases_owners_alone() {
        use std::os::unix::fs::MetadataExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let database = database(folder.path());
        let file = folder.path().join("desk.db");
        // Root can give the database to somebody else first.
        let _ = std::os::unix::fs::chown(&file, Some(12_345), Some(12_345));
        let _claim = Claim::lay(&database, "serve").expect("free");
        let (of, beside) = (
            fs::metadata(file).expect("there"),
            fs::metadata(folder.path().join("desk.db-serving")),
        );
        let beside = beside.expect("there");
        assert_eq!((beside.uid(), beside.gid(), beside.mode() & 0o077), (of.uid(), of.gid(), 0));
    }

    #[test]
    fn what_cannot_be_locked_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let database = database(folder.path());
        let beside = folder.path().join("desk.db-serving");
        fs::create_dir(&beside).expect("something in the way");
        let refused = refusal(&database);
        assert!(
            refused.contains(&beside.display().to_string()) && refused.contains("writable"),
            "{refused}"
        );
        assert!(refusal("sqlite:/nowhere/desk.db").contains("/nowhere/desk.db"));
        assert!(Claim::lay("postgres://desk@db/desk", "serve").expect("shared").is_none());
    }
}
