//! Serving calls on a listening socket, and stopping in bounded time.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::transport::Server;
use tower::Service;
use tower::util::MapResponseLayer;

use super::accept::{self, Door};
use super::endings::EndIdle;
use super::gate::Gate;
use super::stopping::{Stage, Stopping};
use crate::config::Limits;
use crate::grpc::in_our_words;
use crate::supervise::keep_running;
use crate::telemetry::CountCalls;

/// How many connections may have shaken hands before the server takes them.
const READY_CONNECTIONS: usize = 64;

/// How much a client may send ahead, in bytes: on one call, and on all of a connection. A request
/// fits, and what a connection can make the server hold stays small.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;

/// The largest list of headers, in bytes.
const HEADER_LIST: u32 = 16 * 1024;

/// How many resets of calls are remembered before a connection is ended (CVE-2023-44487): by the
/// client, and for its errors.
const PENDING_RESETS: usize = 64;
const ERROR_RESETS: usize = 256;

/// How long connections that were told to end may take for it.
const LAST_CONNECTIONS: Duration = Duration::from_secs(1);

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
    pub async fn listen(
        address: SocketAddr,
        limits: &Limits,
        tls: Option<ServerConfig>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        Ok(Self {
            listener,
            limits: limits.clone(),
            tls: tls.map(Arc::new),
            balancers: Arc::default(),
        })
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
    pub async fn serve<S>(self, services: S, stopping: Stopping, drain: Duration) -> Ended
    where
        S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>
            + Clone
            + Send
            + 'static,
        S::Future: Send + 'static,
    {
        let (end, over) = Stopping::new();
        let door = Door {
            gate: Gate::new(self.limits.connections, self.limits.connections_per_address),
            balancers: self.balancers,
            tls: self.tls,
            over,
            handshake: self.limits.handshake(),
        };
        let (ready, shaken) = mpsc::channel(READY_CONNECTIONS);
        let (listener, accepting) = (Arc::new(self.listener), stopping.clone());
        let is_over = move || accepting.stage() != Stage::Running;
        let following = stopping.clone();
        let accepting = keep_running("accept", is_over, move || {
            accept::run(Arc::clone(&listener), door.clone(), ready.clone(), following.clone())
        });
        let connections = ReceiverStream::new(shaken).map(Ok::<_, Infallible>);
        let served = server(&self.limits)
            .layer(EndIdle(stopping.clone()))
            .layer(CountCalls::of(deskbell_proto::DESCRIPTORS))
            .layer(MapResponseLayer::new(in_our_words::<Body>))
            .serve_with_incoming_shutdown(services, connections, stopping.reaches(Stage::Draining));
        let mut served = pin!(served);
        let ended = tokio::select! {
            // It ends with its last connection, and never with an error: there is nothing that it
            // binds or makes.
            _ = &mut served => Ended::Drained,
            () = time_is_up(&stopping, drain) => {
                end.send_replace(Stage::Now);
                let _ = timeout(LAST_CONNECTIONS, served).await;
                Ended::Cut
            }
        };
        accepting.abort();
        ended
    }
}

/// A server of HTTP/2 with our limits.
fn server(limits: &Limits) -> Server {
    Server::builder()
        .max_concurrent_streams(limits.streams_per_connection)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keepalive_interval(Some(limits.keepalive()))
        .http2_keepalive_timeout(Some(limits.keepalive_timeout()))
        .http2_max_header_list_size(HEADER_LIST)
        .http2_max_pending_accept_reset_streams(Some(PENDING_RESETS))
        .http2_max_local_error_reset_streams(Some(ERROR_RESETS))
}

/// Waits for the end of the drain, or for whoever cannot wait for it.
async fn time_is_up(stopping: &Stopping, drain: Duration) {
    stopping.reaches(Stage::Draining).await;
    tokio::select! {
        () = tokio::time::sleep(drain) => {}
        () = stopping.reaches(Stage::Now) => {}
    }
}
