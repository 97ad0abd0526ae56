//! Two at once: one wins, the other learns who, and nothing is overwritten.

use std::collections::BTreeSet;

use deskbell_proto::client::request_id;
use deskbell_proto::ticket_secret::TicketSecret;
use deskbell_proto::v1;
use deskbell_tests::customer::{call_for_help, new_secret};
use deskbell_tests::desk::Desk;
use deskbell_tests::for_both_databases;
use deskbell_tests::host::Database;
use deskbell_tests::scene::Scene;
use deskbell_tests::shell::Shell;
use deskbell_tests::staff::{Staff, To, refused};
use futures_util::future::join_all;
use tonic::Code;

for_both_databases! {
    ten_operators_take_one_ticket,
    next_hands_no_ticket_to_two,
    a_repeated_request_gets_its_first_outcome,
    a_call_for_help_rung_again_is_found_among_others,
    a_stale_version_overwrites_nothing,
    two_commands_take_one_ticket,
    nothing_of_a_colleagues_is_overwritten_unseen,
}

/// Operators in one group.
async fn crowd(desk: &Desk, admin: &Staff, size: usize) -> Vec<Staff> {
    let names: Vec<String> = (0..size).map(|n| format!("op{n}")).collect();
    join_all(names.iter().map(|name| desk.operator(admin, name))).await
}

async fn ten_operators_take_one_ticket(database: Database) {
    let Scene { desk, ana, sales, widget, .. } = Scene::open(database).await;
    let crowd = crowd(&desk, &ana, 10).await;
    for operator in &crowd {
        ana.join(&sales, operator).await.unwrap();
    }
    let mut watch = ana.watch().opened().await;
    for round in 1..=5 {
        let number = widget.ring(Some(&sales), "Take me.").await.number;
        let seen = ana.ticket(number).await.unwrap();
        let outcomes = join_all(crowd.iter().map(|operator| operator.take(&seen))).await;
        let winners: Vec<_> =
            crowd.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_ok()).collect();
        assert_eq!(winners.len(), 1, "round {round}");
        let winner = winners[0].0;
        for problem in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
            assert_eq!((problem.code, problem.reason.as_str()), (Code::Aborted, "STALE"));
            assert_eq!(problem.parameters["by"], winner.name());
            assert_eq!(problem.parameters["what"], "taken");
        }
        assert_eq!(ana.ticket(number).await.unwrap().operator.unwrap().id, winner.id());
        assert_eq!(ana.event_kinds(number).await, ["submitted", "taken"]);
        let seen = watch.until("taken", |r| r.kinds_of(number).contains(&"taken")).await;
        assert_eq!(seen.kinds_of(number), ["submitted", "taken"]);
    }
    watch.agrees_with(&ana).await;
    desk.close();
}

async fn next_hands_no_ticket_to_two(database: Database) {
    let Scene { desk, ana, sales, widget, .. } = Scene::open(database).await;
    let crowd = crowd(&desk, &ana, 6).await;
    for operator in &crowd {
        ana.join(&sales, operator).await.unwrap();
    }
    for text in 0..12 {
        widget.ring(Some(&sales), &format!("Call {text}.")).await;
    }
    let urgent = ana.prioritise(&ana.ticket(9).await.unwrap(), v1::Priority::Urgent).await.unwrap();
    let low = ana.prioritise(&ana.ticket(1).await.unwrap(), v1::Priority::Low).await.unwrap();
    let (first, reason) = crowd[0].next().await.unwrap();
    assert_eq!((first.number, first.state()), (urgent.number, v1::TicketState::InProgress));
    assert_eq!(reason, "the only one waiting with priority urgent");
    let (second, reason) = crowd[0].next().await.unwrap();
    assert_eq!((second.number, reason.as_str()), (2, "normal, waiting longest of 10"));

    let handed = join_all((0..12).map(|n| crowd[n % 6].next())).await;
    let given: BTreeSet<i64> = handed.iter().flatten().map(|(ticket, _)| ticket.number).collect();
    assert_eq!(given.len(), 10, "ten were left, each went to one");
    assert!(given.contains(&low.number));
    for problem in handed.into_iter().filter_map(Result::err) {
        assert_eq!((problem.code, problem.reason.as_str()), (Code::NotFound, "QUEUE_EMPTY"));
    }
    for ticket in ana.open().await {
        assert_eq!(
            ana.event_kinds(ticket.number).await.iter().filter(|kind| *kind == "taken").count(),
            1
        );
    }
    desk.close();
}

