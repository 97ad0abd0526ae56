//! A customer's requests, rung from scripts: kept until they are sent, remembered as long as they
//! can be read, and always with the profile as it is by now.

use std::path::{Path, PathBuf};

use deskbell_proto::v1;
use deskbell_tests::desk::Desk;
use deskbell_tests::host::Database;
use deskbell_tests::setup::settings;
use deskbell_tests::shell::{Ended, Shell};
use deskbell_tests::staff::Staff;
use deskbell_tests::waiting::BOUND;

struct Customer {
    shell: Shell,
    program: PathBuf,
    data: PathBuf,
}

impl Customer {
    async fn of(desk: &Desk, ana: &Staff, group: &v1::Group) -> (Self, v1::Profile) {
        let mut settings = settings("Acme", &[group]);
        settings.fallback =
            Some(v1::FallbackContact { phone: "+49 30 1234567".to_owned(), ..Default::default() });
        let profile = ana.create_profile(settings).await.expect("a profile");
        let folder = Shell::of(ana, &desk.server).packaged(&profile);
        let shell = Shell::new();
        let data = shell.home().join("data");
        (Self { shell, program: folder.join("deskbell-widget"), data }, profile)
    }

    fn runs(&self, words: &[&str]) -> Ended {
        let data = self.data.to_str().expect("a path in UTF-8");
        self.shell.run(&self.program, &[&["--data-dir", data], words].concat(), "")
    }

    fn rings(&self, text: &str, more: &[&str]) -> Ended {
        let words = ["submit", "--no-facts", "--email", "eva@acme.example", "--description", text];
        self.runs(&[&words[..], more].concat())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_start_delivers_what_is_kept() {
    let mut desk = Desk::open(Database::Sqlite).await;
    let ana = desk.admin("ana").await;
    let support = ana.group_of("Support", &[&ana]).await;
    let (customer, _) = Customer::of(&desk, &ana, &support).await;
    let socket = desk.server.socket();
    for start in [&["manifest", "show"][..], &["tickets"], &["ticket"]] {
        customer.rings("Before.", &[]).good();
        desk.server.terminate();
        desk.server.ends_within(BOUND).await;
        let kept = customer.rings("While it was away.", &[]);
        assert_eq!(kept.status, 3, "{kept:?}");
        desk.server = desk.host.serve_at(socket, &[]).await;
        let before = ana.open_numbers().await.len();
        customer.runs(start).good();
        assert_eq!(ana.open_numbers().await.len(), before + 1, "{start:?}");
    }
    desk.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_request_does_not_forget_the_first() {
    let desk = Desk::open(Database::Sqlite).await;
    let ana = desk.admin("ana").await;
    let support = ana.group_of("Support", &[&ana]).await;
    let (customer, _) = Customer::of(&desk, &ana, &support).await;
    customer.rings("The printer.\nIt smokes.", &[]).good();
    customer.rings("The \u{202e}scanner.", &[]).good();
    ana.reply(&ana.ticket(1).await.unwrap(), "Which printer?").await.unwrap();
    let shown = customer.runs(&["ticket", "1"]).good().printed;
    assert!(shown.contains("Which printer?"), "{shown}");
    let listed = customer.runs(&["tickets"]).good().printed;
    let lines: Vec<_> = listed.lines().map(str::trim).collect();
    assert_eq!(lines.len(), 2, "{listed}");
    assert!(lines[0].starts_with("2  new") && !lines[0].contains('\u{202e}'), "{listed}");
    assert_eq!(lines[1], "1  answered     The printer.");
    ana.close(&ana.ticket(1).await.unwrap()).await.unwrap();
    let tickets = customer.runs(&["tickets", "--json"]).good().json();
    assert_eq!(tickets[1]["state"], "TICKET_STATE_CLOSED", "ended ones can be read, too");
    desk.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ringing_follows_the_profile() {
    let desk = Desk::open(Database::Sqlite).await;
    let ana = desk.admin("ana").await;
    let [support, sales] =
        [ana.group_of("Support", &[&ana]).await, ana.group_of("Sales", &[&ana]).await];
    let (customer, profile) = Customer::of(&desk, &ana, &support).await;
    customer.rings("One.", &[]).good();
    let unknown = customer.rings("Two.", &["--group", "sALES"]);
    assert!(unknown.complaint.contains("there is no \"sALES\""), "{unknown:?}");
    let saved = settings("Acme", &[&support, &sales]);
    let saved = ana.save_profile(&profile, saved).await.expect("it is saved");
    customer.rings("Two.", &["--group", "sALES"]).good();
    let ticket = ana.ticket(2).await.unwrap();
    assert_eq!(ticket.group.map(|group| group.id), Some(sales.id));
    ana.set_profile(&saved, v1::ProfileState::Revoked).await.expect("it is revoked");
    let revoked = customer.rings("Three.", &[]);
    assert!(revoked.status != 0 && revoked.complaint.contains("no longer valid"), "{revoked:?}");
    desk.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_takes_nothing_keeps_no_request_from_going_out() {
    let mut desk = Desk::open(Database::Sqlite).await;
    let ana = desk.admin("ana").await;
    let support = ana.group_of("Support", &[&ana]).await;
    let (customer, _) = Customer::of(&desk, &ana, &support).await;
    customer.rings("One.", &[]).good();
    // What is no folder takes no file, whoever asks.
    let profiles = customer.data.join("profiles");
    let of_profile = std::fs::read_dir(profiles).expect("it ran").flatten().next();
    let requests = of_profile.expect("a folder of its own").path().join("requests");
    std::fs::remove_dir_all(&requests).expect("it was there");
    std::fs::write(&requests, "").expect("a file in its place");
    let sent = customer.rings("Two.", &[]).good();
    assert!(sent.complaint.contains("could not remember the request"), "{sent:?}");
    assert_eq!(ana.ticket(2).await.unwrap().description, "Two.");
    desk.server.terminate();
    desk.server.ends_within(BOUND).await;
    let lost = customer.rings("Three.", &[]);
    assert_eq!(lost.status, 1);
    for words in ["could neither be kept", "ring again", "+49 30 1234567"] {
        assert!(lost.complaint.contains(words), "{lost:?}");
    }
    assert!(Path::new(&requests).is_file());
}
