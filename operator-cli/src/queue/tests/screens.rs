//! Whole screens, as text.

use std::time::Duration;

use crossterm::event::KeyCode;
use deskbell_proto::problem::Problem;
use deskbell_proto::v1::{MemberRef, Message, MessageKind, Ticket, TicketEvent, TicketState};
use deskbell_proto::watch::WatchNews;
use ratatui::style::{Color, Modifier};

use super::*;

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
    let actions =
        desk.changes("submitted", "customer", vec![grouped(ticket(4, 4, 0, ""), "Sales")], vec![]);
    assert_eq!(actions, [Action::Bell]);
    desk.changes(
        "closed",
        "Ben",
        vec![Ticket { version: 2, state: TicketState::Closed.into(), ..ticket(2, 4, 12, "") }],
        vec![],
    );
    assert_eq!(
        desk.screen(),
        "
 [1 new] · 3 open · 1 mine · Ana, \
 available                                                                      ● live
  no    prio▾  waits state       requester              operator       group          conn \
  description
  #2    closed by Ben
> #1    normal 3h05  in progress customer1@acme.test    Ben            Sales          yes  Problem 1
  #3    low    23h48 in progress customer3@acme.test?   Ana            Billing        -    exp \
  12m Problem 3
 *#4    urgent now   new         customer4@acme.test?   -              Sales          -    Problem 4





 ? help  q quit  ⏎ open  t take  a assign  p priority  r reply  n note  c close  N next  / \
 filter  s sort  m mine"
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
fn the_connection_is_visible_in_words() {
    let mut desk = Desk::new((80, 24), queue());
    assert!(desk.screen().contains("● live"));
    desk.passes(31);
    assert!(desk.screen().contains("▲ stale 31 s"));
    desk.happens(Event::News(WatchNews::Progress { cursor: "p".into() }));
    assert!(desk.screen().contains("● live"));
    let problem =
        Problem::local(tonic::Code::Unavailable, "SERVER_AWAY", "The server does not answer.");
    desk.happens(Event::News(WatchNews::Disconnected {
        problem: problem.clone(),
        retry_in: Duration::from_secs(4),
    }));
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
        Message {
            kind: MessageKind::Customer.into(),
            text: "Any news?".into(),
            create_time: Some(at(NOON - 60)),
            ..Message::default()
        },
        Message {
            kind: MessageKind::Note.into(),
            author: Some(MemberRef { id: "b".into(), display_name: "Ben".into() }),
            text: "Call back\ntomorrow".into(),
            create_time: Some(at(NOON)),
            ..Message::default()
        },
    ];
    let details =
        [("from".to_owned(), "normal".to_owned()), ("to".to_owned(), "urgent".to_owned())].into();
    let events = vec![TicketEvent {
        version: 1,
        time: Some(at(NOON)),
        kind: "priority".into(),
        actor: "Ben".into(),
        details,
    }];
    desk.happens(Event::Outcome {
        id,
        result: Ok(Answer::Opened { ticket: Box::new(ticket(2, 4, 12, "")), messages, events }),
    });
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
    let actions = desk.changes(
        "taken",
        "Ben",
        vec![Ticket { version: 2, ..ticket(2, 4, 12, "Ben") }],
        vec![],
    );
    assert!(matches!(only(actions), Action::Call { call: Call::Open { number: 2 }, .. }));
    assert!(desk.screen().contains("operator: Ben"));
    desk.changes("assigned", "Ben", vec![], vec![2]);
    assert!(desk.state.detail.is_none());
    let screen = desk.screen();
    assert!(
        !screen.contains("Problem 2") && screen.contains("#2 is no longer for you to see."),
        "{screen}"
    );
}

#[test]
fn popups_fit_a_small_screen() {
    let mut desk = Desk::new((44, 11), queue());
    desk.types("rHello 日本");
    assert_eq!(
        desk.screen(),
        "
 3 open · 1 mine · Ana, available    ● live
 ┌ Reply to the customer of #2 ───────────┐
>│ Hello 日 本                              │
 │                                        │
 │                                        │
 │                                        │
 │                                        │
 │                                        │
 │                                        │
 └ Ctrl-S sends · Ctrl-E editor · Esc ────┘
 ? help  q quit  ⏎ open  t take  a assign"
    );
    desk.press(KeyCode::Esc);
    desk.types("ab");
    assert_eq!(
        desk.screen(),
        "
 3 open · 1 mine · Ana, available    ● live
  no    prio▾  waits description
> #2    urgent 12m   Problem 2
 ┌ Assign #2 to ──────────────────────────┐
 │ /b                                     │
 │ > Ben  operator, away                  │
 │   Billing  group                       │
 └ type to narrow down · Enter picks ─────┘

 The draft for #2 is kept.
 ? help  q quit  ⏎ open  t take  a assign"
    );
}

#[test]
fn without_colour_everything_is_still_told() {
    let mut desk = Desk::new((80, 24), queue());
    desk.press(KeyCode::Down);
    for (colour, coloured) in [(false, false), (true, true)] {
        desk.state.colour = colour;
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
        terminal.draw(|frame| draw(&desk.state, frame)).unwrap();
        let buffer = terminal.backend().buffer();
        let any =
            buffer.content().iter().any(|cell| (cell.fg, cell.bg) != (Color::Reset, Color::Reset));
        assert_eq!(any, coloured);
        // The chosen row: a sign at its beginning, and turned round over its whole width.
        assert_eq!(buffer[(0, 3)].symbol(), ">");
        assert!((0..80).all(|x| buffer[(x, 3)].modifier.contains(Modifier::REVERSED)));
    }
}
