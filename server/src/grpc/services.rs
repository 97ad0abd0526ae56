//! Which service a call is for.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::TryFutureExt as _;
use tonic::Status;
use tonic::body::Body;
use tonic::server::NamedService;
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceExt as _, service_fn};

use super::status::in_our_words;

type Request = http::Request<Body>;
type Response = http::Response<Body>;
type AnyService = BoxCloneSyncService<Request, Response, Infallible>;

/// Services by their names. A call names its service in the first part of its path; the rest is the
/// service's own affair. What they say of requests that they cannot read is put in our words.
#[derive(Clone)]
pub struct Services {
    by_name: Arc<HashMap<&'static str, AnyService>>,
    /// Answers calls for others.
    unknown: AnyService,
}

impl Services {
    /// No services: every call is told that there is no such call.
    pub fn none() -> Self {
        let unknown =
            service_fn(|_| ready(Ok(in_our_words(Status::unimplemented("").into_http()))));
        Services { by_name: Arc::default(), unknown: BoxCloneSyncService::new(unknown) }
    }

    /// With one more.
    #[must_use]
    pub fn with<S>(self, service: S) -> Self
    where
        S: Service<Request, Response = Response, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send,
    {
        let mut by_name = Arc::unwrap_or_clone(self.by_name);
        let calls =
            service_fn(move |request| service.clone().oneshot(request).map_ok(in_our_words));
        by_name.insert(S::NAME, BoxCloneSyncService::new(calls));
        Services { by_name: Arc::new(by_name), ..self }
    }

    fn of(&self, path: &str) -> Option<&AnyService> {
        let (name, _) = path.strip_prefix('/')?.split_once('/')?;
        self.by_name.get(name)
    }
}

impl Service<Request> for Services {
    type Response = Response;
    type Error = Infallible;
    type Future = <AnyService as Service<Request>>::Future;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        self.of(request.uri().path()).unwrap_or(&self.unknown).clone().call(request)
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    #[tokio::test]
    async fn a_call_for_nobody_is_told_so() {
        for path in ["/deskbell.v1.NoService/Ring", "/deskbell.v1.WatchService", "/", "*"] {
            let request =
                http::Request::builder().uri(path).body(Body::empty()).expect("a request");
            let answer = Services::none().oneshot(request).await.expect("an answer");
            let status = Status::from_header_map(answer.headers()).expect("a status");
            assert_eq!(status.code(), Code::Unimplemented, "{path}");
            assert!(!status.message().is_empty(), "{path} is answered in our words");
        }
    }
}
