//! What people type: limits in code points with the field named, and hostile text that is inert in
//! every place.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use deskbell_proto::client::request_id;
use deskbell_proto::problem::Problem;
use deskbell_proto::v1::{self, GroupVisibility};
use deskbell_tests::customer::{call_for_help, new_secret};
use deskbell_tests::for_both_databases;
use deskbell_tests::host::{Database, run};
use deskbell_tests::programs;
use deskbell_tests::scene::Scene;
use deskbell_tests::server::Server;
use deskbell_tests::staff::{Staff, refused, refused_field};
use tonic::Code;

for_both_databases! {
    limits_are_counted_in_code_points,
    hostile_text_is_inert_everywhere,
    nul_and_its_kind_break_nothing,
}

/// One character to a reader, of four bytes.
fn long(length: usize) -> String {
    "😀".repeat(length)
}

async fn limits_are_counted_in_code_points(database: Database) {
    let Scene { desk, ana, bo, sales, widget, .. } = Scene::open(database).await;
    let call = || call_for_help(&new_secret(), "Good.");
    let facts = |facts: &[(String, String)]| facts.iter().cloned().collect::<BTreeMap<_, _>>();
    let many: Vec<_> = (0..21).map(|n| (n.to_string(), "x".to_owned())).collect();
    let fits = v1::SubmitTicketRequest {
        title: long(120),
        description: long(10_000),
        email: format!(
            "{}@{}.example",
            "a".repeat(64),
            ["b".repeat(60), "c".repeat(60), "d".repeat(49)].join(".")
        ),
        facts: facts(&many[..20]),
        ..call()
    };
    let number = widget.submit(fits.clone()).await.unwrap().number;
    let ticket = ana.ticket(number).await.unwrap();
    assert_eq!(
        (ticket.description, ticket.title, ticket.requester),
        (long(10_000), long(120), fits.email)
    );
    let fact = facts(&[(long(40), long(200))]);
    widget.submit(v1::SubmitTicketRequest { facts: fact, ..call() }).await.unwrap();
    let blank = ["", "   ", "\n\t\n", "\u{200b}\u{feff}\u{2060}", "\u{3164}", "\u{202e}\u{200f}"];
    for description in blank {
        let request = v1::SubmitTicketRequest { description: description.to_owned(), ..call() };
        assert_eq!(refused_field(widget.submit(request).await), "description", "{description:?}");
    }
    for (field, request) in [
        ("description", v1::SubmitTicketRequest { description: long(10_001), ..call() }),
        ("title", v1::SubmitTicketRequest { title: long(121), ..call() }),
        ("title", v1::SubmitTicketRequest { title: "two\nlines".to_owned(), ..call() }),
        ("title", v1::SubmitTicketRequest { title: "trailing\n".to_owned(), ..call() }),
        ("email", v1::SubmitTicketRequest { email: String::new(), ..call() }),
        (
            "email",
            v1::SubmitTicketRequest {
                email: "x@y.example\r\nBcc: z@y.example".to_owned(),
                ..call()
            },
        ),
        (
            "email",
            v1::SubmitTicketRequest {
                email: format!("{}@{}.example", "a".repeat(65), "b"),
                ..call()
            },
        ),
        (
            "email",
            v1::SubmitTicketRequest { email: format!("a@{}example", "bcd.".repeat(70)), ..call() },
        ),
        ("facts", v1::SubmitTicketRequest { facts: facts(&many), ..call() }),
        (
            "facts",
            v1::SubmitTicketRequest { facts: facts(&[(long(41), "x".to_owned())]), ..call() },
        ),
        (
            "facts",
            v1::SubmitTicketRequest { facts: facts(&[("x".to_owned(), long(201))]), ..call() },
        ),
        (
            "facts",
            v1::SubmitTicketRequest { facts: facts(&[(String::new(), "x".to_owned())]), ..call() },
        ),
        ("secret_hash", v1::SubmitTicketRequest { secret_hash: vec![1; 31], ..call() }),
        ("secret_hash", v1::SubmitTicketRequest { secret_hash: Vec::new(), ..call() }),
    ] {
        assert_eq!(refused_field(widget.submit(request).await), field);
    }
    // International addresses are addresses.
    for email in ["jörg@bücher.example", "用户@例子.example"] {
        let request = v1::SubmitTicketRequest { email: email.to_owned(), ..call() };
        let number = widget.submit(request).await.unwrap().number;
        assert_eq!(ana.ticket(number).await.unwrap().requester, email);
    }

    let customer = widget.ring(Some(&sales), "A conversation.\n").await;
    let ticket = bo.take(&bo.ticket(customer.number).await.unwrap()).await.unwrap();
    assert_eq!(ticket.description, "A conversation.\n", "a trailing newline loses nothing");
    for wrong in blank.iter().map(|&blank| blank.to_owned()).chain([long(10_001)]) {
        assert_eq!(refused_field(bo.reply(&ticket, &wrong).await), "text");
        assert_eq!(refused_field(bo.note(&ticket, &wrong).await), "text");
        assert_eq!(refused_field(customer.write(&wrong).await), "text");
    }
    let ticket = bo.reply(&ticket, &long(10_000)).await.unwrap();
    bo.note(&ticket, "\tTabs,\r\nlines,\n\nand the end\n").await.unwrap();
    assert_eq!(
        bo.messages(customer.number).await.unwrap()[1].text,
        "\tTabs,\nlines,\n\nand the end\n"
    );
    for (wrong, shown) in
        [(long(81), "too long"), (String::new(), "empty"), ("a\tb".to_owned(), "a tab")]
    {
        assert_eq!(
            refused_field(ana.create_group(&wrong, GroupVisibility::Public).await),
            "name",
            "{shown}"
        );
        let team = v1::Team { name: wrong, ..Default::default() };
        assert_eq!(refused_field(ana.update_team(team, &["name"]).await), "team.name", "{shown}");
    }
    assert_eq!(ana.create_group(&long(80), GroupVisibility::Public).await.unwrap().name, long(80));
    let searched = v1::ListTicketsRequest { contains: long(201), ..Default::default() };
    assert_eq!(refused_field(ana.list(searched).await), "contains");
    let team = v1::Team::default();
    for mask in [&[][..], &["version"], &["no_such_field"]] {
        assert_eq!(
            refused_field(ana.update_team(team.clone(), mask).await),
            "update_mask",
            "{mask:?}"
        );
    }
    desk.close();
}

