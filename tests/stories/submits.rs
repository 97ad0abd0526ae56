//! Ringing: never lost, never doubled, whatever became of the profile or the group.

use std::collections::BTreeMap;

use deskbell_proto::client::Credentials;
use deskbell_proto::ticket_secret::TicketSecret;
use deskbell_proto::v1::{self, GroupVisibility, ProfileState};
use deskbell_tests::customer::{call_for_help, new_secret};
use deskbell_tests::desk::Desk;
use deskbell_tests::for_both_databases;
use deskbell_tests::host::{Database, Host};
use deskbell_tests::scene::Scene;
use deskbell_tests::setup::settings;
use deskbell_tests::staff::{refused, refused_field};
use futures_util::future::join_all;
use tonic::Code;

for_both_databases! {
    a_retry_gets_the_same_ticket,
    paused_revoked_and_unknown_copies,
    a_group_that_is_gone_does_no_harm,
    a_clock_that_is_wrong_does_no_harm,
    a_flood_holds_back_itself_alone,
    numbers_have_no_gaps,
}

async fn a_retry_gets_the_same_ticket(database: Database) {
    let Scene { desk, ana, bo, sales, profile, widget, .. } = Scene::open(database).await;
    let mut watch = bo.watch().opened().await;
    let secret = new_secret();
    let request = v1::SubmitTicketRequest {
        group_id: sales.id.clone(),
        ..call_for_help(&secret, "Only once, please.")
    };
    let first = widget.submit(request.clone()).await.unwrap();
    let again = widget.submit(request.clone()).await.unwrap();
    assert_eq!((again.number, again.version), (first.number, first.version));
    // Twenty at once are still the one.
    let all = join_all((0..20).map(|_| widget.submit(request.clone()))).await;
    assert!(all.into_iter().all(|ticket| ticket.unwrap().number == first.number));
    assert_eq!(ana.event_kinds(first.number).await, ["submitted"]);

    // Another body under the same hash is refused, and learns nothing of the ticket.
    let other =
        v1::SubmitTicketRequest { description: "Something else.".to_owned(), ..request.clone() };
    let problem = widget.submit(other).await.unwrap_err();
    assert_eq!((problem.code, problem.reason.as_str()), (Code::InvalidArgument, "REQUEST_REUSED"));
    assert_eq!(problem.field.as_deref(), Some("secret_hash"));
    assert!(!problem.text.contains("Only once"));

    // A lost answer, then a pause, then the retry: the same ticket, as it stands by now.
    bo.take(&bo.ticket(first.number).await.unwrap()).await.unwrap();
    ana.set_profile(&profile, ProfileState::Paused).await.unwrap();
    let later = widget.submit(request.clone()).await.unwrap();
    assert_eq!((later.number, later.helper.as_str()), (first.number, "bo"));
    let new = widget.submit(call_for_help(&new_secret(), "New.")).await;
    assert_eq!(refused(new), (Code::FailedPrecondition, "PROFILE_PAUSED".to_owned()));
    let recording =
        watch.until("the ticket is taken", |r| r.kinds_of(first.number).contains(&"taken")).await;
    assert_eq!(recording.kinds_of(first.number), ["submitted", "taken"], "one event");

    // With the server started anew it is the same still.
    let Desk { host, server } = desk;
    let at = server.socket();
    server.kill();
    let desk = Desk { server: host.serve_at(at, &[]).await, host };
    let ana = desk.sign_in(&ana.email).await;
    assert_eq!(
        widget.over(&desk.server.connect()).submit(request).await.unwrap().number,
        first.number
    );
    assert_eq!(ana.open_numbers().await, [first.number]);
    desk.close();
}

/// A ticket's secret begins with the time on the customer's computer, whatever that is.
async fn a_clock_that_is_wrong_does_no_harm(database: Database) {
    let Scene { desk, widget, .. } = Scene::open(database).await;
    let dated = |first: u8| {
        let mut bytes = *new_secret().bytes();
        bytes[..6].fill(first);
        TicketSecret::from_bytes(bytes)
    };
    for (number, first) in (1..).zip([0, 0xff, 0, 0xff]) {
        let secret = dated(first);
        let ticket = widget.submit(call_for_help(&secret, "What time is it?")).await.unwrap();
        assert_eq!(ticket.number, number);
        assert_eq!(
            widget.submit(call_for_help(&secret, "What time is it?")).await.unwrap().number,
            number
        );
        assert_eq!(widget.customer(secret, number).ticket().await.unwrap().number, number);
    }
    desk.close();
}

