//! Waiting for states, with bounds that only something that hangs reaches.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

/// How long anything may take, on a slow machine that does other things, too.
pub const BOUND: Duration = Duration::from_secs(30);

/// Asks again and again until it is so. Panics in words when that takes too long.
pub async fn eventually(what: &str, longest: Duration, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < longest, "not within {longest:?}: {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// Waits for what comes by itself. Panics in words when that takes too long.
pub async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    let Ok(output) = timeout(BOUND, future).await else { panic!("not within {BOUND:?}: {what}") };
    output
}
