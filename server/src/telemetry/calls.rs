//! Counting and timing calls, in a layer around all services.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Instant;

use metrics::{Counter, Histogram, SharedString, counter, histogram};
use prost::Message as _;
use tower::{Layer, Service};

use super::names;

/// What calls of no known method are counted as: anybody can make up names.
const OTHER: &str = "other";

/// Counts and times the calls of known methods.
#[derive(Clone, Debug)]
pub struct CountCalls {
    methods: Methods,
}

/// Known methods by their path.
type Methods = Arc<HashMap<String, Arc<Method>>>;

/// A method, with what its calls are counted in once there was one.
#[derive(Debug)]
struct Method {
    name: SharedString,
    seconds: OnceLock<Histogram>,
    good: OnceLock<Counter>,
}

impl Method {
    fn new(name: SharedString) -> Self {
        Self { name, seconds: OnceLock::new(), good: OnceLock::new() }
    }

    /// Counts a call that was answered with this code after so many seconds. Looking for a metric
    /// by its labels costs more than many a call, so that the usual ones are kept at hand.
    fn count(&self, code: &str, seconds: f64) {
        let label = || self.name.clone();
        self.seconds
            .get_or_init(|| histogram!(names::CALL_SECONDS, "method" => label()))
            .record(seconds);
        if code == "0" {
            self.good
                .get_or_init(|| counter!(names::CALLS, "method" => label(), "code" => "0"))
                .increment(1);
        } else {
            counter!(names::CALLS, "method" => label(), "code" => code.to_owned()).increment(1);
        }
    }
}

impl CountCalls {
    /// Knows the methods of a compiled contract (`google.protobuf.FileDescriptorSet`).
    pub fn of(descriptors: &[u8]) -> Self {
        let files = prost_types::FileDescriptorSet::decode(descriptors).unwrap_or_default().file;
        let mut methods = HashMap::from([(
            OTHER.to_owned(),
            Arc::new(Method::new(SharedString::const_str(OTHER))),
        )]);
        for file in &files {
            for service in &file.service {
                for method in &service.method {
                    let name = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                    methods.insert(name.clone(), Arc::new(Method::new(name.into())));
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
    methods: Methods,
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
        let method =
            self.methods.get(request.uri().path()).or_else(|| self.methods.get(OTHER)).cloned();
        let begun = Instant::now();
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await?;
            // An error without a body has its status in the headers; otherwise the answer has begun
            // well.
            let code = answer
                .headers()
                .get("grpc-status")
                .and_then(|code| code.to_str().ok())
                .unwrap_or("0");
            if let Some(method) = method {
                tracing::debug!(method = %method.name, code, "a call was answered");
                method.count(code, begun.elapsed().as_secs_f64());
            }
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
        assert!(calls.methods.contains_key("/deskbell.v1.QueueService/TakeTicket"));
        assert!(!calls.methods.contains_key("/made.up/Name"));
    }
}
