//! The two databases behind one face. Every statement of the house is one text for both; what
//! differs is in this file alone: opening, beginning a transaction, several statements at once
//! (SQLite), arrays (PostgreSQL), the clock, and notifications.

use std::path::Path;
use std::str::FromStr as _;

use futures_util::TryStreamExt as _;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Arguments as _, AssertSqlSafe, Encode, Postgres, Sqlite, Transaction, Type};

use super::PATIENCE;
pub(crate) use super::cells::values;
pub use super::cells::{Row, Value, read_json, write_json};
use super::error::StoreError;
use super::files::READERS_FOR_CUSTOMERS;
use super::sqlite::{File, Turn};
use crate::clock::machine_time;
use crate::domain::Millis;

/// A database, open.
#[derive(Clone, Debug)]
pub enum Database {
    /// A file of our own.
    Sqlite(File),
    /// A server that others may share.
    Postgres(PgPool),
}

/// Connections to PostgreSQL.
const CONNECTIONS: u32 = 10;

/// How many of them customers may read with together.
const CONNECTIONS_FOR_CUSTOMERS: usize = 4;

/// Begins a transaction that writes, on PostgreSQL. A server that vanishes in the middle of one,
/// with its machine or its network, holds its teams no longer than this many milliseconds: the
/// database does not wait for its next statement. A server that runs sends that within
/// microseconds.
const BEGIN_WRITING: &str = "BEGIN; SET LOCAL idle_in_transaction_session_timeout = 10000";

impl Database {
    /// Opens `sqlite:<path>` (made when missing) or `postgres://…`.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            return Ok(Database::Sqlite(File::open(Path::new(path)).await?));
        }
        let options = PgConnectOptions::from_str(url)?.application_name("deskbell");
        let pool = PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(PATIENCE);
        Ok(Database::Postgres(pool.connect_with(options).await?))
    }

    /// Begins a transaction that will write. On SQLite it waits for the writer's place at once: one
    /// that reads first and then wants to write can fail for good.
    pub async fn write(&self) -> Result<Connection, StoreError> {
        Ok(match self {
            Database::Sqlite(file) => Connection::Sqlite(file.write().await?),
            Database::Postgres(pool) => Connection::Postgres(begin(pool, BEGIN_WRITING).await?),
        })
    }

    /// Begins a transaction that reads one state of the whole database.
    pub async fn read(&self) -> Result<Connection, StoreError> {
        Ok(match self {
            Database::Sqlite(file) => Connection::Sqlite(file.read().await?),
            Database::Postgres(pool) => Connection::Postgres(
                begin(pool, "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY").await?,
            ),
        })
    }

    /// How many may read for customers at once, so that operators and writers have the others.
    pub fn readers_for_customers(&self) -> usize {
        match self {
            Database::Sqlite(_) => READERS_FOR_CUSTOMERS,
            Database::Postgres(_) => CONNECTIONS_FOR_CUSTOMERS,
        }
    }

    /// Pages in SQLite's log that are not in its file yet.
    pub fn pages_in_log(&self) -> u32 {
        match self {
            Database::Sqlite(file) => file.pages_in_log(),
            Database::Postgres(_) => 0,
        }
    }

    /// Moves what is in SQLite's log into its file, as far as nobody reads it. Writers go on
    /// meanwhile. PostgreSQL does so by itself.
    pub async fn checkpoint(&self) -> Result<(), StoreError> {
        match self {
            Database::Sqlite(file) => file.checkpoint().await,
            Database::Postgres(_) => Ok(()),
        }
    }

    /// Closes all connections.
    pub async fn close(&self) {
        match self {
            Database::Sqlite(file) => file.close().await,
            Database::Postgres(pool) => pool.close().await,
        }
    }
}

/// Begins a transaction on a task of its own, which goes on when the caller goes away. Dropped
/// while it begins, the driver (sqlx 0.9) would give the connection back with the transaction still
/// open, and the next one to write would write into a transaction that only reads.
async fn begin(
    pool: &PgPool,
    statement: &'static str,
) -> Result<Transaction<'static, Postgres>, StoreError> {
    let pool = pool.clone();
    let begun = tokio::spawn(async move { pool.begin_with(statement).await }).await;
    Ok(begun.unwrap_or(Err(sqlx::Error::WorkerCrashed))?)
}

/// A column, as a database knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// The word of the migrations for its type, in capitals.
    pub kind: String,
    /// It may hold null.
    pub nullable: bool,
    /// Its place in the primary key, from 1 on; 0: it is not in it.
    pub key: i64,
}

