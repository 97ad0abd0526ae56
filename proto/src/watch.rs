//! The live queue as a stream of news that resumes by itself.
//!
//! [`QueueView`] is the pure half: frames in, tickets out. [`QueueWatch`] is the half that talks:
//! it opens the stream after the last cursor, and when the stream breaks or falls silent it says
//! so, waits a little longer each time, and goes on where it stopped, without a gap or a repeat. It
//! stops only when going on is pointless, for example when the session has ended.

mod pace;
#[cfg(test)]
mod tests;
mod view;

use std::time::Duration;

use futures_util::Stream;
use tokio::time::{Instant, sleep_until, timeout};
use tonic::codegen::{Body, Bytes, StdError};
use tonic::{Code, Status, Streaming};

pub use self::pace::Pace;
pub use self::view::{Heard, QueueView, StartOver, is_open};
use crate::client::jitter;
use crate::problem::Problem;
use crate::v1::watch_queue_response::Change;
use crate::v1::watch_service_client::WatchServiceClient;
use crate::v1::{Ticket, WatchQueueResponse};

/// One piece of news from a watch.
#[derive(Clone, Debug)]
pub enum WatchNews {
    /// The stream is open. `resumed`: it goes on after what was seen before, and no snapshot
    /// follows.
    Connected {
        /// It goes on after a cursor.
        resumed: bool,
    },
    /// All open tickets at one moment, by number. What was known before is void.
    Snapshot {
        /// The tickets, by number.
        tickets: Vec<Ticket>,
        /// Where the snapshot stands.
        cursor: String,
    },
    /// One change. Tickets that ended are told of here for the last time.
    Change(Change),
    /// Nothing happened up to this cursor; the connection is alive.
    Progress {
        /// Everything up to here was told.
        cursor: String,
    },
    /// The stream broke; the watch tries again after the time told.
    Disconnected {
        /// Why.
        problem: Problem,
        /// How long the watch waits before it tries again.
        retry_in: Duration,
    },
    /// The place to go on was too old or unclear: a new snapshot follows.
    StartedOver,
    /// The watch is over, and trying again would not help. Nothing follows.
    Ended(Problem),
}

/// Watches the queue, for as long as the session lasts.
pub struct QueueWatch<T> {
    client: WatchServiceClient<T>,
    pace: Pace,
    view: QueueView,
    phase: Phase,
    /// Failures in a row.
    failures: u32,
}

enum Phase {
    Opening,
    Open { stream: Box<Streaming<WatchQueueResponse>>, since: Instant },
    Waiting { until: Instant },
    Ended,
}

