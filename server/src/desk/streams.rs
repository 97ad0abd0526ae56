//! What callers hold at once: calls, streams, bytes of answers that are not read. Each has a bound
//! for one caller and one for all together, so that nobody takes the server's memory, and nobody
//! takes everybody else's share.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::rates::Rates;
use super::{Desk, Failure};
use crate::domain::{AccountId, Digest};

/// How long a customer's call waits for a reader.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Streams on one ticket: its customer may have a window open on a few computers.
const STREAMS_PER_TICKET: usize = 8;

/// Answers to customers that wait for being read, in bytes: of all, and of one address. The largest
/// answer has little more than 1 MiB.
const UNREAD: usize = 64 * 1024 * 1024;
const UNREAD_PER_ADDRESS: usize = 8 * 1024 * 1024;

/// Snapshots that wait for being read, in bytes: of all, and of one account. What is read of the
/// database when the bound is reached comes on top.
const SNAPSHOTS: usize = 256 * 1024 * 1024;
const SNAPSHOTS_PER_ACCOUNT: usize = 64 * 1024 * 1024;

/// How long to stay away when one's share is used up.
const LATER: Duration = Duration::from_secs(10);

/// How long a read for a customer may take. They are small; one that takes longer has met a
/// database that has too much to do.
const READ: Duration = Duration::from_secs(5);

/// What there is to share, and who holds how much of it. Clones share the same.
#[derive(Clone, Debug)]
pub struct Shares<K: Clone + Eq + Hash> {
    most: usize,
    most_each: usize,
    held: Arc<Mutex<Held<K>>>,
}

#[derive(Debug)]
struct Held<K> {
    all: usize,
    by: HashMap<K, usize>,
}

impl<K: Clone + Eq + Hash> Shares<K> {
    /// So much in all, and so much for each.
    pub fn new(most: usize, most_each: usize) -> Self {
        let held = Arc::new(Mutex::new(Held { all: 0, by: HashMap::new() }));
        Shares { most, most_each, held }
    }

    /// Takes so much, if there is so much left. Given back when it is dropped.
    pub fn reserve(&self, key: &K, amount: usize) -> Option<Share<K>> {
        let mut held = lock(&self.held);
        let own = held.by.get(key).copied().unwrap_or(0);
        let fits = held.all.saturating_add(amount) <= self.most
            && own.saturating_add(amount) <= self.most_each;
        fits.then(|| self.counted(&mut held, key, amount))
    }

    /// Whether there is anything left for this one.
    pub fn has_room(&self, key: &K) -> bool {
        let held = lock(&self.held);
        held.all < self.most && held.by.get(key).is_none_or(|own| *own < self.most_each)
    }

    /// Counts so much that was taken already.
    pub fn add(&self, key: &K, amount: usize) -> Share<K> {
        self.counted(&mut lock(&self.held), key, amount)
    }

    fn counted(&self, held: &mut Held<K>, key: &K, amount: usize) -> Share<K> {
        held.all = held.all.saturating_add(amount);
        let own = held.by.entry(key.clone()).or_default();
        *own = own.saturating_add(amount);
        Share { key: key.clone(), amount, held: Arc::clone(&self.held) }
    }
}

/// What somebody holds, until it is dropped.
#[derive(Debug)]
pub struct Share<K: Eq + Hash> {
    key: K,
    amount: usize,
    held: Arc<Mutex<Held<K>>>,
}

impl<K: Eq + Hash> Share<K> {
    /// Gives so much of it back.
    pub fn release(&mut self, amount: usize) {
        let amount = amount.min(self.amount);
        self.amount -= amount;
        let mut held = lock(&self.held);
        held.all = held.all.saturating_sub(amount);
        if let Some(own) = held.by.get_mut(&self.key) {
            *own = own.saturating_sub(amount);
            if *own == 0 {
                held.by.remove(&self.key);
            }
        }
    }
}

impl<K: Eq + Hash> Drop for Share<K> {
    fn drop(&mut self) {
        self.release(self.amount);
    }
}

/// Nothing panics while the lock is held, so that a poisoned one is whole.
fn lock<K>(held: &Mutex<Held<K>>) -> MutexGuard<'_, Held<K>> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The shares of all callers.
pub struct Holdings {
    calls: Shares<IpAddr>,
    tickets: Shares<Digest>,
    unread: Shares<IpAddr>,
    watches: Shares<AccountId>,
    /// Snapshots that terminals have yet to read.
    pub snapshots: Shares<AccountId>,
    /// Readers of the database that customers may take together. The others are for operators.
    readers: Semaphore,
}

