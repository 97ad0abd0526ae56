use std::collections::BTreeSet;
use std::path::Path;

use super::*;
use crate::store::driver::{Value, values};
use crate::store::many::{Many, execute_all};
use crate::store::schema::migrate;

async fn empty(folder: &Path, name: &str) -> Database {
    Database::open(&format!("sqlite:{}", folder.join(name).display())).await.expect("opened")
}

async fn migrated(folder: &Path, name: &str) -> Database {
    let database = empty(folder, name).await;
    migrate(&database).await.expect("migrated");
    database
}

async fn execute(database: &Database, sql: &'static str, values: impl IntoIterator<Item = Value>) {
    let mut connection = database.write().await.expect("a transaction");
    connection.execute(sql, values).await.expect("executed");
    connection.commit().await.expect("committed");
}

async fn tables(database: &Database) -> BTreeSet<String> {
    let columns = database.read().await.expect("a transaction").columns().await.expect("columns");
    columns.into_iter().map(|column| column.table).collect()
}

async fn try_copy(source: &Database, target: &Database) -> Result<Copied, CopyProblem> {
    copy(source, target, 60_000, |_| {}).await
}

/// Values that conversions like to spoil.
fn awkward(n: usize) -> (i64, String, Vec<u8>) {
    let numbers = [i64::MIN, -1, 0, 1, i64::MAX];
    let texts = ["", " ", "'", "\"\\", "ü\u{202e}👩‍🚒", "NULL", "1e3", "\u{7f}\n\t\r"];
    let bytes: [&[u8]; 5] = [&[], &[0], b"text", &[0xff, 0xfe, 0x00], &[0x5c, 0x78]];
    (numbers[n % 5], format!("{}{n}", texts[n % 8]), bytes[n % 5].to_vec())
}

#[tokio::test]
async fn every_table_of_the_schema_is_known() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = migrated(folder.path(), "desk.db").await;
    let known: BTreeSet<_> = COPIED.into_iter().chain(LEFT).map(str::to_owned).collect();
    assert_eq!(
        tables(&database).await,
        known,
        "decide for each new table whether `copy` takes it along"
    );
    // Columns need no list, but a kind that copying knows, and each table a key.
    let columns = database.read().await.expect("a transaction").columns().await.expect("columns");
    for name in COPIED {
        Table::new(name, &columns, &columns).unwrap_or_else(|problem| panic!("{problem}"));
    }
    database.close().await;
}

