//! One request, as it reaches the writer, and what comes back.

use serde::{Deserialize, Serialize};

use super::Millis;
use super::command::{Checked, Command};
use super::directory::ItemId;
use super::event::Actor;
use super::ids::{AccountId, MemberId, MessageId, ProfileId, TeamId, TicketId};
use super::ticket::Ticket;
use super::words::{Digest, Salt};
use super::world::Needs;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// An active member of the request's team, as far as is known: the rules look again.
    Member(MemberId),
    /// Somebody signed in, about themselves.
    Account(AccountId),
    /// A copy of a profile.
    Widget(ProfileId),
    /// A copy of a profile, with the secret of this hash.
    Customer(ProfileId, Digest),
    /// A sweep of the server.
    Clock,
    /// A command on the host.
    Host,
}

impl Caller {
    /// The caller as the log remembers them.
    pub fn actor(self) -> Actor {
        match self {
            Caller::Member(member) => Actor::Member(member),
            Caller::Account(account) => Actor::Account(account),
            Caller::Widget(_) | Caller::Customer(..) => Actor::Customer,
            Caller::Clock => Actor::Clock,
            Caller::Host => Actor::Host,
        }
    }

    /// The account, of somebody who calls about themselves.
    pub fn account(self) -> Option<AccountId> {
        match self {
            Caller::Account(account) => Some(account),
            _ => None,
        }
    }

    /// A text that tells callers apart where request ids are remembered.
    pub fn key(self) -> String {
        match self {
            Caller::Member(member) => format!("m{}", member.0),
            Caller::Account(account) => format!("a{}", account.0),
            Caller::Widget(profile) => format!("p{}", profile.0),
            Caller::Customer(_, secret) => format!("c{secret:?}"),
            Caller::Clock => "clock".to_owned(),
            Caller::Host => "host".to_owned(),
        }
    }
}

/// What makes a repeated request recognisable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    /// The caller's `request_id`.
    pub request_id: String,
    /// A digest of the call and its body under the host's key: it outlives the words in the body.
    pub fingerprint: Digest,
}

/// A request to change something.
#[derive(Clone, Debug)]
pub struct Request {
    /// The team, from the caller's credential.
    pub team: TeamId,
    /// Who asks.
    pub caller: Caller,
    /// None for what carries its own idempotency (a submit) or has no caller to repeat it (a
    /// sweep). A refused one is told only to those who may do what they ask for.
    pub memory: Option<Checked<Memory>>,
    /// What is wanted.
    pub command: Command,
    /// Random: what the request writes gets its salts from it.
    pub salt: Salt,
}

impl Request {
    /// What has to be loaded to decide it.
    pub fn needs(&self) -> Needs {
        self.command.needs(self.caller)
    }
}

/// What was decided, in the form in which it is remembered for a repeat: no words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Nothing more to say.
    Done,
    /// A ticket as it was left.
    Ticket(Box<Ticket>),
    /// A ticket as it was left, and what was written on it.
    Written(Box<Ticket>, MessageId),
    /// The ticket that `next` picked, with its reason.
    Next(Box<Ticket>, String),
    /// Assigned away: the caller sees it no more.
    OutOfSight(TicketId),
    /// What deleting a group did, or would do.
    GroupDeleted {
        /// Open tickets that became unassigned.
        unassigned: i64,
        /// Ended tickets that will be erased.
        erased: i64,
        /// Ended tickets that moved.
        moved: i64,
        /// Profiles that show it.
        profiles: Vec<ProfileId>,
        /// Until when it can be undone; none: it was a dry run.
        until: Option<Millis>,
    },
    /// The account it is about.
    Account(AccountId),
    /// How many.
    Count(i64),
    /// The item of the directory that it is about.
    #[serde(untagged)]
    Item(ItemId),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::GroupId;

    /// Replies are remembered for two days, so the next server reads what this one wrote.
    #[test]
    fn remembered_replies_keep_their_form() {
        for (reply, stored) in [
            (Reply::Done, r#""done""#),
            (Reply::Item(ItemId::Member(MemberId(7))), r#"{"member":7}"#),
            (Reply::Item(ItemId::Group(GroupId(7))), r#"{"group":7}"#),
            (Reply::Item(ItemId::Profile(ProfileId(7))), r#"{"profile":7}"#),
            (Reply::Account(AccountId(7)), r#"{"account":7}"#),
            (Reply::OutOfSight(TicketId(7)), r#"{"out_of_sight":7}"#),
        ] {
            assert_eq!(serde_json::to_string(&reply).expect("plain data"), stored);
            assert_eq!(serde_json::from_str::<Reply>(stored).expect("was stored"), reply);
        }
    }
}
