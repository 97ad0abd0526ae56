//! Random teams: whatever happens to their tickets, every list, every look at a ticket and every
//! watch, new or running all the time, shows each member what the oracle says, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use deskbell_proto::v1::{
    self, ListTicketsRequest, Priority, QueueMode, SubmitTicketRequest, TicketState,
};
use deskbell_tests::customer::{Customer, Widget, call_for_help, new_secret};
use deskbell_tests::desk::Desk;
use deskbell_tests::for_both_databases;
use deskbell_tests::host::Database;
use deskbell_tests::recorder::Recorder;
use deskbell_tests::staff::{Staff, To, numbers};
use fastrand::Rng;
use tonic::Code;

use super::oracle::{Member, Team, Ticket};

for_both_databases! { lists_show_what_the_oracle_says }

/// Plays the team of this seed rather than a new one.
const SEED: &str = "DESKBELL_SEED";
/// Things that happen to a team between looks.
const STEPS: usize = 110;
/// Times that somebody joins a group, or leaves it, before the first ticket.
const REGROUPED: usize = 12;
/// Looks at a team.
const LOOKS: usize = 3;
/// Random filters for each member at each look, besides the systematic ones.
const FILTERS: usize = 12;

const STATES: [TicketState; 5] = [
    TicketState::New,
    TicketState::InProgress,
    TicketState::Answered,
    TicketState::Closed,
    TicketState::Expired,
];
const PRIORITIES: [Priority; 4] =
    [Priority::Low, Priority::Normal, Priority::High, Priority::Urgent];
const WORDS: [&str; 8] = ["Printer", "100%", "a_b", "Größe", "o'clock", "\\n", "MAUS", "$1"];
const NEEDLES: [&str; 9] = ["printer", "%", "_", "GRÖSSE", "größe", "'", "\\", "maus@", "$1 "];

struct Play {
    random: Rng,
    desk: Desk,
    team: Team,
    boss: Staff,
    people: Vec<Staff>,
    widget: Widget,
    groups: Vec<v1::Group>,
    customers: BTreeMap<i64, Customer>,
    /// By member; none while they may not look.
    watches: BTreeMap<String, Recorder>,
}

impl Play {
    async fn begin(database: Database) -> Self {
        let given =
            std::env::var(SEED).ok().map(|seed| seed.parse().expect("a number as the seed"));
        let seed = given.unwrap_or_else(|| fastrand::u64(..));
        let desk = Desk::open(database).await;
        let boss = desk.admin("boss").await;
        let mut people = vec![boss.clone(), desk.member(&boss, "lead", false, true).await];
        for name in ["ada", "ben", "cleo", "dan"] {
            people.push(desk.operator(&boss, name).await);
        }
        let mut team = Team::default();
        for (place, member) in people.iter().enumerate() {
            team.members.insert(member.id(), Member { admin: place < 2, operator: place != 1 });
        }
        let mut groups = Vec::new();
        for name in ["Sales", "Support", "Shipping"] {
            let group = boss.group(name).await;
            team.groups.insert(group.id.clone(), BTreeSet::new());
            groups.push(group);
        }
        let profile = boss.profile("Acme", &groups.iter().collect::<Vec<_>>()).await;
        let widget = boss.widget(&desk.server, &profile).await;
        println!("the same team again: {SEED}={seed}");
        let customers = BTreeMap::new();
        let mut watches = BTreeMap::new();
        for who in &people {
            watches.insert(who.id(), who.watch().opened().await);
        }
        Self {
            random: Rng::with_seed(seed),
            desk,
            team,
            boss,
            people,
            widget,
            groups,
            customers,
            watches,
        }
    }

