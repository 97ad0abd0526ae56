//! The rows that one submit writes, learnt from two real ones: what is the same in both stays, what grew grows on, and bytes that
//! differ are random, behind the time if they begin with it. So the yardsticks write what the server writes, whatever its schema becomes.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::types::{ToSqlOutput, Value as SqlValue};
use rusqlite::{Connection, OpenFlags, ToSql};
use serde::{Deserialize, Serialize};

use crate::Outcome;
use crate::calls::submit;
use crate::server::Bench;

/// A value of a column, which a yardstick can be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// Nothing.
    Null,
    /// A number.
    Integer(i64),
    /// A number with a fraction.
    Real(f64),
    /// A text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl From<SqlValue> for Value {
    fn from(value: SqlValue) -> Self {
        match value {
            SqlValue::Null => Value::Null,
            SqlValue::Integer(number) => Value::Integer(number),
            SqlValue::Real(number) => Value::Real(number),
            SqlValue::Text(text) => Value::Text(text),
            SqlValue::Blob(bytes) => Value::Blob(bytes),
        }
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Value::Null => Ok(ToSqlOutput::from(rusqlite::types::Null)),
            Value::Integer(number) => Ok(ToSqlOutput::from(*number)),
            Value::Real(number) => Ok(ToSqlOutput::from(*number)),
            Value::Text(text) => text.to_sql(),
            Value::Blob(bytes) => bytes.to_sql(),
        }
    }
}

/// How a column's value comes about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Part {
    /// The team.
    Team(i64),
    /// Always this.
    Same(Value),
    /// From here on, so much more each time.
    Grows {
        /// The first one.
        from: i64,
        /// What is added for each further one.
        step: i64,
    },
    /// So many random bytes.
    Random(usize),
    /// So many bytes, of which the first six tell the time in milliseconds, and the others are random.
    Dated(usize),
}

/// A row that a submit writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Serialize, Deserialize)]
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
        let alike =
            one.len() == other.len() && one.iter().zip(&other).all(|(one, other)| (one.0, one.2) == (other.0, other.2));
        if !alike || one.is_empty() {
            return Err("two submits wrote rows of different kinds: the yardstick cannot tell what one writes".into());
        }
        let kinds = other
            .iter()
            .map(|(name, _, is_new, _)| format!("{} {name}", if *is_new { "insert into" } else { "update" }));
        eprintln!("what a submit writes: {}", kinds.collect::<Vec<_>>().join(", "));
        let rows = one.into_iter().zip(other).map(|((name, table, is_new, before), (.., after))| {
            let values = table.columns.iter().zip(before.iter().zip(after));
            let columns = values.map(|(column, (before, after))| (column.clone(), part(column, before, after)));
            SampleRow { table: name.to_owned(), columns: columns.collect(), key: table.key.clone(), is_new }
        });
        Ok(Sample { rows: rows.collect() })
    }
}

/// How many bytes tell the time in a ticket's secret, and in its hash.
pub const TIME: usize = 6;

/// Milliseconds since 1970, as they stand in front of a ticket's secret.
fn time() -> [u8; TIME] {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let [_, _, time @ ..] = u64::try_from(now).unwrap_or_default().to_be_bytes();
    time
}

/// Puts the time in front of random bytes.
pub fn begin_with_time(bytes: &mut [u8]) {
    for (byte, time) in bytes.iter_mut().zip(time()) {
        *byte = time;
    }
}

/// Whether these bytes begin with the time, as it was within the last hour or so. Random ones do once in sixty million times.
fn is_dated(bytes: &[u8]) -> bool {
    let number = |bytes: &[u8]| bytes.iter().take(TIME).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    bytes.len() > TIME && number(&time()).saturating_sub(number(bytes)) < 4_000_000
}

fn part(column: &str, before: &Value, after: &Value) -> Part {
    match (before, after) {
        (_, Value::Integer(team)) if column == "team_id" => Part::Team(*team),
        (Value::Integer(before), Value::Integer(after)) if before != after => {
            Part::Grows { from: after + (after - before), step: after - before }
        }
        (Value::Blob(before), Value::Blob(after)) if before != after => match (is_dated(before), is_dated(after)) {
            (true, true) => Part::Dated(after.len()),
            _ => Part::Random(after.len()),
        },
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
    let names = names.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
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
        let key: Vec<_> =
            about.iter().zip(&values).filter(|((_, in_key), _)| *in_key).map(|(_, value)| value).collect();
        rows.insert(format!("{key:?}"), values);
    }
    let key = about.iter().filter(|(_, in_key)| *in_key).map(|(column, _)| column.clone()).collect();
    Ok(Table { columns: about.into_iter().map(|(column, _)| column).collect(), key, rows })
}
