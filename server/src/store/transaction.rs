//! A batch as one transaction.
//!
//! It raises its teams' rows in sorted order (that is the lock, on both databases), loads what it needs once, decides each
//! request in order in memory, writes one statement a table – some requests' rows while the next are decided –, commits.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use super::checkpoints::Checkpoints;
use super::directory::{self, Directories};
use super::driver::{Connection, Database, Row, values};
use super::error::StoreError;
use super::hints::{CHANGES, PAIRS, SIGN_OUTS};
use super::load::{self, Worlds};
use super::log::CHAIN_START;
use super::many::{Filled, Many, commit_with, execute_all, query_all};
use super::rows::{self, Rows};
use super::writer::{Answer, Outcome, Told, WriteError};
use crate::domain::{
    self, Change, Command, Digest, Event, Memory, Millis, Needs, Refusal, Reply, Request, Revision, TeamId, World,
};
use crate::telemetry;

/// Requests that are decided in one go, at most: what they write is one errand to SQLite.
const SLICE: usize = 256;

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
    /// What is on disk now, in the order of revisions.
    pub told: Vec<Told>,
    /// When that was so.
    pub on_disk: Instant,
}

impl Decided {
    /// A request that failed by itself.
    pub fn failed(failure: StoreError) -> Self {
        Decided { answers: vec![Err(WriteError::Failed(Arc::new(failure)))], told: Vec::new(), on_disk: Instant::now() }
    }
}

/// A team's row, raised: nobody else changes it until the commit.
struct Locked {
    directory_revision: Revision,
    chain: Digest,
    changed: bool,
}

type Locks = BTreeMap<TeamId, Locked>;

/// Team, caller and request id.
type MemoryKey = (TeamId, String, String);

/// A batch being decided.
struct Deciding {
    now: Millis,
    worlds: Worlds,
    locks: Locks,
    /// What was decided before, and in this batch.
    remembered: HashMap<MemoryKey, (Digest, Reply)>,
    /// Secrets of tickets that were erased.
    gone: HashSet<(TeamId, Digest)>,
    changes: Vec<Change>,
    answers: Vec<Answer>,
    /// Something of this batch is remembered for a repeat.
    remembers: bool,
}

impl Transactions {
    /// Decides these requests and writes what comes of it. When this returns, it is on disk.
    ///
    /// # Errors
    ///
    /// The database failed. Nothing was written.
    pub async fn run(&self, requests: &[Request]) -> Result<Decided, StoreError> {
        let mut connection = self.database.write().await?;
        let mut deciding = self.begin(&mut connection, requests).await?;
        let (mut left, mut rows, mut slice) = (requests, Vec::new(), self.first_slice());
        while !left.is_empty() {
            let (these, after) = left.split_at(slice.min(left.len()));
            // While the database writes one slice, the next one is decided: with less work for each request, so it may be longer.
            let (written, decided) = tokio::join!(execute_all(&mut connection, rows), async {
                deciding.decide_slice(these, after.is_empty())
            });
            written?;
            rows = decided?;
            (left, slice) = (after, (slice * 2).min(SLICE));
        }
        let Deciding { worlds, locks, changes, answers, remembers, .. } = deciding;
        if changes.is_empty() && !remembers {
            connection.roll_back().await?;
            return Ok(Decided { answers, told: Vec::new(), on_disk: Instant::now() });
        }
        if rows::any_rare(&changes) {
            // They say what becomes of rows that are written before them.
            execute_all(&mut connection, std::mem::take(&mut rows)).await?;
            rows::write_rare(&mut connection, &changes).await?;
        }
        if !changes.is_empty() {
            hint_others(&mut connection, &self.origin, &changes).await?;
        }
        let commit_began = Instant::now();
        commit_with(connection, rows).await?;
        let on_disk = telemetry::committed(requests.len(), commit_began);
        self.checkpoints.wrote(requests.len());
        for (team, lock) in &locks {
            if let Some(directory) = worlds.get(team).and_then(|world| world.team.as_ref()) {
                self.directories.put(lock.directory_revision, directory);
            }
        }
        let told = changes.into_iter().map(|change| {
            let directory = worlds.get(&change.team).and_then(|world| world.team.clone());
            (change, directory)
        });
        Ok(Decided { answers, told: told.collect(), on_disk })
    }

    /// Requests that are decided before the first of them is written. On SQLite as many as a statement has rows at most; to
    /// PostgreSQL each statement is a journey.
    fn first_slice(&self) -> usize {
        match self.database {
            Database::Sqlite(_) => 64,
            Database::Postgres(_) => SLICE,
        }
    }

