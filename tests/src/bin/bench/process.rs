//! What processes cost, as the system counts it.

use std::time::Duration;

use crate::Outcome;

/// Linux tells processor time in hundredths of a second.
pub const TICK: Duration = Duration::from_millis(10);

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
    Ok(read(id).ok_or("no such process, or no /proc")?.own)
}

/// Processor time so far, in seconds, of these processes, and of all others whose parent is
/// `family`, which is counted, too: with that of its children who have ended.
pub fn seconds(ids: &[u32], family: u32) -> Outcome<(f64, f64)> {
    let (mut of_ids, mut of_family) = (Duration::ZERO, Duration::ZERO);
    for id in std::fs::read_dir("/proc")?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
    {
        // One that ended meanwhile is left out.
        let Some(process) = read(id) else { continue };
        if ids.contains(&id) {
            of_ids += process.own;
        } else if id == family || process.parent == family {
            of_family += process.own + process.ended_children;
        }
    }
    Ok((of_ids.as_secs_f64(), of_family.as_secs_f64()))
}

/// What the system says of a process.
struct Process {
    parent: u32,
    own: Duration,
    ended_children: Duration,
}

fn read(id: u32) -> Option<Process> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The program's name comes second, in brackets, and may hold blanks. After it come the state
    // and the parent; user and system time are the 12th and 13th, and those of ended children
    // follow.
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |place: usize| fields.get(place)?.parse::<u32>().ok();
    let time = |place: usize| Some(TICK * (field(place)? + field(place + 1)?));
    Some(Process { parent: field(1)?, own: time(11)?, ended_children: time(13)? })
}
