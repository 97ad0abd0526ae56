use std::time::{Duration, SystemTime};

use deskbell_proto::v1::{CustomerTicket, GroupRef, Manifest, TicketState};

use super::form::Fact;
use super::*;

fn profile(revision: i64, standing: ProfileState) -> Profile {
    let group = |id: &str| GroupRef { id: id.into(), name: id.to_uppercase() };
    let manifest = Manifest {
        profile_id: "p".into(),
        revision,
        server_name: "Acme".into(),
        assistance_enabled: true,
        groups: vec![group("net"), group("print")],
        group_required: true,
        state: standing.into(),
        ..Manifest::default()
    };
    Profile { manifest, fingerprint: "sha256:00".into() }
}

fn window() -> State {
    let facts = vec![
        Fact::new("system", Key::FactSystem, "Linux"),
        Fact::new("computer", Key::FactComputer, "desk-7"),
    ];
    State::new(Language::new(["en"]), Some(profile(1, ProfileState::Active)), facts)
}

fn filled() -> State {
    let mut state = window();
    state.intend(Intent::OpenForm);
    state.form.group = Some("print".into());
    state.form.email = " ana@example.com ".into();
    state.form.description = "It is on fire".into();
    state
}

fn kept() -> News {
    News::Ticket(Box::new(Reported { description: "It is on fire".into(), ..Reported::default() }))
}

fn ticket(standing: TicketState) -> News {
    let known = CustomerTicket { number: 7, state: standing.into(), ..CustomerTicket::default() };
    News::Ticket(Box::new(Reported { number: Some(7), known: Some(known), ..Reported::default() }))
}

#[test]
fn the_screen_follows_profile_and_place() {
    type Steps = fn(&mut State);
    let table: [(&str, Steps, Screen); 12] = [
        ("at first", |_| {}, Screen::Home),
        ("no manifest", |state| state.profile = None, Screen::NoManifest),
        ("the form", |state| drop(state.intend(Intent::OpenForm)), Screen::Form),
        (
            "paused by the server",
            |state| state.hear(News::Standing(ProfileState::Paused)),
            Screen::Paused,
        ),
        (
            "revoked by the server",
            |state| state.hear(News::Standing(ProfileState::Revoked)),
            Screen::Revoked,
        ),
        (
            "paused by a new revision",
            |state| state.hear(News::Profile(Box::new(profile(2, ProfileState::Paused)))),
            Screen::Paused,
        ),
        (
            "resumed",
            |state| {
                state.hear(News::Standing(ProfileState::Paused));
                state.hear(News::Profile(Box::new(profile(3, ProfileState::Active))));
            },
            Screen::Home,
        ),
        (
            "assistance switched off",
            |state| {
                let mut off = profile(2, ProfileState::Active);
                off.manifest.assistance_enabled = false;
                state.hear(News::Profile(Box::new(off)));
            },
            Screen::Paused,
        ),
        (
            "a ticket from the last time",
            |state| state.hear(ticket(TicketState::New)),
            Screen::Ticket,
        ),
        (
            "a ticket of a paused profile goes on",
            |state| {
                state.hear(ticket(TicketState::New));
                state.hear(News::Standing(ProfileState::Paused));
            },
            Screen::Ticket,
        ),
        (
            "back from the ticket of a paused profile",
            |state| {
                state.hear(ticket(TicketState::New));
                state.hear(News::Standing(ProfileState::Paused));
                state.intend(Intent::Back);
            },
            Screen::Paused,
        ),
        (
            "an open ticket is shown rather than a second form",
            |state| {
                state.hear(ticket(TicketState::New));
                state.intend(Intent::Back);
                state.intend(Intent::OpenForm);
            },
            Screen::Ticket,
        ),
    ];
    for (name, steps, screen) in table {
        let mut state = window();
        steps(&mut state);
        assert_eq!(state.screen(), screen, "{name}");
    }
}

#[test]
fn ringing_keeps_the_form_until_the_request_is_on_disk() {
    let mut state = filled();
    state.form.facts[1].ticked = false;
    let Some(Order::Ring(draft)) = state.intend(Intent::Ring) else { panic!("not rung") };
    assert_eq!(draft.email, "ana@example.com");
    assert_eq!(draft.group_id, "print");
    assert_eq!(draft.facts.keys().collect::<Vec<_>>(), ["system"]);
    assert_eq!(draft.profile_revision, 1);
    // A second click rings once.
    assert_eq!(state.intend(Intent::Ring), None);
    assert_eq!(state.form.description, "It is on fire");
    state.hear(kept());
    assert_eq!(state.screen(), Screen::Ticket);
    assert!(state.form.description.is_empty());
    assert_eq!(state.form.email, " ana@example.com ");
}

#[test]
fn a_full_disk_loses_no_word() {
    let mut state = filled();
    state.intend(Intent::Ring);
    state.hear(News::Notice(Notice { key: Key::StorageFull, reason: "full".into() }));
    assert_eq!(state.screen(), Screen::Form);
    assert_eq!(state.form.description, "It is on fire");
    assert!(matches!(state.intend(Intent::Ring), Some(Order::Ring(_))));
}