    /// Locks the teams and loads what the requests need. The lock comes first; on PostgreSQL what is read after it is what all
    /// earlier holders of it wrote.
    async fn begin(&self, connection: &mut Connection, requests: &[Request]) -> Result<Deciding, StoreError> {
        let needs: Vec<_> = requests.iter().map(|request| (request.team, Needs::of(request))).collect();
        let mut queries = vec![lock(requests), remembered(requests), erased(requests)];
        queries.extend(load::named(&needs));
        let mut found = query_all(connection, queries).await?.into_iter();
        let mut next = || found.next().unwrap_or_default();
        let (locked, remembered, gone) = (next(), next(), next());
        let (mut worlds, locks) = self.locked(connection, locked).await?;
        let now = connection.now().await?;
        load::load(connection, &mut worlds, &needs, found.flatten().collect()).await?;
        Ok(Deciding {
            now,
            worlds,
            locks,
            remembered: remembered.into_iter().map(read_memory).collect::<Result<_, _>>()?,
            gone: gone
                .into_iter()
                .map(|mut row| Ok((TeamId(row.next()?), row.digest()?)))
                .collect::<Result<_, StoreError>>()?,
            changes: Vec::new(),
            answers: Vec::with_capacity(requests.len()),
            remembers: false,
        })
    }

