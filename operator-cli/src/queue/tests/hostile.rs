//! Hostile text, any keys and any size: no control byte reaches a cell, and nothing panics.

use std::time::Duration;

use deskbell_proto::problem::Problem;
use proptest::prelude::*;

use super::*;

fn hostile() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        Just("\x1b]52;c;cm0=\x07".to_owned()),
        Just("\x1b]8;;https://evil\x1b\\x".to_owned()),
        Just("\u{9b}31m\u{90}q\u{9c}".to_owned()),
        Just("\u{202e}gnp.exe\u{2066}".to_owned()),
        Just("👩‍👩‍👧‍👦🏳️‍🌈e\u{301}\u{301}".to_owned()),
        Just("\u{13430}\u{fff9}a\u{fffb}\u{1d173}\u{e0041}".to_owned()),
        Just(format!("e{}", "\u{337}".repeat(300))),
        Just("👩\u{200d}".repeat(100)),
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
    let mut terminal =
        Terminal::new(TestBackend::new(desk.state.size.0, desk.state.size.1)).unwrap();
    terminal.draw(|frame| draw(&desk.state, frame)).unwrap();
    for cell in terminal.backend().buffer().content() {
        let symbol = cell.symbol();
        prop_assert!(
            !symbol.chars().any(|c| c.is_control() || crate::inert::is_hidden(c))
                && symbol.chars().count() <= 20,
            "{symbol:?}"
        );
    }
    Ok(())
}
