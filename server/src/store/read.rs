//! Reading: teams, tickets, messages, the log. Who may see what is not decided here.

use std::collections::BTreeMap;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::driver::{Connection, Row, values};
use super::error::StoreError;
use super::log::{Record, read_record};
use super::many::Many;
use super::tickets::{self, Name, by_number, select_tickets_with_words};
use super::{Store, directory};
use crate::domain::{
    Change, ContentId, Entry, GroupId, ItemId, MemberId, Millis, Priority, Revision, State, Team,
    TeamId, Ticket, TicketEntry, TicketId, TicketWords,
};

/// Where a page of a list begins: after this ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct After {
    /// Of open tickets the priority; of ended ones 0.
    pub priority: i64,
    /// Of open tickets when they were submitted; of ended ones when they ended.
    pub at: Millis,
    /// The ticket.
    pub ticket: i64,
}

/// A change as the log has it.
#[derive(Clone, Debug)]
pub struct LoggedChange<'a> {
    /// Its revision.
    pub revision: Revision,
    /// When it was decided.
    pub at: Millis,
    /// What happened.
    pub record: Record<'a>,
}

impl<'a> LoggedChange<'a> {
    /// A change that was committed here.
    ///
    /// # Errors
    ///
    /// See [`Record::of`].
    pub fn of(change: &'a Change) -> Result<Self, StoreError> {
        let record = Record::of(change.actor, change.events.iter())?;
        Ok(LoggedChange { revision: change.revision, at: change.at, record })
    }
}

/// All open tickets of a team.
const OPEN: &str = select_tickets_with_words!(
    "WHERE t.team_id = $1 AND t.ended_at IS NULL ORDER BY t.priority DESC, t.submitted_at, \
     t.ticket_id"
);

/// Who handled them. All priorities are greater than 0; saying so has SQLite go through the index
/// of open tickets instead of the history.
const OPEN_HANDLERS: &str = "SELECT h.ticket_id, h.member_id FROM tickets t CROSS JOIN \
    ticket_handlers h \
    WHERE t.team_id = $1 AND t.ended_at IS NULL AND t.priority > 0 AND h.team_id = t.team_id AND \
    h.ticket_id = t.ticket_id";

/// Before the newest of ended tickets.
const NEWEST: After = After { priority: 0, at: i64::MAX, ticket: i64::MAX };

/// Ended tickets of a team, newest first, from a place on.
const ENDED: &str = select_tickets_with_words!(
    "WHERE t.team_id = $1 AND t.ended_at IS NOT NULL AND (t.ended_at, t.ticket_id) < ($2, $3) \
     ORDER BY t.ended_at DESC, t.ticket_id DESC LIMIT $4"
);

/// Ended tickets of a group, newest first, from a place on.
const ENDED_IN_GROUP: &str = "SELECT ended_at, ticket_id FROM tickets WHERE team_id = $1 AND \
    group_id = $2 \
    AND ended_at IS NOT NULL AND (ended_at, ticket_id) < ($3, $4) ORDER BY ended_at DESC, \
    ticket_id DESC LIMIT $5";

/// Ended tickets that a member or a group handled, likewise.
const ENDED_OF_HANDLER: &str = "SELECT ended_at, ticket_id FROM ticket_handlers WHERE team_id = \
    $1 AND member_id = $2 \
    AND ended_at IS NOT NULL AND (ended_at, ticket_id) < ($3, $4) ORDER BY ended_at DESC, \
    ticket_id DESC LIMIT $5";

/// A team at one moment, with its open tickets still to be read.
pub struct Snapshot {
    connection: Connection,
    /// The revision it is at.
    pub revision: Revision,
    /// Its directory.
    pub directory: Arc<Team>,
}

impl Snapshot {
    /// Reads all open tickets, by priority and waiting time, one after the other: there may be very
    /// many.
    pub async fn each_ticket(
        &mut self,
        mut visit: impl FnMut(TicketEntry),
    ) -> Result<(), StoreError> {
        let team = self.directory.id;
        let mut handlers: HashMap<i64, Vec<i64>> = HashMap::new();
        for mut row in self.connection.rows(OPEN_HANDLERS, values![team]).await? {
            handlers.entry(row.next()?).or_default().push(row.next()?);
        }
        let each = |mut row: Row| {
            let mut ticket = tickets::read_with_words(&mut row)?;
            for handler in handlers.remove(&ticket.id.0).unwrap_or_default() {
                tickets::add_handler(&mut ticket.image, handler);
            }
            visit(ticket);
            Ok(())
        };
        self.connection.each_row(OPEN, values![team], each).await
    }
}

impl Store {
    /// A team's directory, as it is now. None: no such team.
    pub async fn team(&self, team: TeamId) -> Result<Option<Arc<Team>>, StoreError> {
        let mut connection = self.database.read().await?;
        Ok(self.team_in(&mut connection, team).await?.map(|(_, team)| team))
    }

