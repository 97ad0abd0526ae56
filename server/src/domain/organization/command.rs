//! What can be asked for about organizations.

use crate::domain::command::{Locks, Rules, WhenLapsed};
use crate::domain::decide::Draft;
use crate::domain::ids::OrganizationId;
use crate::domain::refusal::Refusal;
use crate::domain::request::{Caller, Reply};
use crate::domain::world::{Needs, Tickets};

/// A change to an organization that somebody wants. A domain is its name as it was written, with
/// whether what lies below it counts.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields are the contract's, and say what they are")]
pub enum OrganizationCommand {
    Create {
        name: String,
        domains: Vec<(String, bool)>,
    },
    Update {
        organization: OrganizationId,
        name: Option<String>,
        domains: Option<Vec<(String, bool)>>,
    },
    Delete {
        organization: OrganizationId,
    },
}

impl Rules for OrganizationCommand {
    fn needs(&self, _: Caller) -> Needs {
        match self {
            Self::Create { .. } | Self::Update { domains: Some(_), .. } | Self::Delete { .. } => {
                Needs { tickets: Some(Tickets::Open), ..Needs::default() }
            }
            Self::Update { domains: None, .. } => Needs::default(),
        }
    }

    fn locks(&self) -> Locks {
        match self {
            Self::Create { .. } | Self::Update { domains: Some(_), .. } | Self::Delete { .. } => {
                Locks::TeamAlone
            }
            Self::Update { domains: None, .. } => Locks::Team,
        }
    }

    fn when_lapsed(&self) -> WhenLapsed {
        match self {
            Self::Create { .. } | Self::Update { .. } | Self::Delete { .. } => WhenLapsed::Refused,
        }
    }

    fn decide(&self, draft: &mut Draft) -> Result<Reply, Refusal> {
        match self {
            Self::Create { name, domains } => draft.create_organization(name, domains),
            Self::Update { organization, name, domains } => {
                draft.update_organization(*organization, name.as_deref(), domains.as_deref())
            }
            Self::Delete { organization } => draft.delete_organization(*organization),
        }
    }
}
