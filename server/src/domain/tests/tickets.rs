//! What operators do to tickets: the state it leads to, and whatever else of the ticket changes
//! with it.

use super::fixtures::*;
use crate::domain::*;

/// Everything that can be done to a ticket by its number.
pub const ACTS: [&str; 7] = ["take", "assign", "priority", "reply", "note", "close", "reopen"];

/// The command of that name on a ticket at a version; a ticket is assigned to [`CAL`].
pub fn act(name: &str, number: i64, version: Revision) -> Command {
    match name {
        "take" => {
            let (version, from) = (Some(version), None);
            Command::Ticket(TicketCommand::Take { number, version, from })
        }
        "assign" => Command::Ticket(TicketCommand::Assign {
            number,
            version,
            operator: Some(Some(CAL)),
            group: None,
        }),
        "priority" => Command::Ticket(TicketCommand::SetPriority {
            number,
            version,
            priority: Ok(Priority::Urgent),
        }),
        "reply" => Command::Ticket(TicketCommand::Reply {
            number,
            version: Some(version),
            text: Ok(text("Hello.")),
        }),
        "note" => Command::Ticket(TicketCommand::Note {
            number,
            version: Some(version),
            text: Ok(text("Known.")),
        }),
        "close" => Command::Ticket(TicketCommand::Close { number, version }),
        "reopen" => Command::Ticket(TicketCommand::Reopen { number, version }),
        other => panic!("no act {other}"),
    }
}

fn state_name(state: State) -> &'static str {
    match state {
        State::New => "new",
        State::InProgress => "progress",
        State::Answered => "answered",
        State::Closed => "closed",
        State::Expired => "expired",
    }
}

#[test]
fn states() {
    const ENDED: &str = "TICKET_ENDED";
    const OPEN: &str = "TICKET_IS_OPEN";
    // What each act makes of a ticket that was                new, in progress, answered, closed,
    // expired.
    let table = [
        ("take", ["progress", "progress", "progress", ENDED, ENDED]),
        ("assign", ["new", "progress", "answered", ENDED, ENDED]),
        ("priority", ["new", "progress", "answered", ENDED, ENDED]),
        ("reply", ["answered", "answered", "answered", ENDED, ENDED]),
        ("note", ["progress", "progress", "answered", ENDED, ENDED]),
        ("close", ["closed", "closed", "closed", ENDED, ENDED]),
        ("reopen", [OPEN, OPEN, OPEN, "new", "new"]),
    ];
    for (name, outcomes) in table {
        for (before, expected) in State::ALL.into_iter().zip(outcomes) {
            let mut scene = Scene::new();
            let number = scene.put(before, None, Some(SUPPORT));
            scene.now += MINUTE;
            let old = scene.ticket(number).clone();
            let outcome = match scene.ask(Caller::Member(BOB), act(name, number, old.version)) {
                Ok(_) => state_name(scene.ticket(number).state).to_owned(),
                Err(refusal) => word(&refusal),
            };
            assert_eq!(outcome, expected, "{name} when {before:?}");
            let new = scene.ticket(number);
            if outcome == ENDED || outcome == OPEN {
                assert_eq!(new, &old, "a refusal changes nothing");
                continue;
            }
            assert_eq!(
                (new.version, new.changed_at),
                (scene.world.revision, scene.now),
                "{name} when {before:?}"
            );
            assert_eq!(new.changed_by, Actor::Member(BOB));
            assert_eq!(
                new.ended_at,
                (name == "close").then_some(scene.now),
                "{name} when {before:?}"
            );
            let expires = match name {
                "close" => None,
                "reopen" | "reply" => Some(scene.now + DAY),
                _ => Some(START + DAY),
            };
            assert_eq!(new.expires_at, expires, "{name} when {before:?}");
            assert_eq!(new.group, Some(SUPPORT), "{name} keeps the group");
        }
    }
}

#[test]
fn handled_is_assigned_to_answered_or_closed() {
    // Who is remembered after Bob did it; assigning is to Cal.
    let table: [(&str, &[MemberId]); 7] = [
        ("take", &[BOB]),
        ("assign", &[CAL]),
        ("priority", &[]),
        ("reply", &[BOB]),
        ("note", &[]),
        ("close", &[BOB]),
        ("reopen", &[]),
    ];
    for (name, expected) in table {
        let mut scene = Scene::new();
        let before = if name == "reopen" { State::Closed } else { State::New };
        let number = scene.put(before, None, Some(SUPPORT));
        scene.does(BOB, act(name, number, scene.version(number)));
        assert_eq!(scene.ticket(number).handled_by, expected, "{name}");
    }
}

