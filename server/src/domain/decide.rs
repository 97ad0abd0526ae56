//! Deciding: what a request does, or why it does nothing. The rules themselves stand with their
//! nouns.

use super::Millis;
use super::account::AccountEvent;
use super::command::WhenLapsed;
use super::directory::{DirectoryEvent, Item, ItemId};
use super::event::{Actor, Event};
use super::ids::{ContentId, Revision};
use super::member::{Member, MemberState, MemberWords};
use super::refusal::Refusal;
use super::request::{Caller, Reply, Request};
use super::team::Team;
use super::words::{ContentRef, Entry, NewWords, Prepared, Salt, sha256};
use super::world::World;

/// What a request does.
#[derive(Clone, Debug)]
pub struct Decision {
    /// In the order in which it happened; empty: nothing was left to do.
    pub events: Vec<Event>,
    /// Who did it.
    pub actor: Actor,
    /// What the caller hears.
    pub reply: Reply,
    /// The team's next id afterwards.
    pub next_id: i64,
    /// The team's next ticket number afterwards.
    pub next_number: i64,
}

/// Decides a request. The world stays as it is; applying the events is the caller's.
pub fn decide(world: &World, request: &Request, now: Millis) -> Result<Decision, Refusal> {
    let mut draft = Draft {
        world,
        caller: request.caller,
        actor: request.caller.actor(),
        now,
        salt: request.salt,
        prepared: 0,
        revision: world.revision + 1,
        next_id: world.next_id,
        next_number: world.next_number,
        events: Vec::new(),
    };
    let mut reply = request.command.decide(&mut draft)?;
    // Whoever may not do it has heard so by now; only who may hears what is wrong with the
    // request's id.
    if let Some(Err(refusal)) = &request.memory {
        return Err(refusal.clone());
    }
    // A repeat, a dry run and what is so already change nothing.
    if !draft.events.is_empty() && draft.has_lapsed() {
        match request.command.when_lapsed() {
            WhenLapsed::Done => {}
            WhenLapsed::Refused => return Err(lapsed(request.caller)),
            WhenLapsed::Waits => {
                draft.events.clear();
                reply = Reply::Done;
            }
        }
    }
    let Draft { actor, events, next_id, next_number, .. } = draft;
    Ok(Decision { events, actor, reply, next_id, next_number })
}

/// Customers hear no more than that the service is paused.
fn lapsed(caller: Caller) -> Refusal {
    match caller {
        Caller::Widget(_) | Caller::Customer(..) => Refusal::paused(),
        Caller::Member(_) | Caller::Account(_) | Caller::Clock | Caller::Host => {
            Refusal::precondition(
                "LICENCE_LAPSED",
                "the team's licence has lapsed: until an admin renews it, everything can be read \
                 and nothing changed",
            )
        }
    }
}

/// A decision in the making.
pub(super) struct Draft<'w> {
    pub(super) world: &'w World,
    pub(super) caller: Caller,
    pub(super) actor: Actor,
    pub(super) now: Millis,
    salt: Salt,
    prepared: u64,
    pub(super) revision: Revision,
    pub(super) next_id: i64,
    pub(super) next_number: i64,
    pub(super) events: Vec<Event>,
}

pub(super) type MemberEntry = Entry<Member, MemberWords>;

impl<'w> Draft<'w> {
    pub(super) fn id(&mut self) -> i64 {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    /// Words that are ready to be kept. Each gets a salt of its own, from which neither the request's
    /// nor another's follows.
    pub(super) fn prepare<W: serde::Serialize>(&mut self, words: W) -> Prepared<W> {
        self.prepared += 1;
        let mut salt = Salt::default();
        let digest = sha256(&[&self.salt, &self.prepared.to_be_bytes()]);
        let bytes = salt.len();
        salt.copy_from_slice(&digest.0[..bytes]);
        Prepared::new(words, salt)
    }

    pub(super) fn content<W: serde::Serialize>(&mut self, prepared: &Prepared<W>) -> ContentRef {
        let id = ContentId(self.id());
        prepared.at(id)
    }

    /// An item of the directory is new or changed.
    pub(super) fn set(&mut self, item: impl Into<Item>, words: Option<NewWords>) {
        let item = item.into();
        let old = self.team().ok().and_then(|team| team.item(item.id()));
        let former = old.map(|old| item.former(&old)).unwrap_or_default();
        let set = DirectoryEvent::Set(Box::new(item), words, former);
        self.events.push(Event::Directory(set));
    }

    /// Something happened to an account.
    pub(super) fn happened(&mut self, event: AccountEvent) {
        self.events.push(Event::Account(event));
    }

    /// An item of the directory is gone.
    pub(super) fn remove(&mut self, item: ItemId) {
        self.events.push(Event::Directory(DirectoryEvent::Gone(item)));
    }

    pub(super) fn team(&self) -> Result<&'w Team, Refusal> {
        self.world.team()
    }

    /// The team's licence has come to its end.
    pub(super) fn has_lapsed(&self) -> bool {
        let team = self.world.team.as_ref();
        let end = team.and_then(|team| team.settings.licensed_until);
        end.is_some_and(|end| end <= self.now)
    }

    /// The calling member, if they are still active.
    pub(super) fn member(&self) -> Result<&'w MemberEntry, Refusal> {
        let Caller::Member(member) = self.caller else {
            return Err(Refusal::NO_TEAM);
        };
        let found = self.team()?.members.get(&member).ok_or(Refusal::NO_TEAM)?;
        match found.state {
            MemberState::Active => Ok(found),
            MemberState::Disabled => Err(Refusal::DISABLED),
            MemberState::Invited | MemberState::Former => Err(Refusal::NO_TEAM),
        }
    }

    pub(super) fn admin(&self) -> Result<&'w MemberEntry, Refusal> {
        let member = self.member()?;
        if member.admin { Ok(member) } else { Err(Refusal::NOT_ADMIN) }
    }

    /// The calling member, who can be assigned tickets.
    pub(super) fn operator(&self) -> Result<&'w MemberEntry, Refusal> {
        let member = self.member()?;
        if member.operator { Ok(member) } else { Err(Refusal::NOT_OPERATOR) }
    }
}
