//! `deskbell-server` as whoever hosts it meets it: accounts, settings with their origins, and when
//! it refuses to start.

use std::fs;

use deskbell_tests::desk::{Desk, email};
use deskbell_tests::for_both_databases;
use deskbell_tests::host::{Database, Host, PASSWORD};
use deskbell_tests::programs;
use deskbell_tests::shell::{Ended, Shell};
use serde_json::Value;
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;

for_both_databases! { accounts_begin_on_the_host, without_its_key_it_does_not_start }

/// Tries to serve. Ended from outside when it does not refuse.
pub fn serve(host: &Host) -> Ended {
    let program = programs::server();
    let mut words = ["60", program.to_str().unwrap(), "serve", "--listen", "127.0.0.1:0"]
        .map(str::to_owned)
        .to_vec();
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
    assert!(
        ended.complaint.contains("99")
            && ended.complaint.contains("install a newer deskbell-server"),
        "{ended:?}"
    );
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
    let line = |name: &str| {
        told.lines().find(|line| line.starts_with(&format!("{name} = "))).unwrap_or_default()
    };
    for (name, value, origin) in [
        ("server_name", "\"Acme desk\"", format!("file {file}")),
        ("limits.connections", "8", "environment variable DESKBELL_LIMITS_CONNECTIONS".to_owned()),
        ("drain_seconds", "9", "flag --set".to_owned()),
        (
            "database",
            "postgres://desk:***@db.example/desk",
            "environment variable DESKBELL_DATABASE".to_owned(),
        ),
        ("listen", "127.0.0.1:7443", "default".to_owned()),
    ] {
        assert!(
            line(name).contains(value) && line(name).contains(&format!("# {origin}")),
            "{name}: {told}"
        );
    }
    assert!(!told.contains("hunter2"), "{told}");
    let json = shell.run(programs::server(), &[&words[..], &["--json"]].concat(), "").good();
    assert!(!json.printed.contains("hunter2") && json.json()[0]["settings"].is_array(), "{json:?}");

    let misspelt =
        shell.run(programs::server(), &["check-config", "--set", "limits.conections=5"], "");
    assert_eq!(misspelt.status, 2, "{misspelt:?}");
    assert!(misspelt.complaint.contains("limits.connections"), "{misspelt:?}");
}

fn complaint(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

async fn accounts_begin_on_the_host(database: Database) {
    let host = Host::new(database);
    // Before any server ran, and while one runs.
    host.account(&email("ana"), "Ana");
    let create = |email: &str, name: &str, password: &str| {
        host.command(
            &["account", "create", "--email", email, "--name", name, "--password-stdin"],
            password,
        )
    };
    let twin = create("ANA@desk.example", "Twin", PASSWORD);
    assert_eq!(twin.status.code(), Some(3), "{}", complaint(&twin));
    for (email, name, password, names) in [
        ("no-address", "X", PASSWORD, "email"),
        ("x@desk.example", "a\nb", PASSWORD, "name"),
        ("x@desk.example", "X", "short", "password"),
        ("x@desk.example", "X", "", "password"),
    ] {
        let refused = create(email, name, password);
        assert_eq!(refused.status.code(), Some(2), "{email} {name}");
        assert!(complaint(&refused).contains(names), "{}", complaint(&refused));
    }
    let unknown =
        host.command(&["account", "reset-password", "--email", "nobody@desk.example"], "");
    assert_eq!(unknown.status.code(), Some(3), "{}", complaint(&unknown));
    // Without a password there is a code that sets one.
    let output =
        host.command(&["account", "create", "--email", "bo@desk.example", "--name", "Bo"], "");
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let desk = Desk::of(host).await;
    desk.redeem("bo@desk.example", answer["code"].as_str().unwrap(), "").await.unwrap();
    assert_eq!(desk.sign_in("bo@desk.example").await.name(), "Bo");
    assert_eq!(desk.sign_in(&email("ana")).await.name(), "Ana");
    let migrated = desk.host.command(&["migrate"], "");
    assert!(migrated.status.success(), "{}", complaint(&migrated));
    desk.close();
}

async fn without_its_key_it_does_not_start(database: Database) {
    let Desk { host, server } = Desk::open(database).await;
    let ready_before = server.fingerprint().to_owned();
    server.kill();
    let key = host.data().join("secrets.key");
    let kept = host.data().join("kept.key");
    fs::rename(&key, &kept).unwrap();
    let refused = host.command(&["serve", "--listen", "127.0.0.1:0"], "");
    assert_eq!(refused.status.code(), Some(1), "{}", complaint(&refused));
    assert!(complaint(&refused).contains("key"), "{}", complaint(&refused));
    fs::write(&key, "not the key").unwrap();
    let refused = host.command(&["serve", "--listen", "127.0.0.1:0"], "");
    assert_eq!(refused.status.code(), Some(1), "{}", complaint(&refused));
    fs::rename(&kept, &key).unwrap();
    let desk = Desk::of(host).await;
    assert_eq!(
        desk.server.fingerprint(),
        ready_before,
        "the authority that clients pin is the same"
    );
    desk.close();
}
