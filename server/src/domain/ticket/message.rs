//! A message on a ticket.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::Millis;
use crate::domain::ids::{MemberId, MessageId, TicketId};
use crate::domain::words::ContentRef;
use crate::domain::words::Entry;

/// Who can read a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// From the customer.
    Customer = 1,
    /// To the customer.
    Reply = 2,
    /// For colleagues only.
    Note = 3,
}

impl MessageKind {
    /// All of them.
    pub const ALL: [MessageKind; 3] =
        [MessageKind::Customer, MessageKind::Reply, MessageKind::Note];
}

/// What the log remembers of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The message; later ones have greater ids.
    pub id: MessageId,
    /// The ticket it is written on.
    pub ticket: TicketId,
    /// Who can read it.
    pub kind: MessageKind,
    /// Who wrote it; none: the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<MemberId>,
    /// When.
    pub at: Millis,
    /// What it says.
    pub words: ContentRef,
}

/// A message with its words.
pub type MessageEntry = Entry<Message, Arc<MessageWords>>;

/// What a message says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MessageWords {
    /// The text.
    pub text: String,
}
