//! The tickets that `next` chooses from: a few of those that wait, the most urgent and oldest first,
//! found in an index without looking at the tickets themselves.

use super::driver::{Connection, Row, values};
use super::error::StoreError;
use super::many::Many;
use super::tickets::{self, Name};
use crate::domain::{GroupId, Team, TeamId, Ticket, TicketId, Viewer};

/// How many are at hand, beside those that others in the batch may have before.
const CANDIDATES: usize = 64;

/// Stands for "no group".
const NO_GROUP: GroupId = GroupId(-1);

/// All priorities are greater than 0; saying so has SQLite go through the index of open tickets.
const OF_TEAM: &str = "SELECT t.ticket_id FROM tickets t \
    WHERE t.team_id = $1 AND t.ended_at IS NULL AND t.priority > 0 AND t.operator_id IS NULL AND \
    t.state IN (1, 2) \
    ORDER BY t.priority DESC, t.submitted_at, t.ticket_id LIMIT $2";

const OF_GROUPS: Many = Many {
    before: "WITH wanted (team_id, group_id, most) AS (",
    width: 3,
    after: ") SELECT t.ticket_id FROM tickets t \
            WHERE t.team_id = (SELECT MAX(w.team_id) FROM wanted w) AND t.ended_at IS NULL AND \
            t.priority > 0 AND t.operator_id IS NULL AND t.state IN (1, 2) AND \
            COALESCE(t.group_id, -1) IN (SELECT w.group_id FROM wanted w) \
            ORDER BY t.priority DESC, t.submitted_at, t.ticket_id \
            LIMIT (SELECT MAX(w.most) FROM wanted w)",
};

/// The first tickets that wait and that this viewer may take, without their words; and whether more
/// wait. Of those, `others` requests of the batch may each take one before.
pub async fn first(
    connection: &mut Connection,
    team: &Team,
    viewer: &Viewer,
    others: usize,
) -> Result<(Vec<Ticket>, bool), StoreError> {
    let most = CANDIDATES + others;
    let limit = i64::try_from(most).unwrap_or(i64::MAX);
    let rows = if viewer.admin {
        connection.rows(OF_TEAM, values![team.id, limit]).await?
    } else {
        let unassigned = viewer.self_service.then_some(NO_GROUP);
        let groups = viewer.groups.iter().copied().chain(unassigned);
        let wanted = OF_GROUPS.filled(groups.map(|group| values![team.id, group.0, limit]));
        wanted.rows(connection).await?
    };
    let found = read(connection, team.id, rows).await?;
    let more = found.len() >= most;
    Ok((found, more))
}

async fn read(
    connection: &mut Connection,
    team: TeamId,
    rows: Vec<Row>,
) -> Result<Vec<Ticket>, StoreError> {
    let name = |mut row: Row| Ok((team, Name::Id(TicketId(row.next()?))));
    let names = rows.into_iter().map(name).collect::<Result<Vec<_>, StoreError>>()?;
    let found = tickets::find(connection, &names).await?;
    Ok(found.into_iter().map(|(_, ticket)| ticket).collect())
}

#[cfg(test)]
mod tests {
    use super::super::tickets::tests::{database, plan};
    use super::*;

    #[tokio::test]
    async fn what_waits_is_found_in_the_index_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut connection = database(&folder).await.read().await.expect("a reader");
        let steps = plan(&mut connection, OF_GROUPS).await;
        let found = "SEARCH t USING COVERING INDEX tickets_open (team_id=? AND priority>?)";
        assert!(steps.iter().any(|step| step == found), "{steps:?}");
        assert!(!steps.iter().any(|step| step.contains("ORDER BY")), "{steps:?}");
    }
}
