//! How often anonymous callers may come.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::Failure;
use super::attempts::SignIns;
use crate::domain::{Digest, ProfileId, TeamId};

/// Keys of the rate limiters are forgotten beyond this many, as far as they are at rest.
const KEYS: usize = 16_384;

/// Messages of its customer on one ticket, a minute.
const MESSAGES: u32 = 30;

/// How often is often. All at least 1.
#[derive(Clone, Debug)]
pub struct Rates {
    /// Calls for help from one network address, a minute.
    pub submits_per_address: u32,
    /// Calls for help with one profile, a minute.
    pub submits_per_profile: u32,
    /// Failures to sign in to one account from one network address, in fifteen minutes. From all
    /// together there is a pause of seconds after so many.
    pub sign_ins_per_account: u32,
    /// Failures to sign in from one network address, in fifteen minutes.
    pub sign_ins_per_address: u32,
    /// Passwords hashed at once.
    pub passwords_at_once: usize,
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
    /// How often somebody may fail to sign in.
    pub(super) sign_ins: SignIns,
}

impl Throttle {
    /// With these rates.
    pub fn new(rates: &Rates) -> Self {
        Throttle {
            addresses: PerMinute::new(rates.submits_per_address),
            profiles: PerMinute::new(rates.submits_per_profile),
            messages: PerMinute::new(MESSAGES),
            sign_ins: SignIns::new(rates),
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
}

#[cfg(test)]
mod tests {
    use super::*;

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
