//! The customer's window on a real screen, driven by keyboard and mouse as a customer would.

use std::path::PathBuf;
use std::time::Duration;

use deskbell_proto::v1;
use deskbell_tests::desk::Desk;
use deskbell_tests::host::Database;
use deskbell_tests::screen::Screen;
use deskbell_tests::setup::settings;
use deskbell_tests::shell::Shell;
use deskbell_tests::staff::Staff;
use deskbell_tests::waiting::{BOUND, eventually};

/// The colour of the profile's buttons: nothing else in the window has it.
const ACCENT: [u8; 3] = [0x7a, 0x1f, 0x5c];

/// A desk with two groups, and a widget that was packaged for its customers.
struct Helper {
    desk: Desk,
    ana: Staff,
    support: v1::Group,
    profile: v1::Profile,
    customer: Shell,
    folder: PathBuf,
    screen: Screen,
}

impl Helper {
    async fn open() -> Self {
        let desk = Desk::open(Database::Sqlite).await;
        let ana = desk.admin("ana").await;
        let sales = ana.group_of("Sales", &[&ana]).await;
        let support = ana.group_of("Support", &[&ana]).await;
        let mut settings = settings("Acme", &[&sales, &support]);
        let branding = settings.branding.take().unwrap_or_default();
        settings.branding = Some(v1::Branding { accent_color: "#7a1f5c".to_owned(), ..branding });
        settings.fallback =
            Some(v1::FallbackContact { phone: "+49 30 1234567".to_owned(), ..Default::default() });
        let profile = ana.create_profile(settings).await.expect("a profile");
        let folder = Shell::of(&ana, &desk.server).packaged(&profile);
        Self {
            desk,
            ana,
            support,
            profile,
            customer: Shell::new(),
            folder,
            screen: Screen::new().await,
        }
    }
}

