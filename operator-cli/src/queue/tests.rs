//! Screens and keys, without a terminal or a server.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use deskbell_proto::problem::Problem;
use deskbell_proto::v1::watch_queue_response::Change as QueueChange;
use deskbell_proto::v1::{
    Group, GroupRef, Identity, Member, MemberRef, MemberState, Message, MessageKind, Priority, TeamMembership, Ticket, TicketEvent,
    TicketState,
};
use deskbell_proto::watch::WatchNews;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;

use super::draw::draw;
use super::event::{Action, Answer, Call, Change, Event, Refusal, Writing};
use super::popup::Popup;
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
        operator: (!operator.is_empty()).then(|| MemberRef { id: format!("member-{operator}"), display_name: operator.into() }),
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
        operators: operators.iter().map(|name| MemberRef { id: format!("member-{name}"), display_name: (*name).into() }).collect(),
        ..Group::default()
    };
    Answer::People {
        me: Box::new(Identity {
            display_name: "Ana".into(),
            membership: Some(TeamMembership { member_id: "member-Ana".into(), operator: true, available: true, ..TeamMembership::default() }),
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

    fn changes(&mut self, kind: &str, actor: &str, tickets: Vec<Ticket>, removed: Vec<i64>) -> Vec<Action> {
        let change = QueueChange { cursor: "c".into(), tickets, removed, kind: kind.into(), actor: actor.into() };
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
        let mut terminal = Terminal::new(TestBackend::new(self.state.size.0, self.state.size.1)).unwrap();
        terminal.draw(|frame| draw(&self.state, frame)).unwrap();
        shown(terminal.backend().buffer())
    }
}

fn queue() -> Vec<Ticket> {
    vec![
        Ticket { requester_verified: true, connectable: true, ..grouped(ticket(1, 2, 185, "Ben"), "Sales") },
        ticket(2, 4, 12, ""),
        Ticket { expire_time: Some(at(NOON + 720)), ..grouped(ticket(3, 1, 1428, "Ana"), "Billing") },
    ]
}

fn only(actions: Vec<Action>) -> Action {
    assert_eq!(actions.len(), 1, "{actions:?}");
    actions.into_iter().next().unwrap()
}

fn change_of(actions: Vec<Action>) -> (i64, i64, Change) {
    match only(actions) {
        Action::Call { call: Call::Change { number, version, change }, .. } => (number, version, change),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_list_at_80_columns() {
    let mut desk = Desk::new((80, 24), queue());
    desk.press(KeyCode::Down);
    assert_eq!(
        desk.screen(),
        "
 3 open · 1 mine · Ana, available                                        ● live
  no    prio▾  waits state       requester   operator group    conn description
  #2    urgent 12m   new         customer2…? -        -        -    Problem 2
> #1    normal 3h05  in progress customer1@… Ben      Sales    yes  Problem 1
  #3    low    23h48 in progress customer3…? Ana      Billing  -    exp 12m Pro…
















 #1 Problem 1 · customer1@acme.test · expires in 20h55

 ? help  q quit  ⏎ open  t take  a assign  p priority  r reply  n note  c close"
    );
}

#[test]
fn the_list_at_120_columns_with_news() {
    let mut desk = Desk::new((120, 12), queue());
    desk.press(KeyCode::Down);
    let actions = desk.changes("submitted", "customer", vec![grouped(ticket(4, 4, 0, ""), "Sales")], vec![]);
    assert_eq!(actions, [Action::Bell]);
    desk.changes("closed", "Ben", vec![Ticket { version: 2, state: TicketState::Closed.into(), ..ticket(2, 4, 12, "") }], vec![]);
    assert_eq!(
        desk.screen(),
        "
 [1 new] · 3 open · 1 mine · Ana, available                                                                      ● live
  no    prio▾  waits state       requester              operator       group          conn description
  #2    closed by Ben
> #1    normal 3h05  in progress customer1@acme.test    Ben            Sales          yes  Problem 1
  #3    low    23h48 in progress customer3@acme.test?   Ana            Billing        -    exp 12m Problem 3
 *#4    urgent now   new         customer4@acme.test?   -              Sales          -    Problem 4




 New: #4 urgent Problem 4
 ? help  q quit  ⏎ open  t take  a assign  p priority  r reply  n note  c close  N next  / filter  s sort  m mine"
    );
}

#[test]
fn a_small_screen_has_the_most_important() {
    let desk = Desk::new((40, 10), queue());
    assert_eq!(
        desk.screen(),
        "
 3 open · 1 mine · Ana, availab… ● live
  no    prio▾  waits description
> #2    urgent 12m   Problem 2
  #1    normal 3h05  Problem 1
  #3    low    23h48 exp 12m Problem 3




 ? help  q quit  ⏎ open  t take"
    );
}

#[test]
fn each_key_asks_for_its_call() {
    // Keys, then the change they ask for. The chosen ticket is #2.
    let table: [(&str, Change); 6] = [
        ("t", Change::Take),
        ("ph\n", Change::SetPriority(Priority::High)),
        ("ab\n", Change::Assign { operator: Some("member-Ben".into()), group: None }),
        ("asal\n", Change::Assign { operator: None, group: Some("group-Sales".into()) }),
        ("cy", Change::Close),
        ("ano operator\n", Change::Assign { operator: Some(String::new()), group: None }),
    ];
    for (keys, expected) in table {
        let mut desk = Desk::new((80, 24), queue());
        let mut actions = Vec::new();
        for key in keys.chars() {
            actions.extend(desk.press(if key == '\n' { KeyCode::Enter } else { KeyCode::Char(key) }));
        }
        actions.retain(|action| !matches!(action, Action::Call { call: Call::People, .. }));
        assert_eq!(change_of(actions), (2, 1, expected), "{keys}");
    }
    let mut desk = Desk::new((80, 24), queue());
    assert!(matches!(only(desk.types(" ")), Action::Call { call: Call::Next, .. }));
    assert!(matches!(only(desk.types("A")), Action::Call { call: Call::SetAvailable(false), .. }));
    assert!(matches!(only(desk.press(KeyCode::Enter)), Action::Call { call: Call::Open { number: 2 }, .. }));
    assert_eq!(desk.types("o"), []);
    assert!(desk.screen().contains("#2 is open already."));
    assert_eq!(desk.types("q"), []);
    assert_eq!(desk.types("q"), [Action::Quit]);
    desk.types("?");
    let ctrl_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(desk.happens(Event::Key(ctrl_c)), [Action::Quit]);
}

#[test]
fn moving_filtering_and_sorting() {
    let mut desk = Desk::new((80, 24), queue());
    for (key, chosen) in [
        (KeyCode::Char('j'), 1),
        (KeyCode::Char('k'), 2),
        (KeyCode::End, 3),
        (KeyCode::Home, 2),
        (KeyCode::PageDown, 3),
        (KeyCode::PageUp, 2),
        (KeyCode::Up, 2),
    ] {
        desk.press(key);
        assert_eq!(desk.chosen(), Some(chosen), "{key:?}");
    }
    desk.types("/BEN");
    assert_eq!(desk.state.rows.window().0.len(), 1);
    assert!(desk.screen().contains("/BEN"));
    desk.press(KeyCode::Enter);
    assert!(desk.state.popup.is_none());
    assert_eq!(desk.chosen(), Some(1));
    desk.press(KeyCode::Esc);
    assert_eq!(desk.state.rows.window().0.len(), 3);
    desk.types("m");
    assert_eq!(desk.state.rows.window().0.iter().map(|line| line.number).collect::<Vec<_>>(), [3]);
    desk.types("ms");
    assert_eq!(desk.state.rows.window().0.iter().map(|line| line.number).collect::<Vec<_>>(), [3, 1, 2]);
}

#[test]
fn writing_keeps_the_draft_until_it_is_sent() {
    let mut desk = Desk::new((80, 24), queue());
    desk.types("rHello");
    desk.press(KeyCode::Enter);
    desk.happens(Event::Paste("paste\r\nd\x1b".into()));
    desk.press(KeyCode::Esc);
    assert!(desk.screen().contains("The draft for #2 is kept."));
    desk.types("r");
    let send = KeyEvent::new(KeyCode::Char('s'), KeyModifiers::CONTROL);
    let actions = desk.happens(Event::Key(send));
    let Action::Call { id, .. } = actions[0] else { panic!("{actions:?}") };
    let text = "Hello\npaste\nd".to_owned();
    assert_eq!(change_of(actions), (2, 1, Change::Write { writing: Writing::Reply, text: text.clone() }));
    assert!(desk.screen().contains("… replying to #2"));
    let refusal = Refusal { text: "Ben took it.".into(), lost: true, absent: false };
    desk.happens(Event::Outcome { id, result: Err(refusal) });
    assert!(desk.screen().contains("! #2: not sent, r has your draft. Ben took it."));
    desk.types("r");
    assert!(matches!(&desk.state.popup, Some(Popup::Write { editor, .. }) if editor.text() == text));
    let alt_enter = KeyEvent::new(KeyCode::Enter, KeyModifiers::ALT);
    let actions = desk.happens(Event::Key(alt_enter));
    let Action::Call { id, .. } = actions[0] else { panic!("{actions:?}") };
    desk.happens(Event::Outcome { id, result: Ok(Answer::Changed(Some(Box::new(Ticket { version: 3, ..ticket(2, 4, 12, "Ana") })))) });
    assert!(desk.screen().contains("#2: your reply is sent."));
    assert!(desk.state.drafts.is_empty());
    assert_eq!(desk.state.rows.tickets()[&2].version, 3);
}

#[test]
fn losing_a_race_says_who_and_nothing_runs_twice() {
    let mut desk = Desk::new((80, 24), queue());
    let actions = desk.types("t");
    let Action::Call { id, .. } = actions[0] else { panic!("{actions:?}") };
    assert_eq!(desk.types("t"), []);
    assert!(desk.screen().contains("one thing at a time"));
    let refusal = Refusal { text: "Ben took it just now.".into(), lost: true, absent: false };
    desk.happens(Event::Outcome { id, result: Err(refusal) });
    assert!(desk.screen().contains("! #2: somebody was faster. Ben took it just now."));
}

#[test]
fn an_act_does_not_hit_a_row_that_just_came_to_the_top() {
    let mut desk = Desk::new((80, 24), queue());
    desk.passes(10);
    desk.changes("submitted", "customer", vec![ticket(9, 4, 20, "")], vec![]);
    assert_eq!(desk.chosen(), Some(9));
    assert_eq!(desk.types("t"), []);
    assert!(desk.screen().contains("#9 came to the top just now"));
    assert_eq!(change_of(desk.types("t")), (9, 1, Change::Take));
}

#[test]
fn the_connection_is_visible_in_words() {
    let mut desk = Desk::new((80, 24), queue());
    assert!(desk.screen().contains("● live"));
    desk.passes(31);
    assert!(desk.screen().contains("▲ stale 31 s"));
    desk.happens(Event::News(WatchNews::Progress { cursor: "p".into() }));
    assert!(desk.screen().contains("● live"));
    let problem = Problem::local(tonic::Code::Unavailable, "SERVER_AWAY", "The server does not answer.");
    desk.happens(Event::News(WatchNews::Disconnected { problem: problem.clone(), retry_in: Duration::from_secs(4) }));
    assert!(desk.screen().contains("◌ reconnecting in 4 s"));
    assert!(desk.screen().contains("! The server does not answer."));
    desk.passes(5);
    assert!(desk.screen().contains("◌ reconnecting\n"));
    desk.happens(Event::News(WatchNews::Ended(problem)));
    assert!(desk.screen().contains("✖ not live"));
}

#[test]
fn an_opened_ticket_is_live_and_leaves_with_its_sight() {
    let mut desk = Desk::new((80, 24), queue());
    let Action::Call { id, .. } = only(desk.press(KeyCode::Enter)) else { panic!() };
    let messages = vec![
        Message { kind: MessageKind::Customer.into(), text: "Any news?".into(), create_time: Some(at(NOON - 60)), ..Message::default() },
        Message {
            kind: MessageKind::Note.into(),
            author: Some(MemberRef { id: "b".into(), display_name: "Ben".into() }),
            text: "Call back\ntomorrow".into(),
            create_time: Some(at(NOON)),
            ..Message::default()
        },
    ];
    let details = [("from".to_owned(), "normal".to_owned()), ("to".to_owned(), "urgent".to_owned())].into();
    let events = vec![TicketEvent { version: 1, time: Some(at(NOON)), kind: "priority".into(), actor: "Ben".into(), details }];
    desk.happens(Event::Outcome { id, result: Ok(Answer::Opened { ticket: Box::new(ticket(2, 4, 12, "")), messages, events }) });
    assert_eq!(
        desk.screen(),
        "
 3 open · 1 mine · Ana, available                                        ● live
 #2 Problem 2
 urgent · new · waits 12m · expires in 23h48
 from customer2@acme.test (unverified), 2026-11-21 11:48
 operator: none · group: none
 cannot be connected to

 Description
  Problem 2
  It does not work.

 Messages
  customer, 2026-11-21 11:59:
    Any news?
  Ben, 2026-11-21 12:00, note for colleagues:
    Call back
    tomorrow

 History
  2026-11-21 12:00  Ben  priority (from normal, to urgent)



 ? help  Esc back  t take  a assign  p priority  r reply  n note  c close"
    );
    let actions = desk.changes("taken", "Ben", vec![Ticket { version: 2, ..ticket(2, 4, 12, "Ben") }], vec![]);
    assert!(matches!(only(actions), Action::Call { call: Call::Open { number: 2 }, .. }));
    assert!(desk.screen().contains("operator: Ben"));
    desk.changes("assigned", "Ben", vec![], vec![2]);
    assert!(desk.state.detail.is_none());
    let screen = desk.screen();
    assert!(!screen.contains("Problem 2") && screen.contains("#2 is no longer for you to see."), "{screen}");
}

#[test]
fn the_bell_is_for_what_calls_me() {
    let billing = |number| grouped(ticket(number, 2, 1, ""), "Billing");
    let sales = |number| grouped(ticket(number, 2, 1, ""), "Sales");
    for (kind, actor, ticket, rings) in [
        ("submitted", "customer", sales(10), true),
        ("submitted", "customer", billing(10), false),
        ("submitted", "customer", ticket(10, 2, 1, ""), true),
        ("assigned", "Ben", ticket(2, 4, 12, "Ana"), false), // it called for whoever sees it before
        ("assigned", "Ben", ticket(1, 4, 12, "Ana"), true),
        ("taken", "Ana", ticket(1, 4, 12, "Ana"), false), // I did that myself
        ("taken", "Ben", ticket(10, 4, 12, "Ben"), false),
    ] {
        let mut desk = Desk::new((80, 24), queue());
        let number = ticket.number;
        let actions = desk.changes(kind, actor, vec![Ticket { version: 2, ..ticket }], vec![]);
        assert_eq!(actions.contains(&Action::Bell), rings, "{kind} #{number} by {actor}");
        assert_eq!(desk.screen().contains("[1 new]"), rings);
        desk.press(KeyCode::Down);
        assert!(!desk.screen().contains("new]"));
    }
}

#[test]
fn an_untouched_list_follows_the_top_again() {
    let mut desk = Desk::new((80, 24), queue());
    desk.press(KeyCode::End);
    assert_eq!(desk.chosen(), Some(3));
    desk.passes(121);
    assert_eq!(desk.chosen(), Some(2));
}

fn hostile() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        Just("\x1b]52;c;cm0=\x07".to_owned()),
        Just("\x1b]8;;https://evil\x1b\\x".to_owned()),
        Just("\u{9b}31m\u{90}q\u{9c}".to_owned()),
        Just("\u{202e}gnp.exe\u{2066}".to_owned()),
        Just("👩‍👩‍👧‍👦🏳️‍🌈e\u{301}\u{301}".to_owned()),
        Just("日本語한국어".to_owned()),
        Just("שלום مرحبا".to_owned()),
        Just("\r\n\t\u{b}\u{85}\u{2028}".to_owned()),
        any::<String>(),
        "\\PC{0,80}",
    ];
    proptest::collection::vec(pieces, 0..5).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]
    #[test]
    fn hostile_text_reaches_no_cell(text in hostile(), width in 1u16..130, height in 1u16..45, keys in "[?/apcrnjkmsGt\n]{0,6}") {
        let reference = Some(MemberRef { id: "x".into(), display_name: text.clone() });
        let bad = Ticket {
            title: text.clone(),
            description: text.clone(),
            requester: text.clone(),
            profile_name: text.clone(),
            operator: reference.clone(),
            group: Some(GroupRef { id: "y".into(), name: text.clone() }),
            facts: [(text.clone(), text.clone())].into(),
            ..ticket(1, 2, 10, "")
        };
        let mut desk = Desk::new((width, height), vec![bad.clone(), ticket(2, 4, 0, "")]);
        desk.happens(Event::Paste(text.clone()));
        for key in keys.chars() {
            desk.press(if key == '\n' { KeyCode::Enter } else { KeyCode::Char(key) });
            desk.happens(Event::Paste(text.clone()));
            no_control_in_cells(&desk)?;
        }
        desk.changes(&text, &text, vec![Ticket { version: 2, state: TicketState::Closed.into(), ..bad.clone() }], vec![]);
        desk.happens(Event::News(WatchNews::Disconnected {
            problem: Problem::local(tonic::Code::Unavailable, "", text.clone()),
            retry_in: Duration::MAX,
        }));
        no_control_in_cells(&desk)?;
        desk.state.popup = None;
        if desk.state.detail.is_none() {
            let Some(Action::Call { id, .. }) = desk.press(KeyCode::Enter).pop() else { return Ok(()) };
            let message = Message { author: reference, text: text.clone(), ..Message::default() };
            let event = TicketEvent { kind: text.clone(), actor: text.clone(), details: [(text.clone(), text.clone())].into(), ..TicketEvent::default() };
            desk.happens(Event::Outcome { id, result: Ok(Answer::Opened { ticket: Box::new(bad), messages: vec![message], events: vec![event] }) });
            desk.press(KeyCode::End);
        }
        no_control_in_cells(&desk)?;
        desk.happens(Event::Resize { width: height, height: width });
        no_control_in_cells(&desk)?;
    }

    #[test]
    fn no_keys_and_no_size_break_it(keys in "[ -~\n\t]{0,40}", sizes in proptest::collection::vec((1u16..130, 1u16..45), 1..4)) {
        let mut desk = Desk::new((80, 24), queue());
        for (index, key) in keys.chars().enumerate() {
            if let Some(&(width, height)) = sizes.get(index / 10) {
                desk.happens(Event::Resize { width, height });
            }
            desk.press(match key { '\n' => KeyCode::Enter, '\t' => KeyCode::Esc, key => KeyCode::Char(key) });
            no_control_in_cells(&desk)?;
        }
    }
}

fn no_control_in_cells(desk: &Desk) -> Result<(), TestCaseError> {
    let mut terminal = Terminal::new(TestBackend::new(desk.state.size.0, desk.state.size.1)).unwrap();
    terminal.draw(|frame| draw(&desk.state, frame)).unwrap();
    for cell in terminal.backend().buffer().content() {
        let steers = |character: char| matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}');
        prop_assert!(!cell.symbol().chars().any(|character| character.is_control() || steers(character)), "{:?}", cell.symbol());
    }
    Ok(())
}
