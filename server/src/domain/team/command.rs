//! What can be asked for about a team as a whole.

use super::QueueMode;
use crate::domain::Millis;
use crate::domain::command::{Locks, Rules, WhenLapsed};
use crate::domain::decide::Draft;
use crate::domain::ids::TeamId;
use crate::domain::refusal::Refusal;
use crate::domain::request::{Caller, Reply};
use crate::domain::ticket::Priority;
use crate::domain::world::Needs;

/// A change to a team that somebody wants.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields are the contract's, and say what they are")]
pub enum TeamCommand {
    Activate {
        team: TeamId,
        name: String,
    },
    Update {
        name: Option<String>,
        queue_mode: Option<QueueMode>,
        default_priority: Option<Priority>,
        expire_after: Option<Option<Millis>>,
    },
}

impl Rules for TeamCommand {
    fn needs(&self, caller: Caller) -> Needs {
        match self {
            Self::Activate { .. } => Needs { account: caller.account(), ..Needs::default() },
            Self::Update { .. } => Needs::default(),
        }
    }

    fn locks(&self) -> Locks {
        match self {
            Self::Activate { .. } => Locks::TeamAndAccounts,
            Self::Update { .. } => Locks::Team,
        }
    }

    fn when_lapsed(&self) -> WhenLapsed {
        match self {
            Self::Activate { .. } => WhenLapsed::Done,
            Self::Update { .. } => WhenLapsed::Refused,
        }
    }

    fn decide(&self, draft: &mut Draft) -> Result<Reply, Refusal> {
        match self {
            Self::Activate { name, .. } => draft.activate_team(name),
            Self::Update { name, queue_mode, default_priority, expire_after } => {
                draft.update_team(name.as_deref(), *queue_mode, *default_priority, *expire_after)
            }
        }
    }
}
