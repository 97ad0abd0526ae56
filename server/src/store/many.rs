//! Statements for many rows, and several of them together.
//!
//! PostgreSQL gets the rows as one array a column, whatever their number. SQLite gets them in a few
//! fixed sizes, so that statements stay prepared, filled up with rows of nulls that count for
//! nothing; and all statements in one round trip: it works in a thread of its own, and each round
//! trip to it costs more than many a row.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use super::driver::{Connection, Row, Value};
use super::error::StoreError;

/// The sizes on SQLite, smallest first. A prepared statement holds memory for each place, and a
/// null takes a moment.
const SIZES: [Size; 17] = [
    Size::once(1),
    Size::once(2),
    Size::once(4),
    Size::once(8),
    Size::once(12),
    Size::once(16),
    Size::once(24),
    Size::once(32),
    Size::once(48),
    Size::times(1),
    Size::times(2),
    Size::times(3),
    Size::times(4),
    Size::times(6),
    Size::times(8),
    Size::times(12),
    Size::times(16),
];

/// Rows that SQLite takes at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Size {
    /// Rows of a statement.
    rows: usize,
    /// How often the statement stands in the round trip.
    times: usize,
}

impl Size {
    const fn once(rows: usize) -> Self {
        Size { rows, times: 1 }
    }

    /// So often 64. A longer statement was no faster for each row.
    const fn times(times: usize) -> Self {
        Size { rows: 64, times }
    }

    fn all_rows(self) -> usize {
        self.rows * self.times
    }

    /// The size of the next chunk of so many rows: the smallest that holds them all, or the
    /// greatest. None: there are none.
    fn for_rows(count: usize) -> Option<Self> {
        let enough = SIZES.into_iter().find(|size| size.all_rows() >= count);
        if count == 0 { None } else { enough.or(SIZES.last().copied()) }
    }
}

/// A statement with a place for many rows: one that inserts them, or one that joins them with what
/// is there. The first value of a row is never null, and the first column is joined by.
#[derive(Debug, PartialEq, Eq, Hash, Clone, Copy)]
pub struct Many {
    /// What comes before the rows.
    pub before: &'static str,
    /// Values in a row.
    pub width: usize,
    /// What comes after the rows.
    pub after: &'static str,
}

/// A statement with its rows, one after the other.
#[derive(Debug)]
pub struct Filled {
    many: Many,
    values: Vec<Value>,
}

/// How a database takes rows.
#[derive(Debug, PartialEq, Eq, Hash, Clone)]
enum Form {
    /// SQLite: so many rows of bare places, of which those count whose first value is not null.
    /// `$1` it takes for a name, and finding each name among thousands takes longer than all the
    /// rest.
    Rows(usize),
    /// PostgreSQL: an array a column, of these types.
    Columns(Vec<&'static str>),
}

impl Many {
    /// With these rows.
    pub fn filled<const WIDTH: usize>(
        self,
        rows: impl IntoIterator<Item = [Value; WIDTH]>,
    ) -> Filled {
        debug_assert_eq!(self.width, WIDTH, "{}", self.before);
        Filled { many: self, values: rows.into_iter().flatten().collect() }
    }

    /// With these rows, one after the other: for statements whose width only the schema knows.
    pub fn filled_flat(self, values: Vec<Value>) -> Filled {
        debug_assert_eq!(values.len() % self.width, 0, "{}", self.before);
        Filled { many: self, values }
    }

    /// The text in that form. Made once; there are few statements and few forms.
    fn text(self, form: Form) -> &'static str {
        static TEXTS: LazyLock<Mutex<HashMap<(Many, Form), &'static str>>> =
            LazyLock::new(Mutex::default);
        let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = texts.get(&(self, form.clone())) {
            return text;
        }
        let rows = match &form {
            Form::Rows(count) => {
                let row = format!("({})", vec!["?"; self.width].join(", "));
                let rows = format!("VALUES {}", vec![row.as_str(); *count].join(", "));
                if *count > 1 && self.inserts() {
                    format!("SELECT * FROM ({rows}) WHERE column1 IS NOT NULL")
                } else {
                    rows
                }
            }
            Form::Columns(types) => {
                let columns: Vec<_> =
                    types.iter().zip(1..).map(|(of, place)| format!("${place}::{of}[]")).collect();
                format!("SELECT * FROM UNNEST({})", columns.join(", "))
            }
        };
        let text = format!("{} {rows} {}", self.before, self.after);
        // Without this, SQLite keeps a copy of each page that a statement of many rows changes, to
        // undo the statement alone. Here a refused statement is always the end of its transaction.
        let text = match &form {
            Form::Rows(_) => text.replacen("INSERT INTO", "INSERT OR ROLLBACK INTO", 1).leak(),
            Form::Columns(_) => text.leak(),
        };
        texts.insert((self, form), text);
        text
    }

