//! Watching the server: its log and its metrics.
//!
//! Logs say what happened to whom by ids and numbers; people's words, addresses of customers and
//! secrets are in none of them.

mod calls;
mod log_queue;
mod logs;
mod measures;
mod metrics;
pub mod names;
mod watched;

pub use calls::{CountCalls, Counted};
pub use logs::{flush_log, log, say};
pub use measures::{committed, delivered, first_answered};
pub use metrics::{MetricsProblem, serve_metrics};
pub use watched::keep_running;
