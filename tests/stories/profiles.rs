//! Profiles: what admins save reaches the widgets that people have already.

use deskbell_proto::manifest::{self, Verified};
use deskbell_proto::v1::follow_response::Prompt;
use deskbell_proto::v1::{self, ProfileState, TicketState};
use deskbell_tests::customer::new_secret;
use deskbell_tests::for_both_databases;
use deskbell_tests::host::Database;
use deskbell_tests::scene::Scene;
use deskbell_tests::setup::settings;
use deskbell_tests::staff::{refused, refused_field};
use deskbell_tests::waiting::soon;
use tonic::{Code, Streaming};

for_both_databases! {
    a_saved_profile_reaches_running_widgets,
    a_widget_follows_its_ticket,
    settings_are_checked_when_saved,
    manifests_are_the_servers_own,
}

/// The next manifest of a stream, its signature checked.
async fn next_manifest(stream: &mut Streaming<v1::FollowResponse>) -> Verified {
    loop {
        let word = soon("a manifest", stream.message())
            .await
            .expect("the stream goes on")
            .expect("a word");
        if let Some(Prompt::Manifest(signed)) = word.prompt {
            return manifest::verify(&signed).expect("a good signature");
        }
    }
}

/// Follows the ticket until it is so.
async fn ticket_until(
    stream: &mut Streaming<v1::FollowResponse>,
    is_so: impl Fn(&v1::CustomerTicket) -> bool,
) -> v1::CustomerTicket {
    loop {
        let word = soon("the ticket's news", stream.message())
            .await
            .expect("the stream goes on")
            .expect("a word");
        if let Some(Prompt::Ticket(ticket)) = word.prompt
            && is_so(&ticket)
        {
            return ticket;
        }
    }
}

async fn a_saved_profile_reaches_running_widgets(database: Database) {
    let Scene { desk, ana, sales, support, profile, widget, .. } = Scene::open(database).await;
    assert_eq!((profile.revision, profile.state()), (1, ProfileState::Active));
    let mut fresh = widget.follow(0).await.unwrap();
    let first = next_manifest(&mut fresh).await;
    assert_eq!(first.manifest, widget.manifest.manifest, "whoever has none gets it first");
    let mut knows = widget.follow(1).await.unwrap();

    let branding = v1::Branding {
        product_name: "Acme Rescue".to_owned(),
        accent_color: "#0a5c36".to_owned(),
        ..Default::default()
    };
    let changed =
        v1::ProfileSettings { branding: Some(branding), ..settings("Acme", &[&support, &sales]) };
    let saved = ana.save_profile(&profile, changed.clone()).await.unwrap();
    assert_eq!(saved.revision, 2);
    for stream in [&mut fresh, &mut knows] {
        let second = next_manifest(stream).await;
        second.may_follow(&first).unwrap();
        assert_eq!(
            (second.manifest.revision, second.manifest.credential),
            (2, first.manifest.credential.clone())
        );
        assert_eq!(second.manifest.branding.unwrap().product_name, "Acme Rescue");
        let names: Vec<_> =
            second.manifest.groups.iter().map(|group| group.name.as_str()).collect();
        assert_eq!(names, ["Support", "Sales"], "in the admin's order");
    }
    assert_eq!(
        refused(ana.save_profile(&profile, changed.clone()).await).0,
        Code::Aborted,
        "a stale revision"
    );
    assert_eq!(ana.profile_now(&profile).await.unwrap(), saved);

    // A group's new name, and its end, show as well: each is a new revision, so that a widget that
    // was away learns of it.
    ana.rename_group(&sales, "Shop").await.unwrap();
    let renamed = next_manifest(&mut knows).await;
    assert!(renamed.manifest.groups.iter().any(|group| group.name == "Shop"));
    assert_eq!(renamed.manifest.revision, 3);
    renamed.may_follow(&first).unwrap();
    ana.delete_group(&sales, 0).await.unwrap();
    let without = next_manifest(&mut knows).await.manifest;
    assert_eq!((without.revision, without.groups.len()), (4, 1));

    // Pausing, resuming, revoking take effect the same way.
    for (state, revision) in
        [(ProfileState::Paused, 5), (ProfileState::Active, 6), (ProfileState::Revoked, 7)]
    {
        let now = ana.set_profile(&profile, state).await.unwrap();
        assert_eq!((now.state(), now.revision), (state, revision));
        let told = next_manifest(&mut knows).await;
        assert_eq!((told.manifest.state(), told.manifest.revision), (state, revision));
    }
    desk.close();
}

