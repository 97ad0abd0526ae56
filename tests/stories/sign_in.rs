//! Signing in: throttled, the same for unknown and wrong, and what ends sessions.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use deskbell_proto::problem::Problem;
use deskbell_proto::v1;
use deskbell_tests::customer::{call_for_help, new_secret};
use deskbell_tests::desk::{Desk, email, try_sign_in, try_sign_in_on};
use deskbell_tests::for_both_databases;
use deskbell_tests::host::{Database, Host, PASSWORD};
use deskbell_tests::proxy::Proxy;
use deskbell_tests::scene::Scene;
use deskbell_tests::server::Server;
use deskbell_tests::staff::{refused, refused_field};
use deskbell_tests::waiting::BOUND;
use futures_util::future::join_all;
use tonic::{Code, Request};

for_both_databases! {
    failures_are_counted_across_restarts,
    an_address_is_held_back_whatever_it_claims_to_be,
    a_new_password_ends_other_sessions,
    a_flood_of_passwords_starves_nobody,
    strangers_keep_no_owner_out,
    a_burst_counts_before_it_is_checked,
}

async fn failures_are_counted_across_restarts(database: Database) {
    let host = Host::new(database);
    host.set("limits.sign_ins_per_account=3");
    let desk = Desk::of(host).await;
    let ana = desk.admin("ana").await;
    desk.host.account(&email("bo"), "Bo");
    let wrong = desk.try_sign_in(&email("ana"), "not this one").await.unwrap_err();
    let unknown = desk.try_sign_in(&email("nobody"), "not this one").await.unwrap_err();
    assert_eq!(wrong, unknown, "they look the same");
    assert_eq!((wrong.code, wrong.reason.as_str()), (Code::Unauthenticated, "BAD_CREDENTIALS"));
    for _ in 0..2 {
        for who in ["ANA@desk.example", "nobody@desk.example"] {
            assert_eq!(
                refused(desk.try_sign_in(who, "not this one").await).0,
                Code::Unauthenticated
            );
        }
    }
    let held = async |desk: &Desk| {
        for who in ["ana", "nobody"] {
            // Also with the right password: whether it is right is not told.
            let problem = desk.try_sign_in(&email(who), PASSWORD).await.unwrap_err();
            assert_eq!(
                (problem.code, problem.reason.as_str()),
                (Code::ResourceExhausted, "TOO_OFTEN"),
                "{who}"
            );
            assert!(
                problem.retry_after.is_some_and(|wait| wait.as_secs() <= 15 * 60),
                "{problem:?}"
            );
        }
        // Codes are guessed no faster.
        assert_eq!(
            refused(desk.redeem(&email("ana"), "guess", "").await).0,
            Code::ResourceExhausted
        );
    };
    held(&desk).await;
    desk.try_sign_in(&email("bo"), PASSWORD).await.unwrap();
    ana.who_am_i().await.unwrap();
    let Desk { host, mut server } = desk;
    server.terminate();
    server.ends_within(BOUND).await;
    let desk = Desk::of(host).await;
    held(&desk).await;
    desk.try_sign_in(&email("bo"), PASSWORD).await.unwrap();
    desk.close();
}

async fn an_address_is_held_back_whatever_it_claims_to_be(database: Database) {
    let host = Host::new(database);
    host.set("limits.sign_ins_per_address=4");
    let desk = Desk::of(host).await;
    let ana = desk.admin("ana").await;
    for n in 0..4 {
        assert_eq!(
            refused(desk.try_sign_in(&format!("x{n}@desk.example"), "x").await).0,
            Code::Unauthenticated
        );
    }
    let mut request = Request::new(v1::SignInRequest {
        email: email("ana"),
        password: PASSWORD.to_owned(),
        ..Default::default()
    });
    for header in ["x-forwarded-for", "forwarded", "x-real-ip"] {
        request.metadata_mut().insert(header, "203.0.113.7".parse().unwrap());
    }
    let outcome = desk.server.connect().account().sign_in(request).await.map_err(Problem::from);
    assert_eq!(refused(outcome).0, Code::ResourceExhausted);
    ana.who_am_i().await.unwrap();
    desk.close();
}

