//! How often somebody may fail to show who they are: signing in, redeeming a code, changing a
//! password.
//!
//! An attempt is counted as failed before anything is checked, and given back when it did not fail:
//! of many at once no more are checked than of many in turn. Strangers who fail in somebody's name
//! must not keep them out. So a device that signed in before is counted for itself alone, and what
//! failed from all networks together asks for a pause of seconds, never for a whole window.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use super::Failure;
use super::rates::Rates;
use crate::clock::Clock;
use crate::domain::Millis;
use crate::secrets::{CredentialKey, DeviceToken, throttle_mark};
use crate::store::{Count, Store};

/// Failures count for this long: fifteen minutes.
const WINDOW: Millis = 15 * 60 * 1000;

/// Whoever was not heard of for so long is forgotten.
const FORGET_AFTER: Millis = 4 * WINDOW;

/// A provider's IPv6 network of 48 bits may fail so many times as often as one of the 65 536
/// networks of 64 bits in it, each of which may be somebody else's.
const WIDER: u32 = 4;

/// The longest pause after failures in an account's name.
const LONGEST_PAUSE: Millis = 30 * 1000;

/// The longest pause for a network from which nobody failed in the account's name. Shorter, so that
/// its owner comes first when others go on failing from their networks.
const LONGEST_FIRST_PAUSE: Millis = 8 * 1000;

/// What an attempt is counted for, and how often that may fail.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Subject {
    name: String,
    limit: Limit,
    /// A success forgives all its failures, rather than giving back one attempt.
    forgiven: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    /// So many in a window that begins with the first.
    AtMost(u32),
    /// After so many each has to wait for a while after the one before, until all is quiet for a
    /// window.
    PauseAfter(u32),
}

/// An attempt that is counted as failed until it is given back.
#[derive(Debug)]
pub struct Attempt {
    subjects: Vec<Subject>,
    /// The device that it comes from, if that is why it was let in.
    pub device: Option<DeviceToken>,
}

impl Attempt {
    /// It did not fail.
    pub async fn give_back(&self, store: &Store) -> Result<(), Failure> {
        Ok(store.uncount_attempt(&names(&self.subjects), &[]).await?)
    }

    /// It did not fail, and what failed before from there in the account's name is forgiven.
    pub async fn forgive(&self, store: &Store) -> Result<(), Failure> {
        let forgiven = self.subjects.iter().filter(|subject| subject.forgiven);
        let forgiven: Vec<_> = forgiven.map(|subject| subject.name.clone()).collect();
        Ok(store.uncount_attempt(&names(&self.subjects), &forgiven).await?)
    }
}

/// Holds back who fails too often.
pub struct SignIns {
    per_account: u32,
    per_address: u32,
    clock: Clock,
}

impl SignIns {
    /// With these rates, by this clock.
    pub fn new(rates: &Rates, clock: Clock) -> Self {
        let (per_account, per_address) = (rates.sign_ins_per_account, rates.sign_ins_per_address);
        SignIns { per_account, per_address, clock }
    }

    /// Counts an attempt of somebody at `from` who says they are the account with that address, or
    /// says when to come back.
    pub async fn begin(
        &self,
        store: &Store,
        host_key: &CredentialKey,
        email_key: &str,
        from: Option<IpAddr>,
        device: Option<DeviceToken>,
    ) -> Result<Attempt, Failure> {
        if let Some(device) = device {
            let subjects = marked(host_key, self.of_device(email_key, device));
            match self.count(store, &subjects).await {
                Ok(()) => return Ok(Attempt { subjects, device: Some(device) }),
                // Whoever stole the token used up its attempts: its owner has those of a stranger.
                Err(Failure::Throttled(_)) => {}
                Err(failure) => return Err(failure),
            }
        }
        let subjects = marked(host_key, self.of_stranger(email_key, from));
        self.count(store, &subjects).await?;
        Ok(Attempt { subjects, device: None })
    }

    /// Forgets what is long over.
    pub async fn tidy(&self, store: &Store) -> Result<(), Failure> {
        Ok(store.forget_old_attempts(self.clock.now() - FORGET_AFTER).await?)
    }

