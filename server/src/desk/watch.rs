//! The live queue of one member: a snapshot, every change from there, progress marks while it is
//! quiet.
//!
//! In order, complete, without repeats, atomic per change. What a watcher holds is a place in the
//! team's tail and at most one batch of frames, so a reader that never reads costs a bounded
//! amount.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::SemaphorePermit;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::frames::{self, FrameDraft};
use super::{ANSWER, Desk, Failure, Session, Share, Staff};
use crate::domain::{
    AccountId, ContentId, Entry, Revision, Sight, Team, TeamId, TicketWords, actor_name,
};
use crate::hub::{Following, Frame, Subscription};
use crate::store::{LoggedChange, Stored};

/// A watch that lies further back than this starts over.
const FAR: Revision = 10_000;

/// Log rows read at once when catching up.
const CATCH_UP: i64 = 256;

/// Tickets in one part of a snapshot, if they fit into an answer.
const PART: usize = 100;

/// How long a snapshot waits, at most, for others to be read: see [`place`].
const ROOM: Duration = Duration::from_secs(10);

/// It looks again after so long.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

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

/// A watch under way. It is asked for what is next by being polled: a thousand of them are, at each
/// change, and nearly always the answer is at hand.
pub struct Watch {
    team: TeamId,
    /// None while it is looking something up, and once it is over.
    state: Option<State>,
    lookup: Option<Looking>,
}

type Looking = Pin<Box<dyn Future<Output = (State, Result<(), Failure>)> + Send>>;

struct State {
    desk: Arc<Desk>,
    staff: Staff,
    subscription: Subscription,
    /// Everything up to here was given.
    at: Revision,
    snapshot_due: bool,
    /// The log has less than was hinted at, so far.
    hinted_in_vain: bool,
    ready: VecDeque<WatchItem>,
    /// It counts among those of its account.
    _watching: Share<AccountId>,
    /// The parts of a snapshot that are among these.
    held: Option<Share<AccountId>>,
    /// When a progress mark is due. Changes that this viewer does not see do not put it off.
    mark_due: Instant,
    /// Something was given since that was found out.
    gave: bool,
    alarm: Alarm,
}

/// What comes next.
enum Next {
    Item(WatchItem),
    Lookup(Lookup),
}

/// What needs the database.
#[derive(Clone, Copy)]
enum Lookup {
    /// The session is in doubt.
    Recheck,
    /// A progress mark is due, and a look at the session with it.
    Mark,
    /// A snapshot is due.
    Snapshot,
    /// What follows is not in memory.
    CatchUp,
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
        let mut state = State {
            desk: Arc::clone(self),
            staff,
            subscription,
            at: 0,
            snapshot_due: after.is_none(),
            hinted_in_vain: false,
            ready: VecDeque::new(),
            _watching: watching,
            held: None,
            mark_due: Instant::now() + PROGRESS,
            gave: false,
            alarm: Alarm::default(),
        };
        // Looks once it listens, so that a sign-out in between is not missed.
        state.recheck().await?;
        state.staff.operator()?;
        if let Some(after) = after {
            state.resume(after).await?;
        }
        Ok(Watch { team, state: Some(state), lookup: None })
    }
}

impl Watch {
    /// The team that is watched.
    pub fn team(&self) -> TeamId {
        self.team
    }

    /// The next item, if it is at hand.
    pub fn at_hand(&mut self) -> Option<WatchItem> {
        let state = self.state.as_mut()?;
        if state.subscription.is_in_doubt() { None } else { state.pop() }
    }

    /// The next item. Otherwise whoever asks is woken when there is one. After a failure the watch
    /// is over.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<WatchItem, Failure>> {
        loop {
            if let Some(lookup) = &mut self.lookup {
                let (state, done) = ready!(lookup.as_mut().poll(context));
                self.lookup = None;
                done?;
                self.state = Some(state);
            }
            let Some(state) = &mut self.state else { return Poll::Pending };
            match ready!(state.poll_next(context)) {
                Next::Item(item) => return Poll::Ready(Ok(item)),
                Next::Lookup(lookup) => {
                    self.lookup =
                        self.state.take().map(|state| Box::pin(state.run(lookup)) as Looking);
                }
            }
        }
    }
}

