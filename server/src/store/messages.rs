//! What is written on tickets.

use std::sync::Arc;

use super::Store;
use super::driver::{Row, values};
use super::error::StoreError;
use super::tickets::by_number;
use crate::domain::{
    ContentId, ContentRef, Entry, MemberId, Message, MessageEntry, MessageId, MessageKind, TeamId,
    TicketId,
};

/// What the messages of one look at a ticket may take, in bytes: with all else it stays below what
/// clients take in one answer.
const MESSAGE_BYTES: usize = 900 * 1024;

/// What stands around a text in an answer, at most: who wrote it, when, its id.
const AROUND_A_TEXT: usize = 512;

/// A query of a ticket's messages with their words, in the order of [`read`]. Erased ones are
/// missing.
macro_rules! select_messages {
    ($rest:literal) => {
        concat!(
            "SELECT m.message_id, m.kind, m.author_id, m.written_at, m.content_id, \
             m.content_digest, c.body FROM messages m \
             JOIN contents c ON c.team_id = m.team_id AND c.content_id = m.content_id \
             WHERE m.team_id = $1 AND m.ticket_id = $2 AND ",
            $rest
        )
    };
}

fn read(row: &mut Row, ticket: TicketId) -> Result<MessageEntry, StoreError> {
    let image = Message {
        id: MessageId(row.next()?),
        ticket,
        kind: by_number(&MessageKind::ALL, row.next()?)?,
        author: row.next::<Option<i64>>()?.map(MemberId),
        at: row.next()?,
        words: ContentRef { id: ContentId(row.next()?), digest: row.digest()? },
    };
    Ok(Entry { image, words: Arc::new(row.json()?) })
}

impl Store {
    /// The newest messages of a ticket, oldest first: at most 500 of them, and as many as fit into
    /// an answer.
    pub async fn messages(
        &self,
        team: TeamId,
        ticket: TicketId,
    ) -> Result<Vec<MessageEntry>, StoreError> {
        self.messages_after(team, ticket, MessageId(0)).await
    }

    /// Likewise, of those that came after that one.
    pub async fn messages_after(
        &self,
        team: TeamId,
        ticket: TicketId,
        after: MessageId,
    ) -> Result<Vec<MessageEntry>, StoreError> {
        let mut connection = self.database.read().await?;
        let sql = select_messages!("m.message_id > $3 ORDER BY m.message_id DESC LIMIT 500");
        let mut newest: Vec<MessageEntry> = Vec::new();
        let mut bytes = 0;
        for mut row in connection.rows(sql, values![team, ticket.0, after.0]).await? {
            let message = read(&mut row, ticket)?;
            bytes += message.words.text.len() + AROUND_A_TEXT;
            if bytes > MESSAGE_BYTES {
                break;
            }
            newest.push(message);
        }
        newest.reverse();
        Ok(newest)
    }

    /// One of them. None: it is erased.
    pub async fn message(
        &self,
        team: TeamId,
        ticket: TicketId,
        message: MessageId,
    ) -> Result<Option<MessageEntry>, StoreError> {
        let mut connection = self.database.read().await?;
        let sql = select_messages!("m.message_id = $3");
        let row = connection.row(sql, values![team, ticket.0, message.0]).await?;
        row.map(|mut row| read(&mut row, ticket)).transpose()
    }
}
