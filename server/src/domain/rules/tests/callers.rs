//! Who may call what: whoever may not is told so before anything else is said, and refusals change
//! nothing.

use super::fixtures::*;
use super::members::add;
use super::tickets::{ACTS, act};
use crate::domain::*;

fn wrong() -> Refusal {
    Refusal::invalid("name", "is empty")
}

/// Everything that is an admin's alone: once as it would be done, once with something wrong or
/// absent in it.
fn of_admins() -> Vec<Command> {
    let update_team = |name| Command::UpdateTeam {
        name,
        queue_mode: Some(QueueMode::SelfService),
        default_priority: None,
        expire_after: None,
    };
    let update_member =
        |member| Command::UpdateMember { member, admin: Some(true), operator: None, enabled: None };
    let update_group = |group, name| Command::UpdateGroup {
        group,
        name: Some(name),
        visibility: None,
        salt: SALT,
    };
    let delete_group = |group, dry_run| Command::DeleteGroup {
        group,
        dry_run,
        confirm: 0,
        move_to: Some(GroupId(99)),
    };
    let save = |profile, draft| Command::UpdateProfile { profile, revision: 1, draft };
    let mut wrong_member = add("eva@example.org");
    if let Command::AddMember { email, .. } = &mut wrong_member {
        *email = Err(wrong());
    }
    vec![
        update_team(None),
        update_team(Some(Err(wrong()))),
        add("eva@example.org"),
        add("ana@example.org"),
        wrong_member,
        update_member(ANA),
        update_member(MemberId(99)),
        Command::RemoveMember { member: ANA },
        Command::RemoveMember { member: MemberId(99) },
        Command::CreateGroup {
            name: Ok("New".to_owned()),
            visibility: Visibility::Public,
            salt: SALT,
        },
        Command::CreateGroup {
            name: Ok("Sales".to_owned()),
            visibility: Visibility::Public,
            salt: SALT,
        },
        Command::CreateGroup { name: Err(wrong()), visibility: Visibility::Public, salt: SALT },
        update_group(SUPPORT, Ok("New".to_owned())),
        update_group(SUPPORT, Err(wrong())),
        update_group(GroupId(99), Err(wrong())),
        Command::DeleteGroup { group: BACKSTAGE, dry_run: false, confirm: 0, move_to: None },
        delete_group(SUPPORT, true),
        delete_group(GroupId(99), false),
        Command::UndeleteGroup { group: GONE },
        Command::UndeleteGroup { group: SUPPORT },
        Command::AddGroupOperator { group: SALES, member: CAL },
        Command::AddGroupOperator { group: SALES, member: NIL },
        Command::RemoveGroupOperator { group: SALES, member: BEN },
        Command::RemoveGroupOperator { group: GroupId(99), member: BEN },
        Command::CreateProfile(Ok(Box::new(draft("New", &[])))),
        Command::CreateProfile(Err(wrong())),
        save(DESK, Ok(Box::new(draft("New", &[])))),
        save(DESK, Err(wrong())),
        save(ProfileId(99), Err(wrong())),
        Command::SetProfileState { profile: DESK, state: ProfileState::Paused },
        Command::SetProfileState { profile: REVOKED, state: ProfileState::Active },
    ]
}

#[test]
fn only_admins() {
    let scene = Scene::new();
    for command in of_admins() {
        for member in [ANA, BEN, CAL, NIL] {
            let refused = scene.decide(Caller::Member(member), command.clone()).err();
            assert_eq!(refused, Some(Refusal::NOT_ADMIN), "{member:?} {command:?}");
        }
        for member in [DAN, INA, MemberId(99)] {
            let refused = scene.decide(Caller::Member(member), command.clone()).err();
            assert_eq!(refused, Some(Refusal::NO_TEAM), "{member:?} {command:?}");
        }
        for caller in [
            Caller::Account(account_of(ADA)),
            Caller::Widget(DESK),
            customer(1),
            Caller::Clock,
            Caller::Host,
        ] {
            let refused = scene.decide(caller, command.clone()).err();
            assert_eq!(refused, Some(Refusal::NO_TEAM), "{caller:?} {command:?}");
        }
        for member in [ADA, BOB] {
            let refused = scene.decide(Caller::Member(member), command.clone()).err();
            assert!(
                !matches!(refused, Some(Refusal::Denied { .. })),
                "{member:?} {command:?}: {refused:?}"
            );
        }
    }
}

