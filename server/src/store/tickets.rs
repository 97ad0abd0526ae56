//! Ticket rows: their columns in one order, written and read in one place.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::driver::{Connection, Row, Value, values, write_json};
use super::error::StoreError;
use super::many::{Filled, Many, query_all};
use crate::domain::{
    ContentId, ContentRef, Digest, Entry, GroupId, MemberId, Priority, State, TeamId, Ticket,
    TicketEntry, TicketId, TicketWords,
};

/// The columns of every query that reads tickets, in the order of [`read`].
macro_rules! ticket_columns {
    () => {
        "SELECT t.team_id, t.ticket_id, t.number, t.version, t.customer_version, t.state, \
         t.priority, t.operator_id, \
         t.group_id, t.former_group_id, t.former_operator_id, t.origin, t.secret_hash, \
         t.body_digest, t.submitted_at, t.changed_at, \
         t.changed_by, t.changed, t.expires_at, t.ended_at, t.content_id, t.content_digest, t.extras"
    };
}

/// A query of tickets without their words.
macro_rules! select_tickets {
    ($rest:literal) => {
        concat!(crate::store::tickets::ticket_columns!(), " FROM tickets t ", $rest)
    };
}

/// A query of tickets with their words, which are missing only if erased.
macro_rules! select_tickets_with_words {
    ($rest:literal) => {
        concat!(
            crate::store::tickets::ticket_columns!(),
            ", c.body FROM tickets t LEFT JOIN contents c \
             ON c.team_id = t.team_id AND c.content_id = t.content_id ",
            $rest
        )
    };
}
pub(crate) use {select_tickets, select_tickets_with_words, ticket_columns};

/// A query of tickets by what names them, many at once. The names come first and are joined in that
/// order, so that SQLite looks each one up in the index; a row-value `IN (VALUES …)` reads the
/// whole table. Words are not read: whoever names a ticket may not be who may see it, and how long
/// the answer takes must not tell them how much is written there.
macro_rules! named_tickets {
    ($name:literal) => {
        Many {
            before: "WITH wanted (team_id, name) AS (",
            width: 2,
            after: concat!(
                ") ",
                ticket_columns!(),
                " FROM wanted w CROSS JOIN tickets t WHERE t.team_id = w.team_id AND t.",
                $name,
                " = w.name"
            ),
        }
    };
}

const BY_NUMBER: Many = named_tickets!("number");
const BY_ID: Many = named_tickets!("ticket_id");
const BY_SECRET: Many = named_tickets!("secret_hash");

const NEW: Many = Many {
    before: "INSERT INTO tickets (team_id, ticket_id, number, version, customer_version, state, \
        priority, operator_id, \
             group_id, former_group_id, former_operator_id, origin, secret_hash, body_digest, \
             submitted_at, changed_at, changed_by, \
             changed, expires_at, ended_at, content_id, content_digest, extras)",
    width: 23,
    after: "",
};

const CHANGED: Many = Many {
    after: "ON CONFLICT (team_id, ticket_id) DO UPDATE SET version = excluded.version, \
            customer_version = excluded.customer_version, state = excluded.state, priority = \
            excluded.priority, \
            operator_id = excluded.operator_id, group_id = excluded.group_id, former_group_id = \
            excluded.former_group_id, \
            former_operator_id = excluded.former_operator_id, \
            extras = excluded.extras, changed_at = excluded.changed_at, changed_by = \
            excluded.changed_by, \
            changed = excluded.changed, expires_at = excluded.expires_at, ended_at = \
            excluded.ended_at, content_digest = excluded.content_digest",
    ..NEW
};

const HANDLERS: Many = Many {
    before: "INSERT INTO ticket_handlers (team_id, ticket_id, member_id, ended_at)",
    width: 4,
    after: "ON CONFLICT (team_id, ticket_id, member_id) DO UPDATE SET ended_at = excluded.ended_at \
            WHERE ticket_handlers.ended_at IS DISTINCT FROM excluded.ended_at",
};

/// What writes tickets as they are now, with whether they are new.
pub fn write(
    tickets: &BTreeMap<(TeamId, TicketId), (&Ticket, bool)>,
) -> Result<[Filled; 3], StoreError> {
    let rows = |wanted: bool| {
        let wanted = tickets.iter().filter(move |(_, (_, new))| *new == wanted);
        wanted.map(|((team, _), (ticket, _))| row_of(*team, ticket)).collect::<Result<Vec<_>, _>>()
    };
    let handlers = tickets.iter().flat_map(|((team, _), (ticket, _))| {
        handlers(ticket).map(|handler| values![*team, ticket.id.0, handler, ticket.ended_at])
    });
    Ok([NEW.filled(rows(true)?), CHANGED.filled(rows(false)?), HANDLERS.filled(handlers)])
}