    /// Counts an attempt, or says when to come back.
    async fn count(&self, store: &Store, subjects: &[Subject]) -> Result<(), Failure> {
        let names = names(subjects);
        // Most of a flood is refused by reading, and keeps no writer waiting.
        let counts = store.counts(&names).await?;
        decide(subjects, &counts, self.clock.now()).map_err(Failure::Throttled)?;
        let decide = |counts: &[Count]| decide(subjects, counts, self.clock.now());
        store.count_attempt(&names, decide).await?.map_err(Failure::Throttled)
    }

    fn of_device(&self, email_key: &str, device: DeviceToken) -> Vec<Subject> {
        let name = format!("account {email_key} on {}", device.name());
        vec![Subject { name, limit: Limit::AtMost(self.per_account), forgiven: true }]
    }

    /// Of the account from this network first: [`decide`] asks whether it failed before.
    fn of_stranger(&self, email_key: &str, from: Option<IpAddr>) -> Vec<Subject> {
        // Without an address (a test inside the process) all share one.
        let network = from.map_or_else(|| "unknown".to_owned(), |address| address.to_string());
        let wider = from.and_then(wider);
        let subject = |name, limit, forgiven| Subject { name, limit, forgiven };
        let networks = |whose: &str, limit: u32, forgiven| {
            let narrow = subject(format!("{whose} {network}"), Limit::AtMost(limit), forgiven);
            let limit = Limit::AtMost(limit.saturating_mul(WIDER));
            let wide = wider.map(|wide| subject(format!("{whose} {wide}/48"), limit, forgiven));
            std::iter::once(narrow).chain(wide)
        };
        let account = format!("account {email_key}");
        let mut subjects =
            networks(&format!("{account} from"), self.per_account, true).collect::<Vec<_>>();
        subjects.push(subject(account, Limit::PauseAfter(self.per_account), false));
        subjects.extend(networks("address", self.per_address, false));
        subjects
    }
}

/// The same under marks by the host's key, so that the table tells nobody's address.
fn marked(key: &CredentialKey, mut subjects: Vec<Subject>) -> Vec<Subject> {
    for subject in &mut subjects {
        subject.name = throttle_mark(key, &[&subject.name]);
    }
    subjects
}

/// The IPv6 network of 48 bits that an address is in.
fn wider(address: IpAddr) -> Option<Ipv6Addr> {
    match address.to_canonical() {
        IpAddr::V6(v6) => Some(Ipv6Addr::from_bits(v6.to_bits() >> 80 << 80)),
        IpAddr::V4(_) => None,
    }
}

fn names(subjects: &[Subject]) -> Vec<String> {
    subjects.iter().map(|subject| subject.name.clone()).collect()
}

/// The counts with one attempt more, or the time until all subjects let it pass.
fn decide(subjects: &[Subject], counts: &[Count], now: Millis) -> Result<Vec<Count>, Duration> {
    let valid =
        |count: &Count| time_left(count.since, WINDOW, now).map_or(Count::default(), |_| *count);
    let counts: Vec<Count> = counts.iter().map(valid).collect();
    let first_here = counts.first().is_none_or(|here| here.failures == 0);
    let mut wait = None;
    let mut next = Vec::new();
    for (subject, count) in subjects.iter().zip(counts) {
        let failures = count.failures.saturating_add(1);
        let (left, since) = match subject.limit {
            Limit::AtMost(most) => {
                let held = count.failures >= i64::from(most);
                let left = time_left(count.since, WINDOW, now).filter(|_| held);
                (left, if count.failures == 0 { now } else { count.since })
            }
            Limit::PauseAfter(free) => {
                let pause = pause(count.failures - i64::from(free), first_here);
                (time_left(count.since, pause, now), now)
            }
        };
        wait = wait.max(left);
        next.push(Count { failures, since });
    }
    wait.map_or(Ok(next), Err)
}

/// How long to wait after the failure before, when so many are beyond those that are free.
fn pause(beyond: i64, first_here: bool) -> Millis {
    if beyond < 0 {
        return 0;
    }
    let longest = if first_here { LONGEST_FIRST_PAUSE } else { LONGEST_PAUSE };
    (1000 << beyond.min(10)).min(longest)
}

/// How much of a time that began then is left. Of one that a clock that was wrong began far in the
/// future, nothing.
fn time_left(since: Millis, length: Millis, now: Millis) -> Option<Duration> {
    let left = since.saturating_add(length).saturating_sub(now);
    (1..=2 * length).contains(&left).then(|| Duration::from_millis(left.min(length).unsigned_abs()))
}

#[cfg(test)]
mod tests;
