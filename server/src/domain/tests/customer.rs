//! What customers do: ring, write, take it back. A call for help is never lost, and never made
//! twice.

use super::fixtures::*;
use super::tickets::act;
use crate::domain::*;

fn rung(scene: &mut Scene, profile: ProfileId, command: impl Into<Command>) -> Ticket {
    match scene.ask(Caller::Widget(profile), command) {
        Ok(Reply::Ticket(ticket)) => *ticket,
        other => panic!("{other:?}"),
    }
}

fn refused(scene: &Scene, caller: Caller, command: impl Into<Command>) -> String {
    word(&scene.decide(caller, command).expect_err("refused"))
}

fn writes() -> Command {
    Command::Ticket(TicketCommand::CustomerWrite { text: Ok(text("Still broken.")) })
}

#[test]
fn a_new_ticket() {
    let mut scene = Scene::new();
    scene.now += MINUTE;
    let ticket = rung(&mut scene, DESK, submit("one", Some(SUPPORT)));
    assert_eq!(
        (ticket.number, ticket.state, ticket.operator, ticket.group),
        (1, State::New, None, Some(SUPPORT))
    );
    assert_eq!(
        (ticket.version, ticket.customer_version),
        (scene.world.revision, scene.world.revision)
    );
    assert_eq!(
        (ticket.submitted_at, ticket.expires_at, ticket.ended_at),
        (scene.now, Some(scene.now + DAY), None)
    );
    assert_eq!((ticket.origin, ticket.extras.verified), (Origin::Profile(DESK), false));
    assert_eq!((ticket.changed, ticket.changed_by), (What::Submitted, Actor::Customer));
    assert!(ticket.handled_by.is_empty());
    assert_eq!(rung(&mut scene, DESK, submit("two", None)).number, 2, "counted without gaps");
}

#[test]
fn a_group_that_cannot_be_had_does_no_harm() {
    let table = [
        (DESK, None, None),
        (DESK, Some(SUPPORT), Some(SUPPORT)),
        // Not the profile's, internal, deleted, never there.
        (DESK, Some(SALES), None),
        (PLAIN, Some(SUPPORT), None),
        (DESK, Some(BACKSTAGE), None),
        (DESK, Some(GONE), None),
        (DESK, Some(GroupId(99)), None),
    ];
    for (profile, asked, given) in table {
        let ticket = rung(&mut Scene::new(), profile, submit("one", asked));
        assert_eq!((ticket.group, ticket.operator), (given, None), "{profile:?} {asked:?}");
    }
}

#[test]
fn the_profiles_priority_goes_before_the_teams() {
    for team in Priority::ALL {
        for (profile, expected) in [(DESK, Priority::High), (PLAIN, team)] {
            let mut scene = Scene::new();
            scene.team_mut().settings.default_priority = team;
            assert_eq!(
                rung(&mut scene, profile, submit("one", None)).priority,
                expected,
                "{profile:?}"
            );
        }
    }
}

#[test]
fn who_can_ring() {
    let table = [
        (Caller::Widget(PAUSED), "PROFILE_PAUSED"),
        (Caller::Widget(REVOKED), "PROFILE_REVOKED"),
        (Caller::Widget(OFF), "ASSISTANCE_OFF"),
        (Caller::Widget(ProfileId(99)), "PROFILE_UNKNOWN"),
        (Caller::Member(ADA), "PROFILE_UNKNOWN"),
        (Caller::Customer(DESK, hash("one")), "PROFILE_UNKNOWN"),
        (Caller::Clock, "PROFILE_UNKNOWN"),
    ];
    let scene = Scene::new();
    for (caller, expected) in table {
        assert_eq!(refused(&scene, caller, submit("one", None)), expected, "{caller:?}");
    }
    let mut wrong = submit("one", None);
    if let Command::Ticket(TicketCommand::Submit(submission)) = &mut wrong {
        submission.words = Err(Refusal::invalid("description", "is empty"));
    }
    assert_eq!(refused(&scene, Caller::Widget(DESK), wrong.clone()), "invalid description");
    assert_eq!(
        refused(&scene, Caller::Widget(PAUSED), wrong),
        "PROFILE_PAUSED",
        "may they at all comes first"
    );
}

#[test]
fn a_retry_gets_the_same_ticket_whatever_happened_since() {
    let mut scene = Scene::new();
    let first = rung(&mut scene, DESK, submit("one", Some(SUPPORT)));
    for state in [ProfileState::Active, ProfileState::Paused, ProfileState::Revoked] {
        scene.team_mut().profiles.get_mut(&DESK).expect("there").state = state;
        for group in [Some(SUPPORT), None] {
            let again = scene
                .decide(Caller::Widget(DESK), submit("one", group))
                .expect("looked up before anything else");
            assert!(again.events.is_empty(), "one event only");
            assert_eq!(
                (again.next_id, again.next_number),
                (scene.world.next_id, scene.world.next_number)
            );
            assert_eq!(again.reply, Reply::Ticket(Box::new(first.clone())));
        }
        let other = submit_body("one", "Something else.", None);
        assert_eq!(
            refused(&scene, Caller::Widget(DESK), other),
            "reused secret_hash",
            "no data, and no second ticket"
        );
    }
    scene.does(ANA, act("close", 1, scene.version(1)));
    let Reply::Ticket(ticket) =
        scene.decide(Caller::Widget(DESK), submit("one", None)).expect("still").reply
    else {
        panic!("a ticket")
    };
    assert_eq!(ticket.state, State::Closed, "as it is now");
}

