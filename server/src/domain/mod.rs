//! Deskbell's nouns and rules, as pure functions from (state, command, caller, time) to events.
//!
//! Nothing here knows of async, SQL, protobuf, clocks or randomness: time and salts come in as
//! values, so that tests own them. Start reading at [`decide`], which is the one way in for every
//! change; [`Viewer`] says who sees what.

mod account;
mod command;
mod event;
mod group;
mod ids;
mod lint;
mod member;
mod profile;
mod refusal;
mod request;
mod rules;
mod sight;
mod team;
pub mod text;
mod ticket;
mod words;
mod world;

pub use account::{Account, NewSession, OneTimeCode, SESSION_IDLE};
pub use command::{Checked, Command, ProfileDraft, Submission};
pub use event::{Actor, Change, Event, TicketChange, What, actor_name};
pub use group::{Group, GroupWords, Visibility};
pub use ids::{
    AccountId, ContentId, GroupId, MemberId, MessageId, ProfileId, Revision, TeamId, TicketId,
};
pub use lint::{Warning, color, lint};
pub use member::{Member, MemberState, MemberWords};
pub use profile::{Branding, Fallback, Profile, ProfileState, ProfileTexts, ProfileWords};
pub use refusal::Refusal;
pub use request::{Caller, Memory, Reply, Request};
pub use rules::{Decision, ERASE_AT_ONCE, UNDELETE_FOR, decide};
pub use sight::{Sight, Viewer};
pub use team::{QueueMode, Settings, Team, TeamWords};
pub use ticket::{
    Message, MessageKind, MessageWords, Origin, Priority, State, Ticket, TicketWords,
};
pub use words::{ContentRef, Digest, Entry, NewWords, Prepared, Salt, sha256};
pub use world::{Needs, World};

/// A moment, in milliseconds since 1970-01-01 UTC.
pub type Millis = i64;
