//! Signing in and out when half of it cannot be done: it is undone, or finished here and said.

use std::time::Duration;

use deskbell_tests::desk::Desk;
use deskbell_tests::host::{Database, PASSWORD};
use deskbell_tests::programs;
use deskbell_tests::shell::Shell;
use deskbell_tests::terminal::Terminal;

fn login(desk: &Desk) -> Vec<String> {
    let (address, fingerprint) = (desk.server.address(), desk.server.fingerprint());
    ["login", address, "--email", "ana@desk.example", "--fingerprint", fingerprint]
        .map(str::to_owned)
        .to_vec()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_cannot_be_kept_is_not_opened() {
    let desk = Desk::open(Database::Sqlite).await;
    let ana = desk.admin("ana").await;
    let shell = Shell::new();
    // Something stands where the lock should be, which stops root as well.
    let folder = shell.home().join("blocked");
    std::fs::create_dir_all(folder.join("contexts.lock")).expect("a folder");
    let blocked = shell.clone().with("DESKBELL_CONFIG_DIR", folder.to_str().expect("UTF-8"));
    let mut words = login(&desk);
    words.push("--password-stdin".to_owned());
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let ended = blocked.run(programs::operator(), &words, PASSWORD);
    assert!(ended.status == 1 && ended.complaint.contains("Cannot lock"), "{ended:?}");

    assert!(!ended.complaint.contains("session"), "nothing was sent: {ended:?}");

    // The folder goes away while the password is typed: the new session is ended again.
    let terminal = Terminal::shell(&shell).await;
    let program = programs::operator();
    let program = program.to_str().expect("a path in UTF-8");
    terminal.write(&format!("{program} {}", login(&desk).join(" ")));
    terminal.press(&["Enter"]);
    terminal.shows("Password of ana@desk.example").await;
    let settings = shell.home().join("deskbell");
    std::fs::remove_dir_all(&settings).expect("the folder that login made");
    std::fs::write(&settings, "").expect("a file");
    terminal.write(PASSWORD);
    terminal.press(&["Enter"]);
    terminal.shows("the session has been ended again").await;
    assert_eq!(ana.sign_out(true).await.expect("signed out"), 1, "her own, and no other");
    desk.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logout_without_the_server_is_finished_here() {
    let mut desk = Desk::open(Database::Sqlite).await;
    desk.admin("ana").await;
    let shell = Shell::new();
    let mut words = login(&desk);
    words.push("--password-stdin".to_owned());
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    shell.run(programs::operator(), &words, PASSWORD).good();
    let contexts = shell.home().join("deskbell/contexts.toml");
    let kept = || std::fs::read_to_string(&contexts).expect("contexts");
    let has_token = |text: &str| text.lines().any(|line| line.starts_with("token ="));
    assert!(has_token(&kept()));
    let before = kept();
    desk.server.terminate();
    desk.server.ends_within(Duration::from_secs(40)).await;

    let ended = shell.deskbell(&["logout", "--everywhere"]);
    assert!(ended.status == 6 && ended.complaint.contains("still signed in"), "{ended:?}");
    assert_eq!(kept(), before);
    let ended = shell.deskbell(&["logout"]);
    assert!(ended.status == 6 && ended.complaint.contains("You are signed out here"), "{ended:?}");
    assert!(!has_token(&kept()));
    let ended = shell.deskbell(&["whoami"]);
    assert!(ended.status == 3 && ended.complaint.contains("signed out"), "{ended:?}");
}
