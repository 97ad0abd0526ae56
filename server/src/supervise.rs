//! Tasks that have to be there as long as the server runs. One that panics, or ends though nobody
//! told it to, is started again: else the server would go on without it, and nobody would know.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::task::JoinHandle;

/// How long to wait before a task is started again, so that one that always fails does not keep the
/// server busy.
const PAUSE: Duration = Duration::from_secs(1);

/// Keeps the task that `make` makes running until it ends and `is_over` says that it may.
pub fn keep_running<F: Future<Output = ()> + Send + 'static>(
    name: &'static str,
    is_over: impl Fn() -> bool + Send + 'static,
    make: impl FnMut() -> F + Send + 'static,
) -> JoinHandle<()> {
    tokio::spawn(run(name, PAUSE, is_over, make))
}

async fn run<F: Future<Output = ()>>(
    name: &'static str,
    pause: Duration,
    is_over: impl Fn() -> bool,
    mut make: impl FnMut() -> F,
) {
    loop {
        // What a panic leaves behind is dropped, and the next one begins anew.
        let ended = AssertUnwindSafe(async { make().await }).catch_unwind().await;
        if is_over() {
            return;
        }
        let how = if ended.is_ok() { "ended" } else { "panicked" };
        tracing::error!(task = name, how, "a task ended unexpectedly; it is started again");
        tokio::time::sleep(pause).await;
        if is_over() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_or_ends_is_started_again_until_it_is_over() {
        let begun = Arc::new(AtomicUsize::new(0));
        let (count, seen) = (Arc::clone(&begun), Arc::clone(&begun));
        let is_over = move || seen.load(Ordering::Relaxed) == 4;
        let watched = run("a test", Duration::ZERO, is_over, move || {
            let turn = count.fetch_add(1, Ordering::Relaxed);
            assert!(turn != 0, "while it is made");
            async move {
                assert!(turn != 1, "while it runs");
            }
        });
        watched.await;
        assert_eq!(begun.load(Ordering::Relaxed), 4, "panicked twice, ended once, was over");
    }
}