#[tokio::test]
async fn values_survive_as_they_are_over_many_pages() {
    const REQUESTS: Many = Many {
        before: "INSERT INTO requests (team_id, caller, request_id, fingerprint, reply, \
            decided_at)",
        width: 6,
        after: "",
    };
    const ACCOUNTS: Many = Many {
        before: "INSERT INTO accounts (account_id, email, email_key, display_name, password_hash, \
            team_id, member_id)",
        width: 7,
        after: "",
    };
    let folder = tempfile::tempdir().expect("a folder");
    let (source, target) =
        (migrated(folder.path(), "one.db").await, migrated(folder.path(), "two.db").await);
    let mut from = source.write().await.expect("a transaction");
    // Exactly full pages, one more, and none.
    let requests = (0..513).map(|n| {
        let (number, text, bytes) = awkward(n);
        values![number, text.clone(), n.to_string(), bytes, text, number]
    });
    execute_all(&mut from, vec![REQUESTS.filled(requests)]).await.expect("rows");
    let accounts = (0..256).map(|n| {
        let (number, text, _) = awkward(n);
        let id = i64::try_from(n).unwrap();
        let (some, none) = (n % 2 == 0, n % 3 == 0);
        values![
            id,
            text.clone(),
            text.clone(),
            text.clone(),
            some.then_some(text),
            none.then_some(number),
            Some(number)
        ]
    });
    execute_all(&mut from, vec![ACCOUNTS.filled(accounts)]).await.expect("rows");
    let columns = from.columns().await.expect("columns");
    let mut to = target.write().await.expect("a transaction");
    for (name, rows) in [("requests", 513), ("accounts", 256), ("sessions", 0)] {
        let table = Table::new(name, &columns, &columns).expect("alike");
        let mut told = Vec::new();
        let copied =
            copy_table(&table, &mut from, &mut to, &mut |progress| told.push(progress)).await;
        assert_eq!(copied.expect("copied"), rows, "{name}");
        assert!(told.iter().all(|progress| progress.of == rows && progress.table == name));
        assert_eq!(told.last().map_or(0, |progress| progress.done), rows);
        // Once more by the database's own eyes.
        let quoted: Vec<_> = columns
            .iter()
            .filter(|it| it.table == name)
            .map(|column| format!("quote({})", column.name))
            .collect();
        let sql: &str =
            format!("SELECT {} AS line FROM {name} ORDER BY line", quoted.join(" || ',' || "))
                .leak();
        let mut lines = Vec::new();
        for connection in [&mut from, &mut to] {
            let found = connection.rows(sql, []).await.expect("rows");
            lines.push(
                found
                    .into_iter()
                    .map(|mut row| row.next::<String>().expect("a line"))
                    .collect::<Vec<_>>(),
            );
        }
        assert_eq!(lines[0], lines[1], "{name}");
    }
    to.commit().await.expect("committed");
    let mut to = target.write().await.expect("a transaction");
    let table = Table::new("requests", &columns, &columns).expect("alike");
    to.execute(
        "UPDATE requests SET fingerprint = $1 WHERE request_id = '512'",
        values![b"x".as_slice()],
    )
    .await
    .unwrap();
    to.execute("DELETE FROM requests WHERE request_id <> '512'", []).await.unwrap();
    from.execute("DELETE FROM requests WHERE request_id = '512'", []).await.unwrap();
    let problem = copy_table(&table, &mut from, &mut to, &mut |_| {})
        .await
        .expect_err("one row is not the source's");
    assert!(matches!(problem, CopyProblem::Changed("requests")), "{problem}");
}

#[test]
fn a_fingerprint_tells_rows_apart_and_not_their_order() {
    let of = |rows: &[Vec<Value>]| {
        let mut fingerprint = Fingerprint::default();
        fingerprint.add(rows);
        fingerprint
    };
    let rows = [
        values!["ab", "c"].to_vec(),
        values!["a", "bc"].to_vec(),
        values!["", ""].to_vec(),
        vec![Value::Text(None), Value::from("")],
        vec![Value::from(""), Value::Text(None)],
        values![b"".as_slice(), ""].to_vec(),
        values![true, 1].to_vec(),
        values![false, 1].to_vec(),
        values![1, 1].to_vec(),
    ];
    for (n, one) in rows.iter().enumerate() {
        for (m, other) in rows.iter().enumerate() {
            let (one, other) = (of(std::slice::from_ref(one)), of(std::slice::from_ref(other)));
            assert_eq!(one == other, n == m, "{n} {m}");
        }
    }
    let mut backwards = rows.to_vec();
    backwards.reverse();
    assert_eq!(of(&rows), of(&backwards));
    assert_ne!(of(&rows), of(&rows[1..]));
}

#[tokio::test]
async fn an_empty_host_is_copied_and_nothing_is_added_to_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (source, target) =
        (migrated(folder.path(), "one.db").await, empty(folder.path(), "two.db").await);
    let copied = try_copy(&source, &target).await.expect("copied");
    assert_eq!((copied.rows(), copied.tables.len()), (0, COPIED.len()));
    assert_eq!(tables(&target).await, tables(&source).await);
    assert_eq!(migrate(&target).await.expect("complete").from, SCHEMA);
    // A schema without a row is still empty; one row anywhere is not.
    try_copy(&source, &target).await.expect("copied again");
    execute(
        &target,
        "INSERT INTO servers (server, address, heartbeat_at) VALUES ('one', '', 1)",
        [],
    )
    .await;
    let problem = try_copy(&source, &target).await.expect_err("refused");
    assert!(matches!(&problem, CopyProblem::NotEmpty(table) if table == "servers"), "{problem}");
    assert_eq!(migrate(&target).await.expect("not marked").from, SCHEMA);
}

