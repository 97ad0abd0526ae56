//! Making a call again when the server was away: capped exponential waits with jitter, and the
//! server's own word on when.

use std::time::Duration;

use tonic::{Response, Status};

use crate::problem::Problem;

/// How often and how patiently a call is made again.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// How many times the call is made at most, the first included.
    pub tries: u32,
    /// The wait before the second try; doubles from there.
    pub first_wait: Duration,
    /// The longest wait. A server that asks for a longer one is not waited for: the problem says
    /// when to come back.
    pub longest_wait: Duration,
}

impl Default for Retry {
    /// Four tries in about two seconds: enough for a server that restarts, short enough for a
    /// person who waits.
    fn default() -> Self {
        Self {
            tries: 4,
            first_wait: Duration::from_millis(250),
            longest_wait: Duration::from_secs(5),
        }
    }
}

impl Retry {
    /// How long to wait after this many tries that failed, from what `jitter` (0 to 1) leaves of
    /// it: between half and all.
    pub fn wait(&self, failed: u32, jitter: f64) -> Duration {
        let doubled = self.first_wait.saturating_mul(2u32.saturating_pow(failed.saturating_sub(1)));
        doubled.min(self.longest_wait).mul_f64(jitter.clamp(0.0, 1.0).mul_add(0.5, 0.5))
    }

    /// Makes the call until it succeeds, fails for good, or the tries are used up.
    pub async fn run<T, F, C>(&self, mut call: C) -> Result<T, Problem>
    where
        C: FnMut() -> F,
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let mut failed = 0;
        loop {
            let problem = match call().await {
                Ok(response) => return Ok(response.into_inner()),
                Err(status) => Problem::from(status),
            };
            failed += 1;
            let asked = problem.retry_after.unwrap_or_default();
            if failed >= self.tries || !problem.is_passing() || asked > self.longest_wait {
                return Err(problem);
            }
            tokio::time::sleep(asked.max(self.wait(failed, jitter()))).await;
        }
    }
}

/// Makes a call with the usual patience. Only for calls whose repeat is safe: reads, and changes
/// whose request carries the same `request_id` each time.
///
/// ```no_run
/// # async fn example(client: deskbell_proto::client::Client) -> Result<(), deskbell_proto::problem::Problem> {
/// use deskbell_proto::{client::retry, v1};
/// let answer = retry(|| { let mut queue = client.queue(); async move { queue.get_ticket(v1::GetTicketRequest { number: 1 }).await } }).await?;
/// # Ok(()) }
/// ```
pub async fn retry<T, F, C>(call: C) -> Result<T, Problem>
where
    C: FnMut() -> F,
    F: Future<Output = Result<Response<T>, Status>>,
{
    Retry::default().run(call).await
}

/// Between 0 and 1. Many clients that lost the same server shall not come back at the same moment.
pub(crate) fn jitter() -> f64 {
    let (byte, _) = uuid::Uuid::new_v4().as_u64_pair();
    f64::from(u32::try_from(byte >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tonic_types::{ErrorDetails, StatusExt as _};

    use super::*;

    const QUICK: Retry = Retry {
        tries: 4,
        first_wait: Duration::from_millis(1),
        longest_wait: Duration::from_millis(4),
    };

    async fn tries_until(
        answer: impl Fn(u32) -> Result<u32, Status>,
    ) -> (u32, Result<u32, Problem>) {
        let made = Cell::new(0);
        let outcome = QUICK
            .run(|| {
                made.set(made.get() + 1);
                let answer = answer(made.get()).map(Response::new);
                async move { answer }
            })
            .await;
        (made.get(), outcome)
    }

    #[tokio::test]
    async fn comes_back_until_the_server_does() {
        let (made, outcome) =
            tries_until(|n| if n < 3 { Err(Status::unavailable("away")) } else { Ok(n) }).await;
        assert_eq!((made, outcome), (3, Ok(3)));
    }

    #[tokio::test]
    async fn gives_up_at_last() {
        let (made, outcome) = tries_until(|_| Err(Status::unavailable("away"))).await;
        assert_eq!(made, 4);
        assert!(outcome.is_err());
    }

    #[tokio::test]
    async fn a_defeat_is_a_defeat() {
        for status in [
            Status::aborted("x"),
            Status::not_found("x"),
            Status::resource_exhausted("no word on when"),
        ] {
            let (made, _) =
                tries_until(|_| Err(Status::new(status.code(), status.message()))).await;
            assert_eq!(made, 1, "{status:?}");
        }
    }

    #[tokio::test]
    async fn heeds_when_to_come_back() {
        let busy = |wait| {
            Status::with_error_details(
                tonic::Code::ResourceExhausted,
                "busy",
                ErrorDetails::with_retry_info(Some(wait)),
            )
        };
        let (made, _) =
            tries_until(|n| if n == 1 { Err(busy(Duration::from_millis(2))) } else { Ok(n) }).await;
        assert_eq!(made, 2);
        let (made, outcome) = tries_until(|_| Err(busy(Duration::from_mins(15)))).await;
        assert_eq!(made, 1);
        assert_eq!(outcome.unwrap_err().retry_after, Some(Duration::from_mins(15)));
    }

    #[test]
    fn waits_double_up_to_a_cap() {
        let retry = Retry::default();
        assert_eq!(retry.wait(1, 1.0), Duration::from_millis(250));
        assert_eq!(retry.wait(3, 1.0), Duration::from_secs(1));
        assert_eq!(retry.wait(99, 1.0), Duration::from_secs(5));
        assert_eq!(retry.wait(1, 0.0), Duration::from_millis(125));
        assert!((0.0..=1.0).contains(&jitter()));
    }
}