    fn one<'a, T>(random: &mut Rng, of: &'a [T]) -> &'a T {
        &of[random.usize(..of.len())]
    }

    async fn step(&mut self) {
        match self.random.usize(..100) {
            0..22 => self.ring().await,
            22..72 => self.act().await,
            72..80 => self.customer_acts().await,
            80..86 => self.next().await,
            86..94 => self.regroup().await,
            94..97 => self.switch().await,
            97..99 => self.change_mode().await,
            _ => self.delete_group().await,
        }
    }

    async fn ring(&mut self) {
        let secret = new_secret();
        let group = self.groups.get(self.random.usize(..=self.groups.len()));
        let mut word = || (*Self::one(&mut self.random, &WORDS)).to_owned();
        let (email, title) =
            (format!("{}@acme.example", ["maus", "Katze"][usize::from(word() > word())]), word());
        let description = format!("{} {}", word(), word());
        let texts = [email.clone(), title.clone(), description.clone()];
        let group_id = group.map(|group| group.id.clone()).unwrap_or_default();
        let request =
            SubmitTicketRequest { email, title, group_id, ..call_for_help(&secret, &description) };
        let number = self.widget.submit(request).await.expect("a ticket").number;
        self.customers.insert(number, self.widget.customer(secret, number));
        let ticket = Ticket {
            state: TicketState::New,
            priority: Priority::Normal,
            operator: None,
            // A deleted group does no harm: the ticket arrives unassigned.
            group: group
                .map(|group| group.id.clone())
                .filter(|group| !self.team.deleted.contains(group)),
            handled_by: BTreeSet::new(),
            handled_in: BTreeSet::new(),
            texts,
        };
        self.team.tickets.insert(number, ticket);
    }

    /// Somebody does something with a ticket they see.
    async fn act(&mut self) {
        let who = Self::one(&mut self.random, &self.people).clone();
        let me = who.id();
        let seen: Vec<_> = self
            .team
            .tickets
            .keys()
            .copied()
            .filter(|number| self.team.sees(&me, *number))
            .collect();
        if seen.is_empty() {
            return;
        }
        let number = *Self::one(&mut self.random, &seen);
        let now = who.ticket(number).await.expect("the oracle says that they see it");
        let may_take = self.team.members[&me].operator;
        let fact = self.team.tickets.get_mut(&number).expect("a ticket that rang");
        if !fact.is_open() {
            // Most stay ended, so that there is a history.
            if self.random.u8(..4) == 0 {
                who.reopen(&now).await.expect("open again");
                self.team.reopened(number);
            }
            return;
        }
        match self.random.usize(..12) {
            0..2 if may_take => {
                who.take(&now).await.expect("taken");
                fact.taken(&me);
            }
            0..6 => self.assign(&who, &now).await,
            6 => {
                let priority = *Self::one(&mut self.random, &PRIORITIES);
                who.prioritise(&now, priority).await.expect("a priority");
                fact.prioritised(priority);
            }
            7..9 => {
                who.reply(&now, "An answer.").await.expect("answered");
                fact.answered(&me);
            }
            9 => {
                who.note(&now, "A note.").await.expect("noted");
                fact.noted();
            }
            _ => {
                who.close(&now).await.expect("closed");
                fact.closed(Some(&me));
            }
        }
    }

    async fn assign(&mut self, who: &Staff, ticket: &v1::Ticket) {
        let operators: Vec<_> = self
            .people
            .iter()
            .filter(|person| self.team.members[&person.id()].operator)
            .cloned()
            .collect();
        let groups: Vec<_> = self
            .groups
            .iter()
            .filter(|group| !self.team.deleted.contains(&group.id))
            .cloned()
            .collect();
        let operator = Self::one(&mut self.random, &operators).clone();
        let group = groups.get(self.random.usize(..=groups.len())).cloned();
        let id = operator.id();
        let (to, operator_id, group_id) = match (self.random.usize(..5), group) {
            (0, _) => (To::nobody(), Some(""), Some(String::new())),
            (1, Some(group)) => (To::group(&group), None, Some(group.id)),
            (2, Some(group)) => {
                (To::operator(&operator).in_group(&group), Some(id.as_str()), Some(group.id))
            }
            (3, _) => {
                (To::operator(&operator).in_no_group(), Some(id.as_str()), Some(String::new()))
            }
            _ => (To::operator(&operator), Some(id.as_str()), None),
        };
        let answer = who.assign(ticket, to).await.expect("assigned");
        self.team.assigned(ticket.number, operator_id, group_id.as_deref());
        let sees = self.team.sees(&who.id(), ticket.number);
        assert_eq!(answer.is_some(), sees, "the answer shows the ticket to whoever still sees it");
    }

    async fn customer_acts(&mut self) {
        let there: Vec<_> =
            self.customers.keys().copied().filter(|number| !self.team.is_hidden(*number)).collect();
        if there.is_empty() {
            return;
        }
        let number = *Self::one(&mut self.random, &there);
        let customer = &self.customers[&number];
        let fact = self.team.tickets.get_mut(&number).expect("a ticket that rang");
        if fact.is_open() && self.random.bool() {
            customer.cancel().await.expect("cancelled");
            fact.closed(None);
        } else {
            customer.write("Hello?").await.expect("written");
            self.team.customer_wrote(number);
        }
    }

    async fn next(&mut self) {
        let who = Self::one(&mut self.random, &self.people).clone();
        if !self.team.members[&who.id()].operator {
            return;
        }
        let expected = self.team.next(&who.id());
        match who.next().await {
            Ok((ticket, _)) => {
                assert_eq!(Some(ticket.number), expected, "next of {}", who.name());
                self.team
                    .tickets
                    .get_mut(&ticket.number)
                    .expect("a ticket that rang")
                    .taken(&who.id());
            }
            Err(problem) => {
                assert_eq!((problem.code, expected), (Code::NotFound, None), "{problem}");
            }
        }
    }

    /// Somebody joins a group or leaves it.
    async fn regroup(&mut self) {
        let who = Self::one(&mut self.random, &self.people).clone();
        let group = Self::one(&mut self.random, &self.groups).clone();
        let is_operator = self.team.members[&who.id()].operator;
        let Some(operators) = self.team.groups.get_mut(&group.id) else { return };
        if operators.remove(&who.id()) {
            self.boss.part(&group, &who).await.expect("left");
        } else if is_operator {
            self.boss.join(&group, &who).await.expect("joined");
            operators.insert(who.id());
        }
    }

    /// Assistance management goes on or off for somebody.
    async fn switch(&mut self) {
        let who = Self::one(&mut self.random, &self.people[2..]).clone();
        let operator = !self.team.members[&who.id()].operator;
        self.boss.update_member(&who.id(), None, Some(operator), None).await.expect("switched");
        self.team.switched(&who.id(), operator);
        if operator {
            self.watches.insert(who.id(), who.watch().opened().await);
        } else if let Some(mut watch) = self.watches.remove(&who.id()) {
            assert_eq!(
                watch.end().await.code,
                Code::PermissionDenied,
                "the end of the watch of {}",
                who.name()
            );
        }
    }

    async fn change_mode(&mut self) {
        self.team.self_service = !self.team.self_service;
        let mode =
            if self.team.self_service { QueueMode::SelfService } else { QueueMode::AdminAssigns };
        self.boss.set_mode(mode).await;
    }

    async fn delete_group(&mut self) {
        let group = Self::one(&mut self.random, &self.groups).clone();
        if self.team.groups.len() < 2 || self.team.deleted.contains(&group.id) {
            return;
        }
        let told =
            self.boss.delete_group_so(&group, true, 0, None).await.expect("what would happen");
        self.boss.delete_group(&group, told.erased_tickets).await.expect("deleted");
        let (open, ended) = self.team.group_deleted(&group.id);
        let told = (told.unassigned_tickets, told.erased_tickets);
        assert_eq!(told, (open, ended), "what the dry run said");
    }

    /// Compares what everybody sees with the oracle.
    async fn look(&mut self) {
        for who in self.people.clone() {
            if self.team.may_look(&who.id()) {
                self.look_as(&who).await;
            } else {
                let problem = who.list(ListTicketsRequest::default()).await.expect_err("a refusal");
                assert_eq!(problem.code, Code::PermissionDenied, "{}", who.name());
            }
        }
        for group in self.boss.groups(false).await.expect("groups") {
            let open = self
                .team
                .tickets
                .values()
                .filter(|ticket| ticket.is_open() && ticket.group.as_ref() == Some(&group.id));
            assert_eq!(
                group.open_tickets,
                i64::try_from(open.count()).ok(),
                "open in {}",
                group.name
            );
        }
    }

    async fn look_as(&mut self, who: &Staff) {
        let name = who.name();
        for number in self.team.tickets.keys() {
            let has_events = who.events(*number).await.is_ok();
            assert_eq!(
                has_events,
                self.team.sees(&who.id(), *number),
                "{name}: what happened to ticket {number}"
            );
            match who.ticket(*number).await {
                Ok(ticket) => {
                    assert!(self.team.sees(&who.id(), *number), "{name} sees ticket {number}");
                    self.compare(name, &ticket);
                }
                Err(problem) => {
                    assert_eq!(problem.code, Code::NotFound, "{name}");
                    assert!(
                        !self.team.sees(&who.id(), *number),
                        "{name} does not see ticket {number}"
                    );
                }
            }
        }
        for history in [false, true] {
            for filter in self.filters(history) {
                let listed = who.list(filter.clone()).await.expect("a list");
                let expected: Vec<_> = self.team.listed(&who.id(), &filter).into_iter().collect();
                assert_eq!(numbers(&listed), expected, "{name}: the list of {filter:?}");
                let in_order = listed.is_sorted_by_key(|ticket| {
                    let time = |time: Option<prost_types::Timestamp>| {
                        time.map_or((0, 0), |at| (at.seconds, at.nanos))
                    };
                    let (seconds, nanos) = time(ticket.end_time);
                    let open = (-ticket.priority, time(ticket.submit_time));
                    if history { (0, (-seconds, -nanos)) } else { open }
                });
                assert!(in_order, "{name}: the order of {filter:?}: {listed:#?}");
            }
        }
        let watched = who.watch().opened().await.now();
        let open: Vec<_> =
            self.team.listed(&who.id(), &ListTicketsRequest::default()).into_iter().collect();
        assert_eq!(watched.numbers(), open, "{name}: the snapshot of a watch");
        self.watches[&who.id()].agrees_with(who).await;
    }

    fn compare(&self, name: &str, ticket: &v1::Ticket) {
        let fact = &self.team.tickets[&ticket.number];
        let operator = ticket.operator.as_ref().map(|operator| &operator.id);
        let group = ticket.group.as_ref().map(|group| &group.id);
        assert_eq!(
            (ticket.state(), ticket.priority(), operator, group),
            (fact.state, fact.priority, fact.operator.as_ref(), fact.group.as_ref()),
            "{name}: ticket {}",
            ticket.number
        );
    }

    /// No filter, each filter alone, and random ones together.
    fn filters(&mut self, history: bool) -> Vec<ListTicketsRequest> {
        let none = ListTicketsRequest { history, ..Default::default() };
        let groups: Vec<_> = self
            .groups
            .iter()
            .map(|group| group.id.clone())
            .chain(["g999999".to_owned()])
            .collect();
        let members: Vec<_> =
            self.team.members.keys().cloned().chain(["m999999".to_owned()]).collect();
        let mut filters = vec![none.clone()];
        filters.extend(
            STATES.map(|state| ListTicketsRequest { states: vec![state.into()], ..none.clone() }),
        );
        filters.extend(
            groups
                .iter()
                .map(|group| ListTicketsRequest { group_id: group.clone(), ..none.clone() }),
        );
        filters.extend(
            members
                .iter()
                .map(|member| ListTicketsRequest { operator_id: member.clone(), ..none.clone() }),
        );
        filters.extend(
            PRIORITIES
                .map(|least| ListTicketsRequest { min_priority: least.into(), ..none.clone() }),
        );
        filters.extend(
            NEEDLES
                .map(|needle| ListTicketsRequest { contains: needle.to_owned(), ..none.clone() }),
        );
        filters.push(ListTicketsRequest { unassigned: true, ..none.clone() });
        for _ in 0..FILTERS {
            let random = &mut self.random;
            let mut filter = ListTicketsRequest { page_size: random.i32(1..9), ..none.clone() };
            if random.bool() {
                filter.states = STATES
                    .iter()
                    .filter(|_| random.bool())
                    .map(|state| i32::from(*state))
                    .collect();
            }
            if random.u8(..4) == 0 {
                filter.group_id.clone_from(Self::one(random, &groups));
            }
            if random.u8(..4) == 0 {
                filter.operator_id.clone_from(Self::one(random, &members));
            }
            if random.u8(..3) == 0 {
                filter.min_priority = (*Self::one(random, &PRIORITIES)).into();
            }
            if random.u8(..3) == 0 {
                (*Self::one(random, &NEEDLES)).clone_into(&mut filter.contains);
            }
            filters.push(filter);
        }
        filters
    }
}

async fn lists_show_what_the_oracle_says(database: Database) {
    let mut play = Play::begin(database).await;
    for _ in 0..REGROUPED {
        play.regroup().await;
    }
    for _ in 0..LOOKS {
        for _ in 0..STEPS {
            play.step().await;
        }
        play.look().await;
    }
    play.desk.close();
}
