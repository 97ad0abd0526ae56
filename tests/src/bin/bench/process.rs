//! What processes cost, as the system counts it.

use std::time::Duration;

use crate::Outcome;

/// Linux tells processor time in hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

/// A process's processor time at a moment.
pub struct Cpu {
    id: u32,
    spent: Duration,
}

impl Cpu {
    /// Of this process, now.
    pub fn of(id: u32) -> Outcome<Self> {
        Ok(Cpu { id, spent: spent(id)? })
    }

    /// Of the benchmark itself, now.
    pub fn of_self() -> Outcome<Self> {
        Self::of(std::process::id())
    }

    /// Microseconds spent since then, for each of so many calls.
    #[expect(clippy::cast_precision_loss, reason = "nobody makes 2^52 calls")]
    pub fn micros_for(&self, calls: usize) -> Outcome<f64> {
        let since = spent(self.id)?.saturating_sub(self.spent);
        Ok(since.as_secs_f64() * 1e6 / calls as f64)
    }
}

fn spent(id: u32) -> Outcome<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
    // The program's name comes second, in brackets, and may hold blanks; user and system time are the 12th and 13th after it.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
    let ticks = fields.skip(11).take(2).map(str::parse::<u32>).sum::<Result<u32, _>>()?;
    Ok(TICK * ticks)
}
