//! The live queue on the wire.
//!
//! Written by hand instead of generated: a change is encoded once, with what stands before a
//! message on the wire, and the same bytes go into the answer of everyone who may see it. To
//! clients it is the contract's `WatchService`.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{BufMut as _, Bytes, BytesMut};
use deskbell_proto::v1::WatchQueueRequest;
use http::header::CONTENT_TYPE;
use http_body::Frame;
use tonic::Status;
use tonic::body::Body;
use tonic::codec::Streaming;
use tonic::metadata::{GRPC_CONTENT_TYPE, MetadataMap};
use tonic::server::NamedService;
use tonic_prost::ProstDecoder;
use tower::Service;

use super::{Handlers, convert, encoder};
use crate::desk::{Failure, Watch, WatchItem};
use crate::front::trailers;

const WATCH_QUEUE: &str = "/deskbell.v1.WatchService/WatchQueue";

/// What is ready goes together, up to about so many bytes.
const TOGETHER: usize = 32 * 1024;

/// The service.
#[derive(Clone)]
pub struct WatchServer {
    pub handlers: Handlers,
    /// The largest request, in bytes.
    pub limit: usize,
}

impl NamedService for WatchServer {
    const NAME: &'static str = "deskbell.v1.WatchService";
}

impl Service<http::Request<Body>> for WatchServer {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let server = self.clone();
        Box::pin(async move {
            Ok(match server.begin(request).await {
                Ok(watch) => {
                    let mut answer = http::Response::new(Body::new(Answer { watch: Some(watch) }));
                    answer.headers_mut().insert(CONTENT_TYPE, GRPC_CONTENT_TYPE);
                    answer
                }
                Err(status) => status.into_http(),
            })
        })
    }
}

impl WatchServer {
    async fn begin(self, request: http::Request<Body>) -> Result<Watch, Status> {
        let (parts, body) = request.into_parts();
        if parts.uri.path() != WATCH_QUEUE {
            return Err(Status::unimplemented(""));
        }
        let mut messages =
            Streaming::new_request(ProstDecoder::default(), body, None, Some(self.limit));
        let message =
            messages.message().await?.ok_or_else(|| Status::internal("there is no request"))?;
        self.handlers.watch(&MetadataMap::from_headers(parts.headers), message).await
    }
}

impl Handlers {
    async fn watch(
        &self,
        metadata: &MetadataMap,
        request: WatchQueueRequest,
    ) -> Result<Watch, Status> {
        let session = self.session(metadata).await?;
        // Whoever may not watch hears that, and not what is wrong with the cursor.
        let staff = self.desk.staff(session).await?;
        staff.operator()?;
        let after = match request.after.as_str() {
            "" => None,
            cursor => Some(convert::revision(staff.team.id, cursor).ok_or(Failure::StartOver)?),
        };
        Ok(self.desk.watch(session, after).await?)
    }
}

/// A watch as the body of an answer.
struct Answer {
    /// None: it is over.
    watch: Option<Watch>,
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Some(watch) = &mut self.watch else { return Poll::Ready(None) };
        let first = match ready!(watch.poll_next(context)) {
            Ok(item) => bytes(watch, item),
            Err(failure) => {
                self.watch = None;
                return Poll::Ready(Some(Ok(Frame::trailers(trailers(&failure.into())))));
            }
        };
        let Some(second) = watch.at_hand() else {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        };
        let mut together = BytesMut::with_capacity(first.len() + TOGETHER);
        together.put(first);
        let mut next = Some(second);
        while let Some(item) = next {
            together.put(bytes(watch, item));
            next = if together.len() < TOGETHER { watch.at_hand() } else { None };
        }
        Poll::Ready(Some(Ok(Frame::data(together.freeze()))))
    }

    fn is_end_stream(&self) -> bool {
        self.watch.is_none()
    }
}

/// An item as it goes over the wire.
fn bytes(watch: &Watch, item: WatchItem) -> Bytes {
    match item {
        WatchItem::Frame(bytes) => bytes,
        WatchItem::Progress(revision) => encoder::progress((watch.team(), revision)),
    }
}
