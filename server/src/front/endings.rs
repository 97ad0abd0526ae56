//! Ending streams when the server stops: with a status that says to come back, rather than by
//! cutting the connection.
//!
//! Answers that are being written go on to their end. Only one that has nothing to say at the
//! moment – a watch while nothing happens – ends, with UNAVAILABLE, as soon as the drain begins.

use std::pin::Pin;
use std::task::{Context, Poll};

use http::{HeaderMap, HeaderValue};
use http_body::{Body, Frame, SizeHint};
use tonic::Status;
use tower::{Layer, Service};

use super::stopping::{Follower, Stage, Stopping};
use crate::grpc::{give_reason, stopping};

/// Ends idle streams when the server stops.
#[derive(Clone, Debug)]
pub(super) struct EndIdle(pub(super) Stopping);

impl<S> Layer<S> for EndIdle {
    type Service = Ending<S>;

    fn layer(&self, inner: S) -> Ending<S> {
        Ending { inner, stopping: self.0.clone() }
    }
}

/// A service whose answers end when the server stops.
#[derive(Clone, Debug)]
pub(super) struct Ending<S> {
    inner: S,
    stopping: Stopping,
}

impl<S, Q, A> Service<http::Request<Q>> for Ending<S>
where
    S: Service<http::Request<Q>, Response = http::Response<A>>,
    S::Future: Send + 'static,
{
    type Response = http::Response<EndingBody<A>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<Q>) -> Self::Future {
        let answer = self.inner.call(request);
        let stopping = self.stopping.clone();
        Box::pin(async move {
            Ok(answer.await?.map(|inner| EndingBody {
                inner,
                drain: Some(Follower::of(&stopping, Stage::Draining)),
            }))
        })
    }
}

/// An answer that ends when the server stops.
pub(super) struct EndingBody<B> {
    inner: B,
    /// None once the answer has ended with it.
    drain: Option<Follower>,
}

impl<B: Body + Unpin> Body for EndingBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = &mut *self;
        let Some(drain) = &mut this.drain else { return Poll::Ready(None) };
        let mut said = Pin::new(&mut this.inner).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &mut said
            && let Some(trailers) = frame.trailers_mut()
        {
            give_reason(trailers);
        }
        if said.is_pending() && drain.poll(cx).is_ready() {
            this.drain = None;
            return Poll::Ready(Some(Ok(Frame::trailers(trailers(&stopping())))));
        }
        said
    }

    fn is_end_stream(&self) -> bool {
        self.drain.is_none() || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// What ends an answer with this status, after its data.
pub fn trailers(status: &Status) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    if status.add_header(&mut trailers).is_err() {
        trailers.insert(Status::GRPC_STATUS, HeaderValue::from(i32::from(status.code())));
    }
    trailers
}
