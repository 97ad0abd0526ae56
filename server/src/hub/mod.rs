//! Who wakes whom: the recent tail of each watched team's changes, as opaque bytes with their
//! audience, and wake-ups for widgets.
//!
//! Knows no SQL, protobuf or rules. Each watcher keeps its own place in the tail, so a slow one
//! delays only itself and costs nothing but its place; whoever falls behind the tail reads the log.

mod place;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use place::{Place, Places};
use tokio::sync::watch;

use crate::domain::{AccountId, MemberId, ProfileId, Revision, Sight, TeamId, TicketId};
use crate::telemetry::{self, names};

/// Changes kept in memory for each team that somebody watches.
const TAIL: usize = 1_024;

/// Bytes that they may have: what customers write is long at times.
const TAIL_BYTES: usize = 16 * 1024 * 1024;

/// Watchers of a team whose delay is measured, about: these stand for all. A thousand at a thousand
/// changes a second would otherwise have a million durations to record.
const MEASURED: usize = 4;

/// How long it is believed that somebody watches on another server. That server says so every ten
/// seconds.
const ELSEWHERE: Duration = Duration::from_secs(25);

/// One change, encoded once, with who may see what of it.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The team's revision of the change.
    pub revision: Revision,
    /// The change for those who see all of it.
    pub whole: Bytes,
    /// Its tickets.
    pub parts: Vec<Part>,
    /// What happened, as a stable word.
    pub kind: &'static str,
    /// Who did it, for people.
    pub actor: String,
    /// Members who see other things from here on.
    pub sight_of: Vec<MemberId>,
    /// Watchers start over with a snapshot: names that tickets are shown with have changed, or
    /// there is more of it than fits into an answer.
    pub starts_over: bool,
    /// When it was committed, if that was on this server and now; none: it comes from the log.
    pub committed: Option<Instant>,
}

/// A ticket in a change.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its number.
    pub number: i64,
    /// Where it was; none: it is new.
    pub before: Option<Sight>,
    /// Where it is.
    pub after: Sight,
    /// The ticket, encoded.
    pub bytes: Bytes,
}

/// What a widget waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// A ticket of its customer's.
    Ticket(TicketId),
    /// Its profile, with the groups it offers.
    Profile(ProfileId),
}

/// Wakes watchers. One for a server.
#[derive(Debug, Default)]
pub struct Hub {
    teams: Mutex<HashMap<TeamId, Weak<Channel>>>,
    topics: Mutex<Topics>,
    /// Who watches on other servers, and when that was said last.
    elsewhere: Mutex<HashMap<TeamId, HashMap<MemberId, Instant>>>,
}

/// What is waited for in each team.
#[derive(Debug, Default)]
struct Topics {
    of: HashMap<TeamId, HashMap<Topic, Weak<watch::Sender<()>>>>,
    /// Topics that were made since those that nobody waits for were last looked for.
    made: usize,
    /// Topics that were left then.
    left: usize,
}

impl Frame {
    /// Bytes that it holds, about.
    fn size(&self) -> usize {
        self.whole.len() + self.parts.iter().map(|part| part.bytes.len()).sum::<usize>()
    }
}

impl Topics {
    /// Forgets what nobody waits for any more, once there may be as much of it as of the rest:
    /// looking through all of it for every new widget would make many widgets slow.
    fn tidy(&mut self) {
        self.made += 1;
        if self.made <= self.left.max(64) {
            return;
        }
        self.of.retain(|_, of_team| {
            of_team.retain(|_, sender| sender.strong_count() > 0);
            !of_team.is_empty()
        });
        self.left = self.of.values().map(HashMap::len).sum();
        self.made = 0;
    }
}

#[derive(Debug, Default)]
struct Channel {
    tail: Mutex<Tail>,
    /// The newest revision that is known of.
    head: AtomicI64,
    /// Who watches.
    places: Places,
    /// Held by whoever reads the log for all.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Tail {
    /// Without gaps, up to the newest that is known in full.
    frames: VecDeque<Arc<Frame>>,
    /// Bytes in them.
    bytes: usize,
}

impl Tail {
    fn first(&self) -> Option<Revision> {
        self.frames.front().map(|frame| frame.revision)
    }

    fn last(&self) -> Option<Revision> {
        self.frames.back().map(|frame| frame.revision)
    }

    fn push(&mut self, frame: Arc<Frame>) {
        self.bytes += frame.size();
        self.frames.push_back(frame);
        while self.frames.len() > TAIL || (self.bytes > TAIL_BYTES && self.frames.len() > 1) {
            if let Some(oldest) = self.frames.pop_front() {
                self.bytes -= oldest.size();
            }
        }
    }
}

