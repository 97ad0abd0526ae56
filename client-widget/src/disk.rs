//! Files that are there whole or not at all, and that only this user reads.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

/// What a file that is being written ends with. What a killed program leaves behind under such a
/// name is never read.
const UNFINISHED: &str = "unfinished";

/// Makes a folder with everything above it, closed to other users where the system has such rights.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Writes a file so that after a crash at any moment there is either the old content or the new
/// one, and once this returns, the new one.
pub fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    // The process id keeps two programs apart; each writes one file at a time.
    let unfinished = path.with_extension(format!("{}.{UNFINISHED}", std::process::id()));
    let written = write_through(&unfinished, content)
        .and_then(|()| fs::rename(&unfinished, path))
        .and_then(|()| sync_folder_of(path));
    if written.is_err() {
        // On a full disk the half-written file would only make things worse.
        let _ = fs::remove_file(&unfinished);
    }
    written
}

/// Removes a file so that it stays removed after a crash.
pub fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path)?;
    sync_folder_of(path)
}

/// Reads a file of at most `limit` bytes; None when there is none.
pub fn read(path: &Path, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut content = Vec::new();
    file.take(limit as u64 + 1).read_to_end(&mut content)?;
    if content.len() > limit {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("larger than {limit} bytes"),
        ));
    }
    Ok(Some(content))
}

/// Removes what killed programs left unfinished in a folder.
pub fn sweep(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension() == Some(OsStr::new(UNFINISHED)) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn write_through(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Makes a rename or removal durable. Windows has no such call and journals them by itself.
fn sync_folder_of(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_unfinished_is_never_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write(&path, b"old").unwrap();
        // Killed in the middle of the next write.
        fs::write(folder.path().join("a.77.unfinished"), b"ne").unwrap();
        assert_eq!(read(&path, 10).unwrap().unwrap(), b"old");
        sweep(folder.path()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        write(&path, b"new").unwrap();
        assert_eq!(read(&path, 10).unwrap().unwrap(), b"new");
        assert!(read(&path, 2).is_err());
        assert_eq!(read(&folder.path().join("b"), 2).unwrap(), None);
    }
}
