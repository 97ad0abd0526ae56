//! Logs that SQLite itself wrote, as a crash leaves them, and worse.

use std::ops::Range;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use super::*;

const FRAME: usize = FRAME_HEADER + 4096;

/// A database that is open, with changes in its log.
struct Live {
    folder: tempfile::TempDir,
    connection: SqliteConnection,
}

impl Live {
    /// With so many changes, of at least a page each.
    async fn with(changes: Range<u32>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let options = SqliteConnectOptions::new()
            .filename(folder.path().join("live.db"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .pragma("wal_autocheckpoint", "0");
        let mut live = Live { connection: options.connect().await.expect("opened"), folder };
        live.run("CREATE TABLE t (n INTEGER, fill BLOB)").await;
        live.change(changes).await;
        live
    }

    async fn change(&mut self, changes: Range<u32>) {
        for n in changes {
            self.run(&format!("INSERT INTO t VALUES ({n}, randomblob(5000))")).await;
        }
    }

    async fn run(&mut self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&mut self.connection)
            .await
            .expect("done");
    }

    /// What a crash would leave at this moment: the database and its log.
    fn left(&self) -> (Vec<u8>, Vec<u8>) {
        let read = |name| fs::read(self.folder.path().join(name)).expect("read");
        (read("live.db"), read("live.db-wal"))
    }
}

/// What is seen in a log beside a database.
fn seen(database: &[u8], log: &[u8]) -> Option<Damage> {
    let folder = tempfile::tempdir().expect("a folder");
    let (at, beside) = (folder.path().join("desk.db"), folder.path().join("desk.db-wal"));
    fs::write(&at, database).expect("written");
    fs::write(&beside, log).expect("written");
    look(&at, &beside).expect("read")
}

#[tokio::test]
async fn what_a_crash_leaves_is_whole() {
    let mut live = Live::with(0..6).await;
    let (database, log) = live.left();
    assert_eq!(seen(&database, &[]), None);
    assert_eq!(seen(&database, &[0; 32]), None, "a header that is not on disk yet");
    for length in (HEADER..log.len()).step_by(500) {
        assert_eq!(seen(&database, &log[..length]), None, "cut off at {length}");
    }
    // Of the last change, any part may be missing: it was not acknowledged.
    for at in [log.len() - 1, log.len() - FRAME + 20, log.len() - FRAME, log.len() - FRAME - 9] {
        let mut torn = log.clone();
        torn[at] ^= 1;
        assert_eq!(seen(&database, &torn), None, "torn at {at}");
    }
    // The log begins again, and what was in it before is left behind the new.
    for changes in [6..7, 7..8, 8..40] {
        live.run("PRAGMA wal_checkpoint(PASSIVE)").await;
        live.change(changes).await;
        let (database, log) = live.left();
        assert_eq!(seen(&database, &log), None);
        assert_eq!(seen(&database, &log[..HEADER]), None);
        let mut unwritten = log.clone();
        unwritten[HEADER + FRAME_HEADER] ^= 1;
        assert_ne!(seen(&database, &unwritten), Some(Damage::Header));
    }
    // All of it is written anew, and smaller.
    live.run("DELETE FROM t WHERE n > 1; VACUUM").await;
    let (database, log) = live.left();
    assert_eq!(seen(&database, &log), None);
    live.connection.close().await.expect("closed");
}

#[tokio::test]
async fn what_sqlite_would_drop_without_a_word_is_damage() {
    let live = Live::with(0..6).await;
    let (database, log) = live.left();
    for at in 0..HEADER {
        let mut damaged = log.clone();
        damaged[at] ^= 0x10;
        assert_eq!(seen(&database, &damaged), Some(Damage::Header), "byte {at}");
    }
    assert_eq!(seen(&database, &log[..HEADER - 1]), Some(Damage::Header));
    assert_eq!(seen(&database, b"garbage"), Some(Damage::Header));
    assert_eq!(seen(&database, &[0; 9000]), Some(Damage::Header));
    // A byte of the page, of its number, of the salts, of the checksum.
    for (frame, byte) in [(1, 1000), (1, 3), (2, 8), (3, 17), (4, FRAME - 1)] {
        let mut damaged = log.clone();
        damaged[HEADER + (frame - 1) * FRAME + byte] ^= 0x10;
        let found = seen(&database, &damaged);
        let expected =
            if byte == 8 && frame == 1 { Damage::Frames } else { Damage::Frame(frame as u64) };
        assert_eq!(found, Some(expected), "frame {frame}, byte {byte}");
    }
    let mut zeros = log.clone();
    zeros[HEADER + FRAME..HEADER + 2 * FRAME].fill(0);
    assert_eq!(seen(&database, &zeros), Some(Damage::Frame(2)));
    // The header of one log before the frames of another.
    let (_, other) = Live::with(0..6).await.left();
    let mixed = [&other[..HEADER], &log[HEADER..]].concat();
    assert_eq!(seen(&database, &mixed), Some(Damage::Frames));
}

#[tokio::test]
async fn a_log_that_is_not_the_databases_is_refused() {
    let mut live = Live::with(0..4).await;
    live.run("PRAGMA wal_checkpoint(PASSIVE)").await;
    live.change(4..5).await;
    let (small, early) = live.left();
    live.run("PRAGMA wal_checkpoint(TRUNCATE)").await;
    live.change(5..20).await;
    live.run("PRAGMA wal_checkpoint(PASSIVE)").await;
    live.change(20..22).await;
    let (large, late) = live.left();
    assert_eq!(seen(&small, &early), None);
    assert_eq!(seen(&large, &late), None);
    for (database, log) in [(&small[..], &late[..]), (&large, &early), (&[], &early)] {
        assert!(matches!(seen(database, log), Some(Damage::Foreign(_))));
    }
    let mut other_pages = small.clone();
    other_pages[16..18].copy_from_slice(&8192_u16.to_be_bytes());
    assert!(matches!(seen(&other_pages, &early), Some(Damage::Foreign(_))));
}

#[tokio::test]
async fn a_refusal_names_the_file_and_what_to_do() {
    let live = Live::with(0..3).await;
    let (database, log) = live.left();
    let folder = tempfile::tempdir().expect("a folder");
    let (at, beside) = (folder.path().join("desk.db"), folder.path().join("desk.db-wal"));
    fs::write(&at, database).expect("written");
    fs::write(&beside, &log).expect("written");
    check(&at).await.expect("whole");
    fs::write(&beside, &log[1..]).expect("written");
    let said = check(&at).await.expect_err("damaged").to_string();
    for part in ["desk.db-wal", "damaged", "restore a backup", "move the file away"] {
        assert!(said.contains(part), "{said}");
    }
    fs::remove_file(&beside).expect("removed");
    check(&at).await.expect("whole");
    for end in ["-wal", "-shm"] {
        let beside = folder.path().join(format!("desk.db{end}"));
        fs::create_dir(&beside).expect("made");
        let said = check(&at).await.expect_err("unusable").to_string();
        assert!(said.contains(&format!("desk.db{end}")) && said.contains("not a file"), "{said}");
        fs::remove_dir(&beside).expect("removed");
    }
}
