//! The files of an embedded database while it is open: the database itself, its log (`-wal`) and
//! the index of that (`-shm`).
//!
//! SQLite goes on writing into files that were deleted or moved. What is acknowledged then would be
//! gone with the process, so each turn looks whether the files are still those that were opened.
//! When the log or its index are not, what they hold is moved into the database, and all
//! connections begin again with new ones.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqlitePool, SqlitePoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::PATIENCE;
use super::error::StoreError;

/// Connections that read beside the writer.
const READERS: u32 = 6;

/// How many of them customers may have together.
pub(super) const READERS_FOR_CUSTOMERS: usize = 3;

/// Where the log's index says how many frames there are, and how many of them were moved.
const FRAMES: usize = 16;
const MOVED: usize = 96;

/// What tells a file from another one of the same name.
type Identity = (u64, u64);

/// The files of a database, with those connections that are not the writer's.
#[derive(Debug)]
pub(super) struct Files {
    path: PathBuf,
    options: SqliteConnectOptions,
    /// None while connections begin again.
    opened: RwLock<Option<Opened>>,
    /// Moves the log into the database, and holds the files: SQLite deletes log and index when the
    /// last connection is closed, so that another file is another one only while this is open.
    holder: Mutex<Option<SqliteConnection>>,
}

/// What was opened.
#[derive(Debug)]
struct Opened {
    database: Option<Identity>,
    /// The log and its index, where they are.
    beside: Vec<(PathBuf, Identity)>,
    /// The log's index.
    index: Option<File>,
    readers: SqlitePool,
}

/// How the files are.
enum State {
    /// As they were opened.
    Whole,
    /// The database is gone, or is another one.
    Elsewhere,
    /// The log or its index is.
    Bereft,
}

impl Files {
    /// Opens a database, or makes it.
    pub(super) async fn open(
        path: &Path,
        options: SqliteConnectOptions,
    ) -> Result<Self, StoreError> {
        // This once, the file is made if need be. Later connections never make one, so that a file
        // that goes missing is noticed.
        let holder = options.clone().create_if_missing(true).connect().await?;
        let files = Files {
            path: path.to_owned(),
            options,
            opened: RwLock::default(),
            holder: Mutex::default(),
        };
        let mut place = files.holder.lock().await;
        files.begin(&mut place, holder).await?;
        drop(place);
        Ok(files)
    }

    /// Whether the files are those that were opened.
    pub(super) fn are_whole(&self) -> bool {
        matches!(self.state(), State::Whole)
    }

    /// Fails unless the files are those that were opened, or it can be so again. It takes the place
    /// of the writer's connection, which nobody uses meanwhile.
    pub(super) async fn make_whole(
        &self,
        writer: &mut Option<SqliteConnection>,
    ) -> Result<(), StoreError> {
        match self.state() {
            State::Whole => Ok(()),
            State::Elsewhere => Err(unavailable(format!(
                "the database {} was moved, deleted or replaced while it is open; put it back, or \
                 start the server again to work with what is there now",
                self.path.display()
            ))),
            State::Bereft => self.begin_again(writer).await,
        }
    }

    /// A pool of connections that read. Closed while connections begin again.
    pub(super) fn readers(&self) -> Result<SqlitePool, StoreError> {
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        let readers = opened.as_ref().map(|opened| opened.readers.clone());
        Ok(readers.ok_or(sqlx::Error::PoolClosed)?)
    }

    /// Pages in the log that are not in the database yet, by the log's index ("The WAL-Index File
    /// Format" in SQLite's documentation): of how many frames it tells, and how many of them were
    /// moved.
    pub(super) fn pages_in_log(&self) -> u32 {
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        let Some(index) = opened.as_ref().and_then(|opened| opened.index.as_ref()) else {
            return 0;
        };
        let number = |at: usize| {
            let mut number = [0; 4];
            read_at(index, &mut number, at as u64).map(|()| u32::from_ne_bytes(number))
        };
        // Where it cannot be read, the writer moves the log by itself.
        match (number(FRAMES), number(MOVED)) {
            (Ok(frames), Ok(moved)) => frames.saturating_sub(moved),
            _ => 0,
        }
    }

    /// Moves what is in the log into the database, as far as nobody reads it. The writer goes on
    /// meanwhile.
    pub(super) async fn checkpoint(&self) -> Result<(), StoreError> {
        let mut holder = self.holder.lock().await;
        let holder = holder.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(holder).await?;
        Ok(())
    }

    /// Closes all connections but the writer's.
    pub(super) async fn close(&self) {
        if let Ok(readers) = self.readers() {
            readers.close().await;
        }
        if let Some(holder) = self.holder.lock().await.take() {
            // It is closed when it is dropped, too.
            let _ = holder.close().await;
        }
    }