async fn a_repeated_request_gets_its_first_outcome(database: Database) {
    let Scene { desk, ana, bo, cy, sales, support, widget, .. } = Scene::open(database).await;
    let number = widget.ring(Some(&sales), "Once.").await.number;
    let seen = bo.ticket(number).await.unwrap();
    let id = request_id();
    let taken = bo.take_with(&id, &seen).await.unwrap();
    let again = bo.take_with(&id, &seen).await.unwrap();
    assert_eq!(
        (again.version, again.operator),
        (taken.version, taken.operator.clone()),
        "no defeat by itself"
    );
    assert_eq!(ana.event_kinds(number).await, ["submitted", "taken"]);

    // The same id with another body, and somebody else's same id.
    let other = v1::Ticket { version: taken.version, ..seen.clone() };
    assert_eq!(
        refused(bo.take_with(&id, &other).await),
        (Code::InvalidArgument, "REQUEST_REUSED".to_owned())
    );
    let hers = cy.take_with(&id, &seen).await;
    assert_eq!(refused(hers).0, Code::NotFound, "ids are each caller's own");

    // A repeat after somebody went on gets the first outcome still, and changes nothing.
    let note = v1::NoteTicketRequest {
        request_id: request_id(),
        number,
        version: 0,
        text: "Only once.".to_owned(),
    };
    let first = bo.client.queue().note_ticket(note.clone()).await.unwrap().into_inner();
    ana.assign(&ana.ticket(number).await.unwrap(), To::group(&support)).await.unwrap();
    let first = first.message.unwrap().id;
    let later = bo.client.queue().note_ticket(note.clone()).await.unwrap().into_inner();
    assert_eq!(later.message.unwrap().id, first);
    // Also after the server was killed and started anew.
    let Desk { host, server } = desk;
    let at = server.socket();
    server.kill();
    let desk = Desk { server: host.serve_at(at, &[]).await, host };
    let (ana, bo) = (ana.over(&desk.server.connect()), bo.over(&desk.server.connect()));
    let later = bo.client.queue().note_ticket(note).await.unwrap().into_inner();
    assert_eq!(later.message.unwrap().id, first);
    assert_eq!(ana.messages(number).await.unwrap().len(), 1);

    // Twenty times the same at once is once.
    let request =
        v1::CreateGroupRequest { request_id: request_id(), name: "Once".to_owned(), visibility: 0 };
    let groups = join_all((0..20).map(|_| {
        let (mut team, request) = (ana.client.team(), request.clone());
        async move { team.create_group(request).await.unwrap().into_inner().group.unwrap().id }
    }));
    assert_eq!(groups.await.into_iter().collect::<BTreeSet<_>>().len(), 1);
    let now = ana.ticket(number).await.unwrap();
    for wrong in ["", "short", "has a space", &"x".repeat(65), "tab\there"] {
        let problem = ana.take_with(wrong, &now).await.unwrap_err();
        assert_eq!(
            (problem.code, problem.field.as_deref()),
            (Code::InvalidArgument, Some("request_id")),
            "{wrong:?}"
        );
    }
    desk.close();
}

