//! Bringing a database to this binary's schema, and refusing one that no longer serves it.
//!
//! Changes expand first and contract a release later. The database says which schema it has and the
//! oldest binary it still serves, so that servers can be upgraded one by one.

use super::driver::{Connection, Database, values};
use super::error::StoreError;
use super::keys;

/// What a step does, and the oldest schema whose binaries still work after it.
struct Step {
    sql: &'static str,
    /// Keys of addresses have another rule from here on.
    email_keys: bool,
    serves_since: i64,
}

/// Schema 1, 2, …
const STEPS: &[Step] = &[
    Step { sql: include_str!("migrations/0001_main_job.sql"), email_keys: false, serves_since: 1 },
    // Programs made for schema 1 do not say when a ticket ended to those who handled it.
    Step {
        sql: include_str!("migrations/0002_history_of_handlers.sql"),
        email_keys: false,
        serves_since: 2,
    },
    // Programs made for schema 2 take one account an address for granted, and let any code join.
    Step {
        sql: include_str!("migrations/0003_codes_of_teams.sql"),
        email_keys: false,
        serves_since: 3,
    },
    // Programs made for schema 3 do not say when a deleted group's history is erased.
    Step { sql: include_str!("migrations/0004_due_items.sql"), email_keys: false, serves_since: 4 },
    // Programs made for schema 4 look for a column that is gone.
    Step {
        sql: include_str!("migrations/0005_extras_of_tickets.sql"),
        email_keys: false,
        serves_since: 5,
    },
    // Programs made for schema 5 take straße@ and strasse@ for one.
    Step { sql: "", email_keys: true, serves_since: 6 },
    Step {
        sql: include_str!("migrations/0007_waiting_tickets.sql"),
        email_keys: false,
        serves_since: 6,
    },
];

/// The schema that this binary was made for: the number of steps.
#[expect(clippy::cast_possible_wrap, reason = "a handful of steps")]
pub const SCHEMA: i64 = STEPS.len() as i64;

/// What bringing a database up to date came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The schema it had; 0: it was empty.
    pub from: i64,
    /// The schema it has.
    pub to: i64,
}

/// The version of a database that a copy is going into: no binary serves it, whatever its schema.
const UNFINISHED: i64 = i64::MAX;

/// Brings the database to this binary's schema, all of it or nothing.
pub async fn migrate(database: &Database) -> Result<Migrated, StoreError> {
    let mut connection = database.write().await?;
    hold(&mut connection).await?;
    let migrated = bring(&mut connection).await?;
    connection.commit().await?;
    Ok(migrated)
}

/// Keeps everybody else who brings the database to a schema waiting until this transaction ends:
/// servers that start, copies.
pub async fn hold(connection: &mut Connection) -> Result<(), StoreError> {
    connection
        .script(
            "CREATE TABLE IF NOT EXISTS schema_versions \
             (version BIGINT NOT NULL PRIMARY KEY, serves_since BIGINT NOT NULL);",
        )
        .await?;
    if let Connection::Postgres(_) = connection {
        connection.script("LOCK TABLE schema_versions IN ACCESS EXCLUSIVE MODE;").await?;
    }
    Ok(())
}

/// Takes the steps that are left, in a transaction that [holds](hold) the schema.
pub async fn bring(connection: &mut Connection) -> Result<Migrated, StoreError> {
    let sql = "SELECT version, serves_since FROM schema_versions ORDER BY version DESC LIMIT 1";
    let (from, serves_since): (i64, i64) = match connection.row(sql, []).await? {
        Some(mut row) => (row.next()?, row.next()?),
        None => (0, 0),
    };
    if from == UNFINISHED {
        return Err(StoreError::Broken(
            "a copy into it began and did not finish: run `deskbell-server copy` again, or take \
             another, empty database"
                .to_owned(),
        ));
    }
    if serves_since > SCHEMA {
        return Err(StoreError::Broken(format!(
            "its schema is {from} and serves programs made for schema {serves_since} or later, \
             but this one was made for \
             {SCHEMA}; install a newer deskbell-server"
        )));
    }
    for (version, step) in (1..).zip(STEPS) {
        if version > from {
            connection.script(step.sql).await?;
            if step.email_keys {
                keys::make_anew(connection).await?;
            }
            let sql = "INSERT INTO schema_versions (version, serves_since) VALUES ($1, $2)";
            connection.execute(sql, values![version, step.serves_since]).await?;
        }
    }
    Ok(Migrated { from, to: from.max(SCHEMA) })
}

