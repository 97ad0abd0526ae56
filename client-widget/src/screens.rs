//! Drawing: each screen from the state, and nothing else. What the customer does becomes intents.
//!
//! One column of at most a readable width; a line at the bottom that says how the connection is.
//! Every text that came from somebody else goes through `inert`.

mod form;
mod home;
mod no_manifest;
mod parts;
mod paused;
mod ticket;

use std::time::SystemTime;

use eframe::egui::{
    self, CentralPanel, Frame, Key as Button, Margin, Modifiers, Panel, RichText, ScrollArea,
    TextStyle, Ui,
};
use jiff::tz::TimeZone;

use crate::inert;
use crate::state::{Connection, Intent, Reading, Screen, State};
use crate::texts::Key;
use crate::theme::Theme;

/// What is drawn from, and what comes of it.
pub struct View<'a> {
    /// The state. Drawing changes nothing of it but the texts that are being typed.
    pub state: &'a mut State,
    /// The colours.
    pub theme: &'a Theme,
    /// The profile's logo.
    pub logo: Option<&'a egui::TextureHandle>,
    /// What time it is.
    pub now: SystemTime,
    /// Where the customer is.
    pub zone: &'a TimeZone,
    /// This screen was not drawn the last time: its first field takes the focus.
    pub fresh: bool,
    /// What the customer did.
    pub intents: Vec<Intent>,
}

impl View<'_> {
    fn say(&self, key: Key) -> &'static str {
        self.state.language.say(key)
    }

    fn fill(&self, key: Key, values: &[(&str, &str)]) -> String {
        self.state.language.fill(key, values)
    }

    fn intend(&mut self, intent: Intent) {
        self.intents.push(intent);
    }

    /// The product's name, for showing.
    fn name(&self) -> String {
        let name = self.state.profile.as_ref().map_or("Deskbell", |profile| profile.product_name());
        inert::line(name).into_owned()
    }

    /// The text of a profile in the customer's language, for showing.
    fn profile_text(&self, which: Reading) -> Option<String> {
        let text = self.state.profile.as_ref()?.text(&self.state.language, |texts| match which {
            Reading::Help => &texts.help,
            Reading::Terms => &texts.terms,
        });
        text.map(|text| inert::block(text).into_owned())
    }
}

/// Draws the window.
pub fn draw(ui: &mut Ui, view: &mut View<'_>) {
    keys(ui, view);
    let screen = view.state.screen();
    let background = Frame::new().fill(view.theme.background);
    Panel::bottom("line")
        .frame(background.inner_margin(Margin::symmetric(20, 10)))
        .show_separator_line(false)
        .show(ui, |ui| {
            line(ui, view);
        });
    let reads =
        view.state.reading.or_else(|| view.state.opening.offer.is_some().then_some(Reading::Help));
    let in_conversation = screen == Screen::Ticket && reads.is_none();
    // A request nobody has answered yet is read from its beginning.
    let talks =
        view.state.ticket.as_ref().and_then(|ticket| ticket.reported.known.as_ref()).is_some();
    if in_conversation {
        ticket::draw_around(ui, view);
    }
    CentralPanel::default().frame(background).show(ui, |ui| {
        ScrollArea::vertical().auto_shrink(false).stick_to_bottom(in_conversation && talks).show(
            ui,
            |ui| {
                parts::column(ui, |ui| {
                    ui.add_space(16.0);
                    notice(ui, view);
                    if view.state.opening.offer.is_some() {
                        no_manifest::draw_offer(ui, view);
                    } else if let Some(text) = view.state.reading {
                        reading(ui, view, text);
                    } else {
                        match screen {
                            Screen::NoManifest => no_manifest::draw(ui, view),
                            Screen::Home => home::draw(ui, view),
                            Screen::Form => form::draw(ui, view),
                            Screen::Ticket => ticket::draw_conversation(ui, view),
                            Screen::Paused | Screen::Revoked => paused::draw(ui, view, screen),
                        }
                    }
                    ui.add_space(20.0);
                    if !in_conversation {
                        follow_keyboard(ui);
                    }
                });
            },
        );
    });
}

