//! The screens as a screen reader finds them: by role and label, driven by clicks and keys, without
//! a display.

use deskbell_proto::v1::{CustomerMessage, CustomerTicket, GroupRef, Manifest, TicketState};
use eframe::egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use super::*;
use crate::app;
use crate::state::form::Fact;
use crate::state::offer::{Before, Offer};
use crate::state::profile::Profile;
use crate::state::ticket::Reported;
use crate::state::{News, Order};
use crate::texts::Language;

struct Window {
    state: State,
    theme: Theme,
    orders: Vec<Order>,
    drawn: Option<Screen>,
}

fn state() -> State {
    let group = |name: &str| GroupRef { id: name.to_lowercase(), name: name.into() };
    let manifest = Manifest {
        profile_id: "p".into(),
        revision: 1,
        server_name: "Acme".into(),
        assistance_enabled: true,
        groups: vec![group("Network"), group("Printing")],
        group_required: true,
        ..Manifest::default()
    };
    let profile = Profile { manifest, fingerprint: "sha256:00".into() };
    State::new(
        Language::new(["en"]),
        Some(profile),
        vec![Fact::new("computer", Key::FactComputer, "desk-7")],
    )
}

/// Tall enough that nothing has to be scrolled to.
fn open(state: State) -> Harness<'static, Window> {
    open_at([app::SIZE[0], 1400.0], state)
}

fn open_at(size: [f32; 2], state: State) -> Harness<'static, Window> {
    let window = Window { state, theme: Theme::new(None), orders: Vec::new(), drawn: None };
    let draw = |ui: &mut Ui, window: &mut Window| {
        window.theme.apply(ui.ctx());
        let screen = Some(window.state.screen());
        let mut view = View {
            theme: &window.theme,
            logo: None,
            now: SystemTime::UNIX_EPOCH,
            zone: &TimeZone::UTC,
            fresh: window.drawn != screen,
            intents: Vec::new(),
            state: &mut window.state,
        };
        super::draw(ui, &mut view);
        let intents = view.intents;
        window.drawn = screen;
        window.orders.extend(intents.into_iter().filter_map(|intent| window.state.intend(intent)));
    };
    let mut harness = Harness::builder().with_size(size).build_ui_state(draw, window);
    harness.run();
    harness
}

fn with_ticket(ticket: CustomerTicket) -> State {
    let mut state = state();
    state.hear(News::Ticket(Box::new(Reported {
        number: Some(ticket.number),
        known: Some(ticket),
        ..Reported::default()
    })));
    state
}

fn type_into(window: &mut Harness<'_, Window>, role: Role, label: &str, text: &str) {
    window.get_by_role_and_label(role, label).click();
    window.run();
    window.event(egui::Event::Text(text.into()));
    window.run();
}

#[test]
fn a_customer_rings_by_mouse() {
    let mut window = open(state());
    window.get_by_role_and_label(Role::Button, "Assistances").click();
    window.run();
    window.get_by_label("Printing").click();
    window.run();
    type_into(&mut window, Role::TextInput, "Your e-mail address", "ana@example.com");
    window.run();
    type_into(&mut window, Role::MultilineTextInput, "What is wrong?", "It is on fire");
    window.run();
    window.get_by_label("Computer name: desk-7").click();
    window.run();
    window.get_by_role_and_label(Role::Button, "Ring").click();
    window.run();
    let [Order::Ring(draft)] = window.state().orders.as_slice() else {
        panic!("{:?}", window.state().orders)
    };
    assert_eq!((draft.group_id.as_str(), draft.email.as_str()), ("printing", "ana@example.com"));
    assert_eq!(draft.description, "It is on fire");
    assert!(draft.facts.is_empty());
}

#[test]
fn what_the_keyboard_comes_to_is_in_sight() {
    let mut window = open_at(app::SIZE, state());
    window.key_press(egui::Key::Enter);
    window.run();
    let below = |window: &Harness<'_, Window>| {
        window.get_by_role_and_label(Role::Button, "Ring").rect().bottom() > app::SIZE[1]
    };
    assert!(below(&window), "the form is taller than the window");
    // From the first group over the other one and the fields to the fact and the button.
    for _ in 0..6 {
        window.key_press(egui::Key::Tab);
        window.run();
    }
    assert!(window.get_by_role_and_label(Role::Button, "Ring").is_focused());
    assert!(!below(&window));
}

