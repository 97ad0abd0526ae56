//! How often anonymous callers may come, and how often somebody may fail to sign in.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::Failure;
use crate::domain::{Digest, Millis, ProfileId, TeamId};
use crate::secrets::{CredentialKey, throttle_mark};
use crate::store::{Store, process_clock};

/// Failures to sign in count for this long: fifteen minutes.
const WINDOW: Millis = 15 * 60 * 1000;

/// Keys of the rate limiters are forgotten beyond this many, as far as they are at rest.
const KEYS: usize = 16_384;

/// An account's failures from all networks together may be so many times those from one: nobody
/// keeps somebody else out by failing in their name, unless they fail from many networks.
const NETWORKS: u32 = 10;

/// Messages of its customer on one ticket, a minute.
const MESSAGES: u32 = 30;

/// How often is often. All at least 1.
#[derive(Clone, Debug)]
pub struct Rates {
    /// Calls for help from one network address, a minute.
    pub submits_per_address: u32,
    /// Calls for help with one profile, a minute.
    pub submits_per_profile: u32,
    /// Failures to sign in to one account from one network address, in fifteen minutes; from all
    /// together ten times as many.
    pub sign_ins_per_account: u32,
    /// Failures to sign in from one network address, in fifteen minutes.
    pub sign_ins_per_address: u32,
    /// Passwords hashed at once.
    pub passwords_at_once: usize,
}

/// Whose failures count together: of an account from one network, of the account, of the network.
/// They are counted under marks, so that the table tells nobody's address.
pub struct Subjects([String; 3]);

impl Subjects {
    /// Somebody at `from`, a network address, who says they are the account with that address.
    pub fn new(key: &CredentialKey, email_key: &str, from: &str) -> Self {
        Subjects([
            throttle_mark(key, &["account from address", email_key, from]),
            throttle_mark(key, &["account", email_key]),
            throttle_mark(key, &["address", from]),
        ])
    }

    /// The account from this network: what a success forgives.
    pub fn pair(&self) -> &str {
        &self.0[0]
    }
}

/// Lets each key pass so often a minute. Forgets keys that are at rest when there are many.
struct PerMinute<K: Clone + Eq + Hash> {
    limiter: DefaultKeyedRateLimiter<K>,
    clock: DefaultClock,
    /// Keys that there may be before those at rest are forgotten.
    room: AtomicUsize,
}

impl<K: Clone + Eq + Hash> PerMinute<K> {
    fn new(rate: u32) -> Self {
        let quota = Quota::per_minute(NonZeroU32::new(rate).unwrap_or(NonZeroU32::MIN));
        PerMinute {
            limiter: RateLimiter::keyed(quota),
            clock: DefaultClock::default(),
            room: AtomicUsize::new(KEYS),
        }
    }

    fn allows(&self, key: &K) -> Result<(), Failure> {
        if self.limiter.len() > self.room.load(Ordering::Relaxed) {
            self.limiter.retain_recent();
            // Looking through all of them at every call would help a flood.
            self.room.store(KEYS.max(self.limiter.len() * 2), Ordering::Relaxed);
        }
        let checked = self.limiter.check_key(key);
        checked.map_err(|until| Failure::Throttled(until.wait_time_from(self.clock.now())))
    }
}

/// Holds back who comes too often.
pub struct Throttle {
    addresses: PerMinute<IpAddr>,
    profiles: PerMinute<(TeamId, ProfileId)>,
    messages: PerMinute<Digest>,
    sign_ins: [u32; 3],
}

impl Throttle {
    /// With these rates.
    pub fn new(rates: &Rates) -> Self {
        let per_account = rates.sign_ins_per_account;
        Throttle {
            addresses: PerMinute::new(rates.submits_per_address),
            profiles: PerMinute::new(rates.submits_per_profile),
            messages: PerMinute::new(MESSAGES),
            sign_ins: [
                per_account,
                per_account.saturating_mul(NETWORKS),
                rates.sign_ins_per_address,
            ],
        }
    }

    /// Lets a call for help pass, or says when to come back.
    pub fn allows_submit(
        &self,
        from: Option<IpAddr>,
        profile: (TeamId, ProfileId),
    ) -> Result<(), Failure> {
        if let Some(from) = from {
            self.addresses.allows(&from)?;
        }
        self.profiles.allows(&profile)
    }

    /// Lets a customer write on the ticket with this secret, or says when to come back.
    pub fn allows_message(&self, secret: Digest) -> Result<(), Failure> {
        self.messages.allows(&secret)
    }

    /// Lets an attempt to sign in pass, unless its account or its address failed too often. Kept in
    /// the database, so that neither a restart nor another server forgets.
    pub async fn allows_sign_in(&self, store: &Store, subjects: &Subjects) -> Result<(), Failure> {
        let now = process_clock();
        for (subject, limit) in subjects.0.iter().zip(self.sign_ins) {
            let (failures, since) = store.failures(subject).await?;
            if failures >= i64::from(limit)
                && let Some(left) = time_left(since, now)
            {
                return Err(Failure::Throttled(left));
            }
        }
        Ok(())
    }

    /// Counts a failed attempt.
    pub async fn count_failure(&self, store: &Store, subjects: &Subjects) -> Result<(), Failure> {
        Ok(store.count_failures(&subjects.0, process_clock(), WINDOW).await?)
    }
}

/// How long failures since then still count. What a clock that was wrong put far into the future
/// does not.
fn time_left(since: Millis, now: Millis) -> Option<Duration> {
    let left = since.saturating_add(WINDOW).saturating_sub(now);
    (1..=2 * WINDOW).contains(&left).then(|| Duration::from_millis(left.min(WINDOW).unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_count_for_a_window_and_survive_a_wrong_clock() {
        let window = Duration::from_millis(WINDOW.unsigned_abs());
        assert_eq!(time_left(1_000, 1_000), Some(window));
        assert_eq!(time_left(1_000, 999), Some(window), "another server's clock is a little ahead");
        assert_eq!(time_left(1_000, 1_000 + WINDOW - 1), Some(Duration::from_millis(1)));
        assert_eq!(time_left(1_000, 1_000 + WINDOW), None);
        assert_eq!(time_left(0, WINDOW * 4), None);
        assert_eq!(time_left(WINDOW * 100, WINDOW), None, "the clock was set back");
        assert_eq!(time_left(i64::MAX, 0), None);
    }

    #[test]
    fn a_flood_holds_back_itself_only() {
        let messages = PerMinute::new(2);
        let (loud, calm) = (Digest([1; 32]), Digest([2; 32]));
        assert!(messages.allows(&loud).is_ok() && messages.allows(&loud).is_ok());
        assert!(matches!(messages.allows(&loud), Err(Failure::Throttled(_))));
        assert!(messages.allows(&calm).is_ok());
    }

    #[test]
    fn keys_at_rest_are_forgotten() {
        let addresses = PerMinute::new(u32::MAX);
        for key in 0..=KEYS {
            addresses.allows(&key).unwrap_or_default();
        }
        addresses.allows(&usize::MAX).unwrap_or_default();
        assert!(addresses.limiter.len() < 10, "{}", addresses.limiter.len());
    }
}
