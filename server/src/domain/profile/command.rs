//! What can be asked for about profiles.

use super::{ProfileState, ProfileWords};
use crate::domain::command::{Checked, Locks, Rules, WhenLapsed};
use crate::domain::decide::Draft;
use crate::domain::ids::{GroupId, ProfileId};
use crate::domain::refusal::Refusal;
use crate::domain::request::{Caller, Reply};
use crate::domain::ticket::Priority;
use crate::domain::words::Prepared;
use crate::domain::world::Needs;

/// Settings for a profile.
#[derive(Clone, Debug)]
pub struct ProfileDraft {
    /// Customers can ring.
    pub assistance_enabled: bool,
    /// The groups offered, in this order.
    pub groups: Vec<GroupId>,
    /// Choosing a group is required.
    pub group_required: bool,
    /// Goes before the team's.
    pub default_priority: Option<Priority>,
    /// Texts and pictures.
    pub words: Prepared<ProfileWords>,
}

/// A change to a profile that somebody wants.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields are the contract's, and say what they are")]
pub enum ProfileCommand {
    Create(Checked<Box<ProfileDraft>>),
    Update { profile: ProfileId, revision: i64, draft: Checked<Box<ProfileDraft>> },
    SetState { profile: ProfileId, state: ProfileState },
}

impl Rules for ProfileCommand {
    fn needs(&self, _: Caller) -> Needs {
        match self {
            Self::Create(_) | Self::Update { .. } | Self::SetState { .. } => Needs::default(),
        }
    }

    fn locks(&self) -> Locks {
        match self {
            Self::Create(_) | Self::Update { .. } | Self::SetState { .. } => Locks::Team,
        }
    }

    fn when_lapsed(&self) -> WhenLapsed {
        match self {
            Self::Create(_) | Self::Update { .. } | Self::SetState { .. } => WhenLapsed::Refused,
        }
    }

    fn decide(&self, draft: &mut Draft) -> Result<Reply, Refusal> {
        match self {
            Self::Create(settings) => draft.create_profile(settings),
            Self::Update { profile, revision, draft: settings } => {
                draft.update_profile(*profile, *revision, settings)
            }
            Self::SetState { profile, state } => draft.set_profile_state(*profile, *state),
        }
    }
}
