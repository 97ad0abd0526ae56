//! Members: invitations, roles, leaving, and the last admin.

use deskbell_proto::v1::{MemberState, QueueMode};
use deskbell_tests::desk::{Desk, email, sign_in_with};
use deskbell_tests::for_both_databases;
use deskbell_tests::host::{Database, PASSWORD};
use deskbell_tests::scene::Scene;
use deskbell_tests::shell::Shell;
use deskbell_tests::staff::{To, refused, refused_field};
use tonic::Code;

for_both_databases! {
    whoever_is_added_joins,
    leaving_takes_the_name_off_open_tickets,
    who_acted_stays_known,
    the_last_admin_stays,
    only_admins_set_up,
    a_code_is_worth_nothing_to_another_team,
    the_newest_code_works,
}

async fn whoever_is_added_joins(database: Database) {
    let desk = Desk::open(database).await;
    let ana = desk.admin("ana").await;
    // A new account: the code sets its password, once, and the name.
    let added = ana.add_member("Bo@Desk.Example", true, false).await.unwrap();
    let member = added.member.unwrap();
    assert_eq!(
        (member.state(), member.display_name.as_str()),
        (MemberState::Invited, "Bo@Desk.Example")
    );
    let bad = (Code::Unauthenticated, "BAD_CREDENTIALS".to_owned());
    assert_eq!(refused(desk.try_sign_in("bo@desk.example", PASSWORD).await), bad);
    assert_eq!(refused(desk.redeem("bo@desk.example", "wrong-code", "bo").await), bad);
    assert_eq!(refused(desk.redeem("other@desk.example", &added.code, "bo").await), bad);
    desk.redeem("BO@desk.example", &added.code, "Bo Berg").await.unwrap();
    assert_eq!(
        refused(desk.redeem("bo@desk.example", &added.code, "bo").await),
        bad,
        "a code works once"
    );
    let bo = desk.sign_in("bO@DESK.example").await;
    let membership = bo.identity.membership.clone().unwrap();
    assert_eq!((bo.name(), membership.team_name.as_str()), ("Bo Berg", "ana's team"));
    assert!(membership.operator && !membership.admin && bo.identity.invitations.is_empty());

    // An account that exists is asked at its next sign-in. The admin sees the same.
    desk.host.account(&email("cy"), "Cy");
    let added = ana.add_member(&email("cy"), true, true).await.unwrap();
    assert_eq!(
        added.member.as_ref().unwrap().display_name,
        email("cy"),
        "no word of who has an account"
    );
    assert!(!added.code.is_empty() && added.code_expire_time.is_some());
    let cy = desk.sign_in(&email("cy")).await;
    assert_eq!(cy.identity.membership, None);
    assert_eq!(cy.identity.invitations[0].team_name, "ana's team");
    assert_eq!(refused(cy.open_or_problem().await), (Code::PermissionDenied, "NO_TEAM".to_owned()));
    for wrong in ["", "guess", "00000-00000"] {
        assert_eq!(refused_field(cy.answer_invitation(true, wrong).await), "code", "{wrong:?}");
    }
    let joined = cy.answer_invitation(true, &added.code).await.unwrap();
    assert!(joined.membership.unwrap().admin && joined.invitations.is_empty());
    assert_eq!(cy.members().await.unwrap().len(), 3, "in the same session");

    // Declining leaves no trace, and whoever has a team belongs to no other.
    desk.host.account(&email("dee"), "Dee");
    let added = ana.add_member(&email("dee"), true, false).await.unwrap();
    let dee = desk.sign_in(&email("dee")).await;
    assert_eq!(dee.answer_invitation(false, &added.code).await.unwrap().invitations, []);
    assert_eq!(ana.members().await.unwrap().len(), 3);
    dee.activate("Dee's own").await.unwrap();
    assert_eq!(refused(dee.activate("Another").await).0, Code::FailedPrecondition);
    ana.add_member(&email("dee"), true, false).await.unwrap();
    assert_eq!(dee.who_am_i().await.unwrap().invitations, [], "empty once there is a team");
    let twin = ana.add_member("BO@desk.example", true, false).await;
    assert_eq!(refused(twin).0, Code::AlreadyExists, "a member");
    for wrong in [
        "",
        "no-at",
        "a@b@c",
        "a b@c.example",
        "a@c.example\r\nBcc: x@y.example",
        "<a@c.example>",
        "a@-c.example",
    ] {
        assert_eq!(refused_field(ana.add_member(wrong, true, false).await), "email", "{wrong:?}");
    }
    desk.close();
}

