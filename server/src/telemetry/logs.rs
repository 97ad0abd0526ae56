//! The log: for people or, as one JSON object a line, for machines. Always to the standard error,
//! so that what a command prints stays clean.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{Log, LogFormat};

/// Begins logging. Does nothing when something in this process logs already.
pub fn log(settings: &Log) {
    // The filter was checked with the other settings.
    let filter = EnvFilter::try_new(&settings.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let begun = match settings.format {
        LogFormat::Human => builder.with_ansi(io::stderr().is_terminal()).finish().try_init(),
        LogFormat::Json => builder.json().flatten_event(true).finish().try_init(),
    };
    // Only tests start twice in one process.
    drop(begun);
}
