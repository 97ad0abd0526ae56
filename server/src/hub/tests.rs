//! The hub alone, without a database or a protocol.

use bytes::Bytes;
use futures_util::FutureExt as _;

use super::tail::{TAIL, TAIL_BYTES};
use super::*;
use crate::domain::TicketId;

fn frame(revision: Revision) -> Frame {
    Frame {
        revision,
        whole: Bytes::new(),
        parts: Vec::new(),
        kind: "taken",
        actor: String::new(),
        sight_of: Vec::new(),
        starts_over: false,
        committed: None,
    }
}

fn revisions(following: Following) -> Option<Vec<Revision>> {
    match following {
        Following::Frames(frames) => Some(frames.iter().map(|frame| frame.revision).collect()),
        Following::Log => None,
        Following::Nothing => Some(Vec::new()),
    }
}

#[test]
fn a_watcher_gets_what_follows_in_order() {
    let hub = Hub::default();
    let team = TeamId(1);
    let subscription = hub.subscribe(team, MemberId(1), AccountId(1));
    assert_eq!(revisions(subscription.after(4)), Some(vec![]));
    for revision in 5..8 {
        hub.tell(team, revision, || frame(revision));
    }
    assert_eq!(revisions(subscription.after(4)), Some(vec![5, 6, 7]));
    assert_eq!(revisions(subscription.after(6)), Some(vec![7]));
    assert_eq!(revisions(subscription.after(7)), Some(vec![]));
    assert_eq!(revisions(subscription.after(3)), None, "revision 4 is in the log only");
}

#[test]
fn a_gap_sends_watchers_to_the_log() {
    let hub = Hub::default();
    let team = TeamId(1);
    let subscription = hub.subscribe(team, MemberId(1), AccountId(1));
    hub.tell(team, 5, || frame(5));
    hub.tell(team, 7, || frame(7));
    assert_eq!(revisions(subscription.after(5)), None);
    hub.hint(team, 9);
    assert_eq!(revisions(subscription.after(7)), None);
}

#[tokio::test]
async fn one_watcher_reads_the_log_for_all() {
    let hub = Hub::default();
    let team = TeamId(1);
    let (reader, other) = (
        hub.subscribe(team, MemberId(1), AccountId(1)),
        hub.subscribe(team, MemberId(2), AccountId(1)),
    );
    hub.tell(team, 5, || frame(5));
    hub.tell(team, 8, || frame(8));
    let turn = reader.turn(5).await.expect("it is the newest that is missing");
    reader.fill(&[5, 6, 7, 8].map(|revision| Arc::new(frame(revision))));
    drop(turn);
    assert_eq!(revisions(other.after(5)), Some(vec![6, 7, 8]));
    hub.tell(team, 9, || frame(9));
    assert_eq!(revisions(other.after(8)), Some(vec![9]), "and it goes on from there");
    assert!(other.turn(3).await.is_none(), "whoever is far behind keeps nobody waiting");
    other.fill(&[4, 5].map(|revision| Arc::new(frame(revision))));
    assert_eq!(revisions(other.after(8)), Some(vec![9]), "what is older changes nothing");
    other.fill(&[12, 13].map(|revision| Arc::new(frame(revision))));
    hub.hint(team, 13);
    assert_eq!(revisions(other.after(9)), None, "no gap gets in");
    assert_eq!(revisions(other.after(11)), Some(vec![12, 13]));
}

#[test]
fn whoever_watches_elsewhere_is_there_too() {
    let hub = Hub::default();
    let (team, near, far) = (TeamId(1), MemberId(1), MemberId(2));
    let subscription = hub.subscribe(team, near, AccountId(1));
    hub.watches_elsewhere(team, far);
    let again = hub.subscribe(team, near, AccountId(1));
    assert_eq!(
        hub.watching(),
        [(team, near)],
        "each server speaks for itself, and of each member once"
    );
    drop(again);
    assert!(
        hub.is_watched(team, |member| member == near)
            && hub.is_watched(team, |member| member == far)
    );
    assert!(
        !hub.is_watched(TeamId(2), |_| true)
            && !hub.is_watched(team, |member| member == MemberId(3))
    );
    drop(subscription);
    assert!(!hub.is_watched(team, |member| member == near));
    hub.forget_elsewhere();
    assert!(hub.is_watched(team, |member| member == far), "what was just said is believed");
}

