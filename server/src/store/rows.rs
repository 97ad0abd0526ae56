//! Writes what was decided: one multi-row statement a table for what is frequent, single statements
//! for what is rare.

use std::collections::BTreeMap;

use super::driver::{Connection, Value, values, write_json};
use super::error::StoreError;
use super::log::image_of;
use super::many::{Filled, Many, execute_all};
use super::{accounts, log, tickets};
use crate::domain::{
    Change, ContentId, Digest, DirectoryEvent, Entry, Event, Item, ItemId, Member, MemberState,
    MemberWords, NewWords, Reply, Request, TeamId, Ticket, TicketId,
};

const NEW_CONTENTS: Many =
    Many { before: "INSERT INTO contents (team_id, content_id, salt, body)", width: 4, after: "" };
const CONTENTS: Many = Many {
    after: "ON CONFLICT (team_id, content_id) DO UPDATE SET salt = excluded.salt, body = \
        excluded.body",
    ..NEW_CONTENTS
};
const MESSAGES: Many = Many {
    before: "INSERT INTO messages (team_id, ticket_id, message_id, kind, author_id, written_at, \
        content_id, content_digest)",
    width: 8,
    after: "",
};
const LOG: Many = Many {
    before: "INSERT INTO log (team_id, revision, decided_at, record, chain)",
    width: 5,
    after: "",
};
const TICKET_LOG: Many =
    Many { before: "INSERT INTO ticket_log (team_id, ticket_id, revision)", width: 3, after: "" };
const REQUESTS: Many = Many {
    before: "INSERT INTO requests (team_id, caller, request_id, fingerprint, reply, decided_at)",
    width: 6,
    after: "",
};

/// The rows of some changes in the making.
#[derive(Default)]
pub struct Rows<'a> {
    /// As they were left, and whether they are new.
    tickets: BTreeMap<(TeamId, TicketId), (&'a Ticket, bool)>,
    /// Words of what has them once and for all.
    new_contents: Vec<[Value; 4]>,
    /// Words of what can get others.
    contents: BTreeMap<(TeamId, ContentId), &'a NewWords>,
    messages: Vec<[Value; 8]>,
    log: Vec<[Value; 5]>,
    ticket_log: Vec<[Value; 3]>,
    requests: Vec<[Value; 6]>,
}

impl<'a> Rows<'a> {
    /// Adds a change with its record; gives the chain's new end.
    pub fn add_change(&mut self, change: &'a Change, chain: Digest) -> Result<Digest, StoreError> {
        let record = log::write_record(change)?;
        let chain = log::link(chain, change.team, change.revision, change.at, &record);
        self.log.push(values![change.team, change.revision, change.at, record, chain]);
        for event in &change.events {
            self.add_event(change, event);
        }
        Ok(chain)
    }

    fn add_event(&mut self, change: &'a Change, event: &'a Event) {
        let team = change.team;
        match event {
            Event::Ticket(entry, words) => {
                let ticket = &entry.image.ticket;
                self.ticket_log.push(values![team, ticket.id.0, change.revision]);
                let new = entry.image.before.is_none();
                match words {
                    Some(words) if new => {
                        self.new_contents.push(content(team, ticket.words.id, words));
                    }
                    Some(words) => {
                        self.contents.insert((team, ticket.words.id), words);
                    }
                    None => {}
                }
                let row = self.tickets.entry((team, ticket.id)).or_insert((ticket, new));
                row.0 = ticket;
            }
            Event::Message(entry, words) => {
                let message = &entry.image;
                self.messages.push(values![
                    team,
                    message.ticket.0,
                    message.id.0,
                    message.kind as i64,
                    message.author.map(|author| author.0),
                    message.at,
                    message.words.id.0,
                    message.words.digest,
                ]);
                self.new_contents.push(content(team, message.words.id, words));
            }
            Event::Directory(DirectoryEvent::Set(item, Some(words), _)) => {
                self.contents.insert((team, item.content().id), words);
            }
            // What has no words is written by itself: see `write_rare`.
            Event::Directory(DirectoryEvent::Set(_, None, _) | DirectoryEvent::Gone(_))
            | Event::HistoryMoved { .. }
            | Event::TicketsErased(_)
            | Event::Account(_) => {}
        }
    }

