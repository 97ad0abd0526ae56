//! The contract's messages from the domain's nouns, and back. Ids are opaque to clients: a letter
//! and a number.

use deskbell_proto::v1 as proto;
use prost_types::Timestamp;
use tonic::Status;

use super::status::invalid;
use crate::desk::Identity;
use crate::domain::{
    Entry, Group, GroupId, GroupWords, Member, MemberId, MemberState, MemberWords, MessageEntry,
    MessageId, MessageKind, Millis, Origin, Priority, QueueMode, Revision, State, Team, TeamId,
    TicketEntry, Visibility, sha256, text,
};

/// An id with its letter.
pub fn id(letter: char, number: i64) -> String {
    format!("{letter}{number}")
}

/// The number of an id with that letter.
pub fn number(letter: char, text: &str) -> Option<i64> {
    digits(text.strip_prefix(letter)?).filter(|number| *number > 0)
}

/// A number in its one spelling: no sign, no zeros before it.
fn digits(text: &str) -> Option<i64> {
    text.parse().ok().filter(|number: &i64| *number >= 0 && number.to_string() == text)
}

/// A group's id.
pub fn group_id(text: &str) -> Option<GroupId> {
    number('g', text).map(GroupId)
}

/// A member's id. What is none reads as a member that no team has.
pub fn member_id(text: &str) -> MemberId {
    MemberId(number('m', text).unwrap_or(0))
}

/// A group's id. What is none reads as a group that no team has.
pub fn group_or_nobody(text: &str) -> GroupId {
    group_id(text).unwrap_or(GroupId(0))
}

/// A profile's id. What is none reads as a profile that no team has.
pub fn profile_id(text: &str) -> crate::domain::ProfileId {
    crate::domain::ProfileId(number('p', text).unwrap_or(0))
}

/// A message's id. What is none reads as one before all others.
pub fn message_id(text: &str) -> MessageId {
    MessageId(number('n', text).unwrap_or(0))
}

/// A moment.
pub fn time(at: Millis) -> Timestamp {
    let nanos = i32::try_from(at.rem_euclid(1000)).unwrap_or(0) * 1_000_000;
    Timestamp { seconds: at.div_euclid(1000), nanos }
}

/// A moment of the contract.
pub fn millis(time: &Timestamp) -> Millis {
    let millis = i64::from(time.nanos).div_euclid(1_000_000);
    time.seconds.saturating_mul(1000).saturating_add(millis)
}

/// A priority; none: not said.
pub fn priority(number: i32, field: &'static str) -> Result<Option<Priority>, Status> {
    match proto::Priority::try_from(number) {
        Ok(proto::Priority::Unspecified) => Ok(None),
        Ok(proto::Priority::Low) => Ok(Some(Priority::Low)),
        Ok(proto::Priority::Normal) => Ok(Some(Priority::Normal)),
        Ok(proto::Priority::High) => Ok(Some(Priority::High)),
        Ok(proto::Priority::Urgent) => Ok(Some(Priority::Urgent)),
        Err(_) => {
            Err(invalid("INVALID_FIELD", field, "is no priority: use low, normal, high or urgent"))
        }
    }
}

/// A priority for a client.
pub fn to_priority(priority: Priority) -> i32 {
    let priority = match priority {
        Priority::Low => proto::Priority::Low,
        Priority::Normal => proto::Priority::Normal,
        Priority::High => proto::Priority::High,
        Priority::Urgent => proto::Priority::Urgent,
    };
    priority.into()
}

/// A state for a client.
pub fn to_state(state: State) -> i32 {
    let state = match state {
        State::New => proto::TicketState::New,
        State::InProgress => proto::TicketState::InProgress,
        State::Answered => proto::TicketState::Answered,
        State::Closed => proto::TicketState::Closed,
        State::Expired => proto::TicketState::Expired,
    };
    state.into()
}

/// A state to filter by.
pub fn state(number: i32) -> Result<State, Status> {
    match proto::TicketState::try_from(number) {
        Ok(proto::TicketState::New) => Ok(State::New),
        Ok(proto::TicketState::InProgress) => Ok(State::InProgress),
        Ok(proto::TicketState::Answered) => Ok(State::Answered),
        Ok(proto::TicketState::Closed) => Ok(State::Closed),
        Ok(proto::TicketState::Expired) => Ok(State::Expired),
        Ok(proto::TicketState::Unspecified) | Err(_) => {
            Err(invalid("INVALID_FIELD", "states", "has one that is no state of a ticket"))
        }
    }
}

/// Who is offered a group; none: not said.
pub fn visibility(number: i32) -> Result<Option<Visibility>, Status> {
    match proto::GroupVisibility::try_from(number) {
        Ok(proto::GroupVisibility::Unspecified) => Ok(None),
        Ok(proto::GroupVisibility::Public) => Ok(Some(Visibility::Public)),
        Ok(proto::GroupVisibility::Internal) => Ok(Some(Visibility::Internal)),
        Err(_) => Err(invalid("INVALID_FIELD", "visibility", "is neither public nor internal")),
    }
}