    /// A team's directory as it was a moment ago: for callers whose request the rules look at again
    /// in the transaction.
    pub async fn recent_team(&self, team: TeamId) -> Result<Option<Arc<Team>>, StoreError> {
        match self.directories.last(team) {
            Some(directory) => Ok(Some(directory)),
            None => self.team(team).await,
        }
    }

    async fn team_in(
        &self,
        connection: &mut Connection,
        team: TeamId,
    ) -> Result<Option<(Revision, Arc<Team>)>, StoreError> {
        let sql = "SELECT revision, directory_revision FROM teams WHERE team_id = $1";
        let Some(mut row) = connection.row(sql, values![team]).await? else { return Ok(None) };
        let (revision, directory_revision): (i64, i64) = (row.next()?, row.next()?);
        if let Some(directory) = self.directories.get(team, directory_revision) {
            return Ok(Some((revision, directory)));
        }
        let Some(directory) = directory::load(connection, team).await?.map(Arc::new) else {
            return Ok(None);
        };
        self.directories.put(directory_revision, &directory);
        Ok(Some((revision, directory)))
    }

    /// One ticket and who handled it. Its words are read when it is known who may see them.
    pub async fn ticket(&self, team: TeamId, name: Name) -> Result<Option<Ticket>, StoreError> {
        let mut connection = self.database.read().await?;
        let found = tickets::find(&mut connection, &[(team, name)]).await?;
        let mut found: Vec<_> = found.into_iter().map(|(_, ticket)| ticket).collect();
        tickets::add_handlers(&mut connection, team, &mut found).await?;
        Ok(found.pop())
    }

    /// Words of tickets, by their rows. Erased ones are missing.
    pub async fn ticket_words(
        &self,
        team: TeamId,
        contents: BTreeSet<ContentId>,
    ) -> Result<HashMap<ContentId, Arc<TicketWords>>, StoreError> {
        if contents.is_empty() {
            return Ok(HashMap::new());
        }
        let mut connection = self.database.read().await?;
        let wanted = contents.into_iter().map(|content| (team, content));
        let words = tickets::words(&mut connection, wanted).await?;
        Ok(words.into_iter().map(|((_, content), words)| (content, words)).collect())
    }

    /// Open tickets by priority and waiting time, or ended ones by their end, newest first; `limit`
    /// of them.
    pub async fn tickets(
        &self,
        team: TeamId,
        history: bool,
        after: Option<After>,
        limit: i64,
    ) -> Result<Vec<TicketEntry>, StoreError> {
        let mut connection = self.database.read().await?;
        tickets_in(&mut connection, team, history, after, limit).await
    }

    /// Ended tickets of any of these groups, or handled by this member, by their end, newest first;
    /// `limit` of them. Costs as much for each group, however long their history is.
    pub async fn history_of(
        &self,
        team: TeamId,
        member: MemberId,
        groups: impl IntoIterator<Item = GroupId>,
        after: Option<After>,
        limit: i64,
    ) -> Result<Vec<TicketEntry>, StoreError> {
        let mut connection = self.database.read().await?;
        let after = after.unwrap_or(NEWEST);
        let mut places = BTreeSet::new();
        let sources = groups.into_iter().flat_map(|group| {
            let handled = (ENDED_OF_HANDLER, tickets::handler_of_group(group));
            [(ENDED_IN_GROUP, group.0), handled]
        });
        for (sql, whose) in sources.chain([(ENDED_OF_HANDLER, member.0)]) {
            for mut row in
                connection.rows(sql, values![team, whose, after.at, after.ticket, limit]).await?
            {
                places.insert((row.next::<i64>()?, row.next::<i64>()?));
            }
        }
        let newest = places.into_iter().rev().take(usize::try_from(limit).unwrap_or(0));
        let names: Vec<_> = newest.map(|(_, ticket)| (team, Name::Id(TicketId(ticket)))).collect();
        let found = tickets::find(&mut connection, &names).await?;
        let mut found: Vec<_> = found.into_iter().map(|(_, ticket)| ticket).collect();
        found.sort_by_key(|ticket| std::cmp::Reverse((ticket.ended_at, ticket.id)));
        tickets::add_handlers(&mut connection, team, &mut found).await?;
        let of = found.iter().map(|ticket| (team, ticket.words.id));
        let words = tickets::words(&mut connection, of).await?;
        let words_of =
            |ticket: &Ticket| words.get(&(team, ticket.words.id)).cloned().unwrap_or_default();
        Ok(found.into_iter().map(|image| Entry { words: words_of(&image), image }).collect())
    }

