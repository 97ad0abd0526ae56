//! Moving SQLite's log into its file beside the writer: left to the writer, everybody would wait
//! for it several times a second under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Mutex, mpsc};

use super::driver::Database;
use crate::supervise::keep_running;

/// Requests after which the log is moved: some 20 MiB of it.
const OFTEN: usize = 2_000;

/// Counts what is written, and has the log moved now and then.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    since: Arc<AtomicUsize>,
    due: mpsc::Sender<()>,
}

impl Checkpoints {
    /// Starts the task that moves the log. It ends with the last clone of what is returned.
    pub fn start(database: Database) -> Self {
        let (due, wanted) = mpsc::channel(1);
        let wanted = Arc::new(Mutex::new(wanted));
        let left = Arc::clone(&wanted);
        let is_over = move || left.try_lock().is_ok_and(|wanted| wanted.is_closed());
        keep_running("checkpoints", is_over, move || {
            move_when(Arc::clone(&wanted), database.clone())
        });
        Checkpoints { since: Arc::default(), due }
    }

    /// So many more requests are in the log.
    pub fn wrote(&self, requests: usize) {
        if self.since.fetch_add(requests, Ordering::Relaxed) + requests >= OFTEN {
            self.since.store(0, Ordering::Relaxed);
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