    async fn locked(&self, connection: &mut Connection, rows: Vec<Row>) -> Result<(Worlds, Locks), StoreError> {
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

impl Deciding {
    /// Decides some requests, the last of the batch or not, and gives what writes the rows that come of it.
    fn decide_slice(&mut self, requests: &[Request], last: bool) -> Result<Vec<Filled>, StoreError> {
        let before = self.changes.len();
        let mut replies = Vec::new();
        for request in requests {
            let answer = self.decide(request, &mut replies)?;
            self.answers.push(answer);
        }
        let mut rows = Rows::default();
        for change in &self.changes[before..] {
            if let Some(lock) = self.locks.get_mut(&change.team) {
                lock.chain = rows.add_change(change, lock.chain)?;
            }
        }
        for (request, reply) in &replies {
            rows.remember(request, reply, self.now)?;
        }
        self.remembers |= !replies.is_empty();
        let mut statements = rows.statements()?;
        if last {
            statements.push(raised(&self.worlds, &self.locks));
        }
        Ok(statements)
    }

    /// The outer error is the batch's: the request wants what was not locked. Adds the reply that a repeat will get.
    fn decide<'r>(
        &mut self,
        request: &'r Request,
        replies: &mut Vec<(&'r Request, Reply)>,
    ) -> Result<Answer, StoreError> {
        let memory = request.memory.as_ref().and_then(|memory| memory.as_ref().ok());
        let key = memory.map(|memory| memory_key(request, memory));
        if let (Some(key), Some(memory)) = (&key, memory)
            && let Some((fingerprint, reply)) = self.remembered.get(key)
        {
            return Ok(if *fingerprint == memory.fingerprint {
                Ok(Outcome { reply: reply.clone(), at: self.now, repeated: true })
            } else {
                Err(WriteError::Refused(Refusal::RequestReused))
            });
        }
        if let Command::Submit(submission) = &request.command
            && self.gone.contains(&(request.team, submission.secret_hash))
        {
            return Ok(Err(WriteError::Refused(Refusal::NotFound)));
        }
        let Some(world) = self.worlds.get_mut(&request.team) else {
            return Ok(Err(WriteError::Refused(Refusal::NotFound)));
        };
        let decision = match domain::decide(world, request, self.now) {
            Ok(decision) => decision,
            Err(refusal) => return Ok(Err(WriteError::Refused(refusal))),
        };
        let repeated = decision.events.is_empty();
        world.next_id = decision.next_id;
        world.next_number = decision.next_number;
        self.take(request, decision.events)?;
        if let (Some(key), Some(memory)) = (key, memory) {
            self.remembered.insert(key, (memory.fingerprint, decision.reply.clone()));
            replies.push((request, decision.reply.clone()));
        }
        Ok(Ok(Outcome { reply: decision.reply, at: self.now, repeated }))
    }

    /// Sorts a request's events into its team's change and the host's, and moves both worlds on.
    fn take(&mut self, request: &Request, events: Vec<Event>) -> Result<(), StoreError> {
        let (of_host, of_team): (Vec<_>, Vec<_>) = events.into_iter().partition(Event::is_of_host);
        for (team, events) in [(request.team, of_team), (TeamId::HOST, of_host)] {
            if events.is_empty() {
                continue;
            }
            let (Some(world), Some(lock)) = (self.worlds.get_mut(&team), self.locks.get_mut(&team)) else {
                return Err(StoreError::Broken("a request has events for a team that it did not lock".to_owned()));
            };
            world.apply(&events);
            world.revision += 1;
            lock.changed = true;
            if events.iter().any(Event::changes_directory) {
                lock.directory_revision = world.revision;
            }
            let actor = request.caller.actor();
            self.changes.push(Change { team, revision: world.revision, at: self.now, actor, events });
        }
        Ok(())
    }
}

/// Raises the rows of all teams in question, in sorted order.
fn lock(requests: &[Request]) -> Filled {
    const LOCK: Many = Many {
        before: "INSERT INTO teams (team_id, revision, directory_revision, next_id, next_number, chain)",
        width: 6,
        after: "ON CONFLICT (team_id) DO UPDATE SET revision = teams.revision \
                RETURNING team_id, revision, directory_revision, next_id, next_number, chain",
    };
    let mut teams: BTreeSet<TeamId> = requests.iter().map(|request| request.team).collect();
    if requests.iter().any(|request| request.command.touches_accounts()) {
        teams.insert(TeamId::HOST);
    }
    LOCK.filled(teams.iter().map(|team| values![*team, 0_i64, 0_i64, 1_i64, 1_i64, CHAIN_START]))
}

/// The changed rows of teams as they are left.
fn raised(worlds: &Worlds, locks: &Locks) -> Filled {
    const RAISE: Many = Many {
        before: "INSERT INTO teams (team_id, revision, directory_revision, next_id, next_number, chain)",
        width: 6,
        after: "ON CONFLICT (team_id) DO UPDATE SET revision = excluded.revision, \
                directory_revision = excluded.directory_revision, next_id = excluded.next_id, \
                next_number = excluded.next_number, chain = excluded.chain",
    };
    let changed =
        locks.iter().filter(|(_, lock)| lock.changed).filter_map(|(team, lock)| Some((worlds.get(team)?, lock)));
    RAISE.filled(changed.map(|(world, lock)| {
        values![world.id, world.revision, lock.directory_revision, world.next_id, world.next_number, lock.chain]
    }))
}

fn memory_key(request: &Request, memory: &Memory) -> MemoryKey {
    (request.team, request.caller.key(), memory.request_id.clone())
}

/// What is remembered of these requests from before.
fn remembered(requests: &[Request]) -> Filled {
    const REMEMBERED: Many = Many {
        before: "WITH wanted (team_id, caller, request_id) AS (",
        width: 3,
        after: ") SELECT r.team_id, r.caller, r.request_id, r.fingerprint, r.reply FROM wanted w CROSS JOIN requests r \
                WHERE r.team_id = w.team_id AND r.caller = w.caller AND r.request_id = w.request_id",
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

/// Secrets of submits that repeat one whose ticket was erased since.
fn erased(requests: &[Request]) -> Filled {
    const TOMBSTONES: Many = Many {
        before: "WITH wanted (team_id, secret_hash) AS (",
        width: 2,
        after: ") SELECT t.team_id, t.secret_hash FROM wanted w CROSS JOIN tombstones t \
                WHERE t.team_id = w.team_id AND t.secret_hash = w.secret_hash",
    };
    TOMBSTONES.filled(requests.iter().filter_map(|request| match &request.command {
        Command::Submit(submission) => Some(values![request.team, submission.secret_hash]),
        _ => None,
    }))
}

/// Tells other servers on the same database where each team stands now, and whose sessions ended: a hint to read the log
/// sooner, sent with the commit, for as many teams as one word holds; the rest is found by sweeps.
async fn hint_others(connection: &mut Connection, origin: &str, changes: &[Change]) -> Result<(), StoreError> {
    // Sign-outs first, as at home.
    let events = changes.iter().flat_map(|change| &change.events);
    let accounts: BTreeSet<_> = events
        .filter_map(|event| match event {
            Event::SessionsEnded { account, .. } => Some(account.0),
            Event::Account(account) => Some(account.id.0),
            _ => None,
        })
        .collect();
    for account in accounts {
        connection.notify(SIGN_OUTS, account.to_string()).await?;
    }
    let heads: BTreeMap<_, _> = changes.iter().map(|change| (change.team.0, change.revision)).collect();
    let heads: Vec<_> = heads.iter().take(PAIRS).map(|(team, revision)| format!("{team}:{revision}")).collect();
    connection.notify(CHANGES, format!("{origin} {}", heads.join(","))).await?;
    Ok(())
}
