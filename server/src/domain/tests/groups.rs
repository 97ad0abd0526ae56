//! Groups: names, operators, and a deletion with all that follows from it.

use std::collections::BTreeSet;

use super::fixtures::*;
use super::tickets::act;
use crate::domain::*;

fn create(name: &str) -> Command {
    Command::Group(GroupCommand::Create { name: name.to_owned(), visibility: Visibility::Internal })
}

fn rename(group: GroupId, name: &str) -> Command {
    Command::Group(GroupCommand::Update { group, name: Some(name.to_owned()), visibility: None })
}

fn delete(group: GroupId, confirm: i64, move_to: Option<GroupId>) -> Command {
    Command::Group(GroupCommand::Delete { group, dry_run: false, confirm, move_to })
}

/// Support with three open tickets and two ended ones; one of each elsewhere.
fn with_tickets() -> (Scene, [i64; 5], [i64; 2]) {
    let mut scene = Scene::new();
    let numbers = [
        scene.put(State::New, None, Some(SUPPORT)),
        scene.put(State::InProgress, Some(ANA), Some(SUPPORT)),
        scene.put(State::Answered, Some(BEN), Some(SUPPORT)),
        scene.put(State::Closed, Some(ANA), Some(SUPPORT)),
        scene.put(State::Expired, Some(CAL), Some(SUPPORT)),
    ];
    let others = [
        scene.put(State::New, Some(BEN), Some(SALES)),
        scene.put(State::Closed, Some(BEN), Some(SALES)),
    ];
    (scene, numbers, others)
}

#[test]
fn names() {
    let twins = ["Support", "SUPPORT", "suppo\u{52}t", "Sales", "GONE"];
    let free = ["Support 2", "Sup port", "Gone."];
    let mut scene = Scene::new();
    for name in twins {
        assert_eq!(scene.refused(ADA, create(name)), "exists name", "{name}");
        assert_eq!(scene.refused(ADA, rename(BACKSTAGE, name)), "exists name", "{name}");
    }
    for name in free {
        scene.does(ADA, create(name));
    }
    scene.does(ADA, rename(BACKSTAGE, "Caf\u{e9}"));
    assert_eq!(scene.refused(ADA, create("CAFE\u{301}")), "exists name", "compared in normal form");
    scene.does(ADA, rename(BACKSTAGE, "CAFE\u{301}"));
    assert_eq!(
        scene.team().groups[&BACKSTAGE].words.name,
        "CAF\u{c9}",
        "its own name is no twin, and is kept in normal form"
    );
    let same =
        scene.decide(Caller::Member(ADA), rename(BACKSTAGE, "CAFE\u{301}")).expect("harmless");
    assert!(same.events.is_empty());
    let wrong = GroupCommand::Update { group: SALES, name: Some(String::new()), visibility: None };
    assert_eq!(scene.refused(ADA, wrong), "invalid name");
}

#[test]
fn a_new_group_is_as_it_was_asked_for() {
    for visibility in [Visibility::Public, Visibility::Internal] {
        let mut scene = Scene::new();
        let command = GroupCommand::Create { name: "New".to_owned(), visibility };
        let Reply::Item(ItemId::Group(id)) = scene.does(ADA, command) else { panic!("a group") };
        let group = scene.group(id);
        assert_eq!(
            (group.visibility, group.deleted_at, group.operators.len()),
            (visibility, None, 0)
        );
    }
}

#[test]
fn only_members_with_assistance_management_can_be_in_it() {
    let table = [
        (SALES, CAL, None),
        (SALES, BEN, None),
        (SALES, INA, None),
        (SALES, ADA, Some("NOT_AN_OPERATOR")),
        (SALES, NIL, Some("NOT_AN_OPERATOR")),
        (SALES, MemberId(99), Some("not found")),
        (GONE, BEN, Some("not found")),
        (GroupId(99), BEN, Some("not found")),
    ];
    for (group, member, refused) in table {
        let mut scene = Scene::new();
        let added = scene.ask(Caller::Member(ADA), GroupCommand::AddOperator { group, member });
        assert_eq!(added.as_ref().err().map(word).as_deref(), refused, "{member:?}");
        let there =
            scene.team().groups.get(&group).is_some_and(|group| group.operators.contains(&member));
        assert_eq!(there, refused.is_none(), "{member:?}");
        let removed =
            scene.ask(Caller::Member(ADA), GroupCommand::RemoveOperator { group, member });
        assert_eq!(removed.is_ok(), refused.is_none(), "{member:?}");
    }
}

