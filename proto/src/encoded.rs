//! Responses of the watch that are already bytes, so that one encoding serves every watcher.

use bytes::{Buf as _, BufMut as _, Bytes};
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

/// The server of `WatchService` whose responses are [`Frame`]s.
#[allow(missing_docs, clippy::all, clippy::pedantic, reason = "generated code")]
pub mod server {
    include!(concat!(env!("OUT_DIR"), "/encoded/deskbell.v1.WatchService.rs"));
    pub use watch_service_server::{WatchService, WatchServiceServer};
}

/// One encoded `WatchQueueResponse`. Cloning shares the bytes.
#[derive(Clone, Debug)]
pub struct Frame(pub Bytes);

/// Writes [`Frame`]s as they are and decodes requests as usual.
#[derive(Clone, Copy, Debug, Default)]
pub struct FrameCodec;

impl Codec for FrameCodec {
    type Encode = Frame;
    type Decode = crate::v1::WatchQueueRequest;
    type Encoder = FrameEncoder;
    type Decoder = RequestDecoder;

    fn encoder(&mut self) -> FrameEncoder {
        FrameEncoder
    }

    fn decoder(&mut self) -> RequestDecoder {
        RequestDecoder
    }
}

/// See [`FrameCodec`].
#[derive(Clone, Copy, Debug)]
pub struct FrameEncoder;

impl Encoder for FrameEncoder {
    type Item = Frame;
    type Error = Status;

    fn encode(&mut self, frame: Frame, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put(frame.0);
        Ok(())
    }
}

/// See [`FrameCodec`].
#[derive(Clone, Copy, Debug)]
pub struct RequestDecoder;

impl Decoder for RequestDecoder {
    type Item = crate::v1::WatchQueueRequest;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Self::Item>, Status> {
        let bytes = from.copy_to_bytes(from.remaining());
        prost::Message::decode(bytes)
            .map(Some)
            .map_err(|problem| Status::invalid_argument(format!("the request is not a WatchQueueRequest: {problem}")))
    }
}
