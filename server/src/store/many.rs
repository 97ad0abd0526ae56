//! Statements for many rows at once, in a few fixed sizes so that they stay prepared.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use super::driver::{Connection, Places, Row, Value};
use super::error::StoreError;

/// The sizes, greatest first.
const SIZES: [usize; 5] = [256, 64, 16, 4, 1];

/// Texts by statement, number of rows and kind of places.
type Texts = HashMap<(Many, usize, Places), &'static str>;

/// A statement with a place for many rows.
#[derive(Debug, PartialEq, Eq, Hash, Clone, Copy)]
pub struct Many {
    /// What comes before the rows.
    pub before: &'static str,
    /// Values in a row.
    pub width: usize,
    /// What comes after the rows.
    pub after: &'static str,
}

impl Many {
    /// The text for that many rows. Made once; there are few statements and five sizes.
    pub(super) fn text(self, rows: usize, places: Places) -> &'static str {
        static TEXTS: LazyLock<Mutex<Texts>> = LazyLock::new(Mutex::default);
        let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
        texts.entry((self, rows, places)).or_insert_with(|| {
            let mut text = String::from(self.before);
            for row in 0..rows {
                text.push_str(if row == 0 { " (" } else { ", (" });
                for column in 0..self.width {
                    text.push_str(if column == 0 { "" } else { ", " });
                    match places {
                        Places::Bare => text.push('?'),
                        Places::Numbered => {
                            text.push('$');
                            text.push_str(&(row * self.width + column + 1).to_string());
                        }
                    }
                }
                text.push(')');
            }
            text.push(' ');
            text.push_str(self.after);
            text.leak()
        })
    }

    /// Runs the statement for all rows.
    pub async fn execute(self, connection: &mut Connection, rows: Vec<Vec<Value>>) -> Result<(), StoreError> {
        for (size, values) in self.chunks(rows) {
            connection.execute(self.text(size, connection.places()), values).await?;
        }
        Ok(())
    }

    /// Runs the query for all rows and gives what they find, in no order.
    pub async fn rows(self, connection: &mut Connection, rows: Vec<Vec<Value>>) -> Result<Vec<Row>, StoreError> {
        let mut found = Vec::new();
        for (size, values) in self.chunks(rows) {
            found.append(&mut connection.rows(self.text(size, connection.places()), values).await?);
        }
        Ok(found)
    }

    fn chunks(self, rows: Vec<Vec<Value>>) -> Vec<(usize, Vec<Value>)> {
        let mut left = rows.len();
        let mut rows = rows.into_iter();
        let mut chunks = Vec::new();
        while let Some(size) = SIZES.into_iter().find(|size| *size <= left) {
            left -= size;
            let values: Vec<Value> = rows.by_ref().take(size).flatten().collect();
            debug_assert_eq!(values.len(), size * self.width);
            chunks.push((size, values));
        }
        chunks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_cut_into_fixed_sizes() {
        let pairs = Many { before: "VALUES", width: 2, after: "" };
        let rows = (0..341_i64).map(|row| vec![Value::from(row), Value::from(row)]).collect();
        let sizes: Vec<_> = pairs.chunks(rows).into_iter().map(|(size, values)| (size, values.len())).collect();
        assert_eq!(sizes, [(256, 512), (64, 128), (16, 32), (4, 8), (1, 2)]);
        assert_eq!(pairs.text(2, Places::Numbered), "VALUES ($1, $2), ($3, $4) ");
        assert_eq!(pairs.text(2, Places::Bare), "VALUES (?, ?), (?, ?) ");
        assert!(pairs.chunks(Vec::new()).is_empty());
    }
}
