//! The recent changes of a team that somebody watches, in memory.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::domain::{MemberId, Revision, Sight};

/// Changes kept in memory for each team that somebody watches.
pub const TAIL: usize = 1_024;

/// Bytes that they may have: what customers write is long at times.
pub const TAIL_BYTES: usize = 16 * 1024 * 1024;

/// One change, encoded once, with who may see what of it.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The team's revision of the change.
    pub revision: Revision,
    /// The change for those who see all of it.
    pub whole: Bytes,
    /// Its tickets.
    pub parts: Vec<Part>,
    /// What happened, as a stable word.
    pub kind: &'static str,
    /// Who did it, for people.
    pub actor: String,
    /// Members who see other things from here on.
    pub sight_of: Vec<MemberId>,
    /// Watchers start over with a snapshot: names that tickets are shown with have changed, or
    /// there is more of it than fits into an answer.
    pub starts_over: bool,
    /// When it was committed, if that was on this server and now; none: it comes from the log.
    pub committed: Option<Instant>,
}

/// A ticket in a change.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its number.
    pub number: i64,
    /// Where it was; none: it is new.
    pub before: Option<Sight>,
    /// Where it is.
    pub after: Sight,
    /// The ticket, encoded.
    pub bytes: Bytes,
}

impl Frame {
    /// A change that can be told in no other way: watchers start over with a snapshot.
    pub fn starting_over(revision: Revision) -> Self {
        Frame {
            revision,
            whole: Bytes::new(),
            parts: Vec::new(),
            kind: "",
            actor: String::new(),
            sight_of: Vec::new(),
            starts_over: true,
            committed: None,
        }
    }

    /// Bytes that it holds, about.
    fn size(&self) -> usize {
        self.whole.len() + self.parts.iter().map(|part| part.bytes.len()).sum::<usize>()
    }
}

/// The newest changes, without gaps.
#[derive(Debug, Default)]
pub struct Tail {
    pub(super) frames: VecDeque<Arc<Frame>>,
    /// Bytes in them.
    pub(super) bytes: usize,
}

impl Tail {
    /// The oldest revision in it.
    pub fn first(&self) -> Option<Revision> {
        self.frames.front().map(|frame| frame.revision)
    }

    /// The newest one.
    pub fn last(&self) -> Option<Revision> {
        self.frames.back().map(|frame| frame.revision)
    }

    /// What follows on a revision, if it is here: some of it, in order.
    pub fn after(&self, revision: Revision) -> Option<Vec<Arc<Frame>>> {
        let (first, last) = (self.first()?, self.last()?);
        if first > revision + 1 || last <= revision {
            return None;
        }
        let skip = usize::try_from(revision + 1 - first).unwrap_or(0);
        Some(self.frames.iter().skip(skip).take(64).cloned().collect())
    }

    /// Adds what goes on from it. Anything else is left to the log, which has what lies between.
    pub fn push(&mut self, frame: Arc<Frame>) {
        if self.last().is_some_and(|last| last + 1 != frame.revision) {
            return;
        }
        self.bytes += frame.size();
        self.frames.push_back(frame);
        while self.frames.len() > TAIL || (self.bytes > TAIL_BYTES && self.frames.len() > 1) {
            if let Some(oldest) = self.frames.pop_front() {
                self.bytes -= oldest.size();
            }
        }
    }
}