impl Holdings {
    /// With these bounds.
    pub fn new(rates: &Rates, readers: usize) -> Self {
        let (calls, per_address) = (rates.calls_at_once, rates.calls_at_once_per_address);
        Holdings {
            calls: Shares::new(calls, per_address),
            tickets: Shares::new(usize::MAX, STREAMS_PER_TICKET),
            unread: Shares::new(UNREAD, UNREAD_PER_ADDRESS),
            watches: Shares::new(usize::MAX, rates.watches_per_account),
            snapshots: Shares::new(SNAPSHOTS, SNAPSHOTS_PER_ACCOUNT),
            readers: Semaphore::new(readers),
        }
    }

    /// A live queue that this account watches.
    pub fn watch(&self, account: AccountId) -> Result<Share<AccountId>, Failure> {
        self.watches.reserve(&account, 1).ok_or(Failure::Throttled(LATER))
    }

    /// A stream on the ticket with this secret.
    pub fn stream(&self, ticket: Digest) -> Result<Share<Digest>, Failure> {
        self.tickets.reserve(&ticket, 1).ok_or(Failure::Throttled(LATER))
    }
}

/// A call of a customer under way: counted until its answer was handed over.
#[derive(Debug)]
pub struct CustomerCall {
    from: IpAddr,
    unread: Shares<IpAddr>,
    _place: Share<IpAddr>,
}

impl CustomerCall {
    /// Room for a part of the answer until it was read.
    pub fn hold(&self, bytes: usize) -> Result<Share<IpAddr>, Failure> {
        self.unread.reserve(&self.from, bytes).ok_or(Failure::Throttled(LATER))
    }
}

impl Desk {
    /// Lets a customer's call in, whatever it asks for, or says when to come back.
    pub fn let_in(&self, from: IpAddr) -> Result<CustomerCall, Failure> {
        self.throttle.allows_call(from)?;
        let place = self.holdings.calls.reserve(&from, 1).ok_or(Failure::Throttled(LATER))?;
        Ok(CustomerCall { from, unread: self.holdings.unread.clone(), _place: place })
    }

    /// Reads for a customer, with one of the readers that they have. Waits for one at most so long.
    pub(super) async fn read_for_customer<T>(
        &self,
        patience: Duration,
        read: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        read_with(&self.holdings.readers, (patience, READ), read).await
    }
}

async fn read_with<T>(
    readers: &Semaphore,
    (patience, longest): (Duration, Duration),
    read: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let busy = |_| Failure::Throttled(Duration::from_secs(1));
    // The semaphore is never closed.
    let _reader = timeout(patience, readers.acquire()).await.map_err(busy)?;
    timeout(longest, read).await.map_err(busy)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_more_than_their_share_or_all() {
        let shares = Shares::new(10, 6);
        let mut loud = shares.reserve(&"loud", 6).expect("there is room");
        assert!(shares.reserve(&"loud", 1).is_none() && !shares.has_room(&"loud"));
        assert!(shares.reserve(&"calm", 5).is_none(), "more than is left");
        let calm = shares.reserve(&"calm", 4).expect("there is room");
        assert!(!shares.has_room(&"third"));
        loud.release(2);
        assert!(shares.has_room(&"third") && shares.reserve(&"loud", 2).is_some());
        loud.release(100);
        drop((loud, calm));
        let held = lock(&shares.held);
        assert!(held.all == 0 && held.by.is_empty());
    }

    #[test]
    fn what_was_taken_already_counts() {
        let shares = Shares::new(10, 10);
        let large = shares.add(&1, 100);
        assert!(!shares.has_room(&2) && shares.reserve(&2, 1).is_none());
        drop(large);
        assert!(shares.reserve(&2, 10).is_some());
    }

    #[tokio::test]
    async fn customers_wait_for_their_own_readers_and_read_for_a_bounded_time() {
        let soon = Duration::from_millis(5);
        let taken = Semaphore::new(0);
        let waited = read_with(&taken, (soon, READ), async { Ok(()) }).await;
        assert!(matches!(waited, Err(Failure::Throttled(_))), "all readers are taken");
        let readers = Semaphore::new(1);
        let stuck = std::future::pending::<Result<(), Failure>>();
        let cut = read_with(&readers, (READ, soon), stuck).await;
        assert!(matches!(cut, Err(Failure::Throttled(_))), "a read is cut");
        assert!(read_with(&readers, (READ, READ), async { Ok(7) }).await.is_ok(), "it is back");
    }
}
