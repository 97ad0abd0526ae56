//! Random teams at work, compared with a brute-force oracle: lists, single tickets, logs and watches show exactly what the rules
//! of SPEC §4 let each person see, and leak nothing beyond it.

use std::collections::{BTreeMap, BTreeSet};

use deskbell_proto::v1::{self, Priority, QueueMode};
use deskbell_tests::customer::{Customer, Widget};
use deskbell_tests::desk::Desk;
use deskbell_tests::for_both_databases;
use deskbell_tests::host::Database;
use deskbell_tests::staff::{Staff, To, numbers};
use futures_util::future::join_all;
use tonic::Code;

for_both_databases! { random_teams_see_what_the_rules_say }

const OPERATORS: usize = 5;
const ROUNDS: usize = 6;
const ACTS: usize = 40;

/// Random numbers that a failing run can be repeated with (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(sides).unwrap()).unwrap()
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.roll(from.len())]
    }
}

/// A team at work.
struct Team {
    /// The first is the admin.
    people: Vec<Staff>,
    groups: Vec<v1::Group>,
    widget: Widget,
    customers: Vec<Customer>,
    dice: Dice,
    mode: QueueMode,
    /// Who is in which group, by places in the lists above.
    members: BTreeSet<(usize, usize)>,
    /// Who handled which ticket: was assigned to it, answered or closed it.
    handled: BTreeMap<i64, BTreeSet<usize>>,
}

impl Team {
    async fn open(desk: &Desk, seed: u64) -> Self {
        let ana = desk.admin("ana").await;
        let names: Vec<String> = (0..OPERATORS).map(|n| format!("op{n}")).collect();
        let operators = join_all(names.iter().map(|name| desk.operator(&ana, name))).await;
        let groups = vec![ana.group("A").await, ana.group("B").await, ana.group("C").await];
        let profile = ana.profile("Acme", &groups.iter().collect::<Vec<_>>()).await;
        let widget = ana.widget(&desk.server, &profile).await;
        let people = [vec![ana], operators].concat();
        Self {
            people,
            groups,
            widget,
            customers: Vec::new(),
            dice: Dice(seed),
            mode: QueueMode::AdminAssigns,
            members: BTreeSet::new(),
            handled: BTreeMap::new(),
        }
    }

    /// Somebody does something. What is refused has not happened.
    async fn act(&mut self) {
        let who = self.dice.roll(self.people.len());
        match self.dice.roll(12) {
            0..=2 => self.ring().await,
            3 => self.change_team().await,
            4 => {
                if let Ok((ticket, _)) = self.people[who].next().await {
                    self.note_handled(ticket.number, who);
                }
            }
            5 if !self.customers.is_empty() => {
                let customer = self.dice.pick(&self.customers).clone();
                // Writing opens an ended ticket again; it may also be cancelled.
                if self.dice.roll(3) == 0 {
                    customer.cancel().await.ok();
                } else {
                    customer.write("Still there?").await.ok();
                }
            }
            _ => self.act_on_a_ticket(who).await,
        }
    }

    async fn ring(&mut self) {
        let group = self.dice.roll(self.groups.len() + 1);
        let group = self.groups.get(group).cloned();
        let customer = self.widget.ring(group.as_ref(), "Help!").await;
        self.customers.push(customer);
    }

    async fn change_team(&mut self) {
        let ana = self.people[0].clone();
        if self.dice.roll(5) == 0 {
            self.mode = *self.dice.pick(&[QueueMode::AdminAssigns, QueueMode::SelfService]);
            ana.set_mode(self.mode).await;
            return;
        }
        let place = (self.dice.roll(self.people.len()), self.dice.roll(self.groups.len()));
        let (person, group) = (self.people[place.0].clone(), self.groups[place.1].clone());
        if self.members.remove(&place) {
            ana.part(&group, &person).await.unwrap();
        } else {
            ana.join(&group, &person).await.unwrap();
            self.members.insert(place);
        }
    }

    async fn act_on_a_ticket(&mut self, who: usize) {
        let person = self.people[who].clone();
        let history = self.dice.roll(4) == 0;
        let seen = person.list(v1::ListTicketsRequest { history, ..Default::default() }).await.unwrap();
        if seen.is_empty() {
            return;
        }
        let ticket = self.dice.pick(&seen).clone();
        let handled_by_me = match self.dice.roll(7) {
            0 => person.take(&ticket).await.is_ok(),
            1 => person.reply(&ticket, "Try again.").await.is_ok(),
            2 => person.close(&ticket).await.is_ok(),
            3 => {
                person.reopen(&ticket).await.ok();
                false
            }
            4 => {
                person.prioritise(&ticket, Priority::High).await.ok();
                false
            }
            _ => {
                self.assign(&person, &ticket).await;
                false
            }
        };
        if handled_by_me {
            self.note_handled(ticket.number, who);
        }
    }

