//! What keys ask for, and what is told about it.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use deskbell_proto::v1::{Priority, Ticket};

use super::*;
use crate::queue::event::{Change, Refusal, Writing};
use crate::queue::popup::Popup;

#[test]
fn each_key_asks_for_its_call() {
    // Keys, then the change they ask for. The chosen ticket is #2.
    let table: [(&str, Change); 6] = [
        ("t", Change::Take),
        ("ph\n", Change::SetPriority(Priority::High)),
        ("ab\ny", Change::Assign { operator: Some("member-Ben".into()), group: None }),
        ("asal\n", Change::Assign { operator: None, group: Some("group-Sales".into()) }),
        ("cy", Change::Close),
        ("ano operator\ny", Change::Assign { operator: Some(String::new()), group: None }),
    ];
    for (keys, expected) in table {
        let mut desk = Desk::new((80, 24), queue());
        let mut actions = Vec::new();
        for key in keys.chars() {
            actions.extend(desk.press(if key == '\n' {
                KeyCode::Enter
            } else {
                KeyCode::Char(key)
            }));
        }
        actions.retain(|action| !matches!(action, Action::Call { call: Call::People, .. }));
        assert_eq!(change_of(actions), (2, 1, expected), "{keys}");
    }
    let mut desk = Desk::new((80, 24), queue());
    assert!(matches!(only(desk.types("N")), Action::Call { call: Call::Next, .. }));
    assert!(matches!(only(desk.types("A")), Action::Call { call: Call::SetAvailable(false), .. }));
    assert!(matches!(
        only(desk.press(KeyCode::Enter)),
        Action::Call { call: Call::Open { number: 2 }, .. }
    ));
    assert_eq!(desk.types("O"), []);
    assert!(desk.screen().contains("#2 is open already."));
    assert!(matches!(only(desk.types("J")), Action::Call { call: Call::Open { number: 1 }, .. }));
    assert!(matches!(only(desk.types("K")), Action::Call { call: Call::Open { number: 2 }, .. }));
    assert_eq!(desk.types("K "), []);
    let told = desk.state.notice.as_ref().map(|notice| notice.text.as_str());
    assert_eq!(told, Some("That is the first one of the list."));
    assert_eq!(desk.types("q"), []);
    assert_eq!(desk.types(" "), [], "it never takes");
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
    // All, mine, all and by waiting, the other way round, unassigned, all again.
    for (keys, shown) in [
        ("m", &[3][..]),
        ("ms", &[3, 1, 2]),
        ("S", &[2, 1, 3]),
        ("U", &[2]),
        ("\u{1b}", &[2, 1, 3]),
        ("/urgent\n", &[2]),
    ] {
        for key in keys.chars() {
            desk.press(match key {
                '\u{1b}' => KeyCode::Esc,
                '\n' => KeyCode::Enter,
                key => KeyCode::Char(key),
            });
        }
        let lines = desk.state.rows.window().0.iter();
        assert_eq!(lines.map(|line| line.number).collect::<Vec<_>>(), shown, "{keys}");
    }
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
    assert_eq!(
        change_of(actions),
        (2, 1, Change::Write { writing: Writing::Reply, text: text.clone() })
    );
    assert!(desk.screen().contains("… replying to #2"));
    let refusal = Refusal { text: "Ben took it.".into(), absent: false };
    desk.happens(Event::Outcome { id, result: Err(refusal) });
    assert!(desk.screen().contains("! #2: not sent, r has your draft. Ben took it."));
    desk.types("r");
    assert!(
        matches!(&desk.state.popup, Some(Popup::Write { editor, .. }) if editor.text() == text)
    );
    let alt_enter = KeyEvent::new(KeyCode::Enter, KeyModifiers::ALT);
    let actions = desk.happens(Event::Key(alt_enter));
    let Action::Call { id, .. } = actions[0] else { panic!("{actions:?}") };
    desk.happens(Event::Outcome {
        id,
        result: Ok(Answer::Changed(Some(Box::new(Ticket {
            version: 3,
            ..ticket(2, 4, 12, "Ana")
        })))),
    });
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
    let refusal = Refusal { text: "somebody was faster: Ben (taken)".into(), absent: false };
    desk.happens(Event::Outcome { id, result: Err(refusal) });
    assert!(desk.screen().contains("! #2: somebody was faster: Ben (taken)"));
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
fn what_came_before_the_operator_was_known_rings_afterwards() {
    for (group, rings) in [("Sales", true), ("Billing", false)] {
        let (state, _) = State::new(noon(), TimeZone::UTC, (80, 24));
        let mut desk = Desk { state, now: noon() };
        desk.happens(Event::News(WatchNews::Snapshot { tickets: queue(), cursor: "s".into() }));
        let actions = desk.changes(
            "submitted",
            "customer",
            vec![grouped(ticket(10, 2, 1, ""), group)],
            vec![],
        );
        assert_eq!(actions, [], "{group}");
        let actions = desk.happens(Event::Outcome { id: 0, result: Ok(people()) });
        assert_eq!(actions.contains(&Action::Bell), rings, "{group}");
        assert_eq!(desk.screen().contains("[1 new]"), rings, "{group}");
    }
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
fn the_cursor_stays_on_its_ticket_for_ever() {
    let mut desk = Desk::new((80, 24), queue());
    desk.press(KeyCode::End);
    assert_eq!(desk.chosen(), Some(3));
    desk.passes(100_000);
    desk.press(KeyCode::Esc);
    desk.changes("submitted", "customer", vec![ticket(9, 4, 0, "")], vec![]);
    assert_eq!(desk.chosen(), Some(3));
    desk.types("g");
    assert_eq!(desk.chosen(), Some(2), "urgent, and waiting longest");
}

#[test]
fn what_is_left_out_of_a_paste_is_told() {
    let mut desk = Desk::new((80, 24), queue());
    desk.types("r");
    desk.happens(Event::Paste("x".repeat(10_007)));
    assert!(desk.screen().contains("Too long: 7 characters are left out; 10000 fit."));
    desk.press(KeyCode::Esc);
    desk.types("ry");
    assert!(desk.screen().contains("Too long: 1 characters are left out; 10000 fit."));
    desk.press(KeyCode::Esc);
    desk.types("/");
    desk.happens(Event::Paste("x".repeat(300)));
    assert!(desk.screen().contains("The filter is cut: it takes 200 characters."));
}

#[test]
fn every_message_can_be_read_again() {
    let mut desk = Desk::new((80, 24), queue());
    desk.types("s");
    desk.passes(60);
    let news = vec![grouped(ticket(9, 4, 0, ""), "Sales")];
    desk.changes("submitted", "customer", news, vec![]);
    desk.types("S");
    assert!(desk.screen().contains("Sorted by waiting, reversed."));
    desk.passes(60);
    assert!(!desk.screen().contains("Sorted by"));
    let log = {
        desk.types("!");
        desk.screen()
    };
    let places =
        ["12:01   Sorted by waiting, rev", "12:01   New: #9", "12:00   Sorted by waiting."]
            .map(|line| log.find(line).unwrap_or_else(|| panic!("{line}: {log}")));
    assert!(places.is_sorted(), "the latest first: {log}");
}

#[test]
fn ctrl_c_never_loses_a_draft() {
    let mut desk = Desk::new((80, 24), queue());
    let ctrl_c = || Event::Key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL));
    desk.types("rHello");
    assert_eq!(desk.happens(ctrl_c()), []);
    assert!(desk.screen().contains("The draft for #2 is kept."));
    assert_eq!(desk.happens(ctrl_c()), []);
    assert!(desk.screen().contains("Leaving loses your drafts for #2."));
    assert_eq!(desk.happens(ctrl_c()), [Action::Quit]);
}

