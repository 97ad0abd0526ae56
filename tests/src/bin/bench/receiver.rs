//! The receiving side of the fan-out: a thousand connections on one thread, as cheap as they can
//! honestly be.
//!
//! A watch is received over real TLS, HTTP/2 and gRPC framing, with the flow control windows that
//! tonic's clients have, but its changes are not decoded: each is compared, byte by byte, with what
//! the others got at that place. So it is checked without much cost that everyone gets everything
//! once and in order; what it is that they all got, [`Stream::numbers`] decodes once. The raw
//! yardstick is received by the same code, less TLS and HTTP/2.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use deskbell_proto::v1::WatchQueueResponse;
use deskbell_proto::v1::watch_queue_response::Frame;
use prost::Message as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle};
use tokio::sync::{Notify, oneshot};

use crate::Outcome;
use crate::http2::{Door, Http2, Messages};

/// Fewer deliveries than were expected after this: something is lost.
const BOUND: Duration = Duration::from_mins(3);

/// Bytes read at once.
const READ: usize = 16 * 1024;

/// First bytes of a `WatchQueueResponse`: the key of the frame's kind.
const CHANGE: u8 = 0x12;
const PROGRESS: u8 = 0x1a;

/// One thread on which everything is received.
pub struct Receivers {
    handle: Handle,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Receivers {
    /// Starts the thread.
    pub fn start() -> Outcome<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            // The sender is dropped, or says it: both are the end.
            let _ = runtime.block_on(ended);
        });
        Ok(Receivers { handle, end: Some(end), thread: Some(thread) })
    }
}

impl Drop for Receivers {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // A panic there was told there.
            let _ = thread.join();
        }
    }
}

/// Connections that all receive the same.
#[derive(Clone, Default)]
pub struct Audience {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    stream: Mutex<Stream>,
    news: Notify,
}

/// What all of an audience received.
#[derive(Default)]
pub struct Stream {
    /// Every change so far, encoded, in order.
    pub changes: Vec<Arc<[u8]>>,
    /// When each change of a timed round arrived at each connection, in microseconds after the
    /// round's begin.
    pub arrivals: Vec<Vec<u32>>,
    /// The begin of a timed round, and the first of its changes.
    timed: Option<(Instant, usize)>,
    delivered: u64,
    expected: u64,
    complete: Option<Instant>,
    fault: Option<String>,
}

impl Stream {
    /// The tickets' numbers in the changes from this one on.
    pub fn numbers(&self, first: usize) -> Outcome<Vec<i64>> {
        let number = |bytes: &Arc<[u8]>| match WatchQueueResponse::decode(&bytes[..])?.frame {
            Some(Frame::Change(change)) if change.tickets.len() == 1 => {
                Ok(change.tickets[0].number)
            }
            other => Err(format!("not a change of one ticket: {other:?}").into()),
        };
        self.changes.iter().skip(first).map(number).collect()
    }

    /// A message for the connection that has had `next` changes so far.
    fn take(&mut self, message: &[u8], next: &mut usize, now: Instant) -> Outcome<()> {
        match message.first() {
            Some(&CHANGE) => {}
            Some(&PROGRESS) => return Ok(()),
            _ => return Err("a watch started over".into()),
        }
        match self.changes.get(*next) {
            Some(known) if **known == *message => {}
            Some(_) => {
                return Err(format!("two connections got different bytes as change {next}").into());
            }
            None => self.changes.push(message.into()),
        }
        if let Some((begun, first)) = self.timed {
            let place = *next - first;
            if self.arrivals.len() <= place {
                self.arrivals.push(Vec::new());
            }
            self.arrivals[place].push(u32::try_from(now.duration_since(begun).as_micros())?);
        }
        *next += 1;
        self.delivered += 1;
        if self.delivered == self.expected {
            self.complete = Some(now);
        }
        Ok(())
    }
}

impl Shared {
    fn stream(&self) -> MutexGuard<'_, Stream> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what was read at once.
    fn receive(&self, take: impl FnOnce(&mut Stream, Instant) -> Outcome<()>) -> Outcome<()> {
        let mut stream = self.stream();
        take(&mut stream, Instant::now())?;
        if stream.complete.is_some() {
            self.news.notify_one();
        }
        Ok(())
    }
}

