//! What follows from an act for very many tickets. It is no part of the act's own change, for which
//! everybody else would have to wait: it comes in slices, each a change of its own, that share
//! transactions with what others ask for.
//!
//! What still has to follow stands in the team's settings, so that it goes on after a restart. A
//! slice that was cut off is done again from the start: what is done already has nothing left to
//! follow.

use serde::{Deserialize, Serialize};

use super::decide::Draft;
use super::directory::{DirectoryEvent, Item};
use super::event::{Actor, Event};
use super::ids::{GroupId, MemberId, Revision, TicketId};
use super::refusal::Refusal;
use super::request::{Caller, Reply};
use super::ticket::{Ticket, TicketEntry};

/// As many tickets are changed with the act itself.
pub const AT_ONCE: usize = 256;

/// Tickets of a slice.
pub const SLICE: usize = 64;

/// What has to follow from an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowUp {
    /// The act's revision.
    pub since: Revision,
    /// Whose act it was.
    pub by: Actor,
    /// What follows.
    pub what: Following,
}

/// What follows for each of the tickets concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Following {
    /// Open tickets of a deleted group lose it.
    GroupDeleted(GroupId),
    /// Open tickets that lost a group have it again.
    GroupRestored(GroupId),
    /// Ended tickets of one group belong to another.
    HistoryMoved {
        /// Whose they were.
        from: GroupId,
        /// Whose they are.
        to: GroupId,
    },
    /// Open tickets of an operator lose them.
    OperatorLeft(MemberId),
    /// For all open tickets it is decided anew whom their requesters belong to.
    OrganizationsChanged,
}

impl Following {
    /// Whether this takes the place of another that did not come to its end.
    fn replaces(self, other: Following) -> bool {
        match (self, other) {
            (
                Following::GroupDeleted(this) | Following::GroupRestored(this),
                Following::GroupDeleted(that) | Following::GroupRestored(that),
            ) => this == that,
            _ => self == other,
        }
    }

    /// Whether a group cannot be erased before this is done.
    pub fn needs_group(self, id: GroupId) -> bool {
        match self {
            Following::GroupDeleted(group) => group == id,
            Following::HistoryMoved { from, to } => from == id || to == id,
            Following::GroupRestored(_)
            | Following::OperatorLeft(_)
            | Following::OrganizationsChanged => false,
        }
    }

    /// Whether it moves history to a group.
    pub fn moves_to(self, id: GroupId) -> bool {
        matches!(self, Following::HistoryMoved { to, .. } if to == id)
    }
}

/// A slice of what follows.
#[derive(Clone, Debug)]
pub struct Slice {
    /// Of what.
    pub of: FollowUp,
    /// For these.
    pub tickets: Vec<TicketId>,
    /// Nothing is left after it.
    pub last: bool,
}

impl Draft<'_> {
    /// Whether so many tickets are changed with the act. If not, they are from now on among what
    /// follows. What an earlier act left to do and this one undoes is not done any more.
    pub(super) fn all_at_once(&mut self, tickets: usize, what: Following) -> Result<bool, Refusal> {
        let at_once = tickets <= AT_ONCE;
        // One act can have several follow.
        let changed = self.events.iter().rev().find_map(|event| match event {
            Event::Directory(DirectoryEvent::Set(item, ..)) => match &**item {
                Item::Team(settings) => Some(settings),
                _ => None,
            },
            _ => None,
        });
        let mut settings = changed.unwrap_or(&self.team()?.settings).clone();
        let follow_ups = &mut settings.image.follow_ups;
        let before = follow_ups.len();
        follow_ups.retain(|other| !what.replaces(other.what));
        if !at_once {
            follow_ups.push(FollowUp { since: self.revision, by: self.actor, what });
        }
        if !at_once || follow_ups.len() != before {
            self.set(settings, None);
        }
        Ok(at_once)
    }

    /// Does a slice of what follows.
    pub(super) fn follow_up(&mut self, slice: &Slice) -> Result<Reply, Refusal> {
        if self.caller != Caller::Clock {
            return Err(Refusal::NOT_ADMIN);
        }
        let team = self.team()?;
        if !team.settings.follow_ups.contains(&slice.of) {
            return Ok(Reply::Done);
        }
        self.actor = slice.of.by;
        let at_hand = slice.tickets.iter().filter_map(|id| self.world.tickets.get(id));
        if let Following::HistoryMoved { from, to } = slice.of.what {
            // What ended since in a group that was restored is its own.
            let of_group = |ticket: &&TicketEntry| {
                !ticket.is_open() && ticket.group == Some(from) && ticket.version < slice.of.since
            };
            let moved: Vec<_> = at_hand.filter(of_group).map(|ticket| ticket.id).collect();
            if !moved.is_empty() {
                self.events.push(Event::HistoryMoved { from, to, tickets: Some(moved) });
            }
        } else {
            at_hand.filter(|ticket| ticket.is_open()).for_each(|old| self.follow(old, slice.of));
        }
        if slice.last {
            let mut settings = team.settings.clone();
            settings.image.follow_ups.retain(|other| *other != slice.of);
            self.set(settings, None);
        }
        Ok(Reply::Count(i64::try_from(slice.tickets.len()).unwrap_or(i64::MAX)))
    }

    fn follow(&mut self, old: &TicketEntry, follow_up: FollowUp) {
        match follow_up.what {
            Following::GroupDeleted(group) if old.group == Some(group) => self.lose_group(old),
            Following::GroupRestored(group) if old.former_group == Some(group) => {
                self.regain_group(old, group);
            }
            // Who came back since may have been given others.
            Following::OperatorLeft(member)
                if old.operator == Some(member) && old.version < follow_up.since =>
            {
                self.lose_operator(old);
            }
            Following::OrganizationsChanged => {
                if let Ok(team) = self.team() {
                    self.set_organization(old, &team.organizations);
                }
            }
            // It was changed since the slice was made.
            Following::GroupDeleted(_)
            | Following::GroupRestored(_)
            | Following::OperatorLeft(_)
            | Following::HistoryMoved { .. } => {}
        }
    }

    /// An open ticket that is changed before what follows for it has come loses its deleted group,
    /// or the operator who left, with this change.
    pub(super) fn settled(&self, old: &Ticket, mut ticket: Ticket) -> Ticket {
        let Ok(team) = self.team() else { return ticket };
        if !old.is_open() {
            return ticket;
        }
        let is_gone = |group| team.live_group(group).is_none();
        if ticket.group == old.group && old.group.is_some_and(is_gone) {
            ticket.former_group = ticket.group.take();
            if ticket.operator == old.operator {
                ticket.former_operator = ticket.operator.take();
            }
        }
        let has_left = |operator| team.operator(operator).is_none();
        if ticket.operator == old.operator && old.operator.is_some_and(has_left) {
            ticket.operator = None;
        }
        ticket
    }
}
