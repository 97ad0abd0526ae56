//! The customer's ticket on screen: what the link reports about it, and what is being written on
//! it.

use std::time::{Duration, SystemTime};

use deskbell_proto::v1::{CustomerTicket, TicketState};

use super::form::TEXT_LIMIT;
use crate::{inert, texts::Key};

/// From when on the expiry is announced.
const EXPIRY_WARNING: Duration = Duration::from_hours(1);

/// A ticket as the link reports it: what is on disk, and what the server last said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reported {
    /// Its number, once the server acknowledged it.
    pub number: Option<i64>,
    /// The server's ticket. None: not acknowledged yet, or not heard of since the start.
    pub known: Option<CustomerTicket>,
    /// What was asked, as kept on disk.
    pub description: String,
    /// Messages that are kept on disk and not acknowledged yet, oldest first.
    pub unsent: Vec<String>,
    /// It is being taken back.
    pub cancelling: bool,
    /// The server does not know it any more.
    pub gone: bool,
}

/// The ticket and what is being written on it.
#[derive(Clone, Debug, Default)]
pub struct Ticket {
    /// What the link says.
    pub reported: Reported,
    /// The write box.
    pub message: String,
    /// What is wrong with the message.
    pub complaint: Option<Key>,
    /// The question whether to cancel is open.
    pub asks_cancel: bool,
}

impl Ticket {
    /// A ticket nobody has written on yet.
    pub fn new(reported: Reported) -> Self {
        Self { reported, ..Self::default() }
    }

    /// Where it stands, when the server has it.
    pub fn state(&self) -> Option<TicketState> {
        self.reported.known.as_ref().map(CustomerTicket::state)
    }

    /// Closed, expired or gone.
    pub fn has_ended(&self) -> bool {
        self.reported.gone
            || matches!(self.state(), Some(TicketState::Closed | TicketState::Expired))
    }

    /// Nothing of it waits to be sent, and it has ended.
    pub fn may_leave(&self) -> bool {
        self.has_ended() && (self.reported.gone || self.reported.unsent.is_empty())
    }

    /// In words.
    pub fn state_words(&self) -> Key {
        match self.state() {
            None if self.reported.number.is_none() => Key::TicketKept,
            Some(TicketState::New) => Key::StateNew,
            Some(TicketState::InProgress) => Key::StateInProgress,
            Some(TicketState::Answered) => Key::StateAnswered,
            Some(TicketState::Closed) => Key::StateClosed,
            Some(TicketState::Expired) => Key::StateExpired,
            // A state of a later server: the ticket is alive, and that is all there is to say.
            None | Some(TicketState::Unspecified) => Key::StateUnknown,
        }
    }

    /// How long until it expires, once that is under an hour: "12 min", or "40 s" at the end.
    pub fn expires_in(&self, now: SystemTime) -> Option<String> {
        let seconds = self.time_left(now)?.as_secs();
        Some(if seconds < 60 { format!("{seconds} s") } else { format!("{} min", seconds / 60) })
    }

    /// The time until it expires, once that is under an hour.
    pub fn time_left(&self, now: SystemTime) -> Option<Duration> {
        let expires =
            self.reported.known.as_ref().filter(|_| !self.has_ended())?.expire_time.as_ref()?;
        let left = SystemTime::try_from(*expires).ok()?.duration_since(now).unwrap_or_default();
        (left < EXPIRY_WARNING).then_some(left)
    }

    /// The message to send, out of the write box; a complaint instead when it cannot be sent.
    pub fn take_message(&mut self) -> Option<String> {
        let usable = !inert::is_blank(&self.message) && self.message.chars().count() <= TEXT_LIMIT;
        self.complaint = (!usable).then_some(Key::MessageLong);
        usable.then(|| std::mem::take(&mut self.message))
    }
}
