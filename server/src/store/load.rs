//! Loads what a batch of requests needs to be decided, once for the whole batch.

use std::collections::BTreeMap;

use super::accounts;
use super::driver::{Connection, Row, values};
use super::error::StoreError;
use super::many::Filled;
use super::tickets::{self, Name, TicketEntry, select_tickets};
use crate::domain::{ERASE_AT_ONCE, GroupId, Needs, TeamId, World};

/// `next` chooses from at most this many waiting tickets of the team, the most urgent and oldest
/// first.
const CANDIDATES: i64 = 4_096;

/// A change of one request touches at most this many tickets: all open ones of a group or an
/// operator.
const AT_ONCE: i64 = 100_000;

/// The worlds of a batch, by team.
pub type Worlds = BTreeMap<TeamId, World>;

/// What finds the tickets that requests name.
pub fn named(needs: &[(TeamId, Needs)]) -> [Filled; 3] {
    let mut names = Vec::new();
    for (team, needs) in needs {
        names.extend(needs.number.map(|number| (*team, Name::Number(number))));
        names.extend(needs.ticket.map(|ticket| (*team, Name::Id(ticket))));
        names.extend(needs.secret.map(|secret| (*team, Name::Secret(secret))));
    }
    tickets::by_name(&names)
}

/// Loads tickets and accounts into the worlds; the rows of [`named`] tickets were found before.
pub async fn load(
    connection: &mut Connection,
    worlds: &mut Worlds,
    needs: &[(TeamId, Needs)],
    mut named: Vec<Row>,
) -> Result<(), StoreError> {
    let found = named.iter_mut().map(tickets::read).collect::<Result<Vec<_>, _>>()?;
    hold(connection, worlds, found).await?;
    for (team, needs) in needs {
        if needs != &named_only(needs) {
            wide(connection, worlds, *team, needs).await?;
        }
    }
    Ok(())
}

fn named_only(needs: &Needs) -> Needs {
    Needs { number: needs.number, ticket: needs.ticket, secret: needs.secret, ..Needs::default() }
}

async fn hold(
    connection: &mut Connection,
    worlds: &mut Worlds,
    found: Vec<(TeamId, TicketEntry)>,
) -> Result<(), StoreError> {
    let mut by_team: BTreeMap<TeamId, Vec<TicketEntry>> = BTreeMap::new();
    for (team, ticket) in found {
        by_team.entry(team).or_default().push(ticket);
    }
    for (team, mut found) in by_team {
        tickets::add_handlers(connection, team, &mut found).await?;
        if let Some(world) = worlds.get_mut(&team) {
            for ticket in found {
                world.hold(ticket);
            }
        }
    }
    Ok(())
}

/// What a request that has the batch to itself needs: many tickets that nobody named, or accounts.
async fn wide(
    connection: &mut Connection,
    worlds: &mut Worlds,
    team: TeamId,
    needs: &Needs,
) -> Result<(), StoreError> {
    let mut rows = Vec::new();
    if needs.candidates {
        let sql = select_tickets!(
            "WHERE t.team_id = $1 AND t.ended_at IS NULL AND t.operator_id IS NULL AND t.state IN \
             (1, 2) \
             ORDER BY t.priority DESC, t.submitted_at LIMIT $2"
        );
        rows.append(&mut connection.rows(sql, values![team, CANDIDATES]).await?);
    }
    if let Some(member) = needs.open_of {
        let sql = select_tickets!(
            "WHERE t.team_id = $1 AND t.ended_at IS NULL AND t.operator_id = $2 LIMIT $3"
        );
        rows.append(&mut connection.rows(sql, values![team, member.0, AT_ONCE]).await?);
    }
    if let Some(group) = needs.open_in {
        let sql = select_tickets!(
            "WHERE t.team_id = $1 AND t.ended_at IS NULL AND t.group_id = $2 LIMIT $3"
        );
        rows.append(&mut connection.rows(sql, values![team, group.0, AT_ONCE]).await?);
        let ended = count_ended(connection, team, group).await?;
        if let Some(world) = worlds.get_mut(&team) {
            world.ended_in_group = ended;
        }
    }
    if let Some(group) = needs.formerly_in {
        let sql = select_tickets!(
            "WHERE t.team_id = $1 AND t.ended_at IS NULL AND t.former_group_id = $2 LIMIT $3"
        );
        rows.append(&mut connection.rows(sql, values![team, group.0, AT_ONCE]).await?);
    }
    if let Some(group) = needs.ended_in {
        let sql = select_tickets!(
            "WHERE t.team_id = $1 AND t.ended_at IS NOT NULL AND t.group_id = $2 LIMIT $3"
        );
        let limit = i64::try_from(ERASE_AT_ONCE).unwrap_or(i64::MAX);
        rows.append(&mut connection.rows(sql, values![team, group.0, limit]).await?);
    }
    let found = rows.iter_mut().map(tickets::read).collect::<Result<Vec<_>, _>>()?;
    hold(connection, worlds, found).await?;
    let accounts = accounts::needed(connection, needs).await?;
    if let Some(world) = worlds.get_mut(&team) {
        world.code = accounts.code;
        world.accounts = accounts.accounts;
        // Whoever is removed or disabled has an account that goes with them.
        let of_member =
            needs.open_of.and_then(|member| world.team.as_deref()?.members.get(&member)?.account);
        if let Some(account) = of_member {
            let found = accounts::by_id(connection, account).await?;
            world.accounts.extend(found);
        }
    }
    Ok(())
}

/// How many ended tickets a group has.
async fn count_ended(
    connection: &mut Connection,
    team: TeamId,
    group: GroupId,
) -> Result<i64, StoreError> {
    let sql = "SELECT COUNT(*) FROM tickets WHERE team_id = $1 AND group_id = $2 AND ended_at IS \
        NOT NULL";
    match connection.row(sql, values![team, group.0]).await? {
        Some(mut row) => row.next(),
        None => Ok(0),
    }
}
