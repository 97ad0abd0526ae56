//! The writers: whatever is waiting goes into the next commit.
//!
//! A batch raises its teams' rows in sorted order (that is the lock, on both databases), loads what it needs once, decides each
//! request in order in memory, writes one multi-row statement a table, commits, tells, answers. A refused request costs the
//! others nothing; if the database itself refuses the batch, its requests are run one by one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::directory::{self, Directories};
use super::driver::{CHANGES, Connection, Database, SIGN_OUTS, values};
use super::error::StoreError;
use super::load::{self, Worlds};
use super::log::CHAIN_START;
use super::many::Many;
use super::rows::Rows;
use crate::domain::{self, Change, Digest, Millis, Needs, Refusal, Reply, Request, Revision, Team, TeamId, World};

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

type Told = (Change, Option<Arc<Team>>);

type Answer = Result<Outcome, WriteError>;

struct Job {
    request: Request,
    answer: oneshot::Sender<Answer>,
}

/// Told of every change after its commit, in the order of revisions, with the team's directory as it was left.
pub type Teller = Arc<dyn Fn(Vec<Told>) + Send + Sync>;

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
            let writer = Writer {
                database: database.clone(),
                origin: Arc::clone(origin),
                directories: Arc::clone(directories),
                tell: Arc::clone(tell),
            };
            tokio::spawn(writer.run(receiver));
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

struct Writer {
    database: Database,
    origin: Arc<str>,
    directories: Arc<Directories>,
    tell: Teller,
}

