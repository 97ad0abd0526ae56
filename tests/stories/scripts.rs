//! The customer's helper from a script: hostile text both ways, and a server that is away.

use std::process::Stdio;

use deskbell_tests::desk::Desk;
use deskbell_tests::host::Database;
use deskbell_tests::scene::Scene;
use deskbell_tests::shell::Shell;
use deskbell_tests::waiting::{BOUND, eventually};

use crate::texts::{HOSTILE, assert_inert};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_text_is_inert_both_ways() {
    let Scene { desk, ana, bo, profile, .. } = Scene::open(Database::Sqlite).await;
    let program = Shell::of(&ana, &desk.server).packaged(&profile).join("deskbell-widget");
    let customer = Shell::new();
    let words = [
        "submit",
        "--group",
        "sales",
        "--email",
        "eva@acme.example",
        "--title",
        "\u{202e}eltit",
        "--description",
        "-",
    ];
    let rung = customer.run(&program, &words, HOSTILE).good();
    assert_inert("submit", &rung.printed);
    let ticket = bo.ticket(1).await.unwrap();
    assert!(
        !ticket.description.contains('\u{1b}') && ticket.description.contains("␛[2J"),
        "{}",
        ticket.description
    );
    bo.reply(&ticket, HOSTILE).await.unwrap();
    for words in [&["ticket"][..], &["manifest", "show"]] {
        let told = customer.run(&program, words, "").good();
        assert_inert(&words.join(" "), &told.printed);
    }
    let json = customer.run(&program, &["ticket", "1", "--json"], "").good();
    assert!(!json.printed.chars().any(|c| c.is_control() && c != '\n'), "{json:?}");
    assert_eq!(json.json()[0]["number"], 1);
    // What is refused is told as harmlessly.
    let refused = customer.run(
        &program,
        &["submit", "--group", HOSTILE, "--email", HOSTILE, "--description", "x"],
        "",
    );
    assert_eq!(refused.status, 1, "{refused:?}");
    assert_inert("a refusal", &refused.complaint);
    let blank = customer.run(
        &program,
        &["submit", "--email", "eva@acme.example", "--description", "-"],
        " \n\u{200b}",
    );
    assert_eq!(blank.status, 1, "{blank:?}");
    assert_eq!(ana.open_numbers().await, [1]);
    desk.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_waits_for_the_server_and_arrives_once() {
    let Scene { desk, ana, profile, .. } = Scene::open(Database::Sqlite).await;
    let program = Shell::of(&ana, &desk.server).packaged(&profile).join("deskbell-widget");
    let Desk { host, server } = desk;
    let at = server.socket();
    server.kill();
    let words =
        ["submit", "--json", "--email", "eva@acme.example", "--description", "Is anybody there?"];
    let kept = Shell::new().run(&program, &words, "");
    assert_eq!((kept.status, kept.json()[0]["kept"].as_bool()), (3, Some(true)), "{kept:?}");

    let patient = Shell::new();
    let mut waiting = patient.command(&program);
    waiting.args(words).arg("--wait").stdin(Stdio::null()).stdout(Stdio::piped());
    let waiting = tokio::process::Command::from(waiting).kill_on_drop(true).spawn().unwrap();
    let requests = || {
        let found = patient.run("find", &[".", "-path", "*/requests/*", "-type", "f"], "");
        found.good().printed.lines().count()
    };
    eventually("the request is on disk before it is sent", BOUND, async || requests() > 0).await;
    let desk = Desk { server: host.serve_at(at, &[]).await, host };
    let output =
        tokio::time::timeout(BOUND, waiting.wait_with_output()).await.expect("it arrives").unwrap();
    assert!(output.status.success());
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["ticket"]["number"], 1);
    assert_eq!(ana.over(&desk.server.connect()).open_numbers().await, [1]);
    desk.close();
}
