//! Why a command was not carried out, and its exit status.

use crate::config::ConfigProblem;
use crate::desk;
use crate::domain::Refusal;
use crate::front::CertificatesProblem;
use crate::secrets::HostSecretsProblem;
use crate::secrets::key_file::KeyFileProblem;
use crate::store::StoreError;
use crate::telemetry::MetricsProblem;

/// It could not be done.
const FAILED: u8 = 1;

/// The command line, the configuration or a value makes no sense. The same that clap uses.
const WRONG_USE: u8 = 2;

/// It exists already, or does not exist.
const NOT_AS_ASSUMED: u8 = 3;

/// A command that was not carried out.
#[derive(Debug)]
pub(super) struct Failure {
    /// The exit status.
    pub(super) status: u8,
    /// What is wrong and what to do, as a sentence.
    pub(super) sentence: String,
}

impl Failure {
    pub(super) fn failed(sentence: impl Into<String>) -> Self {
        Self { status: FAILED, sentence: sentence.into() }
    }

    pub(super) fn wrong_use(sentence: impl Into<String>) -> Self {
        Self { status: WRONG_USE, sentence: sentence.into() }
    }

    pub(super) fn not_as_assumed(sentence: impl Into<String>) -> Self {
        Self { status: NOT_AS_ASSUMED, sentence: sentence.into() }
    }
}

impl From<ConfigProblem> for Failure {
    fn from(problem: ConfigProblem) -> Self {
        Self::wrong_use(problem.to_string())
    }
}

macro_rules! failed_from {
    ($($problem:ty),* $(,)?) => {
        $(impl From<$problem> for Failure {
            fn from(problem: $problem) -> Self {
                Self::failed(problem.to_string())
            }
        })*
    };
}

failed_from!(CertificatesProblem, HostSecretsProblem, KeyFileProblem, MetricsProblem, StoreError);

impl From<desk::Failure> for Failure {
    fn from(failure: desk::Failure) -> Self {
        match failure {
            desk::Failure::Refused(refusal) => refusal.into(),
            desk::Failure::Full => {
                Self::failed("the database has no room left: make some and try again")
            }
            desk::Failure::Unavailable | desk::Failure::Throttled(_) => Self::failed(
                "the database cannot be reached for now; the cause is in the log: try again",
            ),
            desk::Failure::SignedOut
            | desk::Failure::BadCredentials
            | desk::Failure::StartOver
            | desk::Failure::Internal => {
                Self::failed("a fault of the program or the database; the cause is in the log")
            }
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Invalid { field, problem } => {
                Self::wrong_use(format!("the {field} {problem}"))
            }
            Refusal::NotFound(_) => {
                Self::not_as_assumed("there is no such account: make it with `account create`")
            }
            Refusal::AlreadyExists { text, .. } => Self::not_as_assumed(text),
            Refusal::Denied { text, .. } => Self::failed(text),
            Refusal::Precondition { text, .. } => Self::failed(text),
            Refusal::Stale { .. }
            | Refusal::Taken { .. }
            | Refusal::RequestReused { .. }
            | Refusal::QueueEmpty => Self::failed("something else was faster: try again"),
            Refusal::Full { what, limit } => {
                Self::failed(format!("there are {limit} {what}, which is the most"))
            }
        }
    }
}
