//! A team's directory: its settings, members, groups and profiles. They live in memory as one
//! [`Team`], in the database as rows of one table, and in the log as images, all by this file.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Millis;
use super::command::Command;
use super::former::Former;
use super::group::{Group, GroupCommand, GroupWords};
use super::ids::{GroupId, MemberId, OrganizationId, ProfileId, TeamId};
use super::member::{Member, MemberState, MemberWords};
use super::organization::{Organization, OrganizationWords, Organizations};
use super::profile::{Profile, ProfileWords};
use super::team::{Past, Settings, Team, TeamWords};
use super::text;
use super::words::{ContentRef, Entry, NewWords};

/// What is in a directory, with its words.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// The team's settings.
    Team(Entry<Settings, TeamWords>),
    /// A member.
    Member(Entry<Member, MemberWords>),
    /// A group.
    Group(Entry<Group, GroupWords>),
    /// An organization.
    Organization(Entry<Organization, OrganizationWords>),
    /// A profile.
    Profile(Entry<Profile, ProfileWords>),
}

/// What names an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemId {
    /// The team's settings, of which there is one.
    Team,
    /// A member.
    Member(MemberId),
    /// A group.
    Group(GroupId),
    /// An organization.
    Organization(OrganizationId),
    /// A profile.
    Profile(ProfileId),
}

/// Something that happened to a directory.
#[derive(Clone, Debug)]
pub enum DirectoryEvent {
    /// An item is new or changed, with what it had before. The words go into a content row, and
    /// never into the log; none: they stayed.
    Set(Box<Item>, Option<NewWords>, Former),
    /// An item is gone.
    Gone(ItemId),
}

macro_rules! item_from {
    ($($noun:ident: $image:ty, $words:ty;)*) => {
        $(impl From<Entry<$image, $words>> for Item {
            fn from(entry: Entry<$image, $words>) -> Item {
                Item::$noun(entry)
            }
        })*
    };
}

item_from! {
    Team: Settings, TeamWords;
    Member: Member, MemberWords;
    Group: Group, GroupWords;
    Organization: Organization, OrganizationWords;
    Profile: Profile, ProfileWords;
}

impl ItemId {
    /// The word that the database has for its kind.
    pub fn kind(self) -> &'static str {
        match self {
            ItemId::Team => "settings",
            ItemId::Member(_) => "member",
            ItemId::Group(_) => "group",
            ItemId::Organization(_) => "organization",
            ItemId::Profile(_) => "profile",
        }
    }

    /// Its number among those of its kind.
    pub fn number(self) -> i64 {
        match self {
            ItemId::Team => 0,
            ItemId::Member(id) => id.0,
            ItemId::Group(id) => id.0,
            ItemId::Organization(id) => id.0,
            ItemId::Profile(id) => id.0,
        }
    }

    /// What the clock does when it is due.
    pub fn when_due(self) -> Option<Command> {
        match self {
            ItemId::Group(group) => Some(GroupCommand::Erase { group }.into()),
            ItemId::Team | ItemId::Member(_) | ItemId::Organization(_) | ItemId::Profile(_) => None,
        }
    }

    /// The item with that word and number. None: a kind that only later servers know.
    pub fn of(kind: &str, number: i64) -> Option<ItemId> {
        let all = [
            ItemId::Team,
            ItemId::Member(MemberId(number)),
            ItemId::Group(GroupId(number)),
            ItemId::Organization(OrganizationId(number)),
            ItemId::Profile(ProfileId(number)),
        ];
        all.into_iter().find(|id| id.kind() == kind)
    }
}

impl Item {
    /// What names it.
    pub fn id(&self) -> ItemId {
        match self {
            Item::Team(_) => ItemId::Team,
            Item::Member(member) => ItemId::Member(member.id),
            Item::Group(group) => ItemId::Group(group.id),
            Item::Organization(organization) => ItemId::Organization(organization.id),
            Item::Profile(profile) => ItemId::Profile(profile.id),
        }
    }

    /// When the clock has something to do with it: see [`ItemId::when_due`].
    pub fn due(&self) -> Option<Millis> {
        match self {
            Item::Group(group) => group.erased_at(),
            // What an act left to do is due at once.
            Item::Team(settings) => (!settings.follow_ups.is_empty()).then_some(0),
            Item::Member(_) | Item::Organization(_) | Item::Profile(_) => None,
        }
    }

    /// Where its words are.
    pub fn content(&self) -> ContentRef {
        match self {
            Item::Team(settings) => settings.image.words,
            Item::Member(member) => member.image.words,
            Item::Group(group) => group.image.words,
            Item::Organization(organization) => organization.image.words,
            Item::Profile(profile) => profile.image.words,
        }
    }

