//! The rows that one submit writes, learnt from two real ones: what is the same in both stays, what
//! grew grows on, and bytes that differ become random ones; if they began with the time, so do
//! those. So the yardsticks write what the server writes, whatever its schema becomes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use deskbell_proto::ticket_secret::{TIME, now};
use deskbell_tests::measuring::writes::{Part, Setup, Value, Write};
use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, OpenFlags};

use crate::Outcome;
use crate::calls::submit;
use crate::server::Bench;

/// A row that a submit writes.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleRow {
    /// The table.
    pub table: String,
    /// Its columns, with their values.
    pub columns: Vec<(String, Part)>,
    /// The columns of the primary key.
    pub key: Vec<String>,
    /// Inserted; else there before, and changed.
    pub is_new: bool,
}

/// All rows that a submit writes.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The rows, by table.
    pub rows: Vec<SampleRow>,
}

struct Table {
    columns: Vec<String>,
    key: Vec<String>,
    /// Rows by their key's text.
    rows: BTreeMap<String, Vec<Value>>,
}

/// Tables by name.
type Tables = BTreeMap<String, Table>;

/// A row, whether it is new, and its table.
type Written<'a> = (&'a str, &'a Table, bool, &'a [Value]);

impl Sample {
    /// Submits twice, and looks at what that wrote.
    pub async fn learn(bench: &Bench) -> Outcome<Self> {
        let client = bench.client(&bench.widget)?;
        submit(&client).await?;
        let begin = read_all(&bench.file())?;
        submit(&client).await?;
        let middle = read_all(&bench.file())?;
        submit(&client).await?;
        let end = read_all(&bench.file())?;
        let (one, other) = (written(&begin, &middle), written(&middle, &end));
        let alike = one.len() == other.len()
            && one.iter().zip(&other).all(|(one, other)| (one.0, one.2) == (other.0, other.2));
        if !alike || one.is_empty() {
            return Err(
                "two submits wrote rows of different kinds: the yardstick cannot tell what \
                one writes"
                    .into(),
            );
        }
        let rows =
            one.into_iter().zip(other).map(|((name, table, is_new, before), (.., after))| {
                let values = table.columns.iter().zip(before.iter().zip(after));
                let columns = values
                    .map(|(column, (before, after))| (column.clone(), part(column, before, after)));
                SampleRow {
                    table: name.to_owned(),
                    columns: columns.collect(),
                    key: table.key.clone(),
                    is_new,
                }
            });
        let sample = Sample { rows: rows.collect() };
        eprintln!(
            "what a submit writes: {}",
            sample.rows.iter().map(in_words).collect::<Vec<_>>().join(", ")
        );
        Ok(sample)
    }
}

/// Whether these bytes begin with the time, as it was within the last hour or so. Random ones do
/// once in seventy million times.
fn is_dated(bytes: &[u8]) -> bool {
    let number = |bytes: &[u8]| {
        bytes.iter().take(TIME).fold(0_u64, |number, byte| number << 8 | u64::from(*byte))
    };
    bytes.len() > TIME
        && number(&now()).checked_sub(number(bytes)).is_some_and(|age| age < 4_000_000)
}

impl Sample {
    /// What a bare loop writes into this file.
    pub fn setup(&self, file: PathBuf) -> Setup {
        let write = |row: &SampleRow| Write {
            sql: statement(row),
            values: row.columns.iter().map(|(_, part)| part.clone()).collect(),
            each: row.is_new,
        };
        Setup { file, writes: self.rows.iter().map(write).collect() }
    }
}

/// The statement that writes a row; its places are numbered as the columns are.
fn statement(row: &SampleRow) -> String {
    let names: Vec<&str> = row.columns.iter().map(|(name, _)| name.as_str()).collect();
    if row.is_new {
        let places = vec!["?"; names.len()].join(", ");
        return format!("INSERT INTO {} ({}) VALUES ({places})", row.table, names.join(", "));
    }
    let is_key = |name: &str| row.key.iter().any(|key| key == name);
    let place = |(index, name): (usize, &&str)| (is_key(name), format!("{name} = ?{}", index + 1));
    let (keys, others): (Vec<_>, Vec<_>) =
        names.iter().enumerate().map(place).partition(|(in_key, _)| *in_key);
    let list = |places: Vec<(bool, String)>, between| {
        places.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(between)
    };
    format!("UPDATE {} SET {} WHERE {}", row.table, list(others, ", "), list(keys, " AND "))
}

