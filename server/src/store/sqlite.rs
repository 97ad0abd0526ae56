//! SQLite's side of the driver: how a file is opened, and turns at it.
//!
//! SQLite works in a thread of its own, and each round trip to it costs more than a row: the
//! writer's connection is kept between turns instead of being given back to a pool, which asks it
//! each time whether it is there.

use std::path::Path;
use std::sync::Arc;

use futures_util::TryStreamExt as _;
use sqlx::error::DatabaseError;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous,
};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Either, Executor as _, Sqlite, Transaction,
};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::timeout;

use super::PATIENCE;
use super::cells::Row;
use super::error::StoreError;
use super::files::Files;
use super::wal;

/// Begins a transaction that will write. It waits for the writer's place at once: one that reads
/// first and then wants to write can fail for good.
const BEGIN: &str = "BEGIN IMMEDIATE";

/// A file, open.
#[derive(Clone, Debug)]
pub struct File {
    /// SQLite has one writer at a time. Whoever wants to be it waits here, in the order of asking.
    writer: Arc<Mutex<Writer>>,
    /// With the connections that read beside it.
    files: Arc<Files>,
}

/// The connection that writes.
#[derive(Debug)]
struct Writer {
    /// None while it has a turn, and after one that went wrong.
    connection: Option<SqliteConnection>,
    options: SqliteConnectOptions,
    closed: bool,
}

impl File {
    /// Opens a file, or makes it.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        wal::check(path).await?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(PATIENCE)
            // Moving the log into the file is done beside the writer (see `checkpoints`). Where
            // that falls behind, the writer does the rest at so many pages, about 64 MiB, so that
            // the log's size has a bound.
            .pragma("wal_autocheckpoint", "16000")
            // What is erased leaves the file, too: by itself SQLite keeps the bytes of deleted rows
            // until something else needs their place.
            .pragma("secure_delete", "on")
            .statement_cache_capacity(200);
        let files = Files::open(path, options.clone()).await?;
        // With many teams, rows are written all over: what the writer may hold of the file decides
        // how fast a burst is. In KiB.
        let options = options.pragma("cache_size", "-32768");
        let connection = Some(options.connect().await?);
        let writer = Writer { connection, options, closed: false };
        Ok(File { writer: Arc::new(Mutex::new(writer)), files: Arc::new(files) })
    }

    /// A turn that will write. The transaction begins with its first statement.
    pub async fn write(&self) -> Result<Turn, StoreError> {
        let mut writer = self.writer().await?;
        let connection = writer.ready().await?;
        Ok(Turn::Writing(Writing { connection: Some(connection), begun: false, writer }))
    }

    /// A turn that reads one state of the whole file.
    pub async fn read(&self) -> Result<Turn, StoreError> {
        if !self.files.are_whole() {
            drop(self.writer().await?);
        }
        Ok(Turn::Reading(self.files.readers()?.begin().await?))
    }

    /// Pages in the log that are not in the file yet.
    pub fn pages_in_log(&self) -> u32 {
        self.files.pages_in_log()
    }

    /// Moves what is in the log into the file, as far as nobody reads it. The writer goes on
    /// meanwhile.
    pub async fn checkpoint(&self) -> Result<(), StoreError> {
        self.files.checkpoint().await
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.files.close().await;
        let mut writer = self.writer.lock().await;
        writer.closed = true;
        if let Some(connection) = writer.connection.take() {
            // It is closed when it is dropped, too.
            let _ = connection.close().await;
        }
    }

    /// The writer's place, if the files are still those that were opened: going on to write into
    /// one that was deleted would lose what is acknowledged.
    async fn writer(&self) -> Result<OwnedMutexGuard<Writer>, StoreError> {
        let waiting = timeout(PATIENCE, Arc::clone(&self.writer).lock_owned()).await;
        let mut writer = waiting.map_err(|_| sqlx::Error::PoolTimedOut)?;
        if writer.closed {
            return Err(sqlx::Error::PoolClosed.into());
        }
        self.files.make_whole(&mut writer.connection).await?;
        Ok(writer)
    }
}

impl Writer {
    /// The connection. A new one after a turn that went wrong.
    async fn ready(&mut self) -> Result<SqliteConnection, StoreError> {
        match self.connection.take() {
            Some(connection) => Ok(connection),
            None => Ok(self.options.connect().await?),
        }
    }
}

