//! A team: its settings and everyone and everything in it but its tickets.

mod command;
mod rules;

use std::collections::BTreeMap;

use deskbell_proto::fold;
use serde::{Deserialize, Serialize};

use super::follow_up::FollowUp;
use super::group::{Group, GroupWords};
use super::ids::{AccountId, GroupId, MemberId, ProfileId, TeamId};
use super::member::{Member, MemberWords};
use super::organization::Organizations;
use super::profile::{Profile, ProfileWords};
use super::ticket::Priority;
use super::ticket::sight::Viewer;
use super::words::{ContentRef, Entry};
use super::{MemberState, Millis};
pub use command::{TeamChanges, TeamCommand};

/// How tickets that nobody is assigned to find somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueMode {
    /// Only admins see them, and assign them.
    AdminAssigns = 1,
    /// All operators see them, and take them.
    SelfService = 2,
}

/// What the log remembers of a team's settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// How unassigned tickets find somebody.
    pub queue_mode: QueueMode,
    /// For tickets whose profile names none.
    pub default_priority: Priority,
    /// How long an open ticket lives, in milliseconds; none: for ever.
    pub expire_after: Option<Millis>,
    /// The IANA name of its time zone, in which its days begin and end; none: UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// When its licence ends; none: it needs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licensed_until: Option<Millis>,
    /// What earlier acts left to do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub follow_ups: Vec<FollowUp>,
    /// When the team was activated.
    pub created_at: Millis,
    /// The team's name.
    pub words: ContentRef,
}

/// The team's name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TeamWords {
    /// As it was written.
    pub name: String,
}

/// A team, whole, but for its tickets: small enough to be held in memory and read in one go.
#[derive(Clone, Debug)]
pub struct Team {
    /// The team.
    pub id: TeamId,
    /// Its settings.
    pub settings: Entry<Settings, TeamWords>,
    /// Its members.
    pub members: BTreeMap<MemberId, Entry<Member, MemberWords>>,
    /// Its groups, also those whose deletion can still be undone.
    pub groups: BTreeMap<GroupId, Entry<Group, GroupWords>>,
    /// Whom the people who write to it belong to.
    pub organizations: Organizations,
    /// Its profiles.
    pub profiles: BTreeMap<ProfileId, Entry<Profile, ProfileWords>>,
    /// Who and what was in it.
    pub past: Past,
}

/// Who and what is in a team no more. They are kept for their names, which what they did is told
/// with.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// Former members.
    pub members: BTreeMap<MemberId, Entry<Member, MemberWords>>,
    /// Groups that were deleted, and cannot come back.
    pub groups: BTreeMap<GroupId, Entry<Group, GroupWords>>,
}

impl Team {
    /// The member that an account is, if it is one and not kept out.
    pub fn member_of(&self, account: AccountId) -> Option<&Entry<Member, MemberWords>> {
        self.members
            .values()
            .find(|member| member.account == Some(account) && member.state == MemberState::Active)
    }

    /// What a member may see; none when there is no such active member.
    pub fn viewer(&self, member: MemberId) -> Option<Viewer> {
        let found = self.members.get(&member).filter(|found| found.state == MemberState::Active)?;
        let groups = self
            .groups
            .values()
            .filter(|group| group.deleted_at.is_none() && group.operators.contains(&member));
        Some(Viewer {
            member,
            admin: found.admin,
            operator: found.operator,
            groups: groups.map(|group| group.id).collect(),
            self_service: self.settings.queue_mode == QueueMode::SelfService,
            hidden_groups: self
                .groups
                .values()
                .filter(|group| group.deleted_at.is_some())
                .map(|group| group.id)
                .collect(),
        })
    }

    /// A group that is there and not deleted.
    pub fn live_group(&self, group: GroupId) -> Option<&Entry<Group, GroupWords>> {
        self.groups.get(&group).filter(|found| found.deleted_at.is_none())
    }

    /// A member who can be assigned tickets.
    pub fn operator(&self, member: MemberId) -> Option<&Entry<Member, MemberWords>> {
        self.members
            .get(&member)
            .filter(|found| found.operator && found.state == MemberState::Active)
    }

    /// A group with that name, compared in normal form and case-insensitively; also a deleted one
    /// that can come back.
    pub fn group_named(&self, name: &str) -> Option<&Entry<Group, GroupWords>> {
        let key = fold::name(name);
        self.groups.values().find(|group| fold::name(&group.words.name) == key)
    }

    /// A profile with that name, compared in the same way.
    pub fn profile_named(&self, name: &str) -> Option<&Entry<Profile, ProfileWords>> {
        let key = fold::name(name);
        self.profiles.values().find(|profile| fold::name(&profile.words.name) == key)
    }

    /// A member, or a former one.
    pub fn anybody(&self, member: MemberId) -> Option<&Entry<Member, MemberWords>> {
        self.members.get(&member).or_else(|| self.past.members.get(&member))
    }

    /// A group, or one that is no more.
    pub fn any_group(&self, group: GroupId) -> Option<&Entry<Group, GroupWords>> {
        self.groups.get(&group).or_else(|| self.past.groups.get(&group))
    }

    /// The name people saw for a member at that time, also of a former one; an empty text for
    /// nobody that the team remembers.
    pub fn member_name(&self, member: MemberId, at: Millis) -> &str {
        self.anybody(member)
            .map_or("", |found| found.words.former_names.at(&found.words.display_name, at))
    }

    /// The name that a group had at that time, likewise.
    pub fn group_name(&self, group: GroupId, at: Millis) -> &str {
        self.any_group(group).map_or("", |found| found.words.former_names.at(&found.words.name, at))
    }

    /// Active admins besides this member.
    pub fn other_admins(&self, member: MemberId) -> usize {
        self.members
            .values()
            .filter(|other| other.id != member && other.admin && other.state == MemberState::Active)
            .count()
    }
}
