//! Who sees what, in both queue modes, and that what is hidden is answered like what does not
//! exist.

use super::fixtures::*;
use super::tickets::{ACTS, act};
use crate::domain::*;

struct Row {
    operator: Option<MemberId>,
    group: Option<GroupId>,
    handled_by: &'static [MemberId],
    /// Who sees it when admins assign.
    assigned: &'static [MemberId],
    /// Who sees it in self-service.
    self_service: &'static [MemberId],
}

const fn row(
    operator: Option<MemberId>,
    group: Option<GroupId>,
    handled_by: &'static [MemberId],
    seen: &'static [MemberId],
) -> Row {
    Row { operator, group, handled_by, assigned: seen, self_service: seen }
}

const OPEN: [Row; 9] = [
    Row { self_service: &[ADA, BOB, ANA, BEN, CAL], ..row(None, None, &[], &[ADA, BOB]) },
    // Handled once is not seen now.
    Row { self_service: &[ADA, BOB, ANA, BEN, CAL], ..row(None, None, &[CAL], &[ADA, BOB]) },
    row(None, Some(SUPPORT), &[], &[ADA, BOB, ANA]),
    row(None, Some(SALES), &[ANA, CAL], &[ADA, BOB, BEN]),
    row(Some(BEN), Some(SUPPORT), &[BEN], &[ADA, BOB, ANA, BEN]),
    row(Some(ANA), Some(SUPPORT), &[ANA], &[ADA, BOB, ANA]),
    // To an operator and no group: theirs alone, and admins'.
    row(Some(CAL), None, &[CAL], &[ADA, BOB, CAL]),
    row(Some(BOB), None, &[BOB], &[ADA, BOB]),
    row(None, Some(BACKSTAGE), &[], &[ADA, BOB, ANA]),
];

const ENDED: [Row; 9] = [
    row(None, None, &[], &[ADA, BOB]),
    row(None, None, &[CAL], &[ADA, BOB, CAL]),
    row(None, Some(SUPPORT), &[], &[ADA, BOB, ANA]),
    row(Some(BEN), Some(SUPPORT), &[BEN], &[ADA, BOB, ANA, BEN]),
    row(Some(ANA), Some(SALES), &[ANA, CAL], &[ADA, BOB, ANA, BEN, CAL]),
    // Neither kept out, nor invited, nor without assistance management.
    row(None, Some(SUPPORT), &[NIL, DAN, INA], &[ADA, BOB, ANA]),
    // History of a deleted group is hidden from everybody at once.
    row(None, Some(GONE), &[], &[]),
    row(Some(CAL), Some(GONE), &[CAL], &[]),
    row(Some(ADA), Some(GONE), &[ADA, BOB, ANA], &[]),
];

fn scene_of(mode: QueueMode, state: State, row: &Row) -> (Scene, i64) {
    let mut scene = Scene::in_mode(mode);
    let number = scene.put(state, row.operator, row.group);
    scene.edit(number, |ticket| ticket.handled_by = row.handled_by.to_vec());
    (scene, number)
}

fn each(mut check: impl FnMut(Scene, i64, &[MemberId])) {
    use State::{Answered, Closed, Expired, InProgress, New};
    let tables: [(&[Row], &[State]); 2] =
        [(&OPEN, &[New, InProgress, Answered]), (&ENDED, &[Closed, Expired])];
    for (rows, states) in tables {
        for (row, state) in
            rows.iter().flat_map(|row| states.iter().map(move |state| (row, *state)))
        {
            for (mode, seen) in [
                (QueueMode::AdminAssigns, row.assigned),
                (QueueMode::SelfService, row.self_service),
            ] {
                let (scene, number) = scene_of(mode, state, row);
                check(scene, number, seen);
            }
        }
    }
}

#[test]
fn who_sees_what() {
    each(|scene, number, seen| {
        assert_eq!(scene.who_sees(number), seen, "{:?}", scene.ticket(number));
    });
}

#[test]
fn hidden_is_answered_like_absent() {
    each(|scene, number, seen| {
        for (member, name) in [ADA, BOB, ANA, BEN, CAL, NIL]
            .into_iter()
            .flat_map(|member| ACTS.map(|name| (member, name)))
        {
            let asked = |number, version| {
                scene.decide(Caller::Member(member), act(name, number, version)).err()
            };
            if name == "take" && [ADA, NIL].contains(&member) {
                // Their role is the answer, whatever is there.
                let answers = [asked(number, scene.version(number)), asked(99, 5)];
                assert_eq!(answers, [Some(Refusal::NOT_OPERATOR), Some(Refusal::NOT_OPERATOR)]);
                continue;
            }
            // Whatever the version, and whatever the state.
            for version in [scene.version(number), 1, 0] {
                let hidden = asked(number, version) == Some(Refusal::NotFound("ticket"));
                assert_eq!(
                    hidden,
                    !seen.contains(&member),
                    "{member:?} {name} {:?}",
                    scene.ticket(number)
                );
            }
            assert_eq!(asked(99, 5), Some(Refusal::NotFound("ticket")));
        }
        for (member, why) in [(DAN, "MEMBER_DISABLED"), (INA, "NO_TEAM"), (MemberId(99), "NO_TEAM")]
        {
            for number in [number, 99] {
                assert_eq!(scene.refused(member, act("note", number, 5)), why);
            }
        }
    });
}

