//! Yardstick C: raw group commit. A bare loop takes whatever waits, writes the rows of a submit for each with single-row statements,
//! and commits; the callers wait. No gRPC, no rules, the same SQLite, the same tables and the same durability as the server.

use std::path::PathBuf;
use std::thread;

use rusqlite::{Connection, Statement};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use crate::Outcome;
use crate::calls::{Calls, Pace, pace};
use crate::program::{self, Program};
use crate::sample::{Part, Sample, SampleRow, begin_with_time};

/// At most so many in one transaction, as in the server.
const BATCH: usize = 1_024;

/// The server's settings of its writing connection (`server/src/store/driver.rs`).
const PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 16000; \
                       PRAGMA cache_size = -32768;";

/// The word that makes the benchmark be the yardstick's program.
pub const WORD: &str = "commits";

/// What a bare loop works with.
#[derive(Serialize, Deserialize)]
pub struct Setup {
    /// A copy of a server's database.
    pub file: PathBuf,
    /// What to write there.
    pub sample: Sample,
}

/// Runs the yardstick's program until its orders end: commits by so many callers at once, which wait for theirs.
pub async fn run() -> Outcome<()> {
    let group_commits = GroupCommits::start(program::setup().await?)?;
    while let Some(Calls { calls, in_flight }) = program::next_order().await? {
        let commits = group_commits.clone();
        let pace = pace(calls, in_flight, move |_| {
            let commits = commits.clone();
            async move { commits.commit().await }
        });
        program::answer(&pace.await?)?;
    }
    Ok(())
}

/// The yardstick's program, under way.
pub struct Commits {
    program: Program,
}

impl Commits {
    /// Starts it.
    pub async fn start(setup: &Setup) -> Outcome<Self> {
        Ok(Commits { program: Program::start(WORD, setup).await? })
    }

    /// So many commits by so many callers.
    pub async fn pace(&mut self, calls: usize, in_flight: usize) -> Outcome<Pace> {
        self.program.ask(&Calls { calls, in_flight }).await
    }

    /// Its process.
    pub fn id(&self) -> Outcome<u32> {
        self.program.id()
    }
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
            if let Err(error) = write(&connection, &setup.sample, receiver) {
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
    sample: &Sample,
    mut waiting: mpsc::UnboundedReceiver<Waiting>,
) -> rusqlite::Result<()> {
    let mut begin = connection.prepare("BEGIN IMMEDIATE")?;
    let mut commit = connection.prepare("COMMIT")?;
    let prepare = |is_new| {
        let rows = sample.rows.iter().filter(move |row| row.is_new == is_new);
        rows.map(|row| Ok((connection.prepare(&statement(row))?, row))).collect::<rusqlite::Result<Vec<_>>>()
    };
    let (mut inserts, mut updates) = (prepare(true)?, prepare(false)?);
    let mut random = fastrand::Rng::new();
    let mut count = 0;
    let mut batch = Vec::with_capacity(BATCH);
    while waiting.blocking_recv_many(&mut batch, BATCH) > 0 {
        begin.raw_execute()?;
        for _ in &batch {
            for (statement, row) in &mut inserts {
                bind(statement, row, count, &mut random)?;
                statement.raw_execute()?;
            }
            count += 1;
        }
        // Counters are raised once for all.
        for (statement, row) in &mut updates {
            bind(statement, row, count, &mut random)?;
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

/// The statement that writes a row; its places are numbered as the columns are.
fn statement(row: &SampleRow) -> String {
    let names: Vec<&str> = row.columns.iter().map(|(name, _)| name.as_str()).collect();
    if row.is_new {
        let places = vec!["?"; names.len()].join(", ");
        return format!("INSERT INTO {} ({}) VALUES ({places})", row.table, names.join(", "));
    }
    let is_key = |name: &str| row.key.iter().any(|key| key == name);
    let place = |(index, name): (usize, &&str)| (is_key(name), format!("{name} = ?{}", index + 1));
    let (keys, others): (Vec<_>, Vec<_>) = names.iter().enumerate().map(place).partition(|(in_key, _)| *in_key);
    let list = |places: Vec<(bool, String)>, between| {
        places.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(between)
    };
    format!("UPDATE {} SET {} WHERE {}", row.table, list(others, ", "), list(keys, " AND "))
}

fn bind(statement: &mut Statement, row: &SampleRow, count: i64, random: &mut fastrand::Rng) -> rusqlite::Result<()> {
    for (place, (_, part)) in (1..).zip(&row.columns) {
        match part {
            Part::Team(value) => statement.raw_bind_parameter(place, value)?,
            Part::Same(value) => statement.raw_bind_parameter(place, value)?,
            Part::Grows { from, step } => statement.raw_bind_parameter(place, from + step * count)?,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_rows_are_inserted_and_others_updated() {
        let columns = ["team_id", "revision", "chain"].map(|name| (name.to_owned(), Part::Random(1))).to_vec();
        let row = SampleRow { table: "teams".into(), columns, key: vec!["team_id".into()], is_new: true };
        assert_eq!(statement(&row), "INSERT INTO teams (team_id, revision, chain) VALUES (?, ?, ?)");
        let row = SampleRow { is_new: false, ..row };
        assert_eq!(statement(&row), "UPDATE teams SET revision = ?2, chain = ?3 WHERE team_id = ?1");
    }
}
