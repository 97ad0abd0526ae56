//! Deadlines that clients set for their calls (`grpc-timeout` in gRPC's protocol over HTTP/2):
//! nobody waits for an answer after its deadline, so nothing goes on for it. As with other servers,
//! it is about the answer's beginning: a stream that has begun goes on.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::HeaderMap;
use tonic::body::Body;
use tower::{Layer, Service};

use crate::grpc::deadline_passed;

/// Ends calls at the deadline that their client set.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeepDeadlines;

impl<S> Layer<S> for KeepDeadlines {
    type Service = Punctual<S>;

    fn layer(&self, inner: S) -> Punctual<S> {
        Punctual { inner }
    }
}

/// A service whose calls end at their deadline.
#[derive(Clone, Debug)]
pub(super) struct Punctual<S> {
    inner: S,
}

impl<S, Q> Service<http::Request<Q>> for Punctual<S>
where
    S: Service<http::Request<Q>, Response = http::Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<Q>) -> Self::Future {
        let given = timeout(request.headers());
        let answer = self.inner.call(request);
        match given {
            None => Box::pin(answer),
            Some(given) => Box::pin(async move {
                tokio::time::timeout(given, answer)
                    .await
                    .unwrap_or_else(|_| Ok(deadline_passed().into_http()))
            }),
        }
    }
}

/// What a client gives the call. One that says it wrong gets as long as it takes.
fn timeout(headers: &HeaderMap) -> Option<Duration> {
    let said = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = said.split_at_checked(said.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_hours(count),
        "M" => Duration::from_mins(count),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use tonic_types::StatusExt as _;

    use super::*;

    #[tokio::test]
    async fn a_call_that_ends_at_its_deadline_has_a_reason() {
        let never = tower::service_fn(|_: http::Request<()>| {
            std::future::pending::<Result<http::Response<Body>, std::convert::Infallible>>()
        });
        let request = http::Request::builder().header("grpc-timeout", "1n").body(());
        let answer = KeepDeadlines.layer(never).call(request.expect("a request")).await;
        let status = tonic::Status::from_header_map(answer.expect("an answer").headers());
        let status = status.expect("a status");
        assert_eq!(status.code(), tonic::Code::DeadlineExceeded);
        let info = status.get_details_error_info().expect("a reason");
        assert_eq!((info.reason.as_str(), info.domain.as_str()), ("DEADLINE_PASSED", "deskbell"));
    }

    #[test]
    fn reads_what_the_protocol_allows() {
        let read = |said: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", said.parse().expect("a header"));
            timeout(&headers)
        };
        assert_eq!(read("99999999H"), Some(Duration::from_hours(99_999_999)));
        assert_eq!(read("3M"), Some(Duration::from_mins(3)));
        assert_eq!(read("20S"), Some(Duration::from_secs(20)));
        assert_eq!(read("150m"), Some(Duration::from_millis(150)));
        assert_eq!(read("7u"), Some(Duration::from_micros(7)));
        assert_eq!(read("0n"), Some(Duration::ZERO));
        for wrong in ["", "S", "10", "10s", "1.5S", "-1S", "+1S", "123456789m", "1 S"] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }
}
