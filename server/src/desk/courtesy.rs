//! Threads that deliver changes give way to what is being written.
//!
//! A change that a thousand operators see keeps every core busy for milliseconds, and the system
//! lets a busy thread run for as long before it looks who else waits. A request needs several other
//! threads, one after the other: the writer, the database, the writer again. With each of them
//! waiting for a core, a change reached its first operator only after half of the time that it took
//! to reach most.

use std::cell::RefCell;
use std::time::Instant;

/// A thread gives way after so many deliveries: some tenths of a millisecond.
const DELIVERIES: u32 = 32;

std::thread_local! {
    static COURTESY: RefCell<Courtesy> = RefCell::default();
}

/// What a thread remembers of giving way.
#[derive(Debug, Default)]
struct Courtesy {
    delivered: u32,
    /// Not again before this.
    not_before: Option<Instant>,
}

/// To be called with each delivery: now and then gives this thread's core to another thread that
/// waits for one, while `is_writing`.
pub(super) fn delivered(is_writing: impl FnOnce() -> bool) {
    COURTESY.with_borrow_mut(|courtesy| {
        if courtesy.is_due() && is_writing() {
            let begun = Instant::now();
            if courtesy.is_fair(begun) {
                std::thread::yield_now();
                courtesy.gave_way(begun, Instant::now());
            }
        }
    });
}

impl Courtesy {
    /// One more delivery: whether enough were made.
    fn is_due(&mut self) -> bool {
        self.delivered = (self.delivered + 1) % DELIVERIES;
        self.delivered == 0
    }

    fn is_fair(&self, now: Instant) -> bool {
        self.not_before.is_none_or(|not_before| not_before <= now)
    }

    /// Others may have taken long, and not only those that were meant. Then it does not give way
    /// again for as long.
    fn gave_way(&mut self, begun: Instant, ended: Instant) {
        self.not_before = Some(ended + (ended - begun));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_gives_way_after_so_many_deliveries() {
        let mut courtesy = Courtesy::default();
        let due: Vec<_> = (1..=3 * DELIVERIES).filter(|_| courtesy.is_due()).collect();
        assert_eq!(due, [DELIVERIES, 2 * DELIVERIES, 3 * DELIVERIES]);
    }

    #[test]
    fn it_does_not_give_way_again_for_as_long_as_it_took() {
        let mut courtesy = Courtesy::default();
        let begun = Instant::now();
        assert!(courtesy.is_fair(begun));
        let after = |millis| begun + Duration::from_millis(millis);
        courtesy.gave_way(begun, after(3));
        assert!(!courtesy.is_fair(after(5)));
        assert!(courtesy.is_fair(after(6)));
    }

    #[test]
    fn it_asks_only_when_it_is_due_whether_something_is_written() {
        let mut asked = 0;
        // A thread of its own remembers nothing of other tests.
        let asked = std::thread::spawn(move || {
            for _ in 0..2 * DELIVERIES {
                delivered(|| {
                    asked += 1;
                    true
                });
            }
            asked
        });
        assert_eq!(asked.join().expect("it ends"), 2);
    }
}
