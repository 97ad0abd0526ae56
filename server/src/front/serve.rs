//! Serving calls on a listening socket, and stopping in bounded time.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::service::Routes;
use tonic::transport::Server;

use super::accept::{self, Door};
use super::farewell::SayFarewell;
use super::gate::Gate;
use super::stopping::{Stage, Stopping};
use crate::config::Limits;
use crate::telemetry::CountCalls;

/// How many connections may have shaken hands before the server takes them.
const READY_CONNECTIONS: usize = 64;

/// How much a client may send ahead, in bytes: on one call, and on all of a connection. A request fits, and what a connection
/// can make the server hold stays small.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;

/// The largest list of headers, in bytes.
const HEADER_LIST: u32 = 16 * 1024;

/// How many resets of calls are remembered before a connection is ended (CVE-2023-44487): by the client, and for its errors.
const PENDING_RESETS: usize = 64;
const ERROR_RESETS: usize = 256;

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Every call ended by itself.
    Drained,
    /// Time was up, or nobody wanted to wait; calls were cut.
    Cut,
}

/// A listening socket that serves when asked to.
pub struct Front {
    listener: TcpListener,
    limits: Limits,
    tls: Option<Arc<ServerConfig>>,
    balancers: Arc<[IpAddr]>,
}

impl Front {
    /// Listens. Without `tls`, connections are plain.
    pub async fn listen(address: SocketAddr, limits: &Limits, tls: Option<ServerConfig>) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        Ok(Self { listener, limits: limits.clone(), tls: tls.map(Arc::new), balancers: Arc::default() })
    }

    /// Behind these balancers, which say for whom they connect.
    #[must_use]
    pub fn behind(self, balancers: &[IpAddr]) -> Self {
        Self { balancers: balancers.iter().map(IpAddr::to_canonical).collect(), ..self }
    }

    /// Where it listens, with the port that the system chose.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves calls until the server stops, and waits at most `drain` for those that are running.
    pub async fn serve(
        self,
        routes: Routes,
        stopping: Stopping,
        drain: Duration,
    ) -> Result<Ended, tonic::transport::Error> {
        let door = Door {
            gate: Gate::new(self.limits.connections, self.limits.connections_per_address),
            balancers: self.balancers,
            tls: self.tls,
            handshake: self.limits.handshake(),
        };
        let (ready, connections) = mpsc::channel(READY_CONNECTIONS);
        let accepting = tokio::spawn(accept::run(self.listener, door, ready, stopping.clone()));
        let (draining, farewell) = (stopping.clone(), SayFarewell(stopping.clone()));
        let server = Server::builder()
            .max_concurrent_streams(self.limits.streams_per_connection)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .http2_keepalive_interval(Some(self.limits.keepalive()))
            .http2_keepalive_timeout(Some(self.limits.keepalive_timeout()))
            .http2_max_header_list_size(HEADER_LIST)
            .http2_max_pending_accept_reset_streams(Some(PENDING_RESETS))
            .http2_max_local_error_reset_streams(Some(ERROR_RESETS))
            .layer(farewell)
            .layer(CountCalls::of(deskbell_proto::DESCRIPTORS))
            .add_routes(routes)
            .serve_with_incoming_shutdown(ReceiverStream::new(connections), async move {
                draining.reaches(Stage::Draining).await;
            });
        let ended = tokio::select! {
            served = server => served.map(|()| Ended::Drained),
            () = time_is_up(&stopping, drain) => Ok(Ended::Cut),
        };
        accepting.abort();
        ended
    }
}

/// Waits for the end of the drain, or for whoever cannot wait for it.
async fn time_is_up(stopping: &Stopping, drain: Duration) {
    stopping.reaches(Stage::Draining).await;
    tokio::select! {
        () = tokio::time::sleep(drain) => {}
        () = stopping.reaches(Stage::Now) => {}
    }
}