/// What strangers try with terminals: clipboard, links, colours, the title, C1, overrides, things
/// that cannot be seen.
pub(crate) const HOSTILE: &str = "\u{1b}]52;c;ZXZpbA==\u{7}\u{1b}]8;;https://evil.example\u{1b}\\link\u{1b}]8;;\u{1b}\\\
    \u{1b}[2J\u{1b}[31mred\u{1b}P1$r\u{1b}\\\u{1b}_apc\u{1b}\\\u{9b}31m\u{9d}0;title\u{9c}\u{85}\
    \u{202e}gnp.exe\u{202c}\u{2066}\u{2069}\u{200b}\u{feff}\u{13430}\u{fff9}\r\u{8}\u{7f}\u{b}\u{c}\u{e}\u{1b}]0;unterminated";

/// Runs `deskbell` as this person.
fn deskbell(server: &Server, staff: &Staff, words: &[&str]) -> String {
    let mut command = Command::new(programs::operator());
    command.args(words);
    as_person(&mut command, server, staff);
    let output = run(&mut command, "");
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn as_person(command: &mut Command, server: &Server, staff: &Staff) {
    for name in ["DESKBELL_CONTEXT", "DESKBELL_CONFIG_DIR"] {
        command.env_remove(name);
    }
    command.env("DESKBELL_SERVER", server.address());
    command.env("DESKBELL_TOKEN", &staff.token);
    command.env("DESKBELL_FINGERPRINT", server.fingerprint());
}

/// Nothing in it moves, colours or turns anything on a terminal.
pub(crate) fn assert_inert(what: &str, printed: &str) {
    let harmful = |c: char| {
        (c.is_control() && c != '\n' && c != '\t') || deskbell_proto::characters::is_hidden(c)
    };
    assert!(!printed.is_empty(), "{what} prints something");
    if let Some(found) = printed.chars().find(|&c| harmful(c)) {
        panic!("{what} prints {found:?}: {printed:?}");
    }
}

async fn hostile_text_is_inert_everywhere(database: Database) {
    let Scene { desk, ana, bo, sales, widget, .. } = Scene::open(database).await;
    let mut watch = bo.watch().opened().await;
    let mut shown = Command::new(programs::operator());
    shown.args(["watch", "--json"]);
    as_person(&mut shown, &desk.server, &bo);
    shown.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::null());
    let mut shown = tokio::process::Command::from(shown).kill_on_drop(true).spawn().unwrap();
    let mut lines = {
        use tokio::io::AsyncBufReadExt as _;
        tokio::io::BufReader::new(shown.stdout.take().unwrap()).lines()
    };
    let mut next_line = async || {
        let line = tokio::time::timeout(Duration::from_secs(30), lines.next_line())
            .await
            .expect("a line in time");
        line.unwrap().expect("a line")
    };
    assert!(next_line().await.contains("snapshot"));

    let overrides = "\u{202e}desrever\u{202c} \u{2066}isolated\u{2069}";
    let request = v1::SubmitTicketRequest {
        group_id: sales.id.clone(),
        title: overrides.to_owned(),
        facts: BTreeMap::from([("os".to_owned(), overrides.to_owned())]),
        ..call_for_help(&new_secret(), HOSTILE)
    };
    let secret = new_secret();
    let request =
        v1::SubmitTicketRequest { secret_hash: call_for_help(&secret, "").secret_hash, ..request };
    let number = widget.submit(request).await.unwrap().number;
    let customer = widget.customer(secret, number);
    customer.write(HOSTILE).await.unwrap();
    // Without a title the description's first line stands in.
    let untitled = widget.ring(Some(&sales), HOSTILE).await.number;
    let seen = watch.until_sees(untitled).await;
    for number in [number, untitled] {
        let ticket = &seen.view.tickets()[&number];
        let controls = |text: &str| text.chars().any(|c| c.is_control() && c != '\n' && c != '\t');
        assert!(!controls(&ticket.description) && !controls(&ticket.title), "{ticket:?}");
        assert!(
            ticket.description.contains("␛]52;c;"),
            "shown, not swallowed: {:?}",
            ticket.description
        );
    }
    // What operators are called is not always kind either.
    ana.create_group("\u{202e}Gnp", GroupVisibility::Public).await.unwrap();
    bo.note(&bo.ticket(number).await.unwrap(), HOSTILE).await.unwrap();
    bo.reply(&bo.ticket(number).await.unwrap(), HOSTILE).await.unwrap();
    let answered = customer.ticket().await.unwrap();
    assert!(
        answered.messages.iter().all(|m| !m.text.contains('\u{1b}') && !m.text.contains('\u{9b}'))
    );

    let number = number.to_string();
    for words in [
        &["ticket", "list"][..],
        &["ticket", "list", "--json"],
        &["ticket", "show", &number],
        &["ticket", "show", &number, "--json"],
        &["ticket", "log", &number],
        &["ticket", "log", &number, "--json"],
        &["group", "list"],
        &["group", "list", "--json"],
    ] {
        assert_inert(&words.join(" "), &deskbell(&desk.server, &bo, words));
    }
    bo.close(&bo.ticket(untitled).await.unwrap()).await.unwrap();
    for words in [&["history"][..], &["history", "--json"]] {
        assert_inert(&words.join(" "), &deskbell(&desk.server, &bo, words));
    }
    let json: serde_json::Value =
        serde_json::from_str(&deskbell(&desk.server, &bo, &["ticket", "show", &number, "--json"]))
            .unwrap();
    assert_eq!(json["ticket"]["title"], overrides, "in JSON the text is whole");
    loop {
        let line = next_line().await;
        assert_inert("watch --json", &line);
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert!(value["cursor"].is_string(), "{value}");
        if value["change"]["kind"] == "closed" {
            break;
        }
    }
    shown.kill().await.unwrap();
    // What a server says about what was typed is shown by programs, too.
    let mut command = Command::new(programs::operator());
    command.args(["ticket", "assign", &number, "--group", HOSTILE.trim_end_matches('\0')]);
    as_person(&mut command, &desk.server, &bo);
    let output = run(&mut command, "");
    assert!(!output.status.success());
    assert_inert("a refusal", &String::from_utf8_lossy(&output.stderr));
    desk.close();
}

