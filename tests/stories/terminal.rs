//! The live queue in a real terminal, driven by keys as an operator would.

use std::time::Duration;

use deskbell_proto::v1::{self, Priority, TicketState};
use deskbell_tests::customer::{Widget, call_for_help, new_secret};
use deskbell_tests::desk::Desk;
use deskbell_tests::host::Database;
use deskbell_tests::shell::Shell;
use deskbell_tests::staff::{Staff, To};
use deskbell_tests::terminal::{SIZE, Terminal};
use deskbell_tests::waiting::{BOUND, eventually};

/// A desk with an operator at a live queue, and customers of the group Sales.
struct Live {
    desk: Desk,
    ana: Staff,
    bo: Staff,
    sales: v1::Group,
    widget: Widget,
    terminal: Terminal,
}

impl Live {
    async fn open() -> Self {
        Self::open_with(|shell| shell).await
    }

    async fn open_with(environment: impl FnOnce(Shell) -> Shell) -> Self {
        let desk = Desk::open(Database::Sqlite).await;
        let ana = desk.admin("ana").await;
        let bo = desk.operator(&ana, "bo").await;
        let sales = ana.group_of("Sales", &[&bo]).await;
        let profile = ana.profile("Acme", &[&sales]).await;
        let widget = ana.widget(&desk.server, &profile).await;
        let terminal = Terminal::queue(&environment(Shell::of(&bo, &desk.server))).await;
        terminal.shows("● live").await;
        Self { desk, ana, bo, sales, widget, terminal }
    }

    /// Presses a key that acts on the chosen ticket. First to its row: what came to the top by
    /// itself wants a second press.
    async fn act(&self, key: &str, opens: &str) {
        self.terminal.press(&["Home"]);
        self.terminal.opens(key, opens).await;
    }
}

/// The line of a ticket in the list.
fn row(screen: &str, number: i64) -> Option<&str> {
    screen
        .lines()
        .find(|line| line.get(2..).is_some_and(|line| line.starts_with(&format!("#{number} "))))
}

