//! The clock ends what nobody ended. A minute is the shortest life a ticket can have, so this story
//! lasts longer than the others, which run beside it. The rule itself is tested beside its code.

use std::time::Duration;

use deskbell_proto::v1::TicketState;
use deskbell_tests::host::Database;
use deskbell_tests::recorder::Recording;
use deskbell_tests::scene::Scene;
use deskbell_tests::staff::refused;
use deskbell_tests::waiting::eventually;
use futures_util::future::join_all;
use tonic::Code;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tickets_expire_once_on_both_databases() {
    tokio::join!(tickets_expire_once(Database::Sqlite), tickets_expire_once(Database::Postgres));
}

async fn tickets_expire_once(database: Database) {
    let Scene { desk, ana, bo, sales, widget, .. } = Scene::open(database).await;
    // Three servers must not end it twice. An embedded database has one.
    let others = match database {
        Database::Postgres => vec![desk.host.serve().await, desk.host.serve().await],
        Database::Sqlite => Vec::new(),
    };
    let lasting = widget.ring(Some(&sales), "A day.").await.number;
    ana.set_expiry(Some(Duration::from_mins(1))).await.unwrap();
    let short = widget.ring(Some(&sales), "A minute.").await;
    let many = join_all((0..30).map(|_| widget.ring(Some(&sales), "A minute, too."))).await;
    let closed = widget.ring(Some(&sales), "Closed in time.").await.number;
    bo.close(&bo.ticket(closed).await.unwrap()).await.unwrap();
    let mut watch = bo.watch().opened().await;
    let due = bo.ticket(short.number).await.unwrap().expire_time.unwrap().seconds;
    let limit = Duration::from_mins(5);
    eventually("the ticket expires", limit, async || {
        bo.ticket(short.number).await.unwrap().state() == TicketState::Expired
    })
    .await;
    let expired = bo
        .list(deskbell_proto::v1::ListTicketsRequest { history: true, ..Default::default() })
        .await
        .unwrap();
    let expired = expired
        .iter()
        .find(|ticket| ticket.number == short.number)
        .expect("its group sees it in history");
    assert_eq!(expired.state(), TicketState::Expired, "told apart from closed ones");
    assert!(expired.end_time.as_ref().unwrap().seconds >= due, "not early");
    let ended = |recording: &Recording| {
        recording.changes.iter().filter(|change| change.kind == "expired").count()
    };
    let seen =
        watch.until("all of them have expired", |recording| ended(recording) > many.len()).await;
    for number in many.iter().map(|customer| customer.number).chain([short.number]) {
        assert_eq!(seen.kinds_of(number), ["expired"]);
        assert_eq!(ana.event_kinds(number).await, ["submitted", "expired"]);
    }
    assert_eq!(bo.open_numbers().await, [lasting]);
    assert_eq!(
        refused(bo.take(expired).await),
        (Code::FailedPrecondition, "TICKET_ENDED".to_owned())
    );
    // The customer's message opens it again, with a new minute.
    short.write("I still need help.").await.unwrap();
    let open = bo.ticket(short.number).await.unwrap();
    assert_eq!(open.state(), TicketState::New);
    assert!(open.expire_time.unwrap().seconds >= due + 60);
    watch.agrees_with(&bo).await;
    drop(others);
    desk.close();
}
