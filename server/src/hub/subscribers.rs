//! Who watches a team, and what wakes them.
//!
//! Each subscriber waits for a notification of its own: a thousand that queue up anew at one lock
//! for every change would cost more than what they wait for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use super::locked;
use crate::domain::{AccountId, MemberId};

/// Somebody who watches a team.
#[derive(Debug)]
pub struct Subscriber {
    number: u64,
    /// Who watches.
    pub member: MemberId,
    account: AccountId,
    /// The session may have ended.
    recheck: AtomicBool,
    /// However much happens while nobody waits, the next wait is over at once, and only that one.
    news: Notify,
}

impl Subscriber {
    /// Waits until something happens, or has happened since the last wait.
    pub async fn woken(&self) {
        self.news.notified().await;
    }

    /// Whether the session may have ended since this was asked last.
    pub fn take_recheck(&self) -> bool {
        // Most often it has not, and reading is cheaper than writing.
        self.recheck.load(Ordering::Acquire) && self.recheck.swap(false, Ordering::AcqRel)
    }
}

/// All who watch one team.
#[derive(Debug, Default)]
pub struct Subscribers {
    present: Mutex<Present>,
}

#[derive(Debug, Default)]
struct Present {
    by_number: BTreeMap<u64, Arc<Subscriber>>,
    next: u64,
}

impl Subscribers {
    /// Adds one.
    pub fn add(&self, member: MemberId, account: AccountId) -> Arc<Subscriber> {
        let mut present = locked(&self.present);
        let number = present.next;
        present.next += 1;
        let (recheck, news) = (AtomicBool::new(false), Notify::new());
        let subscriber = Arc::new(Subscriber { number, member, account, recheck, news });
        present.by_number.insert(number, Arc::clone(&subscriber));
        subscriber
    }

    /// Removes one.
    pub fn remove(&self, subscriber: &Subscriber) {
        locked(&self.present).by_number.remove(&subscriber.number);
    }

    /// Who watches, each once.
    pub fn members(&self) -> BTreeSet<MemberId> {
        locked(&self.present).by_number.values().map(|subscriber| subscriber.member).collect()
    }

    /// Whether somebody watches for whom `wanted` holds.
    pub fn any(&self, wanted: impl Fn(MemberId) -> bool) -> bool {
        locked(&self.present).by_number.values().any(|subscriber| wanted(subscriber.member))
    }

    /// Wakes all of them.
    pub fn wake(&self) {
        for subscriber in locked(&self.present).by_number.values() {
            subscriber.news.notify_one();
        }
    }

    /// Has the sessions of these accounts looked up again.
    pub fn recheck(&self, of: impl Fn(AccountId) -> bool) {
        let present = locked(&self.present);
        for subscriber in present.by_number.values().filter(|one| of(one.account)) {
            subscriber.recheck.store(true, Ordering::Release);
            subscriber.news.notify_one();
        }
    }
}