    fn inserts(self) -> bool {
        self.before.starts_with("INSERT INTO")
    }

    /// The text for so many rows on SQLite, for tests of what it does with it.
    #[cfg(test)]
    pub(super) fn text_of_rows(self, rows: usize) -> &'static str {
        self.text(Form::Rows(rows))
    }
}

impl Filled {
    /// Runs the query and gives what it finds for each row, in no order.
    pub async fn rows(self, connection: &mut Connection) -> Result<Vec<Row>, StoreError> {
        Ok(query_all(connection, vec![self]).await?.into_iter().flatten().collect())
    }

    /// Rows that there are.
    fn count(&self) -> usize {
        self.values.len() / self.many.width
    }
}

/// Runs all queries and gives what each of them finds, in no order.
pub async fn query_all(
    connection: &mut Connection,
    queries: Vec<Filled>,
) -> Result<Vec<Vec<Row>>, StoreError> {
    let mut found: Vec<Vec<Row>> = queries.iter().map(|_| Vec::new()).collect();
    if let Connection::Postgres(_) = connection {
        for (place, query) in queries.into_iter().enumerate().filter(|(_, query)| query.count() > 0)
        {
            let (text, columns) = columns(query);
            found[place] = connection.rows_of_columns(text, columns).await?;
        }
        return Ok(found);
    }
    for round_trip in round_trips(queries) {
        let results = connection.round_trip(round_trip.text, round_trip.values).await?;
        for (place, mut rows) in round_trip.places.into_iter().zip(results) {
            found[place].append(&mut rows);
        }
    }
    Ok(found)
}

/// Runs all statements.
pub async fn execute_all(
    connection: &mut Connection,
    statements: Vec<Filled>,
) -> Result<(), StoreError> {
    if let Connection::Postgres(_) = connection {
        for statement in statements.into_iter().filter(|statement| statement.count() > 0) {
            let (text, columns) = columns(statement);
            connection.execute_columns(text, columns).await?;
        }
        return Ok(());
    }
    for round_trip in round_trips(statements) {
        connection.round_trip(round_trip.text, round_trip.values).await?;
    }
    Ok(())
}

/// Runs all statements, the last of a transaction, and makes it last. When this returns, it is on
/// disk.
pub async fn commit_with(
    mut connection: Connection,
    statements: Vec<Filled>,
) -> Result<(), StoreError> {
    if let Connection::Postgres(_) = connection {
        execute_all(&mut connection, statements).await?;
        return connection.commit().await;
    }
    let mut round_trips = round_trips(statements);
    let last = round_trips.pop();
    for round_trip in round_trips {
        connection.round_trip(round_trip.text, round_trip.values).await?;
    }
    match last {
        Some(last) => connection.last_round_trip(last.text, last.values).await,
        None => connection.commit().await,
    }
}

/// The rows as columns, with the statement's text for them.
fn columns(statement: Filled) -> (&'static str, Vec<Vec<Value>>) {
    let Filled { many, values } = statement;
    let count = values.len() / many.width;
    let mut columns: Vec<Vec<Value>> = (0..many.width).map(|_| Vec::with_capacity(count)).collect();
    let types = values.iter().take(many.width).map(Value::type_name).collect();
    for (place, value) in values.into_iter().enumerate() {
        columns[place % many.width].push(value);
    }
    (many.text(Form::Columns(types)), columns)
}

/// Statements of some rows each that SQLite is given at once.
#[derive(Default)]
struct RoundTrip {
    text: String,
    values: Vec<Value>,
    /// Which of all statements they are.
    places: Vec<usize>,
}

