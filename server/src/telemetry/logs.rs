//! The log: for people or, as one JSON object a line, for machines. Always to the standard error,
//! so that what a command prints stays clean, and by way of a queue: a disk that is full and a
//! reader that is gone or stuck cost lines of the log and nothing else.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::OnceLock;
use std::time::Duration;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::log_queue::LogQueue;
use crate::clock;
use crate::config::{Log, LogFormat};

/// The queue of this process, once it logs.
static QUEUE: OnceLock<LogQueue> = OnceLock::new();

/// Begins logging, panics included. Does nothing when something in this process logs already. Fails
/// when the thread that writes the log cannot be started.
pub fn log(settings: &Log) -> io::Result<()> {
    let format = settings.format;
    let notice = move |lost| {
        line(
            format,
            "WARN",
            &format!("{lost} lines of the log were lost: they could not be written"),
        )
    };
    let queue = LogQueue::start(io::stderr(), Box::new(notice))?;
    // The filter was checked with the other settings.
    let filter = EnvFilter::try_new(&settings.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(queue.clone())
        // Its own complaints go straight to the standard error, and panic when they cannot.
        .log_internal_errors(false);
    let begun = match format {
        LogFormat::Human => builder.with_ansi(io::stderr().is_terminal()).finish().try_init(),
        LogFormat::Json => builder.json().flatten_event(true).finish().try_init(),
    };
    // Only tests start twice in one process.
    if begun.is_ok() && QUEUE.set(queue.clone()).is_ok() {
        tell_panics(queue, format);
    }
    Ok(())
}

/// Writes a sentence for whoever started the process where the log goes: after what was logged
/// before, if anything was.
pub fn say(sentence: &str) {
    let line = format!("{sentence}\n").into_bytes();
    match QUEUE.get() {
        Some(queue) => queue.push(line),
        // Nothing is left to be done when even that cannot be written.
        None => drop(io::stderr().write_all(&line)),
    }
}

/// Waits until the log is written, but no longer than this.
pub fn flush_log(longest: Duration) {
    if let Some(queue) = QUEUE.get() {
        queue.flush(longest);
    }
}

/// Panics are told by way of the queue, too: whoever panics must not be stuck on top of it. Not as
/// an event, which might be what panicked.
fn tell_panics(queue: LogQueue, format: LogFormat) {
    std::panic::set_hook(Box::new(move |panic| {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("without a name");
        let trace = std::backtrace::Backtrace::capture();
        let mut text = format!("thread '{name}' {panic}");
        if trace.status() == std::backtrace::BacktraceStatus::Captured {
            text = format!("{text}\n{trace}");
        }
        queue.push(line(format, "ERROR", &text));
    }));
}

/// A line as the subscriber writes them.
fn line(format: LogFormat, level: &str, text: &str) -> Vec<u8> {
    let now = clock::timestamp();
    let target = module_path!();
    let mut line = match format {
        LogFormat::Human => format!("{now} {level:>5} {target}: {text}"),
        LogFormat::Json => serde_json::json!({
            "timestamp": now.to_string(), "level": level, "message": text, "target": target,
        })
        .to_string(),
    };
    line.push('\n');
    line.into_bytes()
}
