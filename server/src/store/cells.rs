//! What goes into statements and comes out of them: values and rows, the same for both databases.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Postgres, Row as _, Sqlite, Type};

use super::error::StoreError;

/// A value that goes into a statement.
#[derive(Clone, Debug)]
pub enum Value {
    /// A number, or null.
    Int(Option<i64>),
    /// A text, or null.
    Text(Option<String>),
    /// Bytes, or null.
    Bytes(Option<Vec<u8>>),
    /// Yes or no.
    Bool(bool),
}

impl Value {
    /// What PostgreSQL calls its type.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Value::Int(_) => "BIGINT",
            Value::Text(_) => "TEXT",
            Value::Bytes(_) => "BYTEA",
            Value::Bool(_) => "BOOLEAN",
        }
    }
}

macro_rules! value_from {
    ($($from:ty => |$it:ident| $to:expr;)*) => {
        $(impl From<$from> for Value {
            fn from($it: $from) -> Value {
                $to
            }
        })*
    };
}

value_from! {
    i64 => |it| Value::Int(Some(it));
    Option<i64> => |it| Value::Int(it);
    bool => |it| Value::Bool(it);
    String => |it| Value::Text(Some(it));
    &str => |it| Value::Text(Some(it.to_owned()));
    Option<String> => |it| Value::Text(it);
    Vec<u8> => |it| Value::Bytes(Some(it));
    &[u8] => |it| Value::Bytes(Some(it.to_vec()));
    crate::domain::Digest => |it| Value::Bytes(Some(it.0.to_vec()));
    Option<crate::domain::Digest> => |it| Value::Bytes(it.map(|digest| digest.0.to_vec()));
    crate::domain::TeamId => |it| Value::Int(Some(it.0));
}

/// The values of a statement, in order.
macro_rules! values {
    ($($value:expr),* $(,)?) => { [$($crate::store::cells::Value::from($value)),*] };
}
pub(crate) use values;

/// A type that both databases can give.
pub trait Cell:
    for<'r> Decode<'r, Sqlite> + for<'r> Decode<'r, Postgres> + Type<Sqlite> + Type<Postgres>
{
}

impl<T> Cell for T where
    T: for<'r> Decode<'r, Sqlite> + for<'r> Decode<'r, Postgres> + Type<Sqlite> + Type<Postgres>
{
}

enum AnyRow {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// A row, read column by column in the order of the statement.
pub struct Row {
    row: AnyRow,
    column: usize,
}

impl From<SqliteRow> for Row {
    fn from(row: SqliteRow) -> Self {
        Row { row: AnyRow::Sqlite(row), column: 0 }
    }
}

impl From<PgRow> for Row {
    fn from(row: PgRow) -> Self {
        Row { row: AnyRow::Postgres(row), column: 0 }
    }
}

impl Row {
    /// The next column.
    pub fn next<T: Cell>(&mut self) -> Result<T, StoreError> {
        let column = self.column;
        self.column += 1;
        match &self.row {
            // SQLite's values have their own types; what a column was declared as says little.
            AnyRow::Sqlite(row) => row.try_get_unchecked(column).map_err(StoreError::from),
            AnyRow::Postgres(row) => row.try_get(column).map_err(StoreError::from),
        }
    }

    /// The next column, as a digest.
    pub fn digest(&mut self) -> Result<crate::domain::Digest, StoreError> {
        to_digest(&self.next::<Vec<u8>>()?)
    }

    /// The next column, as a digest or null.
    pub fn digest_or_none(&mut self) -> Result<Option<crate::domain::Digest>, StoreError> {
        self.next::<Option<Vec<u8>>>()?.as_deref().map(to_digest).transpose()
    }

    /// The next column, as JSON.
    pub fn json<T: serde::de::DeserializeOwned>(&mut self) -> Result<T, StoreError> {
        read_json(&self.next::<String>()?)
    }
}

fn to_digest(bytes: &[u8]) -> Result<crate::domain::Digest, StoreError> {
    let bytes =
        bytes.try_into().map_err(|_| StoreError::Broken("a digest has not 32 bytes".to_owned()))?;
    Ok(crate::domain::Digest(bytes))
}

/// Reads a stored JSON text.
pub fn read_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text)
        .map_err(|cause| StoreError::Broken(format!("stored JSON does not read: {cause}")))
}

/// Writes a JSON text to store.
pub fn write_json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value)
        .map_err(|cause| StoreError::Broken(format!("JSON does not write: {cause}")))
}