impl State {
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Next> {
        loop {
            if self.subscription.take_doubt() {
                return Poll::Ready(Next::Lookup(Lookup::Recheck));
            }
            if let Some(item) = self.pop() {
                self.gave = true;
                return Poll::Ready(Next::Item(item));
            }
            if self.snapshot_due {
                return Poll::Ready(Next::Lookup(Lookup::Snapshot));
            }
            match self.subscription.after(self.at) {
                Following::Frames(frames) => {
                    self.take_all(&frames);
                    continue;
                }
                Following::Log if !self.hinted_in_vain => {
                    return Poll::Ready(Next::Lookup(Lookup::CatchUp));
                }
                // A hint may promise more than the log has by now: then the next one says when to
                // look again.
                Following::Log | Following::Nothing => {}
            }
            if self.subscription.poll_news(context).is_ready() {
                self.hinted_in_vain = false;
                continue;
            }
            let now = Instant::now();
            if std::mem::take(&mut self.gave) {
                self.mark_due = now + PROGRESS;
            }
            if self.mark_due <= now {
                return Poll::Ready(Next::Lookup(Lookup::Mark));
            }
            self.alarm.set(self.mark_due, now, context);
            return Poll::Pending;
        }
    }

    /// The next item at hand. What is handed over is held no more.
    fn pop(&mut self) -> Option<WatchItem> {
        let item = self.ready.pop_front();
        if self.ready.is_empty() {
            self.held = None;
        } else if let (Some(held), Some(WatchItem::Frame(bytes))) = (&mut self.held, &item) {
            held.release(bytes.len());
        }
        item
    }

    async fn run(mut self, lookup: Lookup) -> (Self, Result<(), Failure>) {
        let done = match lookup {
            Lookup::Recheck => self.recheck().await,
            Lookup::Mark => self.mark().await,
            Lookup::Snapshot => self.snapshot().await,
            Lookup::CatchUp => self.catch_up().await,
        };
        (self, done)
    }

    async fn resume(&mut self, after: Revision) -> Result<(), Failure> {
        let team = &self.staff.team;
        let head = self.desk.store.revision(team.id).await?;
        let sight_since =
            team.members.get(&self.staff.viewer.member).map_or(Revision::MAX, |me| me.sight_since);
        if after > head || after < sight_since || head - after > FAR {
            return Err(Failure::StartOver);
        }
        self.at = after;
        // Whatever came before the place in the tail was taken is in the log.
        self.catch_up().await
    }

    async fn recheck(&mut self) -> Result<(), Failure> {
        let session = self.desk.session(self.staff.session.token).await?;
        self.staff = self.desk.staff(session).await?;
        Ok(())
    }

    async fn mark(&mut self) -> Result<(), Failure> {
        self.recheck().await?;
        self.ready.push_back(WatchItem::Progress(self.at));
        Ok(())
    }

    /// Reads all open tickets. Only their encoded parts are held until they are sent.
    async fn snapshot(&mut self) -> Result<(), Failure> {
        let team = self.staff.team.id;
        let account = self.staff.session.account;
        let desk = Arc::clone(&self.desk);
        let _place = place(&desk, account).await?;
        let Some(mut snapshot) = self.desk.store.snapshot(team).await? else {
            return Err(Failure::SignedOut);
        };
        let (revision, directory) = (snapshot.revision, Arc::clone(&snapshot.directory));
        let member = self.staff.viewer.member;
        let viewer =
            directory.viewer(member).ok_or(Failure::Refused(crate::domain::Refusal::NO_TEAM))?;
        if !viewer.admin && !viewer.operator {
            return Err(crate::domain::Refusal::NOT_OPERATOR.into());
        }
        let encoder = &*self.desk.encoder;
        let (mut parts, mut part, mut bytes) = (VecDeque::new(), Vec::new(), 0);
        snapshot
            .each_ticket(|ticket| {
                if !viewer.sees(&Sight::from(&ticket.image)) {
                    return;
                }
                let ticket = encoder.ticket(&directory, &ticket);
                bytes += ticket.len();
                if part.len() == PART || (bytes > ANSWER && !part.is_empty()) {
                    parts.push_back(encoder.snapshot(
                        (team, revision),
                        &part,
                        parts.is_empty(),
                        false,
                    ));
                    part.clear();
                    bytes = ticket.len();
                }
                part.push(ticket);
            })
            .await?;
        parts.push_back(encoder.snapshot((team, revision), &part, parts.is_empty(), true));
        let bytes = parts.iter().map(Bytes::len).sum();
        self.held = Some(self.desk.holdings.snapshots.add(&account, bytes));
        self.ready.extend(parts.into_iter().map(WatchItem::Frame));
        self.staff.viewer = viewer;
        self.staff.team = directory;
        self.at = revision;
        self.snapshot_due = false;
        Ok(())
    }

