//! What is asked of the server: calls for help, empty calls beside them, watches.

use std::time::{Duration, Instant};

use deskbell_proto::client::Client;
use deskbell_proto::v1::watch_queue_response::Frame;
use deskbell_proto::v1::{GetServerInfoRequest, SubmitTicketRequest, WatchQueueRequest};
use tokio::task::JoinSet;

use crate::Outcome;
use crate::figures::{Figure, median};
use crate::server::Bench;

/// Calls at once on one connection: what a server allows is more.
const PER_CONNECTION: usize = 64;

/// How long a side of a round is measured.
const ROUND: Duration = Duration::from_secs(2);

/// A call for help of usual length, with a secret of its own.
pub fn call_for_help() -> SubmitTicketRequest {
    let mut secret_hash = Vec::with_capacity(32);
    secret_hash.extend_from_slice(uuid::Uuid::new_v4().as_bytes());
    secret_hash.extend_from_slice(uuid::Uuid::new_v4().as_bytes());
    SubmitTicketRequest {
        secret_hash,
        email: "customer@example.org".into(),
        description: "The printer on the second floor says that it is out of paper, and it is not. ".repeat(4),
        ..SubmitTicketRequest::default()
    }
}

async fn submit(client: &Client) -> Outcome<()> {
    client.assistance().submit_ticket(call_for_help()).await?;
    Ok(())
}

async fn empty_call(client: &Client) -> Outcome<()> {
    client.server_info().get_server_info(GetServerInfoRequest {}).await?;
    Ok(())
}

/// Calls a second that so many callers get answered, on connections of their own.
async fn rate(clients: &[Client], in_flight: usize, submits: bool) -> Outcome<f64> {
    let until = Instant::now() + ROUND;
    let started = Instant::now();
    let mut callers = JoinSet::new();
    for caller in 0..in_flight {
        let client = clients[caller % clients.len()].clone();
        callers.spawn(async move {
            let mut done = 0_u32;
            while Instant::now() < until {
                let call = if submits { submit(&client).await } else { empty_call(&client).await };
                call?;
                done += 1;
            }
            Outcome::Ok(done)
        });
    }
    let mut done = 0;
    while let Some(finished) = callers.join_next().await {
        done += finished??;
    }
    Ok(f64::from(done) / started.elapsed().as_secs_f64())
}

/// Durable calls for help against empty calls through the same stack, with as many in flight.
pub async fn submits(bench: &Bench, name: String, in_flight: usize, rounds: usize) -> Outcome<Figure> {
    let connections = in_flight.div_ceil(PER_CONNECTION);
    let clients = (0..connections).map(|_| bench.client(&bench.widget)).collect::<Outcome<Vec<_>>>()?;
    for client in &clients {
        empty_call(client).await?;
        submit(client).await?;
    }
    let mut pairs = Vec::new();
    for _ in 0..rounds {
        let submits = rate(&clients, in_flight, true).await?;
        let empty = rate(&clients, in_flight, false).await?;
        pairs.push((submits, empty));
    }
    Ok(Figure::of(name, "calls/s", "empty calls, same stack", &pairs))
}

/// From the beginning of a submit until an operator's client has the change, against the submit alone.
pub async fn submit_to_screen(bench: &Bench, rounds: usize) -> Outcome<Figure> {
    let operator = bench.client(&bench.admin)?;
    let customer = bench.client(&bench.widget)?;
    let mut frames = operator.watch().watch_queue(WatchQueueRequest::default()).await?.into_inner();
    // The snapshot comes first, in parts.
    while let Some(frame) = frames.message().await? {
        if matches!(&frame.frame, Some(Frame::Snapshot(snapshot)) if snapshot.last) {
            break;
        }
    }
    let mut pairs = Vec::new();
    for _ in 0..rounds {
        let (mut seen, mut alone) = (Vec::new(), Vec::new());
        for _ in 0..100 {
            let started = Instant::now();
            let watched = async {
                while let Some(frame) = frames.message().await? {
                    if matches!(frame.frame, Some(Frame::Change(_))) {
                        break;
                    }
                }
                Outcome::Ok(started.elapsed())
            };
            let submitted = async {
                submit(&customer).await?;
                Outcome::Ok(started.elapsed())
            };
            let (watched, submitted) = tokio::try_join!(watched, submitted)?;
            seen.push(watched.as_secs_f64() * 1e3);
            alone.push(submitted.as_secs_f64() * 1e3);
        }
        pairs.push((median(seen.into_iter()), median(alone.into_iter())));
    }
    Ok(Figure::of("submit to screen", "ms", "the same submit's answer", &pairs))
}
