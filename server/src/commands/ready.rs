//! The ready file: scripts wait for it instead of sleeping.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;

use serde_json::Value;

use super::failure::Failure;

/// A file that is there, whole, as long as the server answers.
pub(super) struct ReadyFile(PathBuf);

impl ReadyFile {
    /// Writes the file in one step, so that nobody reads a half.
    pub(super) fn write(path: PathBuf, content: &Value) -> Result<Self, Failure> {
        let mut draft = path.clone().into_os_string();
        draft.push(".new");
        let written = || -> io::Result<()> {
            let mut file = fs::File::create(&draft)?;
            writeln!(file, "{content}")?;
            file.sync_all()?;
            fs::rename(&draft, &path)
        };
        written().map_err(|error| {
            // Half of it may be there.
            let _ = fs::remove_file(&draft);
            Failure::failed(format!("the ready file {} cannot be written: {error}", path.display()))
        })?;
        Ok(Self(path))
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        // Somebody removed it already: fine.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_there_as_long_as_it_is_held() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ready.json");
        let file = ReadyFile::write(path.clone(), &serde_json::json!({"pid": 1})).expect("written");
        assert_eq!(fs::read_to_string(&path).expect("read"), "{\"pid\":1}\n");
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1, "no draft stays");
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn says_where_it_cannot_be_written() {
        let problem = ReadyFile::write(PathBuf::from("/nowhere/ready.json"), &Value::Null)
            .err()
            .expect("refused");
        assert!(problem.sentence.contains("/nowhere/ready.json"), "{problem:?}");
    }
}
