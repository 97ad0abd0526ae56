//! Random people do random things to a team: what has to hold after every step, whoever did
//! whatever.

use std::collections::{BTreeMap, BTreeSet};

use deskbell_proto::fold;
use proptest::prelude::*;
use serde::Serialize;
use serde_json::{Map, Value};

use super::fixtures::*;
use super::sequences::{Step, steps};
use crate::domain::*;

/// Who sees a ticket, from the product's behaviour sentence by sentence, and from nothing else of
/// the code.
fn may_see(team: &Team, member: MemberId, ticket: &Ticket) -> bool {
    let Some(who) = team.members.get(&member).filter(|who| who.state == MemberState::Active) else {
        return false;
    };
    let in_groups: BTreeSet<_> = team
        .groups
        .values()
        .filter(|group| group.deleted_at.is_none() && group.operators.contains(&member))
        .map(|group| Some(group.id))
        .collect();
    let ended = matches!(ticket.state, State::Closed | State::Expired);
    let deleted =
        |group: GroupId| team.groups.get(&group).is_none_or(|group| group.deleted_at.is_some());
    // "One transaction hides it all at once."
    if ended && ticket.group.is_some_and(deleted) {
        return false;
    }
    // "An admin sees every ticket and all history."
    if who.admin {
        return true;
    }
    // "Only such members": assistance management makes an operator.
    if !who.operator {
        return false;
    }
    if ended {
        // "In history an operator sees tickets they handled themselves … and those that any group
        // they are in has handled (had it when somebody acted on it, or at the end)."
        let handled = ticket.handled_in.iter().any(|group| in_groups.contains(&Some(*group)));
        return ticket.handled_by.contains(&member) || in_groups.contains(&ticket.group) || handled;
    }
    match (ticket.operator, ticket.group) {
        // "Unassigned tickets are seen by admins only, or by all operators when the queue mode is
        // self-service."
        (None, None) => team.settings.queue_mode == QueueMode::SelfService,
        // "A ticket assigned to an operator and to no group is seen by that operator alone."
        (Some(operator), None) => operator == member,
        // "An operator sees a ticket when it is assigned to them, or to a group they are in."
        (operator, group) => operator == Some(member) || in_groups.contains(&group),
    }
}

/// What has happened, remembered apart from the world.
#[derive(Default)]
struct Memory {
    /// From stored events alone.
    tickets: BTreeMap<TicketId, Ticket>,
    /// Who was assigned to a ticket, answered or closed it.
    handled: BTreeMap<TicketId, BTreeSet<MemberId>>,
    /// Numbers that were given, also of tickets that are erased.
    numbers: BTreeSet<i64>,
}

fn json<T: serde::Serialize + serde::de::DeserializeOwned>(image: &T) -> T {
    let stored = serde_json::to_string(image).expect("plain data");
    serde_json::from_str(&stored).expect("what was stored can be read")
}

fn fields(image: &impl Serialize) -> Map<String, Value> {
    let stored = serde_json::to_string(image).expect("plain data");
    serde_json::from_str(&stored).expect("an object")
}

/// With what it had before, a new image is the old one again: undoing needs nothing else.
fn gives_back<T: Serialize>(former: &Former, new: &T, old: &T) -> Result<(), TestCaseError> {
    let (mut new, mut old) = (fields(new), fields(old));
    new.extend(fields(former));
    for image in [&mut new, &mut old] {
        image.retain(|_, value| !value.is_null());
    }
    for field in ["version", "customer_version", "changed_at", "changed_by", "changed"] {
        new.remove(field);
        old.remove(field);
    }
    prop_assert_eq!(new, old);
    Ok(())
}

