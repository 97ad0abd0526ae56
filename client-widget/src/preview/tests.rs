//! Pictures of the screens, painted here and compared with the ones in `pictures/`, which somebody
//! looked at.
//!
//! They differ by rounding between machines, so a little difference is let pass. After a change
//! that is meant: `DESKBELL_PICTURES=write cargo test -p deskbell-widget pictures`, then look at
//! them.

use std::path::Path;

use deskbell_proto::v1::{
    Branding, FallbackContact, GroupRef, Manifest, ProfileState, ProfileTexts,
};
use image::codecs::png::PngEncoder;

use super::*;
use crate::state::Notice;
use crate::state::form::Fact;
use crate::state::offer::{Before, Offer};
use crate::state::profile::Profile;
use crate::texts::Key;

/// How far a channel may be off, of 255.
const CHANNEL: u8 = 24;
/// Which share of the pixels may be further off than that, in thousandths.
const PIXELS: usize = 5;

/// A bell-shaped logo.
fn logo() -> Vec<u8> {
    let picture = RgbaImage::from_fn(128, 128, |x, y| {
        let (x, y) = (f64::from(x) - 63.5, f64::from(y));
        let width = if y < 24.0 { 0.0 } else { 16.0 + 34.0 * ((y - 24.0) / 76.0).powf(2.2) };
        let body = (24.0..100.0).contains(&y) && x.abs() < width;
        let clapper = x.hypot(y - 106.0) < 11.0;
        let knob = x.hypot(y - 22.0) < 9.0;
        if body || clapper || knob {
            image::Rgba([0x0f, 0x76, 0x6e, 255])
        } else {
            image::Rgba([0; 4])
        }
    });
    let mut png = Vec::new();
    picture.write_with_encoder(PngEncoder::new(&mut png)).unwrap();
    png
}

fn profile() -> Profile {
    let group = |name: &str| GroupRef { id: name.into(), name: name.into() };
    let manifest = Manifest {
        profile_id: "acme".into(),
        revision: 3,
        server_name: "desk.acme.example".into(),
        addresses: vec!["https://desk.acme.example:7443".into()],
        branding: Some(Branding {
            product_name: "Acme Helper".into(),
            accent_color: "#0f766e".into(),
            background_color: "#f5faf9".into(),
            logo_png: logo(),
            ..Branding::default()
        }),
        texts: vec![ProfileTexts {
            language: "en".into(),
            greeting: "Something not working? We are here from 8 to 18.".into(),
            help: "Tell us what you see.".into(),
            ..ProfileTexts::default()
        }],
        fallback: Some(FallbackContact {
            phone: "+43 1 234 56 78".into(),
            email: "help@acme.example".into(),
            ..FallbackContact::default()
        }),
        assistance_enabled: true,
        groups: vec![group("Network"), group("Printing"), group("Accounts")],
        group_required: true,
        ..Manifest::default()
    };
    Profile {
        manifest,
        fingerprint: "sha256:3f9a6b0c1d2e4f5061728394a5b6c7d8e9f00112233445566778899aabbccdde"
            .into(),
    }
}

fn facts() -> Vec<Fact> {
    vec![
        Fact::new("system", Key::FactSystem, "Debian GNU/Linux 12"),
        Fact::new("program", Key::FactProgram, "0.1.0 linux-x86_64"),
        Fact::new("computer", Key::FactComputer, "desk-7"),
    ]
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_hours(498_684)
}

fn window(tag: &str) -> State {
    let mut state = State::new(Language::new([tag]), Some(profile()), facts());
    state.hear(News::Connection(Connection::Online { staffed: true }));
    state
}

