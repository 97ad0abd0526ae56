//! A host moves from one database to another: `deskbell-server copy`.

use std::collections::BTreeMap;
use std::process::{Command, Output, Stdio};
use std::str::FromStr as _;
use std::time::Duration;

use deskbell_proto::v1::{self, TicketState};
use deskbell_tests::customer::{Customer, Widget};
use deskbell_tests::desk::{Desk, email};
use deskbell_tests::for_both_databases;
use deskbell_tests::host::{Database, Host};
use deskbell_tests::programs;
use deskbell_tests::scene::Scene;
use deskbell_tests::staff::{Staff, refused};
use deskbell_tests::waiting::{BOUND, eventually};
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};
use tonic::Code;

use crate::hosting::serve;

for_both_databases! {
    nothing_is_added_to_what_is_there,
    a_served_host_is_not_copied,
    a_copy_killed_in_the_middle,
}

/// Tables that are not copied: what servers that live now do.
const LEFT: [&str; 2] = ["leases", "servers"];

/// The answer of a command that succeeded.
fn answer(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

/// The exit status of a command that did not, and what it complained about.
fn complaint(output: &Output) -> (i32, String) {
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let error: Value = serde_json::from_slice(&output.stderr).expect("one JSON object");
    (
        output.status.code().expect("not killed"),
        error["error"].as_str().expect("a sentence").to_owned(),
    )
}

/// Every row of every table of a file as SQLite itself writes them down, types and all.
async fn rows_of(host: &Host) -> BTreeMap<String, Vec<String>> {
    let file = host.database().strip_prefix("sqlite:").expect("a file");
    let mut connection = SqliteConnectOptions::new().filename(file).connect().await.unwrap();
    let sql = "SELECT t.name, group_concat('quote(' || c.name || ')', ' || '', '' || ') FROM \
        sqlite_master t \
               JOIN pragma_table_info(t.name) c WHERE t.type = 'table' GROUP BY t.name";
    let mut all = BTreeMap::new();
    for table in sqlx::query(sql).fetch_all(&mut connection).await.unwrap() {
        let (name, columns): (String, String) = (table.get(0), table.get(1));
        if LEFT.contains(&name.as_str()) {
            continue;
        }
        let sql = AssertSqlSafe(format!("SELECT {columns} AS line FROM {name} ORDER BY line"));
        let rows = sqlx::query(sql).fetch_all(&mut connection).await.unwrap();
        all.insert(name, rows.iter().map(|row| row.get(0)).collect());
    }
    connection.close().await.unwrap();
    all
}

/// Somebody with all rights on a host's PostgreSQL.
pub(crate) async fn hands_on(host: &Host) -> PgConnection {
    PgConnectOptions::from_str(host.database()).unwrap().connect().await.unwrap()
}

/// Asks a server to end, so that it takes itself off the list of those that live.
pub(crate) async fn stopped(desk: Desk) -> Host {
    let Desk { host, mut server } = desk;
    server.terminate();
    assert!(server.ends_within(BOUND).await.success());
    host
}

/// A host with something of everything in it, stopped, its people, and a customer.
struct Populated {
    host: Host,
    ana: Staff,
    bo: Staff,
    widget: Widget,
    customer: Customer,
}

impl Populated {
    /// Tickets in all states, two teams, words in many scripts, sessions, codes, invitations,
    /// throttles, tombstones.
    async fn new() -> Self {
        let Scene { desk, ana, bo, cy, sales, support, widget, .. } =
            Scene::open(Database::Postgres).await;
        let customer =
            widget.ring(Some(&sales), "O'Brien's \"printer\"\n\\x00 👩‍🚒 العربية \u{202e}").await;
        let taken = bo.take(&bo.ticket(1).await.unwrap()).await.unwrap();
        bo.reply(&taken, "Step back.").await.unwrap();
        customer.write("I did.").await.unwrap();
        bo.note(&bo.ticket(1).await.unwrap(), "Sounds serious; 100 % so.").await.unwrap();
        let answered = widget.ring(Some(&sales), "Answered.").await.number;
        bo.reply(&bo.ticket(answered).await.unwrap(), "So.").await.unwrap();
        widget.ring(Some(&support), "New.").await;
        widget.ring(None, "Nobody's.").await;
        let closed = widget.ring(Some(&support), "Closed.").await.number;
        cy.close(&cy.ticket(closed).await.unwrap()).await.unwrap();
        widget.ring(Some(&sales), "Cancelled.").await.cancel().await.unwrap();
        ana.set_expiry(Some(Duration::from_mins(1))).await.unwrap();
        let expired = widget.ring(Some(&sales), "Expired.").await.number;
        ana.set_expiry(None).await.unwrap();
        // A group whose history is erased ten minutes after it went.
        let gone = ana.group_of("Gone", &[&cy]).await;
        let profile = ana.profile("Grüße – 日本", &[&gone]).await;
        let other = ana.widget(&desk.server, &profile).await;
        for _ in 0..2 {
            let number = other.ring(Some(&gone), "Erased.").await.number;
            let taken = cy.take(&cy.ticket(number).await.unwrap()).await.unwrap();
            let answered = cy.reply(&taken, "Bye.").await.unwrap();
            cy.close(&answered).await.unwrap();
        }
        ana.delete_group(&gone, 2).await.unwrap();
        ana.set_profile(&profile, v1::ProfileState::Paused).await.unwrap();
        let eve = desk.admin("eve").await;
        eve.group("Elsewhere").await;
        desk.host.account(&email("fay"), "fay");
        ana.add_member(&email("fay"), true, false).await.unwrap();
        ana.add_member(&email("gus"), true, false).await.unwrap();
        desk.try_sign_in(&email("eve"), "wrong").await.unwrap_err();

        let host = stopped(desk).await;
        set_clock_forward(&host, 11).await;
        let desk = Desk::of(host).await;
        let ana = ana.over(&desk.server.connect());
        let mut hands = hands_on(&desk.host).await;
        eventually("two tickets are erased and one expired", BOUND, async || {
            let erased =
                sqlx::query("SELECT * FROM tombstones").fetch_all(&mut hands).await.unwrap().len();
            erased == 2 && ana.ticket(expired).await.unwrap().state() == TicketState::Expired
        })
        .await;
        desk.host.verify();
        Self { host: stopped(desk).await, ana, bo, widget, customer }
    }
}

/// Sets the clock that a host's decisions go by: its database's own. Only for servers that start
/// from now on.
pub(crate) async fn set_clock_forward(host: &Host, minutes: u32) {
    let mut hands = hands_on(host).await;
    let script = format!(
        "CREATE SCHEMA later; \
         CREATE FUNCTION later.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS \
         'SELECT pg_catalog.clock_timestamp() + interval ''{minutes} minutes'''; \
         DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = public, later, \
         pg_catalog', current_database()); END $$"
    );
    sqlx::raw_sql(AssertSqlSafe(script)).execute(&mut hands).await.unwrap();
}

/// What the people of a host see of it, wherever it is served.
async fn sight(
    ana: &Staff,
    bo: &Staff,
) -> Vec<(Vec<v1::Ticket>, Vec<v1::Ticket>, Vec<Vec<v1::Message>>)> {
    let mut sight = Vec::new();
    for staff in [ana, bo] {
        let history = v1::ListTicketsRequest { history: true, ..Default::default() };
        let (open, ended) = (staff.open().await, staff.list(history).await.unwrap());
        let mut messages = Vec::new();
        for ticket in open.iter().chain(&ended) {
            messages.push(staff.messages(ticket.number).await.unwrap());
        }
        sight.push((open, ended, messages));
    }
    sight
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_moves_between_databases_and_nobody_notices() {
    let Populated { host, ana, bo, widget, customer } = Populated::new().await;
    let first = host.moving_to(Database::Sqlite);
    let told = answer(&host.copy_to(&first));
    assert_eq!(told["verification"]["faults"], json!([]), "{told}");
    assert_eq!(told["verification"]["teams"], 3, "two teams and the host");
    assert_eq!(told["to"], json!(first.database()));
    let tables = rows_of(&first).await;
    for (table, rows) in &tables {
        assert!(!rows.is_empty(), "the story has nothing in {table}");
        if table != "schema_versions" {
            assert_eq!(told["tables"][table], rows.len(), "{table}");
        }
    }
    let rows: usize = tables
        .iter()
        .filter(|(table, _)| *table != "schema_versions")
        .map(|(_, rows)| rows.len())
        .sum();
    assert_eq!(told["rows"], rows);

    // Served from the file; somebody watches, and goes while things happen.
    let desk = Desk::of(first).await;
    let (ana, bo) = (ana.over(&desk.server.connect()), bo.over(&desk.server.connect()));
    let widget = widget.over(&desk.server.connect());
    let mut watch = ana.watch().opened().await;
    let seen = widget.ring(None, "Seen.").await.number;
    let cursor = watch.until_sees(seen).await.view.cursor().unwrap().to_owned();
    drop(watch);
    let missed = widget.ring(None, "Missed.").await.number;
    bo.note(&bo.ticket(1).await.unwrap(), "On the file.").await.unwrap();
    let before = sight(&ana, &bo).await;
    let file = stopped(desk).await;

    // Over to PostgreSQL and back to another file: the same, row by row.
    let (shared, back) = (file.moving_to(Database::Postgres), file.moving_to(Database::Sqlite));
    assert_eq!(answer(&file.copy_to(&shared))["verification"]["faults"], json!([]));
    answer(&shared.copy_to(&back));
    let (one, other) = (rows_of(&file).await, rows_of(&back).await);
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    for (table, rows) in &one {
        assert_eq!(rows, &other[table], "{table}");
    }
    back.verify();
    // Between two of a kind, too.
    let (twin, again) = (shared.moving_to(Database::Postgres), shared.moving_to(Database::Sqlite));
    answer(&shared.copy_to(&twin));
    answer(&twin.copy_to(&again));
    assert_eq!(rows_of(&again).await, one);
    let file_twin = file.moving_to(Database::Sqlite);
    answer(&file.copy_to(&file_twin));
    assert_eq!(rows_of(&file_twin).await, one);

    // Served from PostgreSQL: the same sessions, credentials, tickets and cursors.
    let desk = Desk::of(shared).await;
    let (ana, bo) = (ana.over(&desk.server.connect()), bo.over(&desk.server.connect()));
    assert_eq!(sight(&ana, &bo).await, before);
    let mut resumed = ana.watch_after(&cursor);
    let recording = resumed.until("what was missed", |r| r.kinds_of(1).contains(&"noted")).await;
    assert_eq!(
        (recording.snapshots, recording.kinds_of(missed)),
        (0, vec!["submitted"]),
        "no gap, no repeat"
    );
    assert!(recording.kinds_of(seen).is_empty());
    let widget = widget.over(&desk.server.connect());
    let new = widget.ring(None, "On PostgreSQL.").await.number;
    assert_eq!(new, missed + 1, "numbers go on");
    resumed.until_sees(new).await;
    let customer = widget.customer(customer.secret, customer.number);
    assert_eq!(customer.write("Still me.").await.unwrap().state(), TicketState::InProgress);
    bo.close(&bo.ticket(1).await.unwrap()).await.unwrap();
    assert_eq!(refused(desk.try_sign_in(&email("ana"), "wrong").await).0, Code::Unauthenticated);
    desk.sign_in(&email("ana")).await;
    desk.close();
}

async fn nothing_is_added_to_what_is_there(database: Database) {
    let Scene { desk, .. } = Scene::open(Database::Sqlite).await;
    let host = stopped(desk).await;
    let desk = Desk::open(database).await;
    desk.admin("eve").await;
    let other = stopped(desk).await;
    let (status, sentence) = complaint(&host.copy_to(&other));
    assert_eq!(status, 3);
    assert!(sentence.contains("not empty") && sentence.contains("name a new file"), "{sentence}");
    other.verify();
    let desk = Desk::of(other).await;
    desk.sign_in(&email("eve")).await;
    desk.close();
    // A schema without rows is empty. Where from is a setting, unless it is said; where to can be
    // said by a file.
    let migrated = host.moving_to(database);
    answer(&migrated.command(&["migrate"], ""));
    let file = migrated.data().join("address");
    std::fs::write(&file, format!("{}\n", migrated.database())).unwrap();
    answer(&host.command(&["copy", "--to-file", file.to_str().unwrap()], ""));
    migrated.verify();
}

async fn a_served_host_is_not_copied(database: Database) {
    let Scene { desk, .. } = Scene::open(database).await;
    let target = desk.host.moving_to(Database::Sqlite);
    let untouched = std::fs::read_dir(target.data()).unwrap().count();
    let (status, sentence) = complaint(&desk.host.copy_to(&target));
    assert_eq!(status, 1);
    let who = match database {
        Database::Sqlite => "in use by deskbell-server serve, process".to_owned(),
        Database::Postgres => format!("is being served ({})", desk.server.address()),
    };
    assert!(sentence.contains(&who) && sentence.contains("stop"), "{sentence}");
    assert!(!target.data().join("deskbell.db").exists(), "nothing is made");
    let host = stopped(desk).await;
    answer(&host.copy_to(&target));
    assert!(std::fs::read_dir(target.data()).unwrap().count() > untouched);
    Desk::of(target).await.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_not_made() {
    let Scene { desk, .. } = Scene::open(Database::Sqlite).await;
    let host = stopped(desk).await;
    let (missing, target) = (host.moving_to(Database::Sqlite), host.moving_to(Database::Sqlite));
    let (status, sentence) = complaint(&missing.copy_to(&target));
    assert_eq!(status, 3);
    assert!(sentence.contains("there is no database") && sentence.contains("--from"), "{sentence}");
    let empty = host.moving_to(Database::Postgres);
    let (status, sentence) = complaint(&empty.copy_to(&target));
    assert_eq!(status, 3);
    assert!(sentence.contains("no Deskbell in the source"), "{sentence}");
    for host in [&missing, &target] {
        let names: Vec<_> = std::fs::read_dir(host.data())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert!(!names.iter().any(|name| name == "deskbell.db"), "{names:?}");
    }
    let mut hands = hands_on(&empty).await;
    let tables = sqlx::query(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND pg_table_is_visible(oid) AND \
         relnamespace = 'public'::regnamespace",
    );
    assert!(tables.fetch_all(&mut hands).await.unwrap().is_empty(), "nothing is made");

    // Words that make no sense, and passwords that are not repeated.
    let words =
        |from: &str, to: &str| complaint(&host.command(&["copy", "--from", from, "--to", to], ""));
    let (status, sentence) = words("mysql://desk:hunter2@db/desk", target.database());
    assert_eq!(status, 2);
    assert!(sentence.contains("--from must begin with sqlite: or postgres://"), "{sentence}");
    let file = target.data().join("address");
    let from_file = || {
        complaint(
            &host.command(&["copy", "--from-file", file.to_str().unwrap(), "--to", "sqlite:x"], ""),
        )
    };
    for (content, what) in
        [(None, "cannot be read"), (Some(" \n"), "is empty"), (Some("hunter2"), "must begin with")]
    {
        if let Some(content) = content {
            std::fs::write(&file, content).unwrap();
        }
        let (status, sentence) = from_file();
        assert_eq!(status, 2);
        assert!(sentence.contains("the --from-file") && sentence.contains(what), "{sentence}");
        assert!(!sentence.contains("hunter2"), "{sentence}");
    }
    let (status, sentence) = words(host.database(), host.database());
    assert_eq!(status, 2);
    assert!(sentence.contains("the same database"), "{sentence}");
    let (_, sentence) = words(host.database(), "postgres://desk:hunter2@127.0.0.1:1/desk");
    assert!(
        sentence.contains("postgres://desk:***@127.0.0.1:1/desk") && !sentence.contains("hunter2"),
        "{sentence}"
    );
    // What is to be read must be of this program's schema.
    let file = host.database().strip_prefix("sqlite:").unwrap();
    let mut connection = SqliteConnectOptions::new().filename(file).connect().await.unwrap();
    sqlx::query("INSERT INTO schema_versions (version, serves_since) VALUES (99, 1)")
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    let (status, sentence) = complaint(&host.copy_to(&target));
    assert_eq!(status, 1);
    assert!(
        sentence.contains("schema 99") && sentence.contains("newer deskbell-server"),
        "{sentence}"
    );
    assert!(!target.data().join("deskbell.db").exists(), "nothing is made");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_tampered_with_is_not_passed_on() {
    let Scene { desk, bo, sales, widget, .. } = Scene::open(Database::Sqlite).await;
    for n in 1..=3 {
        let customer = widget.ring(Some(&sales), &format!("Call {n}.")).await;
        bo.reply(&bo.ticket(n).await.unwrap(), "Yes?").await.unwrap();
        customer.write("No.").await.unwrap();
    }
    let host = stopped(desk).await;
    let table = [
        ("UPDATE tickets SET priority = 4 WHERE number = 2", "ticket 2: logged"),
        (
            "UPDATE contents SET body = replace(body, 'Call 3', 'Call 4')",
            "is not what the log digested",
        ),
        ("DELETE FROM contents WHERE body LIKE '%No.%'", "is not what the log digested"),
        ("DELETE FROM tickets WHERE number = 3", "3 tickets in the log, 2 in the table"),
        (
            "UPDATE messages SET kind = 3 WHERE ticket_id = (SELECT min(ticket_id) FROM messages)",
            "is not as it was logged",
        ),
        (
            "DELETE FROM messages WHERE message_id = (SELECT max(message_id) FROM messages)",
            "messages in the log",
        ),
        ("DELETE FROM log WHERE revision = 5", "revision 5 is missing"),
    ];
    for (tamper, fault) in table {
        let tampered = host.restored_from_backup().await;
        let file = SqliteConnectOptions::new()
            .filename(tampered.database().strip_prefix("sqlite:").unwrap());
        let mut connection = file.connect().await.unwrap();
        let done = sqlx::query(tamper).execute(&mut connection).await.unwrap();
        assert!(done.rows_affected() > 0, "{tamper}");
        connection.close().await.unwrap();
        let target = tampered.moving_to(Database::Sqlite);
        let (status, sentence) = complaint(&tampered.copy_to(&target));
        assert_eq!(status, 1);
        assert!(
            sentence.contains(fault) && sentence.contains("deskbell-server verify"),
            "{tamper}: {sentence}"
        );
        assert!(!target.data().join("deskbell.db").exists(), "nothing is kept");
    }
}

/// Copies into that kind of database, and is killed between two tables.
async fn a_copy_killed_in_the_middle(database: Database) {
    let Scene { desk, ana, sales, widget, .. } = Scene::open(Database::Postgres).await;
    for n in 0..20 {
        widget.ring(Some(&sales), &format!("Call {n}.")).await;
    }
    let host = stopped(desk).await;
    let target = host.moving_to(database);
    // Whoever holds the log keeps the copy waiting once it comes to it, half of the tables behind
    // it.
    let mut holding = hands_on(&host).await;
    let mut holding = holding.begin().await.unwrap();
    sqlx::query("LOCK TABLE log IN ACCESS EXCLUSIVE MODE").execute(&mut *holding).await.unwrap();
    let mut copying = Command::new(programs::server())
        .args(["copy", "--from", host.database(), "--to", target.database()])
        .args(host.arguments())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut hands = hands_on(&host).await;
    eventually("the copy has come to the log", BOUND, async || {
        assert!(copying.try_wait().unwrap().is_none(), "it waits");
        let waits = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND \
            wait_event_type = 'Lock'";
        !sqlx::query(waits).fetch_all(&mut hands).await.unwrap().is_empty()
    })
    .await;
    if database == Database::Sqlite {
        // Nobody starts on the file meanwhile.
        assert!(serve(&target).complaint.contains("in use by deskbell-server copy"));
    }
    copying.kill().unwrap();
    copying.wait().unwrap();

    let ended = serve(&target);
    assert_eq!(ended.status, 1, "{ended:?}");
    assert!(
        ended.complaint.contains("did not finish") && ended.complaint.contains("copy` again"),
        "{ended:?}"
    );
    for words in [
        &["verify"][..],
        &["migrate"],
        &["account", "create", "--email", "x@desk.example", "--name", "x"],
    ] {
        let (status, sentence) = complaint(&target.command(words, ""));
        assert_eq!(status, 1);
        assert!(sentence.contains("did not finish"), "{words:?}: {sentence}");
    }
    holding.rollback().await.unwrap();
    answer(&host.copy_to(&target));
    let desk = Desk::of(target).await;
    assert_eq!(ana.over(&desk.server.connect()).open_numbers().await, (1..=20).collect::<Vec<_>>());
    desk.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_file_has_one_server() {
    let Scene { desk, ana, sales, widget, .. } = Scene::open(Database::Sqlite).await;
    let refused = serve(&desk.host);
    assert_eq!(refused.status, 1, "{refused:?}");
    let pid = std::fs::read_to_string(desk.host.data().join("deskbell.db-serving")).unwrap();
    assert!(
        refused.complaint.contains(pid.trim()) && refused.complaint.contains("stop that one first"),
        "{refused:?}"
    );
    // The host's commands work beside it, and so does the first.
    desk.host.account(&email("gus"), "gus");
    answer(&desk.host.command(&["migrate"], ""));
    desk.host.verify();
    desk.sign_in(&email("gus")).await;
    let number = widget.ring(Some(&sales), "Still here.").await.number;
    // Killed, it leaves nothing behind that keeps the next one out.
    let Desk { host, mut server } = desk;
    for _ in 0..3 {
        let at = server.socket();
        server.kill();
        server = host.serve_at(at, &[]).await;
    }
    assert_eq!(ana.over(&server.connect()).open_numbers().await, [number]);
    Desk { host, server }.close();
}
