//! The live queue on the wire.
//!
//! A service of its own instead of a generated one: its frames are encoded already, once for
//! everyone who may see them. To clients it is the contract's `WatchService`.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{BufMut as _, Bytes};
use deskbell_proto::v1::WatchQueueRequest;
use futures_util::{Stream, stream};
use prost::encoding::decode_key;
use tonic::body::Body;
use tonic::codec::{BufferSettings, Codec, EncodeBuf, Encoder};
use tonic::server::{Grpc, NamedService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstDecoder;
use tower::{Service, service_fn};

use super::{Handlers, convert};
use crate::desk::Failure;

const WATCH_QUEUE: &str = "/deskbell.v1.WatchService/WatchQueue";

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
        let WatchServer { handlers, limit } = self.clone();
        Box::pin(async move {
            if request.uri().path() != WATCH_QUEUE {
                return Ok(Status::unimplemented("").into_http());
            }
            let watch = service_fn(|request| handlers.clone().watch_queue(request));
            let mut grpc = Grpc::new(Encoded).max_decoding_message_size(limit);
            Ok(grpc.server_streaming(watch, request).await)
        })
    }
}

impl Handlers {
    async fn watch_queue(
        self,
        request: Request<WatchQueueRequest>,
    ) -> Result<Response<impl Stream<Item = Result<Bytes, Status>> + use<>>, Status> {
        let session = self.session(request.metadata()).await?;
        // Whoever may not watch hears that, and not what is wrong with the cursor.
        let staff = self.desk.staff(session).await?;
        staff.operator()?;
        let request = request.into_inner();
        let after = match request.after.as_str() {
            "" => None,
            cursor => Some(convert::revision(staff.team.id, cursor).ok_or(Failure::StartOver)?),
        };
        let accepted = Accepted::of(&request.accepted_frames);
        let watch = self.desk.watch(session, after).await?;
        Ok(Response::new(stream::try_unfold(watch, move |mut watch| async move {
            loop {
                let frame = watch.next().await?;
                if accepted.includes(&frame) {
                    return Ok(Some((frame, watch)));
                }
            }
        })))
    }
}

/// The kinds of frames that a client accepts, a bit each.
#[derive(Clone, Copy)]
struct Accepted(u32);

impl Accepted {
    /// Snapshots, changes and progress marks. Clients knew them before they said what they know; to
    /// a client that does not know it, a frame of another kind would be a reason to start over,
    /// again and again.
    const BY_ALL: u32 = 1 << 1 | 1 << 2 | 1 << 3;

    /// With these kinds. Those of a contract that is newer than this server do no harm.
    fn of(kinds: &[i32]) -> Self {
        let bit = |kind: &i32| 1_u32.checked_shl(u32::try_from(*kind).ok()?);
        Accepted(kinds.iter().filter_map(bit).fold(Self::BY_ALL, |all, one| all | one))
    }

    /// Whether this frame is among them: its kind is the number of its only field.
    fn includes(self, mut frame: &[u8]) -> bool {
        decode_key(&mut frame)
            .is_ok_and(|(kind, _)| 1_u32.checked_shl(kind).is_some_and(|bit| self.0 & bit != 0))
    }
}

/// Reads requests, and writes frames that are encoded already.
#[derive(Clone, Copy)]
struct Encoded;

impl Codec for Encoded {
    type Encode = Bytes;
    type Decode = WatchQueueRequest;
    type Encoder = Self;
    type Decoder = ProstDecoder<WatchQueueRequest>;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstDecoder::default()
    }
}

impl Encoder for Encoded {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, frame: Bytes, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put(frame);
        Ok(())
    }

    /// Each watch keeps its buffer, and there are thousands that are quiet. What is ready goes
    /// together, up to about as much as is sent at once.
    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(2 * 1024, 16 * 1024)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::Encoder as _;
    use crate::domain::TeamId;
    use crate::grpc::ProtoEncoder;

    #[test]
    fn clients_get_frames_that_they_accept_and_those_that_all_know() {
        let at = (TeamId(5), 7);
        let known = [
            ProtoEncoder.snapshot(at, &[], true, true),
            ProtoEncoder.change(at, "taken", "Ana", &[], &[9]),
            ProtoEncoder.progress(at),
        ];
        // An empty message as the frame's fourth field, and as its thirtieth.
        let (later, much_later): (&[u8], &[u8]) = (&[4 << 3 | 2, 0], &[0xf2, 0x01, 0]);
        let kinds_and_more: [(&[i32], bool, bool); 6] = [
            (&[], false, false),
            (&[1, 2, 3], false, false),
            (&[3], false, false),
            (&[0, -1, 32, 99, i32::MIN, i32::MAX], false, false),
            (&[1, 2, 3, 4], true, false),
            (&[99, 30], false, true),
        ];
        for (kinds, takes_later, takes_much_later) in kinds_and_more {
            let accepted = Accepted::of(kinds);
            assert!(known.iter().all(|frame| accepted.includes(frame)), "{kinds:?}");
            assert_eq!(accepted.includes(later), takes_later, "{kinds:?}");
            assert_eq!(accepted.includes(much_later), takes_much_later, "{kinds:?}");
        }
    }
}