impl Audience {
    /// What was received so far.
    pub fn stream(&self) -> MutexGuard<'_, Stream> {
        self.shared.stream()
    }

    /// Begins a round: so many more deliveries are expected; with `timed`, each one's time is
    /// noted, counted from now.
    pub fn expect(&self, deliveries: u64, timed: bool) -> Instant {
        let now = Instant::now();
        let mut stream = self.stream();
        stream.arrivals.clear();
        stream.timed = timed.then_some((now, stream.changes.len()));
        stream.delivered = 0;
        stream.expected = deliveries;
        stream.complete = None;
        now
    }

    /// When the last of the expected deliveries came.
    pub async fn complete(&self) -> Outcome<Instant> {
        let wait = async {
            loop {
                let news = self.shared.news.notified();
                {
                    let stream = self.stream();
                    if let Some(fault) = &stream.fault {
                        return Err(fault.clone().into());
                    }
                    if let Some(at) = stream.complete {
                        return Ok(at);
                    }
                }
                news.await;
            }
        };
        if let Ok(at) = tokio::time::timeout(BOUND, wait).await {
            return at;
        }
        let stream = self.stream();
        Err(format!(
            "only {} of {} deliveries came within {BOUND:?}",
            stream.delivered, stream.expected
        )
        .into())
    }

    /// Opens a watch on a connection of its own, and waits for its snapshot.
    pub async fn join_watch(
        &self,
        receivers: &Receivers,
        door: &Arc<Door>,
        token: String,
    ) -> Outcome<()> {
        let (shared, door) = (Arc::clone(&self.shared), Arc::clone(door));
        join(receivers, shared, async move |shared: Arc<Shared>, ready| {
            let mut wire = door.open(&token).await?;
            let (mut http, mut messages) = (Http2::default(), Messages::default());
            let (mut next, mut ready) = (0, Some(ready));
            let mut buffer = vec![0; READ];
            loop {
                let read = read(&mut wire, &mut buffer).await?;
                shared.receive(|stream, now| {
                    http.feed(&buffer[..read], |data| {
                        messages.feed(data, |message| {
                            if ready.is_none() {
                                return stream.take(message, &mut next, now);
                            }
                            if is_end_of_snapshot(message)? {
                                // Whoever joins has missed what was before.
                                next = stream.changes.len();
                                ready.take().map(|ready| ready.send(Ok(())));
                            }
                            Ok(())
                        })
                    })
                })?;
                if let Some(answer) = http.answer() {
                    wire.write_all(&answer).await?;
                    wire.flush().await?;
                }
            }
        })
        .await
    }

    /// Connects to the raw yardstick, and waits until it is taken in.
    pub async fn join_raw(&self, receivers: &Receivers, address: String) -> Outcome<()> {
        join(receivers, Arc::clone(&self.shared), async move |shared: Arc<Shared>, ready| {
            let mut wire = TcpStream::connect(&address).await?;
            wire.set_nodelay(true)?;
            wire.read_u8().await?;
            let _ = ready.send(Ok(()));
            let mut messages = Messages::default();
            let (mut next, mut buffer) = (0, vec![0; READ]);
            loop {
                let read = read(&mut wire, &mut buffer).await?;
                shared.receive(|stream, now| {
                    messages.feed(&buffer[..read], |message| stream.take(message, &mut next, now))
                })?;
            }
        })
        .await
    }
}

/// Receives on the receivers' thread until something goes wrong, which the whole audience then
/// hears of; returns as soon as the connection is ready.
async fn join<F>(
    receivers: &Receivers,
    shared: Arc<Shared>,
    receive: impl FnOnce(Arc<Shared>, oneshot::Sender<Outcome<()>>) -> F + Send + 'static,
) -> Outcome<()>
where
    F: Future<Output = Outcome<()>> + Send,
{
    let (ready, is_ready) = oneshot::channel();
    receivers.handle.spawn(async move {
        if let Err(fault) = receive(Arc::clone(&shared), ready).await {
            shared.stream().fault.get_or_insert(fault.to_string());
            shared.news.notify_one();
        }
    });
    is_ready.await.map_err(
        |_| "a connection ended before it was ready: are the limits of connections high enough?",
    )?
}

async fn read(
    wire: &mut (impl AsyncRead + AsyncWrite + Unpin),
    buffer: &mut [u8],
) -> Outcome<usize> {
    match wire.read(buffer).await? {
        0 => Err("a connection was closed".into()),
        read => Ok(read),
    }
}

fn is_end_of_snapshot(message: &[u8]) -> Outcome<bool> {
    match WatchQueueResponse::decode(message)?.frame {
        Some(Frame::Snapshot(snapshot)) => Ok(snapshot.last),
        other => Err(format!("a watch began with {other:?}").into()),
    }
}