async fn leaving_takes_the_name_off_open_tickets(database: Database) {
    let Scene { desk, ana, bo, cy, sales, support, widget, .. } = Scene::open(database).await;
    let calls = async || {
        let in_group = widget.ring(Some(&sales), "In a group.").await.number;
        let alone = widget.ring(None, "Alone.").await.number;
        bo.take(&ana.ticket(in_group).await.unwrap()).await.ok();
        ana.assign(&ana.ticket(in_group).await.unwrap(), To::operator(&bo)).await.unwrap();
        ana.assign(&ana.ticket(alone).await.unwrap(), To::operator(&bo)).await.unwrap();
        (in_group, alone)
    };
    let freed = async |(in_group, alone): (i64, i64)| {
        let ticket = ana.ticket(in_group).await.unwrap();
        assert_eq!(
            (ticket.operator, ticket.group.unwrap().name.as_str()),
            (None, "Sales"),
            "it keeps its group"
        );
        assert_eq!(ana.ticket(alone).await.unwrap().operator, None);
        assert_eq!(ana.event_kinds(alone).await.last().unwrap(), "operator_left");
    };
    let tickets = calls().await;
    let member = ana.update_member(&bo.id(), None, Some(false), None).await.unwrap();
    assert!(!member.operator && member.groups.is_empty());
    freed(tickets).await;
    ana.update_member(&bo.id(), None, Some(true), None).await.unwrap();
    ana.join(&sales, &bo).await.unwrap();

    let tickets = calls().await;
    let member = ana.update_member(&bo.id(), None, None, Some(false)).await.unwrap();
    assert_eq!(member.state(), MemberState::Disabled);
    freed(tickets).await;
    assert_eq!(refused(bo.who_am_i().await).0, Code::Unauthenticated, "sessions end at once");
    let kept_out = desk.sign_in(&bo.email).await;
    assert_eq!(
        refused(kept_out.open_or_problem().await),
        (Code::PermissionDenied, "MEMBER_DISABLED".to_owned())
    );
    let told = Shell::of(&kept_out, &desk.server).deskbell(&["whoami"]).good().printed;
    assert!(told.contains("An admin has disabled you in ana's team."), "{told}");
    let listed = Shell::of(&ana, &desk.server).deskbell(&["member", "list"]).good().printed;
    assert!(listed.contains("disabled") && !listed.contains("disabled  member  on"), "{listed}");
    let open = ana.ticket(tickets.1).await.unwrap();
    assert_eq!(refused_field(ana.assign(&open, To::operator(&bo)).await), "operator_id");
    ana.update_member(&bo.id(), None, None, Some(true)).await.unwrap();
    let bo = desk.sign_in(&bo.email).await;
    bo.open().await;

    let tickets = {
        let alone = widget.ring(None, "Alone.").await.number;
        ana.assign(&ana.ticket(alone).await.unwrap(), To::operator(&bo).in_group(&sales))
            .await
            .unwrap();
        alone
    };
    ana.remove_member(&bo.id()).await.unwrap();
    assert_eq!(ana.ticket(tickets).await.unwrap().operator, None);
    assert_eq!(refused(bo.who_am_i().await).0, Code::Unauthenticated);
    assert_eq!(refused(ana.remove_member(&bo.id()).await).0, Code::NotFound);
    let bo = desk.sign_in(&bo.email).await;
    assert_eq!(bo.identity.membership, None, "the account stays, without a team");
    let added = ana.add_member(&bo.email, true, false).await.unwrap();
    bo.answer_invitation(true, &added.code).await.unwrap();
    assert_eq!(bo.history_numbers().await, Vec::<i64>::new(), "none of their tickets has ended");

    assert!(!cy.set_available(false).await.unwrap().available);
    assert!(cy.who_am_i().await.unwrap().membership.is_some_and(|me| !me.available));
    ana.part(&support, &cy).await.unwrap();
    desk.close();
}

