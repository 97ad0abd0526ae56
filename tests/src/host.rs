//! Whoever hosts a Deskbell: a database, a data folder, settings, and the commands of
//! `deskbell-server`.

use std::cell::RefCell;
use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use crate::server::Server;
use crate::waiting::BOUND;
use crate::{postgres, programs, scratch};

/// The password of every account that the harness makes.
pub const PASSWORD: &str = "correct horse battery";

/// Which database a story runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    /// Embedded.
    Sqlite,
    /// On its own, perhaps shared by many servers.
    Postgres,
}

/// A host with its database, before and while servers run on it.
pub struct Host {
    data: PathBuf,
    database: String,
    settings: RefCell<Vec<String>>,
}

impl Host {
    /// A host with an empty database. Its limits for anonymous callers are far away; stories about
    /// limits set them back.
    pub fn new(database: Database) -> Self {
        let data = scratch::folder("host");
        let address = match database {
            Database::Sqlite => format!("sqlite:{}", data.join("deskbell.db").display()),
            Database::Postgres => postgres::new_database(),
        };
        Self::at(data, address)
    }

    /// A host with an empty database in a PostgreSQL of the story's own.
    pub fn on(postgres: &postgres::Postgres) -> Self {
        Self::at(scratch::folder("host"), postgres.new_database())
    }

    fn at(data: PathBuf, database: String) -> Self {
        let host = Self { data, database, settings: RefCell::default() };
        for setting in [
            "metrics.listen=off",
            "log.filter=info,deskbell_server=debug",
            "limits.submits_per_address=1000000",
            "limits.submits_per_profile=1000000",
            "limits.calls_per_address=1000000",
            "limits.sign_ins_per_address=1000000",
        ] {
            host.set(setting);
        }
        host
    }

    /// Somebody with all rights runs this SQL on the host's database.
    pub async fn run_sql(&self, script: &'static str) {
        let done = if let Some(file) = self.database.strip_prefix("sqlite:") {
            let options = SqliteConnectOptions::new().filename(file).busy_timeout(BOUND);
            let mut hands = options.connect().await.expect("the database");
            sqlx::raw_sql(script).execute(&mut hands).await.map(drop)
        } else {
            let options: PgConnectOptions = self.database.parse().expect("a URL");
            let mut hands = options.connect().await.expect("the database");
            sqlx::raw_sql(script).execute(&mut hands).await.map(drop)
        };
        done.expect("what the script does");
    }

    /// A host that was restored from a backup of this one, made while its servers run, as the
    /// handbook says: the database by its own tools, and the key file.
    pub async fn restored_from_backup(&self) -> Self {
        let data = scratch::folder("restored");
        fs::copy(self.data.join("secrets.key"), data.join("secrets.key")).expect("the key file");
        let database = match self.database.strip_prefix("sqlite:") {
            Some(file) => {
                let copy = data.join("deskbell.db");
                let vacuum = format!("VACUUM INTO '{}'", copy.display());
                let mut connection = SqliteConnectOptions::new()
                    .filename(file)
                    .connect()
                    .await
                    .expect("the database");
                sqlx::raw_sql(AssertSqlSafe(vacuum))
                    .execute(&mut connection)
                    .await
                    .expect("a copy");
                connection.close().await.expect("the end of the copy");
                format!("sqlite:{}", copy.display())
            }
            None => postgres::copy(&self.database),
        };
        Self { data, database, settings: self.settings.clone() }
    }

    /// A host with this one's key file and settings on an empty database: where a copy goes. There
    /// is no database file yet.
    #[must_use]
    pub fn moving_to(&self, database: Database) -> Self {
        let moved = Self::new(database);
        fs::copy(self.data.join("secrets.key"), moved.data.join("secrets.key"))
            .expect("the key file");
        Self { settings: self.settings.clone(), ..moved }
    }

    /// Copies the database to that host's, which is empty.
    pub fn copy_to(&self, other: &Host) -> Output {
        self.command(&["copy", "--from", &self.database, "--to", &other.database], "")
    }

    /// Changes a setting, e.g. `limits.connections=5`, for servers and commands from now on.
    pub fn set(&self, setting: &str) {
        let mut settings = self.settings.borrow_mut();
        let name = setting.split('=').next().unwrap_or_default();
        settings.retain(|known| known.split('=').next() != Some(name));
        settings.push(setting.to_owned());
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The database's address.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Arguments that every command of this host has.
    pub fn arguments(&self) -> Vec<String> {
        let mut arguments = vec!["--data-dir".to_owned(), self.data.display().to_string()];
        arguments.extend(["--database".to_owned(), self.database.clone()]);
        arguments.extend(
            self.settings.borrow().iter().flat_map(|setting| ["--set".to_owned(), setting.clone()]),
        );
        arguments
    }

    /// Starts a server on a free port.
    pub async fn serve(&self) -> Server {
        self.serve_at(SocketAddr::from(([127, 0, 0, 1], 0)), &[]).await
    }

    /// Starts a server there, with more arguments.
    pub async fn serve_at(&self, listen: SocketAddr, more: &[&str]) -> Server {
        Server::start(self, listen, more).await
    }

    /// Starts a server on a free port whose standard error goes there.
    pub async fn serve_logging_to(&self, log: Stdio) -> Server {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        Server::start_logging_to(self, listen, &[], Some(log)).await
    }

    /// Runs a command of `deskbell-server` with these words on its standard input, to its end.
    pub fn command(&self, words: &[&str], input: &str) -> Output {
        run(
            Command::new(programs::server()).args(words).args(self.arguments()).arg("--json"),
            input,
        )
    }

    /// Makes an account on the host, which is how the first one is made. Its password is
    /// [`PASSWORD`].
    pub fn account(&self, email: &str, name: &str) {
        let words = ["account", "create", "--email", email, "--name", name, "--password-stdin"];
        let output = self.command(&words, PASSWORD);
        assert!(
            output.status.success(),
            "account create: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// The self-check: replaying the log gives the tables, and the log's chain holds. Also while
    /// servers run.
    pub fn verify(&self) {
        let output = self.command(&["verify"], "");
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        assert!(
            output.status.success() && answer["faults"] == serde_json::json!([]),
            "the self-check found faults: {answer} {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

/// Runs a program to its end, with this on its standard input.
pub fn run(command: &mut Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    // A program that reads nothing may have closed its end.
    drop(child.stdin.take().expect("piped").write_all(input.as_bytes()));
    child.wait_with_output().expect("output")
}
