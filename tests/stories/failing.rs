//! Killed, stopped, cut off: what was acknowledged is there, nothing is there twice, and everybody
//! comes back by themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use deskbell_proto::client::{Retry, request_id};
use deskbell_proto::v1;
use deskbell_proto::watch::{Pace, QueueWatch, WatchNews};
use deskbell_tests::customer::{Widget, call_for_help, new_secret};
use deskbell_tests::desk::Desk;
use deskbell_tests::for_both_databases;
use deskbell_tests::host::{Database, Host};
use deskbell_tests::postgres::Postgres;
use deskbell_tests::scene::Scene;
use deskbell_tests::waiting::{BOUND, eventually, soon};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tonic::Code;
use tonic_health::pb::health_check_response::ServingStatus;

for_both_databases! {
    killed_in_a_storm_of_submits,
    a_stop_ends_in_time_with_silent_peers,
    a_watch_goes_on_over_a_restart,
    calls_that_are_given_up_leave_nothing_behind,
    a_backup_of_a_running_server_restores,
}

type Sent = (v1::SubmitTicketRequest, Option<i64>);

/// Rings again and again until the server is away or it is told to stop: what was sent, and the
/// number when it was acknowledged.
async fn storm(
    widget: Widget,
    group_id: String,
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
) -> Vec<Sent> {
    let mut sent = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let text = format!("In the storm, {}.", sent.len());
        let request = v1::SubmitTicketRequest {
            group_id: group_id.clone(),
            ..call_for_help(&new_secret(), &text)
        };
        let number = widget.submit(request.clone()).await.ok().map(|ticket| ticket.number);
        sent.push((request, number));
        if number.is_none() {
            break;
        }
        acknowledged.fetch_add(1, Ordering::Relaxed);
    }
    sent
}