async fn who_acted_stays_known(database: Database) {
    let Scene { desk, ana, bo, cy, sales, support, widget, .. } = Scene::open(database).await;
    let customer = widget.ring(Some(&sales), "It is broken.").await;
    let number = customer.number;
    let taken = bo.take(&bo.ticket(number).await.unwrap()).await.unwrap();
    let replied = bo.reply(&taken, "Repaired.").await.unwrap();
    ana.rename_group(&sales, "Selling").await.unwrap();
    bo.close(&bo.ticket(replied.number).await.unwrap()).await.unwrap();
    let passed_on = widget.ring(Some(&support), "And this.").await.number;
    let ticket = ana.ticket(passed_on).await.unwrap();
    ana.assign(&ticket, To::group(&sales)).await.unwrap();
    ana.remove_member(&bo.id()).await.unwrap();

    let shell = Shell::of(&ana, &desk.server);
    let tells_of_bo = |words: &[&str]| {
        let told = shell.deskbell(words).good().printed;
        assert!(told.contains("bo") && !told.contains("former member"), "{words:?}: {told}");
        told
    };
    tells_of_bo(&["history"]);
    let csv = tells_of_bo(&["history", "--csv"]);
    assert!(csv.contains(",Selling,bo,"), "{csv}");
    let shown = tells_of_bo(&["ticket", "show", "1"]);
    assert!(shown.contains("Operator   bo\n") && shown.contains("  bo ("), "{shown}");
    let log = tells_of_bo(&["ticket", "log", "1"]);
    assert!(log.contains("group: Sales") && !log.contains("Selling"), "as it was then: {log}");
    let log = shell.deskbell(&["ticket", "log", "2"]).good().printed;
    assert!(log.contains("former group: Support, group: Selling"), "{log}");
    assert_eq!(customer.ticket().await.unwrap().messages[0].from, "bo");
    let listed = shell.deskbell(&["member", "list"]).good().printed;
    assert!(!listed.contains("bo@"), "{listed}");

    // Whoever comes back is the same, under the name they have now.
    let added = ana.add_member(&bo.email, true, false).await.unwrap();
    let back = desk.sign_in(&bo.email).await;
    back.answer_invitation(true, &added.code).await.unwrap();
    let back = desk.sign_in(&bo.email).await;
    assert_eq!(back.id(), bo.id());
    assert_eq!(back.history_numbers().await, [number]);
    assert_eq!(cy.history_numbers().await, Vec::<i64>::new());
    desk.close();
}

async fn the_last_admin_stays(database: Database) {
    let desk = Desk::open(database).await;
    let ana = desk.admin("ana").await;
    let bo = desk.member(&ana, "bo", true, true).await;
    let last = (Code::FailedPrecondition, "LAST_ADMIN".to_owned());
    let (mut one, mut other) = (&ana, &bo);
    for round in 0..6 {
        let (ones_id, others_id) = (one.id(), other.id());
        // Each other, or each themselves.
        let (at_one, at_other) =
            if round % 2 == 0 { (&others_id, &ones_id) } else { (&ones_id, &others_id) };
        let (first, second) = tokio::join!(
            one.update_member(at_one, Some(false), None, None),
            other.update_member(at_other, Some(false), None, None)
        );
        assert_eq!(first.is_ok(), second.is_err(), "round {round}: {first:?} {second:?}");
        let problem = refused(first.and(second));
        if round % 2 == 0 {
            assert_eq!(problem, (Code::PermissionDenied, "NOT_ADMIN".to_owned()));
        } else {
            assert_eq!(problem, last);
        }
        let admins: Vec<_> =
            ana.members().await.unwrap().into_iter().filter(|member| member.admin).collect();
        assert_eq!(admins.len(), 1, "round {round}");
        if admins[0].id == others_id {
            std::mem::swap(&mut one, &mut other);
        }
        one.update_member(&other.id(), Some(true), None, None).await.unwrap();
    }
    one.update_member(&other.id(), Some(false), None, None).await.unwrap();
    assert_eq!(refused(one.update_member(&one.id(), Some(false), None, None).await), last);
    assert_eq!(refused(one.update_member(&one.id(), None, None, Some(false)).await), last);
    assert_eq!(refused(one.remove_member(&one.id()).await), last);
    // An invited or disabled admin is nobody who could take over.
    ana.who_am_i().await.unwrap();
    one.add_member("invited@desk.example", true, true).await.unwrap();
    assert_eq!(refused(one.update_member(&one.id(), Some(false), None, None).await), last);
    one.update_member(&other.id(), Some(true), None, Some(false)).await.unwrap();
    assert_eq!(refused(one.remove_member(&one.id()).await), last);
    // Nothing keeps the last admin an operator.
    assert!(!one.update_member(&one.id(), None, Some(false), None).await.unwrap().operator);
    desk.close();
}

