//! What customers, who have no account, can cost: every call is limited by address and by ticket,
//! and what they leave behind and hold has a bound.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use deskbell_proto::client::{Client, Credentials, request_id};
use deskbell_proto::problem::Problem;
use deskbell_proto::v1;
use deskbell_proto::v1::follow_response::Prompt;
use deskbell_tests::balancer::address_of_ones_own;
use deskbell_tests::customer::{Customer, call_for_help, new_secret};
use deskbell_tests::desk::Desk;
use deskbell_tests::for_both_databases;
use deskbell_tests::host::{Database, Host};
use deskbell_tests::proxy::Proxy;
use deskbell_tests::scene::Scene;
use deskbell_tests::server::Server;
use deskbell_tests::staff::refused;
use deskbell_tests::waiting::{BOUND, eventually, soon};
use tonic::transport::Endpoint;
use tonic::{Code, Streaming};

for_both_databases! {
    a_repeated_call_for_help_is_limited,
    taking_back_again_and_again_is_limited,
    every_call_of_an_address_counts,
    streams_on_a_ticket_are_limited,
    watches_of_an_account_are_limited,
    a_stream_sends_only_what_is_new,
    a_ticket_takes_so_much_and_no_more,
    staff_write_so_much_and_no_more,
    answers_that_nobody_reads_are_bounded,
    snapshots_that_nobody_reads_are_bounded,
}

fn too_often(problem: &Problem) {
    assert_eq!((problem.code, problem.reason.as_str()), (Code::ResourceExhausted, "TOO_OFTEN"));
    assert!(problem.retry_after.is_some(), "it says when to come back");
}

async fn a_repeated_call_for_help_is_limited(database: Database) {
    let host = Host::new(database);
    host.set("limits.submits_per_address=3");
    let Scene { desk, ana, sales, widget, .. } = Scene::on(Desk::of(host).await).await;
    let request = call_for_help(&new_secret(), "Again and again.");
    let first = widget.submit(request.clone()).await.unwrap();
    let mut refusals = 0;
    for n in 1..60 {
        match widget.submit(request.clone()).await {
            Ok(again) => assert_eq!(again.number, first.number),
            Err(problem) => {
                too_often(&problem);
                assert!(n >= 10, "a few retries are no flood");
                refusals += 1;
            }
        }
    }
    assert!(refusals >= 20, "only {refusals} of 60 were held back");
    // Past the address's limit another body under the same secret is refused as ever.
    let request = call_for_help(&new_secret(), "One body.");
    too_often(&widget.submit(request).await.unwrap_err());
    // Who comes from elsewhere is not held back.
    let road = Proxy::from(address_of_ones_own(), desk.server.socket()).await;
    let elsewhere = widget.over(&desk.server.connect_through(&[road.https()]));
    let other = elsewhere.ring(Some(&sales), "I am somebody else.").await;
    assert_eq!(ana.open_numbers().await, [first.number, other.number]);
    desk.close();
}

async fn cancel_with(customer: &Customer, request_id: &str) -> Result<(), Problem> {
    let request = v1::CancelTicketRequest { request_id: request_id.to_owned() };
    match customer.client.assistance().cancel_ticket(request).await {
        Ok(_) => Ok(()),
        Err(status) => Err(status.into()),
    }
}

/// Each request that is not refused is remembered, with a row: so few may pass.
async fn taking_back_again_and_again_is_limited(database: Database) {
    let Scene { desk, sales, widget, .. } = Scene::open(database).await;
    let loud = widget.ring(Some(&sales), "Never mind.").await;
    let mut passed = 0;
    for _ in 0..100 {
        match cancel_with(&loud, &request_id()).await {
            Ok(()) => passed += 1,
            Err(problem) => too_often(&problem),
        }
    }
    assert!((30..60).contains(&passed), "{passed} of 100 passed");
    let calm = widget.ring(Some(&sales), "I mean it.").await;
    calm.cancel().await.unwrap();
    desk.close();
}

async fn every_call_of_an_address_counts(database: Database) {
    let host = Host::new(database);
    host.set("limits.calls_per_address=20");
    let Scene { desk, bo, sales, widget, .. } = Scene::on(Desk::of(host).await).await;
    let customer = widget.ring(Some(&sales), "Hello?").await;
    let mut last = Ok(());
    for _ in 0..200 {
        last = customer.ticket().await.map(drop);
        if last.is_err() {
            break;
        }
    }
    too_often(&last.unwrap_err());
    // Operators at the same address are not customers.
    bo.who_am_i().await.unwrap();
    desk.close();
}

