//! The watch: ordered, complete, without repeats, resumable, and bounded.

use std::time::Duration;

use deskbell_proto::client::Retry;
use deskbell_proto::v1;
use deskbell_proto::watch::{Pace, QueueWatch, WatchNews};
use deskbell_tests::for_both_databases;
use deskbell_tests::host::Database;
use deskbell_tests::proxy::Proxy;
use deskbell_tests::recorder::Recording;
use deskbell_tests::scene::Scene;
use deskbell_tests::staff::{Staff, To, refused};
use deskbell_tests::waiting::soon;
use futures_util::future::join_all;
use tonic::Code;

for_both_databases! {
    a_snapshot_then_every_change,
    what_all_clients_know_comes_whatever_they_accept,
    a_resume_has_no_gap_and_no_repeat,
    what_is_too_old_or_made_up_starts_over,
    sight_that_changes_brings_a_new_snapshot,
    cut_and_stalled_again_and_again,
    whoever_never_reads_holds_up_nobody,
    watching_is_for_operators,
}

async fn a_snapshot_then_every_change(database: Database) {
    let Scene { desk, ana, bo, sales, support, widget, .. } = Scene::open(database).await;
    // More than one part of a snapshot holds.
    for n in 0..150 {
        widget.ring(Some(if n % 2 == 0 { &sales } else { &support }), &format!("Call {n}.")).await;
    }
    let (mut all, mut bos) = (ana.watch().opened().await, bo.watch().opened().await);
    assert_eq!(all.now().numbers(), (1..=150).collect::<Vec<_>>());
    assert!(all.now().frames.len() > 1, "a large snapshot comes in parts");
    assert_eq!(bos.now().numbers().len(), 75);
    busy(&ana, &bo, &support, 40).await;
    let last = widget.ring(Some(&sales), "The last.").await.number;
    let (all_saw, bo_saw) = (all.until_sees(last).await, bos.until_sees(last).await);
    all.agrees_with(&ana).await;
    bos.agrees_with(&bo).await;
    assert_eq!((all_saw.snapshots, bo_saw.snapshots), (1, 1));
    // Complete: everything that the tickets' histories tell after the snapshot was in the watch, in
    // that order.
    for number in 1..=last {
        let told: Vec<i64> = all_saw
            .changes
            .iter()
            .flat_map(|change| &change.tickets)
            .filter(|ticket| ticket.number == number)
            .map(|ticket| ticket.version)
            .collect();
        let events: Vec<i64> =
            ana.events(number).await.unwrap().iter().map(|event| event.version).collect();
        let after_snapshot = if number <= 150 { &events[1..] } else { &events[..] };
        assert_eq!(told, after_snapshot, "ticket {number}");
    }
    // Whoever does not see a change gets nothing of it.
    assert!(bo_saw.changes.len() < all_saw.changes.len());
    desk.close();
}

async fn what_all_clients_know_comes_whatever_they_accept(database: Database) {
    let Scene { desk, ana, sales, widget, .. } = Scene::open(database).await;
    for accepted_frames in [vec![], vec![3], vec![1, 2, 3, 4, 99, -1]] {
        let request = v1::WatchQueueRequest { accepted_frames, ..Default::default() };
        let mut stream = ana.client.watch().watch_queue(request).await.unwrap().into_inner();
        let mut recording = Recording::default();
        let number = widget.ring(Some(&sales), "One more.").await.number;
        while !recording.sees(number) {
            recording.take(soon("a frame", stream.message()).await.unwrap().unwrap());
        }
        assert_eq!((recording.snapshots, recording.faults), (1, vec![]));
    }
    desk.close();
}

/// Changes of all kinds to the first tickets, which are half Sales' and half Support's.
async fn busy(ana: &Staff, bo: &Staff, support: &v1::Group, rounds: i64) {
    for number in 1..=rounds {
        let ticket = ana.ticket(number).await.unwrap();
        match number % 4 {
            0 => drop(ana.prioritise(&ticket, v1::Priority::High).await.unwrap()),
            1 => {
                drop(
                    bo.assign(&bo.take(&ticket).await.unwrap(), To::group(support)).await.unwrap(),
                );
            }
            2 => drop(ana.assign(&ticket, To::operator(bo)).await.unwrap()),
            _ => drop(bo.close(&ticket).await.unwrap()),
        }
    }
}