    /// The team at one moment. None: no such team.
    pub async fn snapshot(&self, team: TeamId) -> Result<Option<Snapshot>, StoreError> {
        let mut connection = self.database.read().await?;
        let found = self.team_in(&mut connection, team).await?;
        Ok(found.map(|(revision, directory)| Snapshot { connection, revision, directory }))
    }

    /// The revision a team is at.
    pub async fn revision(&self, team: TeamId) -> Result<Revision, StoreError> {
        let mut connection = self.database.read().await?;
        match connection.row("SELECT revision FROM teams WHERE team_id = $1", values![team]).await?
        {
            Some(mut row) => row.next(),
            None => Ok(0),
        }
    }

    /// The revisions that teams are at.
    pub async fn revisions(&self, teams: &[TeamId]) -> Result<Vec<(TeamId, Revision)>, StoreError> {
        const REVISIONS: Many = Many {
            before: "SELECT team_id, revision FROM teams WHERE (team_id) IN (",
            width: 1,
            after: ")",
        };
        let mut connection = self.database.read().await?;
        let rows =
            REVISIONS.filled(teams.iter().map(|team| values![*team])).rows(&mut connection).await?;
        rows.into_iter().map(|mut row| Ok((TeamId(row.next()?), row.next()?))).collect()
    }

    /// The newest changes of a ticket, oldest first; `limit` of them.
    pub async fn ticket_log(
        &self,
        team: TeamId,
        ticket: TicketId,
        limit: i64,
    ) -> Result<Vec<LoggedChange<'static>>, StoreError> {
        let mut connection = self.database.read().await?;
        let sql = "SELECT l.revision, l.decided_at, l.record FROM ticket_log t \
                   JOIN log l ON l.team_id = t.team_id AND l.revision = t.revision \
                   WHERE t.team_id = $1 AND t.ticket_id = $2 ORDER BY l.revision DESC LIMIT $3";
        let mut newest = read_changes(connection.rows(sql, values![team, ticket.0, limit]).await?)?;
        newest.reverse();
        Ok(newest)
    }

    /// Changes of a team after a revision, in order; `limit` of them.
    pub async fn log_after(
        &self,
        team: TeamId,
        after: Revision,
        limit: i64,
    ) -> Result<Vec<LoggedChange<'static>>, StoreError> {
        let mut connection = self.database.read().await?;
        let sql = "SELECT revision, decided_at, record FROM log WHERE team_id = $1 AND revision > \
            $2 ORDER BY revision LIMIT $3";
        read_changes(connection.rows(sql, values![team, after, limit]).await?)
    }

    /// How many tickets wait before that one: new ones of the same group, by priority and time.
    /// Counts to 1000 at most.
    pub async fn waiting_before(
        &self,
        team: TeamId,
        group: Option<GroupId>,
        priority: Priority,
        submitted_at: Millis,
    ) -> Result<i64, StoreError> {
        let mut connection = self.database.read().await?;
        let sql = "SELECT COUNT(*) FROM (SELECT 1 AS one FROM tickets WHERE team_id = $1 AND \
            ended_at IS NULL \
                   AND state = 1 AND group_id IS NOT DISTINCT FROM $2 \
                   AND (priority > $3 OR (priority = $3 AND submitted_at < $4)) LIMIT 1000) AS \
                   waiting";
        let values = values![team, group.map(|group| group.0), priority as i64, submitted_at];
        match connection.row(sql, values).await? {
            Some(mut row) => row.next(),
            None => Ok(0),
        }
    }

    /// Open tickets of each group.
    pub async fn open_by_group(&self, team: TeamId) -> Result<Vec<(GroupId, i64)>, StoreError> {
        let mut connection = self.database.read().await?;
        let sql = "SELECT group_id, COUNT(*) FROM tickets WHERE team_id = $1 AND ended_at IS NULL \
                   AND group_id IS NOT NULL GROUP BY group_id";
        let rows = connection.rows(sql, values![team]).await?;
        rows.into_iter().map(|mut row| Ok((GroupId(row.next()?), row.next()?))).collect()
    }

    /// Open tickets whose time has come, of all teams; `limit` of them.
    pub async fn due(
        &self,
        now: Millis,
        limit: i64,
    ) -> Result<Vec<(TeamId, TicketId)>, StoreError> {
        let mut connection = self.database.read().await?;
        let sql = "SELECT team_id, ticket_id FROM tickets WHERE expires_at IS NOT NULL AND \
            expires_at <= $1 \
                   ORDER BY expires_at LIMIT $2";
        let rows = connection.rows(sql, values![now, limit]).await?;
        rows.into_iter().map(|mut row| Ok((TeamId(row.next()?), TicketId(row.next()?)))).collect()
    }

    /// How many open tickets all teams have in each state, and when the oldest of them was
    /// submitted. Reads the index of open tickets, however long the history is.
    pub async fn open_by_state(&self) -> Result<BTreeMap<State, (i64, Millis)>, StoreError> {
        let mut connection = self.database.read().await?;
        let sql = "SELECT state, COUNT(*), MIN(submitted_at) FROM tickets WHERE ended_at IS NULL \
            GROUP BY state";
        let rows = connection.rows(sql, Vec::new()).await?;
        let read = |mut row: super::driver::Row| {
            Ok((by_number(&State::ALL, row.next()?)?, (row.next()?, row.next()?)))
        };
        rows.into_iter().map(read).collect()
    }

    /// Items of all teams' directories whose time has come.
    pub async fn due_items(&self, now: Millis) -> Result<Vec<(TeamId, ItemId)>, StoreError> {
        let mut connection = self.database.read().await?;
        let sql = "SELECT team_id, kind, id FROM directory WHERE due_at <= $1 ORDER BY due_at";
        let mut due = Vec::new();
        for mut row in connection.rows(sql, values![now]).await? {
            let (team, kind, number): (i64, String, i64) = (row.next()?, row.next()?, row.next()?);
            // Kinds that only later servers know are theirs.
            due.extend(ItemId::of(&kind, number).map(|item| (TeamId(team), item)));
        }
        Ok(due)
    }

    /// The time that decisions go by.
    pub async fn now(&self) -> Result<Millis, StoreError> {
        self.database.read().await?.now().await
    }
}