#[test]
fn leaving_a_group_keeps_the_tickets() {
    let mut scene = Scene::new();
    let number = scene.put(State::New, Some(ANA), Some(SUPPORT));
    scene.does(ADA, GroupCommand::RemoveOperator { group: SUPPORT, member: ANA });
    assert_eq!(
        (scene.ticket(number).operator, scene.ticket(number).group),
        (Some(ANA), Some(SUPPORT))
    );
    assert_eq!(scene.who_sees(number), [ADA, BOB, ANA], "assigned to her still");
}

#[test]
fn a_dry_run_says_it_and_changes_nothing() {
    let (scene, ..) = with_tickets();
    for (move_to, erased, moved) in [(None, 2, 0), (Some(SALES), 0, 2)] {
        let command = GroupCommand::Delete { group: SUPPORT, dry_run: true, confirm: 0, move_to };
        let decision = scene.decide(Caller::Member(ADA), command).expect("a dry run");
        assert!(decision.events.is_empty());
        let profiles = vec![DESK, PAUSED, REVOKED, OFF];
        assert_eq!(
            decision.reply,
            Reply::GroupDeleted { unassigned: 3, erased, moved, profiles, until: None }
        );
    }
}

#[test]
fn a_deletion_wants_the_number_of_tickets_it_erases() {
    let (scene, ..) = with_tickets();
    let table = [
        (delete(SUPPORT, 0, None), Some("CONFIRMATION_NEEDED")),
        (delete(SUPPORT, 1, None), Some("CONFIRMATION_NEEDED")),
        (delete(SUPPORT, 3, None), Some("CONFIRMATION_NEEDED")),
        (delete(SUPPORT, 2, None), None),
        // Not looked at when the history moves.
        (delete(SUPPORT, 0, Some(SALES)), None),
        (delete(SUPPORT, 9, Some(SALES)), None),
        (delete(BACKSTAGE, 0, None), None),
        (delete(BACKSTAGE, 2, None), Some("CONFIRMATION_NEEDED")),
        (delete(SUPPORT, 2, Some(SUPPORT)), Some("invalid move_history_to_group_id")),
        (delete(SUPPORT, 2, Some(GONE)), Some("invalid move_history_to_group_id")),
        (delete(SUPPORT, 2, Some(GroupId(99))), Some("invalid move_history_to_group_id")),
        (delete(GONE, 0, None), Some("not found")),
        (delete(GroupId(99), 0, None), Some("not found")),
    ];
    for (command, expected) in table {
        let asked = format!("{command:?}");
        let refused =
            scene.decide(Caller::Member(ADA), command).err().map(|refusal| word(&refusal));
        assert_eq!(refused.as_deref(), expected, "{asked}");
    }
}

#[test]
fn a_deletion_unassigns_what_is_open_and_hides_what_is_not() {
    let (mut scene, numbers, others) = with_tickets();
    let states = numbers.map(|number| scene.ticket(number).state);
    let untouched = others.map(|number| scene.ticket(number).clone());
    let Reply::GroupDeleted { until, .. } = scene.does(ADA, delete(SUPPORT, 2, None)) else {
        panic!("deleted")
    };
    assert_eq!(until, Some(START + UNDELETE_FOR));
    for number in &numbers[..3] {
        let ticket = scene.ticket(*number);
        assert_eq!((ticket.operator, ticket.group), (None, None));
        assert_eq!((ticket.changed, ticket.version), (What::GroupDeleted, scene.world.revision));
        assert_eq!(scene.who_sees(*number), [ADA, BOB]);
    }
    for number in &numbers[3..] {
        assert_eq!(scene.who_sees(*number), []);
    }
    assert_eq!(
        numbers.map(|number| scene.ticket(number).state),
        states,
        "nobody did anything to them"
    );
    assert_eq!(others.map(|number| scene.ticket(number).clone()), untouched);
    let twin =
        scene.decide(Caller::Member(ADA), create("support")).expect_err("it can still come back");
    assert!(matches!(twin, Refusal::AlreadyExists { text, .. } if text.contains("undelete it")));
}

