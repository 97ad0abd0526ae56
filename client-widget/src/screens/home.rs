//! Home: whose helper this is, and the one large button.

use eframe::egui::{Align, Image, Label, Layout, RichText, TextStyle, Ui, vec2};

use super::{View, parts};
use crate::inert;
use crate::state::Intent;
use crate::texts::Key;

/// The largest logo, in points.
const LOGO: f32 = 104.0;

pub fn draw(ui: &mut Ui, view: &mut View<'_>) {
    ui.add_space(24.0);
    head(ui, view);
    ui.add_space(26.0);

    let open = view.state.ticket.as_ref().is_some_and(|ticket| !ticket.may_leave());
    if let Some(ticket) = &view.state.ticket {
        let number = ticket.reported.number.map(|number| number.to_string()).unwrap_or_default();
        let label = view.fill(Key::OpenTicket, &[("number", &number)]);
        let response = if open {
            parts::primary(ui, view.theme, &label, 68.0)
        } else {
            parts::quiet(ui, &label)
        };
        if open && view.fresh {
            response.request_focus();
        }
        if response.clicked() {
            view.intend(Intent::OpenTicket);
        }
        ui.add_space(10.0);
    }
    if !open {
        let ring = parts::primary(ui, view.theme, view.say(Key::Assistances), 68.0);
        if view.fresh {
            ring.request_focus();
        }
        if ring.clicked() {
            view.intend(Intent::OpenForm);
        }
    }
    ui.add_space(12.0);
    parts::disconnected(ui, view);
    parts::fallback(ui, view);
    signature(ui, view);
}

/// Logo, name and greeting.
pub fn head(ui: &mut Ui, view: &View<'_>) {
    ui.vertical_centered(|ui| {
        if let Some(logo) = view.logo {
            ui.add(Image::new(logo).max_size(vec2(LOGO * 2.0, LOGO)).alt_text(view.name()));
            ui.add_space(8.0);
        }
        ui.add(
            Label::new(RichText::new(view.name()).text_style(TextStyle::Heading).strong()).wrap(),
        );
        let greeting = view
            .state
            .profile
            .as_ref()
            .and_then(|profile| profile.text(&view.state.language, |texts| &texts.greeting));
        ui.add(
            Label::new(inert::block(greeting.unwrap_or(view.say(Key::Greeting))).into_owned())
                .wrap(),
        );
    });
}

/// Whom this copy trusts.
fn signature(ui: &mut Ui, view: &View<'_>) {
    let Some(profile) = &view.state.profile else { return };
    ui.add_space(18.0);
    let server = inert::line(&profile.manifest.server_name);
    let text = view.fill(
        Key::Fingerprint,
        &[("server", &server), ("fingerprint", &parts_of(&profile.fingerprint))],
    );
    ui.with_layout(Layout::top_down(Align::Center), |ui| {
        ui.add(Label::new(RichText::new(text).size(11.5).color(view.theme.faint)).wrap());
    });
}

/// A fingerprint in groups that a person can compare: "sha256: 0123abcd 4567…".
pub fn parts_of(fingerprint: &str) -> String {
    let (kind, digits) = fingerprint.split_once(':').unwrap_or(("", fingerprint));
    let characters: Vec<char> = digits.chars().collect();
    let groups: Vec<String> = characters.chunks(8).map(|group| group.iter().collect()).collect();
    format!("{kind} {}", groups.join(" ")).trim().to_owned()
}
