//! The live queue of one member: a snapshot, every change from there, progress marks while it is quiet.
//!
//! In order, complete, without repeats, atomic per change. What a watcher holds is a place in the team's tail and at most one
//! batch of frames, so a reader that never reads costs a bounded amount.

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, Sleep, sleep_until};

use super::frames::{self, FrameDraft};
use super::{Desk, Failure, Session, Staff};
use crate::domain::{ContentId, Entry, Revision, Sight, Team, TeamId, TicketWords, actor_name};
use crate::hub::{Following, Frame, Subscription};
use crate::store::{LoggedChange, Stored};

/// A watch that lies further back than this starts over.
const FAR: Revision = 10_000;

/// Log rows read at once when catching up.
const CATCH_UP: i64 = 256;

/// Tickets in one part of a snapshot: a part stays well below the message limit of clients.
const PART: usize = 100;

/// A quiet watch gives a sign of life this often.
const PROGRESS: Duration = Duration::from_secs(20);

/// Something for the watcher.
#[derive(Debug)]
pub enum WatchItem {
    /// A change, or a part of a snapshot of all open tickets that the caller sees, encoded.
    Frame(Bytes),
    /// Nothing more up to this revision.
    Progress(Revision),
}

/// A watch under way.
pub struct Watch {
    desk: Arc<Desk>,
    staff: Staff,
    subscription: Subscription,
    /// Everything up to here was given.
    at: Revision,
    snapshot_due: bool,
    ready: VecDeque<WatchItem>,
    /// When a progress mark is due. Changes that this viewer does not see do not put it off.
    mark_due: Instant,
    alarm: Alarm,
}

