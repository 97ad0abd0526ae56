//! How often anonymous callers may come, and how often somebody may fail to sign in.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::Failure;
use crate::domain::{Millis, ProfileId, TeamId};
use crate::store::{Store, process_clock};

/// Failures to sign in count for this long: fifteen minutes.
const WINDOW: Millis = 15 * 60 * 1000;

/// Keys of the rate limiters are forgotten beyond this many, as far as they are at rest.
const KEYS: usize = 16_384;

/// How often is often. All at least 1.
#[derive(Clone, Debug)]
pub struct Rates {
    /// Calls for help from one network address, a minute.
    pub submits_per_address: u32,
    /// Calls for help with one profile, a minute.
    pub submits_per_profile: u32,
    /// Failures to sign in to one account, in fifteen minutes.
    pub sign_ins_per_account: u32,
    /// Failures to sign in from one network address, in fifteen minutes.
    pub sign_ins_per_address: u32,
    /// Passwords hashed at once.
    pub passwords_at_once: usize,
}

/// Holds back who comes too often.
pub struct Throttle {
    addresses: DefaultKeyedRateLimiter<IpAddr>,
    profiles: DefaultKeyedRateLimiter<(TeamId, ProfileId)>,
    sign_ins: [u32; 2],
    clock: DefaultClock,
}

fn per_minute(rate: u32) -> Quota {
    Quota::per_minute(NonZeroU32::new(rate).unwrap_or(NonZeroU32::MIN))
}

impl Throttle {
    /// With these rates.
    pub fn new(rates: &Rates) -> Self {
        Throttle {
            addresses: RateLimiter::keyed(per_minute(rates.submits_per_address)),
            profiles: RateLimiter::keyed(per_minute(rates.submits_per_profile)),
            sign_ins: [rates.sign_ins_per_account, rates.sign_ins_per_address],
            clock: DefaultClock::default(),
        }
    }

    /// Lets a call for help pass, or says when to come back.
    pub fn allows_submit(&self, from: Option<IpAddr>, profile: (TeamId, ProfileId)) -> Result<(), Failure> {
        if self.addresses.len() > KEYS {
            self.addresses.retain_recent();
        }
        if let Some(from) = from {
            let checked = self.addresses.check_key(&from);
            checked.map_err(|until| Failure::Throttled(until.wait_time_from(self.clock.now())))?;
        }
        let checked = self.profiles.check_key(&profile);
        checked.map_err(|until| Failure::Throttled(until.wait_time_from(self.clock.now())))
    }

    /// Lets an attempt to sign in pass, unless its account or its address failed too often. Kept in the database, so that
    /// neither a restart nor another server forgets.
    pub async fn allows_sign_in(&self, store: &Store, subjects: &[String; 2]) -> Result<(), Failure> {
        let now = process_clock();
        for (subject, limit) in subjects.iter().zip(self.sign_ins) {
            let (failures, since) = store.failures(subject).await?;
            let over = since + WINDOW - now;
            if failures >= i64::from(limit) && over > 0 {
                return Err(Failure::Throttled(Duration::from_millis(over.unsigned_abs())));
            }
        }
        Ok(())
    }

    /// Counts a failed attempt.
    pub async fn count_failure(&self, store: &Store, subjects: &[String; 2]) -> Result<(), Failure> {
        Ok(store.count_failures(subjects, process_clock(), WINDOW).await?)
    }
}
