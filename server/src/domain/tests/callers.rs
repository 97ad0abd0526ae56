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
    let update_team = |name| {
        let queue_mode = Some(QueueMode::SelfService);
        TeamCommand::Update(TeamChanges { name, queue_mode, ..TeamChanges::default() })
    };
    let update_member =
        |member| MemberCommand::Update { member, admin: Some(true), operator: None, enabled: None };
    let update_group =
        |group, name| GroupCommand::Update { group, name: Some(name), visibility: None };
    let delete_group = |group, dry_run| GroupCommand::Delete {
        group,
        dry_run,
        confirm: 0,
        move_to: Some(GroupId(99)),
    };
    let save = |profile, draft| ProfileCommand::Update { profile, revision: 1, draft };
    let mut wrong_member = add("eva@example.org");
    if let Command::Member(MemberCommand::Add(draft)) = &mut wrong_member {
        draft.email = Err(wrong());
    }
    vec![
        Command::Team(update_team(None)),
        Command::Team(update_team(Some(String::new()))),
        add("eva@example.org"),
        add("ana@example.org"),
        wrong_member,
        Command::Member(update_member(ANA)),
        Command::Member(update_member(MemberId(99))),
        Command::Member(MemberCommand::Remove { member: ANA }),
        Command::Member(MemberCommand::Remove { member: MemberId(99) }),
        Command::Group(GroupCommand::Create {
            name: "New".to_owned(),
            visibility: Visibility::Public,
        }),
        Command::Group(GroupCommand::Create {
            name: "Sales".to_owned(),
            visibility: Visibility::Public,
        }),
        Command::Group(GroupCommand::Create {
            name: String::new(),
            visibility: Visibility::Public,
        }),
        Command::Group(update_group(SUPPORT, "New".to_owned())),
        Command::Group(update_group(SUPPORT, String::new())),
        Command::Group(update_group(GroupId(99), String::new())),
        Command::Group(GroupCommand::Delete {
            group: BACKSTAGE,
            dry_run: false,
            confirm: 0,
            move_to: None,
        }),
        Command::Group(delete_group(SUPPORT, true)),
        Command::Group(delete_group(GroupId(99), false)),
        Command::Group(GroupCommand::Undelete { group: GONE }),
        Command::Group(GroupCommand::Undelete { group: SUPPORT }),
        Command::Group(GroupCommand::AddOperator { group: SALES, member: CAL }),
        Command::Group(GroupCommand::AddOperator { group: SALES, member: NIL }),
        Command::Group(GroupCommand::RemoveOperator { group: SALES, member: BEN }),
        Command::Group(GroupCommand::RemoveOperator { group: GroupId(99), member: BEN }),
        Command::Profile(ProfileCommand::Create(Ok(Box::new(draft("New", &[]))))),
        Command::Profile(ProfileCommand::Create(Err(wrong()))),
        Command::Profile(save(DESK, Ok(Box::new(draft("New", &[]))))),
        Command::Profile(save(DESK, Err(wrong()))),
        Command::Profile(save(ProfileId(99), Err(wrong()))),
        Command::Profile(ProfileCommand::SetState { profile: DESK, state: ProfileState::Paused }),
        Command::Profile(ProfileCommand::SetState {
            profile: REVOKED,
            state: ProfileState::Active,
        }),
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
        for (member, why) in
            [(DAN, Refusal::DISABLED), (INA, Refusal::NO_TEAM), (MemberId(99), Refusal::NO_TEAM)]
        {
            let refused = scene.decide(Caller::Member(member), command.clone()).err();
            assert_eq!(refused, Some(why), "{member:?} {command:?}");
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
        .chain([TicketCommand::Next.into()]);
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
        let caller = if matches!(command, Command::Ticket(TicketCommand::Submit(_))) {
            Caller::Widget(DESK)
        } else {
            Caller::Member(ADA)
        };
        let request = Request { team: TEAM, caller, memory: None, command, salt: SALT };
        assert_eq!(decide(&world, &request, START).err(), Some(Refusal::NO_TEAM), "{request:?}");
    }
}

#[test]
fn a_wrong_request_id_is_told_only_to_those_who_may() {
    let scene = Scene::new();
    let table = [(ANA, Refusal::NOT_ADMIN), (DAN, Refusal::DISABLED), (ADA, wrong())];
    for (member, expected) in table {
        let command = GroupCommand::AddOperator { group: SALES, member: CAL };
        let request = Request {
            team: TEAM,
            caller: Caller::Member(member),
            memory: Some(Err(wrong())),
            salt: SALT,
            command: Command::Group(command),
        };
        assert_eq!(decide(&scene.world, &request, START).err(), Some(expected), "{member:?}");
    }
}

#[test]
fn what_a_request_needs_is_what_it_names() {
    fn needs(caller: Caller, command: impl Into<Command>) -> Needs {
        command.into().needs(caller)
    }
    let none = Needs::default;
    let tickets = |tickets| Needs { tickets: Some(tickets), ..none() };
    let ada = Caller::Member(ADA);
    let table = [
        (needs(ada, act("take", 42, 1)), Needs { number: Some(42), ..none() }),
        (needs(ada, TicketCommand::Next), tickets(Tickets::WaitingFor(ADA))),
        (
            needs(Caller::Widget(DESK), submit("one", None)),
            Needs { secret: Some(hash("one")), ..none() },
        ),
        (
            needs(customer(1), TicketCommand::CustomerCancel),
            Needs { secret: Some(hash("1")), ..none() },
        ),
        (needs(ada, MemberCommand::Remove { member: ANA }), tickets(Tickets::OpenOf(ANA))),
        (needs(ada, GroupCommand::Undelete { group: GONE }), tickets(Tickets::FormerlyIn(GONE))),
        (
            needs(Caller::Clock, GroupCommand::Erase { group: GONE }),
            tickets(Tickets::EndedIn(GONE)),
        ),
        (
            needs(
                Caller::Account(AccountId(1)),
                MemberCommand::AnswerInvitation {
                    member: INA,
                    accept: true,
                    code_hash: Some(hash("c")),
                },
            ),
            Needs { account: Some(AccountId(1)), code: Some(hash("c")), ..none() },
        ),
        (needs(ada, MemberCommand::SetAvailability { available: true }), none()),
    ];
    for (needed, expected) in table {
        assert_eq!(needed, expected);
    }
}
