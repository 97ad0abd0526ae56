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
pub type Told = (Change, Option<Arc<Team>>);

/// An outcome, or why there is none.
pub type Answer = Result<Outcome, WriteError>;

/// Told of every change after its commit, in the order of revisions, with the team's directory as
/// it was left, and of the moment it was on disk.
pub type OnCommit = Arc<dyn Fn(Vec<Told>, Instant) + Send + Sync>;
