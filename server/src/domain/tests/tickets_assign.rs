//! Where tickets go: operator and group are independent, and a group clears an operator who is not
//! in it.
#![expect(
    clippy::option_option,
    reason = "to keep, to clear and to set are three things, as in the command"
)]

use super::fixtures::*;
use super::tickets::act;
use crate::domain::*;

type Place = (Option<MemberId>, Option<GroupId>);
type Asked = (Option<Option<MemberId>>, Option<Option<GroupId>>);

fn assign(
    scene: &Scene,
    number: i64,
    operator: Option<Option<MemberId>>,
    group: Option<Option<GroupId>>,
) -> Command {
    Command::Ticket(TicketCommand::Assign {
        number,
        version: scene.version(number),
        operator,
        group,
    })
}

#[test]
fn where_it_goes() {
    const KEEP_OPERATOR: Option<Option<MemberId>> = None;
    const KEEP_GROUP: Option<Option<GroupId>> = None;
    let to = |member| Some(Some(member));
    let into = |group| Some(Some(group));
    let table: [(Place, Asked, Place); 14] = [
        // An operator keeps the group, whether in it or not, unless "no group" is said.
        ((None, None), (to(CAL), KEEP_GROUP), (Some(CAL), None)),
        ((None, Some(SUPPORT)), (to(ANA), KEEP_GROUP), (Some(ANA), Some(SUPPORT))),
        ((None, Some(SUPPORT)), (to(CAL), KEEP_GROUP), (Some(CAL), Some(SUPPORT))),
        ((None, Some(SUPPORT)), (to(CAL), Some(None)), (Some(CAL), None)),
        ((Some(BEN), Some(SUPPORT)), (to(ANA), KEEP_GROUP), (Some(ANA), Some(SUPPORT))),
        // A group clears an operator who is not in it, and keeps one who is.
        ((Some(ANA), None), (KEEP_OPERATOR, into(SUPPORT)), (Some(ANA), Some(SUPPORT))),
        ((Some(ANA), Some(SUPPORT)), (KEEP_OPERATOR, into(SALES)), (None, Some(SALES))),
        ((Some(BEN), Some(SUPPORT)), (KEEP_OPERATOR, into(SUPPORT)), (None, Some(SUPPORT))),
        (
            (Some(ANA), Some(SUPPORT)),
            (KEEP_OPERATOR, into(BACKSTAGE)),
            (Some(ANA), Some(BACKSTAGE)),
        ),
        // No group, no operator.
        ((Some(ANA), Some(SUPPORT)), (KEEP_OPERATOR, Some(None)), (Some(ANA), None)),
        ((Some(ANA), Some(SUPPORT)), (Some(None), KEEP_GROUP), (None, Some(SUPPORT))),
        ((Some(ANA), Some(SUPPORT)), (Some(None), Some(None)), (None, None)),
        // Both at once are meant as they are said.
        ((None, None), (to(CAL), into(SUPPORT)), (Some(CAL), Some(SUPPORT))),
        ((Some(ANA), Some(SUPPORT)), (to(BOB), into(SALES)), (Some(BOB), Some(SALES))),
    ];
    for (before, (operator, group), after) in table {
        for state in [State::New, State::InProgress, State::Answered] {
            let mut scene = Scene::new();
            let number = scene.put(state, before.0, before.1);
            scene.does(ADA, assign(&scene.clone(), number, operator, group));
            let ticket = scene.ticket(number);
            assert_eq!(
                (ticket.operator, ticket.group),
                after,
                "{before:?} to {operator:?} {group:?}"
            );
            assert_eq!(ticket.state, state, "assigning is no beginning");
        }
    }
}

#[test]
fn to_whom_it_cannot_go() {
    let table = [
        (None, None, "invalid operator_id"),
        (Some(Some(ADA)), None, "invalid operator_id"),
        (Some(Some(NIL)), None, "invalid operator_id"),
        (Some(Some(DAN)), None, "invalid operator_id"),
        (Some(Some(INA)), None, "invalid operator_id"),
        (Some(Some(MemberId(99))), None, "invalid operator_id"),
        (None, Some(Some(GONE)), "invalid group_id"),
        (None, Some(Some(GroupId(99))), "invalid group_id"),
        (Some(Some(NIL)), Some(Some(SALES)), "invalid operator_id"),
    ];
    for (operator, group, expected) in table {
        let mut scene = Scene::new();
        let number = scene.put(State::New, Some(ANA), Some(SUPPORT));
        let refused = scene.refused(ANA, assign(&scene, number, operator, group));
        assert_eq!(refused, expected, "{operator:?} {group:?}");
    }
}

