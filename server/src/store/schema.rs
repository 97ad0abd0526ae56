//! Bringing a database to this binary's schema, and refusing one that no longer serves it.
//!
//! Changes expand first and contract a release later. The database says which schema it has and the oldest binary it still
//! serves, so that servers can be upgraded one by one.

use super::driver::{Connection, Database, values};
use super::error::StoreError;

/// What a step does, and the oldest schema whose binaries still work after it.
struct Step {
    sql: &'static str,
    serves_since: i64,
}

/// Schema 1, 2, …
const STEPS: &[Step] = &[Step { sql: include_str!("migrations/0001_main_job.sql"), serves_since: 1 }];

/// The schema that this binary was made for: the number of steps.
pub const SCHEMA: i64 = 1;

const _: () = assert!(STEPS.len() == 1, "a new step makes a new schema");

/// What bringing a database up to date came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The schema it had; 0: it was empty.
    pub from: i64,
    /// The schema it has.
    pub to: i64,
}

/// Brings the database to this binary's schema, all of it or nothing.
pub async fn migrate(database: &Database) -> Result<Migrated, StoreError> {
    let mut connection = database.write().await?;
    // Two servers may start at once; the table is the lock.
    connection
        .script(
            "CREATE TABLE IF NOT EXISTS schema_versions \
             (version BIGINT NOT NULL PRIMARY KEY, serves_since BIGINT NOT NULL);",
        )
        .await?;
    if let Connection::Postgres(_) = connection {
        connection.script("LOCK TABLE schema_versions IN ACCESS EXCLUSIVE MODE;").await?;
    }
    let sql = "SELECT version, serves_since FROM schema_versions ORDER BY version DESC LIMIT 1";
    let (from, serves_since): (i64, i64) = match connection.row(sql, []).await? {
        Some(mut row) => (row.next()?, row.next()?),
        None => (0, 0),
    };
    if serves_since > SCHEMA {
        return Err(StoreError::Broken(format!(
            "its schema is {from} and serves programs made for schema {serves_since} or later, but this one was made for \
             {SCHEMA}; install a newer deskbell-server"
        )));
    }
    for (version, step) in (1..).zip(STEPS) {
        if version > from {
            connection.script(step.sql).await?;
            let sql = "INSERT INTO schema_versions (version, serves_since) VALUES ($1, $2)";
            connection.execute(sql, values![version, step.serves_since]).await?;
        }
    }
    connection.commit().await?;
    Ok(Migrated { from, to: from.max(SCHEMA) })
}