/// Whether a secret was used before shows when it is written, together with all that came at the
/// same moment.
async fn a_call_for_help_rung_again_is_found_among_others(database: Database) {
    let Scene { desk, ana, widget, .. } = Scene::open(database).await;
    let secrets: Vec<_> = (0..40).map(|_| new_secret()).collect();
    let (old, new) = secrets.split_at(10);
    let ring = |secret: &TicketSecret, text: &str| widget.submit(call_for_help(secret, text));
    let first = join_all(old.iter().map(|secret| ring(secret, "Ring."))).await;
    let first: Vec<i64> = first.into_iter().map(|ticket| ticket.unwrap().number).collect();

    // Among new ones: again, again with other words, and two that are new and the same.
    let again = join_all(old[..5].iter().map(|secret| ring(secret, "Ring.")));
    let others = join_all(old[5..].iter().map(|secret| ring(secret, "Something else.")));
    let fresh = join_all(new.iter().chain(&new[..10]).map(|secret| ring(secret, "New.")));
    let (again, others, fresh) = tokio::join!(again, others, fresh);
    let again: Vec<i64> = again.into_iter().map(|ticket| ticket.unwrap().number).collect();
    assert_eq!(again, first[..5], "the ticket of before");
    for problem in others {
        assert_eq!(refused(problem), (Code::InvalidArgument, "REQUEST_REUSED".to_owned()));
    }
    let fresh: Vec<i64> = fresh.into_iter().map(|ticket| ticket.unwrap().number).collect();
    assert_eq!(fresh[..10], fresh[new.len()..], "one ticket each");
    let all: BTreeSet<i64> = first.into_iter().chain(fresh).collect();
    assert_eq!(
        all.into_iter().collect::<Vec<_>>(),
        (1..=40).collect::<Vec<_>>(),
        "no gap, no number twice"
    );
    assert_eq!(ana.open().await.len(), 40);
    desk.close();
}

async fn a_stale_version_overwrites_nothing(database: Database) {
    let Scene { desk, ana, bo, sales, support, widget, .. } = Scene::open(database).await;
    let customer = widget.ring(Some(&sales), "Changing.").await;
    let old = bo.ticket(customer.number).await.unwrap();
    let now = bo.prioritise(&old, v1::Priority::High).await.unwrap();
    let stale = (Code::Aborted, "STALE".to_owned());
    assert_eq!(refused(ana.take(&old).await), stale);
    assert_eq!(refused(ana.assign(&old, To::group(&support)).await), stale);
    assert_eq!(refused(ana.prioritise(&old, v1::Priority::Low).await), stale);
    assert_eq!(refused(ana.reply(&old, "Hello.").await), stale);
    assert_eq!(refused(ana.note(&old, "Hm.").await), stale);
    assert_eq!(refused(ana.close(&old).await), stale);
    assert_eq!(refused(ana.reopen(&old).await), stale);
    assert_eq!(ana.ticket(old.number).await.unwrap(), now);
    // A version from the future is as wrong, and none is no version.
    let future = v1::Ticket { version: now.version + 100, ..now.clone() };
    assert_eq!(refused(ana.close(&future).await), stale);
    let none = v1::Ticket { version: 0, ..now.clone() };
    let problem = ana.close(&none).await.unwrap_err();
    assert_eq!((problem.code, problem.field.as_deref()), (Code::InvalidArgument, Some("version")));
    // Writing may say that it does not matter what happened in between.
    ana.note(&none, "Whatever happened.").await.unwrap();
    // The customer was faster.
    let seen = ana.ticket(old.number).await.unwrap();
    customer.write("Wait!").await.unwrap();
    let lost = ana.close(&seen).await.unwrap_err();
    assert_eq!(
        (lost.parameters["by"].as_str(), lost.parameters["what"].as_str()),
        ("customer", "customer_wrote")
    );
    desk.close();
}