async fn killed_in_a_storm_of_submits(database: Database) {
    let Scene { mut desk, mut ana, sales, widget, .. } = Scene::open(database).await;
    let mut all: Vec<Sent> = Vec::new();
    for round in 1..=3 {
        let (stop, acknowledged) =
            (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut storms = JoinSet::new();
        for _ in 0..30 {
            let widget = widget.over(&desk.server.connect());
            storms.spawn(storm(
                widget,
                sales.id.clone(),
                Arc::clone(&stop),
                Arc::clone(&acknowledged),
            ));
        }
        eventually("the storm is on", BOUND, async || {
            acknowledged.load(Ordering::Relaxed) >= 60 * round
        })
        .await;
        let at = desk.server.socket();
        desk.server.kill();
        stop.store(true, Ordering::Relaxed);
        let sent: Vec<Sent> = storms.join_all().await.into_iter().flatten().collect();
        let lost = sent.iter().filter(|(_, number)| number.is_none()).count();
        assert!(lost > 0, "the server was killed while requests were under way");
        desk = Desk { server: desk.host.serve_at(at, &[]).await, host: desk.host };
        desk.host.verify();

        // Everything acknowledged is there; a retry of anything, acknowledged or not, makes no
        // second.
        ana = ana.over(&desk.server.connect());
        let widget = widget.over(&desk.server.connect());
        for (request, number) in &sent {
            let again = widget.submit(request.clone()).await.unwrap().number;
            assert!(number.is_none_or(|number| number == again), "{number:?} became {again}");
            all.push((request.clone(), Some(again)));
        }
        let mut numbers: Vec<i64> = all.iter().filter_map(|(_, number)| *number).collect();
        numbers.sort_unstable();
        assert_eq!(
            numbers,
            (1..=i64::try_from(all.len()).unwrap()).collect::<Vec<_>>(),
            "each once, without gaps"
        );
        assert_eq!(ana.open_numbers().await, numbers);
    }
    desk.close();
}

async fn a_stop_ends_in_time_with_silent_peers(database: Database) {
    let host = Host::new(database);
    host.set("drain_seconds=3");
    let Scene { desk, ana, bo, sales, widget, .. } = Scene::on(Desk::of(host).await).await;
    let customer = widget.ring(Some(&sales), "Good bye.").await;
    // Peers of every silent kind: nothing said, half a handshake, a stream that nobody reads, a
    // widget that listens.
    let silent = TcpStream::connect(desk.server.socket()).await.unwrap();
    let mut half = TcpStream::connect(desk.server.socket()).await.unwrap();
    half.write_all(&[0x16, 0x03, 0x01, 0x02, 0x00]).await.unwrap();
    let far = desk.server.connect();
    let unread =
        bo.over(&far).client.watch().watch_queue(v1::WatchQueueRequest::default()).await.unwrap();
    let mut followed = customer.follow(0).await.unwrap();
    soon("a first word", followed.message()).await.unwrap();
    let mut watch = ana.watch().opened().await;

    let Desk { host, mut server } = desk;
    let at = server.socket();
    let begun = Instant::now();
    server.terminate();
    let status = server.ends_within(BOUND).await;
    assert!(begun.elapsed() < Duration::from_secs(13), "{:?}", begun.elapsed());
    assert!(status.success(), "{status}: {}", server.log());
    let ended = watch.end().await;
    assert_eq!(ended.code, Code::Unavailable, "streams end with a word to come back: {ended:?}");
    drop((silent, half, unread, far));
    let desk = Desk { server: host.serve_at(at, &[]).await, host };
    assert_eq!(ana.over(&desk.server.connect()).open_numbers().await, [customer.number]);
    desk.close();
}

async fn a_watch_goes_on_over_a_restart(database: Database) {
    let Scene { desk, ana, sales, widget, .. } = Scene::open(database).await;
    let retry = Retry {
        first_wait: Duration::from_millis(50),
        longest_wait: Duration::from_millis(200),
        tries: 1,
    };
    let mut watch = QueueWatch::new(ana.client.watch()).pace(Pace { retry, ..Pace::default() });
    let before = widget.ring(Some(&sales), "Before.").await.number;
    loop {
        match soon("a snapshot", watch.next()).await.unwrap() {
            WatchNews::Snapshot { tickets, .. } => {
                assert_eq!(tickets[0].number, before);
                break;
            }
            WatchNews::Connected { resumed } => assert!(!resumed),
            other => panic!("{other:?}"),
        }
    }
    let Desk { host, mut server } = desk;
    let at = server.socket();
    server.terminate();
    server.ends_within(BOUND).await;
    let desk = Desk { server: host.serve_at(at, &[]).await, host };
    let after = widget.ring(Some(&sales), "After.").await.number;
    loop {
        match soon("the change", watch.next()).await.unwrap() {
            WatchNews::Change(change) => {
                assert_eq!((change.kind.as_str(), change.tickets[0].number), ("submitted", after));
                break;
            }
            WatchNews::Connected { resumed } => assert!(resumed),
            WatchNews::Disconnected { .. } | WatchNews::Progress { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    // Everybody else comes back by themselves as well: the same client, the same session.
    assert_eq!(ana.open_numbers().await, [before, after]);
    desk.close();
}

async fn calls_that_are_given_up_leave_nothing_behind(database: Database) {
    let Scene { desk, ana, sales, widget, .. } = Scene::open(database).await;
    for n in 0..20 {
        widget.ring(Some(&sales), &format!("Call {n}.")).await;
    }
    // Calls are dropped at every point on their way through the server, while others write.
    let giving_up = async {
        for n in 0..600 {
            let patience = Duration::from_micros(100 * (n % 40));
            let (call, stream) = (ana.ticket(1), ana.client.watch());
            if n % 2 == 0 {
                tokio::time::timeout(patience, call).await.ok();
            } else {
                let mut stream = stream;
                tokio::time::timeout(
                    patience,
                    stream.watch_queue(v1::WatchQueueRequest::default()),
                )
                .await
                .ok();
            }
        }
    };
    let done = AtomicBool::new(false);
    let writing = async {
        let mut written = 20;
        while !done.load(Ordering::Relaxed) {
            written = widget.ring(Some(&sales), "Meanwhile.").await.number;
        }
        written
    };
    let (written, ()) = tokio::join!(writing, async {
        giving_up.await;
        done.store(true, Ordering::Relaxed);
    });
    for _ in 0..20 {
        widget.ring(Some(&sales), "Afterwards.").await;
    }
    assert_eq!(ana.open_numbers().await, (1..=written + 20).collect::<Vec<_>>());
    // PostgreSQL's notice when a connection came back with a transaction still open.
    let log = desk.server.log();
    assert!(!log.contains("already a transaction"), "{log}");
    desk.close();
}

async fn a_backup_of_a_running_server_restores(database: Database) {
    let Scene { desk, ana, bo, sales, widget, .. } = Scene::open(database).await;
    let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut storms = JoinSet::new();
    for _ in 0..8 {
        let widget = widget.over(&desk.server.connect());
        storms.spawn(storm(widget, sales.id.clone(), Arc::clone(&stop), Arc::clone(&acknowledged)));
    }
    eventually("the storm is on", BOUND, async || acknowledged.load(Ordering::Relaxed) >= 20).await;
    let before = i64::try_from(acknowledged.load(Ordering::Relaxed)).unwrap();
    let restored = Desk::of(desk.host.restored_from_backup().await).await;
    stop.store(true, Ordering::Relaxed);
    storms.join_all().await;
    restored.host.verify();
    // Everything that was acknowledged before the backup began is in it, with its people and their
    // sessions.
    let numbers = bo.over(&restored.server.connect()).open_numbers().await;
    assert!(i64::try_from(numbers.len()).unwrap() >= before);
    assert_eq!(numbers, (1..=i64::try_from(numbers.len()).unwrap()).collect::<Vec<_>>());
    let again = restored.sign_in(&ana.email).await;
    again.close(&again.ticket(1).await.unwrap()).await.unwrap();
    assert_eq!(
        ana.ticket(1).await.unwrap().state(),
        v1::TicketState::New,
        "the original goes its own way"
    );
    restored.close();
    desk.close();
}

/// What health says of the server as a whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fills_up_and_gets_room() {
    let Scene { desk, ana, bo, sales, widget, .. } = Scene::open(Database::Sqlite).await;
    let first = widget.ring(Some(&sales), "Before.").await.number;
    let mut watch = bo.watch().opened().await;
    let database = desk.host.data().join("deskbell.db-wal");
    let size = std::fs::metadata(&database).unwrap().len();
    desk.server.limit_files(Some(size + 40_000));
    let text = "x".repeat(9_000);
    let mut acknowledged = vec![first];
    let refused = loop {
        let request = v1::SubmitTicketRequest {
            group_id: sales.id.clone(),
            ..call_for_help(&new_secret(), &text)
        };
        match soon("an answer", widget.submit(request.clone())).await {
            Ok(ticket) => acknowledged.push(ticket.number),
            Err(problem) => {
                assert!(
                    matches!(problem.code, Code::ResourceExhausted | Code::Unavailable),
                    "{problem:?}"
                );
                assert!(problem.retry_after.is_some(), "{problem:?}");
                break request;
            }
        }
        assert!(acknowledged.len() < 1000, "the disk never fills up");
    };
    // Reading goes on, and what was acknowledged is there.
    assert_eq!(ana.open_numbers().await, acknowledged);
    eventually("health says that it is full", Duration::from_mins(2), async || {
        // What is smaller than a request may fit for a while.
        assert!(widget.submit(refused.clone()).await.is_err(), "there is no room");
        desk.server.health().await == Some(ServingStatus::NotServing)
    })
    .await;
    desk.server.limit_files(None);
    eventually("health says that there is room", BOUND, async || {
        desk.server.health().await == Some(ServingStatus::Serving)
    })
    .await;
    let mut number = None;
    eventually("it recovers by itself", BOUND, async || {
        number = widget.submit(refused.clone()).await.ok().map(|ticket| ticket.number);
        number.is_some()
    })
    .await;
    acknowledged.extend(number);
    assert_eq!(acknowledged, (1..=i64::try_from(acknowledged.len()).unwrap()).collect::<Vec<_>>());
    watch.until_sees(number.unwrap()).await;
    watch.agrees_with(&bo).await;
    desk.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_locked_or_gone() {
    let Scene { desk, ana, sales, widget, .. } = Scene::open(Database::Sqlite).await;
    let first = widget.ring(Some(&sales), "Before.").await.number;
    let file = desk.host.data().join("deskbell.db");
    let recovers = async |request: &v1::SubmitTicketRequest| {
        let mut number = 0;
        eventually("it recovers by itself", BOUND, async || {
            number = widget.submit(request.clone()).await.map_or(0, |ticket| ticket.number);
            number > 0
        })
        .await;
        number
    };
    let call = |text| v1::SubmitTicketRequest {
        group_id: sales.id.clone(),
        ..call_for_help(&new_secret(), text)
    };

    let mut locking = SqliteConnectOptions::new().filename(&file).connect().await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut locking).await.unwrap();
    let locked_out = call("While it is locked.");
    let problem = soon("an answer", widget.submit(locked_out.clone())).await.unwrap_err();
    assert_eq!((problem.code, problem.reason.as_str()), (Code::Unavailable, "DATABASE_AWAY"));
    assert_eq!(ana.open_numbers().await, [first], "reading goes on");
    sqlx::query("ROLLBACK").execute(&mut locking).await.unwrap();
    sqlx::Connection::close(locking).await.unwrap();
    assert_eq!(recovers(&locked_out).await, first + 1);

    // What is acknowledged must be found later: nothing is written into a file that nobody will
    // find.
    let elsewhere = desk.host.data().join("elsewhere.db");
    std::fs::rename(&file, &elsewhere).unwrap();
    let lost = call("While it is gone.");
    let problem = soon("an answer", widget.submit(lost.clone())).await.unwrap_err();
    assert_eq!((problem.code, problem.reason.as_str()), (Code::Unavailable, "DATABASE_AWAY"));
    std::fs::rename(&elsewhere, &file).unwrap();
    assert_eq!(recovers(&lost).await, first + 2);
    assert_eq!(ana.open_numbers().await, [first, first + 1, first + 2]);
    desk.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_goes_and_comes_back() {
    let mut postgres = Postgres::start();
    let Scene { desk, ana, bo, sales, widget, .. } =
        Scene::on(Desk::of(Host::on(&postgres)).await).await;
    let number = widget.ring(Some(&sales), "Before.").await.number;
    let mut watch = bo.watch().opened().await;
    assert_eq!(desk.server.health().await, Some(ServingStatus::Serving));
    postgres.stop().await;
    let request = v1::SubmitTicketRequest {
        group_id: sales.id.clone(),
        ..call_for_help(&new_secret(), "Meanwhile.")
    };
    let problem = soon("an answer", widget.submit(request.clone())).await.unwrap_err();
    assert_eq!((problem.code, problem.reason.as_str()), (Code::Unavailable, "DATABASE_AWAY"));
    assert!(problem.retry_after.is_some());
    let note = v1::NoteTicketRequest {
        request_id: request_id(),
        number,
        version: 0,
        text: "Once.".to_owned(),
    };
    let status = soon("an answer", ana.client.queue().note_ticket(note.clone())).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    eventually("health tells the truth", BOUND, async || {
        desk.server.health().await == Some(ServingStatus::NotServing)
    })
    .await;

    postgres.restart();
    eventually("health tells the truth", BOUND, async || {
        desk.server.health().await == Some(ServingStatus::Serving)
    })
    .await;
    let mut second = None;
    eventually("it recovers by itself", BOUND, async || {
        second = widget.submit(request.clone()).await.ok().map(|ticket| ticket.number);
        second.is_some()
    })
    .await;
    assert_eq!(second, Some(number + 1));
    ana.client.queue().note_ticket(note.clone()).await.unwrap();
    ana.client.queue().note_ticket(note).await.unwrap();
    assert_eq!(ana.messages(number).await.unwrap().len(), 1);
    // The watch lived on, or ended with a word; either way nothing is missing.
    let recording =
        watch.until("news or an end", |r| r.sees(number + 1) || r.ended.is_some()).await;
    if let Some(ended) = recording.ended {
        assert_eq!(ended.code, Code::Unavailable);
        let cursor = recording.view.cursor().unwrap().to_owned();
        bo.watch_after(&cursor).until_sees(number + 1).await;
    }
    desk.close();
}
