//! `deskbell` as scripts use it: words, exit codes, JSON, CSV, and what it says when something is
//! wrong.

use std::collections::BTreeSet;

use deskbell_proto::{json, v1};
use deskbell_tests::customer::{call_for_help, new_secret};
use deskbell_tests::desk::Desk;
use deskbell_tests::host::{Database, Host, PASSWORD};
use deskbell_tests::programs;
use deskbell_tests::shell::Shell;
use deskbell_tests::staff::{Staff, To, refused_field};
use deskbell_tests::waiting::{BOUND, eventually};
use serde_json::{Value, json};

/// Runs `deskbell` with this on its standard input.
fn deskbell(shell: &Shell, words: &[&str], input: &str) -> deskbell_tests::shell::Ended {
    shell.run(programs::operator(), words, input)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_main_job_as_commands() {
    let desk = Desk::open(Database::Sqlite).await;
    desk.host.account("ana@desk.example", "Ana");
    let (ana, bo) = (Shell::new(), Shell::new());
    let (address, fingerprint) = (desk.server.address(), desk.server.fingerprint());
    let login = |shell: &Shell, email| {
        let words =
            ["login", address, "--email", email, "--fingerprint", fingerprint, "--password-stdin"];
        deskbell(shell, &words, PASSWORD).good();
    };
    login(&ana, "ana@desk.example");
    ana.deskbell(&["team", "activate", "Acme Support"]).good();
    let words = ["--json", "member", "add", "bo@desk.example", "--name", "Bo Berg", "--operator"];
    let added = ana.deskbell(&words).good().json();
    let code = added[0]["code"].as_str().expect("a code to pass on").to_owned();
    let words = [
        "redeem",
        address,
        "--email",
        "bo@desk.example",
        "--fingerprint",
        fingerprint,
        "--code",
        &code,
    ];
    deskbell(&bo, &[&words[..], &["--password-stdin"]].concat(), PASSWORD).good();
    login(&bo, "bo@desk.example");
    for group in ["Sales", "Support"] {
        ana.deskbell(&["group", "create", group]).good();
    }
    ana.deskbell(&["group", "add-operator", "Sales", "bo@desk.example"]).good();
    let words =
        ["profile", "create", "--name", "Acme", "--product-name", "Acme help", "--group", "Sales"];
    ana.deskbell(&words).good();
    let folder = {
        let settings = v1::ProfileSettings { name: "Acme".to_owned(), ..Default::default() };
        ana.packaged(&v1::Profile { settings: Some(settings), ..Default::default() })
    };

    let customer = Shell::new();
    let words = [
        "submit",
        "--group",
        "Sales",
        "--email",
        "cy@acme.example",
        "--description",
        "-",
        "--json",
    ];
    let answer = customer
        .run(folder.join("deskbell-widget"), &words, "The printer is on fire.\n")
        .good()
        .json();
    assert_eq!((&answer[0]["kept"], &answer[0]["ticket"]["number"]), (&json!(false), &json!(1)));

    let picked = bo.deskbell(&["ticket", "next"]).good().printed;
    assert!(picked.contains("The printer is on fire."), "{picked}");
    bo.deskbell(&["ticket", "priority", "1", "urgent"]).good();
    deskbell(&bo, &["ticket", "reply", "1", "-"], "Step back, please.\n").good();
    bo.deskbell(&["ticket", "note", "1", "Sounds serious."]).good();
    let shown = bo.deskbell(&["ticket", "show", "1"]).good().printed;
    for text in [
        "The printer is on fire.",
        "Step back, please.",
        "Sounds serious.",
        "urgent",
        "Bo Berg",
        "Sales",
    ] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    bo.deskbell(&["ticket", "assign", "1", "--group", "Support"]).good();
    assert_eq!(bo.deskbell(&["ticket", "show", "1"]).status, 4, "it is no longer for bo to see");
    ana.deskbell(&["ticket", "close", "1"]).good();
    ana.deskbell(&["ticket", "reopen", "1"]).good();
    ana.deskbell(&["ticket", "close", "1"]).good();
    let log = ana.deskbell(&["--json", "ticket", "log", "1"]).good().json();
    let kinds: Vec<_> = log.iter().filter_map(|event| event["kind"].as_str()).collect();
    let expected = [
        "submitted",
        "taken",
        "priority",
        "replied",
        "noted",
        "assigned",
        "closed",
        "reopened",
        "closed",
    ];
    assert_eq!(kinds, expected);
    let assigned = serde_json::json!(
        {"operator": "", "former_operator": "Bo Berg", "group": "Support", "former_group": "Sales"}
    );
    assert_eq!(log[5]["details"], assigned);
    let log = ana.deskbell(&["ticket", "log", "1"]).good().printed;
    assert!(log.contains("former group: Sales, former operator: Bo Berg, group: Support"), "{log}");
    let history = bo.deskbell(&["history"]).good().printed;
    assert!(history.contains("The printer is on fire."), "bo handled it: {history}");
    // The device's token stays when the session ends, and is the one of the next.
    let device_token = |shell: &Shell| {
        let kept = std::fs::read_to_string(shell.home().join("deskbell/contexts.toml")).unwrap();
        let line = kept.lines().find(|line| line.starts_with("device_token = "));
        line.expect("a token").to_owned()
    };
    let kept = device_token(&bo);
    bo.deskbell(&["logout"]).good();
    assert_eq!(bo.deskbell(&["whoami"]).status, 3);
    login(&bo, "bo@desk.example");
    assert_eq!(device_token(&bo), kept);
    desk.close();
}

/// A desk with an admin, an operator and a ticket.
async fn desk_with_a_ticket() -> (Desk, Staff, Staff) {
    let desk = Desk::open(Database::Sqlite).await;
    let ana = desk.admin("ana").await;
    let bo = desk.operator(&ana, "bo").await;
    let sales = ana.group_of("Sales", &[&bo]).await;
    let profile = ana.profile("Acme", &[&sales]).await;
    ana.widget(&desk.server, &profile).await.ring(Some(&sales), "The printer is on fire.").await;
    (desk, ana, bo)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exit_codes_are_as_documented() {
    let (desk, ana, bo) = desk_with_a_ticket().await;
    let (admin, operator, nobody) =
        (Shell::of(&ana, &desk.server), Shell::of(&bo, &desk.server), Shell::new());
    operator.deskbell(&["ticket", "take", "1"]).good();
    let table: &[(&Shell, &[&str], i32)] = &[
        (&admin, &["whoami"], 0),
        (&admin, &["ticket", "list", "--state", "burning"], 2),
        (&admin, &["no-such-word"], 2),
        (&nobody, &["whoami"], 3),
        (&operator, &["group", "create", "Mine"], 3),
        (&operator, &["ticket", "show", "99"], 4),
        (&operator, &["ticket", "close", "99"], 4),
        (&admin, &["group", "create", "sales"], 5),
        (&admin, &["ticket", "close", "1", "--version", "1"], 5),
        (&admin, &["group", "create", " "], 7),
        (&operator, &["ticket", "reply", "1", "\u{200b}"], 7),
    ];
    for (shell, words, status) in table {
        let ended = shell.deskbell(words);
        assert_eq!(ended.status, *status, "{words:?}: {ended:?}");
        assert_eq!(ended.complaint.is_empty(), *status == 0, "{words:?}: {ended:?}");
        assert!(*status == 0 || ended.printed.is_empty(), "{words:?}: {ended:?}");
        let ended = shell.deskbell(&[&["--json"], *words].concat());
        assert_eq!(ended.status, *status, "--json {words:?}: {ended:?}");
        if *status > 2 {
            let error: Value = serde_json::from_str(&ended.complaint).expect("one JSON object");
            assert_eq!(error["error"]["exit_code"], json!(status), "{error}");
            assert!(
                error["error"]["text"].as_str().is_some_and(|text| !text.is_empty()),
                "{error}"
            );
        }
    }
    let stale = admin.deskbell(&["ticket", "close", "1", "--version", "1"]).complaint;
    assert!(stale.contains("bo"), "whoever lost learns to whom: {stale}");

    bo.sign_out(false).await.unwrap();
    let ended = operator.deskbell(&["ticket", "list"]);
    assert_eq!(ended.status, 3, "{ended:?}");
    let Desk { server, host } = desk;
    server.kill();
    let ended = admin.deskbell(&["ticket", "list"]);
    assert_eq!(ended.status, 6, "{ended:?}");
    host.verify();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_has_the_contracts_names_and_values() {
    let (desk, ana, bo) = desk_with_a_ticket().await;
    let shell = Shell::of(&bo, &desk.server);
    let names = |message: &str| -> BTreeSet<String> {
        let descriptor = json::descriptors()
            .unwrap()
            .get_message_by_name(&format!("deskbell.v1.{message}"))
            .unwrap();
        descriptor.fields().map(|field| field.name().to_owned()).collect()
    };
    let fields =
        |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<String>>();
    let listed = shell.deskbell(&["--json", "ticket", "list"]).good().json();
    let known = bo.ticket(1).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert!(fields(&listed[0]).is_subset(&names("Ticket")), "{}", listed[0]);
    assert_eq!(json::from_value::<v1::Ticket>(listed[0].clone()).unwrap(), known);
    assert_eq!(listed[0]["state"], json!("TICKET_STATE_NEW"));

    let shown = shell.deskbell(&["--json", "ticket", "show", "1"]).good().json();
    assert!(fields(&shown[0]).is_subset(&names("GetTicketResponse")), "{}", shown[0]);
    let taken = shell.deskbell(&["--json", "ticket", "take", "1"]).good().json();
    assert!(fields(&taken[0]).is_subset(&names("TakeTicketResponse")), "{}", taken[0]);
    let me = shell.deskbell(&["--json", "whoami"]).good().json();
    assert!(fields(&me[0]).is_subset(&names("WhoAmIResponse")), "{}", me[0]);
    let admin = Shell::of(&ana, &desk.server);
    for (words, message) in [
        (["member", "list"], "Member"),
        (["group", "list"], "Group"),
        (["profile", "list"], "Profile"),
    ] {
        let listed = admin.deskbell(&[&["--json"], &words[..]].concat()).good().json();
        assert!(!listed.is_empty(), "{words:?}");
        for value in listed {
            assert!(fields(&value).is_subset(&names(message)), "{words:?}: {value}");
        }
    }
    desk.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_goes_on_where_it_stopped() {
    let (desk, _, bo) = desk_with_a_ticket().await;
    let shell = Shell::of(&bo, &desk.server);
    let frames = |printed: String| -> Vec<Value> {
        let whole = printed.rfind('\n').map_or("", |end| &printed[..end]).to_owned();
        whole
            .lines()
            .filter(|line| line.starts_with('{'))
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let first = shell.start(&programs::operator(), &["watch", "--json"]);
    eventually("a snapshot", BOUND, async || !frames(first.printed()).is_empty()).await;
    let ticket = bo.take(&bo.ticket(1).await.unwrap()).await.unwrap();
    eventually("the change", BOUND, async || frames(first.printed()).len() == 2).await;
    let seen = frames(first.printed());
    assert_eq!(seen[0]["snapshot"]["tickets"][0]["number"], json!(1));
    assert_eq!(seen[1]["change"]["kind"], json!("taken"));
    drop(first);

    let ticket = bo.prioritise(&ticket, v1::Priority::High).await.unwrap();
    bo.reply(&ticket, "Step back, please.").await.unwrap();
    let after = seen[1]["cursor"].as_str().unwrap();
    let second = shell.start(&programs::operator(), &["watch", "--json", "--after", after]);
    eventually("what happened in between", BOUND, async || frames(second.printed()).len() == 2)
        .await;
    let seen = frames(second.printed());
    let kinds: Vec<_> =
        seen.iter().map(|frame| frame["change"]["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["priority", "replied"], "no gap, no repeat, no snapshot");
    desk.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_are_narrowed_by_day_and_by_whom_nobody_has() {
    let (desk, ana, _) = desk_with_a_ticket().await;
    let shell = Shell::of(&ana, &desk.server);
    let listed = |words: &[&str]| shell.deskbell(&[words, &["--json"]].concat()).good().json();
    let unassigned = ["ticket", "list", "--unassigned"];
    let none = listed(&unassigned).len();
    ana.assign(&ana.ticket(1).await.unwrap(), To::nobody()).await.unwrap();
    assert_eq!(listed(&unassigned).len(), none + 1);
    ana.close(&ana.ticket(1).await.unwrap()).await.unwrap();
    let day = |words: &[&str]| listed(&[&["history"], words].concat()).len();
    let years = ["--since", "2000-01-01", "--until", "2999-12-31"];
    assert_eq!((day(&years), day(&["--until", "2000-01-01"])), (1, 0));
    assert_eq!((day(&["--since", "2999-12-31"]), day(&["--since", "2000-01-01"])), (0, 1));
    let open = v1::ListTicketsRequest {
        ended_since: Some(prost_types::Timestamp::default()),
        ..Default::default()
    };
    assert_eq!(refused_field(ana.list(open).await), "ended_since");
    let wrong = shell.deskbell(&["history", "--since", "yesterday"]);
    assert_eq!(wrong.status, 2, "{wrong:?}");
    desk.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exported_history_is_inert_in_a_spreadsheet() {
    let (desk, ana, _) = desk_with_a_ticket().await;
    let profile = ana.profile("Formulas", &[]).await;
    let widget = ana.widget(&desk.server, &profile).await;
    let texts = [
        "=HYPERLINK(\"https://evil.example\")",
        "+49 30 1",
        "-1+2",
        "@SUM(A1)",
        "plain, \"quoted\"\nand broken",
    ];
    for text in texts {
        let request = v1::SubmitTicketRequest {
            title: text.lines().next().unwrap().to_owned(),
            ..call_for_help(&new_secret(), text)
        };
        let submitted = widget.submit(request).await.unwrap();
        ana.close(&ana.ticket(submitted.number).await.unwrap()).await.unwrap();
    }
    let csv = Shell::of(&ana, &desk.server).deskbell(&["history", "--csv"]).good().printed;
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let column =
        |name: &str| reader.headers().unwrap().iter().position(|head| head == name).unwrap();
    let (title, description) = {
        let mut column = column;
        (column("title"), column("description"))
    };
    let mut read: Vec<(String, String)> = reader
        .records()
        .map(|record| {
            record.map(|record| (record[title].to_owned(), record[description].to_owned())).unwrap()
        })
        .collect();
    read.reverse();
    let expected =
        |text: &str| if text.starts_with("plain") { text.to_owned() } else { format!("'{text}") };
    for ((title, description), text) in read.iter().zip(texts) {
        assert_eq!(*description, expected(text));
        assert_eq!(*title, expected(text.lines().next().unwrap()));
    }
    assert_eq!(read.len(), texts.len());
    desk.close();
}

#[test]
fn completions_and_the_manual() {
    let shell = Shell::new();
    for name in ["bash", "zsh", "fish"] {
        let script = shell.deskbell(&["completions", name]).good().printed;
        for word in ["deskbell", "queue", "package", "reopen"] {
            assert!(script.contains(word), "{name}: {word}");
        }
        if name == "bash" {
            shell.run("bash", &["-n"], &script).good();
        }
    }
    let page = shell.deskbell(&["man"]).good().printed;
    assert!(page.contains(".TH deskbell 1"), "{page}");
    let help = shell.deskbell(&["--help"]).good().printed;
    assert!(help.contains("Exit codes:") && help.contains("deskbell queue"), "{help}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_servers_certificate_is_refused() {
    let desk = Desk::open(Database::Sqlite).await;
    desk.host.account("ana@desk.example", "Ana");
    let shell = Shell::new();
    let (address, socket) = (desk.server.address().to_owned(), desk.server.socket());
    let fingerprint = desk.server.fingerprint().to_owned();
    let words = ["login", &address, "--email", "ana@desk.example", "--password-stdin"];
    // Nobody is there to accept a fingerprint.
    let ended = deskbell(&shell, &words, PASSWORD);
    assert_eq!(ended.status, 3, "{ended:?}");
    assert!(
        ended.complaint.contains(&fingerprint) && ended.complaint.contains("--fingerprint"),
        "{ended:?}"
    );
    let wrong = format!("sha256:{}", "00".repeat(32));
    let ended = deskbell(&shell, &[&words[..], &["--fingerprint", &wrong]].concat(), PASSWORD);
    assert_eq!(ended.status, 3, "{ended:?}");
    assert!(ended.complaint.contains("another fingerprint than expected"), "{ended:?}");
    deskbell(&shell, &[&words[..], &["--fingerprint", &fingerprint]].concat(), PASSWORD).good();
    shell.deskbell(&["whoami"]).good();

    // Somebody else answers at that address.
    desk.server.kill();
    let other = Host::new(Database::Sqlite);
    let _impostor = other.serve_at(socket, &[]).await;
    let ended = shell.deskbell(&["whoami"]);
    assert_ne!(ended.status, 0, "{ended:?}");
    assert!(ended.complaint.contains("certificate"), "{ended:?}");
}