impl Desk {
    /// Begins a watch: with a snapshot, or after a revision.
    pub async fn watch(self: &Arc<Self>, session: Session, after: Option<Revision>) -> Result<Watch, Failure> {
        let staff = self.staff(session).await?;
        let (team, member) = (staff.team.id, staff.viewer.member);
        let subscription = self.hub.subscribe(team, member, staff.session.account);
        let mark_due = Instant::now() + PROGRESS;
        let mut watch = Watch {
            desk: Arc::clone(self),
            staff,
            subscription,
            at: 0,
            snapshot_due: after.is_none(),
            ready: VecDeque::new(),
            mark_due,
            alarm: Alarm::at(mark_due),
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
    async fn resume(&mut self, after: Revision) -> Result<(), Failure> {
        let team = &self.staff.team;
        let head = self.desk.store.revision(team.id).await?;
        let sight_since = team.members.get(&self.staff.viewer.member).map_or(Revision::MAX, |me| me.sight_since);
        if after > head || after < sight_since || head - after > FAR {
            return Err(Failure::StartOver);
        }
        self.at = after;
        // Whatever came before the place in the tail was taken is in the log.
        self.catch_up().await.map(drop)
    }

    /// The next item, when there is one.
    pub async fn next(&mut self) -> Result<WatchItem, Failure> {
        let item = self.find_next().await?;
        self.mark_due = Instant::now() + PROGRESS;
        Ok(item)
    }

    async fn find_next(&mut self) -> Result<WatchItem, Failure> {
        loop {
            self.check_session().await?;
            if let Some(item) = self.ready.pop_front() {
                return Ok(item);
            }
            if self.snapshot_due {
                self.snapshot().await?;
                continue;
            }
            if self.mark_due <= Instant::now() {
                self.recheck().await?;
                return Ok(WatchItem::Progress(self.at));
            }
            match self.subscription.after(self.at) {
                Following::Frames(frames) => self.take_all(&frames),
                // A hint may promise more than the log has by now: then the next one says when to look again.
                Following::Log if self.catch_up().await? => {}
                Following::Log | Following::Nothing => self.wait().await,
            }
        }
    }

    /// Until there may be more, or a mark may be due.
    async fn wait(&mut self) {
        let (subscription, alarm, mark_due) = (&self.subscription, &mut self.alarm, self.mark_due);
        poll_fn(|context| match subscription.poll_news(context) {
            Poll::Ready(()) => Poll::Ready(()),
            Poll::Pending => alarm.poll(mark_due, context),
        })
        .await;
    }

    /// The team that is watched.
    pub fn team(&self) -> TeamId {
        self.staff.team.id
    }

    /// Refuses when the session has ended. Looked at before each item; whoever sends one in parts asks before each of them.
    pub async fn check_session(&mut self) -> Result<(), Failure> {
        if self.subscription.take_doubt() { self.recheck().await } else { Ok(()) }
    }

    async fn recheck(&mut self) -> Result<(), Failure> {
        let session = self.desk.session(self.staff.session.token).await?;
        self.staff = self.desk.staff(session).await?;
        Ok(())
    }

    /// Reads all open tickets. Only their encoded parts are held until they are sent.
    async fn snapshot(&mut self) -> Result<(), Failure> {
        let team = self.staff.team.id;
        // The semaphore is never closed; without a place nothing is held back.
        let _place = self.desk.snapshots.acquire().await.ok();
        let Some(mut snapshot) = self.desk.store.snapshot(team).await? else {
            return Err(Failure::SignedOut);
        };
        let (revision, directory) = (snapshot.revision, Arc::clone(&snapshot.directory));
        let member = self.staff.viewer.member;
        let viewer = directory.viewer(member).ok_or(Failure::Refused(crate::domain::Refusal::NO_TEAM))?;
        if !viewer.admin && !viewer.operator {
            return Err(crate::domain::Refusal::NOT_OPERATOR.into());
        }
        let encoder = &*self.desk.encoder;
        let (mut parts, mut part) = (VecDeque::new(), Vec::new());
        snapshot
            .each_ticket(|ticket| {
                if !viewer.sees(&Sight::from(&ticket.image)) {
                    return;
                }
                if part.len() == PART {
                    parts.push_back(encoder.snapshot((team, revision), &part, parts.is_empty(), false));
                    part.clear();
                }
                part.push(encoder.ticket(&directory, &ticket));
            })
            .await?;
        parts.push_back(encoder.snapshot((team, revision), &part, parts.is_empty(), true));
        self.ready.extend(parts.into_iter().map(WatchItem::Frame));
        self.staff.viewer = viewer;
        self.staff.team = directory;
        self.at = revision;
        self.snapshot_due = false;
        Ok(())
    }

    /// Passes a frame on as far as the viewer may see it. False: the watch starts over with a snapshot.
    fn take(&mut self, frame: &Frame) -> bool {
        if frame.revision <= self.at {
            return true;
        }
        if frame.names_changed || frame.sight_of.contains(&self.staff.viewer.member) {
            self.snapshot_due = true;
            return false;
        }
        self.at = frame.revision;
        let Staff { team, viewer, .. } = &self.staff;
        if let Some(bytes) = frames::for_viewer(&*self.desk.encoder, team.id, frame, viewer) {
            self.ready.push_back(WatchItem::Frame(bytes));
        }
        true
    }

    /// Reads what is not in memory from the log. False: there was nothing.
    async fn catch_up(&mut self) -> Result<bool, Failure> {
        let turn = self.subscription.turn(self.at).await;
        if let (Some(_), Following::Frames(frames)) = (&turn, self.subscription.after(self.at)) {
            // Somebody read it meanwhile.
            drop(turn);
            self.take_all(&frames);
            return Ok(true);
        }
        let frames = self.desk.frames_after(self.staff.team.id, self.at).await?;
        if turn.is_some() {
            self.subscription.fill(&frames);
        }
        drop(turn);
        self.take_all(&frames);
        Ok(!frames.is_empty())
    }

    fn take_all(&mut self, frames: &[Arc<Frame>]) {
        for frame in frames {
            if !self.take(frame) {
                break;
            }
        }
    }
}

/// Wakes no later than something is due. It is moved when it goes off, not with every change: that costs next to nothing where there are
/// many, and wakes for nothing now and then.
struct Alarm {
    sleep: Pin<Box<Sleep>>,
    /// Whom it wakes.
    set_for: Option<Waker>,
}

impl Alarm {
    fn at(due: Instant) -> Self {
        Alarm { sleep: Box::pin(sleep_until(due)), set_for: None }
    }

    /// Whether it went off. Otherwise whoever asks is woken no later than `due`.
    fn poll(&mut self, due: Instant, context: &mut Context<'_>) -> Poll<()> {
        if self.sleep.is_elapsed() {
            self.sleep.as_mut().reset(due.max(Instant::now()));
            self.set_for = None;
            return Poll::Ready(());
        }
        if self.set_for.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            return Poll::Pending;
        }
        self.set_for = Some(context.waker().clone());
        // Should it go off at this very moment, it does so once more when it is asked again, at once.
        if self.sleep.as_mut().poll(context).is_ready() {
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl Desk {
    /// The next changes of a team from the log, as frames.
    async fn frames_after(&self, team: TeamId, revision: Revision) -> Result<Vec<Arc<Frame>>, Failure> {
        let team = self.team(team).await?;
        let changes = self.store.log_after(team.id, revision, CATCH_UP).await?;
        let events = || changes.iter().flat_map(|change| &change.record.events);
        let wanted = events().filter_map(|event| match event {
            Stored::Ticket(changed) => Some(changed.ticket.words.id),
            _ => None,
        });
        let words = self.store.ticket_words(team.id, wanted.collect()).await?;
        Ok(changes.iter().map(|change| Arc::new(self.frame_of(&team, change, &words))).collect())
    }

    fn frame_of(&self, team: &Team, change: &LoggedChange, words: &HashMap<ContentId, Arc<TicketWords>>) -> Frame {
        let mut draft = FrameDraft::default();
        for event in &change.record.events {
            match event {
                Stored::Ticket(changed) => {
                    let words = words.get(&changed.ticket.words.id).cloned().unwrap_or_default();
                    draft.tickets.push((changed.before.clone(), Entry { image: changed.ticket.clone(), words }));
                }
                // The log does not say whether a name was among what changed.
                Stored::Member(_) | Stored::Group(_) | Stored::Team(_) | Stored::Profile(_) => {
                    draft.names_changed = true;
                }
                _ => {}
            }
        }
        let actor = actor_name(team, change.record.by);
        draft.finish(&*self.encoder, team, change.revision, actor)
    }
}
