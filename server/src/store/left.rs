//! Counting what somebody left behind, before there is more of it.

use super::Store;
use super::driver::values;
use super::error::StoreError;
use crate::domain::{Caller, MessageKind, TeamId, TicketId};

/// Who wrote on a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Its customer.
    Customer,
    /// Whoever replies and notes.
    Staff,
}

/// What one side wrote on a ticket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Messages.
    pub messages: i64,
    /// Bytes of them, as they are stored.
    pub bytes: i64,
}

impl Store {
    /// What this side wrote on this ticket.
    pub async fn written(
        &self,
        team: TeamId,
        ticket: TicketId,
        side: Side,
    ) -> Result<Written, StoreError> {
        let mut connection = self.database().read().await?;
        let sql = "SELECT COUNT(*), CAST(COALESCE(SUM(OCTET_LENGTH(c.body)), 0) AS BIGINT) \
                   FROM messages m JOIN contents c ON c.team_id = m.team_id AND c.content_id = \
                   m.content_id \
                   WHERE m.team_id = $1 AND m.ticket_id = $2 \
                   AND CASE WHEN m.kind = $3 THEN 1 ELSE 0 END = $4";
        let customers = i64::from(side == Side::Customer);
        let values = values![team, ticket.0, MessageKind::Customer as i64, customers];
        let Some(mut row) = connection.row(sql, values).await? else {
            return Ok(Written::default());
        };
        Ok(Written { messages: row.next()?, bytes: row.next()? })
    }

    /// How many requests of this caller are remembered.
    pub async fn remembered(&self, team: TeamId, caller: Caller) -> Result<i64, StoreError> {
        let sql = "SELECT COUNT(*) FROM requests WHERE team_id = $1 AND caller = $2";
        let mut connection = self.database().read().await?;
        match connection.row(sql, values![team, caller.key()]).await? {
            Some(mut row) => row.next(),
            None => Ok(0),
        }
    }

    /// Whether this request of this caller is remembered: another one with its id is a repeat.
    pub async fn remembers(
        &self,
        team: TeamId,
        caller: Caller,
        request_id: &str,
    ) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM requests WHERE team_id = $1 AND caller = $2 AND request_id = $3";
        let mut connection = self.database().read().await?;
        let values = values![team, caller.key(), request_id.to_owned()];
        Ok(connection.row(sql, values).await?.is_some())
    }
}