#[test]
fn leaving_with_a_draft_asks_once() {
    let mut desk = Desk::new((80, 24), queue());
    desk.types("nHi");
    desk.press(KeyCode::Esc);
    assert_eq!(desk.types("q"), []);
    assert!(desk.screen().contains("Leaving loses your drafts for #2."));
    desk.press(KeyCode::Down);
    assert_eq!(desk.types("q"), []);
    assert_eq!(desk.types("q"), [Action::Quit]);
}

#[test]
fn what_a_colleague_has_is_taken_after_a_question() {
    let mut desk = Desk::new((80, 24), queue());
    desk.press(KeyCode::Down);
    assert_eq!(desk.types("t"), []);
    assert!(desk.screen().contains("Ben has #1; T takes it from them."));
    assert_eq!(desk.types("T"), []);
    assert!(desk.screen().contains("Take #1 from Ben?"));
    assert_eq!(desk.types("n"), []);
    assert!(desk.screen().contains("#1 stays with Ben."));
    let from = Change::TakeFrom { operator: "member-Ben".into(), name: "Ben".into() };
    assert_eq!(change_of(desk.types("Ty")), (1, 1, from));
    desk.press(KeyCode::Up);
    assert_eq!(desk.types("T"), []);
    assert!(desk.screen().contains("Nobody has #2; t takes it."));
}

#[test]
fn who_loses_a_ticket_is_told_by_whom() {
    let moved = |operator: &str| vec![Ticket { version: 2, ..ticket(3, 1, 1428, operator) }];
    for (kind, tickets, removed, told) in [
        ("taken", moved("Ben"), vec![], "#3 was yours: Ben took it from you."),
        ("assigned", moved("Cy"), vec![], "#3 was yours: Ben gave it to Cy."),
        ("assigned", moved(""), vec![], "#3 was yours: Ben took your name off it."),
        ("assigned", vec![], vec![3], "#3 was yours: Ben moved it where you do not see it."),
    ] {
        let mut desk = Desk::new((80, 24), queue());
        let actions = desk.changes(kind, "Ben", tickets, removed);
        assert!(actions.contains(&Action::Bell) && desk.screen().contains(told), "{told}");
    }
    // What somebody does themselves they know.
    let mut desk = Desk::new((80, 24), queue());
    assert_eq!(desk.changes("assigned", "Ana", moved("Ben"), vec![]), []);
    // And what happened while the connection was broken.
    let mut desk = Desk::new((80, 24), queue());
    let tickets = moved("Ben");
    desk.happens(Event::News(WatchNews::Snapshot { tickets, cursor: "n".into() }));
    assert!(desk.screen().contains("#3 was yours; meanwhile it went to Ben."));
}

#[test]
fn what_hides_a_ticket_says_so_before() {
    let mut desk = Desk::new((80, 24), queue());
    desk.press(KeyCode::End);
    desk.types("ab");
    assert_eq!(desk.press(KeyCode::Enter), []);
    assert!(desk.screen().contains("Afterwards you no longer see #3. Go on?"));
    assert_eq!(desk.types("n"), []);
    assert!(desk.screen().contains("#3 stays where it is."));
    desk.types("ab");
    desk.press(KeyCode::Enter);
    let change = Change::Assign { operator: Some("member-Ben".into()), group: None };
    assert_eq!(change_of(desk.types("y")), (3, 1, change));
}