async fn only_admins_set_up(database: Database) {
    let Scene { desk, ana, bo, sales, profile, .. } = Scene::open(database).await;
    let team = bo.team().await.unwrap();
    let denied = (Code::PermissionDenied, "NOT_ADMIN".to_owned());
    for (act, outcome) in [
        ("update team", bo.update_team(team, &["name"]).await.map(drop)),
        ("add member", bo.add_member("x@desk.example", true, true).await.map(drop)),
        ("promote", bo.update_member(&bo.id(), Some(true), None, None).await.map(drop)),
        ("remove", bo.remove_member(&ana.id()).await.map(drop)),
        (
            "group",
            bo.create_group("Mine", deskbell_proto::v1::GroupVisibility::Public).await.map(drop),
        ),
        ("rename", bo.rename_group(&sales, "Mine").await.map(drop)),
        ("join", bo.join(&sales, &bo).await.map(drop)),
        ("part", bo.part(&sales, &bo).await.map(drop)),
        ("profile", bo.profile_now(&profile).await.map(drop)),
        ("manifest", bo.signed_manifest(&profile).await.map(drop)),
        (
            "pause",
            bo.set_profile(&profile, deskbell_proto::v1::ProfileState::Paused).await.map(drop),
        ),
    ] {
        assert_eq!(refused(outcome), denied, "{act}");
    }
    // Becoming one, and being one no more, counts from the next call on.
    ana.update_member(&bo.id(), Some(true), None, None).await.unwrap();
    bo.set_mode(QueueMode::SelfService).await;
    ana.update_member(&bo.id(), Some(false), None, None).await.unwrap();
    assert_eq!(refused(bo.rename_group(&sales, "Mine").await), denied);
    desk.close();
}

/// A password that the person with the address does not know.
const THEIRS: &str = "a password of Mallory's";

async fn a_code_is_worth_nothing_to_another_team(database: Database) {
    let desk = Desk::open(database).await;
    let (ana, mallory) = (desk.admin("ana").await, desk.admin("mallory").await);
    let boss = email("boss");
    let kept = mallory.add_member(&boss, true, false).await.unwrap();
    let passed_on = ana.add_member(&boss, true, true).await.unwrap();
    // Mallory redeems their own code: it opens an account in their team, and nothing in Ana's.
    desk.redeem_for(THEIRS, &boss, &kept.code, "").await.unwrap();
    let thief = sign_in_with(&desk.server, &boss, THEIRS).await;
    assert_eq!(thief.identity.membership.as_ref().unwrap().team_name, "mallory's team");
    // Without a team, the account sees that Ana's team asks, and cannot answer for it.
    mallory.remove_member(&thief.id()).await.unwrap();
    let thief = sign_in_with(&desk.server, &boss, THEIRS).await;
    assert_eq!(thief.identity.invitations[0].team_name, "ana's team");
    let again = mallory.add_member(&boss, true, false).await.unwrap();
    for accept in [true, false] {
        for code in [&kept.code, &again.code] {
            let outcome = thief.answer_to("ana's team", accept, code).await;
            assert_eq!(refused_field(outcome), "code", "{accept}");
        }
    }
    // The real person's code works, whatever others did before.
    desk.redeem(&boss, &passed_on.code, "The boss").await.unwrap();
    let real = desk.sign_in(&boss).await;
    let seat = real.identity.membership.clone().unwrap();
    assert!(seat.admin && seat.team_name == "ana's team");
    assert_eq!(thief.who_am_i().await.unwrap().membership, None);
    assert_eq!(refused(thief.members().await).0, Code::PermissionDenied);
    desk.close();
}

async fn the_newest_code_works(database: Database) {
    let desk = Desk::open(database).await;
    let ana = desk.admin("ana").await;
    let bo = email("bo");
    let bad = (Code::Unauthenticated, "BAD_CREDENTIALS".to_owned());
    let first = ana.add_member(&bo, true, false).await.unwrap();
    let second = ana.add_member(&bo, true, false).await.unwrap();
    assert_eq!(first.member.as_ref().unwrap().id, second.member.as_ref().unwrap().id);
    assert_eq!(refused(desk.redeem(&bo, &first.code, "").await), bad, "an older one");
    ana.remove_member(&second.member.unwrap().id).await.unwrap();
    assert_eq!(refused(desk.redeem(&bo, &second.code, "").await), bad, "taken back");
    let third = ana.add_member(&bo, true, false).await.unwrap();
    for older in [&first.code, &second.code] {
        assert_eq!(refused(desk.redeem(&bo, older, "").await), bad, "of an earlier invitation");
    }
    desk.redeem(&bo, &third.code, "Bo").await.unwrap();
    desk.sign_in(&bo).await.open().await;
    desk.close();
}