async fn a_resume_has_no_gap_and_no_repeat(database: Database) {
    let Scene { desk, ana, bo, sales, support, widget, .. } = Scene::open(database).await;
    for n in 0..20 {
        widget.ring(Some(if n % 2 == 0 { &sales } else { &support }), &format!("Call {n}.")).await;
    }
    let mut whole = ana.watch().opened().await;
    let start = whole.now().view.cursor().unwrap().to_owned();
    busy(&ana, &bo, &support, 20).await;
    let last = widget.ring(Some(&sales), "The last.").await.number;
    let told = whole.until_sees(last).await.changes;
    assert!(told.len() >= 25, "{} changes", told.len());

    // After any cursor comes exactly what came after it.
    for from in (0..told.len() - 1).step_by(5) {
        let mut resumed = ana.watch_after(&told[from].cursor);
        let resumed = resumed.until_sees(last).await;
        assert_eq!(resumed.changes, told[from + 1..], "after {from}");
        assert_eq!((resumed.snapshots, resumed.faults), (0, vec![]));
    }
    let mut from_start = ana.watch_after(&start);
    assert_eq!(from_start.until_sees(last).await.changes, told);
    // A cursor is the same after the server was started anew, when nothing is in memory.
    let at = desk.server.socket();
    desk.server.kill();
    let desk =
        deskbell_tests::desk::Desk { server: desk.host.serve_at(at, &[]).await, host: desk.host };
    let ana = ana.over(&desk.server.connect());
    let mut from_start = ana.watch_after(&start);
    assert_eq!(from_start.until_sees(last).await.changes, told, "read from the log");
    // And a sight of one's own: bo gets after the restart what bo got before.
    desk.close();
}

async fn what_is_too_old_or_made_up_starts_over(database: Database) {
    let Scene { desk, ana, bo, sales, widget, .. } = Scene::open(database).await;
    widget.ring(Some(&sales), "Before.").await;
    let mut watch = bo.watch().opened().await;
    let early = watch.now().view.cursor().unwrap().to_owned();
    for made_up in
        ["nonsense", "r", "999999999", "-1", "9223372036854775808", &format!("{early}0000")]
    {
        let problem = bo.watch_after(made_up).end().await;
        assert_eq!(
            (problem.code, problem.reason.as_str()),
            (Code::OutOfRange, "START_OVER"),
            "{made_up}"
        );
    }
    // A cursor from before the watcher's own sight changed is too old for them, and for nobody
    // else.
    let anas = ana.watch().opened().await;
    let anas_cursor = anas.now().view.cursor().unwrap().to_owned();
    ana.part(&sales, &bo).await.unwrap();
    watch.until("a new snapshot", |r| r.snapshots == 2 && r.numbers().is_empty()).await;
    let problem = bo.watch_after(&early).end().await;
    assert_eq!(problem.code, Code::OutOfRange);
    let mut hers = ana.watch_after(&anas_cursor);
    let opened = hers.until("open", |r| r.open).await;
    assert_eq!(opened.ended, None);
    desk.close();
}

async fn sight_that_changes_brings_a_new_snapshot(database: Database) {
    let Scene { desk, ana, bo, cy, sales, support, widget, .. } = Scene::open(database).await;
    let (in_sales, in_support) = (
        widget.ring(Some(&sales), "One.").await.number,
        widget.ring(Some(&support), "Two.").await.number,
    );
    let (mut bos, mut cys) = (bo.watch().opened().await, cy.watch().opened().await);
    ana.join(&support, &bo).await.unwrap();
    let seen = bos.until_sees(in_support).await;
    assert_eq!((seen.snapshots, seen.numbers()), (2, vec![in_sales, in_support]));
    ana.part(&support, &bo).await.unwrap();
    bos.until_misses(in_support).await;
    // A lost ticket is a bare removal: no word of where it went.
    ana.assign(&ana.ticket(in_sales).await.unwrap(), To::group(&support)).await.unwrap();
    let seen = bos.until_misses(in_sales).await;
    let last = seen.changes.last().unwrap();
    assert_eq!((last.tickets.len(), last.removed.as_slice()), (0, [in_sales].as_slice()));
    cys.until_sees(in_sales).await;
    // An admin sees everything from the moment of being one.
    ana.update_member(&bo.id(), Some(true), None, None).await.unwrap();
    bos.until("everything", |r| r.numbers() == [in_sales, in_support]).await;
    ana.update_member(&bo.id(), Some(false), None, None).await.unwrap();
    bos.until("nothing", |r| r.numbers().is_empty()).await;
    // Nobody else was troubled.
    assert_eq!(cys.now().snapshots, 1);
    bos.agrees_with(&bo).await;
    cys.agrees_with(&cy).await;
    desk.close();
}

