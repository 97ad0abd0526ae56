//! The program without its profile: explains itself and takes one, and asks before a stranger's is
//! trusted.

use eframe::egui::{Label, RichText, Ui};

use super::{View, home, parts};
use crate::inert;
use crate::state::Intent;
use crate::texts::Key;

pub fn draw(ui: &mut Ui, view: &mut View<'_>) {
    ui.add_space(24.0);
    ui.heading(view.say(Key::NoManifest));
    ui.add_space(6.0);
    parts::text(ui, view.say(Key::NoManifestText));
    ui.add_space(16.0);
    parts::card(view.theme).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.vertical_centered(|ui| {
            ui.add_space(14.0);
            parts::text(ui, view.say(Key::ManifestDrop));
            ui.add_space(14.0);
        });
    });
    ui.add_space(16.0);
    let language = view.state.language.clone();
    let field = parts::labelled(ui, language.say(Key::ManifestPath), |ui| {
        ui.add(parts::line_field(&mut view.state.opening.path, "deskbell.manifest"))
    });
    let entered =
        field.lost_focus() && ui.input(|input| input.key_pressed(eframe::egui::Key::Enter));
    if view.fresh || entered {
        // After a slip of the pen the path is corrected at once.
        field.request_focus();
    }
    ui.add_space(6.0);
    if parts::primary(ui, view.theme, view.say(Key::ManifestOpen), 46.0).clicked() || entered {
        view.intend(Intent::OpenManifest);
    }
}

/// The question whether to trust a server that was never seen.
pub fn draw_offer(ui: &mut Ui, view: &mut View<'_>) {
    let Some(offer) = view.state.opening.offer.clone() else { return };
    let profile = &offer.profile;
    ui.add_space(24.0);
    ui.heading(view.say(Key::TrustTitle));
    ui.add_space(10.0);
    if let Some(before) = &offer.before {
        let names = before.names();
        let text = view.fill(Key::TrustBefore, &[("name", &inert::line(&names))]);
        parts::wrong(ui, view.theme, &text);
        ui.add_space(10.0);
    }
    parts::card(view.theme).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.add(
            Label::new(RichText::new(inert::line(profile.product_name())).size(19.0).strong())
                .wrap(),
        );
        parts::text(
            ui,
            &format!(
                "{}: {}",
                view.say(Key::TrustServer),
                inert::line(&profile.manifest.server_name)
            ),
        );
        for address in &profile.manifest.addresses {
            parts::text(ui, &inert::line(address));
        }
        ui.add_space(6.0);
        ui.add(Label::new(RichText::new(home::parts_of(&profile.fingerprint)).monospace()).wrap());
    });
    ui.add_space(10.0);
    parts::text(ui, view.say(Key::TrustText));
    ui.add_space(12.0);
    if parts::primary(ui, view.theme, view.say(Key::TrustYes), 46.0).clicked() {
        view.intend(Intent::Trust);
    }
    if parts::quiet(ui, view.say(Key::TrustNo)).clicked() {
        view.intend(Intent::Distrust);
    }
    // Below the answers, so that both are in sight in a window of the usual size.
    if let Some(before) = &offer.before {
        ui.add_space(10.0);
        if view.state.profile.is_some() {
            parts::faint(ui, view.theme, view.say(Key::LastGoodStays));
        }
        let folder = inert::line(&before.folder);
        let text = view.fill(Key::TrustRemembered, &[("folder", &folder)]);
        parts::faint(ui, view.theme, &text);
    }
}
