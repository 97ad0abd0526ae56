//! A server's metrics, read as Prometheus reads them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::host::Host;
use crate::waiting::soon;

/// Where the next server of a host tells its metrics.
#[derive(Clone, Copy, Debug)]
pub struct Metrics(SocketAddr);

/// What they said at one moment.
#[derive(Clone, Debug)]
pub struct Readings {
    names: BTreeSet<String>,
    values: BTreeMap<String, f64>,
}

impl Metrics {
    /// Has servers that this host starts from now on tell their metrics at a port that is free now.
    /// One server at a time.
    pub fn of_next_server(host: &Host) -> Self {
        let at = free_port();
        host.set(&format!("metrics.listen={at}"));
        Self(at)
    }

    /// Reads them.
    pub async fn read(self) -> Readings {
        let mut socket = TcpStream::connect(self.0).await.expect("the port of the metrics");
        let ask = format!("GET /metrics HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.0);
        socket.write_all(ask.as_bytes()).await.expect("asked");
        let mut answer = String::new();
        soon("the metrics", socket.read_to_string(&mut answer)).await.expect("metrics");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let named = |line: &str| Some(line.strip_prefix("# TYPE ")?.split(' ').next()?.to_owned());
        let valued = |line: &str| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        };
        let names = answer.lines().filter_map(named).collect();
        let values = answer
            .lines()
            .filter(|line| line.starts_with("deskbell_"))
            .filter_map(valued)
            .collect();
        Readings { names, values }
    }
}

/// A port that nobody listens at. It is below those that systems give to connections, so that none
/// takes it meanwhile.
fn free_port() -> SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let begin = std::process::id().wrapping_mul(97);
    let candidates =
        std::iter::repeat_with(|| 20_000 + begin.wrapping_add(NEXT.fetch_add(1, Relaxed)) % 12_000);
    let addresses = candidates
        .filter_map(|port| Some(SocketAddr::from(([127, 0, 0, 1], u16::try_from(port).ok()?))));
    addresses.take(12_000).find(|at| TcpListener::bind(at).is_ok()).expect("a free port")
}

impl Readings {
    /// The names of all metrics that have said something; of a histogram, its name alone.
    pub fn names(&self) -> &BTreeSet<String> {
        &self.names
    }

    /// What was said under this name with exactly these labels, e.g.
    /// `deskbell_tickets_open{state="new"}`; 0: nothing.
    pub fn value(&self, name: &str) -> f64 {
        self.values.get(name).copied().unwrap_or_default()
    }
}
