//! A team whose licence has lapsed reads everything and changes nothing.

use super::fixtures::*;
use super::tickets::act;
use crate::domain::*;

fn lapsed() -> (Scene, i64, i64) {
    let mut scene = Scene::new();
    let open = scene.ring("open", Some(SUPPORT));
    let ended = scene.ring("ended", Some(SUPPORT));
    let version = scene.version(ended);
    scene.does(ANA, act("close", ended, version));
    scene.team_mut().settings.licensed_until = Some(scene.now);
    (scene, open, ended)
}

fn eva(secret: &str) -> Caller {
    Caller::Customer(DESK, hash(secret))
}

#[test]
fn staff_change_nothing_until_it_is_renewed() {
    let (mut scene, open, ended) = lapsed();
    let take = act("take", open, scene.version(open));
    assert_eq!(scene.refused(ANA, take.clone()), "LICENCE_LAPSED");
    let reopen = act("reopen", ended, scene.version(ended));
    assert_eq!(scene.refused(ANA, reopen), "LICENCE_LAPSED");
    let create = GroupCommand::Create { name: "New".to_owned(), visibility: Visibility::Public };
    assert_eq!(scene.refused(ADA, create.clone()), "LICENCE_LAPSED");
    assert_eq!(scene.refused(ANA, create), "NOT_ADMIN", "what they may not do comes first");
    scene.team_mut().settings.licensed_until = Some(scene.now + 1);
    scene.does(ANA, take);
}

#[test]
fn customers_hear_that_the_service_is_paused_and_lose_no_word() {
    let (mut scene, open, _) = lapsed();
    let ring = scene.ask(Caller::Widget(DESK), submit("another", None)).unwrap_err();
    assert_eq!(word(&ring), "PROFILE_PAUSED");
    let retry = scene.ask(Caller::Widget(DESK), submit("open", Some(SUPPORT)));
    assert!(matches!(retry, Ok(Reply::Ticket(ticket)) if ticket.number == open), "a late repeat");
    let write = || TicketCommand::CustomerWrite { text: Ok(text("Still here.")) };
    scene.ask(eva("open"), write()).expect("words on open tickets are kept");
    let reopening = scene.ask(eva("ended"), write()).unwrap_err();
    assert_eq!(word(&reopening), "PROFILE_PAUSED");
}

#[test]
fn nothing_expires_meanwhile() {
    let (mut scene, open, _) = lapsed();
    let ticket = scene.ticket(open).id;
    scene.now += 2 * DAY;
    scene.ask(Caller::Clock, TicketCommand::Expire { ticket }).expect("it waits");
    assert_eq!(scene.ticket(open).state, State::New);
    scene.team_mut().settings.licensed_until = None;
    scene.ask(Caller::Clock, TicketCommand::Expire { ticket }).expect("it is due");
    assert_eq!(scene.ticket(open).state, State::Expired);
}
