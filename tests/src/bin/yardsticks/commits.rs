//! Yardstick C: raw group commit. A bare loop takes whatever waits, writes the rows of a submit for
//! each with single-row statements, and commits; the callers wait. No gRPC, no rules, the same
//! SQLite, the same tables and the same durability as the server.

use std::thread;
use std::time::Instant;

use deskbell_tests::measuring::Outcome;
use deskbell_tests::measuring::pace::{Calls, Pace, pace};
use deskbell_tests::measuring::program;
use deskbell_tests::measuring::writes::{Part, Setup, Write, begin_with_time};
use rusqlite::{Connection, Statement};
use tokio::sync::{mpsc, oneshot};

/// At most so many in one transaction, as in the server.
const BATCH: usize = 1_024;

/// The server's settings of its writing connection (`server/src/store/sqlite.rs`).
const PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA \
    wal_autocheckpoint = 16000; \
                       PRAGMA cache_size = -32768;";

/// Runs the yardstick's program until its orders end: commits by so many callers at once, which
/// wait for theirs.
pub async fn run() -> Outcome<()> {
    let group_commits = GroupCommits::start(program::setup().await?)?;
    while let Some(Calls { calls, in_flight }) = program::next_order().await? {
        if in_flight == 1 {
            // Nobody else is there to be counted with: a task for the one caller would only take
            // time.
            let began = Instant::now();
            for _ in 0..calls {
                group_commits.commit().await?;
            }
            program::answer(&Pace { calls, took: began.elapsed() })?;
            continue;
        }
        let commits = group_commits.clone();
        let pace = pace(calls, in_flight, move |_| {
            let commits = commits.clone();
            async move { commits.commit().await }
        });
        program::answer(&pace.await?)?;
    }
    Ok(())
}

type Waiting = oneshot::Sender<()>;

/// The loop, while it runs. It ends when this is dropped.
#[derive(Clone)]
pub struct GroupCommits {
    sender: mpsc::UnboundedSender<Waiting>,
}

impl GroupCommits {
    /// Starts it in a thread of its own.
    pub fn start(setup: Setup) -> Outcome<Self> {
        let connection = Connection::open(setup.file)?;
        connection.execute_batch(PRAGMAS)?;
        let (sender, receiver) = mpsc::unbounded_channel();
        thread::Builder::new().name("commits".to_owned()).spawn(move || {
            if let Err(error) = write(&connection, &setup.writes, receiver) {
                eprintln!("the bare loop ended: {error}");
            }
        })?;
        Ok(GroupCommits { sender })
    }

    /// Writes the rows of one more submit; answered when they are on disk.
    pub async fn commit(&self) -> Outcome<()> {
        let (answer, answered) = oneshot::channel();
        self.sender.send(answer)?;
        Ok(answered.await?)
    }
}

fn write(
    connection: &Connection,
    writes: &[Write],
    mut waiting: mpsc::UnboundedReceiver<Waiting>,
) -> rusqlite::Result<()> {
    let mut begin = connection.prepare("BEGIN IMMEDIATE")?;
    let mut commit = connection.prepare("COMMIT")?;
    let prepare = |each| {
        let writes = writes.iter().filter(move |write| write.each == each);
        writes
            .map(|write| Ok((connection.prepare(&write.sql)?, write)))
            .collect::<rusqlite::Result<Vec<_>>>()
    };
    let (mut inserts, mut updates) = (prepare(true)?, prepare(false)?);
    let mut random = fastrand::Rng::new();
    let mut count = 0;
    let mut batch = Vec::with_capacity(BATCH);
    while waiting.blocking_recv_many(&mut batch, BATCH) > 0 {
        begin.raw_execute()?;
        for _ in &batch {
            for (statement, write) in &mut inserts {
                bind(statement, write, count, &mut random)?;
                statement.raw_execute()?;
            }
            count += 1;
        }
        // Counters are raised once for all.
        for (statement, write) in &mut updates {
            bind(statement, write, count, &mut random)?;
            statement.raw_execute()?;
        }
        commit.raw_execute()?;
        for answer in batch.drain(..) {
            // Whoever stopped waiting needs no answer.
            let _ = answer.send(());
        }
    }
    Ok(())
}

fn bind(
    statement: &mut Statement,
    write: &Write,
    count: i64,
    random: &mut fastrand::Rng,
) -> rusqlite::Result<()> {
    for (place, part) in (1..).zip(&write.values) {
        match part {
            Part::Team(value) => statement.raw_bind_parameter(place, value)?,
            Part::Same(value) => statement.raw_bind_parameter(place, value)?,
            Part::Grows { from, step } => {
                statement.raw_bind_parameter(place, from + step * count)?;
            }
            Part::Random(length) | Part::Dated(length) => {
                let mut bytes = [0; 64];
                let bytes = &mut bytes[..(*length).min(64)];
                random.fill(bytes);
                if matches!(part, Part::Dated(_)) {
                    begin_with_time(bytes);
                }
                statement.raw_bind_parameter(place, &*bytes)?;
            }
        }
    }
    Ok(())
}