    fn state(&self) -> State {
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        let Some(opened) = opened.as_ref() else { return State::Bereft };
        if identity(&self.path) != opened.database {
            return State::Elsewhere;
        }
        let is_there = |(path, known): &(PathBuf, Identity)| identity(path) == Some(*known);
        if opened.beside.iter().all(is_there) { State::Whole } else { State::Bereft }
    }

    /// Remembers which files a first connection has opened.
    async fn begin(
        &self,
        place: &mut Option<SqliteConnection>,
        mut holder: SqliteConnection,
    ) -> Result<(), StoreError> {
        // Whoever has read has opened the log.
        sqlx::query("SELECT COUNT(*) FROM sqlite_master").execute(&mut holder).await?;
        *place = Some(holder);
        let [log, index] = beside(&self.path);
        let beside = [log, index.clone()].into_iter();
        let beside = beside.filter_map(|path| identity(&path).map(|known| (path, known)));
        let opened = Opened {
            database: identity(&self.path),
            beside: beside.collect(),
            index: File::open(&index).ok(),
            readers: pool(self.options.clone()),
        };
        self.set(Some(opened));
        Ok(())
    }

    /// Moves into the database what only those know who have the lost files open, and begins again
    /// with new ones. Whatever fails is done the next time.
    async fn begin_again(&self, writer: &mut Option<SqliteConnection>) -> Result<(), StoreError> {
        let mut holder = self.holder.lock().await;
        if let Some(holder) = holder.as_mut() {
            // A file that comes back later holds nothing by then that SQLite would believe.
            empty_log(holder).await?;
        }
        // The last one to close a database deletes a log by its name, whatever that is by now.
        self.refuse_other_log()?;
        if let Ok(readers) = self.readers() {
            let closed = timeout(PATIENCE, readers.close()).await;
            closed.map_err(|_| sqlx::Error::PoolTimedOut)?;
        }
        self.set(None);
        for connection in [writer.take(), holder.take()].into_iter().flatten() {
            connection.close().await?;
        }
        let first = self.options.connect().await?;
        self.begin(&mut holder, first).await?;
        tracing::warn!(
            database = %self.path.display(),
            "files beside the database were moved, deleted or replaced while it is open; nothing \
             is lost, but leave them to the server"
        );
        Ok(())
    }

    /// Fails when there is something in a log that is not the one that was opened.
    fn refuse_other_log(&self) -> Result<(), StoreError> {
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        let known = opened.iter().flat_map(|opened| &opened.beside);
        let [log, _] = beside(&self.path);
        let is_known =
            known.into_iter().any(|(path, known)| *path == log && identity(path) == Some(*known));
        let is_empty =
            std::fs::metadata(&log).is_ok_and(|found| found.is_file() && found.len() == 0);
        if is_known || is_empty || identity(&log).is_none() {
            return Ok(());
        }
        Err(unavailable(format!(
            "{} was replaced: another file is in the place of the log of the database that is \
             open; move it away, and the server goes on by itself (what the right one held is in \
             the database)",
            log.display()
        )))
    }

    fn set(&self, opened: Option<Opened>) {
        *self.opened.write().unwrap_or_else(PoisonError::into_inner) = opened;
    }
}

/// Moves all that is in the log into the database, and leaves the log empty.
async fn empty_log(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let row = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(connection).await?;
    if row.try_get::<i64, _>(0)? == 0 {
        return Ok(());
    }
    Err(unavailable("the database's log is lost and still being read".to_owned()))
}

fn unavailable(text: String) -> StoreError {
    sqlx::Error::Io(io::Error::other(text)).into()
}

fn pool(options: SqliteConnectOptions) -> SqlitePool {
    // A connection to a file has no other end that could go away: there is nothing to ask it.
    SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(PATIENCE)
        .test_before_acquire(false)
        .before_acquire(|connection, _| {
            let whole = !connection.is_in_transaction();
            Box::pin(async move { Ok(whole) })
        })
        .connect_lazy_with(options.pragma("query_only", "on"))
}

/// Where the log and its index are. SQLite puts them beside the database itself, wherever links
/// lead from.
pub(super) fn beside(path: &Path) -> [PathBuf; 2] {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    ["-wal", "-shm"].map(|end| {
        let mut name = path.clone().into_os_string();
        name.push(end);
        name.into()
    })
}

/// Reads without moving any place in the file.
fn read_at(file: &File, into: &mut [u8], at: u64) -> io::Result<()> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::read_exact_at(file, into, at);
    #[cfg(windows)]
    return match std::os::windows::fs::FileExt::seek_read(file, into, at)? {
        read if read == into.len() => Ok(()),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    };
}

/// None when there is no file.
fn identity(path: &Path) -> Option<Identity> {
    let metadata = std::fs::metadata(path).ok()?;
    #[cfg(unix)]
    return Some((
        std::os::unix::fs::MetadataExt::dev(&metadata),
        std::os::unix::fs::MetadataExt::ino(&metadata),
    ));
    #[cfg(not(unix))]
    return Some((0, u64::from(metadata.is_file())));
}
