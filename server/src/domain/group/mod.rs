//! A group: operators who share tickets.

mod command;
mod rules;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Millis;
use super::ids::{GroupId, MemberId};
use super::names::FormerNames;
use super::words::ContentRef;
pub use command::GroupCommand;
pub use rules::{ERASE_AT_ONCE, UNDELETE_FOR};

/// Who is offered a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Customers, where a profile shows it.
    Public = 1,
    /// Staff only.
    Internal = 2,
}

/// What the log remembers of a group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// The group.
    pub id: GroupId,
    /// Who is offered it.
    pub visibility: Visibility,
    /// The operators in it.
    pub operators: BTreeSet<MemberId>,
    /// When it was deleted; its history is hidden from then on, and erased ten minutes later.
    pub deleted_at: Option<Millis>,
    /// It is gone but for its name, which tickets that passed through it are told with.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub former: bool,
    /// Its name.
    pub words: ContentRef,
}

impl Group {
    /// When its history is erased and it is gone, if it was deleted.
    pub fn erased_at(&self) -> Option<Millis> {
        self.deleted_at.filter(|_| !self.former).map(|at| at.saturating_add(UNDELETE_FOR))
    }
}

/// A group's name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GroupWords {
    /// As it was written.
    pub name: String,
    /// The names before that.
    #[serde(default, skip_serializing_if = "FormerNames::is_empty")]
    pub former_names: FormerNames,
}
