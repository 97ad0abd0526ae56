//! The form: who, how to reach the customer, what is wrong. Errors stand beside their field.

use eframe::egui::{ComboBox, RichText, Ui};

use super::{View, parts};
use crate::inert;
use crate::state::form::Field;
use crate::state::{Connection, Intent, Reading};
use crate::texts::Key;

/// Up to so many groups are a list; more fold into a box.
const LISTED_GROUPS: usize = 6;

pub fn draw(ui: &mut Ui, view: &mut View<'_>) {
    ui.heading(view.say(Key::FormTitle));
    ui.add_space(10.0);
    groups(ui, view);
    fields(ui, view);
    facts(ui, view);
    parts::disconnected(ui, view);
    ui.add_enabled_ui(!view.state.form.ringing, |ui| {
        if parts::primary(ui, view.theme, view.say(Key::Ring), 52.0).clicked() {
            view.intend(Intent::Ring);
        }
    });
    ui.add_space(4.0);
    ui.horizontal_wrapped(|ui| {
        parts::back(ui, view);
        for (text, label) in [(Reading::Help, Key::Help), (Reading::Terms, Key::Terms)] {
            if view.profile_text(text).is_some() && parts::quiet(ui, view.say(label)).clicked() {
                view.intend(Intent::Read(text));
            }
        }
    });
    parts::faint(ui, view.theme, view.say(Key::RingHint));
    if matches!(view.state.connection, Connection::Away | Connection::Untrusted) {
        parts::fallback(ui, view);
    }
}

fn groups(ui: &mut Ui, view: &mut View<'_>) {
    let Some(profile) = &view.state.profile else { return };
    let offered: Vec<(String, String)> = profile
        .manifest
        .groups
        .iter()
        .map(|group| (group.id.clone(), inert::line(&group.name).into_owned()))
        .collect();
    if offered.is_empty() {
        return;
    }
    let required = profile.manifest.group_required;
    let mut choices: Vec<(Option<String>, String)> =
        offered.into_iter().map(|(id, name)| (Some(id), name)).collect();
    if !required {
        choices.push((None, view.say(Key::GroupNone).to_owned()));
    }
    let before = view.state.form.group.clone();
    let label = ui.label(RichText::new(view.say(Key::Group)).strong());
    if choices.len() <= LISTED_GROUPS {
        parts::card(view.theme).show(ui, |ui| {
            ui.set_width(ui.available_width());
            for (index, (id, name)) in choices.into_iter().enumerate() {
                let radio = ui.radio_value(&mut view.state.form.group, id, name);
                if index == 0 && view.fresh {
                    radio.request_focus();
                }
            }
        });
    } else {
        let chosen = choices.iter().find(|(id, _)| *id == view.state.form.group);
        let shown = chosen.map_or(view.say(Key::GroupHint), |(_, name)| name).to_owned();
        let combo = ComboBox::from_id_salt("group")
            .width(ui.available_width())
            .selected_text(shown)
            .show_ui(ui, |ui| {
                for (id, name) in choices {
                    ui.selectable_value(&mut view.state.form.group, id, name);
                }
            });
        let combo = combo.response.labelled_by(label.id);
        if view.fresh {
            combo.request_focus();
        }
    }
    if view.state.form.group != before {
        view.state.form.forgive(Field::Group);
    }
    parts::complaint(ui, view, Field::Group);
    ui.add_space(10.0);
}

fn fields(ui: &mut Ui, view: &mut View<'_>) {
    let language = view.state.language.clone();
    let no_groups =
        view.state.profile.as_ref().is_none_or(|profile| profile.manifest.groups.is_empty());
    let form = &mut view.state.form;
    let email = parts::labelled(ui, language.say(Key::YourEmail), |ui| {
        ui.add(parts::line_field(&mut form.email, language.say(Key::EmailHint)))
    });
    if view.fresh && no_groups {
        email.request_focus();
    }
    after(ui, view, Field::Email, email.changed());

    let title = parts::labelled(ui, language.say(Key::Title), |ui| {
        ui.add(parts::line_field(&mut view.state.form.title, language.say(Key::TitleHint)))
    });
    after(ui, view, Field::Title, title.changed());

    let description = parts::labelled(ui, language.say(Key::Description), |ui| {
        ui.add(parts::block_field(
            &mut view.state.form.description,
            language.say(Key::DescriptionHint),
            5,
        ))
    });
    after(ui, view, Field::Description, description.changed());
}

fn after(ui: &mut Ui, view: &mut View<'_>, field: Field, changed: bool) {
    if changed {
        view.state.form.forgive(field);
    }
    parts::complaint(ui, view, field);
    ui.add_space(10.0);
}

fn facts(ui: &mut Ui, view: &mut View<'_>) {
    if view.state.form.facts.is_empty() {
        return;
    }
    ui.label(RichText::new(view.say(Key::Facts)).strong());
    parts::card(view.theme).show(ui, |ui| {
        ui.set_width(ui.available_width());
        parts::faint(ui, view.theme, view.say(Key::FactsHint));
        let language = view.state.language.clone();
        for fact in &mut view.state.form.facts {
            ui.checkbox(&mut fact.ticked, format!("{}: {}", language.say(fact.label), fact.value));
        }
    });
    ui.add_space(12.0);
}