#[test]
fn the_tail_is_bounded_and_unwatched_teams_cost_nothing() {
    let hub = Hub::default();
    let team = TeamId(1);
    hub.tell(team, 1, || unreachable!("nobody watches"));
    let subscription = hub.subscribe(team, MemberId(1), AccountId(1));
    for revision in 2..(3 * i64::try_from(TAIL).unwrap_or(0)) {
        hub.tell(team, revision, || frame(revision));
    }
    assert_eq!(locked(&subscription.channel.tail).frames.len(), TAIL);
    drop(subscription);
    hub.tell(team, 9_999, || unreachable!("nobody watches any more"));
}

#[test]
fn long_changes_leave_the_tail_sooner() {
    let hub = Hub::default();
    let team = TeamId(1);
    let subscription = hub.subscribe(team, MemberId(1), AccountId(1));
    for revision in 1..40 {
        hub.tell(team, revision, || Frame {
            whole: vec![0; 1024 * 1024].into(),
            ..frame(revision)
        });
    }
    assert_eq!(locked(&subscription.channel.tail).frames.len(), 16);
    hub.tell(team, 40, || Frame { whole: vec![0; 2 * TAIL_BYTES].into(), ..frame(40) });
    assert_eq!(revisions(subscription.after(39)), Some(vec![40]), "the newest stays, however long");
    hub.tell(team, 41, || frame(41));
    assert_eq!(revisions(subscription.after(40)), Some(vec![41]));
    assert_eq!(locked(&subscription.channel.tail).bytes, 0);
}

#[test]
fn members_are_there_as_long_as_they_watch() {
    let hub = Hub::default();
    let (team, ana) = (TeamId(1), MemberId(1));
    let here = || hub.is_watched(team, |member| member == ana);
    assert!(!here());
    let (one, two) =
        (hub.subscribe(team, ana, AccountId(1)), hub.subscribe(team, ana, AccountId(1)));
    let _other = hub.subscribe(team, MemberId(2), AccountId(1));
    assert!(here());
    drop(one);
    assert!(here());
    drop(two);
    assert!(!here());
}

#[test]
fn topics_that_nobody_waits_for_are_forgotten() {
    let hub = Hub::default();
    let team = TeamId(1);
    let kept = hub.wait_for(team, Topic::Ticket(TicketId(0)));
    for ticket in 1..1_000 {
        drop(hub.wait_for(team, Topic::Ticket(TicketId(ticket))));
    }
    assert!(locked(&hub.topics).of[&team].len() < 200);
    hub.wake(team, [Topic::Ticket(TicketId(0))]);
    assert!(kept.receiver.has_changed().is_ok_and(|changed| changed));
}

#[test]
fn a_sign_out_wakes_its_account_alone() {
    let hub = Hub::default();
    let subscriptions = [1, 2].map(|id| hub.subscribe(TeamId(1), MemberId(id), AccountId(id)));
    let woken = |id: usize| subscriptions[id].woken().now_or_never().is_some();
    let recheck = |id: usize| subscriptions[id].take_recheck();
    assert!([0, 1].iter().all(|id| !woken(*id) && !recheck(*id)));
    hub.signed_out(AccountId(2));
    assert!(!woken(0) && !recheck(0));
    assert!(woken(1) && recheck(1));
    assert!(!woken(1) && !recheck(1), "once");
    hub.anybody_signed_out();
    assert!([0, 1].iter().all(|id| woken(*id) && recheck(*id)));
}

#[tokio::test]
async fn whoever_waits_is_woken_by_a_change_and_by_a_hint_of_news() {
    let hub = Hub::default();
    let team = TeamId(1);
    let subscription = hub.subscribe(team, MemberId(1), AccountId(1));
    let steps: [fn(&Hub); 2] =
        [|hub| hub.tell(TeamId(1), 5, || frame(5)), |hub| hub.hint(TeamId(1), 6)];
    for step in steps {
        tokio::join!(subscription.woken(), async { step(&hub) });
    }
    hub.hint(team, 6);
    assert!(subscription.woken().now_or_never().is_none(), "what is known already is no news");
}

#[test]
fn what_happens_while_nobody_waits_ends_one_wait() {
    let hub = Hub::default();
    let subscription = hub.subscribe(TeamId(1), MemberId(1), AccountId(1));
    for revision in 1..4 {
        hub.tell(TeamId(1), revision, || frame(revision));
    }
    assert!(subscription.woken().now_or_never().is_some(), "nothing is missed");
    assert!(subscription.woken().now_or_never().is_none(), "and nothing is queued");
}