fn compare(name: &str, state: &mut State) {
    let painted = picture(state, now(), &TimeZone::UTC, 1.0);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("pictures").join(format!("{name}.png"));
    if std::env::var_os("DESKBELL_PICTURES").is_some() {
        painted.save(&path).unwrap();
        return;
    }
    let looked_at = image::open(&path).unwrap().into_rgba8();
    assert_eq!(painted.dimensions(), looked_at.dimensions(), "{name}");
    let off = painted.pixels().zip(looked_at.pixels()).filter(|(one, other)| {
        one.0.iter().zip(other.0).any(|(one, other)| one.abs_diff(other) > CHANNEL)
    });
    let (off, all) = (off.count(), painted.pixels().len());
    assert!(
        off * 1000 <= all * PIXELS,
        "{name}: {off} of {all} pixels differ from {}",
        path.display()
    );
}

#[test]
fn pictures_of_home() {
    compare("home", &mut window("en"));
    compare("home-de", &mut window("de"));
    let mut away = window("en");
    away.hear(News::Connection(Connection::Away));
    compare("home-away", &mut away);
    away.hear(News::Connection(Connection::Untrusted));
    compare("home-untrusted", &mut away);
    let mut dark = window("en");
    let mut branded = profile();
    let branding = branded.manifest.branding.as_mut().unwrap();
    (branding.background_color, branding.accent_color) = ("#14213d".into(), "#fca311".into());
    dark.hear(News::Profile(Box::new(branded)));
    compare("home-dark", &mut dark);
}

#[test]
fn pictures_of_the_form() {
    let mut state = window("en");
    state.intend(Intent::OpenForm);
    compare("form", &mut state);
    state.form.email = "ana".into();
    state.intend(Intent::Ring);
    compare("form-wrong", &mut state);
}

#[test]
fn pictures_of_a_ticket() {
    let mut state = window("en");
    state.hear(News::Ticket(Box::new(example(now()))));
    compare("ticket", &mut state);

    let mut ended = example(now());
    ended.known.as_mut().unwrap().state = TicketState::Closed.into();
    let mut state = window("en");
    state.hear(News::Ticket(Box::new(ended)));
    compare("ticket-closed", &mut state);

    let mut state = window("en");
    state.hear(News::Connection(Connection::Away));
    state.hear(News::Ticket(Box::new(Reported {
        description: "The printer is on fire.".into(),
        ..Reported::default()
    })));
    compare("ticket-kept", &mut state);
    state.language = Language::new(["de"]);
    compare("ticket-kept-de", &mut state);

    let mut hostile = example(now());
    hostile.known.as_mut().unwrap().messages.push(CustomerMessage {
        from: "Eve\u{202e}nimda".into(),
        text: "\u{1b}]8;;https://evil.example\u{7}click\u{1b}]8;;\u{7} \
            <b>bold</b> \u{202e}exe.fdp\nsecond line"
            .into(),
        ..CustomerMessage::default()
    });
    hostile.known.as_mut().unwrap().expire_time = Some((now() + Duration::from_mins(15)).into());
    let mut state = window("en");
    state.hear(News::Ticket(Box::new(hostile)));
    compare("ticket-hostile", &mut state);
}

#[test]
fn pictures_of_what_is_in_the_way() {
    let mut state = window("en");
    state.hear(News::Standing(ProfileState::Paused));
    compare("paused", &mut state);
    let mut state = window("en");
    state.hear(News::Standing(ProfileState::Revoked));
    compare("revoked", &mut state);
    let mut state = State::new(Language::new(["en"]), None, facts());
    compare("no-manifest", &mut state);
    state.hear(News::Offer(Box::new(Offer { profile: profile(), before: None })));
    compare("trust", &mut state);
    let before = Some(Before {
        servers: vec!["desk.example.net".into()],
        folder: "/home/ana/.local/share/deskbell-widget".into(),
    });
    let mut state = window("en");
    state.hear(News::Offer(Box::new(Offer { profile: profile(), before })));
    compare("trust-other", &mut state);
    let mut state = window("en");
    state.hear(News::Notice(Notice { key: Key::ManifestSignature, reason: String::new() }));
    compare("refused-manifest", &mut state);
}