/// A team's row, raised: nobody else changes it until the commit.
struct Locked {
    directory_revision: Revision,
    chain: Digest,
    changed: bool,
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
        match self.transaction(&requests).await {
            Ok((outcomes, changes)) => {
                (self.tell)(changes);
                for (answer, outcome) in answers.into_iter().zip(outcomes) {
                    // Whoever stopped waiting asks again with the same request id.
                    let _ = answer.send(outcome);
                }
            }
            Err(_) if requests.len() > 1 => {
                for (request, answer) in requests.into_iter().zip(answers) {
                    let _ = answer.send(self.single(request).await);
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

    async fn single(&self, request: Request) -> Answer {
        let mut tries = 0;
        loop {
            match self.transaction(std::slice::from_ref(&request)).await {
                Ok((outcomes, changes)) => {
                    (self.tell)(changes);
                    return outcomes.into_iter().next().unwrap_or(Err(WriteError::Overloaded));
                }
                // Another server was first; with its rows in sight the rules will say what that means.
                Err(StoreError::Conflict(_)) if tries < 3 => tries += 1,
                Err(failure) => return Err(WriteError::Failed(Arc::new(failure))),
            }
        }
    }

    async fn transaction(&self, requests: &[Request]) -> Result<(Vec<Answer>, Vec<Told>), StoreError> {
        let mut connection = self.database.write().await?;
        let (mut worlds, mut locks) = self.lock(&mut connection, requests).await?;
        let now = connection.now().await?;
        let needs: Vec<_> = requests.iter().map(|request| (request.team, Needs::of(request))).collect();
        let remembered = remembered(&mut connection, requests).await?;
        load::load(&mut connection, &mut worlds, &needs).await?;
        let gone = gone(&mut connection, requests, &worlds).await?;

        let mut answers: Vec<Answer> = Vec::with_capacity(requests.len());
        let mut changes: Vec<Change> = Vec::new();
        let mut to_remember: Vec<(usize, Reply)> = Vec::new();
        let mut in_batch: HashMap<MemoryKey, (Digest, Reply)> = remembered;
        for (index, request) in requests.iter().enumerate() {
            let key = memory_key(request);
            if let (Some(key), Some(Ok(memory))) = (&key, &request.memory)
                && let Some((fingerprint, reply)) = in_batch.get(key)
            {
                answers.push(if *fingerprint == memory.fingerprint {
                    Ok(Outcome { reply: reply.clone(), at: now, repeated: true })
                } else {
                    Err(WriteError::Refused(Refusal::RequestReused))
                });
                continue;
            }
            if gone.contains(&index) {
                answers.push(Err(WriteError::Refused(Refusal::NotFound)));
                continue;
            }
            let Some(world) = worlds.get_mut(&request.team) else {
                answers.push(Err(WriteError::Refused(Refusal::NotFound)));
                continue;
            };
            match domain::decide(world, request, now) {
                Ok(decision) => {
                    let repeated = decision.events.is_empty();
                    world.next_id = decision.next_id;
                    world.next_number = decision.next_number;
                    changes.extend(changes_of(request, decision.events, now, &mut worlds, &mut locks)?);
                    if let (Some(key), Some(Ok(memory))) = (key, &request.memory) {
                        in_batch.insert(key, (memory.fingerprint, decision.reply.clone()));
                        to_remember.push((index, decision.reply.clone()));
                    }
                    answers.push(Ok(Outcome { reply: decision.reply, at: now, repeated }));
                }
                Err(refusal) => answers.push(Err(WriteError::Refused(refusal))),
            }
        }

        if changes.is_empty() && to_remember.is_empty() {
            return Ok((answers, Vec::new()));
        }
        let mut rows = Rows::default();
        for change in &changes {
            if let Some(lock) = locks.get_mut(&change.team) {
                lock.chain = rows.add_change(change, lock.chain)?;
            }
        }
        for (index, reply) in &to_remember {
            rows.remember(&requests[*index], reply, now)?;
        }
        rows.write(&mut connection).await?;
        raise(&mut connection, &worlds, &locks).await?;
        if !changes.is_empty() {
            hint_others(&mut connection, &self.origin, &changes).await?;
        }
        connection.commit().await?;
        for (team, lock) in &locks {
            if let Some(directory) = worlds.get(team).and_then(|world| world.team.as_ref()) {
                self.directories.put(lock.directory_revision, directory);
            }
        }
        let told = changes.into_iter().map(|change| {
            let directory = worlds.get(&change.team).and_then(|world| world.team.clone());
            (change, directory)
        });
        Ok((answers, told.collect()))
    }

    async fn lock(
        &self,
        connection: &mut Connection,
        requests: &[Request],
    ) -> Result<(Worlds, BTreeMap<TeamId, Locked>), StoreError> {
        const LOCK: Many = Many {
            before: "INSERT INTO teams (team_id, revision, directory_revision, next_id, next_number, chain) VALUES",
            width: 6,
            after: "ON CONFLICT (team_id) DO UPDATE SET revision = teams.revision \
                    RETURNING team_id, revision, directory_revision, next_id, next_number, chain",
        };
        let mut teams: BTreeSet<TeamId> = requests.iter().map(|request| request.team).collect();
        if requests.iter().any(|request| request.command.touches_accounts()) {
            teams.insert(TeamId::HOST);
        }
        let rows = teams.iter().map(|team| values![*team, 0_i64, 0_i64, 1_i64, 1_i64, CHAIN_START]).collect();
        let mut worlds = Worlds::new();
        let mut locks = BTreeMap::new();
        for mut row in LOCK.rows(connection, rows).await? {
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

/// Tells other servers on the same database where each team stands now, and whose sessions ended: a hint to read the log
/// sooner, sent with the commit. A payload has at most 8000 bytes, so it names at most 128 teams; the rest is found by sweeps.
async fn hint_others(connection: &mut Connection, origin: &str, changes: &[Change]) -> Result<(), StoreError> {
    let heads: BTreeMap<_, _> = changes.iter().map(|change| (change.team.0, change.revision)).collect();
    let heads: Vec<_> = heads.iter().take(128).map(|(team, revision)| format!("{team}:{revision}")).collect();
    connection.notify(CHANGES, format!("{origin} {}", heads.join(","))).await?;
    let events = changes.iter().flat_map(|change| &change.events);
    let accounts: BTreeSet<_> = events
        .filter_map(|event| match event {
            domain::Event::SessionsEnded { account, .. } => Some(account.0),
            domain::Event::Account(account) => Some(account.id.0),
            _ => None,
        })
        .collect();
    for account in accounts {
        connection.notify(SIGN_OUTS, account.to_string()).await?;
    }
    Ok(())
}

/// Sorts a request's events into its team's change and the host's, and moves both worlds on.
fn changes_of(
    request: &Request,
    events: Vec<domain::Event>,
    at: Millis,
    worlds: &mut Worlds,
    locks: &mut BTreeMap<TeamId, Locked>,
) -> Result<Vec<Change>, StoreError> {
    let (of_host, of_team): (Vec<_>, Vec<_>) = events.into_iter().partition(domain::Event::is_of_host);
    let parts = [(request.team, of_team), (TeamId::HOST, of_host)];
    let mut changes = Vec::new();
    for (team, events) in parts {
        if events.is_empty() {
            continue;
        }
        let (Some(world), Some(lock)) = (worlds.get_mut(&team), locks.get_mut(&team)) else {
            return Err(StoreError::Broken("a request has events for a team that it did not lock".to_owned()));
        };
        world.apply(&events);
        world.revision += 1;
        lock.changed = true;
        if events.iter().any(domain::Event::changes_directory) {
            lock.directory_revision = world.revision;
        }
        changes.push(Change { team, revision: world.revision, at, actor: request.caller.actor(), events });
    }
    Ok(changes)
}

async fn raise(
    connection: &mut Connection,
    worlds: &Worlds,
    locks: &BTreeMap<TeamId, Locked>,
) -> Result<(), StoreError> {
    const RAISE: Many = Many {
        before: "INSERT INTO teams (team_id, revision, directory_revision, next_id, next_number, chain) VALUES",
        width: 6,
        after: "ON CONFLICT (team_id) DO UPDATE SET revision = excluded.revision, \
                directory_revision = excluded.directory_revision, next_id = excluded.next_id, \
                next_number = excluded.next_number, chain = excluded.chain",
    };
    let changed =
        locks.iter().filter(|(_, lock)| lock.changed).filter_map(|(team, lock)| Some((worlds.get(team)?, lock)));
    let rows = changed.map(|(world, lock)| {
        values![world.id, world.revision, lock.directory_revision, world.next_id, world.next_number, lock.chain]
    });
    RAISE.execute(connection, rows.collect()).await
}

type MemoryKey = (TeamId, String, String);

fn memory_key(request: &Request) -> Option<MemoryKey> {
    let memory = request.memory.as_ref()?.as_ref().ok()?;
    Some((request.team, request.caller.key(), memory.request_id.clone()))
}

/// What is remembered of these requests from before.
async fn remembered(
    connection: &mut Connection,
    requests: &[Request],
) -> Result<HashMap<MemoryKey, (Digest, Reply)>, StoreError> {
    const REMEMBERED: Many = Many {
        before: "WITH wanted (team_id, caller, request_id) AS (VALUES",
        width: 3,
        after: ") SELECT r.team_id, r.caller, r.request_id, r.fingerprint, r.reply FROM wanted w CROSS JOIN requests r \
                WHERE r.team_id = w.team_id AND r.caller = w.caller AND r.request_id = w.request_id",
    };
    let keys: BTreeSet<_> = requests.iter().filter_map(memory_key).collect();
    let rows = keys.into_iter().map(|(team, caller, id)| values![team, caller, id]).collect();
    let mut found = HashMap::new();
    for mut row in REMEMBERED.rows(connection, rows).await? {
        let key = (TeamId(row.next()?), row.next()?, row.next()?);
        found.insert(key, (row.digest()?, row.json()?));
    }
    Ok(found)
}

/// Which submits repeat one whose ticket was erased since.
async fn gone(
    connection: &mut Connection,
    requests: &[Request],
    worlds: &Worlds,
) -> Result<BTreeSet<usize>, StoreError> {
    const TOMBSTONES: Many = Many {
        before: "WITH wanted (team_id, secret_hash) AS (VALUES",
        width: 2,
        after: ") SELECT t.team_id, t.secret_hash FROM wanted w CROSS JOIN tombstones t \
                WHERE t.team_id = w.team_id AND t.secret_hash = w.secret_hash",
    };
    // Two submits of one batch may have the same secret.
    let mut asked: HashMap<(TeamId, Digest), Vec<usize>> = HashMap::new();
    for (index, request) in requests.iter().enumerate() {
        if let domain::Command::Submit(submission) = &request.command {
            let known =
                worlds.get(&request.team).is_some_and(|world| world.ticket_of(submission.secret_hash).is_some());
            if !known {
                asked.entry((request.team, submission.secret_hash)).or_default().push(index);
            }
        }
    }
    let rows = asked.keys().map(|(team, secret)| values![*team, *secret]).collect();
    let mut gone = BTreeSet::new();
    for mut row in TOMBSTONES.rows(connection, rows).await? {
        gone.extend(asked.get(&(TeamId(row.next()?), row.digest()?)).into_iter().flatten());
    }
    Ok(gone)
}
