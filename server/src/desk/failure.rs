//! Why a use case came to nothing, with a public half for the caller and a private one that is
//! logged once, here.

use std::time::Duration;

use crate::domain::Refusal;
use crate::secrets::{HashingProblem, NoRandomness};
use crate::store::{StoreError, WriteError};

/// Why a use case came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The rules refuse it.
    Refused(Refusal),
    /// No session, or one that has ended.
    SignedOut,
    /// Address and password, or address and code, do not fit.
    BadCredentials,
    /// Too often; come back after this time.
    Throttled(Duration),
    /// The cursor is too old, or lies before a change of what the caller may see.
    StartOver,
    /// The database cannot be reached for now.
    Unavailable,
    /// The database has no room left.
    Full,
    /// A fault of ours; it is in the log.
    Internal,
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Failure::Refused(refusal)
    }
}

impl From<&StoreError> for Failure {
    fn from(cause: &StoreError) -> Self {
        match cause {
            StoreError::Unavailable(_) | StoreError::Conflict(_) => {
                tracing::warn!(%cause, "the database did not do its part");
                Failure::Unavailable
            }
            StoreError::Full(_) => {
                tracing::error!(%cause, "the database is full");
                Failure::Full
            }
            StoreError::Broken(_) => {
                tracing::error!(%cause, "a fault in the database or in this program");
                Failure::Internal
            }
        }
    }
}

impl From<StoreError> for Failure {
    fn from(cause: StoreError) -> Self {
        Failure::from(&cause)
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Refused(refusal) => Failure::Refused(refusal),
            WriteError::Failed(cause) => Failure::from(&*cause),
            WriteError::Overloaded => Failure::Throttled(Duration::from_secs(1)),
        }
    }
}

impl From<NoRandomness> for Failure {
    fn from(cause: NoRandomness) -> Self {
        tracing::error!(%cause, "the system gives no randomness");
        Failure::Internal
    }
}

impl From<HashingProblem> for Failure {
    fn from(problem: HashingProblem) -> Self {
        match problem {
            HashingProblem::Busy => Failure::Throttled(Duration::from_secs(1)),
            HashingProblem::Failed(cause) => {
                tracing::error!(cause, "a password could not be hashed");
                Failure::Internal
            }
        }
    }
}
