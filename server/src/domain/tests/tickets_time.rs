//! Expiry: not before it is due, not twice, and not when something else came first.

use super::fixtures::*;
use super::tickets::act;
use crate::domain::*;

fn expire(scene: &mut Scene, number: i64) -> bool {
    let ticket = scene.ticket(number).id;
    let decision = scene
        .decide(Caller::Clock, TicketCommand::Expire { ticket })
        .expect("the clock may always ask");
    scene.apply(&decision);
    !decision.events.is_empty()
}

#[test]
fn when_it_expires() {
    let table = [(0, false), (DAY - 1, false), (DAY, true), (DAY + MINUTE, true)];
    for state in [State::New, State::InProgress, State::Answered] {
        for (after, expires) in table {
            let mut scene = Scene::new();
            let number = scene.put(state, Some(ANA), Some(SUPPORT));
            scene.now += after;
            assert_eq!(expire(&mut scene, number), expires, "{state:?} after {after}");
            let ticket = scene.ticket(number);
            assert_eq!(ticket.state == State::Expired, expires);
            assert_eq!(ticket.ended_at, expires.then_some(scene.now));
            assert_eq!(ticket.expires_at, (!expires).then_some(START + DAY));
            assert_eq!((ticket.operator, ticket.group), (Some(ANA), Some(SUPPORT)));
        }
    }
}

#[test]
fn it_expires_once_and_not_when_it_ended_otherwise() {
    let mut scene = Scene::new();
    let [expired, closed, cancelled] = [(); 3].map(|()| scene.put(State::New, None, Some(SUPPORT)));
    scene.does(ANA, act("close", closed, scene.version(closed)));
    scene.ask(customer(cancelled), TicketCommand::CustomerCancel).expect("the customer's own");
    scene.now += 2 * DAY;
    assert!(expire(&mut scene, expired));
    for (number, state) in
        [(expired, State::Expired), (closed, State::Closed), (cancelled, State::Closed)]
    {
        let before = scene.ticket(number).clone();
        assert!(!expire(&mut scene, number));
        assert_eq!((scene.ticket(number), before.state), (&before, state));
    }
}

#[test]
fn reopening_starts_the_clock_anew() {
    let mut scene = Scene::new();
    let number = scene.put(State::New, None, Some(SUPPORT));
    scene.now += DAY;
    assert!(expire(&mut scene, number));
    scene.now += 5 * DAY;
    scene.does(ANA, act("reopen", number, scene.version(number)));
    assert_eq!(scene.ticket(number).expires_at, Some(scene.now + DAY));
    scene.now += DAY - 1;
    assert!(!expire(&mut scene, number));
    scene.now += 1;
    assert!(expire(&mut scene, number));
}

#[test]
fn words_between_customer_and_staff_move_the_time() {
    let mut scene = Scene::new();
    let number = scene.put(State::New, None, Some(SUPPORT));
    for name in ["take", "assign", "priority", "note"] {
        scene.now += MINUTE;
        scene.does(BOB, act(name, number, scene.version(number)));
        assert_eq!(scene.ticket(number).expires_at, Some(START + DAY), "{name}");
    }
    scene.does(BOB, act("reply", number, scene.version(number)));
    assert_eq!(scene.ticket(number).expires_at, Some(scene.now + DAY));
    for command in
        [TicketCommand::CustomerWrite { text: Ok(text("Thanks.")) }, TicketCommand::StillNeeded]
    {
        scene.now += MINUTE;
        scene.ask(customer(number), command).expect("open");
        assert_eq!(scene.ticket(number).expires_at, Some(scene.now + DAY));
    }
    let seen = scene.version(number);
    scene.ask(customer(number), TicketCommand::StillNeeded).expect("open");
    assert_eq!(scene.version(number), seen, "it lives as long already");
    scene.does(BOB, act("close", number, seen));
    let late = scene.ask(customer(number), TicketCommand::StillNeeded).unwrap_err();
    assert_eq!(word(&late), "TICKET_ENDED");
}

#[test]
fn never_is_allowed_and_a_new_setting_is_for_new_tickets() {
    let setting = |after: Option<Millis>| {
        let expire_after = Some(after);
        TeamCommand::Update(TeamChanges { expire_after, ..TeamChanges::default() })
    };
    let mut scene = Scene::new();
    let before = scene.put(State::New, None, Some(SUPPORT));
    scene.does(ADA, setting(None));
    let never = scene.put(State::New, None, Some(SUPPORT));
    scene.does(ADA, setting(Some(MINUTE)));
    let soon = scene.put(State::New, None, Some(SUPPORT));
    let times = [before, never, soon].map(|number| scene.ticket(number).expires_at);
    assert_eq!(times, [Some(START + DAY), None, Some(START + MINUTE)]);
    scene.now += 100 * DAY;
    assert!(!expire(&mut scene, never));
    let wrong = setting(Some(MINUTE - 1));
    assert_eq!(scene.refused(ADA, wrong), "invalid team.expire_after");
}

#[test]
fn only_the_clock_expires() {
    let mut scene = Scene::new();
    let number = scene.put(State::New, None, Some(SUPPORT));
    scene.now += 2 * DAY;
    let ticket = scene.ticket(number).id;
    for caller in [Caller::Member(ADA), Caller::Widget(DESK), customer(number)] {
        assert_eq!(
            scene.decide(caller, TicketCommand::Expire { ticket }).err(),
            Some(Refusal::NotFound("ticket"))
        );
    }
    let absent = TicketCommand::Expire { ticket: TicketId(99) };
    assert_eq!(scene.decide(Caller::Clock, absent).err(), Some(Refusal::NotFound("ticket")));
}
