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
use super::ticket::sight::Sight;
use super::ticket::{Message, MessageWords, Priority, Ticket, TicketWords};
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

/// What happened to a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A customer rang.
    Submitted,
    /// A member made it their own.
    Taken,
    /// Operator or group were set.
    Assigned,
    /// The priority was set, from this one.
    Priority(Priority),
    /// A member wrote to the customer.
    Replied,
    /// A member wrote for colleagues.
    Noted,
    /// The customer wrote.
    CustomerWrote,
    /// A member closed it.
    Closed,
    /// The customer took it back.
    Cancelled,
    /// A member opened it again.
    Reopened,
    /// The clock ended it.
    Expired,
    /// Its group was deleted.
    GroupDeleted,
    /// Its group came back.
    GroupRestored,
    /// Its operator is one no more.
    OperatorLeft,
    /// Its history moved to another group.
    HistoryMoved,
}

impl What {
    /// The contract's stable word.
    pub fn word(self) -> &'static str {
        match self {
            What::Submitted => "submitted",
            What::Taken => "taken",
            What::Assigned => "assigned",
            What::Priority(_) => "priority",
            What::Replied => "replied",
            What::Noted => "noted",
            What::CustomerWrote => "customer_wrote",
            What::Closed => "closed",
            What::Cancelled => "cancelled",
            What::Reopened => "reopened",
            What::Expired => "expired",
            What::GroupDeleted => "group_deleted",
            What::GroupRestored => "group_restored",
            What::OperatorLeft => "operator_left",
            What::HistoryMoved => "history_moved",
        }
    }
}

/// A ticket that changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TicketChange {
    /// Who could see it before; none: it is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Sight>,
    /// As it is now.
    pub ticket: Ticket,
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

/// What people call who did it: a member's name, "customer" or "clock". Of a member who was removed
/// the name is gone.
pub fn actor_name(team: &Team, actor: Actor) -> String {
    match actor {
        Actor::Member(member) => match team.member_name(member) {
            "" => "a former member".to_owned(),
            name => name.to_owned(),
        },
        Actor::Customer => "customer".to_owned(),
        Actor::Account(_) | Actor::Clock | Actor::Host => "clock".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::ids::{ContentId, ProfileId};
    use super::super::ticket::{Origin, State};
    use super::super::words::{ContentRef, sha256};
    use super::*;

    /// SHA-256 of nothing.
    const DIGEST: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn ticket() -> Ticket {
        Ticket {
            id: TicketId(40),
            number: 3,
            version: 9,
            customer_version: 8,
            state: State::InProgress,
            priority: Priority::High,
            operator: None,
            group: None,
            former_group: None,
            former_operator: None,
            origin: Origin::Profile(ProfileId(21)),
            secret_hash: None,
            body_digest: None,
            verified: false,
            submitted_at: 1_000,
            changed_at: 2_000,
            changed_by: Actor::Customer,
            changed: What::CustomerWrote,
            expires_at: None,
            ended_at: None,
            handled_by: Vec::new(),
            words: ContentRef { id: ContentId(41), digest: sha256(&[]) },
        }
    }

    /// The log is read for years: what was stored once must stay readable, and read as the same.
    #[test]
    fn stored_tickets_keep_their_form() {
        let bare = format!(
            r#"{{"ticket":{{"id":40,"number":3,"version":9,"customer_version":8,"state":"in_progress","priority":"high","origin":{{"profile":21}},"submitted_at":1000,"changed_at":2000,"changed_by":"customer","changed":"customer_wrote","words":{{"id":41,"digest":"{DIGEST}"}}}}}}"#
        );
        let change = TicketChange { before: None, ticket: ticket() };
        assert_eq!(serde_json::to_string(&change).expect("plain data"), bare);
        assert_eq!(serde_json::from_str::<TicketChange>(&bare).expect("was stored"), change);

        let mut full = TicketChange {
            before: Some(Sight {
                open: true,
                operator: None,
                group: Some(GroupId(11)),
                handled_by: vec![MemberId(2)],
            }),
            ticket: Ticket {
                state: State::Closed,
                operator: Some(MemberId(3)),
                group: Some(GroupId(11)),
                former_group: Some(GroupId(12)),
                former_operator: None,
                secret_hash: Some(sha256(&[])),
                body_digest: Some(sha256(&[])),
                verified: true,
                changed_by: Actor::Member(MemberId(3)),
                changed: What::Priority(Priority::Low),
                expires_at: Some(3_000),
                ended_at: Some(2_000),
                handled_by: vec![MemberId(2), MemberId(3)],
                ..ticket()
            },
        };
        let stored = serde_json::to_value(&full).expect("plain data");
        // It confirms words that are erased one day, so it is in no record.
        assert_eq!(stored["ticket"].get("body_digest"), None);
        full.ticket.body_digest = None;
        assert_eq!(
            stored["before"],
            serde_json::json!({ "open": true, "group": 11, "handled_by": [2] })
        );
        assert_eq!(stored["ticket"]["changed"], serde_json::json!({ "priority": "low" }));
        assert_eq!(stored["ticket"]["changed_by"], serde_json::json!({ "member": 3 }));
        assert_eq!(serde_json::from_value::<TicketChange>(stored).expect("was stored"), full);
    }

    #[test]
    fn a_later_versions_fields_are_no_trouble() {
        let mut stored = serde_json::to_value(TicketChange { before: None, ticket: ticket() })
            .expect("plain data");
        stored["ticket"]["merged_into"] = serde_json::json!(7);
        assert_eq!(
            serde_json::from_value::<TicketChange>(stored).expect("known fields").ticket,
            ticket()
        );
    }
}
