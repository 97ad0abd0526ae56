//! The ticket, live: how it stands above, the conversation in the middle, the write box below.

use std::time::SystemTime;

use deskbell_proto::v1::{CustomerMessage, ProfileState, TicketState};
use eframe::egui::{
    Align, Frame, Label, Layout, Margin, Panel, RichText, TextStyle, TextWrapMode, Ui, WidgetText,
};
use jiff::Timestamp;

use super::{View, parts};
use crate::inert;
use crate::state::ticket::Ticket;
use crate::state::{Connection, Intent};
use crate::texts::Key;

/// How much of the column's width a message takes.
const BUBBLE: f32 = 0.86;

/// What stays in sight above and below the conversation.
pub fn draw_around(ui: &mut Ui, view: &mut View<'_>) {
    let frame = Frame::new().fill(view.theme.background).inner_margin(Margin {
        top: 14,
        bottom: 6,
        ..Margin::ZERO
    });
    Panel::top("ticket")
        .frame(frame)
        .show_separator_line(false)
        .show(ui, |ui| parts::column(ui, |ui| head(ui, view)));
    Panel::bottom("write")
        .frame(frame)
        .show_separator_line(false)
        .show(ui, |ui| parts::column(ui, |ui| write(ui, view)));
}

/// Everything that was written.
pub fn draw_conversation(ui: &mut Ui, view: &mut View<'_>) {
    let Some(ticket) = view.state.ticket.clone() else { return };
    let reported = &ticket.reported;
    let known = reported.known.as_ref();
    let description = known
        .map(|known| known.description.as_str())
        .filter(|text| !text.is_empty())
        .unwrap_or(&reported.description);
    let submitted = known.and_then(|known| known.submit_time);
    bubble(
        ui,
        view,
        None,
        description,
        &submitted.map(|time| clock(view, time)).unwrap_or_default(),
    );
    for CustomerMessage { from, text, create_time, .. } in
        known.map(|known| known.messages.as_slice()).unwrap_or_default()
    {
        let from = (!from.is_empty()).then_some(from.as_str());
        bubble(
            ui,
            view,
            from,
            text,
            &create_time.map(|time| clock(view, time)).unwrap_or_default(),
        );
    }
    for text in &reported.unsent {
        bubble(ui, view, None, text, view.say(Key::NotSentYet));
    }
    if known.is_none()
        && reported.number.is_none()
        && !matches!(view.state.connection, Connection::Online { .. })
    {
        parts::fallback(ui, view);
    }
}

fn head(ui: &mut Ui, view: &mut View<'_>) {
    let Some(ticket) = view.state.ticket.clone() else { return };
    ui.horizontal(|ui| {
        let title = match ticket.reported.number {
            Some(number) => view.fill(Key::TicketNumber, &[("number", &number.to_string())]),
            None if matches!(view.state.connection, Connection::Online { .. }) => {
                view.say(Key::TicketSending).to_owned()
            }
            None => view.say(Key::TicketKept).to_owned(),
        };
        // The button takes its place first, so that a long title wraps beside it.
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if ui.button(view.say(Key::Back)).clicked() {
                view.intend(Intent::Back);
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.add(Label::new(RichText::new(title).heading()).wrap());
            });
        });
    });
    parts::card(view.theme).show(ui, |ui| {
        ui.set_width(ui.available_width());
        standing(ui, view, &ticket);
        match view.state.standing {
            ProfileState::Paused => {
                parts::wrong(
                    ui,
                    view.theme,
                    &view.fill(Key::PausedText, &[("name", &view.name())]),
                );
            }
            ProfileState::Revoked => parts::wrong(ui, view.theme, view.say(Key::Revoked)),
            ProfileState::Active | ProfileState::Unspecified => {}
        }
        if ticket.expires_in(view.now).is_some()
            && parts::quiet(ui, view.say(Key::StillNeeded)).clicked()
        {
            view.intend(Intent::StillNeeded);
        }
        if ticket.asks_cancel {
            ask_cancel(ui, view);
        } else if !ticket.has_ended() && ui.button(view.say(Key::Cancel)).clicked() {
            view.intend(Intent::AskCancel);
        }
    });
}

fn standing(ui: &mut Ui, view: &View<'_>, ticket: &Ticket) {
    if ticket.reported.gone {
        parts::text(ui, view.say(Key::TicketGone));
        return;
    }
    if ticket.reported.cancelling {
        parts::text(ui, view.say(Key::Cancelling));
    }
    let Some(known) = &ticket.reported.known else {
        waiting(ui, view, ticket);
        return;
    };
    ui.add(Label::new(RichText::new(view.say(ticket.state_words())).size(18.0).strong()).wrap());
    if !known.helper.is_empty() && !ticket.has_ended() {
        parts::text(ui, &view.fill(Key::HelpedBy, &[("name", &inert::line(&known.helper))]));
    } else if ticket.state() == Some(TicketState::New) {
        match known.place {
            0 => parts::text(ui, view.say(Key::NobodyYet)),
            1 => parts::text(ui, view.say(Key::PlaceFirst)),
            place => parts::text(ui, &view.fill(Key::Place, &[("place", &place.to_string())])),
        }
    }
    if !known.group.is_empty() {
        parts::faint(
            ui,
            view.theme,
            &view.fill(Key::InGroup, &[("name", &inert::line(&known.group))]),
        );
    }
    if let Some(time) = ticket.expires_in(view.now) {
        parts::wrong(ui, view.theme, &view.fill(Key::ExpiresSoon, &[("time", &time)]));
    }
}

