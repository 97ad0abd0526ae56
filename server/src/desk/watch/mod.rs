//! The live queue of one member: a snapshot, every change from there, progress marks while it is
//! quiet.
//!
//! In order, complete, without repeats, atomic per change. What a watch holds is a cursor in the
//! team's changes and at most one batch of frames, so a reader that never reads costs a bounded
//! amount. It has no task of its own: it goes on when its call asks for the next frame.

mod changes;
mod snapshot;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::task::yield_now;
use tokio::time::{Instant, Sleep, sleep};

use super::measures::{self, OpenWatch};
use super::{Desk, Failure, Session, Share, Staff};
use crate::domain::{AccountId, Revision};
use crate::hub::{Following, Subscription};

/// A quiet watch gives a sign of life this often.
const PROGRESS: Duration = Duration::from_secs(20);

/// A watch under way.
pub struct Watch {
    desk: Arc<Desk>,
    staff: Staff,
    subscription: Subscription,
    _open: OpenWatch,
    /// Everything up to here was given, or is among what is ready.
    cursor: Revision,
    snapshot_due: bool,
    /// The log has less than was hinted at, so far.
    hinted_in_vain: bool,
    /// Encoded frames to give.
    ready: VecDeque<Bytes>,
    /// It counts among those of its account.
    _watching: Share<AccountId>,
    /// The parts of a snapshot that are ready.
    held: Option<Share<AccountId>>,
    /// Something was given since that was found out: see [`Watch::hand_over`].
    gave: bool,
    /// When a progress mark is due; none: something was given since the last wait. Changes that
    /// this viewer does not see do not put it off.
    mark_due: Option<Instant>,
    /// Goes off no later than a mark is due. It is set again when it goes off, not with every
    /// change: that costs next to nothing where there are many, and wakes in vain now and then.
    alarm: Pin<Box<Sleep>>,
}

impl Desk {
    /// Begins a watch: with a snapshot, or after a revision.
    pub async fn watch(
        self: &Arc<Self>,
        session: Session,
        after: Option<Revision>,
    ) -> Result<Watch, Failure> {
        let staff = self.staff(session).await?;
        let (team, member) = (staff.team.id, staff.viewer.member);
        let watching = self.holdings.watch(staff.session.account)?;
        let subscription = self.hub.subscribe(team, member, staff.session.account);
        let mut watch = Watch {
            desk: Arc::clone(self),
            staff,
            subscription,
            _open: OpenWatch::begin(),
            cursor: 0,
            snapshot_due: after.is_none(),
            hinted_in_vain: false,
            ready: VecDeque::new(),
            _watching: watching,
            held: None,
            gave: false,
            mark_due: None,
            alarm: Box::pin(sleep(PROGRESS)),
        };
        // Looks once it listens, so that a sign-out in between is not missed.
        watch.recheck().await?;
        watch.staff.operator()?;
        if let Some(after) = after {
            watch.resume(after).await?;
        }
        Ok(watch)
    }
}

impl Watch {
    /// The next frame, encoded. After a failure the watch is over.
    ///
    /// Lookups are rare and boxed, so that the many who wait stay small.
    pub async fn next(&mut self) -> Result<Bytes, Failure> {
        loop {
            // Before each frame: whoever has signed out gets no more of them.
            while self.subscription.take_recheck() {
                Box::pin(self.recheck()).await?;
            }
            if let Some(frame) = self.pop() {
                (self.gave, self.mark_due) = (true, None);
                return Ok(frame);
            }
            if self.snapshot_due {
                Box::pin(self.snapshot()).await?;
                continue;
            }
            match self.subscription.after(self.cursor) {
                Following::Frames(frames) => {
                    self.subscription.measured(&frames).into_iter().for_each(measures::delivered);
                    self.pass_all_on(&frames);
                }
                Following::Log if !self.hinted_in_vain => Box::pin(self.catch_up()).await?,
                // A hint may promise more than the log has by now: then the next one says when to
                // look again.
                Following::Log | Following::Nothing => self.wait().await?,
            }
        }
    }

    /// Lets what was given go out before a lookup begins. Whoever asks for frames sends them when
    /// there is none at hand, and asks again when the reader has room: one that stalls in between
    /// would hold a connection, or a turn that others wait for.
    async fn hand_over(&mut self) {
        if std::mem::take(&mut self.gave) {
            yield_now().await;
        }
    }

    /// The next frame that is ready. What is handed over is held no more.
    fn pop(&mut self) -> Option<Bytes> {
        let frame = self.ready.pop_front();
        if self.ready.is_empty() {
            self.held = None;
        } else if let (Some(held), Some(frame)) = (&mut self.held, &frame) {
            held.release(frame.len());
        }
        frame
    }

    /// Until something happens, or it was quiet for so long that a progress mark is due.
    async fn wait(&mut self) -> Result<(), Failure> {
        let due = *self.mark_due.get_or_insert_with(|| Instant::now() + PROGRESS);
        tokio::select! {
            biased;
            () = self.subscription.woken() => self.hinted_in_vain = false,
            () = self.alarm.as_mut() => {
                if due <= Instant::now() {
                    Box::pin(self.recheck()).await?;
                    let at = (self.staff.team.id, self.cursor);
                    self.ready.push_back(self.desk.encoder.progress(at));
                } else {
                    self.alarm.as_mut().reset(due);
                }
            }
        }
        Ok(())
    }

    /// Looks the session up again, and what its member may see and do.
    async fn recheck(&mut self) -> Result<(), Failure> {
        self.hand_over().await;
        let session = self.desk.session(self.staff.session.token).await?;
        self.staff = self.desk.staff(session).await?;
        Ok(())
    }
}