/// What is done with a row, for people who wonder what is measured.
fn in_words(row: &SampleRow) -> String {
    let dated: Vec<_> = row
        .columns
        .iter()
        .filter(|(_, part)| matches!(part, Part::Dated(_)))
        .map(|(name, _)| name.as_str())
        .collect();
    let begins =
        if dated.is_empty() { String::new() } else { format!(" (time in {})", dated.join(", ")) };
    format!("{} {}{begins}", if row.is_new { "insert into" } else { "update" }, row.table)
}

fn part(column: &str, before: &Value, after: &Value) -> Part {
    match (before, after) {
        (_, Value::Integer(team)) if column == "team_id" => Part::Team(*team),
        (Value::Integer(before), Value::Integer(after)) if before != after => {
            Part::Grows { from: after + (after - before), step: after - before }
        }
        (Value::Blob(before), Value::Blob(after)) if before != after => {
            match (is_dated(before), is_dated(after)) {
                (true, true) => Part::Dated(after.len()),
                _ => Part::Random(after.len()),
            }
        }
        // Texts that differ hold digests and ids; how long they are is what matters.
        _ => Part::Same(after.clone()),
    }
}

fn written<'a>(before: &'a Tables, after: &'a Tables) -> Vec<Written<'a>> {
    let mut written = Vec::new();
    for (name, table) in after {
        for (key, row) in &table.rows {
            let known = before.get(name).and_then(|table| table.rows.get(key));
            if known != Some(row) {
                written.push((name.as_str(), table, known.is_none(), row.as_slice()));
            }
        }
    }
    written
}

/// All tables of teams.
fn read_all(file: &Path) -> Outcome<Tables> {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut names = connection.prepare("SELECT name FROM sqlite_master WHERE type = 'table'")?;
    let names =
        names.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    let mut tables = Tables::new();
    for name in names {
        let table = read(&connection, &name)?;
        if table.columns.iter().any(|column| column == "team_id") {
            tables.insert(name, table);
        }
    }
    Ok(tables)
}

fn read(connection: &Connection, name: &str) -> Outcome<Table> {
    let mut about = connection.prepare("SELECT name, pk > 0 FROM pragma_table_info(?1)")?;
    let about = about.query_map([name], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let about: Vec<(String, bool)> = about.collect::<Result<_, _>>()?;
    let mut all = connection.prepare(&format!("SELECT * FROM {name}"))?;
    let mut found = all.query([])?;
    let mut rows = BTreeMap::new();
    while let Some(row) = found.next()? {
        let values = (0..about.len())
            .map(|column| Ok(row.get::<_, SqlValue>(column)?.into()))
            .collect::<rusqlite::Result<Vec<Value>>>()?;
        let key: Vec<_> = about
            .iter()
            .zip(&values)
            .filter(|((_, in_key), _)| *in_key)
            .map(|(_, value)| value)
            .collect();
        rows.insert(format!("{key:?}"), values);
    }
    let key =
        about.iter().filter(|(_, in_key)| *in_key).map(|(column, _)| column.clone()).collect();
    Ok(Table { columns: about.into_iter().map(|(column, _)| column).collect(), key, rows })
}

#[cfg(test)]
mod tests {
    use deskbell_tests::measuring::writes::begin_with_time;

    use super::*;

    #[test]
    fn only_what_begins_with_the_time_is_dated() {
        let mut dated = vec![0; 32];
        begin_with_time(&mut dated);
        assert!(is_dated(&dated));
        assert_eq!(
            part("secret_hash", &Value::Blob(vec![0; 32]), &Value::Blob(dated.clone())),
            Part::Random(32)
        );
        let mut later = dated.clone();
        later[31] = 1;
        assert_eq!(part("secret_hash", &Value::Blob(dated), &Value::Blob(later)), Part::Dated(32));
        for other in [vec![0; 32], vec![0xff; 32], vec![1; 6], Vec::new()] {
            assert!(!is_dated(&other), "{other:?}");
        }
    }

    #[test]
    fn new_rows_are_inserted_and_others_updated() {
        let columns = ["team_id", "revision", "chain"]
            .map(|name| (name.to_owned(), Part::Random(1)))
            .to_vec();
        let row =
            SampleRow { table: "teams".into(), columns, key: vec!["team_id".into()], is_new: true };
        assert_eq!(
            statement(&row),
            "INSERT INTO teams (team_id, revision, chain) VALUES (?, ?, ?)"
        );
        let row = SampleRow { is_new: false, ..row };
        assert_eq!(
            statement(&row),
            "UPDATE teams SET revision = ?2, chain = ?3 WHERE team_id = ?1"
        );
    }
}
