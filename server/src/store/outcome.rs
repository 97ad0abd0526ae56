//! What becomes of a request, and what is told of it.

use std::sync::Arc;
use std::time::Instant;

use super::error::StoreError;
use crate::domain::{Change, Millis, Refusal, Reply, Team};

/// What became of a request.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What the caller hears.
    pub reply: Reply,
    /// When it was decided.
    pub at: Millis,
    /// It was decided before, and this is a repeat.
    pub repeated: bool,
    /// What it did to the team, with the words; none: nothing, or before.
    pub change: Option<Arc<Change>>,
}

/// Why a request had no outcome.
#[derive(Clone, Debug)]
pub enum WriteError {
    /// The rules refuse it.
    Refused(Refusal),
    /// The database failed; nothing was written.
    Failed(Arc<StoreError>),
    /// The server is going away, or has too much waiting.
    Overloaded,
}

/// A change, with its team's directory as it was left.
pub type Told = (Arc<Change>, Option<Arc<Team>>);

/// An outcome, or why there is none.
pub type Answer = Result<Outcome, WriteError>;

/// A transaction that is on disk.
#[derive(Debug)]
pub struct Commit {
    /// Its changes, in the order of revisions.
    pub told: Vec<Told>,
    /// How many requests shared it.
    pub requests: usize,
    /// When writing its last rows and committing it began.
    pub began: Instant,
    /// When it was on disk.
    pub on_disk: Instant,
}

/// Told of every transaction after its commit.
pub type OnCommit = Arc<dyn Fn(Commit) + Send + Sync>;
