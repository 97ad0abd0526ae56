//! A look at SQLite's log (`-wal`) before a database is opened.
//!
//! SQLite takes from a log what is whole, up to the first thing that is not, and drops the rest
//! without a word. That is right for what a crash cut off at the end, which nobody was told is
//! done. It is wrong for a log that was damaged, or put there from elsewhere: what was acknowledged
//! would be gone. What tells the two apart is that changes are synced one after the other: a change
//! that has another one behind it was whole once.
//!
//! The format is <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>.

use std::collections::HashSet;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::StoreError;
use super::files::beside;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// The last bit says in which order of bytes checksums are counted.
const MAGIC: u32 = 0x377f_0682;
const VERSION: u32 = 3_007_000;

/// Each time that a log begins again, its first salt is one more. What is left behind in it is of
/// the time before, or a little older.
const GENERATIONS: u32 = 16;

/// How often a log is looked at before it is called damaged, and how long between: a server that
/// runs may write at this moment.
const LOOKS: usize = 3;
const BETWEEN: Duration = Duration::from_millis(50);

/// What is wrong with a log.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Damage {
    /// The system does not let it be read and written.
    Unusable(String),
    /// It does not begin as it should.
    Header,
    /// A change in it is broken, and others come behind it: the frame, counted from 1.
    Frame(u64),
    /// Frames behind the header belong to another one.
    Frames,
    /// It does not go with the database: why.
    Foreign(&'static str),
}

impl fmt::Display for Damage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Damage::Unusable(cause) => write!(formatter, "cannot be opened: {cause}"),
            Damage::Header => formatter.write_str("is damaged: it does not begin as a log does"),
            Damage::Frame(number) => {
                write!(formatter, "is damaged at frame {number}, with whole changes behind it")
            }
            Damage::Frames => {
                formatter.write_str("is damaged: what is in it does not go with its beginning")
            }
            Damage::Foreign(why) => {
                write!(formatter, "is of another database or of another time: {why}")
            }
        }
    }
}

/// Fails when the log of a database holds what SQLite would drop without a word, or is not the
/// database's.
pub(super) async fn check(database: &Path) -> Result<(), StoreError> {
    for path in beside(database) {
        openable(&path)?;
    }
    let [log, _] = beside(database);
    let mut found: Option<Damage> = None;
    for _ in 0..LOOKS {
        let (database, log) = (database.to_owned(), log.clone());
        let look = tokio::task::spawn_blocking(move || look(&database, &log)).await;
        let seen = match look.map_err(|_| sqlx::Error::WorkerCrashed)? {
            Ok(Some(damage)) => damage,
            Ok(None) => return Ok(()),
            Err(cause) => Damage::Unusable(cause.to_string()),
        };
        if found.replace(seen.clone()).is_some_and(|before| before != seen) {
            // Somebody works with it who has found it whole.
            return Ok(());
        }
        tokio::time::sleep(BETWEEN).await;
    }
    match found {
        Some(damage) => Err(refuse(&log, &damage)),
        None => Ok(()),
    }
}

/// SQLite does not say which file it cannot open.
fn openable(path: &PathBuf) -> Result<(), StoreError> {
    let opened = match fs::metadata(path) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(cause) => Err(cause),
        Ok(found) if !found.is_file() => Err(io::Error::other("it is not a file")),
        Ok(_) => OpenOptions::new().read(true).write(true).open(path).map(drop),
    };
    opened.map_err(|cause| refuse(path, &Damage::Unusable(cause.to_string())))
}

fn refuse(path: &Path, damage: &Damage) -> StoreError {
    let path = path.display();
    let next = match damage {
        Damage::Unusable(_) => {
            "let the server's user read and write it; changes that were acknowledged may be in it \
             alone"
        }
        _ => {
            "changes that were acknowledged may be in it alone: restore a backup, or move the file \
             away to start without what it holds, and keep it"
        }
    };
    StoreError::Broken(format!("its file {path} {damage}; {next}"))
}

/// What is wrong with a log, if anything is.
fn look(database: &Path, log: &Path) -> io::Result<Option<Damage>> {
    // First, since it only grows.
    let pages = Pages::of(database)?;
    let file = match File::open(log) {
        Ok(file) => file,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(cause),
    };
    let length = file.metadata()?.len();
    let mut file = BufReader::with_capacity(256 * 1024, file.take(length));
    let mut header = [0; HEADER];
    if length == 0 {
        return Ok(None);
    }
    if length <= HEADER as u64 {
        // Nothing is written behind a header before that is on disk. What was not looks like this.
        let rest = &mut header[..usize::try_from(length).unwrap_or(HEADER)];
        file.read_exact(rest)?;
        let unwritten = rest.iter().all(|byte| *byte == 0);
        return Ok((!unwritten && Header::read(&header).is_none()).then_some(Damage::Header));
    }
    file.read_exact(&mut header)?;
    let Some(header) = Header::read(&header) else { return Ok(Some(Damage::Header)) };
    let seen = Seen::read(&header, &mut file)?;
    Ok(seen.damage.clone().or_else(|| pages.foreign(&header, &seen)))
}

/// A log's header.
struct Header {
    big_endian: bool,
    page: usize,
    salts: [u32; 2],
    checksum: [u32; 2],
}