/// Brings into sight what the keyboard has come to. In a conversation everything with a focus is in
/// sight anyway.
fn follow_keyboard(ui: &Ui) {
    let place = egui::Id::unique("where the keyboard was");
    let now = ui.memory(egui::Memory::focused);
    let before = ui.data(|data| data.get_temp::<Option<egui::Id>>(place)).flatten();
    if now == before {
        return;
    }
    ui.data_mut(|data| data.insert_temp(place, now));
    if let Some(there) = now.and_then(|id| ui.ctx().read_response(id)) {
        ui.scroll_to_rect(there.rect.expand(8.0), None);
    }
}

fn keys(ui: &mut Ui, view: &mut View<'_>) {
    // Taken before a text field sees them: there, Enter would be a new line.
    let (accept, back) = ui.input_mut(|input| {
        (input.consume_key(Modifiers::COMMAND, Button::Enter), input.key_pressed(Button::Escape))
    });
    if accept {
        match view.state.screen() {
            Screen::Form => view.intend(Intent::Ring),
            Screen::Ticket => view.intend(Intent::Write),
            _ => {}
        }
    }
    if back {
        view.intend(Intent::Back);
    }
}

/// How the connection is, calmly.
fn line(ui: &mut Ui, view: &View<'_>) {
    if view.state.profile.is_none() {
        return;
    }
    let name = view.name();
    let (colour, text) = match view.state.connection {
        Connection::Connecting => (view.theme.faint, view.say(Key::Connecting).to_owned()),
        Connection::Online { staffed: false } => {
            (view.theme.well, view.say(Key::Online).to_owned())
        }
        Connection::Online { staffed: true } => {
            (view.theme.well, view.say(Key::OnlineStaffed).to_owned())
        }
        Connection::Away => (view.theme.faint, view.fill(Key::Away, &[("name", &name)])),
        // The screens say why.
        Connection::Untrusted => (view.theme.wrong, view.fill(Key::Away, &[("name", &name)])),
    };
    ui.horizontal_top(|ui| {
        let (dot, _) = ui.allocate_exact_size(egui::vec2(10.0, 18.0), egui::Sense::hover());
        ui.painter().circle_filled(dot.center(), 4.5, colour);
        ui.add(
            egui::Label::new(
                RichText::new(text).text_style(TextStyle::Small).color(view.theme.faint),
            )
            .wrap(),
        );
    });
}

fn notice(ui: &mut Ui, view: &mut View<'_>) {
    let Some(notice) = view.state.notice.clone() else { return };
    let mut text = view.fill(notice.key, &[("reason", &inert::line(&notice.reason))]);
    let about_manifest = matches!(
        notice.key,
        Key::ManifestUnreadable
            | Key::ManifestSignature
            | Key::ManifestOtherSigner
            | Key::ManifestNotRead
    );
    if about_manifest && view.state.profile.is_some() {
        text = format!("{text} {}", view.say(Key::LastGoodStays));
    }
    parts::card(view.theme).stroke(egui::Stroke::new(1.5, view.theme.wrong)).show(ui, |ui| {
        ui.set_width(ui.available_width());
        parts::text(ui, &text);
        if ui.button(view.say(Key::Dismiss)).clicked() {
            view.intend(Intent::Dismiss);
        }
    });
    ui.add_space(12.0);
}

fn reading(ui: &mut Ui, view: &mut View<'_>, which: Reading) {
    let title = match which {
        Reading::Help => Key::Help,
        Reading::Terms => Key::Terms,
    };
    ui.heading(view.say(title));
    ui.add_space(6.0);
    parts::card(view.theme).show(ui, |ui| {
        ui.set_width(ui.available_width());
        parts::text(ui, &view.profile_text(which).unwrap_or_default());
    });
    ui.add_space(12.0);
    parts::back(ui, view);
}

#[cfg(test)]
mod tests;
