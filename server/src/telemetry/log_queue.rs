//! Lines on their way to where the log goes. One thread writes them, so that whoever logs waits for
//! no disk and no reader and never fails because of them. What finds no room, or cannot be written,
//! is lost and counted; as soon as something can be written again, a line says how many were lost.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread;
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// What may wait at most, in bytes: seconds of a busy log, and little beside a server's memory.
const ROOM: usize = 4 * 1024 * 1024;

/// What a waiting line takes beside its text, in bytes.
const OVERHEAD: usize = 64;

/// Makes the line that says how many lines were lost.
pub type Notice = Box<dyn Fn(u64) -> Vec<u8> + Send>;

/// Takes lines of the log. Clones share the queue.
#[derive(Clone, Debug)]
pub struct LogQueue {
    entries: Sender<Entry>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    /// In bytes.
    waiting: AtomicUsize,
    lost: AtomicU64,
}

#[derive(Debug)]
enum Entry {
    Line(Vec<u8>),
    /// Answered when everything before it was written or lost.
    Flush(SyncSender<()>),
}

impl LogQueue {
    /// Starts the thread that writes to `sink`.
    pub fn start(sink: impl Write + Send + 'static, notice: Notice) -> io::Result<Self> {
        let (entries, taken) = mpsc::channel();
        let counts = Arc::<Counts>::default();
        let writer = LogWriter { sink, torn: false, notice, counts: Arc::clone(&counts) };
        thread::Builder::new().name("log".to_owned()).spawn(move || writer.run(&taken))?;
        Ok(Self { entries, counts })
    }

    /// Hands over a line, with its line end. Returns at once.
    pub fn push(&self, line: Vec<u8>) {
        let size = line.len() + OVERHEAD;
        let waiting = self.counts.waiting.fetch_add(size, Ordering::Relaxed);
        if waiting + size > ROOM || self.entries.send(Entry::Line(line)).is_err() {
            self.counts.waiting.fetch_sub(size, Ordering::Relaxed);
            self.counts.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until everything so far is written or lost, but no longer than this.
    pub fn flush(&self, longest: Duration) {
        let (answer, answered) = mpsc::sync_channel(1);
        if self.entries.send(Entry::Flush(answer)).is_ok() {
            // Out of time: nobody reads the log, and nobody shall wait for that.
            let _ = answered.recv_timeout(longest);
        }
    }
}

struct LogWriter<W> {
    sink: W,
    /// The last line that was begun was not ended.
    torn: bool,
    notice: Notice,
    counts: Arc<Counts>,
}

impl<W: Write> LogWriter<W> {
    /// Writes until nobody can log any more.
    fn run(mut self, taken: &Receiver<Entry>) {
        for entry in taken {
            self.tell_lost();
            match entry {
                Entry::Line(line) => {
                    if !self.write(&line) {
                        self.counts.lost.fetch_add(1, Ordering::Relaxed);
                    }
                    self.counts.waiting.fetch_sub(line.len() + OVERHEAD, Ordering::Relaxed);
                }
                // Whoever asked may have stopped waiting.
                Entry::Flush(answer) => drop(answer.try_send(())),
            }
        }
    }

    fn tell_lost(&mut self) {
        let lost = self.counts.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let notice = (self.notice)(lost);
            if !self.write(&notice) {
                self.counts.lost.fetch_add(lost, Ordering::Relaxed);
            }
        }
    }

    /// Whether the line was written. There is nobody to tell why not.
    fn write(&mut self, line: &[u8]) -> bool {
        if self.torn && self.sink.write_all(b"\n").is_err() {
            return false;
        }
        self.torn = false;
        let mut left = line;
        while !left.is_empty() {
            match self.sink.write(left) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => {
                    self.torn = left.len() < line.len();
                    return false;
                }
                Ok(written) => left = left.get(written..).unwrap_or_default(),
            }
        }
        self.sink.flush().is_ok()
    }
}

/// Hands over each line that is written to it, which `tracing-subscriber` does in one piece.
#[derive(Debug)]
pub struct Lines<'a>(&'a LogQueue);

impl<'a> MakeWriter<'a> for LogQueue {
    type Writer = Lines<'a>;

    fn make_writer(&'a self) -> Lines<'a> {
        Lines(self)
    }
}

impl Write for Lines<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line.to_vec());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use super::*;

    /// Long enough that only something that hangs reaches it.
    const BOUND: Duration = Duration::from_secs(30);

    /// A file on a disk whose room, in bytes, the test decides. Held, it blocks whoever writes.
    #[derive(Clone, Default)]
    struct Disk(Arc<Mutex<(String, usize)>>);

    impl Disk {
        fn with_room(room: usize) -> Self {
            Self(Arc::new(Mutex::new((String::new(), room))))
        }

        fn held(&self) -> MutexGuard<'_, (String, usize)> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }

        fn log(&self) -> LogQueue {
            let notice = Box::new(|lost| format!("lost {lost}\n").into_bytes());
            LogQueue::start(self.clone(), notice).expect("a thread")
        }
    }

    impl Write for Disk {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            let mut disk = self.held();
            let fits = text.len().min(disk.1);
            if fits == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            disk.1 -= fits;
            disk.0.push_str(&String::from_utf8_lossy(&text[..fits]));
            Ok(fits)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_blocked_reader_blocks_nobody_and_what_is_lost_is_counted() {
        let disk = Disk::with_room(usize::MAX);
        let log = disk.log();
        let lines = ROOM / OVERHEAD;
        let held = disk.held();
        for number in 0..lines {
            log.push(format!("line {number}\n").into_bytes());
        }
        drop(held);
        log.flush(BOUND);
        let written = disk.held().0.clone();
        let lost = written.lines().filter_map(|line| line.strip_prefix("lost "));
        let lost: usize = lost.map(|count| count.parse::<usize>().expect("a number")).sum();
        let told = written.lines().filter(|line| line.starts_with("line ")).count();
        assert!(lost > 0 && told > 0, "{lost} lost, {told} written");
        assert_eq!(lost + told, lines);
    }

    #[test]
    fn a_full_disk_loses_lines_and_says_so_when_there_is_room() {
        let disk = Disk::with_room(8);
        let log = disk.log();
        for line in ["first\n", "second\n", "third\n"] {
            log.push(line.as_bytes().to_vec());
        }
        log.flush(BOUND);
        disk.held().1 = 1_000;
        log.push(b"fourth\n".to_vec());
        log.flush(BOUND);
        assert_eq!(disk.held().0, "first\nse\nlost 2\nfourth\n");
    }
}
