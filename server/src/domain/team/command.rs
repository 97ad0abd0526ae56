//! What can be asked for about a team as a whole.

use super::QueueMode;
use crate::domain::Millis;
use crate::domain::command::{Checked, Locks, Rules, WhenLapsed};
use crate::domain::decide::Draft;
use crate::domain::follow_up::{Following, Slice};
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
        time_zone: Checked<Option<String>>,
    },
    Update(TeamChanges),
    /// Does some of what earlier acts left to do.
    FollowUp(Slice),
}

/// The settings to change, each if it is said.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "the fields are the settings', and are explained there")]
pub struct TeamChanges {
    pub name: Option<String>,
    pub queue_mode: Option<QueueMode>,
    pub default_priority: Option<Priority>,
    pub expire_after: Option<Option<Millis>>,
    pub time_zone: Option<Checked<Option<String>>>,
}

impl Rules for TeamCommand {
    fn needs(&self, caller: Caller) -> Needs {
        match self {
            Self::Activate { .. } => Needs { account: caller.account(), ..Needs::default() },
            Self::Update(_) => Needs::default(),
            Self::FollowUp(slice) => Needs {
                ids: slice.tickets.clone(),
                words: slice.of.what == Following::OrganizationsChanged,
                ..Needs::default()
            },
        }
    }

    fn locks(&self) -> Locks {
        match self {
            Self::Activate { .. } => Locks::TeamAndAccounts,
            Self::Update(_) | Self::FollowUp(_) => Locks::Team,
        }
    }

    fn when_lapsed(&self) -> WhenLapsed {
        match self {
            // What follows was decided before the licence lapsed.
            Self::Activate { .. } | Self::FollowUp(_) => WhenLapsed::Done,
            Self::Update(_) => WhenLapsed::Refused,
        }
    }

    fn decide(&self, draft: &mut Draft) -> Result<Reply, Refusal> {
        match self {
            Self::Activate { name, time_zone, .. } => draft.activate_team(name, time_zone),
            Self::Update(changes) => draft.update_team(changes),
            Self::FollowUp(slice) => draft.follow_up(slice),
        }
    }
}
