//! What the host does with `deskbell-server`, and when it refuses to start.

use deskbell_tests::desk::{Desk, email};
use deskbell_tests::for_both_databases;
use deskbell_tests::host::{Database, Host, PASSWORD};
use serde_json::Value;

for_both_databases! { accounts_begin_on_the_host, without_its_key_it_does_not_start }

fn complaint(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

async fn accounts_begin_on_the_host(database: Database) {
    let host = Host::new(database);
    // Before any server ran, and while one runs.
    host.account(&email("ana"), "Ana");
    let create = |email: &str, name: &str, password: &str| {
        host.command(&["account", "create", "--email", email, "--name", name, "--password-stdin"], password)
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
    let unknown = host.command(&["account", "reset-password", "--email", "nobody@desk.example"], "");
    assert_eq!(unknown.status.code(), Some(3), "{}", complaint(&unknown));
    // Without a password there is a code that sets one.
    let output = host.command(&["account", "create", "--email", "bo@desk.example", "--name", "Bo"], "");
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
    std::fs::rename(&key, &kept).unwrap();
    let refused = host.command(&["serve", "--listen", "127.0.0.1:0"], "");
    assert_eq!(refused.status.code(), Some(1), "{}", complaint(&refused));
    assert!(complaint(&refused).contains("key"), "{}", complaint(&refused));
    std::fs::write(&key, "not the key").unwrap();
    let refused = host.command(&["serve", "--listen", "127.0.0.1:0"], "");
    assert_eq!(refused.status.code(), Some(1), "{}", complaint(&refused));
    std::fs::rename(&kept, &key).unwrap();
    let desk = Desk::of(host).await;
    assert_eq!(desk.server.fingerprint(), ready_before, "the authority that clients pin is the same");
    // What is misspelt is refused with the nearest word.
    let wrong = desk.host.command(&["check-config", "--set", "limits.conections=5"], "");
    assert_eq!(wrong.status.code(), Some(2));
    assert!(complaint(&wrong).contains("limits.connections"), "{}", complaint(&wrong));
    let shown = desk.host.command(&["check-config"], "");
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("limits.submits_per_address"), "{shown}");
    desk.close();
}
