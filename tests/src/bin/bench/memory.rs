//! What the server keeps in memory: for an operator who watches and waits, and at rest with tickets
//! in its database.

use std::time::{Duration, Instant};

use deskbell_proto::client::Client;
use deskbell_proto::v1::watch_queue_response::Frame;
use deskbell_proto::v1::{
    GetServerInfoRequest, ListTicketsRequest, WatchQueueRequest, WatchQueueResponse,
};
use deskbell_tests::measuring::pace::call_for_help;
use tokio::task::JoinSet;
use tonic::Streaming;

use crate::Outcome;
use crate::figures::Figure;
use crate::files;
use crate::server::Bench;

/// Watches held open to weigh one.
const WATCHES: usize = 1000;

/// Tickets of the server at rest, all of them open.
const TICKETS: usize = 10_000;

/// Calls at once on a connection while tickets are made.
const IN_FLIGHT: usize = 128;

/// A server is at rest when its memory has not changed for so long; nobody waits longer for that
/// than the second.
const STILL: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(20);

/// Opens a watch and reads its snapshot.
pub async fn watch(client: &Client) -> Outcome<Streaming<WatchQueueResponse>> {
    let mut frames = client.watch().watch_queue(WatchQueueRequest::default()).await?.into_inner();
    // The snapshot comes in parts.
    while let Some(frame) = frames.message().await? {
        if matches!(&frame.frame, Some(Frame::Snapshot(snapshot)) if snapshot.last) {
            return Ok(frames);
        }
    }
    Err("a watch ended before its snapshot did".into())
}

/// Makes so many tickets over one connection.
pub async fn make_tickets(client: &Client, count: usize) -> Outcome<()> {
    let mut calls = JoinSet::new();
    for _ in 0..count {
        if calls.len() == IN_FLIGHT {
            calls.join_next().await.transpose()?.transpose()?;
        }
        let client = client.clone();
        calls.spawn(async move { client.assistance().submit_ticket(call_for_help()).await });
    }
    while let Some(answered) = calls.join_next().await {
        answered??;
    }
    Ok(())
}

/// What one idle operator on a TLS connection of their own costs the server, in KiB, against the
/// same connection without a watch.
pub async fn idle_operator(rounds: usize) -> Outcome<Figure> {
    files::allow(rounds * WATCHES + 200)?;
    let bench = Bench::start().await?;
    let mut pairs = Vec::new();
    // All stay open to the end: what a closed one leaves behind would be taken up by the next round
    // and not be seen.
    let mut held = Vec::new();
    for _ in 0..rounds {
        let before = at_rest(&bench).await?;
        let clients =
            (0..WATCHES).map(|_| bench.client(&bench.admin)).collect::<Outcome<Vec<_>>>()?;
        for client in &clients {
            client.server_info().get_server_info(GetServerInfoRequest {}).await?;
        }
        let connected = at_rest(&bench).await?;
        let mut watches = Vec::new();
        for client in &clients {
            watches.push(watch(client).await?);
        }
        let watching = at_rest(&bench).await?;
        let count = f64::from(u32::try_from(WATCHES)?);
        pairs.push(((watching - before) / count, ((connected - before) / count).max(0.1)));
        held.push((clients, watches));
    }
    bench.stop().await?;
    Ok(Figure::of("memory of an idle operator", "KiB", "the connection alone", &pairs)
        .value_at_most(45.0, 36.0))
}

/// The memory of a restarted server with 10 000 open tickets, in MiB, against one without tickets.
/// Of each, an operator has looked at the list once and has a watch open, which began with all open
/// tickets.
pub async fn idle_server(rounds: usize) -> Outcome<Figure> {
    let mut empty = Bench::start().await?;
    let mut full = Bench::start().await?;
    make_tickets(&full.client(&full.widget)?, TICKETS).await?;
    let mut pairs = Vec::new();
    for _ in 0..rounds {
        pairs.push((looked_at(&mut full).await?, looked_at(&mut empty).await?));
    }
    empty.stop().await?;
    full.stop().await?;
    Ok(Figure::of("memory of an idle server", "MiB", "the same without tickets", &pairs)
        .value_at_most(30.0, 15.0))
}

/// Restarts a server, looks once, watches, and weighs it, in MiB.
async fn looked_at(bench: &mut Bench) -> Outcome<f64> {
    bench.restart().await?;
    let operator = bench.client(&bench.admin)?;
    operator.queue().list_tickets(ListTicketsRequest::default()).await?;
    let watching = watch(&operator).await?;
    let memory = at_rest(bench).await? / 1024.0;
    drop(watching);
    Ok(memory)
}

/// The server's memory once it has stopped changing, in KiB.
async fn at_rest(bench: &Bench) -> Outcome<f64> {
    let begun = Instant::now();
    let (mut memory, mut since) = (bench.memory()?, Instant::now());
    while since.elapsed() < STILL && begun.elapsed() < LONGEST {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let now = bench.memory()?;
        if (now - memory).abs() >= 1.0 {
            (memory, since) = (now, Instant::now());
        }
    }
    Ok(memory)
}
