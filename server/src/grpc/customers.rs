//! Around every call of customers, whatever it is: counted before it is looked at, and what is held
//! of its answer until the peer has read it is bounded.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::Frame;
use tonic::Status;
use tonic::body::Body;
use tonic::server::NamedService;
use tower::Service;

use crate::desk::{CustomerCall, Desk, Share};
use crate::front::{household, remote_address, trailers};

/// An answer is handed to the connection in pieces of so many bytes, and the next one when the peer
/// has room for it: what the connection was given is out of sight.
const PIECE: usize = 16 * 1024;

/// A service for customers, with a bound to what they can make of it.
#[derive(Clone)]
pub struct ForCustomers<S> {
    pub desk: Arc<Desk>,
    pub service: S,
}

impl<S: NamedService> NamedService for ForCustomers<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<http::Request<Body>> for ForCustomers<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        // Whoever has no address shares one with all others who have none.
        let from = remote_address(request.extensions())
            .map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |address| household(address.ip()));
        match self.desk.let_in(from) {
            Err(failure) => Box::pin(std::future::ready(Ok(Status::from(failure).into_http()))),
            Ok(call) => {
                let answer = self.service.call(request);
                Box::pin(
                    async move { answer.await.map(|answer| answer.map(|body| held(body, call))) },
                )
            }
        }
    }
}

fn held(body: Body, call: CustomerCall) -> Body {
    Body::new(Answer { body, call, left: Bytes::new(), share: None, over: false })
}

/// An answer of which no more than a piece is with the connection.
struct Answer {
    body: Body,
    call: CustomerCall,
    /// What is left of the part that is being handed over.
    left: Bytes,
    share: Option<Share<IpAddr>>,
    over: bool,
}

impl Answer {
    fn next_piece(&mut self) -> Frame<Bytes> {
        Frame::data(self.left.split_to(self.left.len().min(PIECE)))
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.over {
            return Poll::Ready(None);
        }
        if !self.left.is_empty() {
            return Poll::Ready(Some(Ok(self.next_piece())));
        }
        // Being asked for more means that there is room: the peer has read what came before.
        self.share = None;
        let frame = match ready!(Pin::new(&mut self.body).poll_frame(context)) {
            Some(Ok(frame)) => frame,
            other => return Poll::Ready(other),
        };
        match frame.into_data() {
            Err(frame) => Poll::Ready(Some(Ok(frame))),
            Ok(data) => match self.call.hold(data.len()) {
                Ok(share) => {
                    (self.share, self.left) = (Some(share), data);
                    Poll::Ready(Some(Ok(self.next_piece())))
                }
                Err(failure) => {
                    self.over = true;
                    self.body = Body::empty();
                    Poll::Ready(Some(Ok(Frame::trailers(trailers(&failure.into())))))
                }
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty() && (self.over || self.body.is_end_stream())
    }
}