fn read_changes(rows: Vec<super::driver::Row>) -> Result<Vec<LoggedChange<'static>>, StoreError> {
    rows.into_iter()
        .map(|mut row| {
            let (revision, at): (i64, i64) = (row.next()?, row.next()?);
            Ok(LoggedChange { revision, at, record: read_record(&row.next::<String>()?)? })
        })
        .collect()
}

async fn tickets_in(
    connection: &mut Connection,
    team: TeamId,
    history: bool,
    after: Option<After>,
    limit: i64,
) -> Result<Vec<TicketEntry>, StoreError> {
    let mut rows = if history {
        let after = after.unwrap_or(NEWEST);
        connection.rows(ENDED, values![team, after.at, after.ticket, limit]).await?
    } else {
        let sql = select_tickets_with_words!(
            "WHERE t.team_id = $1 AND t.ended_at IS NULL AND (t.priority < $2 OR (t.priority = $2 \
             AND (t.submitted_at > $3 OR (t.submitted_at = $3 AND t.ticket_id > $4)))) \
             ORDER BY t.priority DESC, t.submitted_at, t.ticket_id LIMIT $5"
        );
        let after = after.unwrap_or(After { priority: i64::MAX, at: 0, ticket: 0 });
        connection.rows(sql, values![team, after.priority, after.at, after.ticket, limit]).await?
    };
    let mut found = Vec::with_capacity(rows.len());
    for row in &mut rows {
        found.push(tickets::read_with_words(row)?);
    }
    let images = found.iter_mut().map(|ticket| &mut ticket.image);
    tickets::add_handlers(connection, team, images).await?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Database, migrate};

    #[tokio::test]
    async fn lists_are_read_from_an_index_in_its_order() {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("desk.db").display());
        let database = Database::open(&url).await.expect("a database");
        migrate(&database).await.expect("a schema");
        let mut connection = database.read().await.expect("a reader");
        for (query, index) in [
            (OPEN, "tickets_open (team_id=?"),
            (OPEN_HANDLERS, "tickets_open (team_id=?"),
            (ENDED, "tickets_ended (team_id=? AND ended_at>? AND (ended_at,ticket_id)<(?,?))"),
            (
                ENDED_IN_GROUP,
                "tickets_ended_by_group (team_id=? AND group_id=? AND ended_at>? AND \
                 (ended_at,ticket_id)<(?,?))",
            ),
            (
                ENDED_OF_HANDLER,
                "tickets_ended_by_handler (team_id=? AND member_id=? AND ended_at>? AND \
                 (ended_at,ticket_id)<(?,?))",
            ),
        ] {
            let sql = format!("EXPLAIN QUERY PLAN {query}").leak();
            let steps = connection
                .rows(sql, [1_i64; 5].map(Into::into))
                .await
                .expect("the query is explained");
            let steps: Vec<String> = steps
                .into_iter()
                .map(|mut step| {
                    let _: (i64, i64, i64) =
                        (step.next().unwrap(), step.next().unwrap(), step.next().unwrap());
                    step.next().unwrap()
                })
                .collect();
            assert!(steps[0].starts_with("SEARCH") && steps[0].contains(index), "{steps:?}");
            assert!(
                !steps.iter().any(|step| step.contains("TEMP B-TREE")),
                "nothing is sorted: {steps:?}"
            );
        }
    }
}
