//! The contract's enums as people say and type them. What this program does not know yet is shown
//! as "other".

use clap::ValueEnum;
use deskbell_proto::v1;

/// How urgent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Priority {
    /// Can wait.
    Low,
    /// The usual.
    Normal,
    /// Before the usual.
    High,
    /// Before everything.
    Urgent,
}

impl From<Priority> for v1::Priority {
    fn from(priority: Priority) -> Self {
        match priority {
            Priority::Low => Self::Low,
            Priority::Normal => Self::Normal,
            Priority::High => Self::High,
            Priority::Urgent => Self::Urgent,
        }
    }
}

/// Where a ticket stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum State {
    /// Nobody has begun.
    New,
    /// Somebody works on it.
    InProgress,
    /// Waiting for the customer.
    Answered,
    /// Closed by a person.
    Closed,
    /// Ended by the clock.
    Expired,
}

impl From<State> for v1::TicketState {
    fn from(state: State) -> Self {
        match state {
            State::New => Self::New,
            State::InProgress => Self::InProgress,
            State::Answered => Self::Answered,
            State::Closed => Self::Closed,
            State::Expired => Self::Expired,
        }
    }
}

/// A switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

impl Switch {
    /// The switch is on.
    pub fn is_on(self) -> bool {
        self == Self::On
    }
}

/// A priority in words.
pub fn priority(value: i32) -> &'static str {
    match v1::Priority::try_from(value) {
        Ok(v1::Priority::Unspecified) => "default",
        Ok(v1::Priority::Low) => "low",
        Ok(v1::Priority::Normal) => "normal",
        Ok(v1::Priority::High) => "high",
        Ok(v1::Priority::Urgent) => "urgent",
        Err(_) => "other",
    }
}

/// A ticket's state in words.
pub fn state(value: i32) -> &'static str {
    match v1::TicketState::try_from(value) {
        Ok(v1::TicketState::New) => "new",
        Ok(v1::TicketState::InProgress) => "in progress",
        Ok(v1::TicketState::Answered) => "answered",
        Ok(v1::TicketState::Closed) => "closed",
        Ok(v1::TicketState::Expired) => "expired",
        Ok(v1::TicketState::Unspecified) | Err(_) => "other",
    }
}

/// Where a member stands, in words.
pub fn member_state(value: i32) -> &'static str {
    match v1::MemberState::try_from(value) {
        Ok(v1::MemberState::Invited) => "invited",
        Ok(v1::MemberState::Active) => "active",
        Ok(v1::MemberState::Disabled) => "disabled",
        Ok(v1::MemberState::Unspecified) | Err(_) => "other",
    }
}

/// Where a profile stands, in words.
pub fn profile_state(value: i32) -> &'static str {
    match v1::ProfileState::try_from(value) {
        Ok(v1::ProfileState::Active) => "active",
        Ok(v1::ProfileState::Paused) => "paused",
        Ok(v1::ProfileState::Revoked) => "revoked",
        Ok(v1::ProfileState::Unspecified) | Err(_) => "other",
    }
}

/// Who is offered a group, in words.
pub fn visibility(value: i32) -> &'static str {
    match v1::GroupVisibility::try_from(value) {
        Ok(v1::GroupVisibility::Public) => "public",
        Ok(v1::GroupVisibility::Internal) => "internal",
        Ok(v1::GroupVisibility::Unspecified) | Err(_) => "other",
    }
}

/// How unassigned tickets find somebody, in words.
pub fn queue_mode(value: i32) -> &'static str {
    match v1::QueueMode::try_from(value) {
        Ok(v1::QueueMode::AdminAssigns) => "admin assigns",
        Ok(v1::QueueMode::SelfService) => "self-service",
        Ok(v1::QueueMode::Unspecified) | Err(_) => "other",
    }
}

/// Who can read a message, in words.
pub fn message_kind(value: i32) -> &'static str {
    match v1::MessageKind::try_from(value) {
        Ok(v1::MessageKind::Customer) => "customer",
        Ok(v1::MessageKind::Reply) => "answer",
        Ok(v1::MessageKind::Note) => "note, for colleagues only",
        Ok(v1::MessageKind::Unspecified) | Err(_) => "other",
    }
}

/// Who asks, for a column: whom they belong to, or else their address.
pub fn requester(ticket: &v1::Ticket) -> &str {
    ticket.organization.as_ref().map_or(&ticket.requester, |organization| &organization.name)
}

/// Who asks, with all that is known of them.
pub fn requester_in_full(ticket: &v1::Ticket) -> String {
    let of = ticket.organization.as_ref().map(|organization| format!(", {}", organization.name));
    let proven = if ticket.requester_verified { "" } else { " (unverified)" };
    format!("{}{}{proven}", ticket.requester, of.unwrap_or_default())
}
