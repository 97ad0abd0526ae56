//! Loads what a batch of requests needs to be decided, once for the whole batch.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::accounts;
use super::driver::{Connection, Row, Value, values};
use super::error::StoreError;
use super::many::Filled;
use super::tickets::{self, Name, select_tickets};
use super::waiting;
use crate::domain::{
    AT_ONCE, Change, ERASE_AT_ONCE, Entry, Event, GroupId, MemberId, Needs, TeamId, Ticket,
    TicketWords, Tickets, World,
};

/// All priorities are greater than 0; saying so has SQLite go through the index of open tickets.
/// Tickets of a group or an operator that an act has at hand: one more than it changes by itself.
const AT_HAND: i64 = 257;
const _: () = assert!(AT_ONCE == 256);

/// The worlds of a batch, by team.
pub type Worlds = BTreeMap<TeamId, World>;

/// What finds the tickets that requests name.
pub fn named(needs: &[(TeamId, Needs)]) -> [Filled; 3] {
    let mut names = Vec::new();
    for (team, needs) in needs {
        names.extend(needs.number.map(|number| (*team, Name::Number(number))));
        names.extend(needs.ticket.map(|ticket| (*team, Name::Id(ticket))));
        names.extend(needs.secret.map(|secret| (*team, Name::Secret(secret))));
        names.extend(needs.ids.iter().map(|ticket| (*team, Name::Id(*ticket))));
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
    // A number that names nothing costs as much as one that names what the caller may not see.
    let asks = needs.iter().filter(|(_, needs)| needs.number.is_some());
    let mut found: BTreeMap<TeamId, Vec<Ticket>> =
        asks.map(|(team, _)| (*team, Vec::new())).collect();
    for row in &mut named {
        let (team, ticket) = tickets::read(row)?;
        found.entry(team).or_default().push(ticket);
    }
    for (team, found) in found {
        hold(connection, worlds, team, found).await?;
    }
    for (team, _) in needs.iter().filter(|(_, needs)| needs.words) {
        add_words_at_hand(connection, worlds, *team).await?;
    }
    for (team, wanted) in needs {
        if let Some(Tickets::WaitingFor(member)) = wanted.tickets {
            let others = needs.iter().filter(|(other, _)| other == team).count();
            waiting_for(connection, worlds, *team, member, others).await?;
        } else if wanted != &named_only(wanted) {
            wide(connection, worlds, *team, wanted).await?;
        }
    }
    Ok(())
}

/// Puts at hand what `next` chooses from.
async fn waiting_for(
    connection: &mut Connection,
    worlds: &mut Worlds,
    team: TeamId,
    member: MemberId,
    others: usize,
) -> Result<(), StoreError> {
    let directory = worlds.get(&team).and_then(|world| world.team.clone());
    let viewer = directory.as_ref().and_then(|directory| directory.viewer(member));
    if let (Some(directory), Some(viewer)) = (directory, viewer) {
        let (found, more) = waiting::first(connection, &directory, &viewer, others).await?;
        hold(connection, worlds, team, found).await?;
        if let Some(world) = worlds.get_mut(&team) {
            world.more_waits.extend(more.then_some(member));
        }
    }
    Ok(())
}

fn named_only(needs: &Needs) -> Needs {
    Needs {
        number: needs.number,
        ticket: needs.ticket,
        secret: needs.secret,
        ids: needs.ids.clone(),
        words: needs.words,
        ..Needs::default()
    }
}

/// Puts tickets at hand, without their words: only what is changed is shown with them, see
/// [`add_words`].
async fn hold(
    connection: &mut Connection,
    worlds: &mut Worlds,
    team: TeamId,
    mut found: Vec<Ticket>,
) -> Result<(), StoreError> {
    tickets::add_handlers(connection, team, &mut found).await?;
    if let Some(world) = worlds.get_mut(&team) {
        for image in found {
            world.hold(Entry { image, words: Arc::default() });
        }
    }
    Ok(())
}

/// Adds the words of tickets that were changed, where they are not new.
pub async fn add_words(
    connection: &mut Connection,
    changes: &mut [Change],
) -> Result<(), StoreError> {
    let mut bare: Vec<_> = changes
        .iter_mut()
        .flat_map(|change| {
            let team = change.team;
            change.events.iter_mut().filter_map(move |event| match event {
                Event::Ticket(entry, _) if *entry.words == TicketWords::default() => {
                    Some(((team, entry.image.ticket.words.id), entry))
                }
                _ => None,
            })
        })
        .collect();
    if bare.is_empty() {
        return Ok(());
    }
    let of: BTreeSet<_> = bare.iter().map(|(of, _)| *of).collect();
    let words = tickets::words(connection, of).await?;
    for (of, entry) in &mut bare {
        if let Some(words) = words.get(of) {
            entry.words = Arc::clone(words);
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
    if let Some(wanted) = needs.tickets {
        let mut rows = belonging(connection, team, wanted).await?;
        let found = rows.iter_mut().map(|row| Ok(tickets::read(row)?.1));
        hold(connection, worlds, team, found.collect::<Result<_, StoreError>>()?).await?;
    }
    if needs.tickets == Some(Tickets::Open) {
        add_words_at_hand(connection, worlds, team).await?;
    }
    if let (Some(Tickets::OpenIn(group)), Some(world)) = (needs.tickets, worlds.get_mut(&team)) {
        (world.open_in_group, world.ended_in_group) = count(connection, team, group).await?;
    }
    let accounts = accounts::needed(connection, needs).await?;
    if let Some(world) = worlds.get_mut(&team) {
        world.code = accounts.code;
        world.accounts = accounts.accounts;
        // Whoever is removed or disabled has an account that goes with them.
        let of_member = match (needs.tickets, &world.team) {
            (Some(Tickets::OpenOf(member)), Some(team)) => team.members.get(&member),
            _ => None,
        };
        let of_member = of_member.and_then(|member| member.account);
        if let Some(account) = of_member {
            let found = accounts::by_id(connection, account).await?;
            world.accounts.extend(found);
        }
    }
    Ok(())
}

/// The rows of tickets that belong together.
async fn belonging(
    connection: &mut Connection,
    team: TeamId,
    wanted: Tickets,
) -> Result<Vec<Row>, StoreError> {
    let (sql, of, limit) = match wanted {
        Tickets::WaitingFor(_) => return Ok(Vec::new()),
        Tickets::Open => {
            const OPEN: &str = select_tickets!(
                "WHERE t.team_id = $1 AND t.ended_at IS NULL AND t.priority > 0 LIMIT $2"
            );
            (OPEN, None, AT_HAND)
        }
        Tickets::OpenOf(member) => (
            select_tickets!(
                "WHERE t.team_id = $1 AND t.ended_at IS NULL AND t.priority > 0 AND \
                 t.operator_id = $3 LIMIT $2"
            ),
            Some(member.0),
            AT_HAND,
        ),
        Tickets::OpenIn(group) => (
            select_tickets!(
                "WHERE t.team_id = $1 AND t.ended_at IS NULL AND t.priority > 0 AND \
                 t.group_id = $3 LIMIT $2"
            ),
            Some(group.0),
            AT_HAND,
        ),
        Tickets::FormerlyIn(group) => (
            select_tickets!(
                "WHERE t.team_id = $1 AND t.ended_at IS NULL AND t.priority > 0 AND \
                 t.former_group_id = $3 LIMIT $2"
            ),
            Some(group.0),
            AT_HAND,
        ),
        Tickets::EndedIn(group) => (
            select_tickets!(
                "WHERE t.team_id = $1 AND t.ended_at IS NOT NULL AND t.group_id = $3 LIMIT $2"
            ),
            Some(group.0),
            i64::try_from(ERASE_AT_ONCE).unwrap_or(i64::MAX),
        ),
    };
    let values = [Some(Value::from(team)), Some(limit.into()), of.map(Value::from)];
    connection.rows(sql, values.into_iter().flatten()).await
}

/// Adds the words of all tickets at hand.
async fn add_words_at_hand(
    connection: &mut Connection,
    worlds: &mut Worlds,
    team: TeamId,
) -> Result<(), StoreError> {
    let Some(world) = worlds.get_mut(&team) else { return Ok(()) };
    let tickets = world.tickets.values_mut();
    let mut bare: Vec<_> =
        tickets.map(|ticket| ((team, ticket.image.words.id), &mut ticket.words)).collect();
    let words = tickets::words(connection, bare.iter().map(|(of, _)| *of)).await?;
    for (of, bare) in &mut bare {
        if let Some(words) = words.get(of) {
            **bare = Arc::clone(words);
        }
    }
    Ok(())
}

/// How many open and ended tickets a group has. Each is counted in its index.
async fn count(
    connection: &mut Connection,
    team: TeamId,
    group: GroupId,
) -> Result<(i64, i64), StoreError> {
    let sql = "SELECT (SELECT COUNT(*) FROM tickets WHERE team_id = $1 AND group_id = $2 AND \
        ended_at IS NULL AND priority > 0), \
        (SELECT COUNT(*) FROM tickets WHERE team_id = $1 AND group_id = $2 AND ended_at IS NOT NULL)";
    match connection.row(sql, values![team, group.0]).await? {
        Some(mut row) => Ok((row.next()?, row.next()?)),
        None => Ok((0, 0)),
    }
}
