//! Serving calls on a listening socket, and stopping in bounded time.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tonic::body::Body;
use tower::{Layer as _, Service};

use super::accept::{self, Door};
use super::connection::Connection;
use super::deadline::KeepDeadlines;
use super::farewell::SayFarewell;
use super::gate::Gate;
use super::stopping::{Drain, Stage, Stopping};
use super::together::{Begun, Together};
use crate::config::Limits;
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
        S::Future: Send,
    {
        let door = Door {
            gate: Gate::new(self.limits.connections, self.limits.connections_per_address),
            balancers: self.balancers,
            tls: self.tls,
            handshake: self.limits.handshake(),
        };
        let (ready, mut shaken) = mpsc::channel(READY_CONNECTIONS);
        let (listener, over) = (Arc::new(self.listener), stopping.clone());
        let following = stopping.clone();
        let is_over = move || over.stage() != Stage::Running;
        let accepting = keep_running("accept", is_over, move || {
            accept::run(Arc::clone(&listener), door.clone(), ready.clone(), following.clone())
        });
        let services = KeepDeadlines.layer(services);
        let services = CountCalls::of(deskbell_proto::DESCRIPTORS).layer(services);
        let services = SayFarewell(stopping.clone()).layer(services);
        let mut served = JoinSet::new();
        let all_served = async {
            loop {
                tokio::select! {
                    () = stopping.reaches(Stage::Draining) => break,
                    Some(connection) = shaken.recv() => {
                        served.spawn(serve_connection(connection, services.clone(), self.limits.clone(), stopping.clone()));
                    }
                    // Those that have ended are forgotten at once.
                    Some(_) = served.join_next() => {}
                    else => break,
                }
            }
            while served.join_next().await.is_some() {}
        };
        let ended = tokio::select! {
            () = all_served => Ended::Drained,
            () = time_is_up(&stopping, drain) => Ended::Cut,
        };
        accepting.abort();
        ended
    }
}

/// Serves a connection's calls until its client goes, or the server stops and they have ended.
async fn serve_connection<S, A>(
    connection: Connection,
    services: S,
    limits: Limits,
    stopping: Stopping,
) where
    S: Service<http::Request<Body>, Response = http::Response<A>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
    A: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    A::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let info = connection.info();
    let begun = Begun::default();
    let answer = service_fn(move |request: http::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(info.clone());
        let mut services = services.clone();
        async move {
            poll_fn(|context| services.poll_ready(context)).await?;
            services.call(request).await
        }
    });
    let serving = http2::Builder::new(begun.clone())
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams_per_connection)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .keep_alive_interval(Some(limits.keepalive()))
        .keep_alive_timeout(limits.keepalive_timeout())
        .max_header_list_size(HEADER_LIST)
        .max_pending_accept_reset_streams(Some(PENDING_RESETS))
        .max_local_error_reset_streams(Some(ERROR_RESETS))
        .serve_connection(TokioIo::new(connection), answer);
    let mut together = Together::new(serving, begun);
    let mut drain = Some(Drain::of(&stopping));
    let ended = poll_fn(|context| {
        if drain.as_mut().is_some_and(|drain| drain.poll(context).is_ready()) {
            drain = None;
            together.connection().graceful_shutdown();
        }
        Pin::new(&mut together).poll(context)
    });
    if let Err(error) = ended.await {
        tracing::debug!(%error, "a connection ended badly");
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
