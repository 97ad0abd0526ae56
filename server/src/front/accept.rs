//! The accept loop. It survives whatever `accept` answers, and nobody who is slow to shake hands
//! holds up others.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, gauge};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

use super::balancer;
use super::connection::{Connection, Socket, Wire};
use super::gate::{Full, Gate, Room};
use super::stopping::{Follower, Stage, Stopping};
use crate::telemetry::names;

/// How long the loop rests when the system cannot accept: at first, and at most.
const REST: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// What connections must do before they count.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) gate: Gate,
    /// Who says for whom they connect.
    pub(super) balancers: Arc<[IpAddr]>,
    /// Without it, connections are plain.
    pub(super) tls: Option<Arc<ServerConfig>>,
    /// Connections end when it is over.
    pub(super) over: Stopping,
    /// How long a balancer's word, TLS and the first words of HTTP/2 may take together.
    pub(super) handshake: Duration,
}

/// Why a connection goes no further.
enum Unwanted {
    Full(Full),
    Unfit(io::Error),
}

impl From<io::Error> for Unwanted {
    fn from(error: io::Error) -> Self {
        Self::Unfit(error)
    }
}

impl From<Full> for Unwanted {
    fn from(full: Full) -> Self {
        Self::Full(full)
    }
}

impl Door {
    fn is_balancer(&self, remote: IpAddr) -> bool {
        self.balancers.contains(&remote.to_canonical())
    }

    /// Room for whoever connects. For whom a balancer does is not known yet.
    fn enter(&self, remote: IpAddr) -> Result<Room, Full> {
        if self.is_balancer(remote) { self.gate.enter_unnamed() } else { self.gate.enter(remote) }
    }

    async fn shake_hands(
        &self,
        mut stream: TcpStream,
        mut remote: SocketAddr,
        mut room: Room,
        open: Open,
    ) -> Result<Connection, Unwanted> {
        // Answers are small and awaited: waiting for more to send would only delay them.
        stream.set_nodelay(true)?;
        if self.is_balancer(remote.ip()) {
            remote = balancer::client(&mut stream, remote).await?;
            room = self.gate.settle(room, remote.ip())?;
        }
        let wire = match &self.tls {
            Some(config) => {
                let acceptor = TlsAcceptor::from(Arc::clone(config));
                Wire::Tls(Box::new(acceptor.accept(Socket(stream)).await?))
            }
            None => Wire::Plain(stream),
        };
        let over = Follower::of(&self.over, Stage::Now);
        Ok(Connection::begin(wire, remote, over, (room, open)).await?)
    }
}

/// Accepts connections and sends on those that have shaken hands, until the server stops or nobody
/// takes them.
pub(super) async fn run(
    listener: Arc<TcpListener>,
    door: Door,
    ready: mpsc::Sender<Connection>,
    stopping: Stopping,
) {
    let mut rest = REST.0;
    loop {
        let accepted = tokio::select! {
            () = stopping.reaches(Stage::Draining) => return,
            () = ready.closed() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, remote)) => {
                rest = REST.0;
                match door.enter(remote.ip()) {
                    Ok(room) => {
                        tokio::spawn(shake_hands(
                            door.clone(),
                            stream,
                            remote,
                            room,
                            ready.clone(),
                        ));
                    }
                    Err(full) => refuse(full, remote),
                }
            }
            Err(error) if is_about_one_connection(&error) => {}
            Err(error) => {
                // Usually out of file descriptors: those who are connected go on, new ones wait in
                // the system's queue.
                tracing::warn!(%error, "connections cannot be accepted at this moment");
                counter!(names::CONNECTIONS_REFUSED, "reason" => "system").increment(1);
                tokio::time::sleep(rest).await;
                rest = (rest * 2).min(REST.1);
            }
        }
    }
}

/// Errors of a connection that went away before it was accepted.
fn is_about_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

fn refuse(full: Full, remote: SocketAddr) {
    let reason = match full {
        Full::Everywhere => "full",
        Full::ForAddress => "address",
    };
    tracing::debug!(%remote, reason, "a connection is refused");
    counter!(names::CONNECTIONS_REFUSED, "reason" => reason).increment(1);
}

async fn shake_hands(
    door: Door,
    stream: TcpStream,
    remote: SocketAddr,
    room: Room,
    ready: mpsc::Sender<Connection>,
) {
    let open = Open::count();
    let shaken = tokio::time::timeout(door.handshake, door.shake_hands(stream, remote, room, open));
    let problem = match shaken.await {
        Ok(Ok(connection)) => {
            // Nobody takes it when the server stops.
            let _ = ready.send(connection).await;
            return;
        }
        Ok(Err(Unwanted::Full(full))) => return refuse(full, remote),
        Ok(Err(Unwanted::Unfit(error))) => error.to_string(),
        Err(_) => "out of time".to_owned(),
    };
    tracing::debug!(%remote, problem, "a connection did not shake hands");
    counter!(names::CONNECTIONS_REFUSED, "reason" => "handshake").increment(1);
}

/// Counts a connection in the metrics while it is open.
pub(super) struct Open;

impl Open {
    fn count() -> Self {
        gauge!(names::CONNECTIONS_OPEN).increment(1.0);
        Self
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        gauge!(names::CONNECTIONS_OPEN).decrement(1.0);
    }
}
