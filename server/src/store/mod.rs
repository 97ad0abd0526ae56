//! Rows: one SQL text for SQLite and PostgreSQL, the writers, the log.
//!
//! Knows rows and nothing of permissions, protobuf or who is watching. A change comes in through
//! [`Store::ask`], is decided by the domain inside the writers' transaction, and is told to the
//! function that was given at start. Start reading at `writer`.

mod accounts;
mod cells;
mod checkpoints;
mod copy;
mod deciding;
mod directory;
mod driver;
mod error;
mod files;
mod follow_ups;
mod hints;
mod host;
mod keys;
mod left;
mod load;
mod log;
mod many;
mod messages;
mod outcome;
mod read;
mod rows;
mod schema;
mod sqlite;
mod throttles;
mod tickets;
mod transaction;
mod verify;
mod waiting;
mod wal;
mod writer;

use std::sync::Arc;
use std::time::Duration;

pub use copy::{Copied, CopyProblem, Progress, copy};
use directory::Directories;
pub use driver::Database;
pub use error::StoreError;
pub use hints::{Hint, Hints};
pub use left::{Side, Written};
pub use log::{Record, Stored};
pub use outcome::{Commit, OnCommit, Outcome, WriteError};
pub use read::{After, LoggedChange};
pub use schema::{Migrated, SCHEMA, migrate};
pub use throttles::Count;
pub use tickets::Name;
pub use verify::Verification;

use crate::clock::machine_time;
use crate::domain::Request;
use writer::Writers;

/// How long to wait for a connection or a lock before the caller is told to come back.
const PATIENCE: Duration = Duration::from_secs(5);

/// The database with its writers.
#[derive(Clone, Debug)]
pub struct Store {
    database: Database,
    origin: Arc<str>,
    directories: Arc<Directories>,
    writers: Writers,
}

impl Store {
    /// Starts the writers on a database that has this binary's schema. Every change is told to
    /// `on_commit` after its commit.
    pub fn start(database: Database, on_commit: &OnCommit) -> Self {
        let directories = Arc::new(Directories::default());
        let origin: Arc<str> = format!("{}-{}", std::process::id(), machine_time()).into();
        let writers = Writers::start(&database, &origin, &directories, on_commit);
        Store { database, origin, directories, writers }
    }

    /// Asks for a change; answered when it is on disk.
    pub async fn ask(&self, request: Request) -> Result<Outcome, WriteError> {
        self.writers.ask(request).await
    }

    /// Fails unless the database answers and changes can be written.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.database.has_host_secrets().await?;
        if !self.writers.are_there() {
            return Err(StoreError::Broken("a writer is gone; start the server again".to_owned()));
        }
        if self.writers.failed().is_set() {
            // Whoever goes by the health check sends no more requests by which to find out. Whether
            // the lease is another server's by now is all the same.
            self.lease("health", self.origin(), 0).await?;
            self.writers.failed().clear();
        }
        Ok(())
    }

    /// Whether changes can still be decided and written: a writer that is gone does not come back.
    pub fn has_writers(&self) -> bool {
        self.writers.are_there()
    }

    /// Waits until a writer is gone, which nobody told it to.
    pub async fn writer_is_gone(&self) {
        self.writers.gone().await;
    }

    /// What tells this server from others on the same database.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The database below, for what is not a team's.
    pub fn database(&self) -> &Database {
        &self.database
    }
}
