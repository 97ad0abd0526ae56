//! How often anonymous callers may come.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::Failure;
use super::attempts::SignIns;
use super::rates::Rates;
use crate::clock::Clock;
use crate::domain::{Digest, ProfileId, TeamId};

/// Keys of the rate limiters are forgotten beyond this many, as far as they are at rest.
const KEYS: usize = 16_384;

/// Changes of its customer to one ticket, a minute: messages, and taking it back.
const CHANGES: u32 = 30;

/// Calls for help with one secret, a minute: all but the first are repeats.
const RINGS: u32 = 30;

/// Looks of its customer at one ticket, a minute.
const LOOKS: u32 = 120;

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
    calls: PerMinute<IpAddr>,
    rings: PerMinute<Digest>,
    looks: PerMinute<Digest>,
    changes: PerMinute<Digest>,
    /// How often somebody may fail to sign in.
    pub(super) sign_ins: SignIns,
}

impl Throttle {
    /// With these rates.
    pub fn new(rates: &Rates, clock: Clock) -> Self {
        Throttle {
            addresses: PerMinute::new(rates.submits_per_address),
            profiles: PerMinute::new(rates.submits_per_profile),
            calls: PerMinute::new(rates.calls_per_address),
            rings: PerMinute::new(RINGS),
            looks: PerMinute::new(LOOKS),
            changes: PerMinute::new(CHANGES),
            sign_ins: SignIns::new(rates, clock),
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

    /// Lets a call of a customer pass, whatever it asks for, or says when to come back.
    pub fn allows_call(&self, from: IpAddr) -> Result<(), Failure> {
        self.calls.allows(&from)
    }

    /// Lets somebody ring with this secret, for the first time or again, or says when to come back.
    pub fn allows_ring(&self, secret: Digest) -> Result<(), Failure> {
        self.rings.allows(&secret)
    }

    /// Lets a customer look at the ticket with this secret, or says when to come back.
    pub fn allows_look(&self, secret: Digest) -> Result<(), Failure> {
        self.looks.allows(&secret)
    }

    /// Lets a customer change the ticket with this secret, or says when to come back.
    pub fn allows_change(&self, secret: Digest) -> Result<(), Failure> {
        self.changes.allows(&secret)
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
