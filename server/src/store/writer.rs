//! The writers: whatever is waiting goes into the next commit.
//!
//! A batch is one transaction (see `transaction`). Once it is on disk it is told and answered,
//! while the database is busy with the next one. A refused request costs the others nothing; if the
//! database itself refuses the batch, its requests are run one by one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{mpsc, oneshot};

use super::checkpoints::Checkpoints;
use super::directory::Directories;
use super::driver::Database;
use super::error::StoreError;
use super::outcome::{Answer, Commit, OnCommit, WriteError};
use super::transaction::{Decided, Transactions};
use crate::domain::{Locks, Request};

struct Job {
    request: Request,
    answer: oneshot::Sender<Answer>,
}

/// Requests that wait at most; beyond it callers are told to come back.
const WAITING: usize = 8_192;

/// Requests in one transaction at most.
const BATCH: usize = 1_024;

/// Hands requests to the writers.
#[derive(Clone, Debug)]
pub struct Writers {
    senders: Vec<mpsc::Sender<Job>>,
    failed: WriteFailed,
}

/// Whether a write failed since it was last found that the database takes writes.
#[derive(Clone, Debug, Default)]
pub struct WriteFailed(Arc<AtomicBool>);

impl WriteFailed {
    /// Notes what the database says to a write. A row in the way is no failure.
    pub fn note<T>(&self, written: Result<T, StoreError>) -> Result<T, StoreError> {
        if written.as_ref().is_err_and(|failure| !matches!(failure, StoreError::Conflict(_))) {
            self.0.store(true, Ordering::Relaxed);
        }
        written
    }

    /// Whether one failed.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// The database takes writes.
    pub fn clear(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl std::fmt::Debug for Job {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Job")
    }
}

impl Writers {
    /// Starts the writers: one on SQLite, two on PostgreSQL, which share the teams between them.
    pub fn start(
        database: &Database,
        origin: &Arc<str>,
        directories: &Arc<Directories>,
        on_commit: &OnCommit,
    ) -> Self {
        let count = match database {
            Database::Sqlite(_) => 1,
            Database::Postgres(_) => 2,
        };
        let checkpoints = Checkpoints::start(database.clone());
        let failed = WriteFailed::default();
        let senders = (0..count).map(|_| {
            let (sender, receiver) = mpsc::channel(WAITING);
            let transactions = Transactions {
                database: database.clone(),
                origin: Arc::clone(origin),
                directories: Arc::clone(directories),
                checkpoints: checkpoints.clone(),
            };
            let writer =
                Writer { transactions, on_commit: Arc::clone(on_commit), failed: failed.clone() };
            match database {
                Database::Sqlite(_) => alone(writer.run(receiver)),
                Database::Postgres(_) => drop(tokio::spawn(writer.run(receiver))),
            }
            sender
        });
        Writers { senders: senders.collect(), failed }
    }

    /// Whether a write failed since it was last found that the database takes writes.
    pub fn failed(&self) -> &WriteFailed {
        &self.failed
    }

    /// Waits until a writer is gone: it panicked, for while somebody can ask it does not end.
    pub async fn gone(&self) {
        let ends = self.senders.iter().map(|sender| Box::pin(sender.closed()));
        futures_util::future::select_all(ends).await;
    }

    /// Whether all writers are there. One that is gone does not come back.
    pub fn are_there(&self) -> bool {
        self.senders.iter().all(|sender| !sender.is_closed())
    }

