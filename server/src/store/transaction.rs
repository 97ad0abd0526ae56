//! A batch as one transaction.
//!
//! It raises its teams' rows in sorted order (that is the lock, on both databases), loads what it
//! needs once, decides each request in order in memory, writes one statement a table, commits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use super::checkpoints::Checkpoints;
use super::deciding::{Deciding, Locked, Locks, MemoryKey, memory_key, secrets};
use super::directory::{self, Directories};
use super::driver::{Connection, Database, Row, values};
use super::error::StoreError;
use super::hints::{CHANGES, PAIRS, SIGN_OUTS};
use super::load::{self, Worlds};
use super::log::CHAIN_START;
use super::many::{Filled, Many, commit_with, execute_all, query_all};
use super::outcome::{Answer, Commit, Outcome, WriteError};
use super::rows;
use crate::domain::{AccountEvent, Change, Digest, Event, Reply, Request, TeamId, World};

#[cfg(test)]
mod tests;

/// Runs batches.
pub struct Transactions {
    /// Where.
    pub database: Database,
    /// What tells this server from others on the same database.
    pub origin: Arc<str>,
    /// Directories at hand.
    pub directories: Arc<Directories>,
    /// Told of all that is written.
    pub checkpoints: Checkpoints,
}

/// What became of a batch.
#[derive(Debug)]
pub struct Decided {
    /// One for each request, in their order.
    pub answers: Vec<Answer>,
    /// What is on disk now; none: nothing had to be written.
    pub commit: Option<Commit>,
}

impl Decided {
    /// A request that failed by itself.
    pub fn failed(failure: StoreError) -> Self {
        Decided { answers: vec![Err(WriteError::Failed(Arc::new(failure)))], commit: None }
    }
}

impl Transactions {
    /// Decides these requests and writes what comes of it. When this returns, it is on disk.
    ///
    /// # Errors
    ///
    /// The database failed. Nothing was written.
    pub async fn run(&self, requests: &[Request]) -> Result<Decided, StoreError> {
        let mut connection = self.database.write().await?;
        let deciding = self.begin(&mut connection, requests).await?;
        self.carry_out(connection, deciding, requests).await
    }

    /// Decides these requests, writes what comes of it, and makes it last.
    async fn carry_out(
        &self,
        mut connection: Connection,
        mut deciding: Deciding,
        requests: &[Request],
    ) -> Result<Decided, StoreError> {
        let mut rows = deciding.decide(requests)?;
        let Deciding { worlds, locks, mut changes, answers, remembers, .. } = deciding;
        if changes.is_empty() && !remembers {
            connection.roll_back().await?;
            let answers = answers.into_iter().map(|(answer, _)| answer).collect();
            return Ok(Decided { answers, commit: None });
        }
        load::add_words(&mut connection, &mut changes).await?;
        if rows::any_rare(&changes) {
            // They say what becomes of rows that are written before them.
            execute_all(&mut connection, std::mem::take(&mut rows)).await?;
            rows::write_rare(&mut connection, &changes).await?;
        }
        if !changes.is_empty() {
            hint_others(&mut connection, &self.origin, &changes).await?;
        }
        let began = Instant::now();
        commit_with(connection, rows).await?;
        let on_disk = Instant::now();
        let requests = requests.len();
        self.checkpoints.wrote();
        for (team, lock) in &locks {
            if let Some(directory) = worlds.get(team).and_then(|world| world.team.as_ref()) {
                self.directories.put(lock.directory_revision, directory);
            }
        }
        let changes: Vec<_> = changes.into_iter().map(Arc::new).collect();
        let answers = answers.into_iter().map(|(answer, index)| {
            let change = index.and_then(|index| changes.get(index)).cloned();
            answer.map(|outcome| Outcome { change, ..outcome })
        });
        let answers = answers.collect();
        let told = changes.into_iter().map(|change| {
            let directory = worlds.get(&change.team).and_then(|world| world.team.clone());
            (change, directory)
        });
        let commit = Commit { told: told.collect(), requests, began, on_disk };
        Ok(Decided { answers, commit: Some(commit) })
    }

    /// Locks the teams and loads what the requests need. The lock comes first; on PostgreSQL what
    /// is read after it is what all earlier holders of it wrote.
    async fn begin(
        &self,
        connection: &mut Connection,
        requests: &[Request],
    ) -> Result<Deciding, StoreError> {
        let needs: Vec<_> =
            requests.iter().map(|request| (request.team, request.needs())).collect();
        let mut queries = vec![lock(requests), remembered(requests), erased(requests)];
        queries.extend(load::named(&needs));
        let mut found = query_all(connection, queries).await?.into_iter();
        let mut next = || found.next().unwrap_or_default();
        let (locked, remembered, gone) = (next(), next(), next());
        let (mut worlds, locks) = self.locked(connection, locked).await?;
        let now = connection.now().await?;
        load::load(connection, &mut worlds, &needs, found.flatten().collect()).await?;
        Ok(Deciding {
            remembered: remembered.into_iter().map(read_memory).collect::<Result<_, _>>()?,
            gone: gone
                .into_iter()
                .map(|mut row| Ok((TeamId(row.next()?), row.digest()?)))
                .collect::<Result<_, StoreError>>()?,
            ..Deciding::new(now, worlds, locks)
        })
    }

