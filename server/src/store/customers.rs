//! Counting what a customer left behind, before there is more of it.

use super::Store;
use super::driver::values;
use super::error::StoreError;
use crate::domain::{Caller, MessageKind, TeamId, TicketId};

/// What a customer left behind on their ticket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftBehind {
    /// Messages of theirs.
    pub messages: i64,
    /// Bytes of them, as they are stored.
    pub bytes: i64,
    /// Requests of theirs whose outcome is remembered.
    pub requests: i64,
    /// The request in question is among these: it is a repeat.
    pub repeated: bool,
}

impl Store {
    /// What this customer left behind on this ticket.
    pub async fn left_behind(
        &self,
        team: TeamId,
        ticket: TicketId,
        caller: Caller,
        request_id: &str,
    ) -> Result<LeftBehind, StoreError> {
        let mut connection = self.database().read().await?;
        let mut left = LeftBehind::default();
        let sql = "SELECT COUNT(*), COUNT(CASE WHEN request_id = $3 THEN 1 END) FROM requests \
                   WHERE team_id = $1 AND caller = $2";
        let values = values![team, caller.key(), request_id.to_owned()];
        if let Some(mut row) = connection.row(sql, values).await? {
            left.requests = row.next()?;
            left.repeated = row.next::<i64>()? > 0;
        }
        let sql = "SELECT COUNT(*), CAST(COALESCE(SUM(OCTET_LENGTH(c.body)), 0) AS BIGINT) \
                   FROM messages m JOIN contents c ON c.team_id = m.team_id AND c.content_id = \
                   m.content_id \
                   WHERE m.team_id = $1 AND m.ticket_id = $2 AND m.kind = $3";
        let values = values![team, ticket.0, MessageKind::Customer as i64];
        if let Some(mut row) = connection.row(sql, values).await? {
            (left.messages, left.bytes) = (row.next()?, row.next()?);
        }
        Ok(left)
    }
}
