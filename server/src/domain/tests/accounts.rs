//! Accounts: codes that work once, joining by code and by invitation, one team per account, and
//! activating a team.

use std::collections::BTreeSet;

use super::fixtures::*;
use super::members::add;
use crate::domain::*;

const EVA: AccountId = AccountId(5_000);
/// An account that she had before.
const HERS: AccountId = AccountId(4_000);
const EMAIL: &str = "eva@example.org";

fn redeem(code: &str, email: &str) -> Command {
    Command::Account(AccountCommand::RedeemCode(Box::new(Redemption {
        code_hash: hash(code),
        email_key: email.to_owned(),
        password_hash: "new".to_owned(),
        display_name: Some("Eva".to_owned()),
    })))
}

fn answer(member: MemberId, accept: bool) -> Command {
    answer_with(EMAIL, member, accept)
}

fn answer_with(code: &str, member: MemberId, accept: bool) -> Command {
    Command::Member(MemberCommand::AnswerInvitation { member, accept, code_hash: Some(hash(code)) })
}

fn activate() -> Command {
    let name = "Beta".to_owned();
    Command::Team(TeamCommand::Activate { team: TeamId(8), name, time_zone: Ok(None) })
}

/// Eva is invited; the code is hashed from her address.
fn invited() -> (Scene, MemberId) {
    let mut scene = Scene::new();
    match scene.does(ADA, add(EMAIL)) {
        Reply::Item(ItemId::Member(member)) => (scene, member),
        other => panic!("{other:?}"),
    }
}

/// Eva has an account of her own, and is invited.
fn invited_with_account(membership: Option<(TeamId, MemberId)>) -> (Scene, MemberId) {
    let (mut scene, member) = invited();
    scene.world.accounts.push(Account {
        id: HERS,
        email: EMAIL.to_owned(),
        email_key: EMAIL.to_owned(),
        display_name: "Eva Lima".to_owned(),
        password_hash: Some("kept".to_owned()),
        membership,
        opened_by: None,
    });
    (scene, member)
}

fn account(scene: &Scene) -> &Account {
    scene.world.account(EVA).expect("hers")
}

fn her_account(scene: &Scene) -> &Account {
    scene.world.account(HERS).expect("hers")
}

fn refused(scene: &Scene, caller: Caller, command: impl Into<Command>) -> String {
    word(&scene.decide(caller, command).expect_err("refused"))
}

#[test]
fn joining_by_code() {
    let (mut scene, member) = invited();
    scene.now += DAY - 1;
    scene.ask(Caller::Account(EVA), redeem(EMAIL, EMAIL)).expect("a good code");
    let joined = &scene.team().members[&member];
    assert_eq!((joined.state, joined.account), (MemberState::Active, Some(EVA)));
    assert_eq!((joined.words.display_name.as_str(), joined.operator), ("Eva", true));
    assert_eq!(account(&scene).password_hash.as_deref(), Some("new"));
    assert_eq!(account(&scene).membership, Some((TEAM, member)));
    assert_eq!(scene.signed_out, [EVA], "whoever was signed in with another password is not now");
    assert_eq!(
        refused(&scene, Caller::Account(EVA), redeem(EMAIL, EMAIL)),
        "not found",
        "a code works once"
    );
}

#[test]
fn codes_that_do_nothing() {
    let (mut scene, _) = invited();
    for (code, email) in [("guessed", EMAIL), (EMAIL, "ana@example.org"), (EMAIL, "")] {
        assert_eq!(refused(&scene, Caller::Account(EVA), redeem(code, email)), "not found");
    }
    scene.now += DAY;
    assert_eq!(refused(&scene, Caller::Account(EVA), redeem(EMAIL, EMAIL)), "not found", "expired");
}

#[test]
fn a_code_ends_with_its_invitation() {
    let (mut scene, member) = invited();
    scene.does(ADA, MemberCommand::Remove { member });
    assert_eq!(refused(&scene, Caller::Account(EVA), redeem(EMAIL, EMAIL)), "not found");
    assert!(scene.world.account(EVA).is_err(), "nothing was made");
}

#[test]
fn a_code_opens_an_account_beside_one_that_others_opened() {
    let (mut scene, member) = invited_with_account(None);
    scene.ask(Caller::Account(EVA), redeem(EMAIL, EMAIL)).expect("a good code");
    assert_eq!(scene.team().members[&member].account, Some(EVA));
    assert_eq!(account(&scene).opened_by, Some(TEAM));
    let hers = scene.world.account(HERS).expect("hers");
    assert_eq!((hers.password_hash.as_deref(), hers.membership), (Some("kept"), None));
}

