//! What is measured on the way of a change: a commit, a delivery, a first answer.

use std::time::{Duration, Instant};

use metrics::histogram;

use super::names;

/// Requests have shared a transaction whose last rows and commit began at that moment and has ended
/// now: at the moment it gives.
pub fn committed(requests: usize, began: Instant) -> Instant {
    let ended = Instant::now();
    histogram!(names::COMMIT_SECONDS).record(ended.duration_since(began).as_secs_f64());
    histogram!(names::COMMIT_REQUESTS)
        .record(f64::from(u32::try_from(requests).unwrap_or(u32::MAX)));
    ended
}

/// A watcher's stream has a change that was committed at that moment.
pub fn delivered(committed: Instant) {
    histogram!(names::WATCH_DELAY_SECONDS).record(committed.elapsed().as_secs_f64());
}

/// A customer has the first answer.
pub fn first_answered(waited: Duration) {
    histogram!(names::FIRST_ANSWER_SECONDS).record(waited.as_secs_f64());
}
