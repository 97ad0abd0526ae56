//! Watching the server: its log and its metrics.
//!
//! Logs say what happened to whom by ids and numbers; people's words, addresses of customers and
//! secrets are in none of them.

mod calls;
mod logs;
mod measures;
mod metrics;
pub mod names;

pub use calls::{CountCalls, Counted};
pub use logs::log;
pub use measures::{committed, delivered, first_answered};
pub use metrics::{MetricsProblem, serve_metrics};
