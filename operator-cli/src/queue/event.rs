//! What happens to the queue on screen, and what it asks to be done: the two ends of
//! `State::update`.

use crossterm::event::KeyEvent;
use deskbell_proto::v1::{Group, Identity, Member, Message, Priority, Ticket, TicketEvent};
use deskbell_proto::watch::WatchNews;

/// Something happened. The time comes beside it, as a value.
#[derive(Debug)]
pub enum Event {
    /// A key was pressed.
    Key(KeyEvent),
    /// Text was pasted. It never counts as keys, so that a pasted text cannot close tickets.
    Paste(String),
    /// The terminal has this many columns and rows now.
    Resize {
        /// Columns.
        width: u16,
        /// Rows.
        height: u16,
    },
    /// Time passed; comes about once a second.
    Tick,
    /// The watch told something.
    News(WatchNews),
    /// A call ended.
    Outcome {
        /// Of [`Action::Call`].
        id: u64,
        /// The answer, or why there is none.
        result: Result<Answer, Refusal>,
    },
    /// The operator's editor ended: the text as it is now, or why there is none.
    Edited(Result<String, String>),
}

/// Something to do outside of the state.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Call the server; its end comes back as [`Event::Outcome`] with the same id.
    Call {
        /// Which outcome belongs to it.
        id: u64,
        /// What to call.
        call: Call,
    },
    /// Ring the terminal's bell.
    Bell,
    /// Open the operator's editor on this text; what comes of it is [`Event::Edited`].
    Edit(String),
    /// Stop until the shell has the program go on.
    Stop,
    /// Leave.
    Quit,
}

/// A call to the server.
#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    /// Who is calling, and the team's members and groups.
    People,
    /// A ticket with its messages and history.
    Open {
        /// The ticket's number.
        number: i64,
    },
    /// A change of one ticket, based on the version that was seen.
    Change {
        /// The ticket's number.
        number: i64,
        /// The version it was seen at.
        version: i64,
        /// What to change.
        change: Change,
    },
    /// The next ticket, please.
    Next,
    /// Available or away.
    SetAvailable(bool),
}

/// A change of one ticket.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// To be the operator of what nobody has.
    Take,
    /// To be its operator instead of a colleague.
    TakeFrom {
        /// The colleague's id as a member.
        operator: String,
        /// Their name.
        name: String,
    },
    /// Somebody else's turn. An id, or empty for nobody; none leaves it as it is.
    Assign {
        /// The member.
        operator: Option<String>,
        /// The group.
        group: Option<String>,
    },
    /// How urgent it is.
    SetPriority(Priority),
    /// Something written.
    Write {
        /// For whom.
        writing: Writing,
        /// The text.
        text: String,
    },
    /// Done.
    Close,
    /// Not done after all.
    Reopen,
}

/// For whom something is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Writing {
    /// An answer to the customer.
    Reply,
    /// A note for colleagues.
    Note,
}

/// What a call came back with.
#[derive(Debug)]
pub enum Answer {
    /// For [`Call::People`].
    People {
        /// The caller.
        me: Box<Identity>,
        /// The team's members.
        members: Vec<Member>,
        /// The team's groups.
        groups: Vec<Group>,
        /// Operators see what is unassigned.
        self_service: bool,
    },
    /// For [`Call::Open`].
    Opened {
        /// The ticket.
        ticket: Box<Ticket>,
        /// What was written.
        messages: Vec<Message>,
        /// What happened.
        events: Vec<TicketEvent>,
    },
    /// For [`Call::Change`]: the ticket, when the caller still sees it.
    Changed(Option<Box<Ticket>>),
    /// For [`Call::Next`].
    Next {
        /// The ticket, taken.
        ticket: Box<Ticket>,
        /// Why this one.
        reason: String,
    },
    /// For [`Call::SetAvailable`]: what holds now.
    Available(bool),
}

/// Why a call came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// In words, already inert. When somebody else was faster: who, and what they did.
    pub text: String,
    /// The ticket is not there, or not for the caller to see.
    pub absent: bool,
}