#[test]
fn only_members_act_on_tickets() {
    let mut scene = Scene::new();
    let number = scene.put(State::New, None, Some(SUPPORT));
    let commands = ACTS
        .map(|name| act(name, number, scene.version(number)))
        .into_iter()
        .chain([Command::Next]);
    for command in commands {
        for caller in [
            Caller::Account(account_of(ADA)),
            Caller::Widget(DESK),
            customer(number),
            Caller::Clock,
            Caller::Host,
        ] {
            let refused = scene.decide(caller, command.clone()).err();
            assert_eq!(refused, Some(Refusal::NO_TEAM), "{caller:?} {command:?}");
        }
    }
}

#[test]
fn nobody_does_anything_without_a_team() {
    let world = World::new(TEAM, None, 0, 1, 1);
    let mut commands = of_admins();
    commands.extend(ACTS.map(|name| act(name, 1, 1)));
    commands.push(submit("one", None));
    for command in commands {
        let caller = if matches!(command, Command::Submit(_)) {
            Caller::Widget(DESK)
        } else {
            Caller::Member(ADA)
        };
        let request = Request { team: TEAM, caller, memory: None, command };
        assert_eq!(decide(&world, &request, START).err(), Some(Refusal::NO_TEAM), "{request:?}");
    }
}

#[test]
fn a_wrong_request_id_is_told_only_to_those_who_may() {
    let scene = Scene::new();
    let table = [(ANA, Refusal::NOT_ADMIN), (DAN, Refusal::NO_TEAM), (ADA, wrong())];
    for (member, expected) in table {
        let command = Command::AddGroupOperator { group: SALES, member: CAL };
        let request = Request {
            team: TEAM,
            caller: Caller::Member(member),
            memory: Some(Err(wrong())),
            command,
        };
        assert_eq!(decide(&scene.world, &request, START).err(), Some(expected), "{member:?}");
    }
}

#[test]
fn what_a_request_needs_is_what_it_names() {
    let needs = |caller, command| Needs::of(&Request { team: TEAM, caller, memory: None, command });
    let none = Needs::default;
    let ada = Caller::Member(ADA);
    let table = [
        (needs(ada, act("take", 42, 1)), Needs { number: Some(42), ..none() }),
        (needs(ada, Command::Next), Needs { candidates: true, ..none() }),
        (
            needs(Caller::Widget(DESK), submit("one", None)),
            Needs { secret: Some(hash("one")), ..none() },
        ),
        (needs(customer(1), Command::CustomerCancel), Needs { secret: Some(hash("1")), ..none() }),
        (needs(ada, Command::RemoveMember { member: ANA }), Needs { open_of: Some(ANA), ..none() }),
        (
            needs(ada, Command::UndeleteGroup { group: GONE }),
            Needs { formerly_in: Some(GONE), ..none() },
        ),
        (
            needs(Caller::Clock, Command::EraseGroup { group: GONE }),
            Needs { ended_in: Some(GONE), ..none() },
        ),
        (
            needs(
                Caller::Account(AccountId(1)),
                Command::AnswerInvitation {
                    member: INA,
                    accept: true,
                    code_hash: Some(hash("c")),
                    salt: SALT,
                },
            ),
            Needs { account: Some(AccountId(1)), code: Some(hash("c")), ..none() },
        ),
        (needs(ada, Command::SetAvailability { available: true }), none()),
    ];
    for (needed, expected) in table {
        assert_eq!(needed, expected);
    }
}