    /// Passes a frame on as far as the viewer may see it. False: the watch starts over with a
    /// snapshot.
    fn take(&mut self, frame: &Frame) -> bool {
        if frame.revision <= self.at {
            return true;
        }
        if frame.starts_over || frame.sight_of.contains(&self.staff.viewer.member) {
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

    /// Reads what is not in memory from the log.
    async fn catch_up(&mut self) -> Result<(), Failure> {
        let turn = self.subscription.turn(self.at).await;
        if let (Some(_), Following::Frames(frames)) = (&turn, self.subscription.after(self.at)) {
            // Somebody read it meanwhile.
            drop(turn);
            self.take_all(&frames);
            return Ok(());
        }
        let frames = self.desk.frames_after(self.staff.team.id, self.at).await?;
        if turn.is_some() {
            self.subscription.fill(&frames);
        }
        drop(turn);
        self.take_all(&frames);
        self.hinted_in_vain = frames.is_empty();
        Ok(())
    }

    fn take_all(&mut self, frames: &[Arc<Frame>]) {
        for frame in frames {
            if !self.take(frame) {
                break;
            }
        }
    }
}

/// A place to read a snapshot at, once there is room for one more: for this account, and in all.
/// Whoever waits for that is in nobody's way.
async fn place(desk: &Desk, account: AccountId) -> Result<Option<SemaphorePermit<'_>>, Failure> {
    let until = Instant::now() + ROOM;
    loop {
        // The semaphore is never closed; without a place nothing is held back.
        let place = desk.snapshots.acquire().await.ok();
        if desk.holdings.snapshots.has_room(&account) {
            return Ok(place);
        }
        drop(place);
        if until <= Instant::now() {
            return Err(Failure::Throttled(ROOM));
        }
        sleep(LOOK_AGAIN).await;
    }
}

/// Wakes no later than something is due. It is moved when it goes off, not with every change: that
/// costs next to nothing where there are many, and wakes for nothing now and then.
#[derive(Default)]
struct Alarm {
    set: Option<Set>,
}

struct Set {
    due: Instant,
    wakes: Waker,
    sleep: Pin<Box<Sleep>>,
}

impl Alarm {
    /// Has whoever asks woken no later than `due`.
    fn set(&mut self, due: Instant, now: Instant, context: &mut Context<'_>) {
        if self
            .set
            .as_ref()
            .is_some_and(|set| now < set.due && set.wakes.will_wake(context.waker()))
        {
            return;
        }
        let mut set =
            Set { due, wakes: context.waker().clone(), sleep: Box::pin(sleep_until(due)) };
        if set.sleep.as_mut().poll(context).is_ready() {
            context.waker().wake_by_ref();
        }
        self.set = Some(set);
    }
}

impl Desk {
    /// The next changes of a team from the log, as frames.
    async fn frames_after(
        &self,
        team: TeamId,
        revision: Revision,
    ) -> Result<Vec<Arc<Frame>>, Failure> {
        let team = self.team(team).await?;
        let changes = self.store.log_after(team.id, revision, CATCH_UP).await?;
        let events = || changes.iter().flat_map(|change| &change.record.events);
        let wanted = events().filter_map(|event| match event {
            Stored::Ticket(changed) => Some(changed.ticket.words.id),
            _ => None,
        });
        let words = self.store.ticket_words(team.id, wanted.collect()).await?;
        changes.iter().map(|change| Ok(Arc::new(self.frame_of(&team, change, &words)?))).collect()
    }

    fn frame_of(
        &self,
        team: &Team,
        change: &LoggedChange,
        words: &HashMap<ContentId, Arc<TicketWords>>,
    ) -> Result<Frame, Failure> {
        let mut draft = FrameDraft {
            names_changed: change.record.may_rename(),
            sight_of: change.record.sight_of(change.revision)?,
            ..FrameDraft::default()
        };
        for event in &change.record.events {
            if let Stored::Ticket(changed) = event {
                let words = words.get(&changed.ticket.words.id).cloned().unwrap_or_default();
                let ticket = Entry { image: changed.ticket.clone(), words };
                draft.tickets.push((changed.before.clone(), ticket));
            }
        }
        let actor = actor_name(team, change.record.by);
        Ok(draft.finish(&*self.encoder, team, change.revision, actor))
    }
}
