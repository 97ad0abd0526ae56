//! No requests here: for now, or for good. Says so, and where to turn instead.

use eframe::egui::{Label, RichText, TextStyle, Ui};

use super::{View, home, parts};
use crate::inert;
use crate::state::{Intent, Screen};
use crate::texts::Key;

pub fn draw(ui: &mut Ui, view: &mut View<'_>, screen: Screen) {
    ui.add_space(24.0);
    home::head(ui, view);
    ui.add_space(24.0);
    let switched_off = view.state.standing == deskbell_proto::v1::ProfileState::Active;
    let (title, text) = match screen {
        Screen::Revoked => (Key::Revoked, Key::RevokedText),
        _ if switched_off => (Key::Disabled, Key::DisabledText),
        _ => (Key::Paused, Key::PausedText),
    };
    parts::card(view.theme).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.add(
            Label::new(
                RichText::new(view.say(title)).text_style(TextStyle::Heading).size(20.0).strong(),
            )
            .wrap(),
        );
        parts::text(ui, &view.fill(text, &[("name", &view.name())]));
        if !inert::is_blank(&view.state.form.description) {
            parts::text(ui, view.say(Key::WrittenKept));
        }
    });
    parts::fallback(ui, view);
    if let Some(ticket) = &view.state.ticket {
        ui.add_space(14.0);
        let number = ticket.reported.number.map(|number| number.to_string()).unwrap_or_default();
        if parts::quiet(ui, &view.fill(Key::OpenTicket, &[("number", &number)])).clicked() {
            view.intend(Intent::OpenTicket);
        }
    }
}