fn fits(screen: &str) {
    assert!(screen.lines().count() <= SIZE.1, "{screen}");
    assert!(screen.lines().all(|line| line.chars().count() <= SIZE.0), "{screen}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_is_handled_by_keys() {
    let live = Live::open().await;
    let terminal = &live.terminal;
    live.ana.group_of("Support", &[]).await;
    let screen = terminal.shows("No open tickets. The bell rings when one arrives.").await;
    fits(&screen);

    let customer = live.widget.ring(Some(&live.sales), "The printer is on fire.\nReally.").await;
    let screen = terminal.until("the ticket is there", |screen| row(screen, 1).is_some()).await;
    fits(&screen);
    for head in
        ["no", "prio", "waits", "state", "requester", "operator", "group", "conn", "description"]
    {
        assert!(screen.lines().nth(1).unwrap().contains(head), "{head}: {screen}");
    }
    let line = row(&screen, 1).unwrap();
    for cell in ["normal", "new", "custom", "Sales", "The print"] {
        assert!(line.contains(cell), "{cell}: {line}");
    }
    terminal.shows("[1 new]").await;
    eventually("the bell has rung", BOUND, async || live.terminal.bells() == 1).await;

    live.act("t", "#1: it is yours now").await;
    assert_eq!(live.bo.ticket(1).await.unwrap().state(), TicketState::InProgress);
    assert_eq!(customer.ticket().await.unwrap().helper, "bo");
    terminal
        .until("the row says so", |screen| {
            row(screen, 1).is_some_and(|row| row.contains("in progress"))
        })
        .await;

    live.act("p", "Priority of #1").await;
    terminal.write("ur");
    terminal.shows("> urgent").await;
    terminal.press(&["Enter"]);
    terminal.shows("priority is urgent now").await;
    assert_eq!(live.bo.ticket(1).await.unwrap().priority(), Priority::Urgent);

    live.act("r", "Reply to the customer of #1").await;
    terminal.write("Step back, please.");
    terminal.press(&["Enter"]);
    terminal.write("Is it still burning? Grüße");
    terminal.shows("Grüße").await;
    terminal.press(&["C-s"]);
    terminal.shows("your reply is sent").await;
    let mine = customer.ticket().await.unwrap();
    assert_eq!(mine.messages[0].text, "Step back, please.\nIs it still burning? Grüße");
    terminal
        .until("it is answered", |screen| {
            row(screen, 1).is_some_and(|row| row.contains("answered"))
        })
        .await;

    live.act("n", "Note for colleagues on #1").await;
    terminal.write("Sounds serious.");
    terminal.press(&["C-s"]);
    terminal.shows("your note is kept").await;
    assert_eq!(customer.ticket().await.unwrap().messages.len(), 1, "customers see no notes");

    terminal.opens("Enter", "Description").await;
    for text in [
        "The printer is on fire.",
        "Really.",
        "Messages",
        "Sounds serious.",
        "History",
        "submitted",
    ] {
        terminal.until(text, |screen| screen.contains(text) || !screen.contains("Messages")).await;
    }
    fits(&terminal.screen());
    terminal.press(&["Escape"]);
    terminal.shows("requester").await;

    live.act("a", "Assign #1 to").await;
    terminal.write("Supp");
    terminal.shows("> Support").await;
    terminal.press(&["Enter"]);
    terminal.shows("Afterwards you no longer see #1. Go on?").await;
    terminal.press(&["y"]);
    terminal
        .until("it is out of sight", |screen| {
            row(screen, 1).is_some_and(|row| row.contains("no longer"))
        })
        .await;
    assert_eq!(live.ana.ticket(1).await.unwrap().group.unwrap().name, "Support");

    live.widget.ring(Some(&live.sales), "The second one").await;
    terminal.until("the second is there", |screen| row(screen, 2).is_some()).await;
    live.act("c", "Close #2?").await;
    terminal.press(&["y"]);
    terminal.shows("#2: closed").await;
    assert_eq!(live.bo.ticket(2).await.unwrap().state(), TicketState::Closed);

    terminal.press(&["q"]);
    assert_eq!(terminal.ends().await, 0);
    live.desk.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn help_filter_and_an_opened_ticket() {
    let live = Live::open().await;
    let terminal = &live.terminal;
    for text in ["Printer burns", "Mail is slow", "Printer has no paper"] {
        live.widget.ring(Some(&live.sales), text).await;
    }
    terminal
        .until("three tickets", |screen| (1..=3).all(|number| row(screen, number).is_some()))
        .await;

    // Its last line: by then all of it is there.
    let help = terminal.opens("?", "other keys close").await;
    fits(&help);
    for key in
        ["take what", "assign it", "priority", "reply", "note", "close it", "filter", "leave"]
    {
        assert!(help.contains(key), "{key}: {help}");
    }
    terminal.press(&["Escape"]);
    terminal.hides(" Keys ").await;

    terminal.opens("/", "Enter keeps it").await;
    terminal.write("print");
    terminal.press(&["Enter"]);
    terminal
        .until("only printers, kept", |screen| {
            let rows = [1, 2, 3].map(|number| row(screen, number).is_some());
            rows == [true, false, true]
                && screen.contains("/print")
                && !screen.contains("Enter keeps it")
        })
        .await;
    terminal.press(&["Escape"]);
    terminal.until("all again", |screen| row(screen, 2).is_some()).await;

    terminal.press(&["End"]);
    terminal
        .until("the last is chosen", |screen| {
            row(screen, 3).is_some_and(|row| row.starts_with('>'))
        })
        .await;
    let screen = terminal.opens("Enter", "Description").await;
    assert!(
        screen.contains("#3 Printer has no paper") && screen.contains("(unverified)"),
        "{screen}"
    );
    fits(&screen);
    live.desk.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_server_is_found_again() {
    let mut live = Live::open().await;
    live.widget.ring(Some(&live.sales), "Before").await;
    live.terminal.until("the first is there", |screen| row(screen, 1).is_some()).await;

    let socket = live.desk.server.socket();
    live.desk.server.terminate();
    live.desk.server.ends_within(Duration::from_secs(40)).await;
    live.terminal.shows("reconnecting").await;
    live.desk.server = live.desk.host.serve_at(socket, &[]).await;
    let screen = live.terminal.shows("● live").await;
    assert!(row(&screen, 1).is_some(), "{screen}");

    live.widget.ring(Some(&live.sales), "After").await;
    let screen =
        live.terminal.until("the second is there", |screen| row(screen, 2).is_some()).await;
    assert_eq!(
        screen
            .lines()
            .filter(|line| line.get(2..).is_some_and(|line| line.starts_with('#')))
            .count(),
        2
    );
    eventually("the bell rang for each once", BOUND, async || live.terminal.bells() == 2).await;
    live.desk.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_text_reaches_no_terminal() {
    let live = Live::open().await;
    let hostile = "\u{1b}]52;c;aGVsbG8=\u{7}\u{1b}]0;owned\u{1b}\\\u{1b}[7777m\u{1b}P+q\u{1b}\\\u{9b}7777m\u{202e}desrever";
    let secret = new_secret();
    let request = v1::SubmitTicketRequest {
        group_id: live.sales.id.clone(),
        facts: [("system".to_owned(), "\u{202e}plain".to_owned())].into(),
        ..call_for_help(
            &secret,
            &format!("Before {hostile} after\n{hostile}\t{hostile}\n日本語 👩‍👩‍👧 العربية"),
        )
    };
    let submitted = live.widget.submit(request).await.unwrap();
    let customer = live.widget.customer(secret, submitted.number);
    customer.write(&format!("And {hostile} again")).await.unwrap();
    live.terminal.until("the ticket is there", |screen| row(screen, 1).is_some()).await;
    live.terminal.press(&["Home"]);
    live.terminal.opens("Enter", "History").await;
    let screen = live.terminal.shows("]52;c;").await;
    assert!(!screen.contains('\u{202e}'), "{screen:?}");

    let shown = live.terminal.coloured_screen();
    assert!(
        !shown.contains("\u{1b}]") && !shown.contains("\u{1b}P") && !shown.contains('\u{9b}'),
        "{shown:?}"
    );
    let raw = String::from_utf8(live.terminal.raw()).expect("the program writes UTF-8");
    let mut after_escapes = raw.split('\u{1b}');
    let before = after_escapes.next().unwrap_or_default();
    let controls = |text: &str| {
        text.chars().filter(|&c| c.is_control() && !"\r\n\u{7}".contains(c)).collect::<String>()
    };
    assert_eq!(controls(before), "");
    for sequence in after_escapes {
        assert!(
            sequence.starts_with('['),
            "an escape sequence that the program has no use for: {sequence:?}"
        );
        assert!(!sequence.starts_with("[7777"), "the customer's own sequence: {sequence:?}");
        assert_eq!(controls(sequence), "", "{sequence:?}");
    }
    assert!(!raw.contains('\u{202e}'), "a direction override reached the terminal");
    eventually("one ticket, one bell", BOUND, async || live.terminal.bells() == 1).await;
    live.desk.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn colour_says_nothing_alone() {
    // 39 and 49 are the terminal's own colours.
    let colours = |screen: &str| {
        let sequences = screen.split("\u{1b}[").skip(1).filter_map(|rest| rest.split_once('m'));
        let codes = sequences
            .flat_map(|(codes, _)| codes.split([';', ':']).map(str::to_owned).collect::<Vec<_>>());
        codes
            .filter(|code| matches!(code.parse(), Ok(30u8..=38 | 40..=48 | 90..=107)))
            .collect::<Vec<_>>()
    };
    for (no_colour, coloured) in [("1", false), ("", true)] {
        let live = Live::open_with(|shell| shell.with("NO_COLOR", no_colour)).await;
        let customer = live.widget.ring(Some(&live.sales), "The printer is on fire.").await;
        let ticket = live.bo.ticket(customer.number).await.unwrap();
        live.bo.prioritise(&ticket, Priority::Urgent).await.unwrap();
        let screen = live
            .terminal
            .until("urgent", |screen| row(screen, 1).is_some_and(|row| row.contains("urgent")))
            .await;
        assert!(screen.contains("● live"), "{screen}");
        let found = colours(&live.terminal.coloured_screen());
        assert_eq!(!found.is_empty(), coloured, "{found:?}");
        live.desk.close();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_do_what_they_say_and_nothing_else() {
    let live = Live::open().await;
    let terminal = &live.terminal;
    for text in ["Printer burns", "Mail is slow", "Stückliste fehlt"] {
        live.widget.ring(Some(&live.sales), text).await;
    }
    live.ana.join(&live.sales, &live.ana).await.unwrap();
    let third = live.ana.take(&live.ana.ticket(3).await.unwrap()).await.unwrap();
    terminal
        .until("three tickets, one of ana's", |screen| {
            (1..=2).all(|number| row(screen, number).is_some())
                && row(screen, 3).is_some_and(|row| row.contains("ana"))
        })
        .await;

    // Reading goes on with J and K; space scrolls and never takes.
    terminal.press(&["Home"]);
    terminal.opens("Enter", "#1 Printer burns").await;
    terminal.press(&["Space"]);
    terminal.opens("J", "#2 Mail is slow").await;
    terminal.press(&["Space"]);
    terminal.opens("K", "#1 Printer burns").await;
    terminal.press(&["Escape"]);
    terminal.shows("requester").await;
    terminal.press(&["Space"]);

    // The filter finds folded text, states and priorities.
    for (typed, number) in [("stu\u{308}ck", 3), ("stuck", 3), ("in progress", 3), ("#2", 2)] {
        terminal.opens("/", "Enter keeps it").await;
        terminal.write(typed);
        terminal.press(&["Enter"]);
        terminal
            .until(typed, |screen| {
                (1..=3).all(|other| row(screen, other).is_some() == (other == number))
            })
            .await;
        terminal.press(&["Escape"]);
        terminal.until("all again", |screen| row(screen, 1).is_some()).await;
    }

    // What a colleague has is taken after a question, and they are told.
    terminal.press(&["End"]);
    terminal.press(&["t"]);
    terminal.shows("ana has #3; T takes it from them.").await;
    terminal.opens("T", "Take #3 from ana?").await;
    terminal.press(&["y"]);
    terminal.shows("#3: it is yours now; ana is told").await;
    terminal.press(&["m"]);
    terminal
        .until("only mine", |screen| row(screen, 3).is_some() && row(screen, 1).is_none())
        .await;
    terminal.press(&["m"]);
    let now = live.ana.ticket(third.number).await.unwrap();
    live.ana.take(&now).await.unwrap();
    terminal.shows("#3 was yours: ana took it from you.").await;
    terminal.opens("!", "Messages, the latest first").await;
    let log = terminal.shows("#3: it is yours now").await;
    assert!(log.contains("#3 was yours"), "{log}");
    terminal.press(&["Escape"]);
    terminal.hides("Messages, the latest first").await;

    // Ctrl-C keeps what is being written, and asks before it is lost.
    terminal.press(&["Home"]);
    terminal.opens("r", "Reply to the customer of #1").await;
    terminal.write("Half an answer");
    terminal.shows("Half an answer").await;
    terminal.press(&["C-c"]);
    terminal.shows("The draft for #1 is kept.").await;
    terminal.press(&["C-c"]);
    terminal.shows("Leaving loses your drafts for #1.").await;
    terminal.opens("r", "Half an answer").await;
    terminal.press(&["Escape"]);
    terminal.hides("Reply to").await;
    for number in [1, 2] {
        assert!(live.ana.ticket(number).await.unwrap().operator.is_none(), "space took #{number}");
    }
    live.desk.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_hides_a_ticket_says_so() {
    let desk = Desk::open(Database::Sqlite).await;
    let ana = desk.admin("ana").await;
    let bo = desk.operator(&ana, "bo").await;
    let sales = ana.group_of("Sales", &[&bo]).await;
    let support = ana.group_of("Support", &[]).await;
    let profile = ana.profile("Acme", &[&sales]).await;
    let widget = ana.widget(&desk.server, &profile).await;
    widget.ring(Some(&sales), "The printer is on fire.").await;
    let shell = Shell::of(&bo, &desk.server);
    let terminal = Terminal::shell(&shell).await;
    let program = deskbell_tests::programs::operator();
    let command =
        |words: &str| format!("clear; {} {words}", program.to_str().expect("a path in UTF-8"));
    for (answer, told) in [("no", "Nothing was changed."), ("yes", "you no longer see it.")] {
        terminal.write(&command("ticket assign '#1' --group Support"));
        terminal.press(&["Enter"]);
        terminal.shows("Afterwards you no longer see #1. Go on? (yes/no)").await;
        terminal.write(answer);
        terminal.press(&["Enter"]);
        terminal.shows(told).await;
    }

    // Bo has handled it in his history, and it is Support's when it is opened again.
    let back = ana.ticket(1).await.unwrap();
    let back = ana.assign(&back, To::operator(&bo).in_group(&sales)).await.unwrap().unwrap();
    let noted = bo.note(&back, "Called.").await.unwrap();
    let moved = ana.assign(&noted, To::operator(&ana).in_group(&support)).await.unwrap().unwrap();
    ana.close(&moved).await.unwrap();
    terminal.write(&command("ticket reopen 1"));
    terminal.press(&["Enter"]);
    terminal.shows("Afterwards you no longer see #1. Go on? (yes/no)").await;
    terminal.write("no");
    terminal.press(&["Enter"]);
    terminal.shows("Nothing was changed.").await;
    // A script is told afterwards.
    let ended = shell.deskbell(&["ticket", "reopen", "1"]).good();
    assert!(ended.printed.contains("#1 is open again; you no longer see it."), "{ended:?}");
    desk.close();
}