/// A queue mode.
pub fn queue_mode(number: i32) -> Result<QueueMode, Status> {
    match proto::QueueMode::try_from(number) {
        Ok(proto::QueueMode::AdminAssigns) => Ok(QueueMode::AdminAssigns),
        Ok(proto::QueueMode::SelfService) => Ok(QueueMode::SelfService),
        Ok(proto::QueueMode::Unspecified) | Err(_) => Err(invalid(
            "INVALID_FIELD",
            "team.queue_mode",
            "is neither admin-assigns nor self-service",
        )),
    }
}

/// A team for its members.
pub fn team(team: &Team, version: i64) -> proto::Team {
    let settings = &team.settings;
    let mode = match settings.queue_mode {
        QueueMode::AdminAssigns => proto::QueueMode::AdminAssigns,
        QueueMode::SelfService => proto::QueueMode::SelfService,
    };
    proto::Team {
        name: settings.words.name.clone(),
        queue_mode: mode.into(),
        default_priority: to_priority(settings.default_priority),
        expire_after: settings.expire_after.map(|after| prost_types::Duration {
            seconds: after.div_euclid(1000),
            nanos: i32::try_from(after.rem_euclid(1000)).unwrap_or(0) * 1_000_000,
        }),
        version,
        create_time: Some(time(settings.created_at)),
        time_zone: settings.time_zone.clone().unwrap_or_else(|| "UTC".to_owned()),
    }
}

fn group_ref(group: &Entry<Group, GroupWords>) -> proto::GroupRef {
    proto::GroupRef { id: id('g', group.id.0), name: group.words.name.clone() }
}

/// A member by the name that they had at that time.
fn member_ref(team: &Team, member: MemberId, at: Millis) -> proto::MemberRef {
    let name = team.member_name(member, at);
    proto::MemberRef { id: id('m', member.0), display_name: name.to_owned() }
}

/// A member for colleagues.
pub fn member(team: &Team, member: &Entry<Member, MemberWords>) -> proto::Member {
    let state = match member.state {
        MemberState::Invited => proto::MemberState::Invited,
        MemberState::Active => proto::MemberState::Active,
        MemberState::Disabled => proto::MemberState::Disabled,
        // Lists have none of them.
        MemberState::Former => proto::MemberState::Unspecified,
    };
    let groups = team
        .groups
        .values()
        .filter(|group| group.deleted_at.is_none() && group.operators.contains(&member.id));
    proto::Member {
        id: id('m', member.id.0),
        email: member.words.email.clone(),
        display_name: member.words.display_name.clone(),
        state: state.into(),
        admin: member.admin,
        operator: member.operator,
        available: member.available,
        groups: groups.map(group_ref).collect(),
    }
}

/// A group for members.
pub fn group(
    team: &Team,
    group: &Entry<Group, GroupWords>,
    open_tickets: Option<i64>,
) -> proto::Group {
    let visibility = match group.visibility {
        Visibility::Public => proto::GroupVisibility::Public,
        Visibility::Internal => proto::GroupVisibility::Internal,
    };
    proto::Group {
        id: id('g', group.id.0),
        name: group.words.name.clone(),
        visibility: visibility.into(),
        operators: group
            .operators
            .iter()
            .map(|operator| member_ref(team, *operator, Millis::MAX))
            .collect(),
        delete_time: group.deleted_at.map(time),
        open_tickets,
    }
}

/// Code points of a description in lists.
const DESCRIPTION_IN_LIST: usize = 1000;

/// A ticket for operators; no field depends on who looks.
pub fn ticket(team: &Team, ticket: &TicketEntry) -> proto::Ticket {
    let (origin, profile_name) = match ticket.origin {
        Origin::Profile(profile) => {
            let name = team.profiles.get(&profile).map(|profile| profile.words.name.clone());
            (proto::TicketOrigin::Profile, name.unwrap_or_default())
        }
        Origin::Staff => (proto::TicketOrigin::Staff, String::new()),
        Origin::Email => (proto::TicketOrigin::Email, String::new()),
    };
    let words = &ticket.words;
    let title = if words.title.is_empty() {
        text::first_line(&words.description, 120)
    } else {
        words.title.clone()
    };
    proto::Ticket {
        number: ticket.number,
        version: ticket.version,
        state: to_state(ticket.state),
        priority: to_priority(ticket.priority),
        group: ticket.group.and_then(|group| team.groups.get(&group)).map(group_ref),
        operator: ticket
            .operator
            .map(|operator| member_ref(team, operator, ticket.ended_at.unwrap_or(Millis::MAX))),
        requester: words.requester.clone(),
        requester_verified: ticket.extras.verified,
        title,
        description: words.description.clone(),
        origin: origin.into(),
        profile_name,
        submit_time: Some(time(ticket.submitted_at)),
        expire_time: ticket.expires_at.map(time),
        end_time: ticket.ended_at.map(time),
        update_time: Some(time(ticket.changed_at)),
        facts: words.facts.clone(),
        tags: words.tags.clone(),
        connectable: false,
        description_shortened: false,
        organization: ticket.extras.organization.and_then(|organization| {
            let found = team.organizations.get(organization)?;
            let name = found.words.name.clone();
            Some(proto::OrganizationRef { id: id('o', organization.0), name })
        }),
    }
}

