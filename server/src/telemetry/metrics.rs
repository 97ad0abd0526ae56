//! Metrics in Prometheus' text format, on a port of their own for this machine alone.

use std::fmt;
use std::net::SocketAddr;

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder};

use super::names::{Kind, TABLE};

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
    let mut builder = PrometheusBuilder::new();
    for (name, kind, _) in TABLE {
        if let Kind::Histogram(bounds) = kind {
            builder = builder
                .set_buckets_for_metric(Matcher::Full((*name).to_owned()), bounds)
                .map_err(problem)?;
        }
    }
    builder.with_http_listener(address).install().map_err(problem)?;
    for (name, kind, text) in TABLE {
        match kind {
            Kind::Counter => describe_counter!(*name, *text),
            Kind::Gauge => describe_gauge!(*name, *text),
            Kind::Histogram(_) if name.ends_with("_seconds") => {
                describe_histogram!(*name, Unit::Seconds, *text);
            }
            Kind::Histogram(_) => describe_histogram!(*name, Unit::Count, *text),
        }
    }
    Ok(())
}
