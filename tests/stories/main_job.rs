//! The main job: a customer rings, an operator sees it at once, helps, and closes it.

use deskbell_proto::v1::{Priority, TicketState};
use deskbell_tests::desk::Desk;
use deskbell_tests::for_both_databases;
use deskbell_tests::host::Database;
use deskbell_tests::staff::To;

for_both_databases! { the_bell_rings }

async fn the_bell_rings(database: Database) {
    let desk = Desk::open(database).await;
    let ana = desk.admin("ana").await;
    let (bo, cy) = tokio::join!(desk.operator(&ana, "bo"), desk.operator(&ana, "cy"));
    let sales = ana.group_of("Sales", &[&bo]).await;
    let support = ana.group_of("Support", &[&cy]).await;
    let profile = ana.profile("Acme", &[&sales, &support]).await;
    let widget = ana.widget(&desk.server, &profile).await;
    let (mut at_bo, mut at_cy) = (bo.watch().opened().await, cy.watch().opened().await);

    let customer = widget.ring(Some(&sales), "The printer is on fire.\nReally.").await;
    assert_eq!(customer.number, 1);
    let seen = at_bo.until_sees(1).await;
    let ticket = &seen.view.tickets()[&1];
    assert_eq!(ticket.state(), TicketState::New);
    assert_eq!(ticket.title, "The printer is on fire.");
    assert_eq!(ticket.requester, "customer@acme.example");
    assert!(!ticket.requester_verified);
    assert_eq!(ticket.profile_name, "Acme");
    let mine = customer.ticket().await.unwrap();
    assert_eq!(
        (mine.number, mine.place, mine.helper.as_str(), mine.group.as_str()),
        (1, 1, "", "Sales")
    );

    let taken = bo.take(ticket).await.unwrap();
    assert_eq!(
        (taken.state(), taken.operator.as_ref().unwrap().display_name.as_str()),
        (TicketState::InProgress, "bo")
    );
    assert_eq!(taken.group.as_ref().unwrap().id, sales.id, "taking keeps the group");
    assert_eq!(customer.ticket().await.unwrap().helper, "bo");
    let urgent = bo.prioritise(&taken, Priority::Urgent).await.unwrap();
    let answered = bo.reply(&urgent, "Step back, please.").await.unwrap();
    assert_eq!(answered.state(), TicketState::Answered);
    let noted = bo.note(&answered, "Sounds serious.").await.unwrap();
    assert_eq!(noted.state(), TicketState::Answered, "a note changes no answered ticket");
    let mine = customer.write("I stepped back.").await.unwrap();
    assert_eq!(mine.state(), TicketState::InProgress);
    assert_eq!(
        mine.messages.iter().map(|m| (m.from.as_str(), m.text.as_str())).collect::<Vec<_>>(),
        [("bo", "Step back, please."), ("", "I stepped back.")]
    );

    let now = bo.ticket(1).await.unwrap();
    let passed_on = bo.assign(&now, To::group(&support)).await.unwrap();
    assert_eq!(passed_on, None, "bo is not in Support and no longer its operator");
    let gone = at_bo.until_misses(1).await;
    assert_eq!(gone.changes.last().unwrap().removed, [1]);
    assert!(gone.changes.last().unwrap().tickets.is_empty(), "a bare removal");
    let seen = at_cy.until_sees(1).await;
    let taken = cy.take(&seen.view.tickets()[&1]).await.unwrap();
    let closed = cy.close(&taken).await.unwrap();
    assert_eq!(closed.state(), TicketState::Closed);
    assert!(closed.end_time.is_some() && closed.expire_time.is_none());
    let seen = at_cy.until_misses(1).await;
    assert_eq!(
        seen.changes.last().unwrap().tickets[0].state(),
        TicketState::Closed,
        "told of for the last time"
    );
    assert_eq!(customer.ticket().await.unwrap().state(), TicketState::Closed);

    assert_eq!(
        ana.event_kinds(1).await,
        [
            "submitted",
            "taken",
            "priority",
            "replied",
            "noted",
            "customer_wrote",
            "assigned",
            "taken",
            "closed"
        ]
    );
    assert_eq!(
        (bo.history_numbers().await, cy.history_numbers().await),
        (vec![1], vec![1]),
        "both handled it"
    );
    // Nothing in the log lets anybody in, and nothing tells what people wrote.
    let log = desk.server.log();
    let customers_secret = customer.secret.reveal();
    for secret in [
        &bo.token,
        &widget.manifest.manifest.credential,
        &customers_secret,
        "printer is on fire",
        "Step back",
    ] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    at_bo.agrees_with(&bo).await;
    at_cy.agrees_with(&cy).await;
    desk.close();
}