    /// Remembers a request with its outcome.
    pub fn remember(
        &mut self,
        request: &Request,
        reply: &Reply,
        at: i64,
    ) -> Result<(), StoreError> {
        if let Some(Ok(memory)) = &request.memory {
            self.requests.push(values![
                request.team,
                request.caller.key(),
                memory.request_id.as_str(),
                memory.fingerprint,
                write_json(reply)?,
                at,
            ]);
        }
        Ok(())
    }

    /// What writes them.
    pub fn statements(self) -> Result<Vec<Filled>, StoreError> {
        let [new, changed, handlers] = tickets::write(&self.tickets)?;
        Ok(vec![
            new,
            changed,
            handlers,
            NEW_CONTENTS.filled(self.new_contents),
            CONTENTS
                .filled(self.contents.iter().map(|((team, id), words)| content(*team, *id, words))),
            MESSAGES.filled(self.messages),
            LOG.filled(self.log),
            TICKET_LOG.filled(self.ticket_log),
            REQUESTS.filled(self.requests),
        ])
    }
}

fn content(team: TeamId, id: ContentId, words: &NewWords) -> [Value; 4] {
    values![team, id.0, words.salt.as_slice(), words.body.as_str()]
}

/// Whether there is anything for [`write_rare`].
pub fn any_rare(changes: &[Change]) -> bool {
    let mut events = changes.iter().flat_map(|change| &change.events);
    events.any(|event| !matches!(event, Event::Ticket(..) | Event::Message(..)))
}

/// Writes what is not in [`Rows`]: events that are rare, one by one.
pub async fn write_rare(connection: &mut Connection, changes: &[Change]) -> Result<(), StoreError> {
    for change in changes {
        for event in &change.events {
            write_event(connection, change.team, event).await?;
        }
    }
    Ok(())
}

async fn write_event(
    connection: &mut Connection,
    team: TeamId,
    event: &Event,
) -> Result<(), StoreError> {
    match event {
        Event::Ticket(..) | Event::Message(..) => Ok(()),
        Event::Directory(DirectoryEvent::Set(item, ..)) => put(connection, team, item).await,
        Event::Directory(DirectoryEvent::Gone(item)) => remove(connection, team, *item).await,
        Event::HistoryMoved { from, to, tickets: None } => {
            let sql = "UPDATE tickets SET group_id = $3 WHERE team_id = $1 AND group_id = $2 AND \
                ended_at IS NOT NULL";
            connection.execute(sql, values![team, from.0, to.0]).await.map(drop)
        }
        Event::HistoryMoved { to, tickets: Some(tickets), .. } => {
            let moved = tickets.iter().map(|ticket| values![team, ticket.0, to.0]);
            execute_all(connection, vec![MOVE.filled(moved)]).await
        }
        Event::TicketsErased(tickets) => erase(connection, team, tickets).await,
        Event::Account(event) => accounts::write(connection, event).await,
    }
}

async fn put(connection: &mut Connection, team: TeamId, item: &Item) -> Result<(), StoreError> {
    let sql = "INSERT INTO directory (team_id, kind, id, image, content_id, due_at) \
               VALUES ($1, $2, $3, $4, $5, $6) \
               ON CONFLICT (team_id, kind, id) DO UPDATE SET image = excluded.image, \
               content_id = excluded.content_id, due_at = excluded.due_at";
    let (id, content) = (item.id(), item.content().id);
    let row = values![team, id.kind(), id.number(), image_of(item)?, content.0, item.due()];
    connection.execute(sql, row).await?;
    if let Item::Member(member) = item {
        write_invitation(connection, team, member).await?;
        if member.state == MemberState::Former {
            accounts::forget_codes(connection, team, member.id).await?;
        }
    }
    Ok(())
}

async fn remove(connection: &mut Connection, team: TeamId, id: ItemId) -> Result<(), StoreError> {
    if let ItemId::Member(member) = id {
        let sql = "DELETE FROM invitations WHERE team_id = $1 AND member_id = $2";
        connection.execute(sql, values![team, member.0]).await?;
        accounts::forget_codes(connection, team, member).await?;
    }
    let row = || values![team, id.kind(), id.number()];
    let sql = "DELETE FROM contents WHERE team_id = $1 AND content_id = \
               (SELECT content_id FROM directory WHERE team_id = $1 AND kind = $2 AND id = $3)";
    connection.execute(sql, row()).await?;
    let sql = "DELETE FROM directory WHERE team_id = $1 AND kind = $2 AND id = $3";
    connection.execute(sql, row()).await.map(drop)
}

