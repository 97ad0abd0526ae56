//! What can be asked for about tickets.

use super::{MessageWords, Priority, TicketWords};
use crate::domain::command::{Checked, Locks, Rules, WhenLapsed};
use crate::domain::decide::Draft;
use crate::domain::ids::{GroupId, MemberId, Revision, TicketId};
use crate::domain::refusal::Refusal;
use crate::domain::request::{Caller, Reply};
use crate::domain::ticket::MessageKind;
use crate::domain::words::{Digest, Prepared};
use crate::domain::world::{Needs, Tickets};

/// A call for help.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The hash of the customer's secret; the idempotency key.
    pub secret_hash: Digest,
    /// Digest of the body: a retry has the same.
    pub body_digest: Digest,
    /// The chosen group, as far as it could be read.
    pub group: Option<GroupId>,
    /// What the customer wrote.
    pub words: Checked<Prepared<TicketWords>>,
}

/// A change to a ticket that somebody wants.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields are the contract's, and say what they are")]
pub enum TicketCommand {
    Submit(Box<Submission>),
    Take {
        number: i64,
        version: Option<Revision>,
        from: Option<MemberId>,
    },
    Next,
    Assign {
        number: i64,
        version: Revision,
        operator: Option<Option<MemberId>>,
        group: Option<Option<GroupId>>,
    },
    SetPriority {
        number: i64,
        version: Revision,
        priority: Checked<Priority>,
    },
    SetTags {
        number: i64,
        version: Revision,
        words: Checked<Option<Prepared<TicketWords>>>,
    },
    Reply {
        number: i64,
        version: Option<Revision>,
        text: Checked<Prepared<MessageWords>>,
    },
    Note {
        number: i64,
        version: Option<Revision>,
        text: Checked<Prepared<MessageWords>>,
    },
    Close {
        number: i64,
        version: Revision,
    },
    Reopen {
        number: i64,
        version: Revision,
    },
    CustomerWrite {
        text: Checked<Prepared<MessageWords>>,
    },
    CustomerCancel,
    StillNeeded,
    Expire {
        ticket: TicketId,
    },
}

impl TicketCommand {
    /// The number of the ticket it names, and the version at which its caller saw it, if it says
    /// so.
    pub fn target(&self) -> Option<(i64, Option<Revision>)> {
        match self {
            Self::Assign { number, version, .. }
            | Self::SetPriority { number, version, .. }
            | Self::SetTags { number, version, .. }
            | Self::Close { number, version }
            | Self::Reopen { number, version } => Some((*number, Some(*version))),
            Self::Take { number, version, .. }
            | Self::Reply { number, version, .. }
            | Self::Note { number, version, .. } => Some((*number, *version)),
            Self::Submit(_)
            | Self::Next
            | Self::CustomerWrite { .. }
            | Self::CustomerCancel
            | Self::StillNeeded
            | Self::Expire { .. } => None,
        }
    }
}

impl Rules for TicketCommand {
    fn needs(&self, caller: Caller) -> Needs {
        let secret = match (self, caller) {
            (Self::Submit(submission), _) => Some(submission.secret_hash),
            (_, Caller::Customer(_, secret)) => Some(secret),
            _ => None,
        };
        let ticket = match self {
            Self::Expire { ticket } => Some(*ticket),
            _ => None,
        };
        Needs {
            number: self.target().map(|(number, _)| number),
            ticket,
            secret,
            tickets: match (self, caller) {
                (Self::Next, Caller::Member(member)) => Some(Tickets::WaitingFor(member)),
                _ => None,
            },
            ..Needs::default()
        }
    }

    fn locks(&self) -> Locks {
        match self {
            Self::Submit(_)
            | Self::Next
            | Self::Take { .. }
            | Self::Assign { .. }
            | Self::SetPriority { .. }
            | Self::SetTags { .. }
            | Self::Reply { .. }
            | Self::Note { .. }
            | Self::Close { .. }
            | Self::Reopen { .. }
            | Self::CustomerWrite { .. }
            | Self::CustomerCancel
            | Self::StillNeeded
            | Self::Expire { .. } => Locks::Team,
        }
    }

    fn when_lapsed(&self) -> WhenLapsed {
        match self {
            Self::Submit(_)
            | Self::Take { .. }
            | Self::Next
            | Self::Assign { .. }
            | Self::SetPriority { .. }
            | Self::SetTags { .. }
            | Self::Reply { .. }
            | Self::Note { .. }
            | Self::Close { .. }
            | Self::Reopen { .. } => WhenLapsed::Refused,
            // Customers' words on open tickets are kept; ended ones stay so: see the rule.
            Self::CustomerWrite { .. } | Self::CustomerCancel | Self::StillNeeded => {
                WhenLapsed::Done
            }
            Self::Expire { .. } => WhenLapsed::Waits,
        }
    }

    fn decide(&self, draft: &mut Draft) -> Result<Reply, Refusal> {
        match self {
            Self::Submit(submission) => draft.submit(submission),
            Self::CustomerWrite { text } => draft.customer_write(text),
            Self::CustomerCancel => draft.customer_cancel(),
            Self::StillNeeded => draft.still_needed(),
            Self::Take { number, version, from } => draft.take(*number, *version, *from),
            Self::Next => draft.next(),
            Self::Assign { number, version, operator, group } => {
                draft.assign(*number, *version, *operator, *group)
            }
            Self::SetPriority { number, version, priority } => {
                draft.set_priority(*number, *version, priority)
            }
            Self::SetTags { number, version, words } => draft.set_tags(*number, *version, words),
            Self::Reply { number, version, text } => {
                draft.write(*number, *version, MessageKind::Reply, text)
            }
            Self::Note { number, version, text } => {
                draft.write(*number, *version, MessageKind::Note, text)
            }
            Self::Close { number, version } => draft.close(*number, *version),
            Self::Reopen { number, version } => draft.reopen(*number, *version),
            Self::Expire { ticket } => draft.expire(*ticket),
        }
    }
}
