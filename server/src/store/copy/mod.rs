//! Copying a host from one database to another: every row, verified by replay, all of it or
//! nothing.
//!
//! The source is read in one transaction, so it is one state. The target is written in one
//! transaction, so it is whole or as it was. Before that the target is marked in a transaction of
//! its own: were the copy killed, no server would take the database for a new, empty one and begin
//! another host in it. The last transaction takes the mark away together with bringing the rows.
//!
//! Columns are asked of the databases themselves. The tables are listed here, and a test compares
//! the list with the schema.

mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use super::driver::{Column, Connection, Database};
use super::error::StoreError;
use super::schema::{self, SCHEMA};
use super::verify::{Verification, verify};
use crate::domain::Millis;
use table::{Fingerprint, Table};

/// The tables that are copied.
const COPIED: [&str; 16] = [
    "teams",
    "directory",
    "invitations",
    "contents",
    "tickets",
    "ticket_handlers",
    "tombstones",
    "messages",
    "log",
    "ticket_log",
    "requests",
    "accounts",
    "one_time_codes",
    "sessions",
    "throttles",
    "host_secrets",
];

/// The tables that are not: what servers that live now do, and the schema, which the target has of
/// its own.
const LEFT: [&str; 3] = ["leases", "servers", VERSIONS];

const VERSIONS: &str = "schema_versions";

/// How far a copy has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The table that is being copied.
    pub table: &'static str,
    /// Rows of it that are.
    pub done: u64,
    /// Rows it has.
    pub of: u64,
}

/// What was copied.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Copied {
    /// Rows, by table.
    pub tables: BTreeMap<&'static str, u64>,
    /// What replaying the copy's log found; it has no faults.
    pub verification: Verification,
}

impl Copied {
    /// Rows of all tables.
    pub fn rows(&self) -> u64 {
        self.tables.values().sum()
    }
}

/// Why nothing was copied.
#[derive(Debug)]
pub enum CopyProblem {
    /// The source holds no Deskbell.
    NothingThere,
    /// Somebody began to copy into the source and did not finish.
    UnfinishedSource,
    /// The source has another schema than this program: its number.
    SourceSchema(i64),
    /// The target has another schema than this program: its number.
    TargetSchema(i64),
    /// The target has something already: a table.
    NotEmpty(String),
    /// Servers live on the source: where they are.
    Served(Vec<String>),
    /// The databases have a table that was altered by hand.
    Unlike(&'static str),
    /// The rows of a table came out other than they went in.
    Changed(&'static str),
    /// Replaying the copy's log does not give the copy's tables.
    Faults(Verification),
    /// The source failed.
    Source(StoreError),
    /// The target failed.
    Target(StoreError),
}

impl fmt::Display for CopyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingThere => {
                write!(f, "there is no Deskbell in the source: check its address")
            }
            Self::UnfinishedSource => {
                write!(
                    f,
                    "the source is itself a copy that did not finish: copy from where that was \
                     copied from"
                )
            }
            Self::SourceSchema(has) => {
                write!(f, "the source has schema {has}, {}", migrate_first(*has))
            }
            Self::TargetSchema(has) => {
                write!(f, "the target has schema {has}, {}", migrate_first(*has))
            }
            Self::NotEmpty(table) => write!(
                f,
                "the target is not empty (it has something in the table {table}), and a copy \
                 never adds to what is \
                 there: name a new file, or a new database of PostgreSQL"
            ),
            Self::Served(servers) => write!(
                f,
                "the source is being served ({}): stop its servers first, so that nothing is \
                 written there that would not \
                 be in the copy; one that was killed counts as living for another minute",
                servers.join(", ")
            ),
            Self::Unlike(table) => write!(
                f,
                "the table {table} has not the columns that this program gives it in the source, \
                 the target or both: undo \
                 what was altered by hand"
            ),
            Self::Changed(table) => write!(
                f,
                "the rows of the table {table} did not come out of the target as they went in; \
                 nothing was kept. Is the \
                 target's encoding UTF-8?"
            ),
            Self::Faults(verification) => write!(
                f,
                "replaying the copy's log does not give its tables, so nothing was kept: {} ({} \
                 such faults). \
                 `deskbell-server verify` tells whether the source has them, too: then restore a \
                 backup",
                verification.faults.first().map_or("", String::as_str),
                verification.faults.len()
            ),
            Self::Source(error) => write!(f, "the source: {error}"),
            Self::Target(error) => write!(f, "the target: {error}"),
        }
    }
}

impl std::error::Error for CopyProblem {}

fn migrate_first(has: i64) -> String {
    if has > SCHEMA {
        return format!(
            "and this program was made for {SCHEMA}: copy with the newer deskbell-server that \
             made it"
        );
    }
    format!("and this program was made for {SCHEMA}: run `deskbell-server migrate` on it first")
}

/// Copies the source to an empty target. Servers of the source that were heard of within `silence`
/// keep it from happening.
pub async fn copy(
    source: &Database,
    target: &Database,
    silence: Millis,
    mut tell: impl FnMut(Progress),
) -> Result<Copied, CopyProblem> {
    let mut from = source.read().await.map_err(CopyProblem::Source)?;
    let columns = check_source(&mut from).await?;
    refuse_served(source, silence).await?;
    mark(target).await?;
    let filled = async {
        let mut to = target.write().await.map_err(CopyProblem::Target)?;
        let copied = fill(&mut from, &columns, &mut to, &mut tell).await?;
        // One may have been started meanwhile, and what it wrote is not in the copy.
        refuse_served(source, silence).await?;
        to.commit().await.map_err(CopyProblem::Target)?;
        Ok(copied)
    };
    let filled = filled.await;
    if filled.is_err() {
        // A database that is away keeps the mark, which says what to do.
        let _ = unmark(target).await;
    }
    filled
}

