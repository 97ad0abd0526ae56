//! Just enough of HTTP/2 (RFC 9113) and gRPC's framing to receive one stream of messages: what a
//! real client has to do, and nothing more.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::Outcome;

/// Lengths of a frame's and of a message's head.
const FRAME_HEAD: usize = 9;
const MESSAGE_HEAD: usize = 5;

/// Frame types.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

/// Flags.
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;

/// How much a server may send ahead, in bytes, as with tonic's clients: on the stream, and on the
/// connection.
const STREAM_WINDOW: u32 = 2 * 1024 * 1024;
const CONNECTION_WINDOW: u32 = 5 * 1024 * 1024;
/// What a connection's window begins with.
const FIRST_WINDOW: u32 = 65_535;

/// The call's stream: the first that a client opens.
const STREAM: u32 = 1;

/// Where watches are opened.
pub struct Door {
    /// Host and port.
    authority: String,
    tls: TlsConnector,
}

impl Door {
    /// A door to an `https://` address, with the authorities to trust.
    pub fn new(address: &str, authorities_pem: &str) -> Outcome<Arc<Self>> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(authorities_pem.as_bytes()) {
            roots.add(certificate?)?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let authority = address.trim_start_matches("https://").to_owned();
        Ok(Arc::new(Door { authority, tls: TlsConnector::from(Arc::new(config)) }))
    }

    /// Connects, shakes hands and asks for the live queue as whoever has this session.
    pub async fn open(&self, token: &str) -> Outcome<TlsStream<TcpStream>> {
        let (host, _) = self.authority.rsplit_once(':').ok_or("an address without a port")?;
        let socket = TcpStream::connect(&self.authority).await?;
        socket.set_nodelay(true)?;
        let mut wire = self.tls.connect(ServerName::try_from(host.to_owned())?, socket).await?;
        let mut out = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        // SETTINGS_INITIAL_WINDOW_SIZE.
        put_frame(&mut out, SETTINGS, 0, 0, &[&[0, 4], &STREAM_WINDOW.to_be_bytes()[..]].concat());
        put_frame(&mut out, WINDOW_UPDATE, 0, 0, &(CONNECTION_WINDOW - FIRST_WINDOW).to_be_bytes());
        put_frame(&mut out, HEADERS, END_HEADERS, STREAM, &self.headers(token));
        // An empty request: flag and length of nothing.
        put_frame(&mut out, DATA, END_STREAM, STREAM, &[0; MESSAGE_HEAD]);
        wire.write_all(&out).await?;
        wire.flush().await?;
        Ok(wire)
    }

    /// The call's headers (RFC 7541), none of them put into the table.
    fn headers(&self, token: &str) -> Vec<u8> {
        // Indexed: `:method: POST` and `:scheme: https`.
        let mut block = vec![0x83, 0x87];
        // Literals with indexed names: `:path` and `:authority`.
        block.push(0x04);
        put_text(&mut block, "/deskbell.v1.WatchService/WatchQueue");
        block.push(0x01);
        put_text(&mut block, &self.authority);
        let bearer = format!("Bearer {token}");
        for (name, value) in [
            ("content-type", "application/grpc"),
            ("te", "trailers"),
            ("authorization", bearer.as_str()),
        ] {
            block.push(0x00);
            put_text(&mut block, name);
            put_text(&mut block, value);
        }
        block
    }
}

/// A text of a header block, as it is; its length is an integer with a prefix of seven bits.
fn put_text(block: &mut Vec<u8>, text: &str) {
    let length = text.len();
    if let Ok(short @ 0..127) = u8::try_from(length) {
        block.push(short);
    } else {
        block.push(127);
        let mut rest = length - 127;
        while rest >= 128 {
            block.push(u8::try_from(rest % 128).unwrap_or(0) | 128);
            rest /= 128;
        }
        block.push(u8::try_from(rest).unwrap_or(0));
    }
    block.extend_from_slice(text.as_bytes());
}

