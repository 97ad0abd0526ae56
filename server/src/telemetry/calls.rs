//! Counting and timing calls, in a layer around all services.

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use metrics::{SharedString, counter, histogram};
use prost::Message as _;
use tower::{Layer, Service};

use super::names;

/// What calls of no known method are counted as: anybody can make up names.
const OTHER: &str = "other";

/// Counts and times the calls of known methods.
#[derive(Clone, Debug)]
pub struct CountCalls {
    methods: Arc<HashSet<Arc<str>>>,
}

impl CountCalls {
    /// Knows the methods of a compiled contract (`google.protobuf.FileDescriptorSet`).
    pub fn of(descriptors: &[u8]) -> Self {
        let files = prost_types::FileDescriptorSet::decode(descriptors).unwrap_or_default().file;
        let mut methods = HashSet::new();
        for file in &files {
            for service in &file.service {
                for method in &service.method {
                    methods.insert(Arc::from(format!("/{}.{}/{}", file.package(), service.name(), method.name())));
                }
            }
        }
        Self { methods: Arc::new(methods) }
    }
}

impl<S> Layer<S> for CountCalls {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Counted<S> {
        Counted { inner, methods: Arc::clone(&self.methods) }
    }
}

/// A service whose calls are counted.
#[derive(Clone, Debug)]
pub struct Counted<S> {
    inner: S,
    methods: Arc<HashSet<Arc<str>>>,
}

impl<S, Q, A> Service<http::Request<Q>> for Counted<S>
where
    S: Service<http::Request<Q>, Response = http::Response<A>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<Q>) -> Self::Future {
        let method = match self.methods.get(request.uri().path()) {
            Some(method) => SharedString::from(Arc::clone(method)),
            None => SharedString::const_str(OTHER),
        };
        let begun = Instant::now();
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await?;
            // An error without a body has its status in the headers; otherwise the answer has begun well.
            let code =
                answer.headers().get("grpc-status").and_then(|code| code.to_str().ok()).unwrap_or("0").to_owned();
            tracing::debug!(%method, code, "a call was answered");
            histogram!(names::CALL_SECONDS, "method" => method.clone()).record(begun.elapsed().as_secs_f64());
            counter!(names::CALLS, "method" => method, "code" => code).increment(1);
            Ok(answer)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_contract() {
        let calls = CountCalls::of(deskbell_proto::DESCRIPTORS);
        assert!(calls.methods.contains("/deskbell.v1.QueueService/TakeTicket"));
        assert!(!calls.methods.contains("/made.up/Name"));
    }
}
