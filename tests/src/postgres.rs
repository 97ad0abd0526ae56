//! A private PostgreSQL, one for the whole run, with a database for each story.
//!
//! It listens on a socket in its own folder alone, so that runs beside each other never meet. It
//! refuses to run as root; then it runs as the user that its package made.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::process::{Process, as_user};
use crate::scratch;
use crate::waiting::BOUND;

const SETTINGS: [&str; 4] = [
    "listen_addresses=",
    "max_connections=400",
    "shared_buffers=64MB",
    "unix_socket_permissions=0777",
];

/// Nothing of a story outlives the run, so nothing has to reach the disk.
const CARELESS: [&str; 2] = ["fsync=off", "full_page_writes=off"];

/// A running PostgreSQL. Stories use the one of the run, unless they want to stop theirs.
pub struct Postgres {
    programs: PathBuf,
    folder: PathBuf,
    user: Option<&'static str>,
    durable: bool,
    process: Process,
}

static OF_THE_RUN: LazyLock<Postgres> = LazyLock::new(Postgres::start);

/// A fresh, empty database in the PostgreSQL of the run: its address.
pub(crate) fn new_database() -> String {
    OF_THE_RUN.new_database()
}

/// A copy of a database in the PostgreSQL of the run: its address.
pub(crate) fn copy(database: &str) -> String {
    OF_THE_RUN.copy(database)
}

impl Postgres {
    /// One of its own for a story.
    pub fn start() -> Self {
        Self::new(false)
    }

    /// One that keeps what it acknowledges, as PostgreSQL does by default: for measuring.
    pub fn durable() -> Self {
        Self::new(true)
    }

    /// Whether its programs are on this machine.
    pub fn is_installed() -> bool {
        newest_version().is_some()
    }

    fn new(durable: bool) -> Self {
        let programs = newest_programs();
        let folder = scratch::folder("postgres");
        let root = fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0);
        let user = root.then_some("postgres");
        if let Some(user) = user {
            succeed(Command::new("chown").arg(user).arg(&folder));
        }
        let data = folder.join("data");
        succeed(
            as_user(user, &[])
                .arg(programs.join("initdb"))
                .args([
                    "--username=deskbell",
                    "--auth=trust",
                    "--encoding=UTF8",
                    "--locale=C",
                    "--no-sync",
                ])
                .arg(&data),
        );
        let process = run(&programs, &folder, user, durable);
        let postgres = Self { programs, folder, user, durable, process };
        postgres.wait();
        postgres
    }

    /// Stops it in the middle of whatever it does, as a power cut would.
    pub async fn stop(&mut self) {
        self.process.signal("QUIT");
        self.process.ends_within(BOUND).await;
    }

    /// Starts it again after [`Self::stop`].
    pub fn restart(&mut self) {
        self.process = run(&self.programs, &self.folder, self.user, self.durable);
        self.wait();
    }

    /// A fresh, empty database: its address.
    pub fn new_database(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("story_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let mut create = self.command("createdb");
        succeed(create.args(["-U", "deskbell", &name]).arg("-h").arg(&self.folder));
        format!("postgres://deskbell@localhost/{name}?host={}", self.folder.display())
    }

    /// The process that all its others belong to.
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// A copy of a database of this PostgreSQL, made with its own tools while servers write into
    /// it: its address.
    pub fn copy(&self, database: &str) -> String {
        let copy = self.new_database();
        let script =
            r#""$1/pg_dump" --no-owner "$2" | "$1/psql" --quiet --set ON_ERROR_STOP=1 "$3""#;
        let mut command = as_user(self.user, &[]);
        command.args(["bash", "-o", "pipefail", "-c", script, "copy"]).arg(&self.programs);
        succeed(command.args([database, &copy]).current_dir("/"));
        copy
    }

    fn wait(&self) {
        let begun = Instant::now();
        while !self.answers() {
            assert!(
                begun.elapsed() < BOUND,
                "PostgreSQL does not start: {}",
                self.process.printed()
            );
            sleep(Duration::from_millis(20));
        }
    }

    fn answers(&self) -> bool {
        let asked = self
            .command("pg_isready")
            .args(["-q", "-U", "deskbell", "-d", "postgres", "-h"])
            .arg(&self.folder)
            .status();
        asked.is_ok_and(|status| status.success())
    }

    /// One of its own programs, as the user that it runs as.
    pub fn command(&self, program: &str) -> Command {
        let mut command = as_user(self.user, &[]);
        command.arg(self.programs.join(program)).current_dir("/");
        command
    }
}

fn run(programs: &Path, folder: &Path, user: Option<&str>, durable: bool) -> Process {
    let mut arguments =
        vec!["-D".to_owned(), path_text(&folder.join("data")), "-k".to_owned(), path_text(folder)];
    let careless = CARELESS.iter().filter(|_| !durable);
    arguments.extend(
        SETTINGS
            .iter()
            .chain(careless)
            .flat_map(|setting| ["-c".to_owned(), (*setting).to_owned()]),
    );
    // SIGQUIT is its immediate shutdown: its own children end, too.
    Process::start(user, "QUIT", &programs.join("postgres"), &arguments, &scratch::folder("logs"))
}

/// Debian keeps each version's programs in a folder of its own.
fn newest_version() -> Option<u32> {
    let folders = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    folders.filter_map(|folder| folder.file_name().to_str()?.parse().ok()).max()
}

fn newest_programs() -> PathBuf {
    let newest = newest_version()
        .expect("PostgreSQL's programs in /usr/lib/postgresql: install the package postgresql");
    PathBuf::from(format!("/usr/lib/postgresql/{newest}/bin"))
}

fn path_text(path: &Path) -> String {
    path.to_str().expect("a path in UTF-8").to_owned()
}

fn succeed(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