#[test]
fn everyone_who_sees_it_may_pass_it_on_and_may_lose_sight_of_it() {
    let mut scene = Scene::new();
    let number = scene.put(State::New, Some(ANA), Some(SUPPORT));
    let away = assign(&scene, number, None, Some(Some(SALES)));
    assert_eq!(scene.does(ANA, away), Reply::OutOfSight(scene.ticket(number).id));
    assert_eq!(scene.who_sees(number), [ADA, BOB, BEN]);
    assert_eq!(scene.refused(ANA, act("note", number, scene.version(number))), "not found");
    let back = assign(&scene, number, Some(Some(CAL)), Some(None));
    assert!(matches!(scene.does(ADA, back), Reply::Ticket(_)), "an admin sees it still");
    assert_eq!(scene.who_sees(number), [ADA, BOB, CAL]);
}

#[test]
fn assigning_it_where_it_is_changes_nothing() {
    let mut scene = Scene::new();
    let number = scene.put(State::New, None, None);
    scene.edit(number, |ticket| ticket.former_group = Some(GONE));
    let decision = scene
        .decide(Caller::Member(ADA), assign(&scene, number, Some(None), Some(None)))
        .expect("allowed");
    assert!(decision.events.is_empty());
    assert_eq!(decision.reply, Reply::Ticket(Box::new(scene.ticket(number).clone())));
}

#[test]
fn next_takes_the_most_urgent_then_the_longest_waiting() {
    use Priority::{High, Low, Normal, Urgent};
    use State::{Answered, InProgress, New};
    // Priority, minutes since the first, state, operator, group; in the order in which Ana gets
    // them.
    let mine = [
        (Urgent, 3, New, None, Some(SUPPORT), "the only one waiting with priority urgent"),
        (High, 1, New, None, Some(SUPPORT), "high, waiting longest of 3"),
        (High, 2, InProgress, None, Some(BACKSTAGE), "high, waiting longest of 2"),
        (High, 5, New, None, Some(SUPPORT), "the only one waiting with priority high"),
        (Normal, 0, New, None, Some(SUPPORT), "the only one waiting with priority normal"),
        (Low, 0, New, None, Some(SUPPORT), "the only one waiting with priority low"),
    ];
    let not_mine = [
        (Urgent, 0, New, None, Some(SALES)),
        (Urgent, 0, New, None, None),
        (Urgent, 0, New, Some(BEN), Some(SUPPORT)),
        (Urgent, 0, New, Some(ANA), Some(SUPPORT)),
        (Urgent, 0, Answered, None, Some(SUPPORT)),
        (Urgent, 0, State::Closed, None, Some(SUPPORT)),
        (Urgent, 0, State::Expired, None, Some(SUPPORT)),
    ];
    let mut scene = Scene::new();
    let mut put = |(priority, minutes, state, operator, group)| {
        let number = scene.put(state, operator, group);
        scene.edit(number, |ticket| {
            (ticket.priority, ticket.submitted_at) = (priority, START + minutes * MINUTE);
        });
        number
    };
    for ticket in not_mine {
        put(ticket);
    }
    // The last first, so that the order of numbers is not the order of waiting.
    let mut expected = mine.map(|row| (0, row));
    for (number, (priority, minutes, state, operator, group, _)) in expected.iter_mut().rev() {
        *number = put((*priority, *minutes, *state, *operator, *group));
    }
    for (number, (.., reason)) in expected {
        let Reply::Next(ticket, said) = scene.does(ANA, TicketCommand::Next) else {
            panic!("next answers a ticket")
        };
        assert_eq!((ticket.number, said.as_str()), (number, reason));
        assert_eq!((ticket.operator, ticket.state), (Some(ANA), InProgress));
        assert_eq!(ticket.handled_by, [ANA]);
    }
    assert_eq!(scene.refused(ANA, TicketCommand::Next), "queue empty");
}

#[test]
fn next_gives_unassigned_tickets_to_those_who_see_them() {
    for (mode, cal) in [(QueueMode::AdminAssigns, "queue empty"), (QueueMode::SelfService, "1")] {
        for (member, expected) in
            [(BOB, "1"), (CAL, cal), (ADA, "NOT_AN_OPERATOR"), (NIL, "NOT_AN_OPERATOR")]
        {
            let mut scene = Scene::in_mode(mode);
            scene.put(State::New, None, None);
            let said = match scene.decide(Caller::Member(member), TicketCommand::Next) {
                Ok(Decision { reply: Reply::Next(ticket, _), .. }) => ticket.number.to_string(),
                Ok(other) => panic!("{:?}", other.reply),
                Err(refusal) => word(&refusal),
            };
            assert_eq!(said, expected, "{mode:?} {member:?}");
        }
    }
}

#[test]
fn next_among_equals_is_the_lower_number() {
    let mut scene = Scene::new();
    let numbers = [(); 3].map(|()| scene.put(State::New, None, Some(SUPPORT)));
    for number in numbers {
        assert!(
            matches!(scene.does(ANA, TicketCommand::Next), Reply::Next(ticket, _) if ticket.number == number)
        );
    }
}
