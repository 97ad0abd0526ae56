//! Signals: the announcement that the server stops, for everybody who must end what they do, and
//! the request to read files again.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::sync::watch;

/// How far stopping is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Not at all.
    Running,
    /// Nothing new begins, what is running ends soon.
    Draining,
    /// Everything ends now.
    Now,
}

/// Follows how far stopping is. Clones follow the same server.
#[derive(Debug, Clone)]
pub struct Stopping(watch::Receiver<Stage>);

impl Stopping {
    /// An announcement and what follows it. The server runs until something else is sent; it also
    /// drains when the sender goes.
    pub fn new() -> (watch::Sender<Stage>, Self) {
        let (announce, follow) = watch::channel(Stage::Running);
        (announce, Self(follow))
    }

    /// Waits until stopping is at this stage or beyond.
    pub async fn reaches(&self, stage: Stage) {
        let mut follow = self.0.clone();
        // An error says that the announcer is gone, and with it the server.
        let _ = follow.wait_for(|now| *now >= stage).await;
    }

    /// Whether stopping is at this stage or beyond. Most often nothing was announced at all, and to
    /// see that takes no lock, at which all connections would meet.
    fn has_reached(&self, stage: Stage) -> bool {
        // What was announced is never marked as seen; an error says that the announcer is gone.
        self.0.has_changed().map_or(true, |announced| announced && self.stage() >= stage)
    }

    /// How far stopping is at this moment.
    pub fn stage(&self) -> Stage {
        *self.0.borrow()
    }
}

type Reached = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Follows when a stage is reached for a task that asks often. It queues up once, and not anew each
/// time.
pub(super) struct Follower {
    stopping: Stopping,
    stage: Stage,
    queued: Option<(Waker, Reached)>,
}

impl Follower {
    pub(super) fn of(stopping: &Stopping, stage: Stage) -> Self {
        Self { stopping: stopping.clone(), stage, queued: None }
    }

    /// Whether it is reached. Otherwise whoever asks is woken when it is.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.stopping.has_reached(self.stage) {
            return Poll::Ready(());
        }
        if self.queued.as_ref().is_some_and(|(waker, _)| waker.will_wake(context.waker())) {
            return Poll::Pending;
        }
        let (stopping, stage) = (self.stopping.clone(), self.stage);
        let mut reached: Reached = Box::pin(async move { stopping.reaches(stage).await });
        let is_reached = reached.as_mut().poll(context);
        self.queued = Some((context.waker().clone(), reached));
        is_reached
    }
}

/// Stages that are still to be announced.
fn left(announce: &watch::Sender<Stage>) -> impl Iterator<Item = Stage> + use<> {
    let now = *announce.borrow();
    [Stage::Draining, Stage::Now].into_iter().filter(move |stage| *stage > now)
}

/// Announces stopping at SIGTERM or SIGINT, and the end at the second one. Returns when there is
/// nothing left to announce.
#[cfg(unix)]
pub async fn on_signals(announce: watch::Sender<Stage>) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    for stage in left(&announce) {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!(?stage, "stopping: a signal came");
        announce.send_modify(|now| *now = stage.max(*now));
    }
    Ok(())
}

/// Announces stopping at Ctrl-C, and the end at the second one.
#[cfg(not(unix))]
pub async fn on_signals(announce: watch::Sender<Stage>) -> std::io::Result<()> {
    for stage in left(&announce) {
        tokio::signal::ctrl_c().await?;
        tracing::info!(?stage, "stopping: Ctrl-C was pressed");
        announce.send_modify(|now| *now = stage.max(*now));
    }
    Ok(())
}

/// Hears SIGHUP, which asks to read again what may have changed. From the moment it is made, SIGHUP
/// does not end the process.
#[cfg(unix)]
#[derive(Debug)]
pub struct Asked(tokio::signal::unix::Signal);

#[cfg(unix)]
impl Asked {
    /// Begins to listen.
    pub fn begin() -> std::io::Result<Self> {
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).map(Self)
    }

    /// Waits for the next signal.
    pub async fn again(&mut self) {
        if self.0.recv().await.is_none() {
            // Nothing comes any more.
            std::future::pending::<()>().await;
        }
    }
}

/// Where there is no SIGHUP, nobody asks.
#[cfg(not(unix))]
#[derive(Debug)]
pub struct Asked;

#[cfg(not(unix))]
impl Asked {
    /// Begins to listen.
    pub fn begin() -> std::io::Result<Self> {
        Ok(Self)
    }

    /// Waits for ever.
    pub async fn again(&mut self) {
        std::future::pending::<()>().await;
    }
}