async fn paused_revoked_and_unknown_copies(database: Database) {
    let Scene { desk, ana, sales, profile, widget, .. } = Scene::open(database).await;
    let customer = widget.ring(Some(&sales), "Before the pause.").await;
    let ring = async || widget.submit(call_for_help(&new_secret(), "Hello?")).await;

    ana.set_profile(&profile, ProfileState::Paused).await.unwrap();
    assert_eq!(refused(ring().await), (Code::FailedPrecondition, "PROFILE_PAUSED".to_owned()));
    customer.write("Still there?").await.unwrap();
    ana.set_profile(&profile, ProfileState::Active).await.unwrap();
    ring().await.unwrap();
    let off = v1::ProfileSettings { assistance_enabled: false, ..settings("Acme", &[&sales]) };
    let seen = ana.profile_now(&profile).await.unwrap();
    ana.save_profile(&seen, off).await.unwrap();
    assert_eq!(refused(ring().await), (Code::FailedPrecondition, "ASSISTANCE_OFF".to_owned()));
    ana.set_profile(&profile, ProfileState::Revoked).await.unwrap();
    assert_eq!(refused(ring().await), (Code::PermissionDenied, "PROFILE_REVOKED".to_owned()));
    assert_eq!(
        refused(customer.ticket().await),
        (Code::PermissionDenied, "PROFILE_REVOKED".to_owned())
    );
    let back = ana.set_profile(&profile, ProfileState::Active).await;
    assert_eq!(refused(back).0, Code::FailedPrecondition, "revoked is for good");

    // Whatever nobody here made is not known, and a good one with a letter changed neither.
    let genuine = widget.manifest.manifest.credential.clone();
    let last = if genuine.ends_with('A') { "B" } else { "A" };
    let tampered = format!("{}{last}", &genuine[..genuine.len() - 1]);
    for wrong in ["nonsense", "", "1.2.3", tampered.as_str()] {
        let stranger = desk.server.connect().with_credentials(Credentials::profile(wrong).unwrap());
        let status = stranger
            .assistance()
            .submit_ticket(call_for_help(&new_secret(), "Hi."))
            .await
            .unwrap_err();
        let problem = deskbell_proto::problem::Problem::from(status);
        assert_eq!(
            (problem.code, problem.reason.as_str()),
            (Code::PermissionDenied, "PROFILE_UNKNOWN"),
            "{wrong}"
        );
    }
    desk.close();
}

async fn a_group_that_is_gone_does_no_harm(database: Database) {
    let Scene { desk, ana, sales, support, widget, .. } = Scene::open(database).await;
    let internal = ana.create_group("Internal", GroupVisibility::Internal).await.unwrap();
    let elsewhere = ana.group("Not offered").await;
    let zoe = desk.admin("zoe").await;
    let foreign = zoe.group("Foreign").await;
    ana.delete_group(&support, 0).await.unwrap();
    let nonsense = v1::Group { id: "no such thing'; --".to_owned(), ..Default::default() };
    for group in [&internal, &elsewhere, &foreign, &support, &nonsense] {
        let number = widget.ring(Some(group), "Help!").await.number;
        let ticket = ana.ticket(number).await.unwrap();
        assert_eq!((ticket.group, ticket.operator), (None, None), "{}", group.name);
    }
    let number = widget.ring(Some(&sales), "Help!").await.number;
    assert_eq!(ana.ticket(number).await.unwrap().group.unwrap().name, "Sales");
    // Made internal after it was offered.
    let request = v1::UpdateGroupRequest {
        request_id: deskbell_proto::client::request_id(),
        group_id: sales.id.clone(),
        name: None,
        visibility: Some(GroupVisibility::Internal.into()),
    };
    ana.client.team().update_group(request).await.unwrap();
    let number = widget.ring(Some(&sales), "Help!").await.number;
    assert_eq!(ana.ticket(number).await.unwrap().group, None);
    desk.close();
}

async fn a_flood_holds_back_itself_alone(database: Database) {
    let host = Host::new(database);
    host.set("limits.submits_per_profile=5");
    let Scene { desk, ana, sales, widget, .. } = Scene::on(Desk::of(host).await).await;
    let other = ana.profile("Other", &[&sales]).await;
    let other = ana.widget(&desk.server, &other).await;
    let flood = join_all((0..12).map(|n| {
        let request = call_for_help(&new_secret(), &format!("Flood {n}."));
        async { (request.clone(), widget.submit(request).await) }
    }));
    let (accepted, held): (Vec<_>, Vec<_>) =
        flood.await.into_iter().partition(|(_, outcome)| outcome.is_ok());
    assert!((5..=6).contains(&accepted.len()), "{} of 12 came through", accepted.len());
    for (_, outcome) in held {
        let problem = outcome.unwrap_err();
        assert_eq!((problem.code, problem.reason.as_str()), (Code::ResourceExhausted, "TOO_OFTEN"));
        assert!(problem.retry_after.is_some(), "it says when to come back");
    }
    other.ring(Some(&sales), "I am not the flood.").await;
    // What is durable already is no flood.
    let (request, ticket) = &accepted[0];
    assert_eq!(
        widget.submit(request.clone()).await.unwrap().number,
        ticket.as_ref().unwrap().number
    );
    desk.close();
}

async fn numbers_have_no_gaps(database: Database) {
    let Scene { desk, ana, sales, widget, .. } = Scene::open(database).await;
    // A batch with refusals in it: those cost the others nothing, and no number.
    let outcomes = join_all((0..60).map(|n| {
        let text = if n % 3 == 0 { "" } else { "Counted." };
        let request = v1::SubmitTicketRequest {
            group_id: sales.id.clone(),
            ..call_for_help(&new_secret(), text)
        };
        let widget = &widget;
        async move { (n % 3 == 0, widget.submit(request).await) }
    }))
    .await;
    let mut numbers = Vec::new();
    for (blank, outcome) in outcomes {
        if blank {
            assert_eq!(refused_field(outcome), "description");
        } else {
            numbers.push(outcome.unwrap().number);
        }
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=40).collect::<Vec<_>>());
    assert_eq!(ana.open_numbers().await, numbers);
    // Facts and title arrive as they were sent.
    let facts = BTreeMap::from([("os".to_owned(), "Debian 12".to_owned())]);
    let full = v1::SubmitTicketRequest {
        title: "A title".to_owned(),
        facts,
        ..call_for_help(&new_secret(), "Text.")
    };
    let number = widget.submit(full).await.unwrap().number;
    let ticket = ana.ticket(number).await.unwrap();
    assert_eq!((ticket.title.as_str(), ticket.description.as_str()), ("A title", "Text."));
    assert_eq!(ticket.facts["os"], "Debian 12");
    desk.close();
}