/// As few round trips as there can be: in each, every statement has the size that the longest one
/// needs.
fn round_trips(statements: Vec<Filled>) -> Vec<RoundTrip> {
    let mut left: Vec<_> = statements
        .into_iter()
        .enumerate()
        .map(|(place, statement)| {
            (place, statement.many, statement.count(), statement.values.into_iter())
        })
        .collect();
    let mut round_trips: Vec<RoundTrip> = Vec::new();
    while let Some(size) = left.iter().map(|(_, _, count, _)| *count).max().and_then(Size::for_rows)
    {
        let mut round_trip = RoundTrip::default();
        for (place, many, count, values) in left.iter_mut().filter(|(_, _, count, _)| *count > 0) {
            let times = if *count > size.rows { size.times } else { 1 };
            for _ in 0..times {
                let separator = if round_trip.places.is_empty() { "" } else { ";\n" };
                round_trip.text.extend([separator, many.text(Form::Rows(size.rows))]);
                round_trip.places.push(*place);
            }
            let rows = size.rows * times;
            let wanted = round_trip.values.len() + rows * many.width;
            round_trip.values.extend(values.take(rows * many.width));
            round_trip.values.resize(wanted, Value::Int(None));
            *count = count.saturating_sub(rows);
        }
        round_trips.push(round_trip);
    }
    round_trips
}

#[cfg(test)]
mod tests {
    use super::super::driver::{Database, values};
    use super::*;
    use crate::store::migrate;

    const PAIRS: Many = Many { before: "INSERT INTO pairs", width: 2, after: "RETURNING 1" };
    const ONES: Many = Many { before: "INSERT INTO ones", width: 1, after: "" };

    #[test]
    fn statements_go_together() {
        let shapes = |pairs: i64, ones: i64| -> Vec<_> {
            let pairs = PAIRS.filled((0..pairs).map(|row| values![row, row]));
            let ones = ONES.filled((0..ones).map(|row| values![row]));
            let round_trips = round_trips(vec![pairs, ones]).into_iter();
            round_trips
                .map(|round_trip| {
                    (
                        round_trip.places,
                        round_trip.values.len(),
                        round_trip.text.matches('(').count(),
                    )
                })
                .collect()
        };
        assert_eq!(
            shapes(47, 5),
            [(vec![0, 1], 144, 98)],
            "the second is filled up to the size of the first"
        );
        let several = [(vec![0, 0, 0, 1], 448, 260)];
        assert_eq!(shapes(139, 64), several, "three statements of 64 pairs, and one of the others");
        assert_eq!(shapes(1_100, 0), [(vec![0; 16], 2_048, 1_040), (vec![0, 0], 256, 130)]);
        assert!(round_trips(vec![ONES.filled(Vec::<[Value; 1]>::new())]).is_empty());
    }

    #[test]
    fn each_database_has_its_form() {
        let two = "INSERT OR ROLLBACK INTO pairs SELECT * FROM (VALUES (?, ?), (?, ?)) WHERE \
            column1 IS NOT NULL RETURNING 1";
        assert_eq!(PAIRS.text(Form::Rows(2)), two);
        assert_eq!(
            PAIRS.text(Form::Rows(1)),
            "INSERT OR ROLLBACK INTO pairs VALUES (?, ?) RETURNING 1"
        );
        let (text, columns) =
            columns(PAIRS.filled([values![1_i64, "a"], values![2_i64, "b"], values![3_i64, "c"]]));
        assert_eq!(
            text,
            "INSERT INTO pairs SELECT * FROM UNNEST($1::BIGINT[], $2::TEXT[]) RETURNING 1"
        );
        assert_eq!(columns.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3]);
    }

    /// On SQLite a refused statement ends its transaction, and the writer's next one begins all the
    /// same.
    #[tokio::test]
    async fn a_refused_statement_leaves_nothing_behind() {
        const LEASES: Many =
            Many { before: "INSERT INTO leases (name, holder, until)", width: 3, after: "" };
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("desk.db").display());
        let database = Database::open(&url).await.expect("a database");
        migrate(&database).await.expect("a schema");
        for names in [["a", "b", "a"], ["c", "d", "c"]] {
            let mut connection = database.write().await.expect("a writer");
            let rows = LEASES.filled(names.map(|name| values![name, "me", 1_i64]));
            assert!(
                execute_all(&mut connection, vec![rows]).await.is_err(),
                "{names:?} has a twin"
            );
        }
        let connection = database.write().await.expect("a writer");
        let rows = LEASES.filled(["e", "f", "e"].map(|name| values![name, "me", 1_i64]));
        assert!(
            commit_with(connection, vec![rows]).await.is_err(),
            "the last round trip is refused"
        );
        let connection = database.write().await.expect("a writer");
        let rows = LEASES.filled([values!["a", "me", 1_i64]]);
        commit_with(connection, vec![rows]).await.expect("it is kept");
        let mut connection = database.read().await.expect("a reader");
        let found = connection.rows("SELECT name FROM leases", []).await.expect("they are read");
        assert_eq!(found.len(), 1);
    }
}