async fn a_widget_follows_its_ticket(database: Database) {
    let Scene { desk, ana, bo, sales, widget, .. } = Scene::open(database).await;
    let before = widget.ring(Some(&sales), "Before you.").await;
    let customer = widget.ring(Some(&sales), "Follow me.").await;
    let mut follow = customer.follow(1).await.unwrap();
    let now = ticket_until(&mut follow, |_| true).await;
    assert_eq!((now.number, now.place, now.state()), (2, 2, TicketState::New));
    assert_eq!(now.description, "Follow me.");
    bo.close(&bo.ticket(before.number).await.unwrap()).await.unwrap();
    let taken = bo.take(&bo.ticket(2).await.unwrap()).await.unwrap();
    let seen = ticket_until(&mut follow, |ticket| ticket.helper == "bo").await;
    assert_eq!((seen.state(), seen.place), (TicketState::InProgress, 0));
    let noted = bo.note(&taken, "Not for the customer.").await.unwrap();
    let urgent = bo.prioritise(&noted, v1::Priority::Urgent).await.unwrap();
    bo.reply(&urgent, "For the customer.").await.unwrap();
    let seen = ticket_until(&mut follow, |ticket| ticket.state() == TicketState::Answered).await;
    assert_eq!(
        seen.messages.iter().map(|message| message.text.as_str()).collect::<Vec<_>>(),
        ["For the customer."]
    );
    assert!(!format!("{seen:?}").contains("Not for the customer"));
    ana.close(&ana.ticket(2).await.unwrap()).await.unwrap();
    ticket_until(&mut follow, |ticket| ticket.state() == TicketState::Closed).await;
    // A wrong secret follows nothing.
    let mut stray = widget.customer(new_secret(), 2).follow(1).await.unwrap();
    let status = soon("an end", stray.message()).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    desk.close();
}

/// A PNG's first bytes, as large as it claims to be.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bytes.extend([width.to_be_bytes(), height.to_be_bytes()].concat());
    bytes.extend([8, 6, 0, 0, 0, 0, 0, 0, 0]);
    bytes
}