fn put_frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let length = u32::try_from(payload.len()).unwrap_or(0).to_be_bytes();
    out.extend_from_slice(&length[1..]);
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}

/// A connection's frames, however they are cut.
#[derive(Default)]
pub struct Http2 {
    head: Vec<u8>,
    /// The payload so far of a frame that is not data.
    body: Vec<u8>,
    /// Bytes that the frame under way still has.
    left: usize,
    /// Bytes received that the server was not told of yet.
    consumed: u32,
    answer: Vec<u8>,
}

impl Http2 {
    /// Takes bytes from the connection and passes on what is data.
    pub fn feed(
        &mut self,
        mut bytes: &[u8],
        mut data: impl FnMut(&[u8]) -> Outcome<()>,
    ) -> Outcome<()> {
        loop {
            if self.head.len() < FRAME_HEAD {
                let piece = bytes.len().min(FRAME_HEAD - self.head.len());
                self.head.extend_from_slice(&bytes[..piece]);
                bytes = &bytes[piece..];
                if self.head.len() < FRAME_HEAD {
                    return Ok(());
                }
                self.left = usize::from(self.head[0]) << 16
                    | usize::from(self.head[1]) << 8
                    | usize::from(self.head[2]);
            }
            let (kind, flags) = (self.head[3], self.head[4]);
            let piece = bytes.len().min(self.left);
            if kind == DATA {
                if flags & PADDED != 0 {
                    return Err("the server pads its data, which this client does not read".into());
                }
                data(&bytes[..piece])?;
                self.consumed += u32::try_from(piece)?;
            } else {
                self.body.extend_from_slice(&bytes[..piece]);
            }
            bytes = &bytes[piece..];
            self.left -= piece;
            if self.left > 0 {
                return Ok(());
            }
            self.frame_ends(kind, flags)?;
            self.head.clear();
            self.body.clear();
        }
    }

    fn frame_ends(&mut self, kind: u8, flags: u8) -> Outcome<()> {
        match kind {
            DATA | HEADERS if flags & END_STREAM != 0 => Err("the server ended a watch".into()),
            SETTINGS | PING if flags & ACK == 0 => {
                let echo: &[u8] = if kind == PING { &self.body } else { &[] };
                put_frame(&mut self.answer, kind, ACK, 0, echo);
                Ok(())
            }
            DATA | HEADERS | CONTINUATION | SETTINGS | PING | WINDOW_UPDATE => Ok(()),
            other => Err(format!("the server sent a frame of type {other}").into()),
        }
    }

    /// What the server has to be told, if anything.
    pub fn answer(&mut self) -> Option<Vec<u8>> {
        if self.consumed >= STREAM_WINDOW / 2 {
            for stream in [0, STREAM] {
                put_frame(&mut self.answer, WINDOW_UPDATE, 0, stream, &self.consumed.to_be_bytes());
            }
            self.consumed = 0;
        }
        (!self.answer.is_empty()).then(|| std::mem::take(&mut self.answer))
    }
}

/// gRPC messages, however they are cut.
#[derive(Default)]
pub struct Messages {
    /// The beginning of a message whose end has not come yet.
    partial: Vec<u8>,
}

impl Messages {
    /// Takes bytes and passes on each message that is complete.
    pub fn feed(
        &mut self,
        mut bytes: &[u8],
        mut take: impl FnMut(&[u8]) -> Outcome<()>,
    ) -> Outcome<()> {
        while !self.partial.is_empty() {
            let wanted = whole(&self.partial).unwrap_or(MESSAGE_HEAD);
            if self.partial.len() == wanted {
                take(&self.partial[MESSAGE_HEAD..])?;
                self.partial.clear();
            } else if bytes.is_empty() {
                return Ok(());
            } else {
                let piece = bytes.len().min(wanted - self.partial.len());
                self.partial.extend_from_slice(&bytes[..piece]);
                bytes = &bytes[piece..];
            }
        }
        while let Some(message) = whole(bytes).and_then(|length| bytes.get(MESSAGE_HEAD..length)) {
            take(message)?;
            bytes = &bytes[MESSAGE_HEAD + message.len()..];
        }
        self.partial.extend_from_slice(bytes);
        Ok(())
    }
}

