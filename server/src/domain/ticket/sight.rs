//! Who sees what. This is the rule, and the only place it is written; the store's SQL for lists is
//! checked against it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Ticket;
use crate::domain::ids::{GroupId, MemberId};

/// What of a ticket decides who may see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    /// New, in progress or answered.
    pub open: bool,
    /// Who has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<MemberId>,
    /// Whose it is; of an ended ticket: whose it was at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupId>,
    /// Who handled it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub handled_by: Vec<MemberId>,
    /// Which groups had it when somebody acted on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub handled_in: Vec<GroupId>,
}

impl From<&Ticket> for Sight {
    fn from(ticket: &Ticket) -> Self {
        Sight {
            open: ticket.is_open(),
            operator: ticket.operator,
            group: ticket.group,
            handled_by: ticket.handled_by.clone(),
            handled_in: ticket.handled_in.clone(),
        }
    }
}

/// A member as somebody who looks at tickets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    /// The member.
    pub member: MemberId,
    /// Sees everything.
    pub admin: bool,
    /// Assistance management is on.
    pub operator: bool,
    /// Groups the member is in.
    pub groups: BTreeSet<GroupId>,
    /// The team's queue mode is self-service.
    pub self_service: bool,
    /// Deleted groups: their history is hidden from everybody.
    pub hidden_groups: BTreeSet<GroupId>,
}

impl Viewer {
    /// Whether this viewer sees a ticket in that place.
    pub fn sees(&self, ticket: &Sight) -> bool {
        if !ticket.open && ticket.group.is_some_and(|group| self.hidden_groups.contains(&group)) {
            return false;
        }
        if self.admin {
            return true;
        }
        if !self.operator {
            return false;
        }
        // A deleted group has no open tickets, though some may not have lost it yet.
        let (operator, group) = match ticket.group {
            Some(group) if ticket.open && self.hidden_groups.contains(&group) => (None, None),
            group => (ticket.operator, group),
        };
        let in_group = group.is_some_and(|group| self.groups.contains(&group));
        if ticket.open {
            let unassigned = operator.is_none() && group.is_none();
            operator == Some(self.member) || in_group || (unassigned && self.self_service)
        } else {
            in_group
                || ticket.handled_by.binary_search(&self.member).is_ok()
                || ticket.handled_in.iter().any(|group| self.groups.contains(group))
        }
    }
}