async fn a_new_password_ends_other_sessions(database: Database) {
    let Scene { desk, ana, bo, .. } = Scene::open(database).await;
    let elsewhere = desk.sign_in(&bo.email).await;
    let mut watch = elsewhere.watch().opened().await;
    assert_eq!(
        refused_field(bo.change_password("not this one", "a new password").await),
        "current_password"
    );
    for unfit in ["short", "123456789", &"x".repeat(257)] {
        assert_eq!(
            refused_field(bo.change_password(PASSWORD, unfit).await),
            "new_password",
            "{unfit}"
        );
    }
    elsewhere.who_am_i().await.unwrap();
    bo.change_password(PASSWORD, "ein neues Paßwort 🔑").await.unwrap();
    bo.who_am_i().await.unwrap();
    assert_eq!(watch.end().await.code, Code::Unauthenticated, "its streams end at once");
    assert_eq!(refused(elsewhere.who_am_i().await).0, Code::Unauthenticated);
    assert_eq!(refused(desk.try_sign_in(&bo.email, PASSWORD).await).0, Code::Unauthenticated);
    desk.try_sign_in(&bo.email, "ein neues Paßwort 🔑").await.unwrap();

    // Signing out, here and everywhere.
    let (one, two) = (desk.sign_in(&ana.email).await, desk.sign_in(&ana.email).await);
    assert_eq!(one.sign_out(false).await.unwrap(), 1);
    assert_eq!(refused(one.who_am_i().await).0, Code::Unauthenticated);
    assert_eq!(refused(one.sign_out(false).await).0, Code::Unauthenticated);
    two.who_am_i().await.unwrap();
    assert_eq!(two.sign_out(true).await.unwrap(), 2);
    for session in [&ana, &two] {
        assert_eq!(
            refused(session.who_am_i().await),
            (Code::Unauthenticated, "SIGNED_OUT".to_owned())
        );
    }

    // The host lets people in again, with a code that works once, while the server runs.
    let old = desk.sign_in(&ana.email).await;
    let output = desk.host.command(&["account", "reset-password", "--email", &ana.email], "");
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let code = answer["code"].as_str().unwrap();
    old.who_am_i().await.unwrap();
    desk.redeem(&ana.email, code, "").await.unwrap();
    assert_eq!(
        refused(old.who_am_i().await).0,
        Code::Unauthenticated,
        "whoever had the old password is out"
    );
    assert_eq!(refused(desk.redeem(&ana.email, code, "").await).0, Code::Unauthenticated);
    assert_eq!(desk.sign_in(&ana.email).await.name(), "ana");
    desk.close();
}

async fn a_flood_of_passwords_starves_nobody(database: Database) {
    let Scene { desk, ana, sales, widget, .. } = Scene::open(database).await;
    let clients: Vec<_> = (0..8).map(|_| desk.server.connect()).collect();
    let flood = join_all((0..160).map(|n| {
        let client = &clients[n % clients.len()];
        async move { try_sign_in(client, &format!("x{n}@desk.example"), "wrong").await }
    }));
    let calls = async {
        let mut numbers = Vec::new();
        for n in 0..10 {
            let text = format!("In the flood {n}.");
            let request = v1::SubmitTicketRequest {
                group_id: sales.id.clone(),
                ..call_for_help(&new_secret(), &text)
            };
            numbers.push(widget.submit(request).await.unwrap().number);
        }
        numbers
    };
    let (outcomes, numbers) = tokio::join!(flood, calls);
    assert_eq!(numbers, ana.open_numbers().await);
    for outcome in outcomes {
        let problem = outcome.unwrap_err();
        let held = matches!(problem.code, Code::ResourceExhausted | Code::Unavailable)
            && problem.retry_after.is_some();
        assert!(problem.code == Code::Unauthenticated || held, "{problem:?}");
    }
    desk.try_sign_in(&ana.email, PASSWORD).await.unwrap();
    desk.close();
}

/// Somebody's attempt to sign in as ana from the network of that number.
async fn as_ana(
    server: &Server,
    network: u8,
    password: &str,
    device_token: &str,
) -> Result<v1::SignInResponse, Problem> {
    let from = IpAddr::from(Ipv4Addr::new(127, 0, 3, network));
    let road = Proxy::from(from, server.socket()).await;
    let client = server.connect_through(&[road.https()]);
    try_sign_in_on(&client, &email("ana"), password, device_token).await
}

