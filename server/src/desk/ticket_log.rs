//! What happened to a ticket.

use super::{Desk, Failure, Staff};
use crate::domain::{
    Former, GroupId, MemberId, Millis, Team, Ticket, TicketChange, What, actor_name,
};
use crate::store::Stored;

/// Events that a ticket's history has: the newest.
const EVENTS: i64 = 1_000;

/// Something that happened to a ticket.
#[derive(Clone, Debug)]
pub struct TicketEvent {
    /// The version the ticket had afterwards.
    pub version: i64,
    /// When.
    pub at: Millis,
    /// What.
    pub what: What,
    /// Who, for people.
    pub actor: String,
    /// Details, by stable words.
    pub details: Vec<(&'static str, String)>,
}

impl Desk {
    /// What happened to a ticket, oldest first.
    pub async fn ticket_events(
        &self,
        staff: &Staff,
        number: i64,
    ) -> Result<Vec<TicketEvent>, Failure> {
        let ticket = self.ticket(staff, number).await?;
        let mut events = Vec::new();
        for change in self.store.ticket_log(staff.team.id, ticket.id, EVENTS).await? {
            let by = change.record.by;
            for event in change.record.events {
                if let Stored::Ticket(changed) = event
                    && changed.ticket.id == ticket.id
                {
                    let TicketChange { former, ticket: after, .. } = changed.into_owned();
                    events.push(TicketEvent {
                        version: after.version,
                        at: change.at,
                        what: after.changed,
                        actor: actor_name(&staff.team, by, change.at),
                        details: details(&staff.team, &former, &after),
                    });
                }
            }
        }
        Ok(events)
    }
}

/// What changed, with what was there before.
fn details(team: &Team, former: &Former, after: &Ticket) -> Vec<(&'static str, String)> {
    let mut details = Vec::new();
    let (at, new) = (after.changed_at, after.changed == What::Submitted);
    let group_name =
        |group: Option<GroupId>| group.map_or("", |group| team.group_name(group, at)).to_owned();
    let operator_name = |operator: Option<MemberId>| {
        operator.map_or("", |operator| team.member_name(operator, at)).to_owned()
    };
    if let What::Priority(from) = after.changed {
        details.push(("from", from.word().to_owned()));
        details.push(("to", after.priority.word().to_owned()));
    }
    let former_operator = former.get::<Option<MemberId>>("operator");
    if former_operator.is_some() || (new && after.operator.is_some()) {
        details.push(("operator", operator_name(after.operator)));
    }
    if let Some(Some(operator)) = former_operator {
        details.push(("former_operator", operator_name(Some(operator))));
    }
    let former_group = former.get::<Option<GroupId>>("group");
    if former_group.is_some() || (new && after.group.is_some()) {
        details.push(("group", group_name(after.group)));
    }
    if let Some(Some(group)) = former_group {
        details.push(("former_group", group_name(Some(group))));
    }
    details
}
