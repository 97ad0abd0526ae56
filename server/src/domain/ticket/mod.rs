//! A ticket and what is written on it.

mod change;
mod command;
mod customer;
mod message;
mod rules;
pub mod sight;
mod tags;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Millis;
use super::event::Actor;
use super::former::Former;
use super::ids::{GroupId, MemberId, OrganizationId, ProfileId, Revision, TicketId};
use super::words::{ContentRef, Digest, Entry};
pub use command::{Submission, TicketCommand};
pub use message::{Message, MessageEntry, MessageKind, MessageWords};
use sight::Sight;

/// How urgent a ticket is; later ones go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Can wait.
    Low = 1,
    /// The usual.
    Normal = 2,
    /// Before the usual.
    High = 3,
    /// Before everything.
    Urgent = 4,
}

impl Priority {
    /// All of them, least urgent first.
    pub const ALL: [Priority; 4] =
        [Priority::Low, Priority::Normal, Priority::High, Priority::Urgent];

    /// The word people use.
    pub fn word(self) -> &'static str {
        match self {
            Priority::Low => "low",
            Priority::Normal => "normal",
            Priority::High => "high",
            Priority::Urgent => "urgent",
        }
    }
}

/// Where a ticket stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nobody has begun.
    New = 1,
    /// Taken, answered internally or connected to.
    InProgress = 2,
    /// Waiting for the customer.
    Answered = 3,
    /// Closed by a person.
    Closed = 4,
    /// Ended by the clock.
    Expired = 5,
}

impl State {
    /// All of them.
    pub const ALL: [State; 5] =
        [State::New, State::InProgress, State::Answered, State::Closed, State::Expired];

    /// New, in progress or answered.
    pub fn is_open(self) -> bool {
        matches!(self, State::New | State::InProgress | State::Answered)
    }
}

/// Who opened a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A customer, with a copy of this profile.
    Profile(ProfileId),
    /// Staff, for a customer.
    Staff,
    /// A mail.
    Email,
}

/// What the log remembers of a ticket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ticket {
    /// The ticket.
    pub id: TicketId,
    /// Counted per team from 1, without gaps.
    pub number: i64,
    /// The revision of its last change.
    pub version: Revision,
    /// The revision of its last change that its customer can see.
    pub customer_version: Revision,
    /// Where it stands.
    pub state: State,
    /// How urgent it is.
    pub priority: Priority,
    /// Who has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<MemberId>,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupId>,
    /// The group it lost when that was deleted, as long as that can be undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former_group: Option<GroupId>,
    /// The operator it lost with that group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former_operator: Option<MemberId>,
    /// Who opened it.
    pub origin: Origin,
    /// The hash of the customer's secret for it. The secret is random and nobody's words: its hash
    /// lets nothing be guessed, and stays when the ticket is erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_hash: Option<Digest>,
    /// Digest of the submitted body: a retry has the same. It has no salt, so it is kept in the
    /// ticket's row alone, which erasing deletes, and is never written where images outlive the
    /// words: to the log, or with a remembered reply.
    #[serde(skip)]
    pub body_digest: Option<Digest>,
    /// When the server received it.
    pub submitted_at: Millis,
    /// When it last changed.
    pub changed_at: Millis,
    /// Who changed it last.
    pub changed_by: Actor,
    /// What changed last.
    pub changed: What,
    /// When it expires; none: never, or ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Millis>,
    /// When it was closed or expired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Millis>,
    /// Members who were assigned to it, answered or closed it; sorted. Remembered, not derived
    /// again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub handled_by: Vec<MemberId>,
    /// Groups that had it when somebody acted on it; sorted, and remembered likewise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub handled_in: Vec<GroupId>,
    /// What the customer wrote.
    pub words: ContentRef,
    /// What else is known of it.
    #[serde(default, skip_serializing_if = "Extras::is_empty")]
    pub extras: Extras,
}

/// Facts of a ticket that no query looks for: they are stored as one text, so that a new one needs no
/// column.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Extras {
    /// The requester's address was proven.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub verified: bool,
    /// Whom the requester belongs to, by their address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<OrganizationId>,
}

impl Extras {
    /// Nothing more is known.
    pub fn is_empty(&self) -> bool {
        self == &Extras::default()
    }
}

impl Ticket {
    /// New, in progress or answered.
    pub fn is_open(&self) -> bool {
        self.state.is_open()
    }

    /// A group that comes back later leaves it where it is now.
    pub fn forget_deleted_group(&mut self) {
        self.former_group = None;
        self.former_operator = None;
    }

    /// Remembers that somebody acted on it while this group had it.
    pub fn remember_group(&mut self, group: GroupId) {
        if let Err(place) = self.handled_in.binary_search(&group) {
            self.handled_in.insert(place, group);
        }
    }

    /// Remembers that a member handled it.
    pub fn remember_handler(&mut self, member: MemberId) {
        if let Err(place) = self.handled_by.binary_search(&member) {
            self.handled_by.insert(place, member);
        }
    }
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
    /// Its requester's domain belongs to another organization now, or to none.
    OrganizationSet,
    /// Its customer said that help is still needed.
    StillNeeded,
    /// A member set its tags.
    Tagged,
}

impl What {
    /// Somebody acted on the ticket, rather than that something happened to it.
    pub fn is_handling(self) -> bool {
        match self {
            What::Taken
            | What::Assigned
            | What::Priority(_)
            | What::Replied
            | What::Noted
            | What::Closed
            | What::Tagged => true,
            What::Submitted
            | What::CustomerWrote
            | What::Cancelled
            | What::Reopened
            | What::Expired
            | What::GroupDeleted
            | What::GroupRestored
            | What::OperatorLeft
            | What::HistoryMoved
            | What::OrganizationSet
            | What::StillNeeded => false,
        }
    }

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
            What::OrganizationSet => "organization_set",
            What::StillNeeded => "still_needed",
            What::Tagged => "tagged",
        }
    }
}

/// A ticket with its words.
pub type TicketEntry = Entry<Ticket, Arc<TicketWords>>;

/// A ticket that changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TicketChange {
    /// Who could see it before; none: it is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Sight>,
    /// What it had before.
    #[serde(default, skip_serializing_if = "Former::is_empty")]
    pub former: Former,
    /// As it is now.
    pub ticket: Ticket,
}

/// What a customer wrote when ringing, and the tags that staff put on it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TicketWords {
    /// The e-mail address, as typed.
    pub requester: String,
    /// The title, as typed; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// What is wrong.
    pub description: String,
    /// Facts that the customer left ticked.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, String>,
    /// Set by staff: each once, in alphabetical order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}