#[test]
fn a_customer_rings_by_keyboard() {
    let mut window = open(state());
    // The large button has the focus, then the first group.
    window.key_press(egui::Key::Enter);
    window.run();
    assert_eq!(window.state().state.screen(), Screen::Form);
    window.key_press(egui::Key::Space);
    window.run();
    for text in ["", "ana@example.com", "", "It is on fire"] {
        window.key_press(egui::Key::Tab);
        window.run();
        if !text.is_empty() {
            window.event(egui::Event::Text(text.into()));
            window.run();
        }
    }
    window.key_press_modifiers(Modifiers::COMMAND, egui::Key::Enter);
    window.run();
    let [Order::Ring(draft)] = window.state().orders.as_slice() else {
        panic!("{:?}", window.state().orders)
    };
    assert_eq!((draft.group_id.as_str(), draft.email.as_str()), ("network", "ana@example.com"));
    assert_eq!(draft.description, "It is on fire");
}

#[test]
fn errors_stand_in_the_form_and_go_when_corrected() {
    let mut form = state();
    form.intend(Intent::OpenForm);
    let mut window = open(form);
    window.get_by_role_and_label(Role::Button, "Ring").click();
    window.run();
    for text in ["Please choose who should help.", "Please describe what is wrong."] {
        window.get_by_label(text);
    }
    window.get_by_label("Network").click();
    window.run();
    assert!(window.query_by_label("Please choose who should help.").is_none());
    assert!(window.state().orders.is_empty());
}

#[test]
fn a_ticket_is_written_on_and_cancelled_after_one_question() {
    let mut window = open(with_ticket(CustomerTicket {
        number: 7,
        state: TicketState::New.into(),
        ..CustomerTicket::default()
    }));
    window.get_by_label("Request 7");
    type_into(&mut window, Role::MultilineTextInput, "Your message", "Hello?");
    window.run();
    window.get_by_role_and_label(Role::Button, "Send").click();
    window.run();
    window.get_by_role_and_label(Role::Button, "Cancel this request").click();
    window.run();
    assert_eq!(window.state().orders, [Order::Write("Hello?".into())]);
    window.get_by_role_and_label(Role::Button, "Yes, cancel it").click();
    window.run();
    assert_eq!(window.state().orders.last(), Some(&Order::Cancel));
}

#[test]
fn every_field_has_a_name() {
    let mut form = state();
    form.intend(Intent::OpenForm);
    let ticket = with_ticket(CustomerTicket { number: 7, ..CustomerTicket::default() });
    let bare = State::new(Language::new(["en"]), None, Vec::new());
    for state in [form, ticket, bare] {
        let window = open(state);
        for role in [
            Role::TextInput,
            Role::MultilineTextInput,
            Role::Button,
            Role::RadioButton,
            Role::CheckBox,
        ] {
            for node in window.query_all_by_role(role) {
                let node = node.accesskit_node();
                assert!(node.label().is_some_and(|label| !label.is_empty()), "{:?}", node.id());
            }
        }
    }
}

#[test]
fn hostile_words_are_shown_and_not_obeyed() {
    let hostile = "\u{1b}]8;;https://evil.example\u{7}click\u{202e}exe.fdp";
    let mut ticket = CustomerTicket {
        number: 7,
        state: TicketState::InProgress.into(),
        ..CustomerTicket::default()
    };
    (ticket.helper, ticket.group, ticket.description) =
        (hostile.into(), hostile.into(), hostile.into());
    ticket.messages.push(CustomerMessage {
        from: hostile.into(),
        text: hostile.into(),
        ..CustomerMessage::default()
    });
    let window = open(with_ticket(ticket));
    let mut seen = 0;
    for node in window.query_all_by_label_contains("evil.example") {
        let label = node.accesskit_node().label().unwrap_or_default();
        assert!(
            !label.chars().any(|character| character.is_control() || character == '\u{202e}'),
            "{label:?}"
        );
        seen += 1;
    }
    assert_eq!(seen, 5);
    assert_eq!(window.query_all_by_role(Role::Link).count(), 0);
}

#[test]
fn another_server_is_trusted_only_by_a_click() {
    for (answer, order) in [("Trust and go on", Some(Order::TrustManifest)), ("No", None)] {
        let mut state = state();
        let mut profile = state.profile.clone().unwrap();
        profile.manifest.server_name = "Roadrunner".into();
        let before = Some(Before { servers: vec!["Acme".into()], folder: "/data/here".into() });
        state.hear(News::Offer(Box::new(Offer { profile, before })));
        let mut window = open(state);
        window.get_by_label("Server: Roadrunner");
        window.get_by_label_contains("followed another server: Acme.");
        window.get_by_label_contains("/data/here");
        assert!(window.state().orders.is_empty());
        window.get_by_role_and_label(Role::Button, answer).click();
        window.run();
        assert_eq!(window.state().orders, Vec::from_iter(order));
        assert!(window.query_by_label("Server: Roadrunner").is_none());
    }
}