async fn strangers_keep_no_owner_out(database: Database) {
    let host = Host::new(database);
    host.set("limits.sign_ins_per_account=3");
    let mut desk = Desk::of(host).await;
    for who in ["ana", "bo"] {
        desk.host.account(&email(who), who);
    }
    let anas = desk.try_sign_in(&email("ana"), PASSWORD).await.unwrap().device_token;
    let bos = desk.try_sign_in(&email("bo"), PASSWORD).await.unwrap().device_token;
    // The first stranger uses up what one network may, the others try as often.
    for network in 1..=10 {
        for _ in 0..3 {
            let problem = as_ana(&desk.server, network, "wrong", "").await.unwrap_err();
            let held = problem.retry_after.is_some_and(|wait| wait <= Duration::from_secs(30));
            assert!(problem.code == Code::Unauthenticated || held, "{network}: {problem:?}");
        }
    }
    // Ana's own device comes past them, from anywhere, and keeps its token.
    for network in [1, 11] {
        let answer = as_ana(&desk.server, network, PASSWORD, &anas).await.unwrap();
        assert_eq!(answer.device_token, anas);
    }
    // Without its token she waits for seconds.
    if let Err(problem) = as_ana(&desk.server, 11, PASSWORD, "").await {
        assert_eq!(problem.code, Code::ResourceExhausted, "{problem:?}");
        let wait = problem.retry_after.expect("when to come back");
        assert!(wait <= Duration::from_secs(30), "{wait:?}");
        tokio::time::sleep(wait).await;
        let answer = as_ana(&desk.server, 11, PASSWORD, "").await.unwrap();
        let token = answer.device_token;
        assert!(!token.is_empty() && token != anas, "another device has its own");
    }

    desk.server.terminate();
    desk.server.ends_within(BOUND).await;
    let Desk { host, .. } = desk;
    let desk = Desk::of(host).await;
    as_ana(&desk.server, 1, PASSWORD, &anas).await.unwrap();
    let (first, rest) = anas.split_at(1);
    let forged = format!("{}{rest}", if first == "A" { "B" } else { "A" });
    for token in ["", &bos, &forged, &anas[1..], &"A".repeat(43), &"x".repeat(10_000)] {
        let problem = as_ana(&desk.server, 1, PASSWORD, token).await.unwrap_err();
        assert_eq!(problem.code, Code::ResourceExhausted, "{token:?}");
    }
    // A stolen token lets nobody guess for long.
    for _ in 0..3 {
        let problem = as_ana(&desk.server, 1, "wrong", &anas).await.unwrap_err();
        assert_eq!(problem.code, Code::Unauthenticated);
    }
    let problem = as_ana(&desk.server, 1, PASSWORD, &anas).await.unwrap_err();
    assert_eq!(problem.code, Code::ResourceExhausted);
    desk.close();
}

async fn a_burst_counts_before_it_is_checked(database: Database) {
    let desk = Desk::open(database).await;
    let ana = desk.admin("ana").await;
    for who in ["bo", "cy"] {
        desk.host.account(&email(who), who);
    }
    // What does not fail costs nothing.
    for _ in 0..12 {
        desk.try_sign_in(&email("bo"), PASSWORD).await.unwrap();
    }
    let clients: Vec<_> = (0..4).map(|_| desk.server.connect()).collect();
    let guesses = join_all((0..100).map(|n| {
        let client = &clients[n % clients.len()];
        async move { try_sign_in(client, &email("bo"), "wrong").await.map(drop) }
    }));
    let codes = join_all((0..40).map(|_| async {
        let who = email("cy");
        desk.redeem(&who, "00000-00000", "").await
    }));
    let passwords =
        join_all((0..40).map(|_| ana.change_password("not this one", "a new password")));
    let (guesses, codes, passwords) = tokio::join!(guesses, codes, passwords);
    for (outcomes, checked) in [
        (guesses, Code::Unauthenticated),
        (codes, Code::Unauthenticated),
        (passwords, Code::InvalidArgument),
    ] {
        let problems: Vec<Problem> = outcomes.into_iter().map(Result::unwrap_err).collect();
        let count = problems.iter().filter(|problem| problem.code == checked).count();
        assert!((1..=10).contains(&count), "{count} were checked: {checked:?}");
        for problem in problems.iter().filter(|problem| problem.code != checked) {
            assert_eq!(problem.code, Code::ResourceExhausted, "{problem:?}");
        }
    }
    desk.close();
}
