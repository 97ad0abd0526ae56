//! How many calls get answered a second.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use deskbell_proto::v1::SubmitTicketRequest;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::Outcome;
use super::writes::begin_with_time;

/// Bytes of what a customer writes.
const DESCRIPTION: &str = "The printer on the second floor says that it is out of paper, and it \
    is not. \
                           The printer on the second floor says that it is out of paper, and it \
                           is not. \
                           The printer on the second floor says that it is out of paper, and it \
                           is not. \
                           The printer on the second floor says that it is out of paper, and it \
                           is not. ";

/// A customer's call for help: some 300 bytes of words.
pub fn call_for_help() -> SubmitTicketRequest {
    // Not the hash of any secret, but built like one: that is quicker.
    let mut secret_hash = vec![0; 32];
    fastrand::fill(&mut secret_hash);
    begin_with_time(&mut secret_hash);
    SubmitTicketRequest {
        secret_hash,
        email: "customer@example.org".into(),
        description: DESCRIPTION.into(),
        ..SubmitTicketRequest::default()
    }
}

/// So many calls, by so many at once.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Calls {
    /// Calls altogether.
    pub calls: usize,
    /// How many are under way at a time.
    pub in_flight: usize,
}

/// What a number of calls took.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Pace {
    /// Calls.
    pub calls: usize,
    /// From the first one's beginning to the last one's end.
    pub took: Duration,
}

impl Pace {
    /// Calls a second.
    #[expect(clippy::cast_precision_loss, reason = "nobody makes 2^52 calls")]
    pub fn rate(self) -> f64 {
        self.calls as f64 / self.took.as_secs_f64()
    }

    /// As many calls as take about this long at this pace.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a pace is finite and not negative"
    )]
    pub fn calls_in(self, seconds: f64) -> usize {
        ((self.rate() * seconds) as usize).max(1)
    }
}

/// Makes so many calls with so many in flight. A call is told which of the callers makes it.
pub async fn pace<C, A>(calls: usize, in_flight: usize, call: C) -> Outcome<Pace>
where
    C: Fn(usize) -> A + Clone + Send + 'static,
    A: Future<Output = Outcome<()>> + Send,
{
    let begun = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let mut callers = JoinSet::new();
    for caller in 0..in_flight {
        let (begun, call) = (Arc::clone(&begun), call.clone());
        callers.spawn(async move {
            while begun.fetch_add(1, Ordering::Relaxed) < calls {
                call(caller).await?;
            }
            Outcome::Ok(())
        });
    }
    while let Some(finished) = callers.join_next().await {
        finished??;
    }
    Ok(Pace { calls, took: started.elapsed() })
}
