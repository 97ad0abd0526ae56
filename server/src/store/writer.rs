//! The writers: whatever is waiting goes into the next commit.
//!
//! A batch is one transaction (see `transaction`). Once it is on disk it is told and answered on a task of its own, while the
//! next one is under way. A refused request costs the others nothing; if the database itself refuses the batch, its requests
//! are run one by one.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{mpsc, oneshot};

use super::directory::Directories;
use super::driver::Database;
use super::error::StoreError;
use super::transaction::{Decided, Transactions};
use crate::domain::{Change, Millis, Refusal, Reply, Request, Team};

/// What became of a request.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What the caller hears.
    pub reply: Reply,
    /// When it was decided.
    pub at: Millis,
    /// It was decided before, and this is a repeat.
    pub repeated: bool,
}

/// Why a request had no outcome.
#[derive(Clone, Debug)]
pub enum WriteError {
    /// The rules refuse it.
    Refused(Refusal),
    /// The database failed; nothing was written.
    Failed(Arc<StoreError>),
    /// The server is going away, or has too much waiting.
    Overloaded,
}

/// A change, with its team's directory as it was left.
pub(super) type Told = (Change, Option<Arc<Team>>);

pub(super) type Answer = Result<Outcome, WriteError>;

struct Job {
    request: Request,
    answer: oneshot::Sender<Answer>,
}

/// Told of every change after its commit, in the order of revisions, with the team's directory as it was left, and of the moment
/// it was on disk.
pub type Teller = Arc<dyn Fn(Vec<Told>, Instant) + Send + Sync>;

/// Requests that wait at most; beyond it callers are told to come back.
const WAITING: usize = 8_192;

/// Requests in one transaction at most.
const BATCH: usize = 1_024;

/// Hands requests to the writers.
#[derive(Clone, Debug)]
pub struct Writers {
    senders: Vec<mpsc::Sender<Job>>,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Job")
    }
}

impl Writers {
    /// Starts the writers: one on SQLite, two on PostgreSQL, which share the teams between them.
    pub fn start(database: &Database, origin: &Arc<str>, directories: &Arc<Directories>, tell: &Teller) -> Self {
        let count = match database {
            Database::Sqlite { .. } => 1,
            Database::Postgres(_) => 2,
        };
        let senders = (0..count).map(|_| {
            let (sender, receiver) = mpsc::channel(WAITING);
            let transactions = Transactions {
                database: database.clone(),
                origin: Arc::clone(origin),
                directories: Arc::clone(directories),
            };
            let (done, told) = mpsc::channel(UNTOLD);
            tokio::spawn(Writer { transactions, done }.run(receiver));
            tokio::spawn(self::tell(told, Arc::clone(tell)));
            sender
        });
        Writers { senders: senders.collect() }
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

/// A batch that is on disk, with who waits for it.
struct Done {
    answers: Vec<oneshot::Sender<Answer>>,
    decided: Decided,
}

/// Batches on disk that may wait for being told. More would only grow.
const UNTOLD: usize = 4;

struct Writer {
    transactions: Transactions,
    done: mpsc::Sender<Done>,
}

impl Writer {
    async fn run(self, mut jobs: mpsc::Receiver<Job>) {
        let mut waiting = Vec::new();
        while jobs.recv_many(&mut waiting, BATCH).await > 0 {
            let mut batch = Vec::new();
            for job in waiting.drain(..) {
                if job.request.command.is_alone() {
                    self.batch(std::mem::take(&mut batch)).await;
                    self.batch(vec![job]).await;
                } else {
                    batch.push(job);
                }
            }
            self.batch(batch).await;
        }
    }

    async fn batch(&self, jobs: Vec<Job>) {
        if jobs.is_empty() {
            return;
        }
        let (requests, answers): (Vec<_>, Vec<_>) = jobs.into_iter().map(|job| (job.request, job.answer)).unzip();
        match self.transactions.run(&requests).await {
            Ok(decided) => self.tell(answers, decided).await,
            Err(_) if requests.len() > 1 => {
                for (request, answer) in requests.into_iter().zip(answers) {
                    let decided = self.single(request).await;
                    self.tell(vec![answer], decided).await;
                }
            }
            Err(failure) => {
                let failure = Arc::new(failure);
                for answer in answers {
                    let _ = answer.send(Err(WriteError::Failed(Arc::clone(&failure))));
                }
            }
        }
    }

    async fn single(&self, request: Request) -> Decided {
        let mut tries = 0;
        loop {
            match self.transactions.run(std::slice::from_ref(&request)).await {
                Ok(decided) => return decided,
                // Another server was first; with its rows in sight the rules will say what that means.
                Err(StoreError::Conflict(_)) if tries < 3 => tries += 1,
                Err(failure) => return Decided::failed(failure),
            }
        }
    }

    /// Hands on what is on disk, so that the next batch need not wait until this one is told.
    async fn tell(&self, answers: Vec<oneshot::Sender<Answer>>, decided: Decided) {
        // Whoever tells goes on until the writer is gone.
        let _ = self.done.send(Done { answers, decided }).await;
    }
}

/// Tells and answers, batch by batch in the order of their commits.
async fn tell(mut done: mpsc::Receiver<Done>, tell: Teller) {
    while let Some(Done { answers, decided }) = done.recv().await {
        tell(decided.told, decided.on_disk);
        for (answer, outcome) in answers.into_iter().zip(decided.answers) {
            // Whoever stopped waiting asks again with the same request id.
            let _ = answer.send(outcome);
        }
    }
}
