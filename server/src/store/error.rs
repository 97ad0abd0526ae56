//! What can go wrong with a database, sorted by what a caller should do about it.

use std::fmt;

/// A database's failure. The cause is for the log; callers are told the kind only.
#[derive(Debug)]
pub enum StoreError {
    /// Not reachable, locked, or cut off in the middle: it may work again by itself.
    Unavailable(sqlx::Error),
    /// No room left.
    Full(sqlx::Error),
    /// It refused a row that another one stands in the way of.
    Conflict(sqlx::Error),
    /// A row does not read as what it should be, or the statement is wrong: a fault of ours.
    Broken(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Unavailable(cause) => {
                write!(formatter, "the database cannot be reached: {cause}")
            }
            StoreError::Full(cause) => write!(formatter, "the database has no room left: {cause}"),
            StoreError::Conflict(cause) => {
                write!(formatter, "the database holds a row that stands in the way: {cause}")
            }
            StoreError::Broken(cause) => {
                write!(formatter, "the database does not hold what it should: {cause}")
            }
        }
    }
}

impl std::error::Error for StoreError {}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let database = match &error {
            sqlx::Error::Database(database) => database,
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::Decode(_)
            | sqlx::Error::ColumnIndexOutOfBounds { .. } => {
                return StoreError::Broken(error.to_string());
            }
            _ => return StoreError::Unavailable(error),
        };
        let code = database.code().unwrap_or_default().into_owned();
        if database.is_unique_violation() {
            return StoreError::Conflict(error);
        }
        match code.as_str() {
            // SQLITE_FULL and its kin; PostgreSQL's disk_full.
            "13" | "53100" => StoreError::Full(error),
            // PostgreSQL: serialization failure and deadlock; worth another try.
            "40001" | "40P01" => StoreError::Conflict(error),
            // SQLITE_ERROR, MISMATCH, MISUSE, RANGE; PostgreSQL's syntax and type errors.
            "1" | "20" | "21" | "25" => StoreError::Broken(error.to_string()),
            code if code.starts_with("42") || code.starts_with("22") => {
                StoreError::Broken(error.to_string())
            }
            // Busy, locked, read-only, I/O, cannot open; PostgreSQL's connection and
            // operator-intervention classes.
            _ => StoreError::Unavailable(error),
        }
    }
}