/// Fails unless the source is one of this program's schema; gives its columns.
async fn check_source(from: &mut Connection) -> Result<Vec<Column>, CopyProblem> {
    let columns = from.columns().await.map_err(CopyProblem::Source)?;
    if !columns.iter().any(|column| column.table == VERSIONS) {
        return Err(CopyProblem::NothingThere);
    }
    match schema::version(from).await.map_err(CopyProblem::Source)? {
        (_, true) => Err(CopyProblem::UnfinishedSource),
        (0, false) => Err(CopyProblem::NothingThere),
        (SCHEMA, false) => Ok(columns),
        (other, false) => Err(CopyProblem::SourceSchema(other)),
    }
}

/// Fails while servers live on the source. Of a file that is told by its lock, which ends with
/// them.
async fn refuse_served(source: &Database, silence: Millis) -> Result<(), CopyProblem> {
    let living = match source {
        Database::Sqlite(_) => Vec::new(),
        Database::Postgres(_) => {
            source.living_servers(silence).await.map_err(CopyProblem::Source)?
        }
    };
    if living.is_empty() { Ok(()) } else { Err(CopyProblem::Served(living)) }
}

/// Fails unless nothing is in the target, and marks it. Whoever is refused has changed nothing.
async fn mark(target: &Database) -> Result<(), CopyProblem> {
    let mut to = target.write().await.map_err(CopyProblem::Target)?;
    schema::hold(&mut to).await.map_err(CopyProblem::Target)?;
    refuse_full(&mut to).await?;
    schema::mark_unfinished(&mut to).await.map_err(CopyProblem::Target)?;
    to.commit().await.map_err(CopyProblem::Target)
}

async fn unmark(target: &Database) -> Result<(), StoreError> {
    let mut to = target.write().await?;
    schema::unmark(&mut to).await?;
    to.commit().await
}

/// Fails unless the target has no Deskbell, or one of this program's schema without a row.
async fn refuse_full(to: &mut Connection) -> Result<(), CopyProblem> {
    let columns = to.columns().await.map_err(CopyProblem::Target)?;
    let mut known = 0;
    if columns.iter().any(|column| column.table == VERSIONS) {
        (known, _) = schema::version(to).await.map_err(CopyProblem::Target)?;
        if known != 0 && known != SCHEMA {
            return Err(CopyProblem::TargetSchema(known));
        }
    }
    for table in COPIED.into_iter().chain(LEFT).filter(|table| *table != VERSIONS) {
        if !columns.iter().any(|column| column.table == table) {
            continue;
        }
        // A table of that name that no migration made is somebody else's.
        let sql: &'static str = format!("SELECT 1 FROM {table} LIMIT 1").leak();
        if known == 0 || to.row(sql, []).await.map_err(CopyProblem::Target)?.is_some() {
            return Err(CopyProblem::NotEmpty(table.to_owned()));
        }
    }
    Ok(())
}

/// Brings schema and rows into the target, and compares. Nothing lasts before the caller commits.
async fn fill(
    from: &mut Connection,
    source_columns: &[Column],
    to: &mut Connection,
    tell: &mut impl FnMut(Progress),
) -> Result<Copied, CopyProblem> {
    // Of two copies into one target the second waits here for the first.
    schema::hold(to).await.map_err(CopyProblem::Target)?;
    refuse_full(to).await?;
    schema::unmark(to).await.map_err(CopyProblem::Target)?;
    schema::bring(to).await.map_err(CopyProblem::Target)?;
    let target_columns = to.columns().await.map_err(CopyProblem::Target)?;
    let mut tables = BTreeMap::new();
    for name in COPIED {
        let table = Table::new(name, source_columns, &target_columns)?;
        tables.insert(name, copy_table(&table, from, to, tell).await?);
    }
    let verification = verify(to).await.map_err(CopyProblem::Target)?;
    if verification.faults.is_empty() {
        Ok(Copied { tables, verification })
    } else {
        Err(CopyProblem::Faults(verification))
    }
}

/// Copies a table page by page, reads it again, and compares. Gives how many rows it has.
async fn copy_table(
    table: &Table,
    from: &mut Connection,
    to: &mut Connection,
    tell: &mut impl FnMut(Progress),
) -> Result<u64, CopyProblem> {
    let of = table.count(from).await.map_err(CopyProblem::Source)?;
    let (mut read, mut written) = (Fingerprint::default(), Fingerprint::default());
    let mut pages = table.pages();
    while let Some(rows) = pages.next(from).await.map_err(CopyProblem::Source)? {
        read.add(&rows);
        table.insert(to, rows).await.map_err(CopyProblem::Target)?;
        tell(Progress { table: table.name, done: read.rows, of });
    }
    let mut pages = table.pages();
    while let Some(rows) = pages.next(to).await.map_err(CopyProblem::Target)? {
        written.add(&rows);
    }
    if read == written && read.rows == of {
        Ok(read.rows)
    } else {
        Err(CopyProblem::Changed(table.name))
    }
}
