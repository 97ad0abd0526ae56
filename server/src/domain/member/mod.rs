//! A member of a team.

mod command;
mod rules;

use serde::{Deserialize, Serialize};

use super::ids::{AccountId, MemberId, Revision};
use super::names::FormerNames;
use super::words::ContentRef;
pub use command::{MemberCommand, MemberDraft};

/// Where a member stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberState {
    /// Asked, and has not accepted yet.
    Invited = 1,
    /// In the team.
    Active = 2,
    /// Kept out by an admin, for now.
    Disabled = 3,
    /// Was in the team once. Who acted stays known, and somebody who comes back is the same.
    Former = 4,
}

/// What the log remembers of a member.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// The member.
    pub id: MemberId,
    /// The account; none until an invitation is accepted, and of a former member.
    pub account: Option<AccountId>,
    /// Where the member stands.
    pub state: MemberState,
    /// May administrate the team.
    pub admin: bool,
    /// Assistance management is on.
    pub operator: bool,
    /// Available rather than away.
    pub available: bool,
    /// They were in the team before they were asked again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub returning: bool,
    /// The revision at which what they may see last changed; a watch from before starts over.
    pub sight_since: Revision,
    /// Address and name.
    pub words: ContentRef,
}

/// A member's address and name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MemberWords {
    /// The address, as written.
    pub email: String,
    /// The address in the form that is compared.
    pub email_key: String,
    /// The name people see.
    pub display_name: String,
    /// The names before that.
    #[serde(default, skip_serializing_if = "FormerNames::is_empty")]
    pub former_names: FormerNames,
}

impl Member {
    /// The member with their sight changed at this revision: a watch from before starts over.
    #[must_use]
    pub fn seeing_anew(mut self, revision: Revision) -> Self {
        self.sight_since = revision;
        self
    }
}