    /// Asks for a change and waits until it is on disk.
    pub async fn ask(&self, request: Request) -> Answer {
        let count = u64::try_from(self.senders.len()).unwrap_or(1);
        let place = usize::try_from(request.team.0.unsigned_abs() % count).unwrap_or(0);
        let (answer, answered) = oneshot::channel();
        let sent = self.senders[place].try_send(Job { request, answer });
        sent.map_err(|_| WriteError::Overloaded)?;
        answered.await.unwrap_or(Err(WriteError::Overloaded))
    }
}

/// Runs the one writer of a file on a thread of its own. Its next step is what everybody waits for;
/// as a task it would stand in line behind calls, and SQLite would have nothing to do meanwhile.
fn alone(writer: impl Future<Output = ()> + Send + 'static) {
    std::thread::spawn(move || {
        match tokio::runtime::Builder::new_current_thread().enable_time().build() {
            Ok(runtime) => runtime.block_on(writer),
            // Nobody hears requests any more, which ends the server.
            Err(error) => tracing::error!(%error, "the writer cannot run"),
        }
    });
}

struct Writer {
    transactions: Transactions,
    on_commit: OnCommit,
    failed: WriteFailed,
}

/// What is decided, with who waits for it.
#[derive(Default)]
struct Done {
    commits: Vec<Commit>,
    answers: Vec<(oneshot::Sender<Answer>, Answer)>,
}

impl Writer {
    async fn run(self, mut jobs: mpsc::Receiver<Job>) {
        let mut waiting = Vec::new();
        let mut done = Done::default();
        while jobs.recv_many(&mut waiting, BATCH).await > 0 {
            while !waiting.is_empty() {
                let batch = next_batch(&mut waiting);
                // What is on disk is told while the database is busy with the next batch.
                (done, ()) =
                    tokio::join!(self.batch(batch), async { self.tell(std::mem::take(&mut done)) });
            }
            if jobs.is_empty() {
                self.tell(std::mem::take(&mut done));
            }
        }
        self.tell(done);
    }

    async fn batch(&self, jobs: Vec<Job>) -> Done {
        let (requests, answers): (Vec<_>, Vec<_>) =
            jobs.into_iter().map(|job| (job.request, job.answer)).unzip();
        match self.failed.note(self.transactions.run(&requests).await) {
            Ok(decided) => Done::of(answers, decided),
            Err(_) if requests.len() > 1 => {
                let mut done = Done::default();
                for (request, answer) in requests.into_iter().zip(answers) {
                    let one = Done::of(vec![answer], self.single(request).await);
                    done.commits.extend(one.commits);
                    done.answers.extend(one.answers);
                }
                done
            }
            Err(failure) => Done::of(answers, Decided::failed(failure)),
        }
    }

    async fn single(&self, request: Request) -> Decided {
        let mut tries = 0;
        loop {
            match self.failed.note(self.transactions.run(std::slice::from_ref(&request)).await) {
                Ok(decided) => return decided,
                // Another server was first; with its rows in sight the rules will say what that
                // means.
                Err(StoreError::Conflict(_)) if tries < 3 => tries += 1,
                Err(failure) => return Decided::failed(failure),
            }
        }
    }

    fn tell(&self, done: Done) {
        done.commits.into_iter().for_each(|commit| (self.on_commit)(commit));
        for (waiting, answer) in done.answers {
            // Whoever stopped waiting asks again with the same request id.
            let _ = waiting.send(answer);
        }
    }
}

impl Done {
    fn of(waiting: Vec<oneshot::Sender<Answer>>, decided: Decided) -> Self {
        let commits = decided.commit.into_iter().collect();
        Done { commits, answers: waiting.into_iter().zip(decided.answers).collect() }
    }
}

/// What goes into one transaction: all that waits, up to a request that wants one for itself.
fn next_batch(waiting: &mut Vec<Job>) -> Vec<Job> {
    let alone = waiting.iter().position(|job| job.request.command.locks() != Locks::Team);
    let count = match alone {
        Some(0) => 1,
        Some(place) => place,
        None => waiting.len(),
    };
    waiting.drain(..count).collect()
}

#[cfg(test)]
mod tests {
    use futures_util::future::FutureExt as _;

    use super::*;

    #[test]
    fn they_are_there_until_one_is_gone() {
        let (sender, jobs) = mpsc::channel(2);
        let writers = Writers { senders: vec![sender], failed: WriteFailed::default() };
        assert!(writers.gone().now_or_never().is_none() && writers.are_there());
        drop(jobs);
        assert!(writers.gone().now_or_never().is_some() && !writers.are_there());
    }
}