async fn streams_on_a_ticket_are_limited(database: Database) {
    let Scene { desk, sales, widget, .. } = Scene::open(database).await;
    let loud = widget.ring(Some(&sales), "Look at me.").await;
    let mut held = Vec::new();
    let refused = loop {
        match loud.follow(1).await {
            Ok(stream) => held.push(stream),
            Err(problem) => break problem,
        }
        assert!(held.len() < 100, "nobody holds the streams back");
    };
    too_often(&refused);
    assert!(held.len() >= 2, "a few windows may be open");
    let calm = widget.ring(Some(&sales), "Look at me, too.").await;
    calm.follow(1).await.unwrap();
    widget.follow(1).await.unwrap();
    // A stream that ended makes room.
    drop(held);
    eventually("there is room again", BOUND, async || loud.follow(1).await.is_ok()).await;
    desk.close();
}

/// Whoever has a session can do no more with it, either.
async fn watches_of_an_account_are_limited(database: Database) {
    let Scene { desk, bo, cy, .. } = Scene::open(database).await;
    let mut held = Vec::new();
    let refused = loop {
        let watch = bo.client.watch().watch_queue(v1::WatchQueueRequest::default()).await;
        match watch {
            Ok(stream) => held.push(stream),
            Err(problem) => break problem.into(),
        }
        assert!(held.len() < 1000, "nobody holds the watches back");
    };
    too_often(&refused);
    assert!(held.len() >= 16, "a few terminals may be open");
    cy.watch().opened().await;
    drop(held);
    eventually("there is room again", BOUND, async || {
        bo.client.watch().watch_queue(v1::WatchQueueRequest::default()).await.is_ok()
    })
    .await;
    desk.close();
}

/// The next words on the ticket that fit: the texts of its messages.
async fn texts(follow: &mut Streaming<v1::FollowResponse>, version: i64) -> Vec<String> {
    loop {
        if let Prompt::Ticket(ticket) = prompt(follow).await
            && ticket.version >= version
        {
            return ticket.messages.into_iter().map(|message| message.text).collect();
        }
    }
}

async fn a_stream_sends_only_what_is_new(database: Database) {
    let Scene { desk, bo, sales, widget, .. } = Scene::open(database).await;
    let customer = widget.ring(Some(&sales), "It smokes.").await;
    let one = customer.write("One.").await.unwrap();
    let follow = async |messages_after: Option<&str>| {
        let request = v1::FollowRequest {
            profile_revision: 1,
            client: "0.1.0 story".to_owned(),
            messages_after: messages_after.map(str::to_owned),
            once: false,
        };
        customer.client.assistance().follow(request).await.unwrap().into_inner()
    };
    let knows_one = one.messages[0].id.as_str();
    let (mut fresh, mut knows, mut old) =
        tokio::join!(follow(Some("")), follow(Some(knows_one)), follow(None));
    assert_eq!(texts(&mut fresh, one.version).await, ["One."]);
    assert_eq!(texts(&mut knows, one.version).await, [""; 0]);
    assert_eq!(texts(&mut old, one.version).await, ["One."]);
    let two = customer.write("Two.").await.unwrap();
    assert_eq!(texts(&mut fresh, two.version).await, ["Two."]);
    assert_eq!(texts(&mut knows, two.version).await, ["Two."]);
    assert_eq!(texts(&mut old, two.version).await, ["One.", "Two."], "handed out before");
    bo.reply(&bo.ticket(customer.number).await.unwrap(), "Three.").await.unwrap();
    let three = customer.ticket().await.unwrap();
    assert_eq!(texts(&mut fresh, three.version).await, ["Three."]);
    assert_eq!(texts(&mut old, three.version).await, ["One.", "Two.", "Three."]);
    desk.close();
}

/// 10000 letters of four bytes each: about 27 messages are 1 MiB.
async fn a_ticket_takes_so_much_and_no_more(database: Database) {
    let Scene { desk, sales, widget, .. } = Scene::open(database).await;
    let customer = widget.ring(Some(&sales), "A long story.").await;
    let long = "\u{1f514}".repeat(10_000);
    let mut written = 0;
    let full = loop {
        match customer.write(&long).await {
            Ok(_) => written += 1,
            Err(problem) => break problem,
        }
        assert!(written < 100, "nobody ends it");
    };
    assert_eq!((full.code, full.reason.as_str()), (Code::FailedPrecondition, "TICKET_FULL"));
    assert_eq!(written, 27);
    // It is there to be read, and to be taken back.
    assert!(!customer.ticket().await.unwrap().messages.is_empty());
    customer.cancel().await.unwrap();
    let other = widget.ring(Some(&sales), "Another one.").await;
    other.write("There is room here.").await.unwrap();
    assert_eq!(refused(customer.write("More.").await).1, "TICKET_FULL");
    desk.close();
}

