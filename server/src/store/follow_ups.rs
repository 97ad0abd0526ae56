//! The tickets that something follows for, and what a request would do.

use super::Store;
use super::driver::{Connection, values};
use super::error::StoreError;
use super::load::{self, Worlds};
use super::outcome::WriteError;
use crate::domain::{self, Following, Reply, Request, TeamId, TicketId, World};

/// As many are read at once.
const MOST: i64 = 100_000;

impl Store {
    /// Tickets for which this has not followed yet, most of them or all; and whether these are all.
    pub async fn follow_up_tickets(
        &self,
        team: TeamId,
        what: Following,
    ) -> Result<(Vec<TicketId>, bool), StoreError> {
        let mut connection = self.database.read().await?;
        let rows = rows(&mut connection, team, what).await?;
        let all = i64::try_from(rows.len()).unwrap_or(i64::MAX) < MOST;
        Ok((rows, all))
    }

    /// What a request would answer, if it were asked now. Nothing is written and nobody waits.
    ///
    /// # Errors
    ///
    /// The rules refuse it, or the database failed.
    pub async fn try_out(&self, request: &Request) -> Result<Reply, WriteError> {
        let failed = |cause: StoreError| WriteError::Failed(cause.into());
        let world = self.world(request).await.map_err(failed)?;
        let now = self.now().await.map_err(failed)?;
        let decision = domain::decide(&world, request, now).map_err(WriteError::Refused)?;
        Ok(decision.reply)
    }

    async fn world(&self, request: &Request) -> Result<World, StoreError> {
        let team = self.team(request.team).await?;
        let revision = self.revision(request.team).await?;
        let world = World::new(request.team, team, revision, 1, 1);
        let mut worlds = Worlds::from([(request.team, world)]);
        let needs = vec![(request.team, request.needs())];
        let mut connection = self.database.read().await?;
        load::load(&mut connection, &mut worlds, &needs, Vec::new()).await?;
        worlds.remove(&request.team).ok_or_else(|| StoreError::Broken("no world".to_owned()))
    }
}

async fn rows(
    connection: &mut Connection,
    team: TeamId,
    what: Following,
) -> Result<Vec<TicketId>, StoreError> {
    const OPEN: &str = "SELECT ticket_id FROM tickets WHERE team_id = $1 AND ended_at IS NULL AND \
        priority > 0 LIMIT $2";
    const OF_GROUP: &str = "SELECT ticket_id FROM tickets WHERE team_id = $1 AND ended_at IS NULL \
        AND priority > 0 AND group_id = $3 LIMIT $2";
    const OF_FORMER_GROUP: &str = "SELECT ticket_id FROM tickets WHERE team_id = $1 AND \
        ended_at IS NULL AND priority > 0 AND former_group_id = $3 LIMIT $2";
    const OF_OPERATOR: &str = "SELECT ticket_id FROM tickets WHERE team_id = $1 AND \
        ended_at IS NULL AND priority > 0 AND operator_id = $3 LIMIT $2";
    const ENDED: &str = "SELECT ticket_id FROM tickets WHERE team_id = $1 AND \
        ended_at IS NOT NULL AND group_id = $3 LIMIT $2";
    let (sql, of) = match what {
        Following::OrganizationsChanged => (OPEN, None),
        Following::GroupDeleted(group) => (OF_GROUP, Some(group.0)),
        Following::GroupRestored(group) => (OF_FORMER_GROUP, Some(group.0)),
        Following::OperatorLeft(member) => (OF_OPERATOR, Some(member.0)),
        Following::HistoryMoved { from, .. } => (ENDED, Some(from.0)),
    };
    let values = values![team, MOST].into_iter().chain(of.map(Into::into));
    let rows = connection.rows(sql, values).await?;
    rows.into_iter().map(|mut row| Ok(TicketId(row.next()?))).collect()
}
