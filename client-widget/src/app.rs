//! The window: news in, screens out, intents to the state, orders to the link.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use deskbell_proto::v1::Branding;
use eframe::egui::{
    self, Context, IconData, TextureHandle, TextureOptions, Ui, ViewportBuilder, ViewportCommand,
};
use jiff::tz::TimeZone;

use crate::link::Link;
use crate::manifest::{Manifests, Start};
use crate::screens::{self, View};
use crate::state::offer::Offer;
use crate::state::profile::Profile;
use crate::state::{Intent, News, Notice, Screen, State};
use crate::texts::Language;
use crate::theme::Theme;
use crate::{facts, inert, logo};

/// The window's size at first, in points.
pub const SIZE: [f32; 2] = [420.0, 640.0];
/// The expiry warning counts minutes, also when nothing happens.
const REDRAW: Duration = Duration::from_secs(20);

/// From when on the seconds until a ticket expires are counted, and how often that is drawn.
const COUNT_SECONDS: Duration = Duration::from_secs(80);
const SECOND: Duration = Duration::from_secs(1);

/// The running window.
struct App {
    state: State,
    /// None: the thread could not be started, which is told.
    link: Option<Link>,
    look: Look,
    zone: TimeZone,
    drawn: Option<(Screen, bool)>,
}

/// What the branding of a profile becomes.
pub struct Look {
    /// The colours.
    pub theme: Theme,
    /// The logo, ready for drawing.
    pub logo: Option<TextureHandle>,
}

impl Look {
    /// Of this profile; the defaults without one.
    pub fn new(context: &Context, profile: Option<&Profile>) -> Self {
        let branding = branding(profile);
        let theme = Theme::new(branding);
        theme.apply(context);
        let picture = branding.and_then(|branding| logo::decode(&branding.logo_png));
        let logo =
            picture.map(|picture| context.load_texture("logo", picture, TextureOptions::LINEAR));
        Self { theme, logo }
    }
}

fn branding(profile: Option<&Profile>) -> Option<&Branding> {
    profile.and_then(|profile| profile.manifest.branding.as_ref())
}

/// Opens the window and stays until it is closed.
pub fn run(manifests: Manifests, language: Language) -> eframe::Result {
    let start = manifests.at_start();
    let profile = start.used.as_ref().map(Profile::new);
    let title = title(profile.as_ref());
    let mut viewport = ViewportBuilder::default()
        .with_title(&title)
        .with_app_id("deskbell-widget")
        .with_inner_size(SIZE)
        .with_min_inner_size([320.0, 420.0])
        .with_drag_and_drop(true);
    viewport = viewport.with_icon(icon(profile.as_ref()));
    let options = eframe::NativeOptions {
        viewport,
        renderer: eframe::Renderer::Glow,
        centered: true,
        ..Default::default()
    };
    let mut state = State::new(language, profile, facts::facts());
    state.notice = start
        .trouble
        .as_ref()
        .map(|trouble| Notice { key: trouble.key(), reason: trouble.reason() });
    if let Some((_, offered)) = &start.offered {
        let offer = Offer { profile: Profile::new(offered), before: manifests.before() };
        state.hear(News::Offer(Box::new(offer)));
    }
    eframe::run_native(
        &title,
        options,
        Box::new(|creation| Ok(Box::new(App::new(&creation.egui_ctx, state, manifests, start)))),
    )
}

fn title(profile: Option<&Profile>) -> String {
    inert::line(profile.map_or("Deskbell", Profile::window_title)).into_owned()
}

fn icon(profile: Option<&Profile>) -> Arc<IconData> {
    let picture = branding(profile).and_then(|branding| logo::decode(&branding.logo_png));
    Arc::new(picture.map_or_else(IconData::default, |picture| IconData {
        width: u32::try_from(picture.width()).unwrap_or(0),
        height: u32::try_from(picture.height()).unwrap_or(0),
        rgba: picture.pixels.iter().flat_map(egui::Color32::to_srgba_unmultiplied).collect(),
    }))
}

impl App {
    fn new(context: &Context, mut state: State, manifests: Manifests, start: Start) -> Self {
        let look = Look::new(context, state.profile.as_ref());
        let waker = context.clone();
        let link =
            Link::start(manifests, start.used, start.offered, move || waker.request_repaint());
        if let Err(error) = &link {
            state.notice =
                Some(Notice { key: crate::texts::Key::StorageFull, reason: error.to_string() });
        }
        Self { state, link: link.ok(), look, zone: TimeZone::system(), drawn: None }
    }

    fn hear(&mut self, context: &Context) {
        while let Some(news) = self.link.as_ref().and_then(Link::news) {
            let rebranded = matches!(news, News::Profile(_));
            self.state.hear(news);
            if rebranded {
                self.look = Look::new(context, self.state.profile.as_ref());
                context
                    .send_viewport_cmd(ViewportCommand::Title(title(self.state.profile.as_ref())));
            }
        }
    }

    fn intend(&mut self, intent: Intent) {
        if let (Some(order), Some(link)) = (self.state.intend(intent), &self.link) {
            link.order(order);
        }
    }
}

impl eframe::App for App {
    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        let context = ui.ctx().clone();
        self.hear(&context);
        let dropped = context
            .input(|input| input.raw.dropped_files.first().map(|file| file.path().to_owned()));
        if let Some(path) = dropped {
            self.intend(Intent::DropManifest(path.to_string_lossy().into_owned()));
        }
        let now_drawn = (
            self.state.screen(),
            self.state.reading.is_some() || self.state.opening.offer.is_some(),
        );
        let mut view = View {
            theme: &self.look.theme,
            logo: self.look.logo.as_ref(),
            now: SystemTime::now(),
            zone: &self.zone,
            fresh: self.drawn != Some(now_drawn),
            intents: Vec::new(),
            state: &mut self.state,
        };
        screens::draw(ui, &mut view);
        let intents = view.intents;
        self.drawn = Some(now_drawn);
        if !intents.is_empty() {
            context.request_repaint();
        }
        for intent in intents {
            self.intend(intent);
        }
        let left = self.state.ticket.as_ref().and_then(|it| it.time_left(SystemTime::now()));
        let counts_seconds = left.is_some_and(|left| left <= COUNT_SECONDS);
        context.request_repaint_after(if counts_seconds { SECOND } else { REDRAW });
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        self.intend(Intent::Close);
        // Waits until everything that was ordered is on disk.
        self.link = None;
    }
}
