//! A member's watch of their team, seen from the hub.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use super::locked;
use super::subscribers::{Subscriber, Subscribers};
use super::tail::{Frame, Tail};
use crate::domain::{AccountId, MemberId, Revision};

/// Subscribers of a team whose delay is measured, about: these stand for all. A thousand at a
/// thousand changes a second would otherwise have a million durations to record.
const MEASURED: usize = 4;

/// A team that somebody watches.
#[derive(Debug, Default)]
pub struct Channel {
    pub(super) tail: Mutex<Tail>,
    /// The newest revision that is known of.
    pub(super) head: AtomicI64,
    pub(super) subscribers: Subscribers,
    /// Held by whoever reads the log for all.
    reading: tokio::sync::Mutex<()>,
}

/// A member's subscription to their team's changes. The cursor is the subscriber's own.
#[derive(Debug)]
pub struct Subscription {
    subscriber: Arc<Subscriber>,
    pub(super) channel: Arc<Channel>,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.channel.subscribers.remove(&self.subscriber);
    }
}

/// What comes after a revision.
#[derive(Debug)]
pub enum Following {
    /// These, in order.
    Frames(Vec<Arc<Frame>>),
    /// Something that is no longer, or not yet, in memory: read the log.
    Log,
    /// Nothing yet.
    Nothing,
}

impl Subscription {
    pub(super) fn new(channel: Arc<Channel>, member: MemberId, account: AccountId) -> Self {
        Subscription { subscriber: channel.subscribers.add(member, account), channel }
    }

    /// What follows on a revision.
    pub fn after(&self, revision: Revision) -> Following {
        // Most often asked when there is nothing more: that takes no lock, at which a thousand
        // others may stand.
        if self.channel.head.load(Ordering::Acquire) <= revision {
            return Following::Nothing;
        }
        let following = locked(&self.channel.tail).after(revision);
        following.map_or(Following::Log, Following::Frames)
    }

    /// A turn at reading what is newer than the tail from the log: one subscriber reads for all,
    /// the others wait and find it in the tail. None: what follows on this revision is older than
    /// the tail, which is this subscriber's own affair.
    pub async fn turn(&self, revision: Revision) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        let behind = locked(&self.channel.tail).first().is_some_and(|first| revision + 1 < first);
        if behind { None } else { Some(self.channel.reading.lock().await) }
    }

    /// Adds what was read from the log, in order and without gaps. What does not go on from the
    /// tail replaces it if it is newer.
    pub fn fill(&self, frames: &[Arc<Frame>]) {
        let mut tail = locked(&self.channel.tail);
        if frames.first().zip(tail.last()).is_some_and(|(first, last)| first.revision > last + 1) {
            *tail = Tail::default();
        }
        for frame in frames {
            tail.push(Arc::clone(frame));
        }
    }

    /// When the oldest of these was committed, if this subscriber's delay stands for others': of a
    /// team's many subscribers only a few are measured.
    pub fn measured(&self, frames: &[Arc<Frame>]) -> Option<Instant> {
        let oldest = frames.first()?;
        let one_in = u64::try_from(Arc::strong_count(&self.channel) / MEASURED).unwrap_or(1).max(1);
        let turn = (oldest.revision + self.subscriber.member.0).unsigned_abs();
        oldest.committed.filter(|_| turn.is_multiple_of(one_in))
    }

    /// Waits until there may be more, or the session has to be looked up again. What happened since
    /// the last wait ends this one at once, so nothing is missed between looking and waiting.
    pub async fn woken(&self) {
        self.subscriber.woken().await;
    }

    /// Whether the session has to be looked up again; whoever asks will do that.
    pub fn take_recheck(&self) -> bool {
        self.subscriber.take_recheck()
    }
}