impl Memory {
    fn take(&mut self, scene: &Scene, decision: &Decision) -> Result<(), TestCaseError> {
        let revision = scene.world.revision + 1;
        let mut changed = BTreeSet::new();
        for event in &decision.events {
            match event {
                Event::Ticket(entry, _) => {
                    let change = json(&entry.image);
                    let id = change.ticket.id;
                    prop_assert!(changed.insert(id), "one change of a ticket at a time");
                    let old = self.tickets.get(&id);
                    prop_assert_eq!(&change.before, &old.map(Sight::from), "where it was before");
                    prop_assert_eq!(change.ticket.version, revision);
                    if let Some(old) = old {
                        Self::check_successor(old, &change.ticket)?;
                        gives_back(&change.former, &change.ticket, old)?;
                    } else {
                        prop_assert!(
                            self.numbers.insert(change.ticket.number),
                            "a number is given once"
                        );
                    }
                    let handled = self.handled.entry(id).or_default();
                    handled.extend(change.ticket.operator.filter(|_| change.ticket.is_open()));
                    if let (What::Replied | What::Closed, Actor::Member(by)) =
                        (change.ticket.changed, change.ticket.changed_by)
                    {
                        handled.insert(by);
                    }
                    self.tickets.insert(id, change.ticket);
                }
                Event::HistoryMoved { from, to, tickets } => {
                    let ended = self.tickets.values_mut().filter(|ticket| !ticket.is_open());
                    let is_named = |ticket: &&mut Ticket| {
                        tickets.as_ref().is_none_or(|ids| ids.contains(&ticket.id))
                    };
                    ended
                        .filter(is_named)
                        .filter(|ticket| ticket.group == Some(*from))
                        .for_each(|ticket| ticket.group = Some(*to));
                }
                Event::TicketsErased(tickets) => {
                    for id in tickets {
                        let erased = self.tickets.remove(id);
                        let group =
                            erased.and_then(|ticket| scene.team().groups.get(&ticket.group?));
                        let due = group
                            .and_then(|group| group.deleted_at)
                            .is_some_and(|at| at + UNDELETE_FOR < scene.now);
                        prop_assert!(
                            due,
                            "only the history of groups that cannot come back is erased"
                        );
                    }
                }
                Event::Directory(DirectoryEvent::Set(item, _, former)) => {
                    if let Some(old) = scene.team().item(item.id()) {
                        let [new, old] = [&**item, &old].map(|item| item.image().expect("JSON"));
                        let [new, old] = [new, old].map(|image| {
                            serde_json::from_str::<Value>(&image).expect("was written")
                        });
                        gives_back(former, &new, &old)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn check_successor(old: &Ticket, new: &Ticket) -> Result<(), TestCaseError> {
        prop_assert!(new.version > old.version && new.customer_version >= old.customer_version);
        prop_assert_eq!(
            (new.id, new.number, new.submitted_at),
            (old.id, old.number, old.submitted_at)
        );
        prop_assert_eq!(
            (new.origin, new.secret_hash, new.words),
            (old.origin, old.secret_hash, old.words)
        );
        prop_assert!(
            old.handled_by.iter().all(|member| new.handled_by.contains(member))
                && old.handled_in.iter().all(|group| new.handled_in.contains(group)),
            "handled is remembered"
        );
        if new.changed == What::Expired {
            prop_assert!(old.expires_at.is_some_and(|due| due <= new.changed_at), "never early");
        }
        let moves = matches!(new.changed, What::Replied | What::CustomerWrote | What::StillNeeded);
        if old.is_open() && new.is_open() && !moves {
            prop_assert_eq!(old.expires_at, new.expires_at, "the time is stored absolutely");
        }
        Ok(())
    }

    fn check(&self, scene: &Scene) -> Result<(), TestCaseError> {
        let team = scene.team();
        // Stored events do not have the digest of the body.
        let stored = |image: &Ticket| Ticket { body_digest: None, ..image.clone() };
        let tickets: BTreeMap<_, _> =
            scene.world.tickets.values().map(|ticket| (ticket.id, stored(&ticket.image))).collect();
        prop_assert_eq!(&tickets, &self.tickets, "the stored events alone give the same tickets");
        prop_assert!(self.numbers.iter().copied().eq(1..scene.world.next_number), "no gaps");
        for ticket in tickets.values() {
            self.check_ticket(team, scene, ticket)?;
        }
        prop_assert!(
            team.members.values().any(|member| member.admin && member.state == MemberState::Active)
        );
        for member in team.members.values() {
            prop_assert_eq!(member.account.is_none(), member.state == MemberState::Invited);
            if let Some(id) = member.account {
                let account = scene.world.account(id).expect("there");
                prop_assert_eq!(account.membership, Some((TEAM, member.id)));
            }
        }
        for account in &scene.world.accounts {
            let member = account.membership.and_then(|(_, member)| team.members.get(&member));
            prop_assert_eq!(
                member.is_some_and(|member| member.account == Some(account.id)),
                account.membership.is_some()
            );
        }
        for group in team.groups.values() {
            let operators = group.operators.iter().map(|member| team.members.get(member));
            prop_assert!(
                operators.into_iter().all(|member| member.is_some_and(|member| member.operator))
            );
        }
        let names: BTreeSet<_> =
            team.groups.values().map(|group| fold::name(&group.words.name)).collect();
        prop_assert_eq!(names.len(), team.groups.len(), "names are unique");
        Ok(())
    }

    fn check_ticket(
        &self,
        team: &Team,
        scene: &Scene,
        ticket: &Ticket,
    ) -> Result<(), TestCaseError> {
        let open = ticket.is_open();
        prop_assert!(
            ticket.customer_version <= ticket.version && ticket.version <= scene.world.revision
        );
        prop_assert_eq!(ticket.ended_at.is_none(), open);
        prop_assert!(open || (ticket.expires_at.is_none() && ticket.former_group.is_none()));
        prop_assert!(ticket.former_group.is_none() || ticket.group.is_none());
        let handled: Vec<_> = self.handled[&ticket.id].iter().copied().collect();
        prop_assert_eq!(&ticket.handled_by, &handled, "sorted; assigned to, answered or closed");
        if open {
            let operator = ticket.operator.map(|operator| team.members.get(&operator));
            let can =
                |member: &Entry<Member, _>| member.operator && member.state == MemberState::Active;
            prop_assert!(operator.is_none_or(|member| member.is_some_and(can)), "{ticket:?}");
            let group = ticket.group.map(|group| team.groups.get(&group));
            prop_assert!(
                group.is_none_or(|group| group.is_some_and(|group| group.deleted_at.is_none())),
                "{ticket:?}"
            );
        }
        let sight = Sight::from(ticket);
        for member in team.members.keys().copied().chain([MemberId(99)]) {
            let sees = team.viewer(member).is_some_and(|viewer| viewer.sees(&sight));
            prop_assert_eq!(sees, may_see(team, member, ticket), "{:?} {:?}", member, ticket);
        }
        Ok(())
    }
}

/// Whoever sees another part of the queue than before is told to start over.
fn check_watches(before: &Team, after: &Team, revision: Revision) -> Result<(), TestCaseError> {
    let operators = before.members.keys().copied().map(Some).chain([None]);
    let places: Vec<_> = operators
        .flat_map(|operator| {
            before
                .groups
                .keys()
                .copied()
                .map(Some)
                .chain([None])
                .map(move |group| (operator, group))
        })
        .map(|(operator, group)| Sight {
            open: true,
            operator,
            group,
            handled_by: Vec::new(),
            handled_in: Vec::new(),
        })
        .collect();
    for member in before.members.keys() {
        let (Some(old), Some(new)) = (before.viewer(*member), after.viewer(*member)) else {
            continue;
        };
        // In a deleted group there are no open tickets, as long as none are still to lose it.
        let is_a_place = |place: &&Sight| {
            place.group.is_none_or(|group| {
                let is_live = |team: &Team| team.live_group(group).is_some();
                match (is_live(before), is_live(after)) {
                    (true, true) => true,
                    (false, false) => false,
                    _ => before.groups[&group].operators.contains(member),
                }
            })
        };
        let mut places = places.iter().filter(is_a_place);
        if places.any(|place| old.sees(place) != new.sees(place)) {
            prop_assert_eq!(after.members[member].sight_since, revision, "{:?}", member);
        }
    }
    Ok(())
}

/// What a member hears about a ticket fits what they saw before and see after it.
fn check_answer(
    before: &Scene,
    after: &Scene,
    member: MemberId,
    command: &Command,
    answer: &Result<Reply, Refusal>,
) -> Result<(), TestCaseError> {
    let Some(number) = number_in(command) else { return Ok(()) };
    let Some(viewer) = before.team().viewer(member) else {
        let state = before.team().members.get(&member).map(|member| member.state);
        let disabled = state == Some(MemberState::Disabled);
        let why = if disabled { Refusal::DISABLED } else { Refusal::NO_TEAM };
        prop_assert_eq!(answer, &Err(why));
        return Ok(());
    };
    if matches!(command, Command::Ticket(TicketCommand::Take { .. })) && !viewer.operator {
        prop_assert_eq!(answer, &Err(Refusal::NOT_OPERATOR));
        return Ok(());
    }
    let sees = |scene: &Scene| {
        let ticket = scene.world.numbers.get(&number).and_then(|id| scene.world.tickets.get(id));
        ticket.is_some_and(|ticket| may_see(scene.team(), member, ticket))
    };
    prop_assert_eq!(
        !sees(before),
        answer == &Err(Refusal::NotFound("ticket")),
        "hidden is answered like absent"
    );
    match answer {
        Ok(Reply::Ticket(ticket) | Reply::Written(ticket, _)) => {
            prop_assert_eq!(&**ticket, after.ticket(number));
        }
        Ok(other) => prop_assert!(matches!(other, Reply::OutOfSight(_)) && !sees(after)),
        Err(_) => {}
    }
    Ok(())
}

fn number_in(command: &Command) -> Option<i64> {
    let Command::Ticket(command) = command else { return None };
    command.target().map(|(number, _)| number)
}

fn play(steps: &[Step]) -> Result<(), TestCaseError> {
    let mut scene = Scene::new();
    let mut memory = Memory::default();
    for step in steps {
        step.pass_time(&mut scene);
        let (caller, command) = step.request(&scene);
        let request = Request { team: TEAM, caller, memory: None, command, salt: SALT };
        let world = &scene.world;
        let secret_of_erased = matches!(
            &request.command,
            Command::Ticket(TicketCommand::Submit(submission))
                if world.secrets.contains_key(&submission.secret_hash)
                    && world.ticket_of(submission.secret_hash).is_none()
        );
        if secret_of_erased {
            // The store answers for tickets that are erased.
            continue;
        }
        let before = scene.clone();
        let named = Needs { number: None, ticket: None, secret: None, ..request.needs() };
        let wide = Needs { ids: Vec::new(), words: false, ..named };
        // Whoever asks for the next one names themselves.
        let wide = match wide.tickets {
            Some(Tickets::WaitingFor(_)) => Needs { tickets: None, ..wide },
            _ => wide,
        };
        let alone = request.command.locks() != Locks::Team;
        prop_assert!(
            alone || wide == Needs::default(),
            "needs what nobody named: {:?}",
            request.command
        );
        let loaded = scene.loaded(&request);
        let decided = decide(&loaded, &request, scene.now);
        // What else is at hand, because others in the same transaction need it, makes no
        // difference.
        let World { accounts, code, open_in_group, ended_in_group, .. } = loaded;
        let whole = World { accounts, code, open_in_group, ended_in_group, ..scene.world.clone() };
        prop_assert_eq!(
            format!("{decided:?}"),
            format!("{:?}", decide(&whole, &request, scene.now))
        );
        let answer = decided.as_ref().map(|decision| decision.reply.clone()).map_err(Clone::clone);
        if let Ok(decision) = &decided {
            let of_host = decision.events.iter().any(Event::is_of_host);
            prop_assert!(
                !of_host || request.command.locks() == Locks::TeamAndAccounts,
                "locked too little: {:?}",
                request.command
            );
            memory.take(&scene, decision)?;
            scene.apply(decision);
            check_watches(before.team(), scene.team(), scene.world.revision)?;
            memory.check(&scene)?;
        }
        if let Caller::Member(member) = caller {
            check_answer(&before, &scene, member, &request.command, &answer)?;
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn whatever_happens(steps in steps(120)) {
        play(&steps)?;
    }
}