    async fn assign(&mut self, person: &Staff, ticket: &v1::Ticket) {
        let target = self.dice.roll(self.people.len());
        let group = self.dice.pick(&self.groups).clone();
        let (to, given) = match self.dice.roll(5) {
            0 => (To::operator(&self.people[target]), true),
            1 => (To::operator(&self.people[target]).in_no_group(), true),
            2 => (To::operator(&self.people[target]).in_group(&group), true),
            3 => (To::group(&group), false),
            _ => (To::nobody(), false),
        };
        if person.assign(ticket, to).await.is_ok() && given {
            self.note_handled(ticket.number, target);
        }
    }

    fn note_handled(&mut self, number: i64, who: usize) {
        self.handled.entry(number).or_default().insert(who);
    }

    /// SPEC §4, "who sees what", for somebody who is no admin.
    fn sees(&self, who: usize, ticket: &v1::Ticket, open: bool) -> bool {
        let group = ticket.group.as_ref().map(|group| group.id.as_str());
        let place = self.groups.iter().position(|known| Some(known.id.as_str()) == group);
        let in_group = place.is_some_and(|place| self.members.contains(&(who, place)));
        if !open {
            return in_group || self.handled.get(&ticket.number).is_some_and(|handled| handled.contains(&who));
        }
        let mine = ticket.operator.as_ref().is_some_and(|operator| operator.id == self.people[who].id());
        let unassigned = ticket.operator.is_none() && ticket.group.is_none();
        mine || in_group || (unassigned && self.mode == QueueMode::SelfService)
    }

    async fn compare(&self, seed: u64) {
        let ana = &self.people[0];
        let open = ana.open().await;
        let ended = ana.list(v1::ListTicketsRequest { history: true, ..Default::default() }).await.unwrap();
        let all = numbers(&[open.clone(), ended.clone()].concat());
        assert_eq!(all, (1..=i64::try_from(self.customers.len()).unwrap()).collect::<Vec<_>>(), "seed {seed}");
        for (who, person) in self.people.iter().enumerate().skip(1) {
            let expected = |tickets: &[v1::Ticket], open| {
                let seen: Vec<_> = tickets.iter().filter(|ticket| self.sees(who, ticket, open)).cloned().collect();
                numbers(&seen)
            };
            let (expected_open, expected_ended) = (expected(&open, true), expected(&ended, false));
            assert_eq!(person.open_numbers().await, expected_open, "open, {}, seed {seed}", person.name());
            assert_eq!(person.history_numbers().await, expected_ended, "history, {}, seed {seed}", person.name());
            for number in all.iter().copied() {
                let sees = expected_open.contains(&number) || expected_ended.contains(&number);
                let (ticket, events) = (person.ticket(number).await, person.events(number).await);
                assert_eq!(ticket.is_ok(), sees, "ticket {number}, {}, seed {seed}", person.name());
                assert_eq!(events.is_ok(), sees, "log of {number}, {}, seed {seed}", person.name());
                if let Err(problem) = ticket {
                    assert_eq!(problem.code, Code::NotFound);
                }
            }
            for group in &self.groups {
                let filter = v1::ListTicketsRequest { group_id: group.id.clone(), ..Default::default() };
                let listed = numbers(&person.list(filter).await.unwrap());
                assert!(listed.iter().all(|number| expected_open.contains(number)), "filters leak nothing");
            }
        }
    }
}

async fn random_teams_see_what_the_rules_say(database: Database) {
    let seed = uuid::Uuid::new_v4().as_u64_pair().0;
    let desk = Desk::open(database).await;
    let mut team = Team::open(&desk, seed).await;
    let mut watches = Vec::new();
    for person in &team.people {
        watches.push(person.watch().opened().await);
    }
    for _ in 0..ROUNDS {
        for _ in 0..ACTS {
            team.act().await;
        }
        team.compare(seed).await;
        for (watch, person) in watches.iter().zip(&team.people) {
            watch.agrees_with(person).await;
        }
    }
    desk.close();
}
