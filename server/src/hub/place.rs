//! Places at a team's tail, each with a bell of its own.
//!
//! A change rings at all of them. Whoever waits there leaves their waker once and pays a few atomic
//! operations for each change: a thousand watchers that queue up anew at one lock for every change
//! would cost more than what they wait for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;

use super::locked;
use crate::domain::{AccountId, MemberId};

/// A watcher's place.
#[derive(Debug)]
pub struct Place {
    number: u64,
    /// Who watches.
    pub member: MemberId,
    account: AccountId,
    /// Something happened since it was looked at last.
    news: AtomicBool,
    /// The session may have ended.
    doubt: AtomicBool,
    bell: AtomicWaker,
}

impl Place {
    /// Whether something happened since this was asked last. Otherwise whoever asks is woken when
    /// it does.
    pub fn poll_news(&self, context: &mut Context<'_>) -> Poll<()> {
        self.bell.register(context.waker());
        if self.news.swap(false, Ordering::AcqRel) { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Whether the session is in doubt.
    pub fn is_in_doubt(&self) -> bool {
        self.doubt.load(Ordering::Acquire)
    }

    /// The same, and no longer from here on.
    pub fn take_doubt(&self) -> bool {
        // Most often it is not, and reading is cheaper than writing.
        self.is_in_doubt() && self.doubt.swap(false, Ordering::AcqRel)
    }

    fn ring(&self) {
        self.news.store(true, Ordering::Release);
        self.bell.wake();
    }
}

/// The places at one tail.
#[derive(Debug, Default)]
pub struct Places {
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    places: BTreeMap<u64, Arc<Place>>,
    next: u64,
}

impl Places {
    /// Takes a place.
    pub fn enter(&self, member: MemberId, account: AccountId) -> Arc<Place> {
        let mut taken = locked(&self.taken);
        let number = taken.next;
        taken.next += 1;
        let (news, doubt) = (AtomicBool::new(false), AtomicBool::new(false));
        let place =
            Arc::new(Place { number, member, account, news, doubt, bell: AtomicWaker::new() });
        taken.places.insert(number, Arc::clone(&place));
        place
    }

    /// Gives a place back.
    pub fn leave(&self, place: &Place) {
        locked(&self.taken).places.remove(&place.number);
    }

    /// Who watches, each once.
    pub fn members(&self) -> BTreeSet<MemberId> {
        locked(&self.taken).places.values().map(|place| place.member).collect()
    }

    /// Whether somebody watches for whom `wanted` holds.
    pub fn any(&self, wanted: impl Fn(MemberId) -> bool) -> bool {
        locked(&self.taken).places.values().any(|place| wanted(place.member))
    }

    /// Rings at all of them.
    pub fn ring(&self) {
        locked(&self.taken).places.values().for_each(|place| place.ring());
    }

    /// Casts doubt on the sessions of these accounts.
    pub fn doubt(&self, of: impl Fn(AccountId) -> bool) {
        for place in locked(&self.taken).places.values().filter(|place| of(place.account)) {
            place.doubt.store(true, Ordering::Release);
            place.ring();
        }
    }
}
