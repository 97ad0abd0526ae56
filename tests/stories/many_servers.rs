//! Two servers on one PostgreSQL are one Deskbell.

use deskbell_proto::client::request_id;
use deskbell_proto::v1;
use deskbell_tests::customer::{call_for_help, new_secret};
use deskbell_tests::desk::{Desk, sign_in, try_sign_in};
use deskbell_tests::host::{Database, Host, PASSWORD};
use deskbell_tests::scene::Scene;
use deskbell_tests::server::Server;
use deskbell_tests::staff::{To, refused};
use deskbell_tests::waiting::{BOUND, eventually, soon};
use futures_util::future::join_all;
use tonic::{Code, Streaming};

/// The usual team, and a second server beside theirs.
async fn two() -> (Scene, Server) {
    let scene = Scene::open(Database::Postgres).await;
    let second = scene.desk.host.serve().await;
    assert_ne!(second.address(), scene.desk.server.address());
    (scene, second)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_on_one_is_seen_on_the_other() {
    let (Scene { desk, ana, bo, sales, support, profile, widget, .. }, second) = two().await;
    let far_bo = bo.over(&second.connect());
    let (mut near, mut far) = (bo.watch().opened().await, far_bo.watch().opened().await);
    let customer = widget.ring(Some(&sales), "On the first.").await;
    far.until_sees(customer.number).await;
    let far_widget = widget.over(&second.connect());
    let other = far_widget.ring(Some(&sales), "On the second.").await.number;
    near.until_sees(other).await;
    for n in 0..10 {
        let (here, there) = if n % 2 == 0 { (&widget, &far_bo) } else { (&far_widget, &bo) };
        let number = here.ring(Some(&sales), "Back and forth.").await.number;
        let mut ticket = None;
        eventually("the other server has it", BOUND, async || {
            ticket = there.ticket(number).await.ok();
            ticket.is_some()
        })
        .await;
        there.take(&ticket.unwrap()).await.unwrap();
    }
    ana.assign(&ana.ticket(other).await.unwrap(), To::group(&support)).await.unwrap();
    far.until_misses(other).await;
    near.until_misses(other).await;
    near.agrees_with(&bo).await;
    far.agrees_with(&far_bo).await;
    assert_eq!(near.now().changes, far.now().changes, "the same changes with the same cursors");

    // A cursor of one is good on the other.
    let from = &near.now().changes[2];
    let mut resumed = far_bo.watch_after(&from.cursor);
    let all = near.now().changes;
    let resumed = resumed.until("all of them", |r| r.changes.len() == all.len() - 3).await;
    assert_eq!(resumed.changes, all[3..]);

    // The customer follows on one what is done on the other; the profile, too.
    let far_customer = far_widget.customer(customer.secret, customer.number);
    let mut follow = far_customer.follow(1).await.unwrap();
    let taken = bo.take(&bo.ticket(customer.number).await.unwrap()).await.unwrap();
    loop {
        let word = soon("the helper's name", follow.message()).await.unwrap().unwrap();
        if matches!(word.prompt, Some(v1::follow_response::Prompt::Ticket(ticket)) if ticket.helper == "bo")
        {
            break;
        }
    }
    ana.set_profile(&profile, v1::ProfileState::Paused).await.unwrap();
    loop {
        let word = soon("the new revision", follow.message()).await.unwrap().unwrap();
        if let Some(v1::follow_response::Prompt::Manifest(signed)) = word.prompt {
            let manifest = deskbell_proto::manifest::verify(&signed).unwrap();
            assert_eq!(manifest.public_key, widget.manifest.public_key, "one host, one key");
            manifest.may_follow(&widget.manifest).unwrap();
            assert_eq!(manifest.manifest.state(), v1::ProfileState::Paused);
            break;
        }
    }
    // When one is killed, the other goes on.
    let Desk { host, server } = desk;
    server.kill();
    far_bo.close(&taken).await.unwrap();
    far.until_misses(customer.number).await;
    Desk { host, server: second }.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_on_one_ends_on_the_other() {
    let (Scene { desk, ana, bo, cy, .. }, second) = two().await;
    let far_bo = bo.over(&second.connect());
    let mut watch = far_bo.watch().opened().await;
    far_bo.who_am_i().await.unwrap();
    bo.sign_out(false).await.unwrap();
    assert_eq!(watch.end().await.code, Code::Unauthenticated);
    eventually("the session is over there, too", BOUND, async || far_bo.who_am_i().await.is_err())
        .await;

    let far_cy = cy.over(&second.connect());
    let mut watch = far_cy.watch().opened().await;
    ana.update_member(&cy.id(), None, None, Some(false)).await.unwrap();
    assert_eq!(watch.end().await.code, Code::Unauthenticated);

    let far_ana = sign_in(&second, &ana.email).await;
    let mut watch = far_ana.watch().opened().await;
    ana.change_password(PASSWORD, "another long password").await.unwrap();
    assert_eq!(watch.end().await.code, Code::Unauthenticated);
    desk.close();
}

/// Whoever goes away or comes back renames nobody: watchers on other servers need no new snapshot.
/// A group that somebody joins gives them one, wherever they watch.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_changes_a_sight_or_a_name_starts_watches_over() {
    let (Scene { desk, ana, bo, cy, sales, support, widget, .. }, second) = two().await;
    let far_bo = bo.over(&second.connect());
    let far_cy = cy.over(&second.connect());
    let mut far = far_bo.watch().opened().await;
    let mut joins = far_cy.watch().opened().await;
    for available in [false, true, false, true] {
        bo.set_available(available).await.unwrap();
    }
    ana.group("Another").await;
    let first = widget.ring(Some(&sales), "After all of that.").await.number;
    far.until_sees(first).await;
    assert_eq!(far.now().snapshots, 1, "nothing that is shown was renamed");
    ana.join(&sales, &cy).await.unwrap();
    joins.until("a snapshot of what cy sees now", |recording| recording.snapshots == 2).await;
    joins.until_sees(first).await;
    ana.rename_group(&support, "Help").await.unwrap();
    far.until("a snapshot with the new name", |recording| recording.snapshots == 2).await;
    far.agrees_with(&far_bo).await;
    joins.agrees_with(&far_cy).await;
    desk.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn races_across_servers_have_one_winner() {
    let (Scene { desk, ana, bo, cy, sales, support, widget, .. }, second) = two().await;
    ana.join(&sales, &cy).await.unwrap();
    let (far_widget, far_cy) = (widget.over(&second.connect()), cy.over(&second.connect()));
    for round in 0..10 {
        let number = widget.ring(Some(&sales), "Whose?").await.number;
        let seen = ana.ticket(number).await.unwrap();
        let (bos, cys) = tokio::join!(bo.take(&seen), far_cy.take(&seen));
        assert_eq!(bos.is_ok(), cys.is_err(), "round {round}: {bos:?} {cys:?}");
        let winner = if bos.is_ok() { "bo" } else { "cy" };
        let lost = bos.and(cys).unwrap_err();
        assert_eq!((lost.code, lost.parameters["by"].as_str()), (Code::Aborted, winner));
        assert_eq!(ana.event_kinds(number).await, ["submitted", "taken"]);
    }
    // The same request at both is one request.
    for _ in 0..5 {
        let secret = new_secret();
        let request = v1::SubmitTicketRequest {
            group_id: sales.id.clone(),
            ..call_for_help(&secret, "Twice.")
        };
        let (one, two) = tokio::join!(widget.submit(request.clone()), far_widget.submit(request));
        assert_eq!(one.unwrap().number, two.unwrap().number);
        let create =
            v1::CreateGroupRequest { request_id: request_id(), name: request_id(), visibility: 0 };
        let far_ana = ana.over(&second.connect());
        let (mut here, mut there) = (ana.client.team(), far_ana.client.team());
        let (one, two) =
            tokio::join!(here.create_group(create.clone()), there.create_group(create));
        assert_eq!(one.unwrap().into_inner(), two.unwrap().into_inner());
    }
    // Next hands no ticket to two, and numbers have no gaps.
    for ticket in ana.open().await {
        ana.assign(&ticket, To::nobody().in_group(&support)).await.unwrap();
    }
    ana.join(&support, &bo).await.unwrap();
    let rings = join_all((0..20).map(|n| {
        let widget = if n % 2 == 0 { &widget } else { &far_widget };
        widget.ring(Some(&sales), "Next.")
    }));
    let mut numbers: Vec<i64> = rings.await.into_iter().map(|customer| customer.number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (16..=35).collect::<Vec<_>>());
    let handed =
        join_all((0..40).map(|n| if n % 2 == 0 { bo.next() } else { far_cy.next() })).await;
    let mut given: Vec<i64> =
        handed.into_iter().filter_map(Result::ok).map(|(ticket, _)| ticket.number).collect();
    given.sort_unstable();
    assert_eq!(given, (1..=35).collect::<Vec<_>>());
    desk.close();
}

/// Whether somebody is there, as a widget's next signs of life say. They come every 20 seconds or
/// so.
async fn until_staffed(follow: &mut Streaming<v1::FollowResponse>, staffed: bool) {
    for _ in 0..5 {
        let sign = loop {
            let word = soon("a sign of life", follow.message()).await.unwrap().unwrap();
            if let Some(v1::follow_response::Prompt::KeepAlive(sign)) = word.prompt {
                break sign;
            }
        };
        if sign.staffed == staffed {
            return;
        }
    }
    panic!("five signs of life, and none says staffed: {staffed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_is_there_wherever_they_are() {
    let (Scene { desk, bo, widget, .. }, second) = two().await;
    let mut follow = widget.follow(1).await.unwrap();
    until_staffed(&mut follow, false).await;
    let watch = bo.over(&second.connect()).watch().opened().await;
    until_staffed(&mut follow, true).await;
    // Whoever leaves is believed to be there for some seconds more.
    drop(watch);
    until_staffed(&mut follow, false).await;
    desk.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_to_sign_in_count_on_all() {
    let host = Host::new(Database::Postgres);
    host.set("limits.sign_ins_per_account=4");
    let desk = Desk::of(host).await;
    let second = desk.host.serve().await;
    let ana = desk.admin("ana").await;
    for _ in 0..2 {
        for server in [&desk.server, &second] {
            assert_eq!(
                refused(try_sign_in(&server.connect(), &ana.email, "wrong").await).0,
                Code::Unauthenticated
            );
        }
    }
    for server in [&desk.server, &second] {
        let outcome = try_sign_in(&server.connect(), &ana.email, PASSWORD).await;
        assert_eq!(refused(outcome).0, Code::ResourceExhausted);
    }
    desk.close();
}
