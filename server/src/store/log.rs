//! The log: what happened, in a versioned form of its own, chained so that no record can be changed
//! or left out unseen.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::driver::{read_json, write_json};
use super::error::StoreError;
use crate::domain::{
    AccountId, Actor, Digest, Event, Group, GroupId, Member, MemberId, Message, Millis, Profile,
    Revision, Settings, TeamId, TicketChange, TicketId, sha256,
};

/// The version of the stored form that this binary writes. Fields are only ever added; kinds, too.
const VERSION: u32 = 1;

/// One change as it is stored: no words, no secrets.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record<'a> {
    /// The version of this form.
    pub v: u32,
    /// Who did it.
    pub by: Actor,
    /// What happened.
    pub events: Vec<Stored<'a>>,
}

/// One event as it is stored.
#[expect(
    clippy::large_enum_variant,
    reason = "a record has few events, which are written or read at once"
)]
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stored<'a> {
    /// See [`Event::Ticket`].
    Ticket(Cow<'a, TicketChange>),
    /// See [`Event::Message`].
    Message(Cow<'a, Message>),
    /// See [`Event::Member`].
    Member(Cow<'a, Member>),
    /// See [`Event::MemberRemoved`].
    MemberRemoved(MemberId),
    /// See [`Event::Group`].
    Group(Cow<'a, Group>),
    /// See [`Event::GroupErased`].
    GroupErased(GroupId),
    /// See [`Event::Profile`].
    Profile(Cow<'a, Profile>),
    /// See [`Event::Team`].
    Team(Cow<'a, Settings>),
    /// See [`Event::HistoryMoved`].
    HistoryMoved {
        /// Whose it was.
        from: GroupId,
        /// Whose it is.
        to: GroupId,
    },
    /// See [`Event::TicketsErased`].
    TicketsErased(Cow<'a, [TicketId]>),
    /// See [`Event::Account`].
    Account {
        /// The account.
        id: AccountId,
        /// Its place in a team.
        membership: Option<(TeamId, MemberId)>,
        /// It can sign in.
        has_password: bool,
    },
    /// See [`Event::CodeMade`].
    CodeMade {
        /// Whose password it sets.
        account: AccountId,
        /// When it stops working.
        expires_at: Millis,
    },
    /// See [`Event::CodeUsed`].
    CodeUsed {
        /// Whose.
        account: AccountId,
    },
    /// See [`Event::SessionOpened`].
    SessionOpened {
        /// Whose.
        account: AccountId,
    },
    /// See [`Event::SessionsEnded`].
    SessionsEnded {
        /// Whose.
        account: AccountId,
        /// One of them rather than all, or all but one.
        all: bool,
    },
}

impl<'a> From<&'a Event> for Stored<'a> {
    fn from(event: &'a Event) -> Self {
        match event {
            Event::Ticket(entry, _) => Stored::Ticket(Cow::Borrowed(&entry.image)),
            Event::Message(entry, _) => Stored::Message(Cow::Borrowed(&entry.image)),
            Event::Member(entry, _) => Stored::Member(Cow::Borrowed(&entry.image)),
            Event::MemberRemoved(member) => Stored::MemberRemoved(*member),
            Event::Group(entry, _) => Stored::Group(Cow::Borrowed(&entry.image)),
            Event::GroupErased(group) => Stored::GroupErased(*group),
            Event::Profile(entry, _) => Stored::Profile(Cow::Borrowed(&entry.image)),
            Event::Team(entry, _) => Stored::Team(Cow::Borrowed(&entry.image)),
            Event::HistoryMoved { from, to } => Stored::HistoryMoved { from: *from, to: *to },
            Event::TicketsErased(tickets) => Stored::TicketsErased(Cow::Borrowed(tickets)),
            Event::Account(account) => Stored::Account {
                id: account.id,
                membership: account.membership,
                has_password: account.password_hash.is_some(),
            },
            Event::CodeMade(code) => {
                Stored::CodeMade { account: code.account, expires_at: code.expires_at }
            }
            Event::CodeUsed(_, account) => Stored::CodeUsed { account: *account },
            Event::SessionOpened(session) => Stored::SessionOpened { account: session.account },
            Event::SessionsEnded { account, only, except } => {
                Stored::SessionsEnded { account: *account, all: only.is_none() && except.is_none() }
            }
        }
    }
}

/// Writes a change in the stored form.
pub fn write_record<'a>(
    by: Actor,
    events: impl Iterator<Item = &'a Event>,
) -> Result<String, StoreError> {
    write_json(&Record { v: VERSION, by, events: events.map(Stored::from).collect() })
}

/// Reads the stored form.
pub fn read_record(text: &str) -> Result<Record<'static>, StoreError> {
    read_json(text)
}

/// The chain's next link: over the one before, the team, the revision, the time and the record.
pub fn link(before: Digest, team: TeamId, revision: Revision, at: Millis, record: &str) -> Digest {
    sha256(&[
        &before.0,
        &team.0.to_be_bytes(),
        &revision.to_be_bytes(),
        &at.to_be_bytes(),
        record.as_bytes(),
    ])
}

/// What a chain begins with.
pub const CHAIN_START: Digest = Digest([0; 32]);