#[test]
fn a_team_opens_again_what_its_code_opened_before() {
    let (mut scene, member) = invited();
    scene.ask(Caller::Account(EVA), redeem(EMAIL, EMAIL)).expect("a good code");
    scene.does(ADA, MemberCommand::Remove { member });
    let Reply::Item(ItemId::Member(again)) = scene.does(ADA, add(EMAIL)) else {
        panic!("a member")
    };
    scene.ask(Caller::Account(EVA), redeem(EMAIL, EMAIL)).expect("a good code");
    assert_eq!(account(&scene).membership, Some((TEAM, again)));
    let hers = scene.world.accounts.iter().filter(|account| account.email_key == EMAIL);
    assert_eq!(hers.count(), 1);
}

#[test]
fn an_invitation_is_answered_with_its_teams_code() {
    let (mut scene, member) = invited_with_account(None);
    let of_another_team = OneTimeCode {
        hash: hash("theirs"),
        account: HERS,
        invitation: Some((TeamId(8), member)),
        expires_at: START + DAY,
    };
    let of_the_host =
        OneTimeCode { hash: hash("host"), invitation: None, ..of_another_team.clone() };
    scene.codes.extend([of_another_team, of_the_host]);
    let hers = Caller::Account(HERS);
    for accept in [true, false] {
        for code in ["theirs", "host", "guessed"] {
            let command = answer_with(code, member, accept);
            assert_eq!(refused(&scene, hers, command), "invalid code", "{code}");
        }
        let none = MemberCommand::AnswerInvitation { member, accept, code_hash: None };
        assert_eq!(refused(&scene, hers, none), "invalid code");
    }
    scene.now += DAY;
    assert_eq!(refused(&scene, hers, answer(member, true)), "invalid code", "expired");
    scene.does(ADA, add_anew(EMAIL, "anew"));
    scene.now += 1;
    assert_eq!(refused(&scene, hers, answer(member, true)), "invalid code", "an older one");
}

/// Adds somebody with a code of this name.
fn add_anew(email: &str, code: &str) -> Command {
    let mut command = add(email);
    if let Command::Member(MemberCommand::Add(draft)) = &mut command {
        draft.code_hash = hash(code);
    }
    command
}

#[test]
fn adding_an_invited_address_again_makes_a_new_code() {
    let (mut scene, member) = invited();
    assert!(
        matches!(scene.does(ADA, add_anew(EMAIL, "anew")), Reply::Item(ItemId::Member(id)) if id == member)
    );
    assert_eq!(refused(&scene, Caller::Account(EVA), redeem(EMAIL, EMAIL)), "not found", "older");
    scene.ask(Caller::Account(EVA), redeem("anew", EMAIL)).expect("the newest");
}

#[test]
fn joining_by_invitation() {
    let (mut scene, member) = invited_with_account(None);
    scene.ask(Caller::Account(HERS), answer(member, true)).expect("hers to accept");
    let joined = &scene.team().members[&member];
    assert_eq!((joined.state, joined.account), (MemberState::Active, Some(HERS)));
    assert_eq!(joined.words.display_name, "Eva Lima", "the name she goes by");
    assert_eq!(joined.sight_since, scene.world.revision);
    assert_eq!(her_account(&scene).membership, Some((TEAM, member)));
    assert_eq!(her_account(&scene).password_hash.as_deref(), Some("kept"));
    assert_eq!(
        refused(&scene, Caller::Account(HERS), answer(member, true)),
        "not found",
        "answered already"
    );
}

#[test]
fn declining_leaves_nothing_behind() {
    let (mut scene, member) = invited_with_account(None);
    scene.does(ADA, GroupCommand::AddOperator { group: SALES, member });
    scene.ask(Caller::Account(HERS), answer(member, false)).expect("hers to decline");
    assert!(!scene.team().members.contains_key(&member));
    assert_eq!(scene.group(SALES).operators, BTreeSet::from([BEN]));
    assert_eq!(her_account(&scene).membership, None);
    scene.does(ADA, add(EMAIL));
}

#[test]
fn an_account_belongs_to_one_team() {
    let other = Some((TeamId(8), MemberId(1)));
    let (mut scene, member) = invited_with_account(other);
    assert_eq!(refused(&scene, Caller::Account(HERS), answer(member, true)), "HAS_TEAM");
    scene.ask(Caller::Account(HERS), answer(member, false)).expect("declining is always possible");
    assert_eq!(her_account(&scene).membership, other);
    let founder = Caller::Account(account_of(ANA));
    assert_eq!(refused(&scene, founder, activate()), "HAS_TEAM");
}

#[test]
fn an_invitation_is_for_the_one_it_names() {
    let (scene, member) = invited();
    for caller in [
        Caller::Account(account_of(ANA)),
        Caller::Account(AccountId(9)),
        Caller::Member(ADA),
        Caller::Clock,
    ] {
        for accept in [true, false] {
            assert_eq!(refused(&scene, caller, answer(member, accept)), "not found", "{caller:?}");
        }
    }
    for other in [INA, ANA, MemberId(99)] {
        assert_eq!(refused(&scene, Caller::Account(EVA), answer(other, true)), "not found");
    }
}