#[tokio::test]
async fn what_is_not_of_this_schema_is_refused_and_not_touched() {
    let folder = tempfile::tempdir().expect("a folder");
    let (source, target) =
        (migrated(folder.path(), "one.db").await, empty(folder.path(), "two.db").await);
    let nothing = empty(folder.path(), "nothing.db").await;
    let problem = try_copy(&nothing, &target).await.expect_err("refused");
    assert!(matches!(problem, CopyProblem::NothingThere), "{problem}");
    execute(&source, "INSERT INTO schema_versions (version, serves_since) VALUES (99, 1)", [])
        .await;
    let problem = try_copy(&source, &target).await.expect_err("refused");
    assert!(matches!(problem, CopyProblem::SourceSchema(99)), "{problem}");
    assert!(problem.to_string().contains("newer deskbell-server"), "{problem}");
    assert_eq!(tables(&target).await, BTreeSet::new(), "the target is as it was");
    execute(&source, "DELETE FROM schema_versions WHERE version = 99", []).await;

    let newer = migrated(folder.path(), "newer.db").await;
    execute(&newer, "INSERT INTO schema_versions (version, serves_since) VALUES (99, 1)", []).await;
    let problem = try_copy(&source, &newer).await.expect_err("refused");
    assert!(matches!(problem, CopyProblem::TargetSchema(99)), "{problem}");
    assert_eq!(migrate(&newer).await.expect("not marked").from, 99);

    let foreign = empty(folder.path(), "foreign.db").await;
    execute(&foreign, "CREATE TABLE sessions (id BIGINT)", []).await;
    let problem = try_copy(&source, &foreign).await.expect_err("refused");
    assert!(matches!(&problem, CopyProblem::NotEmpty(table) if table == "sessions"), "{problem}");
    assert_eq!(tables(&foreign).await, BTreeSet::from(["sessions".to_owned()]), "rolled back");

    execute(&source, "ALTER TABLE requests ADD COLUMN note TEXT", []).await;
    let problem = try_copy(&source, &target).await.expect_err("refused");
    assert!(matches!(problem, CopyProblem::Unlike("requests")), "{problem}");
    assert_eq!(migrate(&target).await.expect("the mark is gone").from, 0);
}

#[tokio::test]
async fn a_source_whose_log_does_not_fit_is_not_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let (source, target) =
        (migrated(folder.path(), "one.db").await, empty(folder.path(), "two.db").await);
    let sql = "INSERT INTO teams (team_id, revision, directory_revision, next_id, next_number, \
        chain) \
               VALUES (7, 3, 0, 1, 1, $1)";
    execute(&source, sql, values![vec![0; 32]]).await;
    let problem = try_copy(&source, &target).await.expect_err("refused");
    assert!(matches!(&problem, CopyProblem::Faults(found) if found.faults.len() == 1), "{problem}");
    assert!(problem.to_string().contains("team 7"), "{problem}");
    assert_eq!(migrate(&target).await.expect("as it was").from, 0);
}

#[tokio::test]
async fn an_unfinished_copy_is_neither_served_nor_copied_and_can_be_begun_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let (source, target) =
        (migrated(folder.path(), "one.db").await, empty(folder.path(), "two.db").await);
    mark(&target).await.expect("marked, and nobody went on");
    let refused = migrate(&target).await.expect_err("refused").to_string();
    assert!(refused.contains("did not finish") && refused.contains("copy` again"), "{refused}");
    let problem =
        try_copy(&target, &migrated(folder.path(), "three.db").await).await.expect_err("refused");
    assert!(matches!(problem, CopyProblem::UnfinishedSource), "{problem}");
    try_copy(&source, &target).await.expect("copied this time");
    migrate(&target).await.expect("served");
}