async fn two_commands_take_one_ticket(database: Database) {
    let Scene { desk, bo, ana, sales, widget, .. } = Scene::open(database).await;
    ana.join(&sales, &ana).await.unwrap();
    let shells = [&ana, &bo].map(|who| Shell::of(who, &desk.server));
    for _ in 0..4 {
        let number = widget.ring(Some(&sales), "Take me.").await.number.to_string();
        let take = |shell: &Shell| {
            let (shell, number) = (shell.clone(), number.clone());
            tokio::task::spawn_blocking(move || shell.deskbell(&["ticket", "take", &number]))
        };
        let (one, other) = tokio::join!(take(&shells[0]), take(&shells[1]));
        let ends = [one.unwrap(), other.unwrap()];
        let mut statuses = [ends[0].status, ends[1].status];
        statuses.sort_unstable();
        assert_eq!(statuses, [0, 5], "{ends:?}");
        let loser = ends.iter().find(|ended| ended.status == 5).unwrap();
        let winner = ana.ticket(number.parse().unwrap()).await.unwrap().operator.unwrap();
        let told = format!("{} has it", winner.display_name);
        assert!(loser.complaint.contains(&told), "{loser:?}");
        // Once more changes nothing for whoever has it.
        let again = &shells[usize::from(winner.id == bo.id())];
        again.deskbell(&["ticket", "take", &number]).good();
    }
    desk.close();
}

async fn nothing_of_a_colleagues_is_overwritten_unseen(database: Database) {
    let Scene { desk, ana, bo, sales, widget, .. } = Scene::open(database).await;
    ana.join(&sales, &ana).await.unwrap();
    let number = widget.ring(Some(&sales), "The printer is on fire.").await.number;
    let taken = bo.take(&bo.ticket(number).await.unwrap()).await.unwrap();
    let shell = Shell::of(&ana, &desk.server);
    let mut watch = bo.watch().opened().await;

    // As a terminal of before asks: with the version, and without a word on whose it is.
    let request = v1::TakeTicketRequest {
        request_id: request_id(),
        number,
        version: taken.version,
        from_operator_id: None,
    };
    let refused = ana.client.queue().take_ticket(request).await.unwrap_err();
    let problem = deskbell_proto::problem::Problem::from(refused);
    assert_eq!((problem.code, problem.reason.as_str()), (Code::Aborted, "TAKEN"));
    assert_eq!(problem.parameters["by"], bo.name());

    for words in [
        &["ticket", "take", "1"][..],
        &["ticket", "assign", "1", "--to", "me"],
        &["ticket", "assign", "1", "--nobody"],
        &["ticket", "assign", "1", "--to", "me", "--from", "ana"],
    ] {
        let ended = shell.deskbell(words);
        assert!(ended.status == 5 && ended.complaint.contains("bo has"), "{words:?} {ended:?}");
        assert!(ended.complaint.contains("--from"), "{ended:?}");
    }
    assert_eq!(bo.ticket(number).await.unwrap().version, taken.version, "nothing has changed");

    shell.deskbell(&["ticket", "take", "#1", "--from", &bo.email]).good();
    watch.until("he is told by whom", |r| r.kinds_of(number).contains(&"taken")).await;
    let log = shell.deskbell(&["ticket", "log", "1"]).good().printed;
    assert!(log.contains("former operator: bo, operator: ana"), "{log}");
    let given = ["ticket", "assign", "1", "--to", "bo"];
    assert!(shell.deskbell(&given).good().printed.contains("bo in Sales"));

    let told = shell.deskbell(&["ticket", "priority", "1", "high"]).good().printed;
    assert!(told.contains("Before: normal."), "{told}");
    let told = shell.deskbell(&["ticket", "close", "1"]).good().printed;
    assert!(told.contains("Before: in progress, bo."), "{told}");
    let told = shell.deskbell(&["ticket", "reopen", "1"]).good().printed;
    assert!(told.contains("Before: closed, bo."), "{told}");
    let seen = ana.ticket(number).await.unwrap().version.to_string();
    let told = shell.deskbell(&["ticket", "close", "1", "--version", &seen]).good().printed;
    assert!(!told.contains("Before"), "{told}");
    desk.close();
}
