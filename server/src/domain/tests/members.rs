//! Members: adding, roles, assistance management, keeping out, removing, and the admin a team
//! always has.

use super::fixtures::*;
use crate::domain::*;

pub fn add(email: &str) -> Command {
    Command::Member(MemberCommand::Add(Box::new(MemberDraft {
        email: crate::domain::text::email(email).map_err(Refusal::text("email")),
        display_name: Ok(String::new()),
        operator: true,
        admin: false,
        code_hash: hash(email),
        code_expires_at: START + DAY,
        account: AccountId(5_000),
    })))
}

fn update(
    member: MemberId,
    admin: Option<bool>,
    operator: Option<bool>,
    enabled: Option<bool>,
) -> Command {
    Command::Member(MemberCommand::Update { member, admin, operator, enabled })
}

#[test]
fn adding_someone_without_an_account() {
    let mut scene = Scene::new();
    let Reply::Item(ItemId::Member(id)) = scene.does(ADA, add("Eva@example.org")) else {
        panic!("a member")
    };
    let member = &scene.team().members[&id];
    assert_eq!((member.state, member.account), (MemberState::Invited, None));
    assert_eq!(
        (member.operator, member.admin),
        (true, false),
        "as the admin said; only once they accept"
    );
    assert_eq!(
        member.words.display_name, "Eva@example.org",
        "the address, until they chose a name"
    );
    assert!(scene.world.account(AccountId(5_000)).is_err(), "the code makes the account");
    assert_eq!(scene.codes.len(), 1);
    assert_eq!(
        (scene.codes[0].account, scene.codes[0].invitation),
        (AccountId(5_000), Some((TEAM, id)))
    );
}

#[test]
fn adding_someone_with_an_account_looks_the_same() {
    for team in [None, Some((TeamId(8), MemberId(1)))] {
        let mut scene = Scene::new();
        scene.world.accounts.push(Account {
            id: AccountId(3_000),
            email: "eva@example.org".to_owned(),
            email_key: "eva@example.org".to_owned(),
            display_name: "Eva".to_owned(),
            password_hash: Some("kept".to_owned()),
            membership: team,
            opened_by: None,
        });
        let Reply::Item(ItemId::Member(id)) = scene.does(ADA, add("eva@example.org")) else {
            panic!("a member")
        };
        let member = &scene.team().members[&id];
        assert_eq!((member.state, member.account), (MemberState::Invited, None));
        assert_eq!(
            member.words.display_name, "eva@example.org",
            "their name is not told before they accept"
        );
        assert_eq!(scene.codes.len(), 1, "by which they accept");
        assert!(scene.world.account(AccountId(5_000)).is_err());
    }
}

#[test]
fn whom_one_cannot_add() {
    let scene = Scene::new();
    for name in ["ada", "ANA", "nil", "dan"] {
        assert_eq!(
            scene.refused(ADA, add(&format!("{name}@example.org"))),
            "exists email",
            "{name}"
        );
    }
    let wrong = Refusal::invalid("email", "is not an e-mail address");
    let mut command = add("eva@example.org");
    if let Command::Member(MemberCommand::Add(draft)) = &mut command {
        draft.email = Err(wrong.clone());
    }
    assert_eq!(scene.decide(Caller::Member(ADA), command.clone()).err(), Some(wrong));
    assert_eq!(scene.refused(ANA, command), "NOT_ADMIN");
}

#[test]
fn whoever_can_no_longer_be_assigned_leaves_their_open_tickets() {
    let table = [
        ("assistance management off", update(ANA, None, Some(false), None), false),
        ("disabled", update(ANA, None, None, Some(false)), true),
        ("removed", Command::Member(MemberCommand::Remove { member: ANA }), false),
    ];
    for (what, command, stays_in_groups) in table {
        let mut scene = Scene::new();
        let open = [State::New, State::InProgress, State::Answered]
            .map(|state| scene.put(state, Some(ANA), Some(SUPPORT)));
        let alone = scene.put(State::New, Some(ANA), None);
        let ended = scene.put(State::Closed, Some(ANA), Some(SUPPORT));
        let other = scene.put(State::New, Some(BEN), Some(SUPPORT));
        let states = open.map(|number| scene.ticket(number).state);
        let untouched = [ended, other].map(|number| scene.ticket(number).clone());
        scene.does(ADA, command);
        for number in open {
            let ticket = scene.ticket(number);
            assert_eq!(
                (ticket.operator, ticket.group),
                (None, Some(SUPPORT)),
                "{what}: the tickets keep their group"
            );
            assert_eq!(
                (ticket.changed, &ticket.handled_by[..]),
                (What::OperatorLeft, &[ANA][..]),
                "{what}"
            );
        }
        assert_eq!(open.map(|number| scene.ticket(number).state), states, "{what}");
        assert_eq!(
            (scene.ticket(alone).operator, scene.ticket(alone).group),
            (None, None),
            "{what}"
        );
        assert_eq!([ended, other].map(|number| scene.ticket(number).clone()), untouched, "{what}");
        for group in [SUPPORT, BACKSTAGE] {
            assert_eq!(scene.group(group).operators.contains(&ANA), stays_in_groups, "{what}");
        }
    }
}