#[test]
fn a_deletion_can_be_undone_for_ten_minutes() {
    for (after, undone) in [(0, true), (UNDELETE_FOR, true), (UNDELETE_FOR + 1, false)] {
        let (mut scene, numbers, _) = with_tickets();
        scene.does(ADA, delete(SUPPORT, 2, None));
        scene.now += after;
        let outcome = scene.ask(Caller::Member(BOB), GroupCommand::Undelete { group: SUPPORT });
        assert_eq!(outcome.is_ok(), undone, "after {after}");
        assert_eq!(scene.team().live_group(SUPPORT).is_some(), undone);
        for number in numbers {
            let ended = !scene.ticket(number).is_open();
            assert_eq!(scene.ticket(number).group, (undone || ended).then_some(SUPPORT));
            assert_eq!(scene.who_sees(number).contains(&ANA), undone);
        }
        let word = scene.refused(ADA, GroupCommand::Undelete { group: SUPPORT });
        assert_eq!(word, if undone { "NOT_DELETED" } else { "not found" });
    }
}

#[test]
fn undoing_leaves_what_happened_to_tickets_meanwhile() {
    let (mut scene, [untouched, taken, assigned, ..], _) = with_tickets();
    let [sent_on, closed] = [(); 2].map(|()| scene.put(State::New, None, Some(SUPPORT)));
    let had = scene.put(State::InProgress, Some(ANA), Some(SUPPORT));
    scene.does(ADA, delete(SUPPORT, 2, None));
    scene.does(BOB, act("take", taken, scene.version(taken)));
    scene.does(ADA, act("assign", assigned, scene.version(assigned)));
    let version = scene.version(sent_on);
    scene.does(
        ADA,
        TicketCommand::Assign {
            number: sent_on,
            version,
            operator: None,
            group: Some(Some(SALES)),
        },
    );
    scene.does(ADA, act("close", closed, scene.version(closed)));
    scene.does(ADA, GroupCommand::Undelete { group: SUPPORT });
    let table = [
        (untouched, None, Some(SUPPORT), What::GroupRestored),
        (had, Some(ANA), Some(SUPPORT), What::GroupRestored),
        (taken, Some(BOB), Some(SUPPORT), What::GroupRestored),
        (assigned, Some(CAL), None, What::Assigned),
        (sent_on, None, Some(SALES), What::Assigned),
        (closed, None, None, What::Closed),
    ];
    for (number, operator, group, changed) in table {
        let ticket = scene.ticket(number);
        assert_eq!(
            (ticket.operator, ticket.group, ticket.changed),
            (operator, group, changed),
            "{number}"
        );
        assert_eq!((ticket.former_group, ticket.former_operator), (None, None));
    }
}

#[test]
fn those_who_left_meanwhile_do_not_come_back_with_the_group() {
    let mut scene = Scene::new();
    scene.does(ADA, delete(SUPPORT, 0, None));
    scene.does(
        ADA,
        MemberCommand::Update { member: ANA, admin: None, operator: Some(false), enabled: None },
    );
    scene.does(ADA, MemberCommand::Remove { member: INA });
    scene.does(ADA, GroupCommand::Undelete { group: SUPPORT });
    assert_eq!(scene.group(SUPPORT).operators, BTreeSet::from([DAN]));
}

