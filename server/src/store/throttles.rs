//! Attempts that were counted, by whom or what they are counted for. Kept in the database, so that
//! neither a restart nor another server forgets.

use super::Store;
use super::driver::{Connection, Row, values};
use super::error::StoreError;
use crate::domain::Millis;

/// What was counted for a subject.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// How many attempts failed, or are being checked.
    pub failures: i64,
    /// When the first or the last of them was, as the one who counts has it.
    pub since: Millis,
}

fn read_count(row: &mut Row) -> Result<Count, StoreError> {
    Ok(Count { failures: row.next()?, since: row.next()? })
}

async fn count(connection: &mut Connection, subject: &str) -> Result<Count, StoreError> {
    let sql = "SELECT failures, since FROM throttles WHERE subject = $1";
    let row = connection.row(sql, values![subject]).await?;
    row.map_or(Ok(Count::default()), |mut row| read_count(&mut row))
}

/// What is counted for a subject, which nobody else changes until the transaction ends.
async fn held_count(connection: &mut Connection, subject: &str) -> Result<Count, StoreError> {
    let sql = "INSERT INTO throttles (subject, failures, since) VALUES ($1, 0, 0) ON CONFLICT \
        (subject) DO UPDATE SET failures = throttles.failures RETURNING failures, since";
    let row = connection.row(sql, values![subject]).await?;
    row.map_or(Ok(Count::default()), |mut row| read_count(&mut row))
}

impl Store {
    /// What was counted for each subject.
    pub async fn counts(&self, subjects: &[String]) -> Result<Vec<Count>, StoreError> {
        let mut connection = self.database.read().await?;
        let mut counts = Vec::new();
        for subject in subjects {
            counts.push(count(&mut connection, subject).await?);
        }
        Ok(counts)
    }

    /// Counts an attempt for all of these subjects, unless `decide` refuses it in view of what was
    /// counted for them. Attempts that come at once are decided one after the other. Subjects are
    /// of kinds, and each caller names them in the same order of kinds: nobody waits in a circle.
    pub async fn count_attempt<E>(
        &self,
        subjects: &[String],
        decide: impl FnOnce(&[Count]) -> Result<Vec<Count>, E>,
    ) -> Result<Result<(), E>, StoreError> {
        let mut connection = self.database.write().await?;
        let mut counts = Vec::new();
        for subject in subjects {
            counts.push(held_count(&mut connection, subject).await?);
        }
        let next = match decide(&counts) {
            Ok(next) => next,
            Err(refused) => {
                connection.roll_back().await?;
                return Ok(Err(refused));
            }
        };
        let sql = "UPDATE throttles SET failures = $2, since = $3 WHERE subject = $1";
        for (subject, count) in subjects.iter().zip(next) {
            connection.execute(sql, values![subject.as_str(), count.failures, count.since]).await?;
        }
        connection.commit().await?;
        Ok(Ok(()))
    }

    /// Takes back one attempt of each subject: it did not fail. Of those to be forgiven, all are
    /// forgotten.
    pub async fn uncount_attempt(
        &self,
        subjects: &[String],
        forgiven: &[String],
    ) -> Result<(), StoreError> {
        let mut connection = self.database.write().await?;
        for subject in subjects {
            let sql = if forgiven.contains(subject) {
                "DELETE FROM throttles WHERE subject = $1"
            } else {
                "UPDATE throttles SET failures = failures - 1 WHERE subject = $1 AND failures > 0"
            };
            connection.execute(sql, values![subject.as_str()]).await?;
        }
        connection.commit().await
    }

    /// Forgets what was counted for subjects of which nothing was heard since then.
    pub async fn forget_old_attempts(&self, before: Millis) -> Result<(), StoreError> {
        let mut connection = self.database.write().await?;
        connection.execute("DELETE FROM throttles WHERE since < $1", values![before]).await?;
        connection.commit().await
    }
}