/// The same in a list or a watch, where a long description is shortened.
pub fn ticket_in_list(team: &Team, entry: &TicketEntry) -> proto::Ticket {
    let mut ticket = ticket(team, entry);
    if let Some((end, _)) = ticket.description.char_indices().nth(DESCRIPTION_IN_LIST) {
        ticket.description.truncate(end);
        ticket.description.push('…');
        ticket.description_shortened = true;
    }
    ticket
}

/// A message for operators.
pub fn message(team: &Team, message: &MessageEntry) -> proto::Message {
    let kind = match message.kind {
        MessageKind::Customer => proto::MessageKind::Customer,
        MessageKind::Reply => proto::MessageKind::Reply,
        MessageKind::Note => proto::MessageKind::Note,
    };
    proto::Message {
        id: id('n', message.id.0),
        kind: kind.into(),
        author: message.author.map(|author| member_ref(team, author, message.at)),
        text: message.words.text.clone(),
        create_time: Some(time(message.at)),
    }
}

/// Who somebody is, for themselves.
pub fn identity(identity: &Identity) -> proto::Identity {
    proto::Identity {
        account_id: id('a', identity.account.id.0),
        email: identity.account.email.clone(),
        display_name: identity.account.display_name.clone(),
        membership: identity.membership.as_ref().map(|(team, member)| proto::TeamMembership {
            team_name: team.settings.words.name.clone(),
            member_id: id('m', member.id.0),
            admin: member.admin,
            operator: member.operator,
            available: member.available,
        }),
        invitations: identity
            .invitations
            .iter()
            .map(|invitation| proto::Invitation {
                id: format!("i{}-{}", invitation.team.0, invitation.member.0),
                team_name: invitation.team_name.clone(),
            })
            .collect(),
        disabled_in_team: identity.disabled_in.clone().unwrap_or_default(),
    }
}

/// An invitation's id.
pub fn invitation_id(text: &str) -> Option<(TeamId, MemberId)> {
    let (team, member) = text.strip_prefix('i')?.split_once('-')?;
    Some((TeamId(digits(team)?), MemberId(digits(member)?)))
}

/// A cursor of a team's watch. It carries a mark of the team, so that somebody who has changed
/// teams starts over.
pub fn cursor((team, revision): (TeamId, Revision)) -> String {
    let mark = sha256(&[b"cursor", &team.0.to_be_bytes()]);
    format!("r{revision}-{}", hex::encode(&mark.0[..4]))
}

/// Reads a cursor. None: it was never given for this team.
pub fn revision(team: TeamId, cursor: &str) -> Option<Revision> {
    let (number, _) = cursor.strip_prefix('r')?.split_once('-')?;
    digits(number).filter(|revision| self::cursor((team, *revision)) == cursor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_id_has_one_spelling() {
        assert_eq!(group_id("g7"), Some(GroupId(7)));
        assert_eq!(invitation_id("i5-3").map(|(team, member)| (team.0, member.0)), Some((5, 3)));
        for given in [0, 7, i64::MAX] {
            assert_eq!(revision(TeamId(1), &cursor((TeamId(1), given))), Some(given));
            assert_eq!(revision(TeamId(2), &cursor((TeamId(1), given))), None, "another team's");
        }
        let tail = cursor((TeamId(1), 1)).replacen("r1", "", 1);
        for wrong in [
            "",
            "g",
            "7",
            "g0",
            "g-1",
            "g+7",
            "g07",
            "g7 ",
            "G7",
            "m7",
            "g9223372036854775808",
            "g٧",
        ] {
            assert_eq!(group_id(wrong), None, "{wrong:?}");
        }
        for wrong in ["i5", "i5-", "i-3", "i+5-3", "i05-3", "i5--3", "i5-3-1"] {
            assert_eq!(invitation_id(wrong), None, "{wrong:?}");
        }
        for wrong in ["r", "r-1", "r+1", "r01", "1", "r9223372036854775808", "r1"] {
            assert_eq!(revision(TeamId(1), wrong), None, "{wrong:?}");
            assert_eq!(revision(TeamId(1), &format!("{wrong}-")), None, "{wrong:?}");
        }
        assert_eq!(revision(TeamId(1), &format!("r1{tail}")), Some(1));
        assert_eq!(revision(TeamId(1), &format!("r01{tail}")), None);
    }
}
