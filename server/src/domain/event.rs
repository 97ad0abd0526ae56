//! What happened. One request's events are one change of its team, at one revision.
//!
//! An event carries what it is about as it was afterwards, so that replaying the log is: the last
//! image wins. Stored events are JSON in this module's own form, independent of the contract;
//! fields are only ever added.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Millis;
use super::account::{Account, NewSession, OneTimeCode};
use super::directory::DirectoryEvent;
use super::ids::{AccountId, GroupId, MemberId, Revision, TeamId, TicketId};
use super::team::Team;
use super::ticket::{Message, MessageWords, TicketChange, TicketWords};
use super::words::{Digest, Entry, NewWords};

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
    Ticket(Box<Entry<TicketChange, Arc<TicketWords>>>, Option<NewWords>),
    /// A message was written.
    Message(Box<Entry<Message, Arc<MessageWords>>>, NewWords),
    /// Something in the team's directory changed.
    Directory(DirectoryEvent),
    /// The history of one group belongs to another.
    HistoryMoved {
        /// Whose it was.
        from: GroupId,
        /// Whose it is.
        to: GroupId,
    },
    /// Words and messages of these tickets are gone; number and secret hash stay.
    TicketsErased(Vec<TicketId>),
    /// An account is new or changed. Belongs to the host's log.
    Account(Box<Account>),
    /// A one-time code was made. Its hash is no part of the log.
    CodeMade(OneTimeCode),
    /// A one-time code was used.
    CodeUsed(Digest, AccountId),
    /// A session began.
    SessionOpened(NewSession),
    /// Sessions ended: one, or all of an account but one.
    SessionsEnded {
        /// Whose.
        account: AccountId,
        /// Only this one.
        only: Option<Digest>,
        /// All but this one.
        except: Option<Digest>,
    },
}

impl Event {
    /// Belongs to the host's log rather than to the team's.
    pub fn is_of_host(&self) -> bool {
        match self {
            Event::Account(_)
            | Event::CodeMade(_)
            | Event::CodeUsed(..)
            | Event::SessionOpened(_)
            | Event::SessionsEnded { .. } => true,
            Event::Ticket(..)
            | Event::Message(..)
            | Event::Directory(_)
            | Event::HistoryMoved { .. }
            | Event::TicketsErased(_) => false,
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