#[test]
fn writing() {
    use State::{Answered, Closed, Expired, InProgress, New};
    let table = [
        (New, New),
        (InProgress, InProgress),
        (Answered, InProgress),
        (Closed, InProgress),
        (Expired, InProgress),
    ];
    for (before, after) in table {
        let mut scene = Scene::new();
        let number = scene.put(before, Some(ANA), Some(SUPPORT));
        scene.now += MINUTE;
        scene.ask(customer(number), writes()).expect("the customer's own");
        let ticket = scene.ticket(number);
        assert_eq!(ticket.state, after, "{before:?}");
        assert_eq!(
            (ticket.version, ticket.customer_version),
            (scene.world.revision, scene.world.revision)
        );
        assert_eq!((ticket.changed, ticket.changed_by), (What::CustomerWrote, Actor::Customer));
        assert_eq!(
            (ticket.operator, ticket.group, ticket.ended_at),
            (Some(ANA), Some(SUPPORT), None)
        );
        assert_eq!(ticket.expires_at, Some(scene.now + DAY), "writing starts the clock anew");
    }
}

#[test]
fn writing_on_an_ended_ticket_whose_operator_left() {
    let mut scene = Scene::new();
    let number = scene.put(State::Closed, Some(DAN), Some(SUPPORT));
    scene.ask(customer(number), writes()).expect("the customer's own");
    let ticket = scene.ticket(number);
    assert_eq!((ticket.state, ticket.operator, ticket.group), (State::New, None, Some(SUPPORT)));
}

#[test]
fn cancelling() {
    for before in State::ALL {
        let mut scene = Scene::new();
        let number = scene.put(before, Some(ANA), Some(SUPPORT));
        scene.now += MINUTE;
        let decision = scene
            .decide(customer(number), TicketCommand::CustomerCancel)
            .expect("the customer's own");
        scene.apply(&decision);
        let ticket = scene.ticket(number);
        assert_eq!(
            decision.events.is_empty(),
            !before.is_open(),
            "an ended ticket stays as it ended"
        );
        assert_eq!(
            ticket.state,
            if before == State::Expired { State::Expired } else { State::Closed }
        );
        if before.is_open() {
            assert_eq!((ticket.ended_at, ticket.expires_at), (Some(scene.now), None));
            assert_eq!(ticket.changed, What::Cancelled);
            assert_eq!(ticket.handled_by, [ANA], "cancelling is no handling");
        }
    }
}

#[test]
fn their_own_ticket_and_no_other() {
    let mut scene = Scene::new();
    let number = scene.put(State::New, None, Some(SUPPORT));
    let secret = hash(&number.to_string());
    let table = [
        (Caller::Customer(DESK, hash("guessed")), "not found"),
        (Caller::Customer(PLAIN, secret), "not found"),
        (Caller::Customer(PAUSED, secret), "not found"),
        (Caller::Customer(REVOKED, secret), "PROFILE_REVOKED"),
        (Caller::Customer(ProfileId(99), secret), "PROFILE_UNKNOWN"),
        (Caller::Widget(DESK), "PROFILE_UNKNOWN"),
        (Caller::Member(ADA), "PROFILE_UNKNOWN"),
    ];
    for (caller, expected) in table {
        for command in [writes(), Command::Ticket(TicketCommand::CustomerCancel)] {
            assert_eq!(refused(&scene, caller, command), expected, "{caller:?}");
        }
    }
    let wrong = TicketCommand::CustomerWrite { text: Err(Refusal::invalid("text", "is empty")) };
    assert_eq!(
        refused(&scene, Caller::Customer(DESK, hash("guessed")), wrong.clone()),
        "not found"
    );
    assert_eq!(refused(&scene, customer(number), wrong), "invalid text");
}

#[test]
fn a_paused_profile_still_serves_the_tickets_there_are() {
    for state in [ProfileState::Active, ProfileState::Paused] {
        let mut scene = Scene::new();
        let number = scene.put(State::Answered, Some(ANA), None);
        scene.team_mut().profiles.get_mut(&DESK).expect("there").state = state;
        scene.ask(customer(number), writes()).expect("a conversation goes on");
        scene.ask(customer(number), TicketCommand::CustomerCancel).expect("it can be taken back");
    }
}

#[test]
fn history_of_a_deleted_group_is_hidden_from_its_customers_too() {
    let mut scene = Scene::new();
    let ended = scene.put(State::Closed, None, Some(SUPPORT));
    let open = scene.put(State::New, None, Some(SUPPORT));
    scene.does(
        ADA,
        GroupCommand::Delete { group: SUPPORT, dry_run: false, confirm: 1, move_to: None },
    );
    for command in [writes(), Command::Ticket(TicketCommand::CustomerCancel)] {
        assert_eq!(refused(&scene, customer(ended), command), "not found");
    }
    scene.ask(customer(open), writes()).expect("an open ticket goes on without its group");
    scene.does(ADA, GroupCommand::Undelete { group: SUPPORT });
    scene.ask(customer(ended), writes()).expect("it is there again");
    assert_eq!((scene.ticket(ended).state, scene.ticket(ended).group), (State::New, Some(SUPPORT)));
}