#[test]
fn handled_is_remembered_and_sorted() {
    let mut scene = Scene::new();
    let number = scene.put(State::New, Some(CAL), Some(SUPPORT));
    scene.does(ANA, act("reply", number, scene.version(number)));
    let (version, from) = (None, Some(CAL));
    scene.does(BOB, Command::Ticket(TicketCommand::Take { number, version, from }));
    scene.does(ADA, act("close", number, scene.version(number)));
    assert_eq!(scene.ticket(number).handled_by, [ADA, BOB, ANA, CAL]);
}

#[test]
fn what_customers_see_of_it() {
    // Whether the customer's version of a new ticket grows.
    let table = [
        ("take", true),
        ("assign", true),
        ("priority", false),
        ("reply", true),
        ("note", true),
        ("close", true),
    ];
    for (name, grows) in table {
        let mut scene = Scene::new();
        let number = scene.put(State::New, None, Some(SUPPORT));
        let before = scene.ticket(number).customer_version;
        scene.does(BOB, act(name, number, scene.version(number)));
        assert_eq!(scene.ticket(number).customer_version > before, grows, "{name}");
    }
    let mut scene = Scene::new();
    let number = scene.put(State::InProgress, None, Some(SUPPORT));
    let before = scene.ticket(number).customer_version;
    scene.does(BOB, act("note", number, scene.version(number)));
    assert_eq!(scene.ticket(number).customer_version, before, "a note on a ticket that was begun");
}

#[test]
fn taking_needs_assistance_management() {
    let mut scene = Scene::new();
    let number = scene.put(State::New, None, Some(SUPPORT));
    assert_eq!(scene.refused(ADA, act("take", number, scene.version(number))), "NOT_AN_OPERATOR");
    assert_eq!(scene.refused(ADA, TicketCommand::Next), "NOT_AN_OPERATOR");
    for name in ["assign", "priority", "reply", "note", "close"] {
        assert!(
            scene.decide(Caller::Member(ADA), act(name, number, scene.version(number))).is_ok(),
            "{name}"
        );
    }
}

#[test]
fn what_a_colleague_has_is_taken_only_from_them() {
    let mut scene = Scene::in_mode(QueueMode::SelfService);
    let number = scene.put(State::New, None, Some(SUPPORT));
    let take = |version, from| Command::Ticket(TicketCommand::Take { number, version, from });
    scene.does(BOB, take(None, None));
    let mine = scene.decide(Caller::Member(BOB), take(None, None)).expect("harmless");
    assert!(mine.events.is_empty(), "it is his already");
    let seen = Some(scene.version(number));
    for (version, from) in [(None, None), (seen, None), (None, Some(CAL)), (seen, Some(ANA))] {
        assert_eq!(scene.refused(ANA, take(version, from)), "taken: bob");
    }
    scene.does(ANA, take(None, Some(BOB)));
    let now = scene.ticket(number);
    assert_eq!((now.operator, now.group), (Some(ANA), Some(SUPPORT)));
    assert_eq!(scene.refused(BOB, take(None, Some(CAL))), "taken: ana");
    assert_eq!(scene.refused(BOB, take(seen, Some(ANA))), "stale: ana taken");
}

#[test]
fn ten_operators_take_one_ticket() {
    let mut scene = Scene::in_mode(QueueMode::SelfService);
    let number = scene.put(State::New, None, None);
    let seen = scene.version(number);
    scene.does(CAL, act("take", number, seen));
    let lost = scene.decide(Caller::Member(BOB), act("take", number, seen)).expect_err("one wins");
    assert_eq!(
        lost,
        Refusal::Stale { by: "cal".to_owned(), what: "taken", version: scene.version(number) }
    );
    assert_eq!(
        scene.refused(BEN, act("take", number, seen)),
        "not found",
        "out of sight; the desk knows who saw it"
    );
}