#[test]
fn activating_a_team() {
    let (mut scene, _) = invited_with_account(None);
    scene.world = World { id: TeamId(8), team: None, revision: 0, next_id: 1, ..scene.world };
    let mut founded = scene.clone();
    founded.ask(Caller::Account(HERS), activate()).expect("she has no team");
    let settings = &founded.team().settings;
    assert_eq!(
        (settings.queue_mode, settings.default_priority),
        (QueueMode::AdminAssigns, Priority::Normal)
    );
    assert_eq!((settings.expire_after, settings.created_at), (Some(DAY), START));
    assert_eq!(settings.words.name, "Beta");
    let members: Vec<_> = founded.team().members.values().collect();
    let [founder] = members[..] else { panic!("she alone") };
    assert_eq!((founder.state, founder.account), (MemberState::Active, Some(HERS)));
    assert_eq!((founder.admin, founder.operator, founder.available), (true, true, true));
    assert_eq!(her_account(&founded).membership, Some((TeamId(8), founder.id)));
    assert_eq!(refused(&scene, Caller::Account(AccountId(9)), activate()), "not found");
    assert_eq!(refused(&scene, Caller::Member(ADA), activate()), "NO_TEAM");
}

#[test]
fn a_founder_who_left_cannot_come_back_by_repeating_the_call() {
    let mut scene = Scene::new();
    scene.does(BOB, MemberCommand::Remove { member: ADA });
    let founder = Caller::Account(account_of(ADA));
    assert_eq!(refused(&scene, founder, activate()), "reused request_id");
}

#[test]
fn the_first_accounts_are_made_on_the_host() {
    let create = |email: &str| {
        AccountCommand::Create(Box::new(AccountDraft {
            account: EVA,
            email: crate::domain::text::email(email).map_err(Refusal::text("email")),
            display_name: Ok(String::new()),
            password_hash: None,
            code: None,
        }))
    };
    let mut scene = Scene::new();
    for caller in
        [Caller::Member(ADA), Caller::Account(account_of(ADA)), Caller::Widget(DESK), Caller::Clock]
    {
        assert_eq!(refused(&scene, caller, create("ana@example.org")), "NOT_ADMIN", "{caller:?}");
    }
    assert_eq!(refused(&scene, Caller::Host, create("ANA@example.org")), "exists email");
    assert_eq!(refused(&scene, Caller::Host, create("nobody")), "invalid email");
    scene.ask(Caller::Host, create("Eva@example.org")).expect("new");
    assert_eq!(
        (account(&scene).email_key.as_str(), account(&scene).display_name.as_str()),
        (EMAIL, "Eva@example.org")
    );
}

#[test]
fn an_accounts_password_and_sessions_are_its_owners() {
    let ana = account_of(ANA);
    let session = NewSession {
        token_hash: hash("t"),
        account: ana,
        label: String::new(),
        expires_at: START + DAY,
    };
    let code =
        OneTimeCode { hash: hash("c"), account: ana, invitation: None, expires_at: START + DAY };
    let own = [
        AccountCommand::ChangePassword {
            account: ana,
            password_hash: "new".to_owned(),
            keep: hash("t"),
        },
        AccountCommand::OpenSession(session),
        AccountCommand::EndSessions { account: ana, only: None },
    ];
    let scene = Scene::new();
    for command in own {
        assert!(scene.decide(Caller::Account(ana), command.clone()).is_ok(), "{command:?}");
        for caller in [
            Caller::Account(account_of(ADA)),
            Caller::Member(ANA),
            Caller::Widget(DESK),
            Caller::Clock,
        ] {
            assert_eq!(
                refused(&scene, caller, command.clone()),
                "not found",
                "{caller:?} {command:?}"
            );
        }
    }
    let reset = AccountCommand::ResetPassword { account: ana, code };
    assert_eq!(refused(&scene, Caller::Account(ana), reset.clone()), "NOT_ADMIN");
    assert_eq!(refused(&scene, Caller::Member(ADA), reset.clone()), "NOT_ADMIN");
    assert!(scene.decide(Caller::Host, reset).is_ok());
}

#[test]
fn a_new_password_ends_all_other_sessions() {
    let ana = account_of(ANA);
    let command = AccountCommand::ChangePassword {
        account: ana,
        password_hash: "new".to_owned(),
        keep: hash("t"),
    };
    let decision = Scene::new().decide(Caller::Account(ana), command).expect("her own");
    let ended = decision.events.iter().any(|event| {
        matches!(event,
            Event::Account(AccountEvent::SessionsEnded { account, only: None, except: Some(kept) })
            if *account == ana && *kept == hash("t"))
    });
    assert!(ended);
}