/// The schema that a database with the table `schema_versions` has, 0 when it has none, and whether
/// a copy into it is unfinished.
pub async fn version(connection: &mut Connection) -> Result<(i64, bool), StoreError> {
    let mut found = (0, false);
    for mut row in
        connection.rows("SELECT version FROM schema_versions ORDER BY version", []).await?
    {
        match row.next::<i64>()? {
            UNFINISHED => found.1 = true,
            version => found.0 = version,
        }
    }
    Ok(found)
}

/// Marks the database, so that nothing but another copy works on it until [`unmark`]. Must
/// [hold](hold) the schema.
pub async fn mark_unfinished(connection: &mut Connection) -> Result<(), StoreError> {
    let sql = "INSERT INTO schema_versions (version, serves_since) VALUES ($1, $1) ON CONFLICT \
        (version) DO NOTHING";
    connection.execute(sql, values![UNFINISHED]).await.map(drop)
}

/// Takes the mark away again.
pub async fn unmark(connection: &mut Connection) -> Result<(), StoreError> {
    connection
        .execute("DELETE FROM schema_versions WHERE version = $1", values![UNFINISHED])
        .await
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A host of schema 1 with an ended and an open ticket, which somebody handled.
    const OF_SCHEMA_1: &str = "INSERT INTO schema_versions (version, serves_since) VALUES (1, 1);
        INSERT INTO tickets (team_id, ticket_id, number, version, customer_version, state, \
        priority, origin, verified, submitted_at, \
        changed_at, changed_by, changed, ended_at, content_id, content_digest) VALUES \
        (7, 1, 1, 1, 1, 4, 2, '', false, 100, 200, '', '', 200, 3, ''), (7, 2, 2, 1, 1, 2, 2, '', \
        false, 100, 200, '', '', NULL, 4, '');
        INSERT INTO ticket_handlers (team_id, ticket_id, member_id) VALUES (7, 1, 9), (7, 2, 9);";

    #[tokio::test]
    async fn handlers_of_schema_1_learn_when_their_tickets_ended() {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("desk.db").display());
        let database = Database::open(&url).await.expect("a database");
        let mut connection = database.write().await.expect("a writer");
        hold(&mut connection).await.expect("held");
        connection.script(STEPS[0].sql).await.expect("schema 1");
        connection.script(OF_SCHEMA_1).await.expect("its rows");
        connection.commit().await.expect("kept");
        assert_eq!(
            migrate(&database).await.expect("brought to this schema"),
            Migrated { from: 1, to: SCHEMA }
        );
        let mut connection = database.read().await.expect("a reader");
        let rows = connection
            .rows("SELECT ended_at FROM ticket_handlers ORDER BY ticket_id", [])
            .await
            .expect("read");
        let ended: Vec<Option<i64>> =
            rows.into_iter().map(|mut row| row.next().expect("a time or none")).collect();
        assert_eq!(ended, [Some(200), None]);
    }

    /// A host of schema 5, which made one key of both addresses.
    const OF_SCHEMA_5: &str = "INSERT INTO schema_versions (version, serves_since) VALUES (5, 5);
        INSERT INTO accounts (account_id, email, email_key, display_name) VALUES \
        (1, 'Straße@desk.example', 'strasse@desk.example', ''), \
        (2, 'strasse@desk.example', 'strasse@desk.example', '');
        INSERT INTO directory (team_id, kind, id, image, content_id) VALUES (7, 'member', 9, '', 3);
        INSERT INTO contents (team_id, content_id, salt, body) VALUES (7, 3, '', \
        '{\"email\":\"straße@desk.example\",\"email_key\":\"strasse@desk.example\",\"display_name\":\"\"}');
        INSERT INTO invitations (email_key, team_id, member_id) VALUES \
        ('strasse@desk.example', 7, 9);";

    #[tokio::test]
    async fn addresses_of_schema_5_become_two_people() {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("desk.db").display());
        let database = Database::open(&url).await.expect("a database");
        let mut connection = database.write().await.expect("a writer");
        hold(&mut connection).await.expect("held");
        for step in &STEPS[..5] {
            connection.script(step.sql).await.expect("a step");
        }
        connection.script(OF_SCHEMA_5).await.expect("its rows");
        connection.commit().await.expect("kept");
        let migrated = migrate(&database).await.expect("brought to this schema");
        assert_eq!(migrated, Migrated { from: 5, to: SCHEMA });
        let mut connection = database.read().await.expect("a reader");
        let sql = "SELECT email_key FROM accounts UNION ALL SELECT email_key FROM invitations";
        let rows = connection.rows(sql, []).await.expect("read");
        let mut keys: Vec<String> =
            rows.into_iter().map(|mut row| row.next().expect("a key")).collect();
        keys.sort();
        assert_eq!(keys, ["strasse@desk.example", "straße@desk.example", "straße@desk.example"]);
    }
}
