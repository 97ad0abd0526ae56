//! A batch being decided, in memory.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::driver::{Value, values};
use super::error::StoreError;
use super::load::Worlds;
use super::many::{Filled, Many};
use super::outcome::{Answer, Outcome, WriteError};
use super::rows::Rows;
use crate::domain::{
    self, Actor, Change, Command, Digest, Event, Memory, Millis, Refusal, Reply, Request, Revision,
    TeamId, TicketCommand,
};

/// Team, caller and request id.
pub type MemoryKey = (TeamId, String, String);

/// A team's row, which nobody else changes until the commit.
#[derive(Debug, Clone, Copy)]
pub struct Locked {
    /// When the directory was changed last.
    pub directory_revision: Revision,
    /// The end of the log's chain.
    pub chain: Digest,
    /// This batch changed it.
    pub changed: bool,
}

/// The teams of a batch.
pub type Locks = BTreeMap<TeamId, Locked>;

/// A batch being decided.
pub struct Deciding {
    /// When.
    pub now: Millis,
    /// The teams, with what was loaded of them and what was decided.
    pub worlds: Worlds,
    /// The teams' rows.
    pub locks: Locks,
    /// What was decided before, and in this batch.
    pub remembered: HashMap<MemoryKey, (Digest, Reply)>,
    /// Secrets of tickets that were erased.
    pub gone: HashSet<(TeamId, Digest)>,
    /// What came of it, in order.
    pub changes: Vec<Change>,
    /// One for each request so far, and which change is the one of its team, if any.
    pub answers: Vec<(Answer, Option<usize>)>,
    /// Something of this batch is remembered for a repeat.
    pub remembers: bool,
}

impl Deciding {
    /// Nothing decided yet.
    pub fn new(now: Millis, worlds: Worlds, locks: Locks) -> Self {
        Deciding {
            now,
            worlds,
            locks,
            remembered: HashMap::new(),
            gone: HashSet::new(),
            changes: Vec::new(),
            answers: Vec::new(),
            remembers: false,
        }
    }

    /// Decides these requests, in order, and gives what writes the rows that come of it.
    pub fn decide(&mut self, requests: &[Request]) -> Result<Vec<Filled>, StoreError> {
        let mut replies = Vec::new();
        for request in requests {
            let before = self.changes.len();
            let answer = self.decide_one(request, &mut replies)?;
            let mut changes = (before..).zip(self.changes.get(before..).unwrap_or_default());
            let change = changes.find(|(_, change)| change.team == request.team);
            self.answers.push((answer, change.map(|(index, _)| index)));
        }
        let mut rows = Rows::default();
        for change in &self.changes {
            if let Some(lock) = self.locks.get_mut(&change.team) {
                lock.chain = rows.add_change(change, lock.chain)?;
            }
        }
        for (request, reply) in &replies {
            rows.remember(request, reply, self.now)?;
        }
        self.remembers = !replies.is_empty();
        let mut statements = rows.statements()?;
        statements.push(raised(&self.worlds, &self.locks));
        Ok(statements)
    }

    /// The outer error is the batch's: the request wants what was not locked. Adds the reply that a
    /// repeat will get.
    fn decide_one<'r>(
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
                Ok(Outcome { reply: reply.clone(), at: self.now, repeated: true, change: None })
            } else {
                Err(WriteError::Refused(Refusal::RequestReused { field: "request_id" }))
            });
        }
        if let Command::Ticket(TicketCommand::Submit(submission)) = &request.command
            && self.gone.contains(&(request.team, submission.secret_hash))
        {
            return Ok(Err(WriteError::Refused(Refusal::NotFound("ticket"))));
        }
        let Some(world) = self.worlds.get_mut(&request.team) else {
            return Ok(Err(WriteError::Refused(Refusal::NotFound("ticket"))));
        };
        let decision = match domain::decide(world, request, self.now) {
            Ok(decision) => decision,
            Err(refusal) => return Ok(Err(WriteError::Refused(refusal))),
        };
        let repeated = decision.events.is_empty();
        world.next_id = decision.next_id;
        world.next_number = decision.next_number;
        self.put(request.team, decision.actor, decision.events)?;
        if let (Some(key), Some(memory)) = (key, memory) {
            self.remembered.insert(key, (memory.fingerprint, decision.reply.clone()));
            replies.push((request, decision.reply.clone()));
        }
        Ok(Ok(Outcome { reply: decision.reply, at: self.now, repeated, change: None }))
    }

    /// Sorts a request's events into its team's change and the host's, and moves both worlds on.
    fn put(&mut self, of: TeamId, actor: Actor, events: Vec<Event>) -> Result<(), StoreError> {
        let (of_host, of_team): (Vec<_>, Vec<_>) = events.into_iter().partition(Event::is_of_host);
        for (team, events) in [(of, of_team), (TeamId::HOST, of_host)] {
            if events.is_empty() {
                continue;
            }
            let (Some(world), Some(lock)) = (self.worlds.get_mut(&team), self.locks.get_mut(&team))
            else {
                return Err(StoreError::Broken(
                    "a request has events for a team that it did not lock".to_owned(),
                ));
            };
            world.apply(&events);
            world.revision += 1;
            lock.changed = true;
            if events.iter().any(|event| matches!(event, Event::Directory(_))) {
                lock.directory_revision = world.revision;
            }
            self.changes.push(Change {
                team,
                revision: world.revision,
                at: self.now,
                actor,
                events,
            });
        }
        Ok(())
    }
}

/// The changed rows of teams as they are left.
fn raised(worlds: &Worlds, locks: &Locks) -> Filled {
    const RAISE: Many = Many {
        before: "INSERT INTO teams (team_id, revision, directory_revision, next_id, next_number, \
            chain)",
        width: 6,
        after: "ON CONFLICT (team_id) DO UPDATE SET revision = excluded.revision, \
                directory_revision = excluded.directory_revision, next_id = excluded.next_id, \
                next_number = excluded.next_number, chain = excluded.chain",
    };
    let changed = locks
        .iter()
        .filter(|(_, lock)| lock.changed)
        .filter_map(|(team, lock)| Some((worlds.get(team)?, lock)));
    RAISE.filled(changed.map(|(world, lock)| {
        values![
            world.id,
            world.revision,
            lock.directory_revision,
            world.next_id,
            world.next_number,
            lock.chain
        ]
    }))
}

/// What names a remembered request.
pub fn memory_key(request: &Request, memory: &Memory) -> MemoryKey {
    (request.team, request.caller.key(), memory.request_id.clone())
}

/// Secrets of calls for help, with their teams.
pub fn secrets(requests: &[Request]) -> impl Iterator<Item = [Value; 2]> {
    requests.iter().filter_map(|request| match &request.command {
        Command::Ticket(TicketCommand::Submit(submission)) => {
            Some(values![request.team, submission.secret_hash])
        }
        _ => None,
    })
}
