//! A table as it is copied: read in pages in the order of its key, written as many rows at once,
//! and read again to compare.

use super::CopyProblem;
use crate::domain::sha256;
use crate::store::driver::{Column, Connection, Row, Value};
use crate::store::error::StoreError;
use crate::store::many::{Many, execute_all};

/// Rows in a page, which are all that is held in memory.
const PAGE: usize = 256;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Int,
    Text,
    Bytes,
    Bool,
}

/// A table with its columns and statements.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    kinds: Vec<Kind>,
    /// Where the columns of the key stand among all.
    key: Vec<usize>,
    count: &'static str,
    first_page: &'static str,
    next_page: &'static str,
    insert: Many,
}

impl Table {
    /// The table as both databases know it. What they do not know alike is not copied.
    pub fn new(
        name: &'static str,
        source: &[Column],
        target: &[Column],
    ) -> Result<Self, CopyProblem> {
        let of_table = |columns: &[Column]| {
            columns.iter().filter(|it| it.table == name).cloned().collect::<Vec<_>>()
        };
        let columns = of_table(source);
        let mut by_name = [columns.clone(), of_table(target)];
        for columns in &mut by_name {
            columns.sort_by(|one, two| one.name.cmp(&two.name));
        }
        let kinds: Option<Vec<_>> = columns.iter().map(kind).collect();
        let mut key: Vec<_> = (0..columns.len()).filter(|place| columns[*place].key > 0).collect();
        key.sort_by_key(|place| columns[*place].key);
        match kinds {
            Some(kinds) if by_name[0] == by_name[1] && !key.is_empty() => {
                Ok(Self::of(name, &columns, kinds, key))
            }
            _ => Err(CopyProblem::Unlike(name)),
        }
    }

    fn of(name: &'static str, columns: &[Column], kinds: Vec<Kind>, key: Vec<usize>) -> Self {
        let names = |places: &mut dyn Iterator<Item = usize>| {
            places.map(|place| columns[place].name.as_str()).collect::<Vec<_>>().join(", ")
        };
        let (all, keys) = (names(&mut (0..columns.len())), names(&mut key.iter().copied()));
        let places =
            (1..=key.len()).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ");
        let end = format!("ORDER BY {keys} LIMIT {PAGE}");
        Self {
            name,
            count: text(format!("SELECT COUNT(*) FROM {name}")),
            first_page: text(format!("SELECT {all} FROM {name} {end}")),
            next_page: text(format!("SELECT {all} FROM {name} WHERE ({keys}) > ({places}) {end}")),
            insert: Many {
                before: text(format!("INSERT INTO {name} ({all})")),
                width: columns.len(),
                after: "",
            },
            kinds,
            key,
        }
    }

    /// How many rows it has.
    pub async fn count(&self, connection: &mut Connection) -> Result<u64, StoreError> {
        let count: i64 = match connection.row(self.count, []).await? {
            Some(mut row) => row.next()?,
            None => 0,
        };
        Ok(count.unsigned_abs())
    }

    /// Its pages from the first on.
    pub fn pages(&self) -> Pages<'_> {
        Pages { table: self, after: None, done: false }
    }

    /// Adds rows.
    pub async fn insert(
        &self,
        connection: &mut Connection,
        rows: Vec<Vec<Value>>,
    ) -> Result<(), StoreError> {
        execute_all(connection, vec![self.insert.filled_flat(rows.into_iter().flatten().collect())])
            .await
    }

    fn read(&self, mut row: Row) -> Result<Vec<Value>, StoreError> {
        let value = |kind: &Kind| {
            Ok(match kind {
                Kind::Int => Value::Int(row.next()?),
                Kind::Text => Value::Text(row.next()?),
                Kind::Bytes => Value::Bytes(row.next()?),
                Kind::Bool => Value::Bool(row.next()?),
            })
        };
        self.kinds.iter().map(value).collect()
    }
}

/// The kind of a column; none when the schema has a type that copying does not know.
fn kind(column: &Column) -> Option<Kind> {
    match column.kind.as_str() {
        "BIGINT" => Some(Kind::Int),
        "TEXT" => Some(Kind::Text),
        "BYTEA" => Some(Kind::Bytes),
        // No statement of the store has a place for a truth value that is null.
        "BOOLEAN" if !column.nullable => Some(Kind::Bool),
        _ => None,
    }
}

/// A statement's text for the rest of the program's life. There are few, made once, by a command
/// that then ends.
fn text(sql: String) -> &'static str {
    sql.leak()
}

/// Reads a table page by page.
pub struct Pages<'a> {
    table: &'a Table,
    /// The key of the last row that was read.
    after: Option<Vec<Value>>,
    done: bool,
}

impl Pages<'_> {
    /// The next page; none after the last.
    pub async fn next(
        &mut self,
        connection: &mut Connection,
    ) -> Result<Option<Vec<Vec<Value>>>, StoreError> {
        if self.done {
            return Ok(None);
        }
        let rows = match self.after.take() {
            None => connection.rows(self.table.first_page, []).await?,
            Some(key) => connection.rows(self.table.next_page, key).await?,
        };
        let rows =
            rows.into_iter().map(|row| self.table.read(row)).collect::<Result<Vec<_>, _>>()?;
        self.after =
            rows.last().map(|row| self.table.key.iter().map(|place| row[*place].clone()).collect());
        self.done = rows.len() < PAGE;
        Ok((!rows.is_empty()).then_some(rows))
    }
}

/// What tells a table's content from any other, whatever the order of its rows: databases sort
/// texts each in their own way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint {
    /// How many rows there are.
    pub rows: u64,
    /// The sum of the rows' digests.
    sum: [u64; 4],
}

impl Fingerprint {
    /// Adds a page.
    pub fn add(&mut self, rows: &[Vec<Value>]) {
        for row in rows {
            self.rows += 1;
            let digest = sha256(&[&bytes(row)]);
            for (sum, part) in self.sum.iter_mut().zip(digest.0.as_chunks::<8>().0) {
                *sum = sum.wrapping_add(u64::from_be_bytes(*part));
            }
        }
    }
}

/// A row as bytes, which no other row has.
fn bytes(row: &[Value]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut put = |kind: u8, content: &[u8]| {
        bytes.push(kind);
        bytes.extend((content.len() as u64).to_be_bytes());
        bytes.extend(content);
    };
    for value in row {
        match value {
            Value::Int(None) | Value::Text(None) | Value::Bytes(None) => put(0, &[]),
            Value::Int(Some(number)) => put(1, &number.to_be_bytes()),
            Value::Text(Some(text)) => put(2, text.as_bytes()),
            Value::Bytes(Some(content)) => put(3, content),
            Value::Bool(yes) => put(4, &[u8::from(*yes)]),
        }
    }
    bytes
}
