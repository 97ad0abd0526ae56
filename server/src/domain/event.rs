//! What happened. One request's events are one change of its team, at one revision.
//!
//! An event carries what it is about as it was afterwards, so that replaying the log is: the last
//! image wins. Stored events are JSON in this module's own form, independent of the contract;
//! fields are only ever added.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Millis;
use super::account::AccountEvent;
use super::directory::DirectoryEvent;
use super::ids::{AccountId, GroupId, MemberId, Revision, TeamId, TicketId};
use super::team::Team;
use super::ticket::{MessageEntry, TicketChange, TicketWords};
use super::words::{Entry, NewWords};

/// Who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// A member of the team.
    Member(MemberId),
    /// The customer of the ticket.
    Customer,
    /// An account that has no team, or none yet.
    Account(AccountId),
    /// A sweep.
    Clock,
    /// A command on the host.
    Host,
}

/// Something that happened, with the words that go into content rows and never into the log.
#[derive(Clone, Debug)]
pub enum Event {
    /// A ticket is new or changed.
    Ticket(Box<ChangedTicket>, Option<NewWords>),
    /// A message was written.
    Message(Box<MessageEntry>, NewWords),
    /// Something in the team's directory changed.
    Directory(DirectoryEvent),
    /// The history of one group belongs to another.
    HistoryMoved {
        /// Whose it was.
        from: GroupId,
        /// Whose it is.
        to: GroupId,
        /// Only of these tickets; none: all of it.
        tickets: Option<Vec<TicketId>>,
    },
    /// Words and messages of these tickets are gone; number and secret hash stay.
    TicketsErased(Vec<TicketId>),
    /// Something of the host's accounts changed.
    Account(AccountEvent),
}

/// A changed ticket with its words.
pub type ChangedTicket = Entry<TicketChange, Arc<TicketWords>>;

impl Event {
    /// The ticket that is new or changed, if it is about one.
    pub fn ticket(&self) -> Option<&ChangedTicket> {
        match self {
            Event::Ticket(entry, _) => Some(entry),
            Event::Message(..)
            | Event::Directory(_)
            | Event::HistoryMoved { .. }
            | Event::TicketsErased(_)
            | Event::Account(_) => None,
        }
    }

    /// Belongs to the host's log rather than to the team's.
    pub fn is_of_host(&self) -> bool {
        self.of_account().is_some()
    }

    /// The message that was written, if it is about one.
    pub fn message(&self) -> Option<&MessageEntry> {
        match self {
            Event::Message(entry, _) => Some(entry),
            Event::Ticket(..)
            | Event::Directory(_)
            | Event::HistoryMoved { .. }
            | Event::TicketsErased(_)
            | Event::Account(_) => None,
        }
    }

    /// What it says of an account, if anything.
    pub fn of_account(&self) -> Option<&AccountEvent> {
        match self {
            Event::Account(event) => Some(event),
            Event::Ticket(..)
            | Event::Message(..)
            | Event::Directory(_)
            | Event::HistoryMoved { .. }
            | Event::TicketsErased(_) => None,
        }
    }
}

/// All that one request did to one team, after it was committed.
#[derive(Clone, Debug)]
pub struct Change {
    /// The team; the host is one, too.
    pub team: TeamId,
    /// The team's revision of this change.
    pub revision: Revision,
    /// When it was decided.
    pub at: Millis,
    /// Who did it.
    pub actor: Actor,
    /// What happened.
    pub events: Vec<Event>,
}

/// What people called who did it at that time: a member's name, "customer" or "clock".
pub fn actor_name(team: &Team, actor: Actor, at: Millis) -> String {
    match actor {
        // Members whom earlier versions removed are not remembered.
        Actor::Member(member) => match team.member_name(member, at) {
            "" => "a former member".to_owned(),
            name => name.to_owned(),
        },
        Actor::Customer => "customer".to_owned(),
        Actor::Account(_) | Actor::Clock | Actor::Host => "clock".to_owned(),
    }
}