/// Waits for a ticket, and gives it as the admin sees it.
async fn arrived(ana: &Staff, number: i64) -> v1::Ticket {
    eventually(&format!("ticket {number} arrives"), BOUND, async || {
        ana.open_numbers().await.contains(&number)
    })
    .await;
    ana.ticket(number).await.expect("a ticket")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ringing_by_keyboard_alone() {
    let helper = Helper::open().await;
    let window = helper.screen.widget(&helper.customer, &helper.folder, "Acme help", ACCENT).await;
    window.keep("home");
    window.press("Return").await;
    window.keep("form");
    // Sales has the keyboard; Support is next.
    window.press("Tab").await;
    window.press("space").await;
    window.press("Tab").await;
    window.press("Tab").await;
    window.write("customer@acme.example").await;
    window.press("Tab").await;
    window.write("The printer").await;
    window.press("Tab").await;
    window.write("It is on fire.\nReally.").await;
    window.keep("written");
    // The system, the program, the computer's name, which this customer does not want to send.
    for _ in 0..3 {
        window.press("Tab").await;
    }
    window.press("space").await;
    window.press("Tab").await;
    window.keep("about-to-ring");
    window.press("Return").await;

    let ticket = arrived(&helper.ana, 1).await;
    window.settled().await;
    window.keep("ticket");
    assert_eq!(ticket.requester, "customer@acme.example");
    assert_eq!(
        (ticket.title.as_str(), ticket.description.as_str()),
        ("The printer", "It is on fire.\nReally.")
    );
    assert_eq!(ticket.group.as_ref().map(|group| &group.id), Some(&helper.support.id));
    let mut facts: Vec<_> = ticket.facts.keys().map(String::as_str).collect();
    facts.sort_unstable();
    assert_eq!(facts, ["program", "system"], "what was unticked is not sent");

    let before = window.settled().await;
    let taken = helper.ana.take(&ticket).await.unwrap();
    let before = window.changes(&before, "it says who is helping").await;
    window.keep("taken");
    helper.ana.reply(&taken, "Step back, please.").await.unwrap();
    window.changes(&before, "it shows the answer").await;
    window.keep("answered");
    window.write("I stepped back.").await;
    window.press("ctrl+Return").await;
    eventually("the customer's message arrives", BOUND, async || {
        let messages = helper.ana.messages(1).await.unwrap();
        messages.iter().any(|message| {
            message.kind() == v1::MessageKind::Customer && message.text == "I stepped back."
        })
    })
    .await;
    window.settled().await;
    window.keep("message");
    window.close().await;
    helper.desk.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ringing_with_the_mouse_while_the_server_is_away() {
    let Helper { desk: Desk { host, server }, ana, customer, folder, screen, .. } =
        Helper::open().await;
    let window = screen.widget(&customer, &folder, "Acme help", ACCENT).await;
    let home = window.settled().await;
    let socket = server.socket();
    server.kill();
    window.changes(&home, "it says that the server is away").await;
    window.keep("away");

    window.click_button().await;
    // From the first group over the others to the address and, past the title, the description.
    for _ in 0..3 {
        window.press("Tab").await;
    }
    window.write("customer@acme.example").await;
    window.press("Tab").await;
    window.press("Tab").await;
    window.write("Nobody answers.").await;
    window.press("ctrl+Return").await;
    window.keep("kept");
    // Killed and opened again: what was rung is on disk.
    window.kill();
    let window = screen.widget(&customer, &folder, "Acme help", ACCENT).await;
    window.keep("opened-again");

    let desk = Desk { server: host.serve_at(socket, &[]).await, host };
    let ticket = arrived(&ana, 1).await;
    assert_eq!(
        (ticket.requester.as_str(), ticket.description.as_str()),
        ("customer@acme.example", "Nobody answers.")
    );
    assert!(ticket.group.is_none(), "the customer did not know");
    window.settled().await;
    window.keep("arrived");
    window.close().await;
    // Another start finds nothing left to send.
    let window = screen.widget(&customer, &folder, "Acme help", ACCENT).await;
    ana.take(&ticket).await.unwrap();
    window.keep("taken");
    assert_eq!(ana.open_numbers().await, [1]);
    assert_eq!(ana.event_kinds(1).await, ["submitted", "taken"]);
    desk.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_saved_profile_shows_while_the_window_is_open() {
    let helper = Helper::open().await;
    let window = helper.screen.widget(&helper.customer, &helper.folder, "Acme help", ACCENT).await;
    let mut settings = helper.profile.settings.clone().unwrap();
    let branding = settings.branding.as_mut().unwrap();
    branding.product_name = "Roadrunner care".to_owned();
    branding.window_title = "Roadrunner – beep".to_owned();
    let before = window.settled().await;
    let saved = helper.ana.save_profile(&helper.profile, settings).await.unwrap();
    eventually("the new title shows", BOUND, async || window.title() == "Roadrunner – beep").await;
    let before = window.changes(&before, "the new name shows").await;
    window.keep("renamed");

    helper.ana.set_profile(&saved, v1::ProfileState::Paused).await.unwrap();
    window.changes(&before, "it says that the service is paused").await;
    window.keep("paused");
    window.close().await;
    // Also without a word from the server the newest revision is known.
    let window =
        helper.screen.widget(&helper.customer, &helper.folder, "Roadrunner – beep", ACCENT).await;
    window.keep("opened-again");
    window.close().await;
    helper.desk.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_script_kept_the_window_sends_once() {
    let mut helper = Helper::open().await;
    let socket = helper.desk.server.socket();
    helper.desk.server.terminate();
    helper.desk.server.ends_within(BOUND).await;
    let data = helper.customer.home().join("widget-data");
    let words = [
        "--data-dir",
        data.to_str().unwrap(),
        "submit",
        "--email",
        "cy@acme.example",
        "--description",
    ];
    let words = [&words[..], &["The server room is flooded.", "--json"]].concat();
    let ended = helper.customer.run(helper.folder.join("deskbell-widget"), &words, "");
    assert_eq!(ended.status, 3, "{ended:?}");
    assert_eq!(ended.json()[0], serde_json::json!({ "kept": true, "ticket": null }));
    assert!(ended.complaint.contains("is kept and not sent yet"), "{ended:?}");

    helper.desk.server = helper.desk.host.serve_at(socket, &[]).await;
    for start in ["first", "second"] {
        let window =
            helper.screen.widget(&helper.customer, &helper.folder, "Acme help", ACCENT).await;
        let ticket = arrived(&helper.ana, 1).await;
        assert_eq!(ticket.description, "The server room is flooded.");
        window.keep(start);
        window.close().await;
    }
    assert_eq!(helper.ana.open_numbers().await, [1]);
    assert_eq!(helper.ana.event_kinds(1).await, ["submitted"]);
    helper.desk.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_says_that_help_is_still_needed() {
    let Helper { desk, ana, customer, folder, screen, .. } = Helper::open().await;
    ana.set_expiry(Some(Duration::from_mins(30))).await.expect("half an hour");
    let words = ["--email", "customer@acme.example", "--description", "It smokes.", "--no-facts"];
    let program = folder.join("deskbell-widget");
    let data = customer.home().join("widget-data");
    let data = ["--data-dir", data.to_str().expect("a path in UTF-8")];
    customer.run(&program, &[&data[..], &["submit"], &words[..]].concat(), "").good();
    let expires = async || {
        let time = ana.ticket(1).await.expect("a ticket").expire_time.expect("a time");
        (time.seconds, time.nanos)
    };
    let first = expires().await;
    let still_needed = [&data[..], &["ticket", "--still-needed"]].concat();
    let told = customer.run(&program, &still_needed, "").good().printed;
    assert!(told.contains("It expires at "), "{told}");
    let second = expires().await;
    assert!(second > first, "{second:?} after {first:?}");

    // From now on a ticket lives so long that nothing has to be said about it.
    ana.set_expiry(Some(Duration::from_hours(2))).await.expect("two hours");
    let window = screen.widget(&customer, &folder, "Acme help", ACCENT).await;
    window.press("Return").await;
    window.keep("expires-soon");
    // From the write box back over "cancel".
    window.press("shift+Tab").await;
    window.press("shift+Tab").await;
    window.press("space").await;
    eventually("the ticket expires later", BOUND, async || expires().await > second).await;
    assert_eq!(ana.event_kinds(1).await, ["submitted", "still_needed", "still_needed"]);
    window.keep("still-needed");
    window.close().await;
    desk.close();
}