#[test]
fn a_stale_version_never_overwrites() {
    for before in [State::New, State::Closed] {
        let mut scene = Scene::new();
        let number = scene.put(before, None, Some(SUPPORT));
        let seen = scene.version(number);
        let first = if before == State::New { "priority" } else { "reopen" };
        let what = if before == State::New { "priority" } else { "reopened" };
        scene.does(ANA, act(first, number, seen));
        for name in ACTS {
            let refused = scene.refused(BOB, act(name, number, seen));
            assert_eq!(refused, format!("stale: ana {what}"), "{name}");
            assert_eq!(scene.refused(BOB, act(name, number, 0)), "invalid version", "{name}");
            let future = scene.version(number) + 1;
            assert_eq!(
                scene.refused(BOB, act(name, number, future)),
                format!("stale: ana {what}"),
                "{name}"
            );
        }
    }
}

#[test]
fn who_changed_it_last() {
    let mut scene = Scene::new();
    let number = scene.put(State::Answered, Some(ANA), None);
    let seen = scene.version(number);
    scene
        .ask(customer(number), TicketCommand::CustomerWrite { text: Ok(text("Still.")) })
        .expect("an open ticket");
    assert_eq!(scene.refused(ANA, act("close", number, seen)), "stale: customer customer_wrote");
    scene.now += 2 * DAY;
    let ticket = scene.ticket(number).id;
    scene.ask(Caller::Clock, TicketCommand::Expire { ticket }).expect("due");
    assert_eq!(scene.refused(ANA, act("close", number, seen)), "stale: clock expired");
}

#[test]
fn writing_without_a_version_is_never_stale() {
    let mut scene = Scene::new();
    let number = scene.put(State::New, None, Some(SUPPORT));
    scene.does(BOB, act("take", number, scene.version(number)));
    for kind in ["reply", "note"] {
        let command = match kind {
            "reply" => TicketCommand::Reply { number, version: None, text: Ok(text("Hello.")) },
            _ => TicketCommand::Note { number, version: None, text: Ok(text("Hello.")) },
        };
        let Reply::Written(ticket, message) = scene.does(ANA, command) else {
            panic!("{kind} answers what was written")
        };
        assert_eq!((ticket.number, message.0 > 1_000), (number, true));
    }
    let wrong = TicketCommand::Reply {
        number,
        version: None,
        text: Err(Refusal::invalid("text", "is empty")),
    };
    assert_eq!(scene.refused(ANA, wrong.clone()), "invalid text");
    assert_eq!(
        scene.refused(BEN, wrong),
        "not found",
        "who may not see it does not hear what is wrong"
    );
}

#[test]
fn the_same_priority_changes_nothing() {
    let mut scene = Scene::new();
    let number = scene.put(State::New, None, Some(SUPPORT));
    let version = scene.version(number);
    let same = TicketCommand::SetPriority { number, version, priority: Ok(Priority::High) };
    assert!(scene.decide(Caller::Member(ANA), same).expect("allowed").events.is_empty());
    scene.does(ANA, act("priority", number, version));
    assert_eq!(
        scene.ticket(number).changed,
        What::Priority(Priority::High),
        "from which it was set"
    );
}

#[test]
fn reopening_gives_it_back_to_whoever_is_still_there() {
    // Operator and group at the end, and once Bob opened it again.
    let table = [
        (None, None, None, None, State::New),
        (None, Some(SUPPORT), None, Some(SUPPORT), State::New),
        (Some(ANA), None, Some(ANA), None, State::InProgress),
        (Some(BEN), Some(SUPPORT), Some(BEN), Some(SUPPORT), State::InProgress),
        (Some(DAN), Some(SUPPORT), None, Some(SUPPORT), State::New),
        (Some(NIL), None, None, None, State::New),
        (Some(MemberId(99)), None, None, None, State::New),
    ];
    for (operator, group, operator_after, group_after, state) in table {
        for ended in [State::Closed, State::Expired] {
            let mut scene = Scene::new();
            let number = scene.put(ended, operator, group);
            let handled = scene.ticket(number).handled_by.clone();
            scene.does(BOB, act("reopen", number, scene.version(number)));
            let ticket = scene.ticket(number);
            assert_eq!(
                (ticket.operator, ticket.group, ticket.state),
                (operator_after, group_after, state),
                "{operator:?}"
            );
            assert_eq!(ticket.handled_by, handled, "{operator:?}");
        }
    }
}

#[test]
fn history_of_a_deleted_group_can_be_opened_by_nobody() {
    let mut scene = Scene::new();
    let number = scene.put(State::Closed, Some(CAL), Some(GONE));
    for member in [ADA, BOB, CAL] {
        assert_eq!(
            scene.refused(member, act("reopen", number, scene.version(number))),
            "not found"
        );
    }
}