/// Who handled a ticket, as the table has them: members by their number, and groups by its negative.
fn handlers(ticket: &Ticket) -> impl Iterator<Item = i64> {
    let members = ticket.handled_by.iter().map(|member| member.0);
    members.chain(ticket.handled_in.iter().copied().map(handler_of_group))
}

/// What stands for a group among those who handled a ticket.
pub fn handler_of_group(group: GroupId) -> i64 {
    -group.0
}

/// Adds somebody of that table.
pub fn add_handler(ticket: &mut Ticket, handler: i64) {
    if handler < 0 {
        ticket.remember_group(GroupId(-handler));
    } else {
        ticket.remember_handler(MemberId(handler));
    }
}

fn row_of(team: TeamId, ticket: &Ticket) -> Result<[Value; 23], StoreError> {
    Ok(values![
        team,
        ticket.id.0,
        ticket.number,
        ticket.version,
        ticket.customer_version,
        ticket.state as i64,
        ticket.priority as i64,
        ticket.operator.map(|id| id.0),
        ticket.group.map(|id| id.0),
        ticket.former_group.map(|id| id.0),
        ticket.former_operator.map(|id| id.0),
        write_json(&ticket.origin)?,
        ticket.secret_hash,
        ticket.body_digest,
        ticket.submitted_at,
        ticket.changed_at,
        write_json(&ticket.changed_by)?,
        write_json(&ticket.changed)?,
        ticket.expires_at,
        ticket.ended_at,
        ticket.words.id.0,
        ticket.words.digest,
        write_json(&ticket.extras)?,
    ])
}

/// Reads a row of [`ticket_columns`]. Who handled it is not in the row: see [`add_handlers`].
pub fn read(row: &mut Row) -> Result<(TeamId, Ticket), StoreError> {
    let team = TeamId(row.next()?);
    let ticket = Ticket {
        id: TicketId(row.next()?),
        number: row.next()?,
        version: row.next()?,
        customer_version: row.next()?,
        state: by_number(&State::ALL, row.next()?)?,
        priority: by_number(&Priority::ALL, row.next()?)?,
        operator: row.next::<Option<i64>>()?.map(MemberId),
        group: row.next::<Option<i64>>()?.map(GroupId),
        former_group: row.next::<Option<i64>>()?.map(GroupId),
        former_operator: row.next::<Option<i64>>()?.map(MemberId),
        origin: row.json()?,
        secret_hash: row.digest_or_none()?,
        body_digest: row.digest_or_none()?,
        submitted_at: row.next()?,
        changed_at: row.next()?,
        changed_by: row.json()?,
        changed: row.json()?,
        expires_at: row.next()?,
        ended_at: row.next()?,
        handled_by: Vec::new(),
        handled_in: Vec::new(),
        words: ContentRef { id: ContentId(row.next()?), digest: row.digest()? },
        extras: row.json()?,
    };
    Ok((team, ticket))
}

/// Reads a row that has the words, too.
pub fn read_with_words(row: &mut Row) -> Result<TicketEntry, StoreError> {
    let (_, image) = read(row)?;
    let words = row
        .next::<Option<String>>()?
        .as_deref()
        .map(super::driver::read_json)
        .transpose()?
        .unwrap_or_default();
    Ok(Entry { image, words: Arc::new(words) })
}

/// Words of tickets, by their rows. Erased ones are missing.
pub async fn words(
    connection: &mut Connection,
    contents: impl IntoIterator<Item = (TeamId, ContentId)>,
) -> Result<HashMap<(TeamId, ContentId), Arc<TicketWords>>, StoreError> {
    const WORDS: Many = Many {
        before: "WITH wanted (team_id, content_id) AS (",
        width: 2,
        after: ") SELECT c.team_id, c.content_id, c.body FROM wanted w CROSS JOIN contents c \
                WHERE c.team_id = w.team_id AND c.content_id = w.content_id",
    };
    let wanted = contents.into_iter().map(|(team, content)| values![team, content.0]);
    let rows = WORDS.filled(wanted).rows(connection).await?;
    rows.into_iter()
        .map(|mut row| {
            let of = (TeamId(row.next()?), ContentId(row.next()?));
            Ok((of, Arc::new(row.json()?)))
        })
        .collect()
}