async fn nul_and_its_kind_break_nothing(database: Database) {
    let Scene { desk, ana, bo, sales, profile, widget, .. } = Scene::open(database).await;
    let nul = "a\0b";
    let number = widget.ring(Some(&sales), nul).await.number;
    assert_eq!(ana.ticket(number).await.unwrap().description, "a␀b", "shown as its picture");
    let call = || call_for_help(&new_secret(), "Good.");
    for (field, request) in [
        ("title", v1::SubmitTicketRequest { title: nul.to_owned(), ..call() }),
        ("email", v1::SubmitTicketRequest { email: format!("{nul}@x.example"), ..call() }),
        (
            "facts",
            v1::SubmitTicketRequest {
                facts: BTreeMap::from([(nul.to_owned(), String::new())]),
                ..call()
            },
        ),
        (
            "facts",
            v1::SubmitTicketRequest {
                facts: BTreeMap::from([("k".to_owned(), nul.to_owned())]),
                ..call()
            },
        ),
    ] {
        assert_eq!(refused_field(widget.submit(request).await), field);
    }
    let stray = v1::Group { id: nul.to_owned(), ..Default::default() };
    let arrived = widget.ring(Some(&stray), "Help.").await.number;
    assert_eq!(ana.ticket(arrived).await.unwrap().group, None);
    let seen = bo.ticket(number).await.unwrap();
    assert_eq!(refused_field(bo.take_with("nul\0nul\0nul", &seen).await), "request_id");
    assert_eq!(refused_field(ana.create_group(nul, GroupVisibility::Public).await), "name");
    assert_eq!(refused(ana.rename_group(&stray, "x").await).0, Code::NotFound);
    assert_eq!(refused(ana.remove_member(nul).await).0, Code::NotFound);
    assert_eq!(
        refused(ana.profile_now(&v1::Profile { id: nul.to_owned(), ..profile }).await).0,
        Code::NotFound
    );
    assert_eq!(
        refused_field(ana.add_member(&format!("{nul}@x.example"), true, false).await),
        "email"
    );
    assert_eq!(refused(desk.try_sign_in(nul, nul).await).0, Code::Unauthenticated);
    assert_eq!(refused(desk.try_sign_in(&ana.email, nul).await).0, Code::Unauthenticated);
    assert_eq!(refused(desk.redeem(nul, nul, nul).await).0, Code::Unauthenticated);
    let label = v1::SignInRequest {
        email: ana.email.clone(),
        password: "x".to_owned(),
        label: nul.to_owned(),
        device_token: nul.to_owned(),
    };
    let outcome = desk.server.connect().account().sign_in(label).await.map_err(Problem::from);
    assert_eq!(refused_field(outcome), "label");
    let invitation = v1::AnswerInvitationRequest {
        request_id: request_id(),
        invitation_id: nul.to_owned(),
        accept: true,
        code: nul.to_owned(),
    };
    let outcome = bo.client.account().answer_invitation(invitation).await.map_err(Problem::from);
    assert_eq!(refused(outcome).0, Code::NotFound);
    let found = v1::ListTicketsRequest { contains: nul.to_owned(), ..Default::default() };
    assert_eq!(ana.list(found).await.unwrap(), []);
    let problem = bo.watch_after(nul).end().await;
    assert_eq!(problem.code, Code::OutOfRange);
    for number in [0, -1, i64::MAX, i64::MIN] {
        assert_eq!(refused(bo.ticket(number).await).0, Code::NotFound);
    }
    for version in [i64::MAX, i64::MIN, -1] {
        let code = refused(bo.take(&v1::Ticket { version, ..seen.clone() }).await).0;
        assert!(matches!(code, Code::Aborted | Code::InvalidArgument), "{version}: {code:?}");
    }
    desk.close();
}