#[test]
fn being_kept_out_ends_sessions_and_being_let_in_brings_back_groups() {
    let mut scene = Scene::new();
    scene.does(ADA, update(ANA, None, None, Some(false)));
    assert_eq!(scene.signed_out, [account_of(ANA)]);
    let away = MemberCommand::SetAvailability { available: false };
    assert_eq!(scene.refused(ANA, away), "MEMBER_DISABLED");
    scene.does(ADA, update(ANA, None, None, Some(true)));
    let number = scene.put(State::New, None, Some(SUPPORT));
    assert_eq!(scene.who_sees(number), [ADA, BOB, ANA]);
    scene.does(ADA, MemberCommand::Remove { member: ANA });
    assert_eq!(scene.signed_out, [account_of(ANA); 2]);
    let account = scene.world.account(account_of(ANA)).expect("the account stays");
    assert_eq!(account.membership, None);
    assert!(!scene.team().members.contains_key(&ANA));
}

#[test]
fn who_acted_stays_known_and_who_comes_back_is_the_same() {
    let mut scene = Scene::new();
    let number = scene.put(State::New, None, Some(SUPPORT));
    let seen = scene.version(number);
    scene.does(ANA, TicketCommand::Close { number, version: seen });
    scene.does(ADA, MemberCommand::Remove { member: ANA });
    assert_eq!(
        scene.refused(BOB, TicketCommand::Close { number, version: seen }),
        "stale: ana closed"
    );
    assert_eq!(scene.ticket(number).handled_by, [ANA], "handled is remembered");
    assert!(!scene.who_sees(number).contains(&ANA));
    assert_eq!(scene.refused(ADA, MemberCommand::Remove { member: ANA }), "not found");

    scene.does(ADA, add("Ana@example.org"));
    assert_eq!(scene.team().members[&ANA].words.display_name, "ana");
    scene.does(ADA, MemberCommand::Remove { member: ANA });
    assert!(scene.team().past.members.contains_key(&ANA), "asked in vain, they are remembered");
    scene.does(ADA, add("ana@example.org"));
    assert!(!scene.who_sees(number).contains(&ANA), "they have not accepted yet");
    let account = account_of(ANA);
    for known in scene.world.accounts.iter_mut().filter(|known| known.id == account) {
        "Ana Lima".clone_into(&mut known.display_name);
    }
    let code_hash = Some(hash("ana@example.org"));
    let answer = MemberCommand::AnswerInvitation { member: ANA, accept: true, code_hash };
    scene.ask(Caller::Account(account), answer).expect("they accept");
    assert!(scene.who_sees(number).contains(&ANA), "their handled history is theirs again");
    let [then, now] = [0, scene.now].map(|at| scene.team().member_name(ANA, at).to_owned());
    assert_eq!([then.as_str(), now.as_str()], ["ana", "Ana Lima"]);
}

#[test]
fn who_never_came_leaves_nothing() {
    let mut scene = Scene::new();
    scene.does(ADA, MemberCommand::Remove { member: INA });
    assert!(scene.team().anybody(INA).is_none());
}

#[test]
fn a_command_that_ends_sessions_says_so_beforehand() {
    for command in [
        update(ANA, None, None, Some(false)),
        Command::Member(MemberCommand::Remove { member: ANA }),
    ] {
        assert!(
            command.locks() == Locks::TeamAndAccounts,
            "else the host's log is not locked: {command:?}"
        );
    }
}

#[test]
fn invitations_are_taken_back_by_removing() {
    let mut scene = Scene::new();
    assert_eq!(scene.refused(ADA, update(INA, None, None, Some(false))), "NOT_ACCEPTED");
    scene.does(ADA, update(INA, Some(true), None, Some(true)));
    assert_eq!(
        scene.team().members[&INA].state,
        MemberState::Invited,
        "only they themselves accept"
    );
    scene.does(ADA, MemberCommand::Remove { member: INA });
    assert!(!scene.group(SUPPORT).operators.contains(&INA));
    assert!(scene.signed_out.is_empty());
}

