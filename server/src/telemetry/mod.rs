//! Watching the server: its log and its metrics.
//!
//! Logs say what happened to whom by ids and numbers; people's words, addresses of customers and
//! secrets are in none of them.

mod calls;
mod log_queue;
mod logs;
mod metrics;
pub mod names;

pub use calls::{CountCalls, Counted};
pub use logs::{flush_log, log, say};
pub use metrics::{MetricsProblem, serve_metrics};