/// A transaction; rolled back unless committed.
pub enum Connection {
    /// On a file.
    Sqlite(Turn),
    /// On a server.
    Postgres(Transaction<'static, Postgres>),
}

impl Connection {
    /// Runs a statement; gives the number of rows it changed.
    pub async fn execute(
        &mut self,
        sql: &'static str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<u64, StoreError> {
        Ok(match self {
            Connection::Sqlite(turn) => sqlx::query_with(sql, arguments::<Sqlite>(values)?)
                .execute(turn.ready().await?)
                .await?
                .rows_affected(),
            Connection::Postgres(transaction) => {
                sqlx::query_with(sql, arguments::<Postgres>(values)?)
                    .execute(&mut **transaction)
                    .await?
                    .rows_affected()
            }
        })
    }

    /// Runs a query.
    pub async fn rows(
        &mut self,
        sql: &'static str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<Row>, StoreError> {
        Ok(match self {
            Connection::Sqlite(turn) => {
                let rows = sqlx::query_with(sql, arguments::<Sqlite>(values)?)
                    .fetch_all(turn.ready().await?)
                    .await?;
                rows.into_iter().map(Row::from).collect()
            }
            Connection::Postgres(transaction) => {
                let rows = sqlx::query_with(sql, arguments::<Postgres>(values)?)
                    .fetch_all(&mut **transaction)
                    .await?;
                rows.into_iter().map(Row::from).collect()
            }
        })
    }

    /// Runs a query whose rows need not be in memory together.
    pub async fn each_row(
        &mut self,
        sql: &'static str,
        values: impl IntoIterator<Item = Value>,
        mut visit: impl FnMut(Row) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        match self {
            Connection::Sqlite(turn) => {
                let query = sqlx::query_with(sql, arguments::<Sqlite>(values)?);
                let mut rows = query.fetch(turn.ready().await?);
                while let Some(row) = rows.try_next().await? {
                    visit(Row::from(row))?;
                }
            }
            Connection::Postgres(transaction) => {
                let query = sqlx::query_with(sql, arguments::<Postgres>(values)?);
                let mut rows = query.fetch(&mut **transaction);
                while let Some(row) = rows.try_next().await? {
                    visit(Row::from(row))?;
                }
            }
        }
        Ok(())
    }

    /// Runs several statements, `;` between them, which take their values one after the other.
    /// Gives each one's rows. Only SQLite does that.
    pub(super) async fn round_trip(
        &mut self,
        sql: String,
        values: Vec<Value>,
    ) -> Result<Vec<Vec<Row>>, StoreError> {
        match self {
            Connection::Sqlite(turn) => turn.round_trip(sql, arguments::<Sqlite>(values)?).await,
            Connection::Postgres(_) => Err(one_at_a_time()),
        }
    }

    /// Runs such statements, the last of the transaction, which is committed in the same round
    /// trip.
    /// When this returns, it is on disk.
    pub(super) async fn last_round_trip(
        self,
        sql: String,
        values: Vec<Value>,
    ) -> Result<(), StoreError> {
        match self {
            Connection::Sqlite(turn) => {
                turn.last_round_trip(sql, arguments::<Sqlite>(values)?).await
            }
            Connection::Postgres(_) => Err(one_at_a_time()),
        }
    }

    /// Runs a statement whose values are arrays; only PostgreSQL has them.
    pub(super) async fn execute_columns(
        &mut self,
        sql: &'static str,
        columns: Vec<Vec<Value>>,
    ) -> Result<(), StoreError> {
        let arguments = arrays(columns)?;
        sqlx::query_with(sql, arguments).execute(&mut **self.postgres()?).await?;
        Ok(())
    }

    /// Runs a query whose values are arrays; only PostgreSQL has them.
    pub(super) async fn rows_of_columns(
        &mut self,
        sql: &'static str,
        columns: Vec<Vec<Value>>,
    ) -> Result<Vec<Row>, StoreError> {
        let arguments = arrays(columns)?;
        let rows = sqlx::query_with(sql, arguments).fetch_all(&mut **self.postgres()?).await?;
        Ok(rows.into_iter().map(Row::from).collect())
    }

    fn postgres(&mut self) -> Result<&mut Transaction<'static, Postgres>, StoreError> {
        match self {
            Connection::Postgres(transaction) => Ok(transaction),
            Connection::Sqlite(_) => Err(StoreError::Broken("SQLite has no arrays".to_owned())),
        }
    }

