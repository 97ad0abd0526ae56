//! Deskbell's nouns and rules, as pure functions from (state, command, caller, time) to events.
//!
//! Nothing here knows of async, SQL, protobuf, clocks or randomness: time and salts come in as
//! values, so that tests own them. Start reading at [`decide`], which is the one way in for every
//! change; [`Viewer`] says who sees what.

mod account;
mod command;
mod decide;
mod directory;
mod event;
mod follow_up;
mod former;
mod group;
mod ids;
mod member;
mod names;
mod organization;
mod profile;
mod refusal;
mod request;
mod team;
#[cfg(test)]
mod tests;
pub mod text;
mod ticket;
mod words;
mod world;

pub use account::SESSION_IDLE;
pub use account::{
    Account, AccountCommand, AccountDraft, AccountEvent, NewSession, OneTimeCode, Redemption,
};
pub use command::{Checked, Command, Locks, WhenLapsed};
pub use decide::{Decision, decide};
pub use directory::{DirectoryEvent, Item, ItemId};
pub use event::{Actor, Change, Event, actor_name};
pub use follow_up::{AT_ONCE, FollowUp, Following, SLICE, Slice};
pub use former::Former;
pub use group::{ERASE_AT_ONCE, Group, GroupCommand, GroupWords, UNDELETE_FOR, Visibility};
pub use ids::{
    AccountId, ContentId, GroupId, MemberId, MessageId, OrganizationId, ProfileId, Revision,
    TeamId, TicketId,
};
pub use member::{Member, MemberCommand, MemberDraft, MemberState, MemberWords};
pub use names::FormerNames;
pub use organization::{Organization, OrganizationCommand, OrganizationWords, Organizations};
pub use profile::{
    Branding, Fallback, Profile, ProfileCommand, ProfileDraft, ProfileState, ProfileTexts,
    ProfileWords, Warning, color, lint,
};
pub use refusal::Refusal;
pub use request::{Caller, Memory, Reply, Request};
pub use team::{Past, QueueMode, Settings, Team, TeamChanges, TeamCommand, TeamWords};
pub use ticket::sight::{Sight, Viewer};
pub use ticket::{
    Extras, Message, MessageEntry, MessageKind, MessageWords, Origin, Priority, State, Submission,
    Ticket, TicketChange, TicketCommand, TicketEntry, TicketWords, What,
};
pub use words::{ContentRef, Digest, Entry, NewWords, Prepared, Salt, sha256};
pub use world::{Needs, Tickets, World};

/// A moment, in milliseconds since 1970-01-01 UTC.
pub type Millis = i64;