impl Header {
    fn read(bytes: &[u8; HEADER]) -> Option<Self> {
        let [magic, version, page, _, salt1, salt2, check1, check2] =
            std::array::from_fn(|at| word(&bytes[4 * at..]));
        let header = Header {
            big_endian: magic & 1 == 1,
            page: usize::try_from(page).ok()?,
            salts: [salt1, salt2],
            checksum: [check1, check2],
        };
        let whole = magic & !1 == MAGIC
            && version == VERSION
            && page.is_power_of_two()
            && (512..=65_536).contains(&page)
            && header.sum([0, 0], &bytes[..24]) == header.checksum;
        whole.then_some(header)
    }

    /// The checksum of this behind what has that checksum.
    fn sum(&self, [mut one, mut two]: [u32; 2], bytes: &[u8]) -> [u32; 2] {
        let read = if self.big_endian { u32::from_be_bytes } else { u32::from_le_bytes };
        let (pairs, _) = bytes.as_chunks::<8>();
        for &[a, b, c, d, e, f, g, h] in pairs {
            one = one.wrapping_add(read([a, b, c, d])).wrapping_add(two);
            two = two.wrapping_add(read([e, f, g, h])).wrapping_add(one);
        }
        [one, two]
    }

    /// Whether a frame with these salts may be left from before the log began again.
    fn is_before(&self, salts: [u32; 2]) -> bool {
        (1..=GENERATIONS).contains(&self.salts[0].wrapping_sub(salts[0]))
    }
}

/// What is in a log.
#[derive(Default)]
struct Seen {
    /// The pages that whole changes hold, and how many pages the database has after them.
    pages: HashSet<u32>,
    database: u32,
    damage: Option<Damage>,
}

impl Seen {
    fn read(header: &Header, file: &mut impl Read) -> io::Result<Self> {
        let mut seen = Seen::default();
        let (mut salts, mut before, mut ends) = (header.salts, header.checksum, false);
        let mut broken = None;
        let mut change = Vec::new();
        let mut frame = vec![0; FRAME_HEADER + header.page];
        for number in 1.. {
            match file.read_exact(&mut frame) {
                Err(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => break,
                read => read?,
            }
            let [page, size, salt1, salt2, check1, check2] =
                std::array::from_fn(|at| word(&frame[4 * at..]));
            let checksum = header.sum(header.sum(before, &frame[..8]), &frame[FRAME_HEADER..]);
            let ours = [salt1, salt2] == salts && page > 0;
            let whole = ours && checksum == [check1, check2];
            if broken.is_some() && ends && whole {
                // The change before this one has ended, and was on disk before this one began.
                seen.damage = broken;
                return Ok(seen);
            }
            if broken.is_none() && !whole {
                broken = Some(Damage::Frame(number));
                if number == 1 && !ours && !header.is_before([salt1, salt2]) {
                    broken = Some(Damage::Frames);
                    salts = [salt1, salt2];
                }
            }
            ends = [salt1, salt2] == salts && size > 0;
            before = [check1, check2];
            if broken.is_none() {
                change.push(page);
                if ends {
                    seen.pages.extend(change.drain(..));
                    seen.database = size;
                }
            }
        }
        Ok(seen)
    }
}

/// A database's pages.
struct Pages {
    /// None in a database without any.
    size: Option<u32>,
    length: u64,
}

impl Pages {
    fn of(database: &Path) -> io::Result<Self> {
        let mut file = match File::open(database) {
            Ok(file) => file,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                return Ok(Pages { size: None, length: 0 });
            }
            Err(cause) => return Err(cause),
        };
        let length = file.metadata()?.len();
        let mut head = [0; 18];
        match file.read_exact(&mut head) {
            Ok(()) => {}
            Err(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => {
                return Ok(Pages { size: None, length });
            }
            Err(cause) => return Err(cause),
        }
        let size = u32::from(u16::from_be_bytes([head[16], head[17]]));
        Ok(Pages { size: Some(if size == 1 { 65_536 } else { size }), length })
    }

    /// Why a whole log does not go with the database, if it does not. SQLite never makes a database
    /// smaller unless it is told to write all of it anew.
    fn foreign(&self, header: &Header, seen: &Seen) -> Option<Damage> {
        if seen.database == 0 {
            return None;
        }
        let Some(size) = self.size else {
            return Some(Damage::Foreign("the database is empty, but its log is not"));
        };
        if usize::try_from(size) != Ok(header.page) {
            return Some(Damage::Foreign("their pages are of different sizes"));
        }
        let pages = self.length / u64::from(size);
        let all = u64::from(seen.database);
        if pages > all && (seen.pages.len() as u64) + 1 < all {
            return Some(Damage::Foreign("the database has grown beyond it"));
        }
        let missing = |page: &u32| !seen.pages.contains(page);
        let first = u32::try_from(pages).unwrap_or(u32::MAX).saturating_add(1);
        (first..=seen.database)
            .any(|page| missing(&page) && !is_never_written(page, size))
            .then_some(Damage::Foreign("pages between the two are missing"))
    }
}

/// The page at 1 GiB, which SQLite locks and never writes.
fn is_never_written(page: u32, size: u32) -> bool {
    page == 0x4000_0000 / size + 1
}

fn word(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests;