async fn settings_are_checked_when_saved(database: Database) {
    let Scene { desk, ana, sales, .. } = Scene::open(database).await;
    let good = || settings("Checked", &[&sales]);
    let branding = |change: fn(&mut v1::Branding)| {
        let mut branding = v1::Branding { product_name: "Acme".to_owned(), ..Default::default() };
        change(&mut branding);
        v1::ProfileSettings { branding: Some(branding), ..good() }
    };
    let texts = |texts: Vec<v1::ProfileTexts>| v1::ProfileSettings { texts, ..good() };
    let text =
        |language: &str| v1::ProfileTexts { language: language.to_owned(), ..Default::default() };
    let fallback = |phone: &str, email: &str, url: &str| {
        let contact = v1::FallbackContact {
            phone: phone.to_owned(),
            email: email.to_owned(),
            url: url.to_owned(),
        };
        v1::ProfileSettings { fallback: Some(contact), ..good() }
    };
    let long = |length: usize| "é".repeat(length);
    let refusals = [
        ("settings.name", v1::ProfileSettings { name: " ".to_owned(), ..good() }),
        ("settings.name", v1::ProfileSettings { name: long(81), ..good() }),
        ("settings.branding.product_name", branding(|b| b.product_name = String::new())),
        ("settings.branding.product_name", branding(|b| b.product_name = "é".repeat(61))),
        (
            "settings.branding.product_name",
            branding(|b| b.product_name = String::from("a\u{1b}[31m")),
        ),
        ("settings.branding.window_title", branding(|b| b.window_title = "é".repeat(81))),
        ("settings.branding.accent_color", branding(|b| b.accent_color = String::from("red"))),
        (
            "settings.branding.background_color",
            branding(|b| b.background_color = String::from("#12345")),
        ),
        ("settings.branding.logo_png", branding(|b| b.logo_png = b"GIF89a".to_vec())),
        ("settings.branding.logo_png", branding(|b| b.logo_png = png_header(513, 10))),
        ("settings.branding.logo_png", branding(|b| b.logo_png = png_header(0, 10))),
        ("settings.branding.logo_png", branding(|b| b.logo_png = png_header(u32::MAX, u32::MAX))),
        ("settings.branding.logo_png", branding(|b| b.logo_png = vec![0x89; 64 * 1024 + 1])),
        ("settings.texts.language", texts(vec![text("not a language")])),
        ("settings.texts", texts(vec![text("en"), text("en")])),
        (
            "settings.texts.greeting",
            texts(vec![v1::ProfileTexts { greeting: long(501), ..text("en") }]),
        ),
        ("settings.texts.help", texts(vec![v1::ProfileTexts { help: long(2001), ..text("en") }])),
        (
            "settings.texts.terms",
            texts(vec![v1::ProfileTexts { terms: long(10_001), ..text("en") }]),
        ),
        ("settings.fallback.phone", fallback(&long(61), "", "")),
        ("settings.fallback.email", fallback("", "nobody", "")),
        ("settings.fallback.url", fallback("", "", "javascript:alert(1)")),
        ("settings.fallback.url", fallback("", "", "http://plain.example")),
        (
            "settings.group_ids",
            v1::ProfileSettings { group_ids: vec!["4711".to_owned()], ..good() },
        ),
        (
            "settings.group_ids",
            v1::ProfileSettings { group_ids: vec![sales.id.clone(); 2], ..good() },
        ),
    ];
    for (field, settings) in refusals {
        assert_eq!(refused_field(ana.create_profile(settings).await), field);
    }
    // What just fits is taken whole.
    let full = v1::ProfileSettings {
        name: long(80),
        branding: Some(v1::Branding {
            product_name: "👩‍🚒".repeat(20),
            window_title: long(80),
            accent_color: "#ffff00".to_owned(),
            background_color: "#ffffff".to_owned(),
            logo_png: png_header(512, 512),
        }),
        texts: vec![v1::ProfileTexts {
            greeting: long(500),
            help: long(2000),
            terms: long(10_000),
            ..text("de")
        }],
        ..fallback(&"1".repeat(60), "help@acme.example", "https://acme.example/help")
    };
    let made =
        ana.create_profile(v1::ProfileSettings { name: long(80), ..full.clone() }).await.unwrap();
    assert_eq!(made.settings.unwrap(), v1::ProfileSettings { name: long(80), ..full });
    assert!(
        made.warnings.iter().any(|warning| warning.reason == "LOW_CONTRAST"),
        "yellow on white"
    );
    assert_eq!(refused(ana.create_profile(settings("ACME", &[])).await).0, Code::AlreadyExists);
    desk.close();
}

async fn manifests_are_the_servers_own(database: Database) {
    let Scene { desk, ana, profile, widget, .. } = Scene::open(database).await;
    let signed = ana.signed_manifest(&profile).await.unwrap();
    let verified = manifest::verify(&signed).unwrap();
    assert_eq!(verified.manifest.addresses, [desk.server.address()]);
    let pem = verified.manifest.authorities_pem.as_str();
    assert!(
        desk.server.authorities().is_some_and(|trusted| trusted.trim() == pem.trim()),
        "its own authority"
    );
    for index in [0, signed.manifest.len() / 2, signed.manifest.len() - 1] {
        let mut tampered = signed.clone();
        tampered.manifest[index] ^= 1;
        assert_eq!(manifest::verify(&tampered), Err(manifest::Refusal::WrongSignature));
    }
    // The key outlives the server.
    let deskbell_tests::desk::Desk { host, server } = desk;
    let at = server.socket();
    server.kill();
    let desk = deskbell_tests::desk::Desk { server: host.serve_at(at, &[]).await, host };
    let again = ana.over(&desk.server.connect()).manifest(&profile).await;
    assert_eq!(again.public_key, widget.manifest.public_key);
    again.may_follow(&widget.manifest).unwrap();
    desk.close();
}