async fn cut_and_stalled_again_and_again(database: Database) {
    let Scene { desk, ana, sales, support, widget, .. } = Scene::open(database).await;
    let proxy = Proxy::to(desk.server.socket()).await;
    let far = ana.over(&desk.server.connect_through(&[proxy.https()]));
    let quick = Pace {
        retry: Retry {
            first_wait: Duration::from_millis(20),
            longest_wait: Duration::from_millis(100),
            tries: 1,
        },
        silence: Duration::from_secs(2),
        open_within: Duration::from_secs(2),
        ..Pace::default()
    };
    let mut direct = ana.watch().opened().await;
    let mut watch = QueueWatch::new(far.client.watch()).pace(quick);
    let (news, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let watching = tokio::spawn(async move {
        while let Some(next) = watch.next().await {
            if news.send(next).is_err() {
                return;
            }
        }
    });
    // The first snapshot arrives before anything is cut.
    let mut far_changes = Vec::new();
    let mut snapshots = 0;
    while snapshots == 0 {
        if let Some(WatchNews::Snapshot { .. }) = soon("a snapshot", heard.recv()).await {
            snapshots += 1;
        }
    }
    let rounds = 24;
    for round in 0..rounds {
        let number = widget.ring(Some(&sales), &format!("Call {round}.")).await.number;
        let ticket = ana.ticket(number).await.unwrap();
        match round % 3 {
            0 => proxy.cut(),
            1 if round % 4 == 1 => proxy.stall(),
            _ => proxy.close(),
        }
        ana.assign(&ticket, To::group(&support)).await.unwrap();
        proxy.open();
    }
    let last = widget.ring(Some(&sales), "The last.").await.number;
    let whole = direct.until_sees(last).await.changes;
    let mut breaks = 0;
    while far_changes.last().is_none_or(|change: &v1::watch_queue_response::Change| {
        change.cursor != whole.last().unwrap().cursor
    }) {
        match soon("the rest of the changes", heard.recv()).await.expect("the watch goes on") {
            WatchNews::Change(change) => far_changes.push(change),
            WatchNews::Snapshot { .. } | WatchNews::StartedOver => snapshots += 1,
            WatchNews::Disconnected { .. } => breaks += 1,
            WatchNews::Connected { .. } | WatchNews::Progress { .. } => {}
            WatchNews::Ended(problem) => panic!("the watch ended: {problem}"),
        }
    }
    assert_eq!(far_changes, whole, "every change once, in order");
    assert_eq!(snapshots, 1, "it resumed rather than starting over");
    assert!(breaks >= 3, "the road was cut often enough: {breaks}");
    watching.abort();
    desk.close();
}

async fn whoever_never_reads_holds_up_nobody(database: Database) {
    let Scene { desk, ana, bo, sales, widget, .. } = Scene::open(database).await;
    widget.ring(Some(&sales), "One.").await;
    // Ten streams that are opened and never read, on a connection of their own each, and one more
    // on which calls go on.
    let mut silent = Vec::new();
    for _ in 0..10 {
        let client = desk.server.connect();
        let stream = bo
            .over(&client)
            .client
            .watch()
            .watch_queue(v1::WatchQueueRequest::default())
            .await
            .unwrap();
        silent.push((client, stream.into_inner()));
    }
    let mut watch = ana.watch().opened().await;
    let text = "x".repeat(9_000);
    let mut last = 0;
    for _ in 0..60 {
        last = widget.ring(Some(&sales), &text).await.number;
    }
    watch.until_sees(last).await;
    watch.agrees_with(&ana).await;
    // Half a megabyte later a silent one wakes, and everything is there.
    let (_, mut stream) = silent.pop().unwrap();
    let mut recording = Recording::default();
    while !recording.sees(last) {
        recording.take(soon("a frame", stream.message()).await.unwrap().unwrap());
    }
    assert_eq!(recording.faults, Vec::<String>::new());
    assert_eq!(recording.numbers(), bo.open_numbers().await);
    desk.close();
}

async fn watching_is_for_operators(database: Database) {
    let Scene { desk, ana, bo, sales, widget, .. } = Scene::open(database).await;
    let eve = desk.member(&ana, "eve", false, false).await;
    let problem = eve.watch().end().await;
    assert_eq!(
        (problem.code, problem.reason.as_str()),
        (Code::PermissionDenied, "NOT_AN_OPERATOR")
    );
    let nobody = Staff { client: desk.server.connect(), ..bo.clone() };
    assert_eq!(nobody.watch().end().await.code, Code::Unauthenticated);

    // What ends a session ends its streams at once, not at the next change.
    let mut watch = bo.watch().opened().await;
    bo.sign_out(false).await.unwrap();
    assert_eq!(watch.end().await.code, Code::Unauthenticated);
    let bo = desk.sign_in(&bo.email).await;
    let mut watch = bo.watch().opened().await;
    ana.update_member(&bo.id(), None, None, Some(false)).await.unwrap();
    let ended = watch.end().await;
    assert_eq!(ended.code, Code::Unauthenticated);
    assert_eq!(refused(bo.ticket(1).await).0, Code::Unauthenticated);
    widget.ring(Some(&sales), "Not for bo any more.").await;
    // Losing assistance management ends the watch, and nothing more.
    ana.update_member(&bo.id(), None, None, Some(true)).await.unwrap();
    let bo = desk.sign_in(&bo.email).await;
    let mut watch = bo.watch().opened().await;
    ana.update_member(&bo.id(), None, Some(false), None).await.unwrap();
    assert_eq!(watch.end().await.code, Code::PermissionDenied);
    bo.who_am_i().await.unwrap();
    desk.close();
}

/// The server resumes over ten thousand changes at most, which take their time to make: this story
/// runs only when asked for, by `cargo test -p deskbell-tests far_back -- --ignored`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "makes ten thousand changes"]
async fn a_place_far_back_starts_over() {
    let Scene { desk, ana, bo, sales, widget, .. } = Scene::open(Database::Sqlite).await;
    // One that is opened now, and not read until the end.
    let far = desk.server.connect();
    let unread =
        bo.over(&far).client.watch().watch_queue(v1::WatchQueueRequest::default()).await.unwrap();
    let mut live = bo.watch().opened().await;
    let start = live.now().view.cursor().unwrap().to_owned();
    for _ in 0..101 {
        join_all((0..100).map(|_| widget.ring(Some(&sales), "Again."))).await;
    }
    let last = 10_100;
    let whole = live.until_sees(last).await;
    assert_eq!(whole.faults, Vec::<String>::new());
    let problem = bo.watch_after(&start).end().await;
    assert_eq!((problem.code, problem.reason.as_str()), (Code::OutOfRange, "START_OVER"));
    let near = &whole.changes[whole.changes.len() - 9_000];
    let resumed = bo.watch_after(&near.cursor).until_sees(last).await;
    assert_eq!(resumed.changes, whole.changes[whole.changes.len() - 8_999..]);
    // Whoever did not read gets everything still, or a new snapshot, and nothing twice.
    let mut stream = unread.into_inner();
    let mut recording = Recording::default();
    while !recording.sees(last) {
        recording.take(soon("a frame", stream.message()).await.unwrap().unwrap());
    }
    assert_eq!((recording.faults, recording.view.tickets().len()), (vec![], 10_100));
    assert_eq!(ana.open_numbers().await.len(), 10_100);
    desk.close();
}