    /// What the log and the database have of it, as JSON.
    pub fn image(&self) -> serde_json::Result<String> {
        fn json<T: Serialize>(image: &T) -> serde_json::Result<String> {
            serde_json::to_string(image)
        }
        match self {
            Item::Team(settings) => json(&settings.image),
            Item::Member(member) => json(&member.image),
            Item::Group(group) => json(&group.image),
            Item::Organization(organization) => json(&organization.image),
            Item::Profile(profile) => json(&profile.image),
        }
    }

    /// What an older image of it had that it has no longer.
    pub fn former(&self, old: &Item) -> Former {
        let fields = |item: &Item| {
            let image = item.image().unwrap_or_default();
            serde_json::from_str::<serde_json::Value>(&image).unwrap_or_default()
        };
        Former::between(&fields(old), &fields(self), &[])
    }

    /// Reads an item from its image and its words.
    pub fn read(id: ItemId, image: &str, words: &str) -> serde_json::Result<Item> {
        fn entry<T: DeserializeOwned, W: DeserializeOwned>(
            image: &str,
            words: &str,
        ) -> serde_json::Result<Entry<T, W>> {
            Ok(Entry { image: serde_json::from_str(image)?, words: serde_json::from_str(words)? })
        }
        Ok(match id {
            ItemId::Team => Item::Team(entry(image, words)?),
            ItemId::Member(_) => {
                let mut member: Entry<Member, MemberWords> = entry(image, words)?;
                // What was stored may follow an older rule.
                if let Ok(email) = text::email(&member.words.email) {
                    member.words.email_key = email.key;
                }
                Item::Member(member)
            }
            ItemId::Group(_) => Item::Group(entry(image, words)?),
            ItemId::Organization(_) => Item::Organization(entry(image, words)?),
            ItemId::Profile(_) => Item::Profile(entry(image, words)?),
        })
    }
}

impl Team {
    /// The team with these items. None: there are no settings among them, so it is no team.
    pub fn of(id: TeamId, items: Vec<Item>) -> Option<Team> {
        let settings = items.iter().find_map(|item| match item {
            Item::Team(settings) => Some(settings.clone()),
            Item::Member(_) | Item::Group(_) | Item::Organization(_) | Item::Profile(_) => None,
        })?;
        let mut team = Team {
            id,
            settings,
            members: BTreeMap::new(),
            groups: BTreeMap::new(),
            organizations: Organizations::default(),
            profiles: BTreeMap::new(),
            past: Past::default(),
        };
        for item in items {
            team.set(item);
        }
        Some(team)
    }

    /// The item with that name.
    pub fn item(&self, id: ItemId) -> Option<Item> {
        match id {
            ItemId::Team => Some(self.settings.clone().into()),
            ItemId::Member(id) => self.anybody(id).cloned().map(Item::from),
            ItemId::Group(id) => self.any_group(id).cloned().map(Item::from),
            ItemId::Organization(id) => self.organizations.get(id).cloned().map(Item::from),
            ItemId::Profile(id) => self.profiles.get(&id).cloned().map(Item::from),
        }
    }

    /// Moves on to after an event.
    pub fn apply(&mut self, event: &DirectoryEvent) {
        match event {
            DirectoryEvent::Set(item, ..) => self.set((**item).clone()),
            DirectoryEvent::Gone(id) => self.remove(*id),
        }
    }

    fn set(&mut self, item: Item) {
        match item {
            Item::Team(settings) => self.settings = settings,
            Item::Member(member) => {
                let (there, gone) = match member.state {
                    MemberState::Former => (&mut self.past.members, &mut self.members),
                    _ => (&mut self.members, &mut self.past.members),
                };
                gone.remove(&member.id);
                there.insert(member.id, member);
            }
            Item::Group(group) => {
                let there = if group.former {
                    self.groups.remove(&group.id);
                    &mut self.past.groups
                } else {
                    &mut self.groups
                };
                there.insert(group.id, group);
            }
            Item::Organization(organization) => self.organizations.insert(organization),
            Item::Profile(profile) => drop(self.profiles.insert(profile.id, profile)),
        }
    }

    fn remove(&mut self, id: ItemId) {
        match id {
            // A team's settings stay as long as it does.
            ItemId::Team => {}
            ItemId::Member(id) => drop(self.members.remove(&id)),
            ItemId::Group(id) => drop(self.groups.remove(&id)),
            ItemId::Organization(id) => self.organizations.remove(id),
            ItemId::Profile(id) => drop(self.profiles.remove(&id)),
        }
    }
}
