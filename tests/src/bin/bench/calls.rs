//! Calls to the server, and how many of them get answered a second.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use deskbell_proto::client::Client;
use deskbell_proto::v1::{GetServerInfoRequest, SubmitTicketRequest};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::Outcome;
use crate::sample::begin_with_time;
use crate::server::Bench;

/// Connections that all calls in flight share: few, so that the side that calls costs little.
pub const CONNECTIONS: usize = 8;

/// Bytes of what a customer writes.
const DESCRIPTION: &str = "The printer on the second floor says that it is out of paper, and it is not. \
                           The printer on the second floor says that it is out of paper, and it is not. \
                           The printer on the second floor says that it is out of paper, and it is not. \
                           The printer on the second floor says that it is out of paper, and it is not. ";

/// A customer's call for help: some 300 bytes of words.
pub fn call_for_help() -> SubmitTicketRequest {
    // The hash of no secret looks like one of a secret, and is made quicker.
    let mut secret_hash = vec![0; 32];
    fastrand::fill(&mut secret_hash);
    begin_with_time(&mut secret_hash);
    SubmitTicketRequest {
        secret_hash,
        email: "customer@example.org".into(),
        description: DESCRIPTION.into(),
        ..SubmitTicketRequest::default()
    }
}

/// Rings; answered when the ticket is on disk.
pub async fn submit(client: &Client) -> Outcome<()> {
    client.assistance().submit_ticket(call_for_help()).await?;
    Ok(())
}

/// Yardstick E: a call that the server answers at once, from what it knows by heart.
pub async fn empty_call(client: &Client) -> Outcome<()> {
    client.server_info().get_server_info(GetServerInfoRequest {}).await?;
    Ok(())
}

/// Customers' connections, open, shared by so many calls at once.
pub async fn connections(bench: &Bench, in_flight: usize) -> Outcome<Arc<[Client]>> {
    let count = CONNECTIONS.min(in_flight);
    let widgets = bench.widgets.iter().cycle().take(count);
    let clients = widgets.map(|widget| bench.client(widget)).collect::<Outcome<Vec<_>>>()?;
    for client in &clients {
        empty_call(client).await?;
    }
    Ok(clients.into())
}

/// So many calls, by so many at once.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Calls {
    /// Calls altogether.
    pub calls: usize,
    /// How many are under way at a time.
    pub in_flight: usize,
}

/// What a number of calls took.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Pace {
    /// Calls.
    pub calls: usize,
    /// From the first one's beginning to the last one's end.
    pub took: Duration,
}

impl Pace {
    /// Calls a second.
    #[expect(clippy::cast_precision_loss, reason = "nobody makes 2^52 calls")]
    pub fn rate(self) -> f64 {
        self.calls as f64 / self.took.as_secs_f64()
    }

    /// As many calls as take about this long at this pace.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a pace is finite and not negative")]
    pub fn calls_in(self, seconds: f64) -> usize {
        ((self.rate() * seconds) as usize).max(1)
    }
}

/// Makes so many calls with so many in flight. A call is told which of the callers makes it.
pub async fn pace<C, A>(calls: usize, in_flight: usize, call: C) -> Outcome<Pace>
where
    C: Fn(usize) -> A + Clone + Send + 'static,
    A: Future<Output = Outcome<()>> + Send,
{
    let begun = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let mut callers = JoinSet::new();
    for caller in 0..in_flight {
        let (begun, call) = (Arc::clone(&begun), call.clone());
        callers.spawn(async move {
            while begun.fetch_add(1, Ordering::Relaxed) < calls {
                call(caller).await?;
            }
            Outcome::Ok(())
        });
    }
    while let Some(finished) = callers.join_next().await {
        finished??;
    }
    Ok(Pace { calls, took: started.elapsed() })
}

/// Submits over these connections.
pub async fn submit_pace(clients: &Arc<[Client]>, calls: usize, in_flight: usize) -> Outcome<Pace> {
    let clients = Arc::clone(clients);
    pace(calls, in_flight, move |caller| {
        let clients = Arc::clone(&clients);
        async move { submit(&clients[caller % clients.len()]).await }
    })
    .await
}

/// Empty calls over these connections.
pub async fn empty_pace(clients: &Arc<[Client]>, calls: usize, in_flight: usize) -> Outcome<Pace> {
    let clients = Arc::clone(clients);
    pace(calls, in_flight, move |caller| {
        let clients = Arc::clone(&clients);
        async move { empty_call(&clients[caller % clients.len()]).await }
    })
    .await
}