/// A member's place at their team's tail.
#[derive(Debug)]
pub struct Subscription {
    place: Arc<Place>,
    channel: Arc<Channel>,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        metrics::gauge!(names::WATCHES_OPEN).decrement(1.0);
        self.channel.places.leave(&self.place);
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

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hub {
    /// Takes a place at a team's tail for a member, who is signed in with this account. Only what
    /// happens afterwards is sure to pass by.
    pub fn subscribe(&self, team: TeamId, member: MemberId, account: AccountId) -> Subscription {
        let mut teams = locked(&self.teams);
        teams.retain(|_, channel| channel.strong_count() > 0);
        let channel = teams.get(&team).and_then(Weak::upgrade).unwrap_or_else(|| {
            let channel = Arc::new(Channel::default());
            teams.insert(team, Arc::downgrade(&channel));
            channel
        });
        metrics::gauge!(names::WATCHES_OPEN).increment(1.0);
        Subscription { place: channel.places.enter(member, account), channel }
    }

    fn channel(&self, team: TeamId) -> Option<Arc<Channel>> {
        locked(&self.teams).get(&team).and_then(Weak::upgrade)
    }

    fn channels(&self) -> Vec<(TeamId, Arc<Channel>)> {
        let teams = locked(&self.teams);
        teams.iter().filter_map(|(team, channel)| Some((*team, channel.upgrade()?))).collect()
    }

    /// Whether a member of a team for whom `wanted` holds watches it, here or, as of some seconds
    /// ago, on another server.
    pub fn is_watched(&self, team: TeamId, wanted: impl Fn(MemberId) -> bool) -> bool {
        if self.channel(team).is_some_and(|channel| channel.places.any(&wanted)) {
            return true;
        }
        let elsewhere = locked(&self.elsewhere);
        let mut there = elsewhere.get(&team).into_iter().flatten();
        there.any(|(member, said)| said.elapsed() < ELSEWHERE && wanted(*member))
    }

    /// Who watches here.
    pub fn watching(&self) -> Vec<(TeamId, MemberId)> {
        let of = |(team, channel): (TeamId, Arc<Channel>)| {
            let members = channel.places.members();
            members.into_iter().map(move |member| (team, member))
        };
        self.channels().into_iter().flat_map(of).collect()
    }

    /// Takes down that somebody watches on another server.
    pub fn watches_elsewhere(&self, team: TeamId, member: MemberId) {
        let mut elsewhere = locked(&self.elsewhere);
        elsewhere.entry(team).or_default().insert(member, Instant::now());
    }

    /// Forgets who watched on other servers, of whom nothing was said for a while.
    pub fn forget_elsewhere(&self) {
        locked(&self.elsewhere).retain(|_, members| {
            members.retain(|_, said| said.elapsed() < ELSEWHERE);
            !members.is_empty()
        });
    }

    /// The teams that somebody watches, or waits for something of.
    pub fn watched(&self) -> Vec<TeamId> {
        let mut teams: Vec<_> = locked(&self.teams)
            .iter()
            .filter(|(_, channel)| channel.strong_count() > 0)
            .map(|(team, _)| *team)
            .collect();
        teams.extend(locked(&self.topics).of.keys());
        teams.sort_unstable();
        teams.dedup();
        teams
    }

    /// Tells a change to whoever watches its team; `make` runs only if somebody does.
    pub fn tell(&self, team: TeamId, revision: Revision, make: impl FnOnce() -> Frame) {
        let Some(channel) = self.channel(team) else { return };
        let frame = Arc::new(make());
        {
            let mut tail = locked(&channel.tail);
            // Where another server's changes lie between, the log has them all: whoever reads it
            // first fills the tail.
            if tail.last().is_none_or(|last| last + 1 == revision) {
                tail.push(frame);
            }
        }
        channel.head.fetch_max(revision, Ordering::AcqRel);
        channel.places.ring();
    }

    /// Hints that a team is at this revision, or further: another server changed it. Never a guess:
    /// while a hint promised more than there is, the hint that tells of it would be no news.
    pub fn hint(&self, team: TeamId, revision: Revision) {
        if let Some(channel) = self.channel(team)
            && channel.head.fetch_max(revision, Ordering::AcqRel) < revision
        {
            channel.places.ring();
        }
    }

    /// Waits for a topic of a team. Dropping the receiver ends it.
    pub fn wait_for(&self, team: TeamId, topic: Topic) -> Waiting {
        let mut topics = locked(&self.topics);
        topics.tidy();
        let of_team = topics.of.entry(team).or_default();
        let sender = of_team.get(&topic).and_then(Weak::upgrade).unwrap_or_else(|| {
            let sender = Arc::new(watch::Sender::new(()));
            of_team.insert(topic, Arc::downgrade(&sender));
            sender
        });
        Waiting { receiver: sender.subscribe(), _sender: sender }
    }

    /// Wakes whoever waits for these topics.
    pub fn wake(&self, team: TeamId, topics: impl IntoIterator<Item = Topic>) {
        let held = locked(&self.topics);
        let Some(of_team) = held.of.get(&team) else { return };
        for topic in topics {
            if let Some(sender) = of_team.get(&topic).and_then(Weak::upgrade) {
                sender.send_replace(());
            }
        }
    }

    /// Wakes whoever waits for anything of a team.
    pub fn wake_all(&self, team: TeamId) {
        let topics: Vec<_> = locked(&self.topics)
            .of
            .get(&team)
            .map(|of| of.keys().copied().collect())
            .unwrap_or_default();
        self.wake(team, topics);
    }

    /// Tells that sessions of an account have ended.
    pub fn signed_out(&self, account: AccountId) {
        for (_, channel) in self.channels() {
            channel.places.doubt(|doubted| doubted == account);
        }
    }

    /// Tells that any session may have ended.
    pub fn anybody_signed_out(&self) {
        for (_, channel) in self.channels() {
            channel.places.doubt(|_| true);
        }
    }
}

/// A wait for a topic.
#[derive(Debug)]
pub struct Waiting {
    receiver: watch::Receiver<()>,
    _sender: Arc<watch::Sender<()>>,
}

impl Waiting {
    /// Until it is woken.
    pub async fn woken(&mut self) {
        // The sender is held beside the receiver, so it cannot be gone.
        let _ = self.receiver.changed().await;
    }
}

impl Subscription {
    /// What follows on a revision.
    pub fn after(&self, revision: Revision) -> Following {
        // Most often asked when there is nothing more: that takes no lock, at which a thousand
        // others may stand.
        if self.channel.head.load(Ordering::Acquire) <= revision {
            return Following::Nothing;
        }
        let tail = locked(&self.channel.tail);
        match (tail.first(), tail.last()) {
            (Some(first), Some(last)) if first <= revision + 1 && revision < last => {
                let skip = usize::try_from(revision + 1 - first).unwrap_or(0);
                self.measure(tail.frames.get(skip));
                Following::Frames(tail.frames.iter().skip(skip).take(64).cloned().collect())
            }
            _ => Following::Log,
        }
    }