    async fn locked(
        &self,
        connection: &mut Connection,
        rows: Vec<Row>,
    ) -> Result<(Worlds, Locks), StoreError> {
        let mut worlds = Worlds::new();
        let mut locks = Locks::new();
        for mut row in rows {
            let team = TeamId(row.next()?);
            let (revision, directory_revision): (i64, i64) = (row.next()?, row.next()?);
            let (next_id, next_number): (i64, i64) = (row.next()?, row.next()?);
            let chain = row.digest()?;
            let directory = match self.directories.get(team, directory_revision) {
                Some(directory) => Some(directory),
                None if directory_revision == 0 => None,
                None => directory::load(connection, team).await?.map(Arc::new),
            };
            worlds.insert(team, World::new(team, directory, revision, next_id, next_number));
            locks.insert(team, Locked { directory_revision, chain, changed: false });
        }
        Ok((worlds, locks))
    }
}

/// Raises the rows of all teams in question, in sorted order.
fn lock(requests: &[Request]) -> Filled {
    const LOCK: Many = Many {
        before: "INSERT INTO teams (team_id, revision, directory_revision, next_id, next_number, \
            chain)",
        width: 6,
        after: "ON CONFLICT (team_id) DO UPDATE SET revision = teams.revision \
                RETURNING team_id, revision, directory_revision, next_id, next_number, chain",
    };
    let mut teams: BTreeSet<TeamId> = requests.iter().map(|request| request.team).collect();
    if requests
        .iter()
        .any(|request| request.command.locks() == crate::domain::Locks::TeamAndAccounts)
    {
        teams.insert(TeamId::HOST);
    }
    LOCK.filled(teams.iter().map(|team| values![*team, 0_i64, 0_i64, 1_i64, 1_i64, CHAIN_START]))
}

/// What is remembered of these requests from before.
fn remembered(requests: &[Request]) -> Filled {
    const REMEMBERED: Many = Many {
        before: "WITH wanted (team_id, caller, request_id) AS (",
        width: 3,
        after: ") SELECT r.team_id, r.caller, r.request_id, r.fingerprint, r.reply FROM wanted w \
            CROSS JOIN requests r \
                WHERE r.team_id = w.team_id AND r.caller = w.caller AND r.request_id = \
                w.request_id",
    };
    let keys: BTreeSet<_> = requests
        .iter()
        .filter_map(|request| Some(memory_key(request, request.memory.as_ref()?.as_ref().ok()?)))
        .collect();
    REMEMBERED.filled(keys.into_iter().map(|(team, caller, id)| values![team, caller, id]))
}

fn read_memory(mut row: Row) -> Result<(MemoryKey, (Digest, Reply)), StoreError> {
    let key = (TeamId(row.next()?), row.next()?, row.next()?);
    Ok((key, (row.digest()?, row.json()?)))
}

/// Finds secrets of submits that repeat one whose ticket was erased since.
fn erased(requests: &[Request]) -> Filled {
    const TOMBSTONES: Many = Many {
        before: "WITH wanted (team_id, secret_hash) AS (",
        width: 2,
        after: ") SELECT t.team_id, t.secret_hash FROM wanted w CROSS JOIN tombstones t \
                WHERE t.team_id = w.team_id AND t.secret_hash = w.secret_hash",
    };
    TOMBSTONES.filled(secrets(requests))
}

/// Tells other servers on the same database where each team stands now, and whose sessions ended: a
/// hint to read the log sooner, sent with the commit, for as many teams as one word holds; the rest
/// is found by sweeps.
async fn hint_others(
    connection: &mut Connection,
    origin: &str,
    changes: &[Change],
) -> Result<(), StoreError> {
    // Sign-outs first, as at home.
    let events = changes.iter().flat_map(|change| &change.events);
    let accounts: BTreeSet<_> =
        events.filter_map(Event::of_account).filter_map(AccountEvent::signed_in).collect();
    for account in accounts {
        connection.notify(SIGN_OUTS, account.0.to_string()).await?;
    }
    let heads: BTreeMap<_, _> =
        changes.iter().map(|change| (change.team.0, change.revision)).collect();
    let heads: Vec<_> =
        heads.iter().take(PAIRS).map(|(team, revision)| format!("{team}:{revision}")).collect();
    connection.notify(CHANGES, format!("{origin} {}", heads.join(","))).await?;
    Ok(())
}
