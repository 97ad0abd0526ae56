//! Moving SQLite's log into its file beside the writer: left to the writer, everybody would wait
//! for it under load.

use std::sync::Arc;

use tokio::sync::{Mutex, mpsc};

use super::driver::Database;
use crate::supervise::keep_running;

/// Pages in the log after which it is moved: 4 MiB. The writer would do it by itself at sixteen
/// times as many (`wal_autocheckpoint`).
const OFTEN: u32 = 1_000;

/// Looks what is written, and has the log moved now and then.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    database: Database,
    due: mpsc::Sender<()>,
}

impl Checkpoints {
    /// Starts the task that moves the log. It ends with the last clone of what is returned.
    pub fn start(database: Database) -> Self {
        let (due, wanted) = mpsc::channel(1);
        let wanted = Arc::new(Mutex::new(wanted));
        let left = Arc::clone(&wanted);
        let is_over = move || left.try_lock().is_ok_and(|wanted| wanted.is_closed());
        let moved = database.clone();
        keep_running("checkpoints", is_over, move || move_when(Arc::clone(&wanted), moved.clone()));
        Checkpoints { database, due }
    }

    /// Something was written.
    pub fn wrote(&self) {
        if self.database.pages_in_log() >= OFTEN {
            // One that is under way or about to begin is enough.
            let _ = self.due.try_send(());
        }
    }
}

/// Moves the log whenever it is wanted, until nobody can want it.
async fn move_when(wanted: Arc<Mutex<mpsc::Receiver<()>>>, database: Database) {
    let mut wanted = wanted.lock().await;
    while wanted.recv().await.is_some() {
        // The writer does it when this falls behind, and says why when it cannot.
        if let Err(failure) = database.checkpoint().await {
            tracing::debug!(%failure, "the log was not moved into the file");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tickets::tests::database;

    #[tokio::test]
    async fn pages_count_until_they_are_moved() {
        let folder = tempfile::tempdir().expect("a folder");
        let database = database(&folder).await;
        for _ in 0..2 {
            let mut connection = database.write().await.expect("the writer");
            let sql = "UPDATE teams SET next_number = next_number + 1";
            connection.execute(sql, []).await.expect("it is written");
            let sql = "INSERT INTO teams (team_id, revision, directory_revision, next_id, \
                next_number, chain) SELECT COALESCE(MAX(team_id), 0) + 1, 0, 0, 1, 1, x'00' \
                FROM teams";
            connection.execute(sql, []).await.expect("it is written");
            connection.commit().await.expect("it is kept");
            assert!(database.pages_in_log() > 0);
            database.checkpoint().await.expect("it is moved");
            assert_eq!(database.pages_in_log(), 0);
        }
    }
}
