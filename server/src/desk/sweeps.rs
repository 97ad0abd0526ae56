//! Work that comes with time: expiring tickets, erasing deleted groups, forgetting old requests.
//! Each under a lease, so that of many servers one does it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::{Desk, Failure};
use crate::domain::{Caller, Millis, Reply, TicketCommand};
use crate::telemetry::names;

/// How often to look for what is due.
const EVERY: Duration = Duration::from_secs(2);

/// A lease outlives a few missed looks.
pub(super) const LEASE: Millis = 15_000;

/// How often a server says that it lives, and who watches on it.
const BEAT_EVERY: Duration = Duration::from_secs(10);

/// A server that was silent for so long, in milliseconds, is gone.
pub const SILENCE: Millis = 60_000;

/// Tickets expired in one slice: they share a transaction or two with what others ask for, which
/// waits for them no longer than a few milliseconds. Between two slices nothing expires for as long
/// as one takes, so that half of the time, and of the disk, is everybody else's.
const AT_ONCE: i64 = 256;

/// Outcomes of requests are remembered this long: two days.
const REMEMBER: Millis = 48 * 60 * 60 * 1000;

/// Old requests, codes, sessions and failed attempts are looked for this often.
const TIDY_EVERY: Duration = Duration::from_mins(10);

/// A clock that moved by more than this, apart from time passing, was set: nothing is swept until
/// it has been right for a while, so that a clock set forward by mistake ends no tickets early,
/// erases nothing that can still be undone and forgets no sessions.
const JUMP: Millis = 60_000;

/// How long after a jump nothing is swept.
const MISTRUST: Duration = Duration::from_mins(5);

impl Desk {
    /// Sweeps until `stop` says so.
    pub async fn sweep(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut clock = None;
        let mut tidied = None;
        let mut beaten = None;
        loop {
            if beaten.is_none_or(|at: Instant| at.elapsed() > BEAT_EVERY)
                && self.beat().await.is_ok()
            {
                beaten = Some(Instant::now());
            }
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(EVERY) => {}
            }
            // Sweeps go by the time that decisions go by. What fails now is due still at the next
            // look; the failure is in the log.
            let Ok(now) = self.store.now().await.map_err(Failure::from) else { continue };
            if !clock.get_or_insert_with(|| ClockWatch::new(now)).is_trusted(now) {
                continue;
            }
            let _ = self.expire_due(now).await;
            let _ = self.erase_deleted(now).await;
            if tidied.is_none_or(|at: Instant| at.elapsed() > TIDY_EVERY)
                && self.tidy(now).await.is_ok()
            {
                tidied = Some(Instant::now());
            }
        }
    }

    /// Tells other servers on the same database where this one is.
    async fn beat(&self) -> Result<(), Failure> {
        let address = self.facts.addresses.first().map_or("", String::as_str);
        self.hub.forget_elsewhere();
        let servers = self.store.beat(address, SILENCE, &self.hub.watching()).await?;
        metrics::gauge!(names::SERVERS).set(f64::from(i32::try_from(servers).unwrap_or(i32::MAX)));
        Ok(())
    }

    /// Expires what is due, slice after slice, as long as there is more.
    async fn expire_due(&self, now: Millis) -> Result<(), Failure> {
        loop {
            let began = Instant::now();
            let due = self.store.due(now, AT_ONCE).await?;
            if due.is_empty() || !self.store.lease("expire", self.store.origin(), LEASE).await? {
                return Ok(());
            }
            let last = due.len() < usize::try_from(AT_ONCE).unwrap_or(0);
            let expiring = due.into_iter().map(|(team, ticket)| {
                self.change(team, Caller::Clock, None, TicketCommand::Expire { ticket })
            });
            let mut changed = false;
            for expired in futures_util::future::join_all(expiring).await {
                changed |= !expired?.repeated;
            }
            // What waits for a licence stays due, and must not be asked for again and again.
            if last || !changed {
                return Ok(());
            }
            tokio::time::sleep(began.elapsed()).await;
        }
    }

    async fn erase_deleted(&self, now: Millis) -> Result<(), Failure> {
        for (team, item) in self.store.due_items(now).await? {
            let Some(command) = item.when_due() else { continue };
            if !self.store.lease("erase", self.store.origin(), LEASE).await? {
                return Ok(());
            }
            // Step by step, so that a large history holds nobody up.
            loop {
                let outcome = self.change(team, Caller::Clock, None, command.clone()).await?;
                match outcome.reply {
                    Reply::Count(count)
                        if count >= i64::try_from(crate::domain::ERASE_AT_ONCE).unwrap_or(1) => {}
                    _ => break,
                }
            }
        }
        Ok(())
    }

    async fn tidy(&self, now: Millis) -> Result<(), Failure> {
        if self.store.lease("tidy", self.store.origin(), LEASE).await? {
            self.store.tidy(now, REMEMBER).await?;
            self.throttle.sign_ins.tidy(&self.store).await?;
        }
        Ok(())
    }
}

/// Compares the clock on the wall with the time that passes.
struct ClockWatch {
    wall: Millis,
    passed: Instant,
    mistrusted_since: Option<Instant>,
}

impl ClockWatch {
    fn new(wall: Millis) -> Self {
        ClockWatch { wall, passed: Instant::now(), mistrusted_since: None }
    }

    fn is_trusted(&mut self, wall: Millis) -> bool {
        let passed = i64::try_from(self.passed.elapsed().as_millis()).unwrap_or(i64::MAX);
        let jumped = wall.saturating_sub(self.wall).saturating_sub(passed).saturating_abs() > JUMP;
        self.wall = wall;
        self.passed = Instant::now();
        if jumped {
            tracing::warn!(
                "the clock jumped; for some minutes nothing expires and nothing is erased"
            );
            self.mistrusted_since = Some(self.passed);
        }
        if self.mistrusted_since.is_some_and(|since| since.elapsed() > MISTRUST) {
            self.mistrusted_since = None;
        }
        self.mistrusted_since.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jumping_clock_is_not_trusted() {
        let mut clock = ClockWatch::new(1_000_000);
        assert!(clock.is_trusted(1_000_010));
        assert!(!clock.is_trusted(1_000_010 + 24 * 60 * 60 * 1000), "set forward");
        assert!(!clock.is_trusted(1_000_020 + 24 * 60 * 60 * 1000), "still in doubt");
        let mut clock = ClockWatch::new(100_000_000);
        assert!(!clock.is_trusted(1_000), "set back");
    }
}