/// A turn at the file. What it wrote is gone unless it is committed.
pub enum Turn {
    /// It reads.
    Reading(Transaction<'static, Sqlite>),
    /// It writes.
    Writing(Writing),
}

/// A turn at writing. Dropped in a transaction, it takes the connection with it: whatever state
/// SQLite left that in – it ends a transaction by itself when the disk is full –, nobody goes on
/// from there. Else the next turn gets the connection.
pub struct Writing {
    /// There until the end.
    connection: Option<SqliteConnection>,
    begun: bool,
    writer: OwnedMutexGuard<Writer>,
}

impl Writing {
    fn connection(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        self.connection.as_mut().ok_or(StoreError::Unavailable(sqlx::Error::WorkerCrashed))
    }

    /// Ends the transaction with this word.
    async fn end(mut self, word: &'static str) -> Result<(), StoreError> {
        if self.begun {
            sqlx::query(word).execute(self.connection()?).await?;
            self.begun = false;
        }
        Ok(())
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if !self.begun {
            self.writer.connection = self.connection.take();
        }
    }
}

impl Turn {
    /// The connection, in a transaction.
    pub async fn ready(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        match self {
            Turn::Reading(transaction) => Ok(transaction),
            Turn::Writing(writing) => {
                if !std::mem::replace(&mut writing.begun, true) {
                    sqlx::query(BEGIN).execute(writing.connection()?).await?;
                }
                writing.connection()
            }
        }
    }

    /// Runs several statements, `;` between them, which take their values one after the other.
    /// Gives each one's rows.
    pub async fn round_trip(
        &mut self,
        sql: String,
        values: SqliteArguments,
    ) -> Result<Vec<Vec<Row>>, StoreError> {
        let writing = match self {
            Turn::Reading(transaction) => return Ok(run_all(transaction, sql, values).await?),
            Turn::Writing(writing) => writing,
        };
        let begins = !std::mem::replace(&mut writing.begun, true);
        // The transaction begins on the way.
        let sql = if begins { format!("{BEGIN};\n{sql}") } else { sql };
        match run_all(writing.connection()?, sql, values).await {
            Ok(mut results) => {
                if begins {
                    results.remove(0);
                }
                Ok(results)
            }
            Err(error) => {
                // A row that is refused ends the transaction (see `many`), and that alone.
                writing.begun =
                    !error.as_database_error().is_some_and(DatabaseError::is_unique_violation);
                Err(error.into())
            }
        }
    }

    /// Runs such statements, the last of this turn, and makes it last with them. When this returns,
    /// it is on disk. A statement that is refused is the last that is run, so nothing is committed
    /// without the others.
    pub async fn last_round_trip(
        mut self,
        sql: String,
        values: SqliteArguments,
    ) -> Result<(), StoreError> {
        if let Turn::Reading(_) = self {
            self.round_trip(sql, values).await?;
            return self.commit().await;
        }
        self.round_trip(format!("{sql};\nCOMMIT"), values).await?;
        if let Turn::Writing(writing) = &mut self {
            // It ended on the way.
            writing.begun = false;
        }
        self.commit().await
    }

    /// Makes it last. When this returns, it is on disk.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self {
            Turn::Reading(transaction) => Ok(transaction.commit().await?),
            Turn::Writing(writing) => writing.end("COMMIT").await,
        }
    }

    /// Ends it without a trace.
    pub async fn roll_back(self) -> Result<(), StoreError> {
        match self {
            Turn::Reading(transaction) => Ok(transaction.rollback().await?),
            Turn::Writing(writing) => writing.end("ROLLBACK").await,
        }
    }
}

/// Runs statements one after the other. Gives each one's rows.
async fn run_all(
    connection: &mut SqliteConnection,
    sql: String,
    values: SqliteArguments,
) -> sqlx::Result<Vec<Vec<Row>>> {
    let mut told = connection.fetch_many(sqlx::query_with(AssertSqlSafe(sql), values));
    let (mut results, mut rows) = (Vec::new(), Vec::new());
    while let Some(next) = told.try_next().await? {
        match next {
            Either::Left(_) => results.push(std::mem::take(&mut rows)),
            Either::Right(row) => rows.push(Row::from(row)),
        }
    }
    Ok(results)
}
