//! What a yardstick writes for each submit.

use std::path::PathBuf;

use deskbell_proto::ticket_secret::now;
use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, Value as SqlValue};
use serde::{Deserialize, Serialize};

/// What a bare loop works with.
#[derive(Debug, Serialize, Deserialize)]
pub struct Setup {
    /// A copy of a server's database.
    pub file: PathBuf,
    /// What to write there.
    pub writes: Vec<Write>,
}

/// A statement that writes one row.
#[derive(Debug, Serialize, Deserialize)]
pub struct Write {
    /// Its text, with places numbered from 1.
    pub sql: String,
    /// Its values, in the order of places.
    pub values: Vec<Part>,
    /// Once for each submit; else once for all that are committed together, as counters are.
    pub each: bool,
}

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
    /// So many bytes, of which the first six tell the time in milliseconds, and the others are
    /// random.
    Dated(usize),
}

/// Puts the time in front of random bytes, as it stands in front of a ticket's secret.
pub fn begin_with_time(bytes: &mut [u8]) {
    for (byte, time) in bytes.iter_mut().zip(now()) {
        *byte = time;
    }
}
