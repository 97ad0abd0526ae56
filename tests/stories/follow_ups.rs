//! Acts for very many tickets: done at once for whoever looks, and followed up in slices that hold
//! up nobody, also when the server is killed in the middle.

use deskbell_proto::v1;
use deskbell_tests::customer::{Widget, call_for_help, new_secret};
use deskbell_tests::desk::Desk;
use deskbell_tests::for_both_databases;
use deskbell_tests::host::Database;
use deskbell_tests::scene::Scene;
use deskbell_tests::staff::{Staff, To};
use deskbell_tests::waiting::{BOUND, eventually};
use futures_util::future::join_all;

for_both_databases! {
    a_killed_server_goes_on_where_it_was,
    whatever_follows_goes_on_after_a_kill,
    watchers_see_the_same_end,
}

/// More than an act changes by itself, and more than some slices.
const MANY: usize = 700;

async fn ring_often(widget: &Widget, group: &v1::Group) {
    for _ in 0..MANY / 50 {
        let calls = (0..50).map(|_| {
            let help = call_for_help(&new_secret(), "It does not work.");
            widget.submit(v1::SubmitTicketRequest { group_id: group.id.clone(), ..help })
        });
        for rung in join_all(calls).await {
            rung.expect("it arrives");
        }
    }
}

async fn in_group(admin: &Staff, group: &v1::Group, history: bool) -> usize {
    let group_id = group.id.clone();
    let filter = v1::ListTicketsRequest { history, group_id, page_size: 500, ..Default::default() };
    admin.list(filter).await.expect("a list").len()
}

async fn a_killed_server_goes_on_where_it_was(database: Database) {
    let Scene { mut desk, ana, bo, sales, widget, .. } = Scene::open(database).await;
    ring_often(&widget, &sales).await;
    let told = ana.delete_group_so(&sales, true, 0, None).await.expect("it is told");
    assert_eq!(told.unassigned_tickets, i64::try_from(MANY).expect("not so many"));
    ana.delete_group(&sales, 0).await.expect("deleted");
    desk = killed(desk).await;
    assert!(bo.open_numbers().await.is_empty(), "hidden from whoever was in it");
    eventually("all of them lost it", BOUND, async || in_group(&ana, &sales, false).await == 0)
        .await;
    assert_eq!(ana.event_kinds(1).await, ["submitted", "group_deleted"]);

    ana.undelete_group(&sales).await.expect("it comes back");
    desk = killed(desk).await;
    eventually("all of them have it again", BOUND, async || {
        in_group(&ana, &sales, false).await == MANY
    })
    .await;
    assert_eq!(bo.open_numbers().await.len(), MANY);
    desk.close();
}

/// Kills the server at once after an act, and starts it again.
async fn killed(desk: Desk) -> Desk {
    let Desk { server, host } = desk;
    let at = server.socket();
    server.kill();
    Desk { server: host.serve_at(at, &[]).await, host }
}

/// All tickets of that kind, whole.
async fn all(admin: &Staff, history: bool) -> Vec<v1::Ticket> {
    let filter = v1::ListTicketsRequest { history, page_size: 500, ..Default::default() };
    admin.list(filter).await.expect("a list")
}

async fn whatever_follows_goes_on_after_a_kill(database: Database) {
    let Scene { mut desk, ana, bo, sales, support, widget, .. } = Scene::open(database).await;
    ring_often(&widget, &sales).await;

    ana.organization("Acme", &["acme.example"]).await.expect("a domain of its own");
    desk = killed(desk).await;
    eventually("all belong to it", BOUND, async || {
        all(&ana, false).await.iter().all(|ticket| ticket.organization.is_some())
    })
    .await;

    for some in all(&ana, false).await.chunks(50) {
        for assigned in join_all(some.iter().map(|it| ana.assign(it, To::operator(&bo)))).await {
            assigned.expect("assigned");
        }
    }
    ana.update_member(&bo.id(), None, Some(false), None).await.expect("no operator any more");
    desk = killed(desk).await;
    eventually("bo has none of them", BOUND, async || {
        all(&ana, false).await.iter().all(|ticket| ticket.operator.is_none())
    })
    .await;

    for some in all(&ana, false).await.chunks(50) {
        for closed in join_all(some.iter().map(|ticket| ana.close(ticket))).await {
            closed.expect("closed");
        }
    }
    ana.delete_group_so(&sales, false, 0, Some(&support)).await.expect("deleted");
    desk = killed(desk).await;
    eventually("all have moved", BOUND, async || in_group(&ana, &support, true).await == MANY)
        .await;
    desk.close();
}

async fn watchers_see_the_same_end(database: Database) {
    let Scene { desk, ana, bo, cy, sales, support, widget, .. } = Scene::open(database).await;
    ring_often(&widget, &sales).await;
    let mut watches = Vec::new();
    for staff in [&ana, &bo, &cy] {
        watches.push((staff, staff.watch().opened().await));
    }
    for number in 1..=300 {
        ana.close(&ana.ticket(number).await.unwrap()).await.expect("closed");
    }
    ana.delete_group_so(&sales, false, 0, Some(&support)).await.expect("deleted");
    eventually("history has moved", BOUND, async || in_group(&ana, &support, true).await == 300)
        .await;
    eventually("nothing is left", BOUND, async || in_group(&ana, &sales, false).await == 0).await;
    let last = widget.ring(Some(&support), "After all of that.").await.number;
    for (staff, watch) in &mut watches {
        if staff.name() != "bo" {
            watch.until_sees(last).await;
        }
        watch.agrees_with(staff).await;
    }
    assert_eq!(cy.history_numbers().await.len(), 300);
    desk.close();
}
