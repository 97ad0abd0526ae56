//! `deskbell-server` as whoever hosts it meets it: settings with their origins, and a database it must not touch.

use std::fs;

use deskbell_tests::desk::Desk;
use deskbell_tests::host::{Database, Host};
use deskbell_tests::programs;
use deskbell_tests::shell::{Ended, Shell};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;

/// Tries to serve. Ended from outside when it does not refuse.
fn serve(host: &Host) -> Ended {
    let program = programs::server();
    let mut words = ["60", program.to_str().unwrap(), "serve", "--listen", "127.0.0.1:0"].map(str::to_owned).to_vec();
    words.extend(host.arguments());
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    Shell::new().run("timeout", &words, "")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_schema_is_not_touched() {
    let desk = Desk::open(Database::Sqlite).await;
    desk.admin("ana").await;
    let Desk { host, server } = desk;
    server.kill();
    let database = SqliteConnectOptions::new().filename(host.data().join("deskbell.db"));
    let change = async |sql: &'static str| {
        let mut connection = database.connect().await.unwrap();
        sqlx::query(sql).execute(&mut connection).await.unwrap();
        sqlx::Connection::close(connection).await.unwrap();
    };
    change("INSERT INTO schema_versions (version, serves_since) VALUES (99, 99)").await;
    let ended = serve(&host);
    assert_eq!(ended.status, 1, "{ended:?}");
    assert!(ended.complaint.contains("99") && ended.complaint.contains("install a newer deskbell-server"), "{ended:?}");
    // One that still serves this program is served.
    change("UPDATE schema_versions SET serves_since = 1 WHERE version = 99").await;
    Desk::of(host).await.close();
}

#[test]
fn settings_are_told_with_their_origins_and_without_secrets() {
    let shell = Shell::new();
    let file = shell.home().join("server.toml");
    fs::write(&file, "server_name = \"Acme desk\"\n[limits]\nconnections = 7\n").unwrap();
    let file = file.to_str().unwrap();
    let shell = shell
        .with("DESKBELL_DATABASE", "postgres://desk:hunter2@db.example/desk")
        .with("DESKBELL_LIMITS_CONNECTIONS", "8");
    let words = ["check-config", "--config", file, "--set", "drain_seconds=9"];
    let told = shell.run(programs::server(), &words, "").good().printed;
    let line = |name: &str| told.lines().find(|line| line.starts_with(&format!("{name} = "))).unwrap_or_default();
    for (name, value, origin) in [
        ("server_name", "\"Acme desk\"", format!("file {file}")),
        ("limits.connections", "8", "environment variable DESKBELL_LIMITS_CONNECTIONS".to_owned()),
        ("drain_seconds", "9", "flag --set".to_owned()),
        ("database", "postgres://desk:***@db.example/desk", "environment variable DESKBELL_DATABASE".to_owned()),
        ("listen", "127.0.0.1:7443", "default".to_owned()),
    ] {
        assert!(line(name).contains(value) && line(name).contains(&format!("# {origin}")), "{name}: {told}");
    }
    assert!(!told.contains("hunter2"), "{told}");
    let json = shell.run(programs::server(), &[&words[..], &["--json"]].concat(), "").good();
    assert!(!json.printed.contains("hunter2") && json.json()[0]["settings"].is_array(), "{json:?}");

    let misspelt = shell.run(programs::server(), &["check-config", "--set", "limits.conections=5"], "");
    assert_eq!(misspelt.status, 2, "{misspelt:?}");
    assert!(misspelt.complaint.contains("limits.connections"), "{misspelt:?}");
}