/// The value with that number.
pub fn by_number<T: Copy>(all: &[T], number: i64) -> Result<T, StoreError> {
    let index = usize::try_from(number - 1).ok();
    index
        .and_then(|index| all.get(index))
        .copied()
        .ok_or_else(|| StoreError::Broken(format!("no value has number {number}")))
}

/// Adds who handled these tickets. Asks as much when there are none: see [`named_tickets`].
pub async fn add_handlers<'a>(
    connection: &mut Connection,
    team: TeamId,
    tickets: impl IntoIterator<Item = &'a mut Ticket>,
) -> Result<(), StoreError> {
    const FIND: Many = Many {
        before: "WITH wanted (team_id, ticket_id) AS (",
        width: 2,
        after: ") SELECT h.ticket_id, h.member_id FROM wanted w CROSS JOIN ticket_handlers h \
                WHERE h.team_id = w.team_id AND h.ticket_id = w.ticket_id",
    };
    let mut by_id: HashMap<i64, &mut Ticket> =
        tickets.into_iter().map(|ticket| (ticket.id.0, ticket)).collect();
    let nobody = by_id.is_empty().then_some(0);
    let wanted = FIND.filled(by_id.keys().copied().chain(nobody).map(|id| values![team, id]));
    for mut row in wanted.rows(connection).await? {
        let (ticket, handler): (i64, i64) = (row.next()?, row.next()?);
        if let Some(ticket) = by_id.get_mut(&ticket) {
            add_handler(ticket, handler);
        }
    }
    Ok(())
}

/// What names a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Name {
    /// Its number.
    Number(i64),
    /// Its id.
    Id(TicketId),
    /// The hash of its secret.
    Secret(Digest),
}

/// What finds tickets of several teams by what names them.
pub fn by_name(names: &[(TeamId, Name)]) -> [Filled; 3] {
    let numbers = names.iter().filter_map(|(team, name)| match name {
        Name::Number(number) => Some(values![*team, *number]),
        _ => None,
    });
    let ids = names.iter().filter_map(|(team, name)| match name {
        Name::Id(id) => Some(values![*team, id.0]),
        _ => None,
    });
    let secrets = names.iter().filter_map(|(team, name)| match name {
        Name::Secret(hash) => Some(values![*team, *hash]),
        _ => None,
    });
    [BY_NUMBER.filled(numbers), BY_ID.filled(ids), BY_SECRET.filled(secrets)]
}

/// Reads tickets of several teams by what names them, without their words; those that are not
/// there are left out.
pub async fn find(
    connection: &mut Connection,
    names: &[(TeamId, Name)],
) -> Result<Vec<(TeamId, Ticket)>, StoreError> {
    let mut rows = query_all(connection, by_name(names).into()).await?;
    rows.iter_mut().flatten().map(read).collect()
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::store::{Database, migrate};

    /// A new database of SQLite.
    pub async fn database(folder: &tempfile::TempDir) -> Database {
        let url = format!("sqlite:{}", folder.path().join("desk.db").display());
        let database = Database::open(&url).await.expect("a database");
        migrate(&database).await.expect("a schema");
        database
    }

    /// What SQLite does for a statement, step by step.
    pub async fn plan(connection: &mut Connection, statement: Many) -> Vec<String> {
        let sql = format!("EXPLAIN QUERY PLAN {}", statement.text_of_rows(4)).leak();
        let values = (0..4 * statement.width).map(|_| Value::from(1_i64));
        let rows = connection.rows(sql, values).await.expect("the statement is explained");
        rows.into_iter()
            .map(|mut row| {
                let _: (i64, i64, i64) =
                    (row.next().unwrap(), row.next().unwrap(), row.next().unwrap());
                row.next().unwrap()
            })
            .collect()
    }

    #[tokio::test]
    async fn tickets_are_looked_up_and_never_searched_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut connection = database(&folder).await.read().await.expect("a reader");
        for query in [BY_NUMBER, BY_ID, BY_SECRET] {
            let steps = plan(&mut connection, query).await;
            assert!(steps.iter().any(|step| step.starts_with("SEARCH t ")), "{steps:?}");
            assert!(!steps.iter().any(|step| step.starts_with("SCAN t")), "{steps:?}");
        }
    }
}
