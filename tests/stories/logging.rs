//! A log that cannot be written costs lines of the log and nothing else: calls are answered,
//! watches go on, what comes with time is done, signals are heard.

use std::fs::File;
use std::io::Read as _;
use std::process::Stdio;
use std::time::Duration;

use deskbell_tests::desk::Desk;
use deskbell_tests::host::{Database, Host};
use deskbell_tests::scene::Scene;
use deskbell_tests::waiting::{BOUND, eventually};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use tonic_health::pb::health_check_response::ServingStatus;

/// A server notices within some seconds what it tries every ten.
const LOOK: Duration = Duration::from_mins(2);

/// When the one server said last that it lives, which the sweep does.
async fn beat(database: &mut SqliteConnection) -> i64 {
    let sql = "SELECT MAX(heartbeat_at) FROM servers";
    sqlx::query_scalar(sql).fetch_one(database).await.expect("a heartbeat")
}

/// A day at a desk whose server logs every call there. `meanwhile` happens once it is ready.
async fn goes_on_without_a_log(log: Stdio, filter: &str, meanwhile: impl FnOnce()) {
    let host = Host::new(Database::Sqlite);
    host.set(&format!("log.filter={filter}"));
    let server = host.serve_logging_to(log).await;
    let Scene { desk, ana, bo, sales, widget, .. } = Scene::on(Desk { host, server }).await;
    meanwhile();
    let mut watch = bo.watch().opened().await;
    for _ in 0..50 {
        let number = widget.ring(Some(&sales), "Nobody reads the log.").await.number;
        watch.until_sees(number).await;
    }

    // The sweep fails, and logs why.
    let file = desk.host.data().join("deskbell.db");
    let mut database = SqliteConnectOptions::new().filename(&file).connect().await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut database).await.unwrap();
    let before = beat(&mut database).await;
    eventually("health says that nothing can be written", LOOK, async || {
        desk.server.health().await == Some(ServingStatus::NotServing)
    })
    .await;
    assert_eq!(ana.open_numbers().await.len(), 50, "reading goes on");
    sqlx::query("ROLLBACK").execute(&mut database).await.unwrap();
    eventually("it serves again", LOOK, async || {
        desk.server.health().await == Some(ServingStatus::Serving)
    })
    .await;
    eventually("the sweep goes on", LOOK, async || beat(&mut database).await > before).await;
    database.close().await.unwrap();
    let number = widget.ring(Some(&sales), "Still nobody.").await.number;
    watch.until_sees(number).await;
    watch.agrees_with(&bo).await;
    drop(watch);

    desk.host.verify();
    let Desk { mut server, .. } = desk;
    server.terminate();
    let status = server.ends_within(BOUND).await;
    assert!(status.success(), "{status}");
}

const EVERY_CALL: &str = "info,deskbell_server=debug";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_on_a_full_disk() {
    let full = File::options().write(true).open("/dev/full").expect("/dev/full");
    goes_on_without_a_log(full.into(), EVERY_CALL, || {}).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_whose_reader_has_left() {
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    goes_on_without_a_log(writer.into(), EVERY_CALL, move || {
        reader.read_exact(&mut [0; 64]).expect("the beginning of the log");
        drop(reader);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_whose_reader_is_stuck() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    // Far more than a pipe holds.
    goes_on_without_a_log(writer.into(), "debug,h2=trace", || {}).await;
    drop(reader);
}