/// The length of the message that begins here, with its head; none: not even the head is complete.
fn whole(bytes: &[u8]) -> Option<usize> {
    let length: [u8; 4] = bytes.get(1..MESSAGE_HEAD)?.try_into().ok()?;
    Some(MESSAGE_HEAD + usize::try_from(u32::from_be_bytes(length)).ok()?)
}

/// A message with its head.
pub fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap_or(0).to_be_bytes();
    [&[0], &length[..], message].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a server might send: its settings, headers, two messages in three pieces of data, and a
    /// ping between them.
    fn said() -> Vec<u8> {
        let messages = [framed(b"one change"), framed(b""), framed(&[7; 300])].concat();
        let mut out = Vec::new();
        put_frame(&mut out, SETTINGS, 0, 0, &[]);
        put_frame(&mut out, HEADERS, END_HEADERS, STREAM, &[0x88]);
        put_frame(&mut out, DATA, 0, STREAM, &messages[..3]);
        put_frame(&mut out, PING, 0, 0, b"are here");
        put_frame(&mut out, DATA, 0, STREAM, &messages[3..40]);
        put_frame(&mut out, DATA, 0, STREAM, &messages[40..]);
        out
    }

    #[test]
    fn messages_are_the_same_however_they_are_cut() {
        let said = said();
        for size in 1..said.len() {
            let (mut http, mut messages, mut taken) =
                (Http2::default(), Messages::default(), Vec::new());
            for piece in said.chunks(size) {
                http.feed(piece, |data| {
                    messages.feed(data, |message| {
                        taken.push(message.to_vec());
                        Ok(())
                    })
                })
                .expect("it reads");
            }
            assert_eq!(
                taken,
                [b"one change".to_vec(), Vec::new(), vec![7; 300]],
                "in pieces of {size}"
            );
            let mut answer = Vec::new();
            put_frame(&mut answer, SETTINGS, ACK, 0, &[]);
            put_frame(&mut answer, PING, ACK, 0, b"are here");
            assert_eq!(http.answer(), Some(answer));
            assert_eq!(http.answer(), None, "it was told");
        }
    }

    #[test]
    fn the_server_may_go_on_after_a_window_was_read() {
        let mut http = Http2::default();
        let mut data = Vec::new();
        put_frame(&mut data, DATA, 0, STREAM, &[0; 16 * 1024]);
        for _ in 0..64 {
            assert_eq!(http.answer(), None);
            http.feed(&data, |_| Ok(())).expect("it reads");
        }
        let mut answer = Vec::new();
        put_frame(&mut answer, WINDOW_UPDATE, 0, 0, &(STREAM_WINDOW / 2).to_be_bytes());
        put_frame(&mut answer, WINDOW_UPDATE, 0, STREAM, &(STREAM_WINDOW / 2).to_be_bytes());
        assert_eq!(http.answer(), Some(answer));
    }

    #[test]
    fn the_end_of_a_watch_is_told() {
        let mut trailers = Vec::new();
        put_frame(&mut trailers, HEADERS, END_HEADERS | END_STREAM, STREAM, &[0x88]);
        assert!(Http2::default().feed(&trailers, |_| Ok(())).is_err());
    }

    #[test]
    fn long_texts_have_long_lengths() {
        let length = |count: usize| {
            let mut block = Vec::new();
            put_text(&mut block, &"x".repeat(count));
            block.truncate(block.len() - count);
            block
        };
        assert_eq!(length(126), [126]);
        assert_eq!(length(127), [127, 0]);
        assert_eq!(length(127 + 128), [127, 128, 1]);
        // RFC 7541, C.1.2, with a prefix of seven bits.
        assert_eq!(length(1337), [127, 186, 9]);
    }
}
