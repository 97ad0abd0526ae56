//! Frames that ask for nothing. What HTTP/2 bounds by itself are calls and their bytes, and the
//! library below bounds calls that are taken back early, empty data and endless headers; frames
//! such as `WINDOW_UPDATE` and `PRIORITY` are free, and each costs the server time. They are
//! counted here, as they are read, and whoever sends more of them than the connection gives reason
//! for is cut.

use std::io;
use std::time::{Duration, Instant};

/// Length, type, flags and stream (RFC 9113, 4.1).
const HEADER: usize = 9;

/// DATA, HEADERS and CONTINUATION: calls.
const CALLS: [u8; 3] = [0x0, 0x1, 0x9];

/// SETTINGS and PING.
const ANSWERED: [u8; 2] = [0x4, 0x6];

/// What a frame takes from the allowance, and one that is answered: the answer earns some of it
/// again, and must earn less.
const PRICE: u64 = 1;
const ANSWERED_PRICE: u64 = 4;

/// What there is at first.
const FIRST: u64 = 10_000;

/// What each second adds.
const PER_SECOND: u64 = 1_000;

/// So many bytes that the server sent add one. An answer's shortest frame with a message has 14,
/// and no known client says more than twice that it has read one.
const BYTES: u64 = 8;

/// More is not saved up.
const MOST: u64 = 100_000;

/// Reads the headers of frames on their way to whoever reads them properly.
#[derive(Debug)]
pub(super) struct Frames {
    header: [u8; HEADER],
    /// How much of the header has been read.
    read: usize,
    /// How much of the frame comes after it.
    rest: usize,
    allowance: Allowance,
}

/// What may be sent of frames that ask for nothing.
#[derive(Debug)]
struct Allowance {
    left: u64,
    /// What the server sent since, in bytes.
    sent: u64,
    since: Instant,
}

impl Frames {
    pub(super) fn begin() -> Self {
        let allowance = Allowance { left: FIRST, sent: 0, since: Instant::now() };
        Self { header: [0; HEADER], read: 0, rest: 0, allowance }
    }

    /// The client sent this. Fails when it is too much.
    pub(super) fn received(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let skipped = self.rest.min(bytes.len());
            self.rest -= skipped;
            bytes = &bytes[skipped..];
            let piece = (HEADER - self.read).min(bytes.len());
            self.header[self.read..self.read + piece].copy_from_slice(&bytes[..piece]);
            self.read += piece;
            bytes = &bytes[piece..];
            if self.read == HEADER {
                self.read = 0;
                let [high, middle, low, kind, ..] = self.header;
                self.rest = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
                self.allowance.spend(price(kind), Instant::now)?;
            }
        }
        Ok(())
    }

    /// The server sent so many bytes.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.allowance.sent = self.allowance.sent.saturating_add(bytes as u64);
    }
}

impl Allowance {
    /// Asks for the time only when there is nothing left.
    fn spend(&mut self, price: u64, now: impl FnOnce() -> Instant) -> io::Result<()> {
        if self.left < price {
            let now = now();
            let added = earned(now.saturating_duration_since(self.since), self.sent);
            self.left = self.left.saturating_add(added).min(MOST);
            self.sent %= BYTES;
            self.since = now;
        }
        self.left = self.left.checked_sub(price).ok_or_else(|| {
            io::Error::other("too many frames that ask for nothing, such as WINDOW_UPDATE")
        })?;
        Ok(())
    }
}

fn price(kind: u8) -> u64 {
    match kind {
        kind if CALLS.contains(&kind) => 0,
        kind if ANSWERED.contains(&kind) => ANSWERED_PRICE,
        _ => PRICE,
    }
}

/// What so much time and so many bytes add.
fn earned(time: Duration, sent: u64) -> u64 {
    let by_time = time.as_millis() * u128::from(PER_SECOND) / 1_000;
    u64::try_from(by_time).unwrap_or(u64::MAX).saturating_add(sent / BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATA: u8 = 0x0;
    const PING: u8 = 0x6;
    const WINDOW_UPDATE: u8 = 0x8;

    fn frame(kind: u8, length: u8) -> Vec<u8> {
        // What follows looks like frames of its own to whoever loses count.
        let body = vec![WINDOW_UPDATE; usize::from(length)];
        [&[0, 0, length, kind, 0, 0, 0, 0, 0][..], &body].concat()
    }

    /// Frames on a connection for which no time passes.
    fn timeless() -> Frames {
        let mut frames = Frames::begin();
        frames.allowance.since += Duration::from_hours(1);
        frames
    }

    #[test]
    fn a_flood_is_cut_however_it_is_split() {
        let flood = frame(WINDOW_UPDATE, 4).repeat(10_001);
        for size in [1, 7, 13, 16 * 1024, flood.len()] {
            let mut frames = timeless();
            let cut = flood.chunks(size).find_map(|piece| frames.received(piece).err());
            assert!(cut.is_some_and(|error| error.to_string().contains("WINDOW_UPDATE")));
            let mut frames = timeless();
            let mut allowed = flood[..10_000 * 13].chunks(size);
            assert!(allowed.all(|piece| frames.received(piece).is_ok()), "{size}");
        }
    }

    #[test]
    fn calls_and_their_bytes_are_not_counted() {
        let mut frames = timeless();
        for _ in 0..100_000 {
            frames.received(&frame(DATA, 200)).expect("a call's");
        }
        assert_eq!(frames.allowance.left, FIRST);
    }

    #[test]
    fn who_reads_what_the_server_sends_is_never_cut() {
        let mut frames = timeless();
        for _ in 0..100_000 {
            // The shortest message there is, read and said so for the call and the connection.
            frames.sent(HEADER + 7);
            frames.received(&frame(WINDOW_UPDATE, 4).repeat(2)).expect("earned");
        }
    }

    #[test]
    fn an_answer_does_not_pay_for_the_next_question() {
        let mut frames = timeless();
        let cut = (0..100_000).find(|_| {
            let cut = frames.received(&frame(PING, 8)).is_err();
            frames.sent(HEADER + 8);
            cut
        });
        assert!(cut.is_some());
    }

    #[test]
    fn time_gives_some_back_and_saves_up_little() {
        let begun = Instant::now();
        let mut allowance = Allowance { left: 0, sent: 0, since: begun };
        let at = |seconds| move || begun + Duration::from_secs(seconds);
        assert!(allowance.spend(1, at(0)).is_err());
        allowance.spend(1, at(1)).expect("a second's");
        assert_eq!(allowance.left, PER_SECOND - 1);
        allowance.left = 0;
        allowance.spend(1, at(1_000_000)).expect("many seconds'");
        assert_eq!(allowance.left, MOST - 1);
    }
}
