//! Calls to the server.

use std::sync::Arc;

use deskbell_proto::client::Client;
use deskbell_proto::v1::GetServerInfoRequest;
use deskbell_tests::measuring::pace::{Pace, call_for_help, pace};

use crate::Outcome;
use crate::server::Bench;

/// Connections that all calls in flight share: few, so that the side that calls costs little.
pub const CONNECTIONS: usize = 8;

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
