//! What several screens are made of.

use eframe::egui::{
    self, Button, CornerRadius, Frame, Label, Margin, Response, RichText, TextEdit, TextStyle, Ui,
    vec2,
};

use super::View;
use crate::inert;
use crate::state::form::{Complaint, Field};
use crate::state::{Connection, Intent};
use crate::texts::Key;
use crate::theme::Theme;

/// The widest column, in points: longer lines are tiring to read.
const COLUMN: f32 = 560.0;
/// Around the column, in points.
const MARGIN: f32 = 20.0;

/// One centred column.
pub fn column(ui: &mut Ui, contents: impl FnOnce(&mut Ui)) {
    let available = ui.available_width();
    let width = (available - 2.0 * MARGIN).clamp(0.0, COLUMN);
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        ui.add_space((available - width) / 2.0);
        ui.vertical(|ui| {
            ui.reset_style();
            ui.set_width(width);
            contents(ui);
        });
    });
}

/// A rounded card.
pub fn card(theme: &Theme) -> Frame {
    let outline = egui::Stroke::new(1.0, theme.outline);
    Frame::new()
        .fill(theme.card)
        .stroke(outline)
        .corner_radius(CornerRadius::same(14))
        .inner_margin(Margin::same(16))
}

/// Running text.
pub fn text(ui: &mut Ui, text: &str) {
    ui.add(Label::new(text).wrap());
}

/// Running text of less weight.
pub fn faint(ui: &mut Ui, theme: &Theme, text: &str) {
    ui.add(Label::new(RichText::new(text).text_style(TextStyle::Small).color(theme.faint)).wrap());
}

/// The one button a screen is about.
pub fn primary(ui: &mut Ui, theme: &Theme, text: &str, height: f32) -> Response {
    let size = if height > 50.0 { 21.0 } else { 17.0 };
    let text = RichText::new(text).size(size).color(theme.on_accent).strong();
    let button = Button::new(text).fill(theme.accent).corner_radius(CornerRadius::same(12));
    ui.add_sized(vec2(ui.available_width(), height), button)
}

/// A button that stands back.
pub fn quiet(ui: &mut Ui, text: &str) -> Response {
    ui.add(Button::new(text).min_size(vec2(0.0, 40.0)))
}

/// The way back.
pub fn back(ui: &mut Ui, view: &mut View<'_>) {
    if quiet(ui, view.say(Key::Back)).clicked() {
        view.intend(Intent::Back);
    }
}

/// A label and what belongs to it, with the label as its name for screen readers.
pub fn labelled(ui: &mut Ui, label: &str, add: impl FnOnce(&mut Ui) -> Response) -> Response {
    let label = ui.add(Label::new(RichText::new(label).strong()).wrap());
    let response = add(ui);
    response.labelled_by(label.id)
}

/// A field of one line.
pub fn line_field<'t>(text: &'t mut String, hint: &str) -> TextEdit<'t> {
    TextEdit::singleline(text)
        .hint_text(hint.to_owned())
        .desired_width(f32::INFINITY)
        .margin(Margin::symmetric(12, 9))
}

/// A field of several lines.
pub fn block_field<'t>(text: &'t mut String, hint: &str, rows: usize) -> TextEdit<'t> {
    TextEdit::multiline(text)
        .hint_text(hint.to_owned())
        .desired_width(f32::INFINITY)
        .desired_rows(rows)
        .margin(Margin::symmetric(12, 9))
}

/// What is wrong with a field, beside it.
pub fn complaint(ui: &mut Ui, view: &View<'_>, field: Field) {
    match view.state.form.complaint(field) {
        Some(Complaint::Own(key)) => wrong(ui, view.theme, view.say(*key)),
        Some(Complaint::Server(reason)) => {
            wrong(
                ui,
                view.theme,
                &view.fill(Key::FieldRefused, &[("reason", &inert::line(reason))]),
            );
        }
        None => {}
    }
}

/// A text that says what is wrong.
pub fn wrong(ui: &mut Ui, theme: &Theme, text: &str) {
    ui.add(Label::new(RichText::new(text).text_style(TextStyle::Small).color(theme.wrong)).wrap());
}

/// Why there is no connection, and that ringing is possible all the same.
pub fn disconnected(ui: &mut Ui, view: &View<'_>) {
    match view.state.connection {
        Connection::Connecting | Connection::Online { .. } => return,
        Connection::Away => text(ui, &view.fill(Key::AwayStillRing, &[("name", &view.name())])),
        Connection::Untrusted => text(ui, view.say(Key::Untrusted)),
    }
    ui.add_space(6.0);
}

/// Where the customer can turn otherwise, when the profile says so.
pub fn fallback(ui: &mut Ui, view: &View<'_>) {
    let Some(contact) =
        view.state.profile.as_ref().and_then(|profile| profile.manifest.fallback.as_ref())
    else {
        return;
    };
    let ways =
        [(Key::Phone, &contact.phone), (Key::Email, &contact.email), (Key::Website, &contact.url)];
    if ways.iter().all(|(_, way)| way.is_empty()) {
        return;
    }
    ui.add_space(14.0);
    card(view.theme).show(ui, |ui| {
        ui.set_width(ui.available_width());
        faint(ui, view.theme, view.say(Key::FallbackTitle));
        for (label, way) in ways.into_iter().filter(|(_, way)| !way.is_empty()) {
            // Plain text, on purpose: nothing that came over the wire is opened by a click.
            ui.add(Label::new(format!("{}: {}", view.say(label), inert::line(way))).wrap());
        }
    });
}
