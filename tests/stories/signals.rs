//! Whatever ends or stops the program, the terminal is as it was before.

use std::os::unix::fs::PermissionsExt as _;

use deskbell_tests::desk::Desk;
use deskbell_tests::host::{Database, PASSWORD};
use deskbell_tests::programs;
use deskbell_tests::shell::Shell;
use deskbell_tests::terminal::Terminal;
use deskbell_tests::waiting::{BOUND, eventually};

/// On the main screen, with a cursor.
const MAIN_SCREEN: &str = "0 1";

async fn clear(terminal: &Terminal) {
    terminal.write("clear");
    terminal.press(&["Enter"]);
    terminal.until("the screen is empty", |screen| screen.trim() == "$").await;
}

/// Runs a command on an empty screen, then compares the modes of the terminal with those before. No
/// word of it stands on the screen before it is true.
async fn run_and_compare(terminal: &Terminal, command: &str) {
    clear(terminal).await;
    terminal.write(&format!(
        "m=$(stty -g); {command}; [ \"$m\" = \"$(stty -g)\" ] && printf 'as %s\\n' before"
    ));
    terminal.press(&["Enter"]);
}

async fn main_screen(terminal: &Terminal) {
    eventually("the main screen is back", BOUND, async || {
        terminal.tells("#{alternate_on} #{cursor_flag}") == MAIN_SCREEN
    })
    .await;
}

fn path(program: &std::path::Path) -> &str {
    program.to_str().expect("a path in UTF-8")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_that_ends_the_queue_leaves_the_terminal_as_it_was() {
    let desk = Desk::open(Database::Sqlite).await;
    let ana = desk.admin("ana").await;
    let shell = Shell::of(&ana, &desk.server);
    let terminal = Terminal::shell(&shell).await;
    for signal in ["TERM", "HUP", "INT", "QUIT"] {
        run_and_compare(&terminal, &format!("{} queue", path(&programs::operator()))).await;
        terminal.shows("● live").await;
        terminal.signal(signal, "deskbell");
        terminal.shows("as before").await;
        main_screen(&terminal).await;
    }
    desk.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_queue_stops_and_goes_on_like_any_job() {
    let desk = Desk::open(Database::Sqlite).await;
    let ana = desk.admin("ana").await;
    let shell = Shell::of(&ana, &desk.server);
    let terminal = Terminal::shell(&shell).await;
    terminal.write(&format!("m=$(stty -g); {} queue", path(&programs::operator())));
    terminal.press(&["Enter"]);
    terminal.shows("● live").await;
    for stop in ["key", "TSTP", "STOP"] {
        match stop {
            "key" => terminal.press(&["C-z"]),
            signal => terminal.signal(signal, "deskbell"),
        }
        if stop == "STOP" {
            // What cannot be heard cannot be prepared for; what follows it is.
            eventually("it is stopped", BOUND, async || {
                terminal.tells("#{pane_current_command}") == "sh"
            })
            .await;
        } else {
            main_screen(&terminal).await;
            terminal.hides("● live").await;
            terminal.write("clear; [ \"$m\" = \"$(stty -g)\" ] && printf 'as %s\\n' before");
            terminal.press(&["Enter"]);
            terminal.shows("as before").await;
        }
        terminal.write("fg");
        terminal.press(&["C-j"]);
        terminal.shows("● live").await;
        terminal.opens("?", " Keys ").await;
        terminal.press(&["Escape"]);
        terminal.hides(" Keys ").await;
    }
    terminal.press(&["q"]);
    main_screen(&terminal).await;
    desk.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_left_without_echo_at_a_password() {
    let desk = Desk::open(Database::Sqlite).await;
    desk.admin("ana").await;
    let shell = Shell::new().with("DESKBELL_PASSWORD", PASSWORD);
    let terminal = Terminal::shell(&shell).await;
    let login = format!(
        "{} login {} --email ana@desk.example --fingerprint {}",
        path(&programs::operator()),
        desk.server.address(),
        desk.server.fingerprint()
    );
    for signal in ["TERM", "HUP", "INT", "QUIT"] {
        run_and_compare(&terminal, &login).await;
        terminal.shows("Password of ana@desk.example").await;
        terminal.signal(signal, "deskbell");
        terminal.shows("as before").await;
    }
    clear(&terminal).await;
    terminal.write(&format!("m=$(stty -g); {login}"));
    terminal.press(&["Enter"]);
    terminal.shows("Password of ana@desk.example").await;
    terminal.press(&["C-z"]);
    terminal.shows("Stopped").await;
    terminal.write("clear; [ \"$m\" = \"$(stty -g)\" ] && printf 'as %s\\n' before");
    terminal.press(&["Enter"]);
    terminal.shows("as before").await;
    terminal.write("fg");
    terminal.press(&["Enter"]);
    // Asked again, once nobody sees what is typed.
    terminal.shows("Password of ana@desk.example").await;
    terminal.write(PASSWORD);
    terminal.press(&["Enter"]);
    let screen = terminal.shows("Signed in.").await;
    assert!(!screen.contains(PASSWORD), "{screen}");
    desk.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operators_editor_has_the_terminal_for_itself() {
    let desk = Desk::open(Database::Sqlite).await;
    let ana = desk.admin("ana").await;
    let profile = ana.profile("Acme", &[]).await;
    let widget = ana.widget(&desk.server, &profile).await;
    let customer = widget.ring(None, "The printer is on fire.").await;
    let shell = Shell::new();
    // A path with a blank and an argument, as people have them in EDITOR. It reads a line from the
    // terminal: every key is its own.
    let editor = shell.home().join("my editor");
    let script =
        "#!/bin/sh\necho \"What to add?\"\nread line\nprintf '%s %s' \"$line\" \"$1\" >>\"$2\"\n";
    std::fs::write(&editor, script).expect("an editor");
    std::fs::set_permissions(&editor, std::fs::Permissions::from_mode(0o700)).expect("to run it");
    let shell = Shell::of(&ana, &desk.server)
        .with("EDITOR", &format!("'{}' --wait", path(&editor)))
        .with("TMPDIR", path(shell.home()));
    let terminal = Terminal::shell(&shell).await;
    run_and_compare(&terminal, &format!("{} queue", path(&programs::operator()))).await;
    terminal.shows("The printer").await;
    terminal.press(&["Home"]);
    terminal.opens("r", "Reply to the customer of #1").await;
    terminal.write("Hello,");
    terminal.press(&["C-e"]);
    terminal.shows("What to add?").await;
    assert_eq!(terminal.tells("#{alternate_on}"), "0");
    terminal.write("quit jk");
    terminal.press(&["Enter"]);
    terminal.shows("Hello,quit jk --wait").await;
    terminal.press(&["C-s"]);
    terminal.shows("your reply is sent").await;
    let ticket = customer.ticket().await.expect("the ticket");
    assert_eq!(ticket.messages[0].text, "Hello,quit jk --wait");

    // What ends the program while something is being written loses nothing of it.
    terminal.opens("n", "Note for colleagues on #1").await;
    terminal.write("Half a note");
    terminal.shows("Half a note").await;
    terminal.signal("TERM", "deskbell");
    let screen = terminal.shows("as before").await;
    assert!(screen.contains("What you wrote is kept in"), "{screen}");
    let kept = std::fs::read_dir(shell.home())
        .into_iter()
        .chain(std::fs::read_dir(editor.parent().expect("a folder")));
    let texts =
        kept.flatten().flatten().filter_map(|file| std::fs::read_to_string(file.path()).ok());
    assert!(texts.into_iter().any(|text| text == "Half a note"));
    desk.close();
}
