//! A connection that has shaken hands: TLS or plain, with the address it came from.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tonic::transport::server::{Connected, TcpConnectInfo};

use super::accept::Open;
use super::frames::Frames;
use super::gate::Room;
use super::stopping::Follower;

/// What every HTTP/2 client says first (RFC 9113, 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Where a call's connection comes from: the other end of the socket, as the system says, or as a
/// balancer in the settings says before the connection begins. Headers of a call that claim
/// something else are not looked at.
pub fn remote_address(extensions: &http::Extensions) -> Option<SocketAddr> {
    let remote = extensions.get::<TcpConnectInfo>()?.remote_addr?;
    Some(SocketAddr::new(remote.ip().to_canonical(), remote.port()))
}

/// The bytes below HTTP/2.
pub(super) enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream<Socket>>),
}

/// A socket below TLS, which always writes lists of pieces, most often of one. A single one costs
/// the system less to take by itself.
pub(super) struct Socket(pub(super) TcpStream);

/// A connection whose client has begun to speak HTTP/2. Its room is free again when it is dropped.
pub(super) struct Connection {
    wire: Wire,
    /// How much of the preface, which was read to look at it, has been handed on.
    handed_on: usize,
    frames: Frames,
    info: TcpConnectInfo,
    /// Nobody waits for it any longer: it ends, whatever its calls are at.
    over: Follower,
    _counted: (Room, Open),
}

impl Connection {
    /// Waits for the preface: whoever says something else, or nothing, gets no further. The caller
    /// sets the time-out.
    pub(super) async fn begin(
        mut wire: Wire,
        remote: SocketAddr,
        over: Follower,
        counted: (Room, Open),
    ) -> io::Result<Self> {
        let mut said = [0; PREFACE.len()];
        let mut length = 0;
        while length < said.len() {
            let more = match &mut wire {
                Wire::Plain(stream) => stream.read(&mut said[length..]).await?,
                Wire::Tls(stream) => stream.read(&mut said[length..]).await?,
            };
            length += more;
            if more == 0 || !PREFACE.starts_with(&said[..length]) {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "not HTTP/2"));
            }
        }
        let info = TcpConnectInfo { local_addr: None, remote_addr: Some(remote) };
        let frames = Frames::begin();
        Ok(Self { wire, handed_on: 0, frames, info, over, _counted: counted })
    }

    /// What came of reading or writing; an error instead of waiting when it is over.
    fn unless_over<T>(
        &mut self,
        outcome: Poll<io::Result<T>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_pending() && self.over.poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        outcome
    }
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.info.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let rest = &PREFACE[self.handed_on..];
        if !rest.is_empty() {
            let piece = &rest[..rest.len().min(buf.remaining())];
            buf.put_slice(piece);
            self.handed_on += piece.len();
            return Poll::Ready(Ok(()));
        }
        let known = buf.filled().len();
        let read = match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Wire::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        };
        ready!(self.unless_over(read, cx))?;
        Poll::Ready(self.frames.received(&buf.filled()[known..]))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Wire::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        };
        let written = ready!(self.unless_over(written, cx))?;
        self.frames.sent(written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Wire::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        };
        let written = ready!(self.unless_over(written, cx))?;
        self.frames.sent(written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.wire {
            Wire::Plain(stream) => stream.is_write_vectored(),
            Wire::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Wire::Tls(stream) => Pin::new(stream).poll_flush(cx),
        };
        self.unless_over(done, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Wire::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        };
        self.unless_over(done, cx)
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match bufs {
            [piece] => Pin::new(&mut self.0).poll_write(cx, piece),
            pieces => Pin::new(&mut self.0).poll_write_vectored(cx, pieces),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
