//! Which open tickets somebody sees, as far as this program can tell beforehand: to say before an
//! act that a ticket leaves one's sight by it. What is really seen the server decides.

use std::collections::BTreeSet;

use deskbell_proto::client::Client;
use deskbell_proto::problem::Problem;
use deskbell_proto::v1;

/// Where somebody sees open tickets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    admin: bool,
    member: String,
    groups: BTreeSet<String>,
    self_service: bool,
}

impl Sight {
    /// Of whoever this is, in a team with these groups.
    pub fn new(identity: &v1::Identity, groups: &[v1::Group], self_service: bool) -> Self {
        let membership = identity.membership.clone().unwrap_or_default();
        let member = membership.member_id;
        let has = |group: &&v1::Group| group.operators.iter().any(|it| it.id == member);
        let groups = groups.iter().filter(has).map(|group| group.id.clone()).collect();
        Self { admin: membership.admin, member, groups, self_service }
    }

    /// Whether an open ticket is seen there. An empty id is nobody, or no group.
    pub fn sees(&self, operator: &str, group: &str) -> bool {
        self.admin
            || (!operator.is_empty() && operator == self.member)
            || self.groups.contains(group)
            || (operator.is_empty() && group.is_empty() && self.self_service)
    }

    /// Whether a ticket is still seen after it was assigned so.
    pub fn sees_after(
        &self,
        ticket: &v1::Ticket,
        operator: Option<&str>,
        group: Option<&str>,
        groups: &[v1::Group],
    ) -> bool {
        let mut now = ticket.operator.as_ref().map_or("", |has| &has.id);
        if let Some(group) = groups.iter().find(|it| Some(it.id.as_str()) == group)
            && !group.operators.iter().any(|it| it.id == now)
        {
            // Assigning a group clears an operator who is not in it.
            now = "";
        }
        let group = group.unwrap_or_else(|| ticket.group.as_ref().map_or("", |it| &it.id));
        self.sees(operator.unwrap_or(now), group)
    }
}

/// Whether operators see what is unassigned.
pub async fn self_service(client: &Client) -> Result<bool, Problem> {
    let answer = client.team().get_team(v1::GetTeamRequest {}).await?.into_inner();
    Ok(answer.team.is_some_and(|team| team.queue_mode() == v1::QueueMode::SelfService))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assigning_can_hide_a_ticket() {
        let reference = |id: &str| v1::MemberRef { id: id.to_owned(), ..Default::default() };
        let group = |id: &str, operators: &[&str]| v1::Group {
            id: id.to_owned(),
            operators: operators.iter().map(|id| reference(id)).collect(),
            ..Default::default()
        };
        let groups = [group("ours", &["me", "bo"]), group("theirs", &["cy"])];
        let membership = v1::TeamMembership { member_id: "me".into(), ..Default::default() };
        let identity = v1::Identity { membership: Some(membership), ..Default::default() };
        let ours = v1::GroupRef { id: "ours".to_owned(), ..Default::default() };
        let mine = v1::Ticket { operator: Some(reference("me")), ..Default::default() };
        let shared = v1::Ticket { group: Some(ours), ..mine.clone() };
        for (ticket, operator, group, seen) in [
            (&mine, Some("cy"), None, false),
            (&mine, Some(""), None, false),
            (&mine, None, Some("ours"), true),
            (&mine, None, Some("theirs"), false),
            (&shared, Some("cy"), None, true),
            (&shared, None, Some("theirs"), false),
            (&shared, None, Some(""), true),
            (&shared, Some("bo"), Some(""), false),
        ] {
            let sight = Sight::new(&identity, &groups, false);
            let told = sight.sees_after(ticket, operator, group, &groups);
            assert_eq!(told, seen, "{operator:?} {group:?}");
            let admin = Sight { admin: true, ..sight };
            assert!(admin.sees_after(ticket, operator, group, &groups));
        }
        assert!(Sight::new(&identity, &groups, true).sees("", ""));
        assert!(!Sight::new(&identity, &groups, false).sees("", ""));
    }
}