#[test]
fn profiles_that_offer_a_group_get_a_new_revision_with_it() {
    let mut scene = Scene::new();
    let revision = |scene: &Scene, id| scene.team().profiles[&id].revision;
    let offering = scene.team().profiles.values().find(|profile| profile.groups.contains(&SUPPORT));
    let offering = offering.expect("the fixture has one").id;
    let other = scene.team().profiles.values().find(|profile| profile.groups.is_empty());
    let other = other.expect("the fixture has one").id;
    let (before, untouched) = (revision(&scene, offering), revision(&scene, other));
    scene.does(ADA, rename(SUPPORT, "Help"));
    assert_eq!(revision(&scene, offering), before + 1);
    scene.does(ADA, rename(SUPPORT, "Help"));
    assert_eq!(revision(&scene, offering), before + 1, "nothing changed");
    scene.does(ADA, delete(SUPPORT, 0, None));
    scene.does(ADA, GroupCommand::Undelete { group: SUPPORT });
    assert_eq!(revision(&scene, offering), before + 3);
    assert_eq!(revision(&scene, other), untouched);
}

#[test]
fn history_can_move_to_another_group() {
    let (mut scene, [.., closed, expired], _) = with_tickets();
    scene.does(ADA, delete(SUPPORT, 0, Some(SALES)));
    assert_eq!([closed, expired].map(|number| scene.ticket(number).group), [Some(SALES); 2]);
    assert_eq!(scene.who_sees(closed), [ADA, BOB, ANA, BEN], "who handled it, and the other group");
    scene.does(BEN, act("reopen", closed, scene.version(closed)));
    assert_eq!(
        (scene.ticket(closed).operator, scene.ticket(closed).group),
        (Some(ANA), Some(SALES))
    );
    // The other group can be deleted in its turn, and counts what it was given.
    assert_eq!(scene.refused(ADA, delete(SALES, 1, None)), "CONFIRMATION_NEEDED");
    scene.does(ADA, delete(SALES, 2, None));
    assert_eq!(scene.who_sees(expired), []);
}

#[test]
fn erasing_waits_for_ten_minutes_and_goes_in_steps() {
    let (mut scene, numbers, others) = with_tickets();
    scene.does(ADA, delete(SUPPORT, 2, None));
    scene.now += UNDELETE_FOR;
    let erase = || GroupCommand::Erase { group: SUPPORT };
    let early = scene.decide(Caller::Clock, erase()).expect("the clock may always ask");
    assert!(early.events.is_empty(), "it can still be undone");
    scene.now += 1;
    for caller in [Caller::Member(ADA), Caller::Host, customer(numbers[0])] {
        assert_eq!(scene.decide(caller, erase()).err(), Some(Refusal::NOT_ADMIN));
    }
    assert_eq!(scene.ask(Caller::Clock, erase()), Ok(Reply::Count(2)));
    assert!(!scene.team().groups.contains_key(&SUPPORT));
    assert_eq!(scene.world.tickets.len(), numbers.len() + others.len() - 2);
    assert_eq!(scene.decide(Caller::Clock, erase()).err(), Some(Refusal::NotFound("group")));
    scene.does(ADA, create("Support"));

    // As many as one step erases, so there may be more; then none, and the group goes too.
    let mut scene = Scene::new();
    for _ in 0..ERASE_AT_ONCE {
        scene.put(State::Closed, None, Some(GONE));
    }
    scene.now += UNDELETE_FOR;
    let erase = || GroupCommand::Erase { group: GONE };
    assert_eq!(scene.ask(Caller::Clock, erase()), Ok(Reply::Count(256)));
    assert!(scene.team().groups.contains_key(&GONE));
    assert_eq!(scene.ask(Caller::Clock, erase()), Ok(Reply::Count(0)));
    assert!(!scene.team().groups.contains_key(&GONE));
    let living =
        scene.decide(Caller::Clock, GroupCommand::Erase { group: SALES }).expect("harmless");
    assert!(living.events.is_empty(), "a living group is never erased");
}

#[test]
fn a_team_has_a_thousand_groups_at_most() {
    let mut scene = Scene::new();
    let group = scene.team().groups[&SALES].clone();
    for id in 2_000..2_996 {
        let mut group = group.clone();
        group.image.id = GroupId(id);
        scene.team_mut().groups.insert(group.id, group);
    }
    assert_eq!(scene.refused(ADA, create("One more")), "full groups");
}
