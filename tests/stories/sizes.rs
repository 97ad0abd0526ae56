//! Answers stay below what any language's client takes, whatever is in the queue.

use std::collections::BTreeMap;

use deskbell_proto::v1;
use deskbell_proto::v1::watch_queue_response::Frame;
use deskbell_tests::customer::{Widget, call_for_help, new_secret};
use deskbell_tests::for_both_databases;
use deskbell_tests::host::Database;
use deskbell_tests::scene::Scene;
use deskbell_tests::staff::Staff;
use deskbell_tests::waiting::soon;
use prost::Message as _;
use tonic::Streaming;

for_both_databases! {
    long_tickets_fit_into_answers,
    a_change_of_very_many_tickets_comes_as_a_snapshot,
    long_talk_fits_into_answers,
}

/// What gRPC's clients take is four times that.
const LARGEST: usize = 1024 * 1024;

/// Characters of four bytes, as many as may be.
fn long_description() -> String {
    "\u{1f514}".repeat(10_000)
}

async fn ring_often(widget: &Widget, group: &v1::Group, count: usize) {
    let facts: BTreeMap<_, _> =
        (0..16).map(|n| (format!("fact {n}"), "\u{1f514}".repeat(200))).collect();
    for _ in 0..count {
        let request = v1::SubmitTicketRequest {
            group_id: group.id.clone(),
            facts: facts.clone().into_iter().collect(),
            ..call_for_help(&new_secret(), &long_description())
        };
        widget.submit(request).await.unwrap();
    }
}

/// The pages of a list, whose sizes are looked at.
async fn pages(staff: &Staff, request: v1::ListTicketsRequest) -> Vec<v1::Ticket> {
    let mut tickets = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = v1::ListTicketsRequest { page_token, ..request.clone() };
        let page = staff.client.queue().list_tickets(request).await.unwrap().into_inner();
        assert!(page.encoded_len() <= LARGEST, "a page of {}", page.encoded_len());
        assert!(!page.tickets.is_empty() || page.next_page_token.is_empty());
        tickets.extend(page.tickets);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return tickets;
        }
    }
}

async fn watch(staff: &Staff, after: &str) -> Streaming<v1::WatchQueueResponse> {
    let request = v1::WatchQueueRequest { after: after.to_owned(), ..Default::default() };
    staff.client.watch().watch_queue(request).await.unwrap().into_inner()
}

async fn frame(watch: &mut Streaming<v1::WatchQueueResponse>) -> Frame {
    let response = soon("a frame", watch.message()).await.unwrap().expect("it goes on");
    assert!(response.encoded_len() <= LARGEST, "a frame of {}", response.encoded_len());
    response.frame.expect("something that is known")
}

/// The tickets of the next snapshot, and where it stands. Progress marks may come before.
async fn snapshot(watch: &mut Streaming<v1::WatchQueueResponse>) -> (Vec<v1::Ticket>, String) {
    let mut tickets = Vec::new();
    loop {
        match frame(watch).await {
            Frame::Snapshot(part) => {
                assert_eq!(part.first, tickets.is_empty(), "the first part, and only that");
                tickets.extend(part.tickets);
                if part.last {
                    return (tickets, part.cursor);
                }
            }
            Frame::Progress(_) => {}
            Frame::Change(change) => panic!("a change instead: {}", change.kind),
        }
    }
}

fn numbers(tickets: &[v1::Ticket]) -> Vec<i64> {
    let mut numbers: Vec<_> = tickets.iter().map(|ticket| ticket.number).collect();
    numbers.sort_unstable();
    numbers
}

async fn long_tickets_fit_into_answers(database: Database) {
    let Scene { desk, ana, sales, widget, .. } = Scene::open(database).await;
    ring_often(&widget, &sales, 200).await;
    let all: Vec<_> = (1..=200).collect();
    let request = v1::ListTicketsRequest { page_size: 1000, ..Default::default() };
    let listed = pages(&ana, request.clone()).await;
    assert_eq!(numbers(&listed), all);
    for ticket in &listed {
        assert!(ticket.description_shortened);
        assert!(ticket.description.ends_with('…') && ticket.description.chars().count() == 1001);
    }
    let whole = pages(&ana, v1::ListTicketsRequest { whole_descriptions: true, ..request }).await;
    assert_eq!(numbers(&whole), all);
    let is_whole = |ticket: &v1::Ticket| {
        ticket.description == long_description() && !ticket.description_shortened
    };
    assert!(whole.iter().all(is_whole));
    assert!(is_whole(&ana.ticket(200).await.unwrap()));
    // What lies past the cut is found all the same: the server looks at all of it.
    let (seen, cursor) = snapshot(&mut watch(&ana, "").await).await;
    assert_eq!(numbers(&seen), all);
    assert!(seen.iter().all(|ticket| ticket.description_shortened));
    // Resuming brings each change since, below the bound, too.
    ring_often(&widget, &sales, 3).await;
    let mut resumed = watch(&ana, &cursor).await;
    let mut new = Vec::new();
    while new.len() < 3 {
        if let Frame::Change(change) = frame(&mut resumed).await {
            new.extend(change.tickets);
        }
    }
    assert_eq!(numbers(&new), [201, 202, 203]);
    desk.close();
}

/// Deleting a group changes all its tickets at once.
async fn a_change_of_very_many_tickets_comes_as_a_snapshot(database: Database) {
    let Scene { desk, ana, sales, widget, .. } = Scene::open(database).await;
    ring_often(&widget, &sales, 150).await;
    let mut live = watch(&ana, "").await;
    let (before, cursor) = snapshot(&mut live).await;
    assert!(before.iter().all(|ticket| ticket.group.is_some()));
    ana.delete_group(&sales, 0).await.unwrap();
    let all: Vec<_> = (1..=150).collect();
    let without_group =
        |tickets: &[v1::Ticket]| tickets.iter().all(|ticket| ticket.group.is_none());
    let (after, _) = snapshot(&mut live).await;
    assert!(numbers(&after) == all && without_group(&after));
    let (resumed, _) = snapshot(&mut watch(&ana, &cursor).await).await;
    assert!(numbers(&resumed) == all && without_group(&resumed));
    desk.close();
}

async fn long_talk_fits_into_answers(database: Database) {
    let Scene { desk, bo, sales, widget, .. } = Scene::open(database).await;
    let customer = widget.ring(Some(&sales), &long_description()).await;
    let mut last = String::new();
    for n in 0..60 {
        last = format!("{n}{}", "\u{1f514}".repeat(9_990));
        let ticket = bo.ticket(customer.number).await.unwrap();
        bo.reply(&ticket, &last).await.unwrap();
    }
    let request = v1::GetTicketRequest { number: customer.number };
    let told = bo.client.queue().get_ticket(request).await.unwrap().into_inner();
    assert!(told.encoded_len() <= LARGEST && told.messages.len() > 10);
    assert_eq!(told.messages.last().unwrap().text, last, "the newest are there");
    let mine = customer.ticket().await.unwrap();
    assert!(mine.encoded_len() <= LARGEST && mine.messages.last().unwrap().text == last);
    desk.close();
}
