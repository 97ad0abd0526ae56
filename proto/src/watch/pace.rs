//! How fast a watch comes back after a break, and how long it believes in silence.

use std::time::Duration;

/// The times of a watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The wait after the first failure; doubles with each further one.
    pub first_delay: Duration,
    /// The longest wait.
    pub longest_delay: Duration,
    /// Opening the stream takes at most this long.
    pub open_within: Duration,
    /// A stream without any frame for this long is taken for dead.
    pub silence: Duration,
    /// A stream that lived this long was a success: the next failure counts as the first.
    pub settled_after: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first_delay: Duration::from_millis(250),
            longest_delay: Duration::from_secs(30),
            open_within: Duration::from_secs(20),
            silence: Duration::from_mins(1),
            settled_after: Duration::from_secs(10),
        }
    }
}

impl Pace {
    /// How long to wait after so many failures in a row (at least 1). `chance` is a random value of the whole range: the
    /// result lies between half the wait and the whole, so that a thousand clients of a restarted server do not come at once.
    pub(super) fn delay(&self, failures: u32, chance: u32) -> Duration {
        let doubled = 2u32.saturating_pow(failures.saturating_sub(1).min(31));
        let half = self.first_delay.saturating_mul(doubled).min(self.longest_delay) / 2;
        half + half.mul_f64(f64::from(chance) / f64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let pace = Pace::default();
        let millis = |failures, chance| pace.delay(failures, chance).as_millis();
        assert_eq!(millis(1, 0), 125);
        assert_eq!(millis(1, u32::MAX), 250);
        assert_eq!(millis(2, u32::MAX), 500);
        assert_eq!(millis(7, u32::MAX), 16_000);
        assert_eq!(millis(8, u32::MAX), 30_000);
        assert_eq!(millis(u32::MAX, 0), 15_000);
    }
}
