//! The key file: 32 random bytes as base64 in a file that only the server's user reads.
//!
//! It is made once, before the database holds anything encrypted. Losing it later must not go
//! unnoticed: a new key would quietly make another server out of this one, and every widget would
//! refuse it. So the server does not start without it.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::random_bytes;
use super::sealed::{KEY_LENGTH, SealingKey};

/// Why there is no key.
#[derive(Debug)]
pub enum KeyFileProblem {
    /// The database holds encrypted secrets, and the file that opens them is not there.
    Missing(PathBuf),
    /// The file is not 32 bytes in base64.
    Malformed(PathBuf),
    /// Others on this machine can read the file.
    Exposed(PathBuf),
    /// The file can be neither read nor made.
    Io(PathBuf, io::Error),
}

impl fmt::Display for KeyFileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(path) => write!(
                f,
                "the key file {} is missing, and the database holds secrets encrypted under it: \
                 put the file back \
                 from a backup or from another server of this database",
                path.display()
            ),
            Self::Malformed(path) => {
                write!(
                    f,
                    "the key file {} is not 32 bytes in base64: put the right one back",
                    path.display()
                )
            }
            Self::Exposed(path) => {
                write!(
                    f,
                    "the key file {} can be read by everyone on this machine: run chmod 600 {0}",
                    path.display()
                )
            }
            Self::Io(path, error) => write!(f, "the key file {}: {error}", path.display()),
        }
    }
}

impl std::error::Error for KeyFileProblem {}

/// Reads the key file, and makes it first unless `needed`: the database already holds secrets
/// encrypted under it.
pub fn open(path: &Path, needed: bool) -> Result<SealingKey, KeyFileProblem> {
    match read(path) {
        Err(KeyFileProblem::Io(_, error)) if error.kind() == io::ErrorKind::NotFound => {
            if needed {
                return Err(KeyFileProblem::Missing(path.to_owned()));
            }
            make(path).map_err(|error| KeyFileProblem::Io(path.to_owned(), error))?;
            // Read what is there: another server may have been first.
            read(path)
        }
        key => key,
    }
}

fn read(path: &Path) -> Result<SealingKey, KeyFileProblem> {
    let io_problem = |error| KeyFileProblem::Io(path.to_owned(), error);
    let text = fs::read_to_string(path).map_err(io_problem)?;
    if exposed(path).map_err(io_problem)? {
        return Err(KeyFileProblem::Exposed(path.to_owned()));
    }
    STANDARD
        .decode(text.trim())
        .ok()
        .and_then(|bytes| <[u8; KEY_LENGTH]>::try_from(bytes).ok())
        .and_then(|bytes| SealingKey::new(&bytes))
        .ok_or_else(|| KeyFileProblem::Malformed(path.to_owned()))
}

/// Makes the file so that it is either whole or not there, and never replaces one.
fn make(path: &Path) -> io::Result<()> {
    let bytes: [u8; KEY_LENGTH] = random_bytes().map_err(io::Error::other)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}.new", std::process::id()));
    let draft = PathBuf::from(draft);
    let written = write_private(&draft, format!("{}\n", STANDARD.encode(bytes)).as_bytes())
        .and_then(|()| match fs::hard_link(&draft, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        })
        .and_then(|()| File::open(folder)?.sync_all());
    fs::remove_file(&draft)?;
    written
}

fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Whether everyone on the machine may read the file. A group may: that is how secrets are mounted
/// into containers.
#[cfg(unix)]
fn exposed(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(fs::metadata(path)?.permissions().mode() & 0o007 != 0)
}

/// Other systems keep access rights elsewhere.
#[cfg(not(unix))]
fn exposed(_path: &Path) -> io::Result<bool> {
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_made_once_and_private() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("data").join("secrets.key");
        let sealed = open(&path, false).expect("made").seal("a", b"x").expect("sealed");
        let again = open(&path, true).expect("read").open("a", &sealed);
        assert_eq!(again.as_deref(), Ok(b"x".as_slice()));
        assert_eq!(
            fs::read_dir(folder.path().join("data")).expect("listed").count(),
            1,
            "no draft stays"
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(&path).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn is_not_made_again_once_needed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secrets.key");
        let problem = open(&path, true).expect_err("missing");
        assert!(matches!(&problem, KeyFileProblem::Missing(p) if *p == path), "{problem}");
        assert!(problem.to_string().contains("secrets.key"));
        assert!(!path.exists());
    }

    #[test]
    fn refuses_what_is_no_key() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secrets.key");
        for content in ["", "short", "AAAA", "not base64 at all, but long enough to be one!"] {
            write_private(&path, content.as_bytes()).expect("written");
            assert!(matches!(open(&path, false), Err(KeyFileProblem::Malformed(_))), "{content:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn refuses_a_file_that_everyone_reads() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secrets.key");
        open(&path, false).expect("made");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("set");
        assert!(matches!(open(&path, false), Err(KeyFileProblem::Exposed(_))));
    }
}
