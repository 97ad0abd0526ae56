//! How fast a watch comes back after a break, and how long it believes in silence.

use std::time::Duration;

use crate::client::Retry;

/// The times of a watch.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// The waits after failures in a row. A watch never gives up: `tries` is not looked at.
    pub retry: Retry,
    /// Opening the stream takes at most this long.
    pub open_within: Duration,
    /// A stream without any frame for this long is taken for dead.
    pub silence: Duration,
    /// A stream that lived this long was a success: the next failure counts as the first.
    pub settled_after: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            retry: Retry { longest_wait: Duration::from_secs(30), ..Retry::default() },
            open_within: Duration::from_secs(20),
            silence: Duration::from_mins(1),
            settled_after: Duration::from_secs(10),
        }
    }
}