    /// A turn at reading what is newer than the tail from the log: one watcher reads for all, the
    /// others wait and find it in the tail. None: what follows on this revision is older than the
    /// tail, which is this watcher's own affair.
    pub async fn turn(&self, revision: Revision) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        let behind = locked(&self.channel.tail).first().is_some_and(|first| revision + 1 < first);
        if behind { None } else { Some(self.channel.reading.lock().await) }
    }

    /// Adds what was read from the log, in order and without gaps. What does not go on from the
    /// tail takes its place if it is newer.
    pub fn fill(&self, frames: &[Arc<Frame>]) {
        let mut tail = locked(&self.channel.tail);
        if frames.first().zip(tail.last()).is_some_and(|(first, last)| first.revision > last + 1) {
            *tail = Tail::default();
        }
        for frame in frames {
            if tail.last().is_none_or(|last| last + 1 == frame.revision) {
                tail.push(Arc::clone(frame));
            }
        }
    }

    /// Records how long this watcher's oldest change has waited, for a few watchers of each change.
    fn measure(&self, oldest: Option<&Arc<Frame>>) {
        let Some((frame, committed)) = oldest.and_then(|frame| Some((frame, frame.committed?)))
        else {
            return;
        };
        let one_in = u64::try_from(Arc::strong_count(&self.channel) / MEASURED).unwrap_or(1).max(1);
        if (frame.revision + self.place.member.0).unsigned_abs().is_multiple_of(one_in) {
            telemetry::delivered(committed);
        }
    }

    /// Whether there may be more, or a doubt. Otherwise whoever asks is woken when there is. Costs
    /// next to nothing where nothing changed.
    pub fn poll_news(&self, context: &mut Context<'_>) -> Poll<()> {
        self.place.poll_news(context)
    }

    /// Whether the session has to be looked at again.
    pub fn is_in_doubt(&self) -> bool {
        self.place.is_in_doubt()
    }

    /// The same; whoever asks will look.
    pub fn take_doubt(&self) -> bool {
        self.place.take_doubt()
    }
}