#[test]
fn fields_are_checked_before_ringing() {
    type Break = fn(&mut Form);
    let table: [(Break, Field, Key); 5] = [
        (|form| form.group = None, Field::Group, Key::GroupMissing),
        (|form| form.email.clear(), Field::Email, Key::EmailMissing),
        (|form| form.email = "ana".into(), Field::Email, Key::EmailWrong),
        (|form| form.title = "x".repeat(121), Field::Title, Key::TitleLong),
        (
            |form| form.description = " \u{200b}\n".into(),
            Field::Description,
            Key::DescriptionMissing,
        ),
    ];
    for (spoil, field, key) in table {
        let mut state = filled();
        spoil(&mut state.form);
        assert_eq!(state.intend(Intent::Ring), None);
        assert_eq!(state.form.complaint(field), Some(&Complaint::Own(key)));
        state.form.forgive(field);
        assert_eq!(state.form.complaint(field), None);
    }
}

#[test]
fn a_refusal_brings_the_words_back_with_the_reason_beside_the_field() {
    let mut state = filled();
    let Some(Order::Ring(draft)) = state.intend(Intent::Ring) else { panic!("not rung") };
    state.hear(kept());
    state.hear(News::Refused { draft, field: Some(Field::Email), reason: "no such domain".into() });
    assert_eq!(state.screen(), Screen::Form);
    assert_eq!(state.form.description, "It is on fire");
    assert_eq!(
        state.form.complaint(Field::Email),
        Some(&Complaint::Server("no such domain".into()))
    );
}

#[test]
fn cancelling_is_asked_once() {
    let mut state = window();
    state.hear(ticket(TicketState::New));
    assert_eq!(state.intend(Intent::AskCancel), None);
    state.intend(Intent::Back);
    assert_eq!(state.screen(), Screen::Ticket);
    assert!(!state.ticket.as_ref().unwrap().asks_cancel);
    state.intend(Intent::AskCancel);
    assert_eq!(state.intend(Intent::Cancel), Some(Order::Cancel));
    assert!(state.ticket.as_ref().unwrap().reported.cancelling);
}

#[test]
fn an_ended_ticket_is_left_for_a_new_request_or_written_on() {
    for ended in [TicketState::Closed, TicketState::Expired] {
        let mut state = window();
        state.hear(ticket(ended));
        state.ticket.as_mut().unwrap().message = "It burns again".into();
        assert_eq!(state.intend(Intent::Write), Some(Order::Write("It burns again".into())));
        assert_eq!(state.intend(Intent::OpenForm), Some(Order::Leave));
        assert_eq!(state.screen(), Screen::Form);
    }
    let mut state = window();
    state.hear(ticket(TicketState::Answered));
    assert_eq!(state.intend(Intent::OpenForm), None);
    assert!(state.ticket.is_some());
}

#[test]
fn blank_messages_are_not_sent() {
    let mut state = window();
    state.hear(ticket(TicketState::New));
    for text in ["", "  \n", "\u{200b}"] {
        state.ticket.as_mut().unwrap().message = text.into();
        assert_eq!(state.intend(Intent::Write), None);
        assert_eq!(state.ticket.as_ref().unwrap().complaint, Some(Key::MessageLong));
    }
}

#[test]
fn expiry_is_announced_under_an_hour() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    for (left, shown) in [
        (3601, None),
        (3600, None),
        (3599, Some("59 min")),
        (61, Some("1 min")),
        (59, Some("59 s")),
        (0, Some("0 s")),
    ] {
        let known = CustomerTicket {
            state: TicketState::Answered.into(),
            expire_time: Some((now + Duration::from_secs(left)).into()),
            ..CustomerTicket::default()
        };
        let ticket = Ticket::new(Reported { known: Some(known), ..Reported::default() });
        assert_eq!(ticket.expires_in(now).as_deref(), shown, "{left}");
    }
}

#[test]
fn a_group_that_is_gone_is_chosen_no_longer() {
    let mut state = filled();
    let mut next = profile(2, ProfileState::Active);
    next.manifest.groups.remove(1);
    state.hear(News::Profile(Box::new(next)));
    assert_eq!(state.form.group, None);
    assert_eq!(state.form.description, "It is on fire");
}

#[test]
fn a_strangers_manifest_waits_for_trust() {
    let mut state = State::new(Language::new(["en"]), None, Vec::new());
    state.opening.path = " /home/ana/deskbell.manifest ".into();
    assert_eq!(
        state.intend(Intent::OpenManifest),
        Some(Order::ReadManifest("/home/ana/deskbell.manifest".into()))
    );
    assert_eq!(state.intend(Intent::Trust), None);
    let offer = Offer { profile: profile(1, ProfileState::Active), before: None };
    state.hear(News::Offer(Box::new(offer)));
    assert_eq!(state.screen(), Screen::NoManifest);
    assert_eq!(state.intend(Intent::Trust), Some(Order::TrustManifest));
    state.hear(News::Profile(Box::new(profile(1, ProfileState::Active))));
    assert_eq!(state.screen(), Screen::Home);
}

#[test]
fn the_question_outlasts_a_new_revision_of_the_profile_in_use() {
    let mut state = window();
    let offer = Offer { profile: profile(1, ProfileState::Active), before: None };
    state.hear(News::Offer(Box::new(offer)));
    state.hear(News::Profile(Box::new(profile(2, ProfileState::Active))));
    assert_eq!(state.intend(Intent::Trust), Some(Order::TrustManifest));
    assert_eq!(state.intend(Intent::Trust), None, "answered once");
}

#[test]
fn states_of_later_servers_are_alive() {
    let mut state = window();
    let known = CustomerTicket { number: 7, state: 99, ..CustomerTicket::default() };
    state.hear(News::Ticket(Box::new(Reported {
        number: Some(7),
        known: Some(known),
        ..Reported::default()
    })));
    let ticket = state.ticket.unwrap();
    assert_eq!(ticket.state_words(), Key::StateUnknown);
    assert!(!ticket.has_ended());
}
