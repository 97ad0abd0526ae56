//! Screens and keys, without a terminal or a server: what the tests beside share.

mod hostile;
mod keys;
mod screens;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use deskbell_proto::v1::watch_queue_response::Change as QueueChange;
use deskbell_proto::v1::{
    Group, GroupRef, Identity, Member, MemberRef, MemberState, Message, TeamMembership, Ticket,
    TicketEvent, TicketState,
};
use deskbell_proto::watch::WatchNews;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;

use super::draw::draw;
use super::event::{Action, Answer, Call, Change, Event};
use super::state::State;

/// 2026-11-21 12:00:00 UTC.
const NOON: i64 = 1_795_262_400;

fn noon() -> Timestamp {
    Timestamp::from_second(NOON).unwrap()
}

fn at(seconds: i64) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds, nanos: 0 }
}

/// A ticket that has waited for so many minutes at noon. Its version is 1.
pub fn ticket(number: i64, priority: i32, minutes: i64, operator: &str) -> Ticket {
    Ticket {
        number,
        version: 1,
        state: if operator.is_empty() { TicketState::New } else { TicketState::InProgress }.into(),
        priority,
        operator: (!operator.is_empty())
            .then(|| MemberRef { id: format!("member-{operator}"), display_name: operator.into() }),
        requester: format!("customer{number}@acme.test"),
        title: format!("Problem {number}"),
        description: format!("Problem {number}\nIt does not work."),
        submit_time: Some(at(NOON - minutes * 60)),
        expire_time: Some(at(NOON - minutes * 60 + 86_400)),
        ..Ticket::default()
    }
}

pub fn grouped(ticket: Ticket, group: &str) -> Ticket {
    Ticket { group: Some(GroupRef { id: format!("group-{group}"), name: group.into() }), ..ticket }
}

pub fn people() -> Answer {
    let member = |name: &str| Member {
        id: format!("member-{name}"),
        display_name: name.into(),
        state: MemberState::Active.into(),
        operator: true,
        available: name == "Ana",
        ..Member::default()
    };
    let group = |name: &str, operators: &[&str]| Group {
        id: format!("group-{name}"),
        name: name.into(),
        operators: operators
            .iter()
            .map(|name| MemberRef { id: format!("member-{name}"), display_name: (*name).into() })
            .collect(),
        ..Group::default()
    };
    Answer::People {
        self_service: false,
        me: Box::new(Identity {
            display_name: "Ana".into(),
            membership: Some(TeamMembership {
                member_id: "member-Ana".into(),
                operator: true,
                available: true,
                ..TeamMembership::default()
            }),
            ..Identity::default()
        }),
        members: vec![member("Ana"), member("Ben")],
        groups: vec![group("Sales", &["Ana", "Ben"]), group("Billing", &["Ben"])],
    }
}

/// What is on a screen, line by line, from a newline on.
pub fn shown(buffer: &Buffer) -> String {
    let mut screen = String::new();
    for y in 0..buffer.area.height {
        let line: String = (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect();
        screen.push('\n');
        screen.push_str(line.trim_end());
    }
    screen
}

/// A screen in the hands of a test.
struct Desk {
    state: State,
    now: Timestamp,
}

impl Desk {
    /// A live queue: Ana's, with people known and these tickets.
    fn new(size: (u16, u16), tickets: Vec<Ticket>) -> Self {
        let (state, first) = State::new(noon(), TimeZone::UTC, size);
        let mut desk = Self { state, now: noon() };
        assert_eq!(first, [Action::Call { id: 0, call: Call::People }]);
        desk.happens(Event::Outcome { id: 0, result: Ok(people()) });
        desk.happens(Event::News(WatchNews::Connected { resumed: false }));
        desk.happens(Event::News(WatchNews::Snapshot { tickets, cursor: "s".into() }));
        desk
    }

    fn happens(&mut self, event: Event) -> Vec<Action> {
        self.state.update(self.now, event)
    }

    fn changes(
        &mut self,
        kind: &str,
        actor: &str,
        tickets: Vec<Ticket>,
        removed: Vec<i64>,
    ) -> Vec<Action> {
        let change = QueueChange {
            cursor: "c".into(),
            tickets,
            removed,
            kind: kind.into(),
            actor: actor.into(),
        };
        self.happens(Event::News(WatchNews::Change(change)))
    }

    fn press(&mut self, code: KeyCode) -> Vec<Action> {
        self.happens(Event::Key(KeyEvent::new(code, KeyModifiers::NONE)))
    }

    fn types(&mut self, keys: &str) -> Vec<Action> {
        keys.chars().flat_map(|key| self.press(KeyCode::Char(key))).collect()
    }

    fn passes(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
        self.happens(Event::Tick);
    }

    fn chosen(&self) -> Option<i64> {
        self.state.rows.chosen().map(|line| line.number)
    }

    fn screen(&self) -> String {
        let mut terminal =
            Terminal::new(TestBackend::new(self.state.size.0, self.state.size.1)).unwrap();
        terminal.draw(|frame| draw(&self.state, frame)).unwrap();
        shown(terminal.backend().buffer())
    }
}

fn queue() -> Vec<Ticket> {
    vec![
        Ticket {
            requester_verified: true,
            connectable: true,
            ..grouped(ticket(1, 2, 185, "Ben"), "Sales")
        },
        ticket(2, 4, 12, ""),
        Ticket {
            expire_time: Some(at(NOON + 720)),
            ..grouped(ticket(3, 1, 1428, "Ana"), "Billing")
        },
    ]
}

fn only(actions: Vec<Action>) -> Action {
    assert_eq!(actions.len(), 1, "{actions:?}");
    actions.into_iter().next().unwrap()
}

fn change_of(actions: Vec<Action>) -> (i64, i64, Change) {
    match only(actions) {
        Action::Call { call: Call::Change { number, version, change }, .. } => {
            (number, version, change)
        }
        other => panic!("{other:?}"),
    }
}
