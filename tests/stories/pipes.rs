//! Whoever read the output has left, as `head` does: every program ends, quietly and at once.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use deskbell_tests::desk::Desk;
use deskbell_tests::host::{Database, PASSWORD};
use deskbell_tests::programs;
use deskbell_tests::shell::Shell;
use deskbell_tests::waiting::{BOUND, eventually};

/// The end of a program; fails when it never comes.
async fn ends(child: &mut Child) -> ExitStatus {
    let mut status = None;
    eventually("the program ends", BOUND, async || {
        status = child.try_wait().expect("a child");
        status.is_some()
    })
    .await;
    status.expect("it ended")
}

/// Runs a program whose output nobody reads from the beginning: its complaint and whether it ended
/// well.
async fn unread(command: &mut Command) -> (String, bool) {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let (input, mut password) = std::io::pipe().expect("a pipe");
    std::io::Write::write_all(&mut password, PASSWORD.as_bytes()).expect("room in the pipe");
    drop(password);
    let command = command.stdin(input).stdout(writer).stderr(Stdio::piped());
    let mut child = command.spawn().expect("a program");
    let status = ends(&mut child).await;
    let mut complaint = String::new();
    let mut errors = child.stderr.take().expect("piped");
    errors.read_to_string(&mut complaint).expect("programs print UTF-8");
    (complaint, status.success())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_end_when_their_reader_leaves() {
    let mut desk = Desk::open(Database::Sqlite).await;
    let ana = desk.admin("ana").await;
    let profile = ana.profile("Acme", &[]).await;
    let shell = Shell::of(&ana, &desk.server);
    let widget = shell.packaged(&profile).join("deskbell-widget");
    let commands: [&[&str]; 7] = [
        &["whoami"],
        &["--json", "whoami"],
        &["ticket", "list"],
        &["history", "--csv"],
        &["completions", "bash"],
        &["man"],
        &["watch"],
    ];
    for words in commands {
        let told = unread(shell.command(programs::operator()).args(words)).await;
        assert_eq!(told, (String::new(), true), "deskbell {words:?}");
    }
    let data = shell.home().join("data");
    let data = data.to_str().expect("a path in UTF-8");
    let commands: [&[&str]; 3] = [
        &["manifest", "show"],
        &["submit", "--json", "--email", "eva@acme.test", "--description", "It burns"],
        &["ticket"],
    ];
    for words in commands {
        let told = unread(shell.command(&widget).args(["--data-dir", data]).args(words)).await;
        assert_eq!(told, (String::new(), true), "deskbell-widget {words:?}");
    }
    assert_eq!(ana.open_numbers().await, [1]);
    desk.server.terminate();
    desk.server.ends_within(std::time::Duration::from_secs(40)).await;
    let arguments = desk.host.arguments();
    for words in [vec!["check-config"], vec!["verify"]] {
        let program: &Path = &programs::server();
        let told = unread(shell.command(program).args(&words).args(&arguments)).await;
        assert_eq!(told, (String::new(), true), "deskbell-server {words:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_ends_with_its_reader_also_in_a_quiet_team() {
    let desk = Desk::open(Database::Sqlite).await;
    let ana = desk.admin("ana").await;
    let shell = Shell::of(&ana, &desk.server);
    for words in [["--json", "watch"].as_slice(), &["watch"]] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let mut command = shell.command(programs::operator());
        let child = command.args(words).stdin(Stdio::null()).stdout(writer).spawn();
        let mut child = child.expect("a program");
        // Our own copy of the pipe's end would keep the reader waiting.
        drop(command);
        let mut first = String::new();
        BufReader::new(reader).read_line(&mut first).expect("a line");
        assert!(first.contains("snapshot") || first.contains("0 open tickets"), "{first}");
        assert!(ends(&mut child).await.success(), "{words:?}");
    }
    desk.close();
}