async fn write_invitation(
    connection: &mut Connection,
    team: TeamId,
    member: &Entry<Member, MemberWords>,
) -> Result<(), StoreError> {
    let sql = if member.state == MemberState::Invited {
        "INSERT INTO invitations (email_key, team_id, member_id) VALUES ($3, $1, $2) \
         ON CONFLICT (email_key, team_id) DO UPDATE SET member_id = excluded.member_id"
    } else {
        "DELETE FROM invitations WHERE team_id = $1 AND member_id = $2 AND email_key = $3"
    };
    connection
        .execute(sql, values![team, member.id.0, member.words.email_key.as_str()])
        .await
        .map(drop)
}

/// What erases tickets of one team. A row-value IN would have SQLite read the whole table.
const ERASE: [Many; 6] = [
    of_wanted(
        ") INSERT INTO tombstones (team_id, number, secret_hash) \
         SELECT t.team_id, t.number, t.secret_hash FROM wanted w CROSS JOIN tickets t \
         WHERE t.team_id = w.team_id AND t.ticket_id = w.ticket_id",
    ),
    of_wanted(
        ") DELETE FROM contents WHERE team_id = (SELECT MAX(team_id) FROM wanted) AND \
         content_id IN (SELECT m.content_id FROM wanted w CROSS JOIN messages m \
         WHERE m.team_id = w.team_id AND m.ticket_id = w.ticket_id)",
    ),
    of_wanted(
        ") DELETE FROM contents WHERE team_id = (SELECT MAX(team_id) FROM wanted) AND \
         content_id IN (SELECT t.content_id FROM wanted w CROSS JOIN tickets t \
         WHERE t.team_id = w.team_id AND t.ticket_id = w.ticket_id)",
    ),
    of_wanted(
        ") DELETE FROM messages WHERE team_id = (SELECT MAX(team_id) FROM wanted) AND \
         ticket_id IN (SELECT ticket_id FROM wanted)",
    ),
    of_wanted(
        ") DELETE FROM ticket_handlers WHERE team_id = (SELECT MAX(team_id) FROM wanted) AND \
         ticket_id IN (SELECT ticket_id FROM wanted)",
    ),
    of_wanted(
        ") DELETE FROM tickets WHERE team_id = (SELECT MAX(team_id) FROM wanted) AND \
         ticket_id IN (SELECT ticket_id FROM wanted)",
    ),
];

/// Moves tickets of one team to a group.
const MOVE: Many = Many {
    before: "WITH wanted (team_id, ticket_id, group_id) AS (",
    width: 3,
    after: ") UPDATE tickets SET group_id = (SELECT MAX(group_id) FROM wanted) \
            WHERE team_id = (SELECT MAX(team_id) FROM wanted) AND \
            ticket_id IN (SELECT ticket_id FROM wanted)",
};

const fn of_wanted(after: &'static str) -> Many {
    Many { before: "WITH wanted (team_id, ticket_id) AS (", width: 2, after }
}

/// Deletes words, salts, messages and rows of tickets; number and secret hash stay as a tombstone.
/// The hash is of random bytes that the customer's widget made, so it confirms no guess at what was
/// written; it lets a late retry be answered with "not found" instead of ringing anew.
async fn erase(
    connection: &mut Connection,
    team: TeamId,
    tickets: &[TicketId],
) -> Result<(), StoreError> {
    let wanted = || tickets.iter().map(|ticket| values![team, ticket.0]);
    let statements = ERASE.map(|statement| statement.filled(wanted()));
    execute_all(connection, statements.into()).await
}

#[cfg(test)]
mod tests {
    use super::super::tickets::tests::{database, plan};
    use super::*;

    #[tokio::test]
    async fn erasing_reads_no_whole_table() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut connection = database(&folder).await.read().await.expect("a reader");
        for statement in ERASE {
            for step in plan(&mut connection, statement).await {
                let of_rows = ["SCAN w", "SCAN 4 CONSTANT ROWS"];
                let scans =
                    step.starts_with("SCAN") && !of_rows.iter().any(|it| step.starts_with(it));
                assert!(!scans, "{step}: {}", statement.after);
            }
        }
    }
}
