//! Who wakes whom: the recent tail of each watched team's changes, as opaque bytes with their
//! audience, and wake-ups for widgets.
//!
//! Knows no SQL, protobuf or rules. Each subscriber keeps its own cursor and has no queue, so a
//! slow one delays only itself and costs nothing; whoever falls behind the tail reads the log.

mod subscribers;
mod subscription;
mod tail;
#[cfg(test)]
mod tests;
mod topics;

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

pub use subscription::{Following, Subscription};
pub use tail::{Frame, Part};
pub use topics::{Topic, Waiting};

use crate::domain::{AccountId, MemberId, Revision, TeamId};
use subscription::Channel;
use topics::Topics;

/// How long it is believed that somebody watches on another server. That server says so every ten
/// seconds.
const ELSEWHERE: Duration = Duration::from_secs(25);

/// Wakes watchers. One for a server.
#[derive(Debug, Default)]
pub struct Hub {
    teams: Mutex<HashMap<TeamId, Weak<Channel>>>,
    topics: Mutex<Topics>,
    /// Who watches on other servers, and when that was said last.
    elsewhere: Mutex<HashMap<TeamId, HashMap<MemberId, Instant>>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hub {
    /// Subscribes a member, who is signed in with this account, to their team's changes. Only what
    /// happens afterwards is sure to be told.
    pub fn subscribe(&self, team: TeamId, member: MemberId, account: AccountId) -> Subscription {
        let mut teams = locked(&self.teams);
        teams.retain(|_, channel| channel.strong_count() > 0);
        let channel = teams.get(&team).and_then(Weak::upgrade).unwrap_or_else(|| {
            let channel = Arc::new(Channel::default());
            teams.insert(team, Arc::downgrade(&channel));
            channel
        });
        Subscription::new(channel, member, account)
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
        if self.channel(team).is_some_and(|channel| channel.subscribers.any(&wanted)) {
            return true;
        }
        let elsewhere = locked(&self.elsewhere);
        let mut there = elsewhere.get(&team).into_iter().flatten();
        there.any(|(member, said)| said.elapsed() < ELSEWHERE && wanted(*member))
    }

    /// Who watches here.
    pub fn watching(&self) -> Vec<(TeamId, MemberId)> {
        let of = |(team, channel): (TeamId, Arc<Channel>)| {
            let members = channel.subscribers.members();
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
        // Where another server's changes lie between, the log has them all: whoever reads it first
        // fills the tail.
        locked(&channel.tail).push(frame);
        channel.head.fetch_max(revision, Ordering::AcqRel);
        channel.subscribers.wake();
    }

    /// Hints that a team is at this revision, or further: another server changed it. Never a guess:
    /// while a hint promised more than there is, the hint that tells of it would be no news.
    pub fn hint(&self, team: TeamId, revision: Revision) {
        if let Some(channel) = self.channel(team)
            && channel.head.fetch_max(revision, Ordering::AcqRel) < revision
        {
            channel.subscribers.wake();
        }
    }

    /// Waits for a topic of a team. Dropping the receiver ends it.
    pub fn wait_for(&self, team: TeamId, topic: Topic) -> Waiting {
        locked(&self.topics).wait_for(team, topic)
    }

    /// Wakes whoever waits for these topics.
    pub fn wake(&self, team: TeamId, topics: impl IntoIterator<Item = Topic>) {
        locked(&self.topics).wake(team, topics);
    }

    /// Wakes whoever waits for anything of a team.
    pub fn wake_all(&self, team: TeamId) {
        locked(&self.topics).wake_all(team);
    }

    /// Tells that sessions of an account have ended.
    pub fn signed_out(&self, account: AccountId) {
        for (_, channel) in self.channels() {
            channel.subscribers.recheck(|signed_out| signed_out == account);
        }
    }

    /// Tells that any session may have ended.
    pub fn anybody_signed_out(&self) {
        for (_, channel) in self.channels() {
            channel.subscribers.recheck(|_| true);
        }
    }
}
