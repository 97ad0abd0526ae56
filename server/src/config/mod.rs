//! Settings: what they are, and where each value comes from.
//!
//! Four layers, later ones before earlier ones: the commented defaults in `defaults.toml`, a file,
//! the environment, flags. The defaults name every setting, so that an unknown name anywhere is
//! refused with the nearest one.

mod check;
mod layers;
mod show;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use check::{ConfigProblem, check_database, read_database_file};
pub use layers::{Override, Sources};
pub use show::{Effective, masked_url};

/// The commented defaults: every setting there is.
pub const DEFAULTS: &str = include_str!("defaults.toml");

/// The file that is read when no other is named, if it is there.
pub const DEFAULT_FILE: &str = "/etc/deskbell/server.toml";

/// The name of the innermost layer.
const DEFAULT_LAYER: &str = "default";

/// All settings, complete and checked. What each means is said in `defaults.toml`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Settings {
    /// The name of this installation, for people.
    pub server_name: String,
    /// Where the embedded database and the key file live.
    pub data_dir: PathBuf,
    /// The database's address; may hold a password.
    pub database: String,
    /// The file the address was read from; empty when there is none.
    pub database_file: PathBuf,
    /// The file with the key of the database's secrets.
    pub key_file: PathBuf,
    /// Where the server listens.
    pub listen: SocketAddr,
    /// How clients reach the server; empty: where it listens. See [`Settings::addresses`].
    addresses: Vec<String>,
    /// Who connects for others, and says for whom.
    pub balancers: Vec<IpAddr>,
    /// HTTP/2 without TLS, on loopback.
    pub plaintext: bool,
    /// Who may use gRPC reflection.
    pub reflection: Reflection,
    /// How long a stopping server waits.
    drain_seconds: u64,
    /// Certificates.
    tls: Tls,
    /// What is logged, and how.
    pub log: Log,
    /// Where metrics are read.
    metrics: Metrics,
    /// What one caller, or all together, may cost.
    pub limits: Limits,
}

/// Who may discover the contract by gRPC reflection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reflection {
    /// Nobody.
    Off,
    /// Signed-in admins.
    Admins,
    /// Everybody.
    On,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Tls {
    certificate_file: PathBuf,
    key_file: PathBuf,
    authority_file: PathBuf,
    names: Vec<String>,
}

/// Certificates of the host's own, in PEM.
#[derive(Debug, Clone)]
pub struct CertificateFiles {
    /// The server's certificate and those between it and its authority.
    pub chain: PathBuf,
    /// The certificate's key.
    pub key: PathBuf,
    /// The authority, when systems do not know it.
    pub authority: Option<PathBuf>,
}

/// What is logged, and how.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Log {
    /// For people or for machines.
    pub format: LogFormat,
    /// Directives of `tracing_subscriber::EnvFilter`.
    pub filter: String,
}

/// For whom the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// People.
    Human,
    /// Machines: one JSON object a line.
    Json,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Metrics {
    listen: String,
}

/// What one caller, or all together, may cost. All at least 1.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// Connections at once from one IP address.
    pub connections_per_address: usize,
    /// Calls at once on one connection.
    pub streams_per_connection: u32,
    /// The largest request, in bytes.
    pub message_bytes: usize,
    handshake_seconds: u64,
    keepalive_seconds: u64,
    keepalive_timeout_seconds: u64,
    /// Calls for help from one IP address, a minute.
    pub submits_per_address: u32,
    /// Calls for help with one profile, a minute.
    pub submits_per_profile: u32,
    /// Calls of customers from one IP address, whatever they ask for, a minute.
    pub calls_per_address: u32,
    /// Calls and streams of customers at once from one IP address.
    pub customers_per_address: usize,
    /// Live queues that one account watches at once.
    pub watches_per_account: usize,
    /// Failed attempts to sign in to one account from one IP address, in fifteen minutes.
    pub sign_ins_per_account: u32,
    /// Failed attempts to sign in from one IP address, in fifteen minutes.
    pub sign_ins_per_address: u32,
    /// Passwords hashed at once.
    pub passwords_at_once: usize,
}

impl Limits {
    /// How long a TLS handshake may take.
    pub fn handshake(&self) -> Duration {
        Duration::from_secs(self.handshake_seconds)
    }

    /// How long a peer may be silent before it is asked for a sign of life.
    pub fn keepalive(&self) -> Duration {
        Duration::from_secs(self.keepalive_seconds)
    }

    /// How long the answer may take.
    pub fn keepalive_timeout(&self) -> Duration {
        Duration::from_secs(self.keepalive_timeout_seconds)
    }
}

impl Settings {
    /// How clients reach a server that listens on `bound` (the port may have been chosen by the
    /// system). On all interfaces and without addresses in the configuration, only `localhost` is
    /// certain.
    pub fn addresses(&self, bound: SocketAddr) -> Vec<String> {
        if !self.addresses.is_empty() {
            return self.addresses.clone();
        }
        let scheme = if self.plaintext { "http" } else { "https" };
        if bound.ip().is_unspecified() {
            return vec![format!("{scheme}://localhost:{}", bound.port())];
        }
        vec![format!("{scheme}://{bound}")]
    }

    /// Whether people off this machine can use the addresses that widgets are given.
    pub fn is_reachable_from_outside(&self) -> bool {
        !self.addresses.is_empty() || !(self.listen.ip().is_unspecified())
    }

    /// How long a stopping server waits for calls to end.
    pub fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds)
    }

    /// The certificates that the host brings, if it does.
    pub fn certificate_files(&self) -> Option<CertificateFiles> {
        let given = |path: &PathBuf| (!path.as_os_str().is_empty()).then(|| path.clone());
        Some(CertificateFiles {
            chain: given(&self.tls.certificate_file)?,
            key: given(&self.tls.key_file)?,
            authority: given(&self.tls.authority_file),
        })
    }

    /// Names and addresses for certificates by the own authority, without repeats.
    pub fn certificate_names(&self) -> Vec<String> {
        let fixed = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let listen = (!self.listen.ip().is_unspecified()).then(|| self.listen.ip().to_string());
        let reached = self.addresses.iter().filter_map(|address| check::host(address));
        let mut names = Vec::new();
        for name in
            fixed.into_iter().chain(listen).chain(reached).chain(self.tls.names.iter().cloned())
        {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Where metrics are read; none when they are off.
    pub fn metrics_listen(&self) -> Option<SocketAddr> {
        self.metrics.listen.parse().ok()
    }
}