#[test]
fn the_last_admin_can_neither_go_nor_be_demoted() {
    let ways = |member| {
        [
            update(member, Some(false), None, None),
            update(member, None, None, Some(false)),
            update(member, Some(false), Some(true), Some(false)),
            Command::Member(MemberCommand::Remove { member }),
        ]
    };
    // Ada with another active admin, then with admins who are disabled or have not accepted.
    for command in ways(ADA) {
        Scene::new().does(ADA, command.clone());
        Scene::new().does(BOB, command);
    }
    let mut scene = Scene::new();
    for member in [DAN, INA] {
        scene.does(ADA, update(member, Some(true), None, None));
    }
    scene.does(BOB, update(BOB, Some(false), None, None));
    for command in ways(ADA) {
        let asked = format!("{command:?}");
        assert_eq!(scene.refused(ADA, command), "LAST_ADMIN", "{asked}");
    }
    scene.does(ADA, update(ADA, None, Some(true), None));
    scene.does(ADA, update(DAN, Some(false), None, None));
    scene.does(ADA, MemberCommand::Remove { member: INA });
}

#[test]
fn two_admins_who_demote_each_other_are_not_both_gone() {
    let pairs = [
        (update(BOB, Some(false), None, None), update(ADA, Some(false), None, None)),
        (
            Command::Member(MemberCommand::Remove { member: BOB }),
            Command::Member(MemberCommand::Remove { member: ADA }),
        ),
        (update(BOB, None, None, Some(false)), update(ADA, None, None, Some(false))),
    ];
    for (first, second) in pairs {
        let mut scene = Scene::new();
        scene.does(ADA, first);
        let refused = scene.refused(BOB, second);
        assert!(
            ["NOT_ADMIN", "NO_TEAM", "MEMBER_DISABLED"].contains(&refused.as_str()),
            "{refused}"
        );
    }
}

#[test]
fn admins_may_change_and_remove_themselves() {
    let mut scene = Scene::new();
    let number = scene.put(State::New, Some(BOB), None);
    scene.does(BOB, update(BOB, Some(false), None, None));
    assert_eq!(scene.ticket(number).operator, Some(BOB), "still an operator");
    assert_eq!(scene.refused(BOB, update(BOB, Some(true), None, None)), "NOT_ADMIN");
    scene.does(ADA, update(NIL, Some(true), None, None));
    scene.does(ADA, MemberCommand::Remove { member: ADA });
    assert_eq!(scene.refused(ADA, add("eva@example.org")), "NO_TEAM");
}

#[test]
fn nothing_new_is_no_change() {
    let scene = Scene::new();
    let table = [
        update(ANA, None, None, None),
        update(ANA, Some(false), Some(true), Some(true)),
        update(DAN, None, None, Some(false)),
        Command::Group(GroupCommand::AddOperator { group: SALES, member: BEN }),
    ];
    for command in table {
        assert!(scene.decide(Caller::Member(ADA), command).expect("harmless").events.is_empty());
    }
    let available = MemberCommand::SetAvailability { available: true };
    assert!(scene.decide(Caller::Member(ANA), available).expect("harmless").events.is_empty());
}

#[test]
fn availability_is_for_operators_about_themselves() {
    let table = [
        (ANA, None),
        (BOB, None),
        (ADA, Some("NOT_AN_OPERATOR")),
        (NIL, Some("NOT_AN_OPERATOR")),
        (DAN, Some("MEMBER_DISABLED")),
    ];
    for (member, refused) in table {
        let mut scene = Scene::new();
        let since = scene.team().members[&member].sight_since;
        let asked =
            scene.ask(Caller::Member(member), MemberCommand::SetAvailability { available: false });
        assert_eq!(asked.err().map(|refusal| word(&refusal)).as_deref(), refused, "{member:?}");
        let member = &scene.team().members[&member];
        assert_eq!(member.available, refused.is_some());
        assert_eq!(member.sight_since, since, "it changes nobody's sight");
    }
}

#[test]
fn a_team_has_ten_thousand_members_at_most() {
    let mut scene = Scene::new();
    let member = scene.team().members[&NIL].clone();
    for id in 20_000..29_992 {
        let mut member = member.clone();
        member.image.id = MemberId(id);
        scene.team_mut().members.insert(member.id, member);
    }
    assert_eq!(scene.refused(ADA, add("eva@example.org")), "full members");
}
