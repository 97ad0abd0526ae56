//! Acts for very many tickets: hidden at once, and followed up slice by slice with the same end.

use super::fixtures::*;
use crate::domain::*;

const MANY: usize = AT_ONCE + 44;

/// A team whose support has many open tickets, which Ana has, and many that she closed.
fn busy() -> Scene {
    let mut scene = Scene::new();
    for _ in 0..MANY {
        scene.put(State::InProgress, Some(ANA), Some(SUPPORT));
    }
    for _ in 0..MANY {
        scene.put(State::Closed, Some(ANA), Some(SUPPORT));
    }
    scene
}

fn delete(move_to: Option<GroupId>, confirm: i64) -> Command {
    Command::Group(GroupCommand::Delete { group: SUPPORT, dry_run: false, confirm, move_to })
}

/// Tickets of that kind, by number.
fn numbers(scene: &Scene, wanted: impl Fn(&Ticket) -> bool) -> Vec<i64> {
    let tickets = scene.world.tickets.values().filter(|ticket| wanted(ticket));
    let mut numbers: Vec<_> = tickets.map(|ticket| ticket.number).collect();
    numbers.sort_unstable();
    numbers
}

/// Asks for slices of whatever is left, at most so many.
fn follow_up(scene: &mut Scene, most: usize) -> usize {
    let mut slices = 0;
    while slices < most
        && let Some(of) = scene.team().settings.follow_ups.first().copied()
    {
        let is_left = |ticket: &Ticket| match of.what {
            Following::GroupDeleted(group) => ticket.is_open() && ticket.group == Some(group),
            Following::GroupRestored(group) => {
                ticket.is_open() && ticket.former_group == Some(group)
            }
            Following::HistoryMoved { from, .. } => !ticket.is_open() && ticket.group == Some(from),
            Following::OperatorLeft(operator) => {
                ticket.is_open() && ticket.operator == Some(operator)
            }
            Following::OrganizationsChanged => ticket.is_open(),
        };
        let left = scene.world.tickets.values().filter(|ticket| is_left(ticket));
        let left: Vec<_> = left.map(|ticket| ticket.id).collect();
        let orderly = of.what != Following::OrganizationsChanged;
        let size = if orderly { SLICE } else { left.len() };
        let last = left.len() <= size;
        let tickets = left.into_iter().take(size).collect();
        let slice = TeamCommand::FollowUp(Slice { of, tickets, last });
        scene.ask(Caller::Clock, slice).expect("it follows");
        slices += 1;
    }
    slices
}

#[test]
fn a_deleted_group_is_hidden_at_once_and_loses_its_tickets_bit_by_bit() {
    let mut scene = busy();
    let before = scene.world.revision;
    let told = scene.does(BOB, delete(Some(SALES), 0));
    assert!(matches!(told, Reply::GroupDeleted { unassigned: 300, moved: 300, .. }), "{told:?}");
    assert_eq!(scene.world.revision, before + 1);
    let open = numbers(&scene, Ticket::is_open);
    let ended = numbers(&scene, |ticket| !ticket.is_open());
    assert_eq!(scene.who_sees(open[0]), [ADA, BOB], "like one that has no group");
    assert!(scene.who_sees(ended[0]).is_empty(), "history is hidden until it has moved");
    assert_eq!(scene.ticket(open[0]).changed, scene.ticket(open[1]).changed, "none is special");

    // What happens meanwhile finds what it would find afterwards.
    let close =
        |scene: &Scene, number| TicketCommand::Close { number, version: scene.version(number) };
    let closed = close(&scene, open[0]);
    scene.does(BOB, closed);
    assert_eq!(scene.ticket(open[0]).group, None, "it is not erased with the group");
    scene.does(BOB, TicketCommand::Take { number: open[1], version: None, from: Some(ANA) });
    assert_eq!((scene.ticket(open[1]).group, scene.ticket(open[1]).operator), (None, Some(BOB)));

    assert_eq!(follow_up(&mut scene, 2), 2);
    assert_eq!(scene.refused(BOB, GroupCommand::Erase { group: SUPPORT }), "NOT_ADMIN");
    scene.now += UNDELETE_FOR + MINUTE;
    let erased = scene.ask(Caller::Clock, GroupCommand::Erase { group: SUPPORT });
    assert_eq!(erased, Ok(Reply::Done), "not before everything has moved");
    follow_up(&mut scene, usize::MAX);
    assert!(numbers(&scene, |ticket| ticket.group == Some(SUPPORT)).is_empty());
    assert_eq!(numbers(&scene, |ticket| ticket.group == Some(SALES)), ended);
    assert_eq!(scene.ticket(open[1]).operator, Some(BOB), "who took it since has it");
    let last = scene.ticket(open[2]);
    assert_eq!((last.operator, last.changed), (None, What::GroupDeleted));
    assert_eq!(last.changed_by, Actor::Member(BOB), "whoever deleted the group did it");
    assert!(scene.team().settings.follow_ups.is_empty());
}

#[test]
fn undoing_takes_the_place_of_what_is_left() {
    let mut scene = busy();
    scene.does(BOB, delete(None, 300));
    follow_up(&mut scene, 1);
    scene.does(BOB, GroupCommand::Undelete { group: SUPPORT });
    follow_up(&mut scene, usize::MAX);
    let with_ana = |ticket: &Ticket| {
        ticket.is_open() && ticket.group == Some(SUPPORT) && ticket.operator == Some(ANA)
    };
    assert_eq!(numbers(&scene, with_ana).len(), MANY);
    // All of them lost it before it comes back.
    scene.does(BOB, delete(None, 300));
    follow_up(&mut scene, usize::MAX);
    scene.does(BOB, GroupCommand::Undelete { group: SUPPORT });
    assert_eq!(scene.team().settings.follow_ups.len(), 1);
    follow_up(&mut scene, usize::MAX);
    assert_eq!(numbers(&scene, with_ana).len(), MANY);
}

#[test]
fn who_leaves_and_comes_back_keeps_what_they_were_given_since() {
    let mut scene = busy();
    let switch = |operator| MemberCommand::Update {
        member: ANA,
        admin: None,
        operator: Some(operator),
        enabled: None,
    };
    scene.does(BOB, switch(false));
    scene.does(BOB, switch(true));
    let first = numbers(&scene, Ticket::is_open)[0];
    scene.does(BOB, TicketCommand::Take { number: first, version: None, from: Some(ANA) });
    let version = scene.version(first);
    let (operator, group) = (Some(Some(ANA)), None);
    scene.does(BOB, TicketCommand::Assign { number: first, version, operator, group });
    follow_up(&mut scene, usize::MAX);
    assert_eq!(numbers(&scene, |it| it.is_open() && it.operator == Some(ANA)), [first]);
}

#[test]
fn only_the_clock_follows_up() {
    let mut scene = busy();
    scene.does(BOB, delete(None, 300));
    let of = scene.team().settings.follow_ups[0];
    let slice = Slice { of, tickets: Vec::new(), last: true };
    let command = TeamCommand::FollowUp(slice.clone());
    assert_eq!(scene.refused(ADA, command), "NOT_ADMIN");
    // What was done already is no more to do.
    let other = FollowUp { since: of.since - 1, ..of };
    let stale = TeamCommand::FollowUp(Slice { of: other, ..slice });
    assert_eq!(scene.ask(Caller::Clock, stale), Ok(Reply::Done));
    assert_eq!(scene.team().settings.follow_ups, [of]);
}