/// A ticket the server has said nothing about yet.
fn waiting(ui: &mut Ui, view: &View<'_>, ticket: &Ticket) {
    match (view.state.connection, ticket.reported.number) {
        (Connection::Untrusted, _) => parts::wrong(ui, view.theme, view.say(Key::Untrusted)),
        (Connection::Away, None) => {
            parts::text(ui, &view.fill(Key::AwayKept, &[("name", &view.name())]));
        }
        (Connection::Away, Some(_)) => {
            parts::text(ui, &view.fill(Key::Away, &[("name", &view.name())]));
        }
        _ => parts::text(ui, view.say(ticket.state_words())),
    }
    if ticket.reported.number.is_none() {
        parts::faint(ui, view.theme, view.say(Key::TicketKeptHint));
    }
}

fn ask_cancel(ui: &mut Ui, view: &mut View<'_>) {
    ui.add_space(4.0);
    parts::text(ui, view.say(Key::CancelAsk));
    ui.horizontal_wrapped(|ui| {
        let keep = parts::quiet(ui, view.say(Key::CancelNo));
        if ui.memory(|memory| memory.focused().is_none()) {
            // The button that asked is gone, and with it the keyboard's place: on to the harmless
            // answer.
            keep.request_focus();
        }
        if keep.clicked() {
            view.intend(Intent::KeepTicket);
        }
        if parts::quiet(ui, view.say(Key::CancelYes)).clicked() {
            view.intend(Intent::Cancel);
        }
    });
}

fn bubble(ui: &mut Ui, view: &View<'_>, from: Option<&str>, text: &str, when: &str) {
    let width = ui.available_width() * BUBBLE;
    let (side, fill, who) = match from {
        None => (Align::Max, view.theme.own_words(), view.say(Key::You).to_owned()),
        Some(name) => (Align::Min, view.theme.card, inert::line(name).into_owned()),
    };
    let head = if when.is_empty() { who } else { format!("{who} · {when}") };
    // Laid out first, so that a bubble is no wider than its words, whichever side it is on.
    let laid_out = |ui: &Ui, words: RichText| {
        WidgetText::from(words).into_galley(ui, Some(TextWrapMode::Wrap), width, TextStyle::Body)
    };
    let head =
        laid_out(ui, RichText::new(head).text_style(TextStyle::Small).color(view.theme.faint));
    let words = laid_out(ui, RichText::new(inert::block(text)));
    ui.with_layout(Layout::top_down(side), |ui| {
        parts::card(view.theme).fill(fill).inner_margin(Margin::symmetric(14, 10)).show(ui, |ui| {
            ui.set_max_width(head.size().x.max(words.size().x));
            ui.with_layout(Layout::top_down(Align::Min), |ui| {
                ui.add(Label::new(head));
                ui.add(Label::new(words));
            });
        });
    });
    ui.add_space(2.0);
}

fn write(ui: &mut Ui, view: &mut View<'_>) {
    let language = view.state.language.clone();
    let Some(ticket) = &mut view.state.ticket else { return };
    if ticket.reported.gone {
        new_request(ui, view);
        return;
    }
    let ended = ticket.has_ended();
    let field = parts::labelled(ui, language.say(Key::Write), |ui| {
        ui.add(parts::block_field(&mut ticket.message, language.say(Key::WriteHint), 2))
    });
    if field.changed() {
        ticket.complaint = None;
    }
    if view.fresh {
        field.request_focus();
    }
    if let Some(key) = ticket.complaint {
        parts::wrong(ui, view.theme, language.say(key));
    }
    if ended {
        parts::faint(ui, view.theme, language.say(Key::WriteReopens));
    }
    ui.horizontal(|ui| {
        if parts::quiet(ui, language.say(Key::Send)).clicked() {
            view.intend(Intent::Write);
        }
        if !ended {
            parts::faint(ui, view.theme, language.say(Key::SendHint));
        }
        if ended {
            new_request(ui, view);
        }
    });
}

fn new_request(ui: &mut Ui, view: &mut View<'_>) {
    if parts::primary(ui, view.theme, view.say(Key::NewRequest), 40.0).clicked() {
        view.intend(Intent::OpenForm);
    }
}

/// The hour, and the day too unless it is today.
fn clock(view: &View<'_>, time: prost_types::Timestamp) -> String {
    let Ok(time) = Timestamp::new(time.seconds, 0) else { return String::new() };
    let (time, now) =
        (time.to_zoned(view.zone.clone()), today(view.now).to_zoned(view.zone.clone()));
    let form = if time.date() == now.date() { "%H:%M" } else { "%Y-%m-%d %H:%M" };
    time.strftime(form).to_string()
}

fn today(now: SystemTime) -> Timestamp {
    Timestamp::try_from(now).unwrap_or_default()
}
