//! Draws a screen into a PNG without a display: for admins who want to see a profile before handing
//! it out, and for tests.
//!
//! egui turns screens into textured triangles; `paint` fills them. That is a hundred lines, where a
//! second renderer in the program would be megabytes.

mod paint;

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::{Args, ValueEnum};
use deskbell_proto::v1::{CustomerMessage, CustomerTicket, TicketState};
use eframe::egui::{self, Context, RawInput, Rect, Vec2};
use image::RgbaImage;
use jiff::tz::TimeZone;

use crate::app::{self, Look};
use crate::facts;
use crate::failure::Failure;
use crate::in_use::profile_in_use;
use crate::manifest::Manifests;
use crate::screens::{self, View};
use crate::state::profile::Profile;
use crate::state::ticket::Reported;
use crate::state::{Connection, Intent, News, State};
use crate::texts::Language;

/// Passes are counted from 0.
const LAST_PASS: u32 = 3;

/// What to draw.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The PNG to write
    #[arg(long, value_name = "PATH")]
    output: PathBuf,
    /// The screen to draw
    #[arg(long, value_enum, default_value_t = Shown::Home)]
    screen: Shown,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shown {
    Home,
    Form,
    Ticket,
}

/// Draws the profile in use.
pub fn run(
    arguments: &Arguments,
    manifests: &Manifests,
    language: Language,
) -> Result<(), Failure> {
    let used = profile_in_use(manifests)?;
    let mut state = State::new(language, Some(Profile::new(&used)), facts::facts());
    state.hear(News::Connection(Connection::Online { staffed: true }));
    let now = SystemTime::now();
    match arguments.screen {
        Shown::Home => {}
        Shown::Form => {
            state.intend(Intent::OpenForm);
        }
        Shown::Ticket => state.hear(News::Ticket(Box::new(example(now)))),
    }
    let picture = picture(&mut state, now, &TimeZone::system(), 2.0);
    let failed = |error: image::ImageError| {
        Failure::refused(format!("{} cannot be written: {error}", arguments.output.display()))
    };
    picture.save_with_format(&arguments.output, image::ImageFormat::Png).map_err(failed)
}

/// A ticket to look at.
fn example(now: SystemTime) -> Reported {
    let ago = |minutes: u64| Some((now - Duration::from_mins(minutes)).into());
    let message = |from: &str, text: &str, minutes| CustomerMessage {
        id: String::new(),
        from: from.into(),
        text: text.into(),
        create_time: ago(minutes),
    };
    Reported {
        number: Some(42),
        known: Some(CustomerTicket {
            number: 42,
            state: TicketState::InProgress.into(),
            helper: "Ana".into(),
            submit_time: ago(12),
            description: "The printer says \"paper jam\", and there is none.".into(),
            messages: vec![
                message("Ana", "Hello! Does it also say so after you open and close the cover?", 6),
                message("", "Yes, it does.", 2),
            ],
            ..CustomerTicket::default()
        }),
        ..Reported::default()
    }
}

/// The window's content, at so many pixels a point.
pub fn picture(state: &mut State, now: SystemTime, zone: &TimeZone, scale: f32) -> RgbaImage {
    let context = Context::default();
    let look = Look::new(&context, state.profile.as_ref());
    let size = Vec2::from(app::SIZE);
    let mut canvas = paint::Canvas::new(size * scale, look.theme.background);
    // Later passes know the sizes that earlier ones found, and fades have ended; the last one is
    // painted.
    for pass in 0..=LAST_PASS {
        let mut input = RawInput {
            screen_rect: Some(Rect::from_min_size(egui::Pos2::ZERO, size)),
            ..RawInput::default()
        };
        input.time = Some(f64::from(pass));
        input.viewports.entry(egui::ViewportId::ROOT).or_default().native_pixels_per_point =
            Some(scale);
        let mut output = context.run_ui(input, |ui| {
            let logo = look.logo.as_ref();
            let mut view = View {
                state,
                theme: &look.theme,
                logo,
                now,
                zone,
                fresh: false,
                intents: Vec::new(),
            };
            screens::draw(ui, &mut view);
        });
        canvas.take_textures(&mut output.textures_delta);
        if pass == LAST_PASS {
            let shapes = std::mem::take(&mut output.shapes);
            canvas.paint(
                &context.tessellate(shapes, output.pixels_per_point),
                output.pixels_per_point,
            );
        }
    }
    canvas.finish()
}

#[cfg(test)]
mod tests;