#[test]
fn sight_follows_groups_roles_and_modes_at_once() {
    let mut scene = Scene::new();
    let number = scene.put(State::New, None, Some(SUPPORT));
    let unassigned = scene.put(State::New, None, None);
    let update =
        |member, admin, operator| MemberCommand::Update { member, admin, operator, enabled: None };
    let mode = |queue_mode| {
        let queue_mode = Some(queue_mode);
        TeamCommand::Update(TeamChanges { queue_mode, ..TeamChanges::default() })
    };
    // What is changed, then who sees the group's ticket and the unassigned one.
    let steps: [(Command, &[MemberId], &[MemberId]); 6] = [
        (
            Command::Group(GroupCommand::AddOperator { group: SUPPORT, member: CAL }),
            &[ADA, BOB, ANA, CAL],
            &[ADA, BOB],
        ),
        (
            Command::Group(GroupCommand::RemoveOperator { group: SUPPORT, member: ANA }),
            &[ADA, BOB, CAL],
            &[ADA, BOB],
        ),
        (Command::Team(mode(QueueMode::SelfService)), &[ADA, BOB, CAL], &[ADA, BOB, ANA, BEN, CAL]),
        (Command::Member(update(CAL, None, Some(false))), &[ADA, BOB], &[ADA, BOB, ANA, BEN]),
        (
            Command::Member(update(NIL, Some(true), None)),
            &[ADA, BOB, NIL],
            &[ADA, BOB, ANA, BEN, NIL],
        ),
        (Command::Member(update(BOB, Some(false), None)), &[ADA, NIL], &[ADA, BOB, ANA, BEN, NIL]),
    ];
    for (command, group_ticket, unassigned_ticket) in steps {
        let step = format!("{command:?}");
        scene.does(ADA, command);
        assert_eq!(scene.who_sees(number), group_ticket, "{step}");
        assert_eq!(scene.who_sees(unassigned), unassigned_ticket, "{step}");
    }
}

#[test]
fn a_watch_from_before_starts_over_for_those_whose_sight_changed() {
    let queue_mode = Some(QueueMode::SelfService);
    let mode = TeamCommand::Update(TeamChanges { queue_mode, ..TeamChanges::default() });
    let table: [(Command, &[MemberId]); 6] = [
        (Command::Group(GroupCommand::AddOperator { group: SALES, member: CAL }), &[CAL]),
        (Command::Group(GroupCommand::RemoveOperator { group: SALES, member: BEN }), &[BEN]),
        (
            Command::Member(MemberCommand::Update {
                member: NIL,
                admin: None,
                operator: Some(true),
                enabled: None,
            }),
            &[NIL],
        ),
        (
            Command::Group(GroupCommand::Delete {
                group: SALES,
                dry_run: false,
                confirm: 0,
                move_to: None,
            }),
            &[BEN],
        ),
        (Command::Group(GroupCommand::Undelete { group: GONE }), &[CAL]),
        // Operators who are no admins.
        (Command::Team(mode), &[ANA, BEN, CAL, DAN, INA]),
    ];
    for (command, expected) in table {
        let step = format!("{command:?}");
        let mut scene = Scene::new();
        scene.does(ADA, command);
        let revision = scene.world.revision;
        let anew = scene.team().members.values().filter(|member| member.sight_since == revision);
        assert_eq!(anew.map(|member| member.id).collect::<Vec<_>>(), expected, "{step}");
    }
}

#[test]
fn what_a_group_handled_and_passed_on_stays_in_its_history() {
    let mut scene = Scene::new();
    let number = scene.put(State::New, None, Some(SUPPORT));
    scene.does(
        BOB,
        TicketCommand::Note { number, version: None, text: Ok(text("For the sales department.")) },
    );
    let version = scene.version(number);
    let (operator, group) = (None, Some(Some(SALES)));
    scene.does(BOB, TicketCommand::Assign { number, version, operator, group });
    assert_eq!(scene.who_sees(number), [ADA, BOB, BEN], "open, it is the other group's alone");
    let version = scene.version(number);
    scene.does(BEN, TicketCommand::Close { number, version });
    assert_eq!(scene.who_sees(number), [ADA, BOB, ANA, BEN]);
    assert_eq!(scene.ticket(number).handled_in, [SUPPORT, SALES]);
    // What was only there, and nobody acted on, was not handled.
    let other = scene.put(State::New, None, Some(SUPPORT));
    scene.edit(other, |ticket| ticket.group = Some(SALES));
    let version = scene.version(other);
    scene.does(BEN, TicketCommand::Close { number: other, version });
    assert_eq!(scene.who_sees(other), [ADA, BOB, BEN]);
}
