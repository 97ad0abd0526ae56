//! What is erased is gone: nobody who reads the database afterwards can confirm a guess at what
//! people wrote.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use deskbell_proto::client::request_id;
use deskbell_proto::v1;
use deskbell_tests::customer::{call_for_help, new_secret};
use deskbell_tests::desk::{Desk, email};
use deskbell_tests::host::{Database, Host};
use deskbell_tests::scene::Scene;
use deskbell_tests::staff::refused;
use deskbell_tests::waiting::{BOUND, eventually};
use prost::Message;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Row as _};
use tonic::Code;

use crate::copying::{hands_on, set_clock_forward, stopped};

const DESCRIPTION: &str = "The printer in the attic hums a tune.";
const ANSWER: &str = "Which tune would that be?";
const NOTE: &str = "Sounds like the attic again.";
const MESSAGE: &str = "Now it hums another one.";

/// What somebody who knows the words, and even how they were sent, may look for.
struct Guesses {
    /// Erasing takes these away.
    words: Vec<Vec<u8>>,
    /// The digest that a retry of the call for help is compared by; erasing takes it away.
    body: Vec<u8>,
    /// All other digests without a salt, which are nowhere from the beginning.
    digests: Vec<Vec<u8>>,
}

impl Guesses {
    async fn new(hands: &mut PgConnection, sent: &Sent) -> Self {
        let bodies = [
            ("WriteMessage", sent.message.encode_to_vec()),
            ("ReplyTicket", sent.answer.encode_to_vec()),
            ("NoteTicket", sent.note.encode_to_vec()),
        ];
        let mut digested: Vec<Vec<u8>> =
            bodies.iter().map(|(call, body)| [call.as_bytes(), &[0], body].concat()).collect();
        digested.extend(bodies.into_iter().map(|(_, body)| body));
        let texts = [DESCRIPTION, ANSWER, NOTE, MESSAGE, "customer@acme.example"];
        let words: Vec<_> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
        digested.extend(words.iter().cloned());
        digested.extend(
            [ANSWER, NOTE, MESSAGE].map(|text| format!(r#"{{"text":"{text}"}}"#).into_bytes()),
        );
        let mut digests = Vec::new();
        for bytes in digested {
            digests.push(sha256(hands, bytes).await);
        }
        let body = [b"SubmitTicket\0", sent.call.encode_to_vec().as_slice()].concat();
        Self { words, body: sha256(hands, body).await, digests }
    }
}

/// What people sent.
struct Sent {
    call: v1::SubmitTicketRequest,
    message: v1::WriteMessageRequest,
    answer: v1::ReplyTicketRequest,
    note: v1::NoteTicketRequest,
}

async fn sha256(hands: &mut PgConnection, bytes: Vec<u8>) -> Vec<u8> {
    sqlx::query_scalar("SELECT sha256($1)").bind(bytes).fetch_one(hands).await.unwrap()
}

/// Every row of every table as text; bytes are written as hexadecimal digits.
async fn rows_of(hands: &mut PgConnection) -> BTreeMap<String, String> {
    let sql = "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = \
        'public'::regnamespace";
    let mut all = BTreeMap::new();
    for table in sqlx::query(sql).fetch_all(&mut *hands).await.unwrap() {
        let name: String = table.get(0);
        let sql = AssertSqlSafe(format!("SELECT t::text FROM {name} t"));
        let rows: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut *hands).await.unwrap();
        all.insert(name, rows.join("\n"));
    }
    all
}

/// The tables in which bytes are found, as they are or as digits.
fn tables_with(rows: &BTreeMap<String, String>, bytes: &[u8]) -> Vec<String> {
    let (text, digits) = (String::from_utf8_lossy(bytes).replace('"', "\"\""), hex(bytes));
    let holds = |rows: &str| rows.contains(&*text) || rows.contains(&digits);
    rows.iter().filter(|(_, rows)| holds(rows)).map(|(name, _)| name.clone()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// The clock is set forward on PostgreSQL, whose time decisions go by; the host then moves to a
/// file, with all that is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guess_is_not_confirmed() {
    let Scene { desk, ana, bo, sales, widget, .. } = Scene::open(Database::Postgres).await;
    let secret = new_secret();
    let call = v1::SubmitTicketRequest {
        group_id: sales.id.clone(),
        ..call_for_help(&secret, DESCRIPTION)
    };
    let number = widget.submit(call.clone()).await.unwrap().number;
    let customer = widget.customer(secret, number);
    let taken = bo.take(&bo.ticket(number).await.unwrap()).await.unwrap();
    let sent = Sent {
        call: call.clone(),
        message: v1::WriteMessageRequest { request_id: request_id(), text: MESSAGE.to_owned() },
        answer: v1::ReplyTicketRequest {
            request_id: request_id(),
            number,
            version: taken.version,
            text: ANSWER.to_owned(),
        },
        note: v1::NoteTicketRequest {
            request_id: request_id(),
            number,
            version: 0,
            text: NOTE.to_owned(),
        },
    };
    // Twice each: a repeat is known, and another body under its id is refused.
    for _ in 0..2 {
        bo.client.queue().reply_ticket(sent.answer.clone()).await.unwrap();
        bo.client.queue().note_ticket(sent.note.clone()).await.unwrap();
        customer.client.assistance().write_message(sent.message.clone()).await.unwrap();
        assert_eq!(widget.submit(call.clone()).await.unwrap().number, number);
    }
    let other = v1::WriteMessageRequest { text: "Another.".to_owned(), ..sent.message.clone() };
    let status = customer.client.assistance().write_message(other).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let other = v1::SubmitTicketRequest { description: "Another.".to_owned(), ..call.clone() };
    assert_eq!(refused(widget.submit(other).await).0, Code::InvalidArgument);
    assert_eq!(bo.messages(number).await.unwrap().len(), 3);
    bo.close(&bo.ticket(number).await.unwrap()).await.unwrap();
    desk.try_sign_in(&email("eve"), "wrong").await.unwrap_err();
    ana.delete_group(&sales, 1).await.unwrap();

    let host = stopped(desk).await;
    let mut hands = hands_on(&host).await;
    let guesses = Guesses::new(&mut hands, &sent).await;
    let rows = rows_of(&mut hands).await;
    for words in &guesses.words {
        assert_eq!(tables_with(&rows, words), ["contents"], "{}", String::from_utf8_lossy(words));
    }
    assert_eq!(tables_with(&rows, &guesses.body), ["tickets"]);
    for digest in &guesses.digests {
        assert_eq!(tables_with(&rows, digest), Vec::<String>::new());
    }
    assert!(!rows["throttles"].is_empty() && !rows["throttles"].contains(&email("eve")));

    set_clock_forward(&host, 11).await;
    let desk = Desk::of(host).await;
    eventually("the ticket is erased", BOUND, async || {
        let sql = "SELECT COUNT(*) FROM tombstones";
        sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut hands).await.unwrap() == 1
    })
    .await;
    // A late retry is not compared with anything.
    let widget = widget.over(&desk.server.connect());
    let other = v1::SubmitTicketRequest { description: "Another.".to_owned(), ..call.clone() };
    for late in [call, other] {
        assert_eq!(refused(widget.submit(late).await).0, Code::NotFound);
    }
    desk.host.verify();
    let host = stopped(desk).await;
    let rows = rows_of(&mut hands).await;
    assert!(!rows["requests"].is_empty(), "requests are remembered longer than erasing takes");
    for guess in guesses.words.iter().chain([&guesses.body]).chain(&guesses.digests) {
        assert_eq!(tables_with(&rows, guess), Vec::<String>::new());
    }
    is_not_in_a_file(&host, &guesses);
}

/// Moves the host to a file, and looks at its bytes.
fn is_not_in_a_file(host: &Host, guesses: &Guesses) {
    let moved = host.moving_to(Database::Sqlite);
    let output = host.copy_to(&moved);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    moved.verify();
    let path = moved.database().strip_prefix("sqlite:").expect("a file");
    let bytes = std::fs::read(path).unwrap();
    for guess in guesses.words.iter().chain([&guesses.body]).chain(&guesses.digests) {
        for form in [guess.clone(), hex(guess).into_bytes()] {
            let found = bytes.windows(form.len()).any(|part| part == form);
            assert!(!found, "{}", String::from_utf8_lossy(&form));
        }
    }
}
