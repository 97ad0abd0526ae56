//! Metrics in Prometheus' text format, on a port of their own for this machine alone.

use std::fmt;
use std::net::SocketAddr;

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder};

use super::names::{Kind, TABLE};

/// Bounds of the histograms' buckets, in seconds: from half a millisecond to ten seconds.
const BUCKETS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Why there are no metrics.
#[derive(Debug)]
pub struct MetricsProblem {
    address: SocketAddr,
    cause: String,
}

impl fmt::Display for MetricsProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "metrics cannot be served on {}: {}; choose another \"metrics.listen\", or \"off\"",
            self.address, self.cause
        )
    }
}

impl std::error::Error for MetricsProblem {}

/// Begins to collect metrics and to serve them on `address` as long as the runtime lives.
pub fn serve_metrics(address: SocketAddr) -> Result<(), MetricsProblem> {
    let problem = |error: BuildError| MetricsProblem { address, cause: error.to_string() };
    let builder = PrometheusBuilder::new().set_buckets(&BUCKETS).map_err(problem)?;
    builder.with_http_listener(address).install().map_err(problem)?;
    for (name, kind, text) in TABLE {
        match kind {
            Kind::Counter => describe_counter!(*name, *text),
            Kind::Gauge => describe_gauge!(*name, *text),
            Kind::Histogram => describe_histogram!(*name, Unit::Seconds, *text),
        }
    }
    Ok(())
}