    /// Runs a query that gives one row or none.
    pub async fn row(
        &mut self,
        sql: &'static str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }

    /// The time that decisions go by. With many servers on one database it is the database's.
    pub async fn now(&mut self) -> Result<Millis, StoreError> {
        if let Connection::Sqlite(_) = self {
            return Ok(machine_time());
        }
        let sql = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";
        match self.row(sql, []).await? {
            Some(mut row) => row.next(),
            None => Err(StoreError::Broken("the database does not tell the time".to_owned())),
        }
    }

    /// Hints to other servers on the same database that they should read; sent with the commit.
    /// Nobody shares a file.
    pub async fn notify(
        &mut self,
        channel: &'static str,
        payload: String,
    ) -> Result<(), StoreError> {
        if let Connection::Postgres(_) = self {
            self.execute("SELECT pg_notify($1, $2)", values![channel, payload]).await?;
        }
        Ok(())
    }

    /// Runs a script of several statements without values, in this database's words.
    pub async fn script(&mut self, sql: &'static str) -> Result<(), StoreError> {
        match self {
            Connection::Sqlite(turn) => {
                let sql = sql.replace("/*keyed*/", "WITHOUT ROWID");
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(turn.ready().await?).await?;
            }
            Connection::Postgres(transaction) => {
                sqlx::raw_sql(sql).execute(&mut **transaction).await?;
            }
        }
        Ok(())
    }

    /// The columns of all tables, as the database itself knows them: by table, in the order of the
    /// columns.
    pub async fn columns(&mut self) -> Result<Vec<Column>, StoreError> {
        let sql = match self {
            Connection::Sqlite(_) => {
                "SELECT t.name, c.name, c.type, c.\"notnull\" = 0, c.pk FROM sqlite_master t JOIN \
                 pragma_table_info(t.name) c \
                 WHERE t.type = 'table' ORDER BY t.name, c.cid"
            }
            Connection::Postgres(_) => {
                "SELECT CAST(t.relname AS TEXT), CAST(c.attname AS TEXT), format_type(c.atttypid, \
                 NULL), NOT c.attnotnull, \
                 COALESCE((SELECT k.place FROM unnest(i.indkey) WITH ORDINALITY AS k (attnum, \
                 place) \
                 WHERE k.attnum = c.attnum), 0) \
                 FROM pg_class t JOIN pg_attribute c ON c.attrelid = t.oid AND c.attnum > 0 AND \
                 NOT c.attisdropped \
                 LEFT JOIN pg_index i ON i.indrelid = t.oid AND i.indisprimary \
                 WHERE t.relkind IN ('r', 'p') AND pg_table_is_visible(t.oid) \
                 AND t.relnamespace <> CAST('pg_catalog' AS regnamespace) ORDER BY t.relname, \
                 c.attnum"
            }
        };
        let rows = self.rows(sql, []).await?;
        let read = |mut row: Row| {
            Ok(Column {
                table: row.next()?,
                name: row.next()?,
                kind: row.next::<String>()?.to_ascii_uppercase(),
                nullable: row.next()?,
                key: row.next()?,
            })
        };
        rows.into_iter().map(read).collect()
    }

    /// Ends it without a trace.
    pub async fn roll_back(self) -> Result<(), StoreError> {
        match self {
            Connection::Sqlite(turn) => turn.roll_back().await?,
            Connection::Postgres(transaction) => transaction.rollback().await?,
        }
        Ok(())
    }

    /// Makes it last. When this returns, it is on disk.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self {
            Connection::Sqlite(turn) => turn.commit().await?,
            Connection::Postgres(transaction) => transaction.commit().await?,
        }
        Ok(())
    }
}

fn one_at_a_time() -> StoreError {
    StoreError::Broken("only SQLite runs several statements at once".to_owned())
}

/// The values in a database's own form.
fn arguments<DB>(values: impl IntoIterator<Item = Value>) -> Result<DB::Arguments, StoreError>
where
    DB: sqlx::Database,
    for<'q> Option<i64>: Encode<'q, DB> + Type<DB>,
    for<'q> Option<String>: Encode<'q, DB> + Type<DB>,
    for<'q> Option<Vec<u8>>: Encode<'q, DB> + Type<DB>,
    for<'q> bool: Encode<'q, DB> + Type<DB>,
{
    let mut arguments = DB::Arguments::default();
    for value in values {
        match value {
            Value::Int(value) => arguments.add(value),
            Value::Text(value) => arguments.add(value),
            Value::Bytes(value) => arguments.add(value),
            Value::Bool(value) => arguments.add(value),
        }
        .map_err(|cause| StoreError::Broken(cause.to_string()))?;
    }
    Ok(arguments)
}

/// Columns as PostgreSQL's arrays. A column's values are all of one kind.
fn arrays(columns: Vec<Vec<Value>>) -> Result<PgArguments, StoreError> {
    macro_rules! array {
        ($kind:ident, $column:expr) => {
            $column
                .into_iter()
                .filter_map(
                    |value| if let Value::$kind(value) = value { Some(value) } else { None },
                )
                .collect::<Vec<_>>()
        };
    }
    let mut arguments = PgArguments::default();
    for column in columns {
        match column.first() {
            Some(Value::Int(_)) => arguments.add(array!(Int, column)),
            Some(Value::Text(_)) => arguments.add(array!(Text, column)),
            Some(Value::Bytes(_)) => arguments.add(array!(Bytes, column)),
            Some(Value::Bool(_)) => arguments.add(array!(Bool, column)),
            None => Ok(()),
        }
        .map_err(|cause| StoreError::Broken(cause.to_string()))?;
    }
    Ok(arguments)
}
