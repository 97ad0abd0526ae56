//! What can be asked for about groups.

use super::Visibility;
use crate::domain::command::{Locks, Rules, WhenLapsed};
use crate::domain::decide::Draft;
use crate::domain::ids::{GroupId, MemberId};
use crate::domain::refusal::Refusal;
use crate::domain::request::{Caller, Reply};
use crate::domain::world::{Needs, Tickets};

/// A change to a group that somebody wants.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields are the contract's, and say what they are")]
pub enum GroupCommand {
    Create {
        name: String,
        visibility: Visibility,
    },
    Update {
        group: GroupId,
        name: Option<String>,
        visibility: Option<Visibility>,
    },
    Delete {
        group: GroupId,
        dry_run: bool,
        confirm: i64,
        move_to: Option<GroupId>,
    },
    Undelete {
        group: GroupId,
    },
    AddOperator {
        group: GroupId,
        member: MemberId,
    },
    RemoveOperator {
        group: GroupId,
        member: MemberId,
    },
    /// Erases some of a deleted group's history once it can no longer be undone.
    Erase {
        group: GroupId,
    },
}

impl Rules for GroupCommand {
    fn needs(&self, _: Caller) -> Needs {
        let tickets = |tickets| Needs { tickets: Some(tickets), ..Needs::default() };
        match self {
            Self::Delete { group, .. } => tickets(Tickets::OpenIn(*group)),
            Self::Undelete { group } => tickets(Tickets::FormerlyIn(*group)),
            Self::Erase { group } => tickets(Tickets::EndedIn(*group)),
            Self::Create { .. }
            | Self::Update { .. }
            | Self::AddOperator { .. }
            | Self::RemoveOperator { .. } => Needs::default(),
        }
    }

    fn locks(&self) -> Locks {
        match self {
            Self::Delete { .. } | Self::Undelete { .. } | Self::Erase { .. } => Locks::TeamAlone,
            Self::Create { .. }
            | Self::Update { .. }
            | Self::AddOperator { .. }
            | Self::RemoveOperator { .. } => Locks::Team,
        }
    }

    fn when_lapsed(&self) -> WhenLapsed {
        match self {
            Self::Create { .. }
            | Self::Update { .. }
            | Self::Delete { .. }
            | Self::Undelete { .. }
            | Self::AddOperator { .. }
            | Self::RemoveOperator { .. } => WhenLapsed::Refused,
            // It was decided before, and promised to whoever decided it.
            Self::Erase { .. } => WhenLapsed::Done,
        }
    }

    fn decide(&self, draft: &mut Draft) -> Result<Reply, Refusal> {
        match self {
            Self::Create { name, visibility } => draft.create_group(name, *visibility),
            Self::Update { group, name, visibility } => {
                draft.update_group(*group, name.as_deref(), *visibility)
            }
            Self::Delete { group, dry_run, confirm, move_to } => {
                draft.delete_group(*group, *dry_run, *confirm, *move_to)
            }
            Self::Undelete { group } => draft.undelete_group(*group),
            Self::AddOperator { group, member } => draft.add_group_operator(*group, *member),
            Self::RemoveOperator { group, member } => draft.remove_group_operator(*group, *member),
            Self::Erase { group } => draft.erase_group(*group),
        }
    }
}
