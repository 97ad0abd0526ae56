//! One folder for everything that a run leaves on the disk. It goes when the run ends, however it
//! ends.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Sweeps the folder once its standard input ends, which it does when the tests end or are killed.
/// Processes that are ending may still write, hence the tries.
const BROOM: &str = r#"trap "" INT TERM HUP; cat > /dev/null; for try in 1 2 3 4 5 6; do rm -rf "$1" && exit; sleep 0.5; done"#;

struct Scratch {
    folder: PathBuf,
    _broom: Option<ChildStdin>,
}

#[expect(clippy::zombie_processes, reason = "the broom outlives the tests")]
static SCRATCH: LazyLock<Scratch> = LazyLock::new(|| {
    let folder = tempfile::Builder::new()
        .prefix("deskbell-tests-")
        .tempdir()
        .expect("a temporary folder")
        .keep();
    // The database's own user passes through.
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o711))
        .expect("permissions of the temporary folder");
    let mut broom = Command::new("sh")
        .args(["-c", BROOM, "broom"])
        .arg(&folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("sh");
    Scratch { folder, _broom: broom.stdin.take() }
});

/// A new folder for one purpose.
pub(crate) fn folder(purpose: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let path = SCRATCH.folder.join(format!("{purpose}-{}", COUNT.fetch_add(1, Ordering::Relaxed)));
    fs::create_dir(&path).expect("a folder of one's own");
    path
}

/// A file beside others of its kind, for what a program prints.
pub(crate) fn log_file(folder: &Path, name: &str) -> (PathBuf, fs::File) {
    let path = folder.join(name);
    let file = fs::OpenOptions::new().create(true).append(true).open(&path).expect("a log file");
    (path, file)
}