/// 4 MiB of replies and notes: a repeat of the last one is answered all the same.
async fn staff_write_so_much_and_no_more(database: Database) {
    let Scene { desk, bo, sales, widget, .. } = Scene::open(database).await;
    let customer = widget.ring(Some(&sales), "A long story.").await;
    let long = "\u{1f514}".repeat(10_000);
    let mut written = 0;
    let full = loop {
        let ticket = bo.ticket(customer.number).await.unwrap();
        match bo.reply(&ticket, &long).await {
            Ok(_) => written += 1,
            Err(problem) => break problem,
        }
        assert!(written < 200, "nobody ends it");
    };
    assert_eq!((full.code, full.reason.as_str()), (Code::FailedPrecondition, "TICKET_FULL"));
    assert_eq!(written, 105);
    // The customer has room of their own, and whoever does not see the ticket learns nothing.
    customer.write("I read all of it.").await.unwrap();
    desk.close();
}

async fn prompt(stream: &mut Streaming<v1::FollowResponse>) -> Prompt {
    let response = soon("news", stream.message()).await.unwrap().expect("it goes on");
    response.prompt.expect("something that is known")
}

/// A peer that lets the server send so little on a stream, and any number of streams.
fn slow_reader(server: &Server) -> Client {
    let endpoint = Endpoint::from_shared(server.address().to_owned()).unwrap();
    let endpoint = endpoint.initial_stream_window_size(64 * 1024);
    let channel = endpoint.initial_connection_window_size(64 * 1024 * 1024).connect_lazy();
    Client::new(channel, Credentials::none())
}

/// Terminals that do not read hold what they were about to be shown: 64 MiB for an account.
async fn snapshots_that_nobody_reads_are_bounded(database: Database) {
    const TICKETS: usize = 400;
    let host = Host::new(database);
    let server = host.serve_at(SocketAddr::from(([127, 0, 0, 1], 0)), &["--plaintext"]).await;
    let Scene { desk, ana, bo, sales, widget, .. } = Scene::on(Desk { host, server }).await;
    let long = "\u{1f514}".repeat(200);
    let facts: BTreeMap<_, _> = (0..16).map(|n| (format!("fact {n}"), long.clone())).collect();
    for _ in 0..TICKETS {
        let (group_id, facts) = (sales.id.clone(), facts.clone());
        let call = call_for_help(&new_secret(), &long.repeat(50));
        widget.submit(v1::SubmitTicketRequest { group_id, facts, ..call }).await.unwrap();
    }
    let slow = bo.over(&slow_reader(&desk.server));
    let mut unread = Vec::new();
    let refused = loop {
        let request = v1::WatchQueueRequest::default();
        let mut watch = slow.client.watch().watch_queue(request).await.unwrap().into_inner();
        // Its first part is read, so that the others are at hand.
        match soon("the first part", watch.message()).await {
            Ok(_) => unread.push(watch),
            Err(status) => break status.into(),
        }
        assert!(unread.len() < 40, "what nobody reads has no bound");
    };
    too_often(&refused);
    assert!(unread.len() >= 4, "a few may be slow");
    // Others are shown all of it.
    assert_eq!(ana.watch().opened().await.now().numbers().len(), TICKETS);
    drop(unread);
    assert_eq!(bo.watch().opened().await.now().numbers().len(), TICKETS);
    desk.close();
}

/// Streams that nobody reads hold what they were about to say: 8 MiB for an address, and no more.
async fn answers_that_nobody_reads_are_bounded(database: Database) {
    let host = Host::new(database);
    let server = host.serve_at(SocketAddr::from(([127, 0, 0, 1], 0)), &["--plaintext"]).await;
    let Scene { desk, sales, widget, .. } = Scene::on(Desk { host, server }).await;
    let long = "\u{1f514}".repeat(10_000);
    let full = async |text: &str| {
        let customer = widget.ring(Some(&sales), text).await;
        for _ in 0..27 {
            customer.write(&long).await.unwrap();
        }
        customer
    };
    let (loud, asking) = (full("Loud.").await, full("Asking.").await);
    let slow = widget.over(&slow_reader(&desk.server));
    let mut unread = Vec::new();
    for customer in [&loud; 8].into_iter().chain([&asking; 8]) {
        let slow = slow.customer(customer.secret.clone(), customer.number);
        let mut stream = slow.follow(0).await.unwrap();
        // What comes before the ticket is read, so that the ticket is on its way.
        match soon("news", stream.message()).await {
            Ok(_) => unread.push(stream),
            Err(status) => {
                too_often(&status.into());
                break;
            }
        }
    }
    assert!(unread.len() >= 5, "a few may be slow");
    // One more answer has no room. So many questions would be too many by themselves.
    let mut asked = 0;
    while asking.ticket().await.is_ok() {
        asked += 1;
        assert!(asked < 100, "what nobody reads has no bound");
    }
    let road = Proxy::from(address_of_ones_own(), desk.server.socket()).await;
    let there = widget.over(&desk.server.connect_through(&[road.http()]));
    let elsewhere = there.customer(asking.secret.clone(), asking.number);
    elsewhere.ticket().await.unwrap();
    drop(unread);
    eventually("there is room again", BOUND, async || asking.ticket().await.is_ok()).await;
    desk.close();
}