impl<T> QueueWatch<T>
where
    T: tonic::client::GrpcService<tonic::body::Body>,
    T::Error: Into<StdError>,
    T::ResponseBody: Body<Data = Bytes> + Send + 'static,
    <T::ResponseBody as Body>::Error: Into<StdError> + Send,
{
    /// A watch that begins with a snapshot.
    pub fn new(client: WatchServiceClient<T>) -> Self {
        Self {
            client,
            pace: Pace::default(),
            view: QueueView::default(),
            phase: Phase::Opening,
            failures: 0,
        }
    }

    /// Begins after a cursor from an earlier run instead. An empty one means from a snapshot.
    #[must_use]
    pub fn after(mut self, cursor: String) -> Self {
        self.view = QueueView::resuming(cursor);
        self
    }

    /// Other times than the usual.
    #[must_use]
    pub fn pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }

    /// The news as a stream. Dropping a wait for its next item loses nothing, unlike with
    /// [`Self::next`].
    pub fn into_stream(self) -> impl Stream<Item = WatchNews> {
        futures_util::stream::unfold(self, |mut watch| async move {
            let news = watch.next().await?;
            Some((news, watch))
        })
    }

    /// Waits for the next piece of news; none after [`WatchNews::Ended`]. Dropping the wait while
    /// the stream is being opened makes the next wait open it anew.
    pub async fn next(&mut self) -> Option<WatchNews> {
        loop {
            match &mut self.phase {
                Phase::Ended => return None,
                Phase::Waiting { until } => {
                    sleep_until(*until).await;
                    self.phase = Phase::Opening;
                }
                Phase::Opening => return Some(self.open().await),
                Phase::Open { stream, .. } => {
                    let frame = match timeout(self.pace.silence, stream.message()).await {
                        Ok(Ok(Some(frame))) => frame,
                        Ok(Ok(None)) => {
                            return Some(
                                self.broke(Status::unavailable("the server ended the stream")),
                            );
                        }
                        Ok(Err(status)) => return Some(self.broke(status)),
                        Err(_) => {
                            return Some(
                                self.broke(Status::unavailable("the server has fallen silent")),
                            );
                        }
                    };
                    if let Some(news) = self.heard(frame) {
                        return Some(news);
                    }
                }
            }
        }
    }

    async fn open(&mut self) -> WatchNews {
        let request = self.view.request();
        let resumed = !request.after.is_empty();
        match timeout(self.pace.open_within, self.client.watch_queue(request)).await {
            Ok(Ok(response)) => {
                self.phase =
                    Phase::Open { stream: Box::new(response.into_inner()), since: Instant::now() };
                WatchNews::Connected { resumed }
            }
            Ok(Err(status)) => self.broke(status),
            Err(_) => self.broke(Status::unavailable("the server does not answer")),
        }
    }

    /// What a frame is worth telling, if anything.
    fn heard(&mut self, frame: WatchQueueResponse) -> Option<WatchNews> {
        let heard = self.view.apply(frame);
        let cursor = || self.view.cursor().unwrap_or_default().to_owned();
        match heard {
            Ok(Heard::SnapshotPart | Heard::Repeat) => None,
            Ok(Heard::Snapshot) => Some(WatchNews::Snapshot {
                tickets: self.view.tickets().values().cloned().collect(),
                cursor: cursor(),
            }),
            Ok(Heard::Change(change)) => Some(WatchNews::Change(change)),
            Ok(Heard::Progress) => Some(WatchNews::Progress { cursor: cursor() }),
            Err(_) => Some(self.start_over()),
        }
    }

    fn broke(&mut self, status: Status) -> WatchNews {
        self.view.cut();
        let problem = Problem::from(status);
        match problem.code {
            // Without a cursor it cannot be the cursor: then it is a frame over the size limit,
            // which is worth a pause.
            Code::OutOfRange if self.view.cursor().is_some() => self.start_over(),
            Code::OutOfRange
            | Code::Cancelled
            | Code::Unknown
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
            | Code::Aborted
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
            | Code::Ok => {
                let retry_in = self.next_delay().max(problem.retry_after.unwrap_or_default());
                self.phase = Phase::Waiting { until: Instant::now() + retry_in };
                WatchNews::Disconnected { problem, retry_in }
            }
            Code::Unauthenticated
            | Code::PermissionDenied
            | Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::FailedPrecondition
            | Code::Unimplemented => {
                self.phase = Phase::Ended;
                WatchNews::Ended(problem)
            }
        }
    }

    /// The first time at once; a server that cannot be understood again and again is given pauses
    /// like one that breaks.
    fn start_over(&mut self) -> WatchNews {
        self.view.forget_cursor();
        let delay = self.next_delay();
        self.phase = if self.failures == 1 {
            Phase::Opening
        } else {
            Phase::Waiting { until: Instant::now() + delay }
        };
        WatchNews::StartedOver
    }

    /// Counts a failure and says how long to wait after it.
    fn next_delay(&mut self) -> Duration {
        if matches!(&self.phase, Phase::Open { since, .. } if since.elapsed() >= self.pace.settled_after)
        {
            self.failures = 0;
        }
        self.failures = self.failures.saturating_add(1);
        self.pace.retry.wait(self.failures, jitter())
    }
}
