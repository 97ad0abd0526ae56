//! How commands end when they do not succeed: a sentence for people, a stable exit code for
//! scripts.

use std::fmt;
use std::io;

use deskbell_proto::problem::Problem;
use serde_json::json;
use tonic::Code;

use crate::inert;

/// Exit codes, as `deskbell --help` documents them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Nothing went wrong, but whoever read the output has gone.
    Unread = 0,
    /// Any other failure.
    Other = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// Not signed in, or not allowed.
    Refused = 3,
    /// There is no such thing, or it is hidden.
    NotFound = 4,
    /// Somebody was faster, or it exists already.
    Conflict = 5,
    /// The server is away or has too much to do.
    Away = 6,
    /// A value is not acceptable.
    Invalid = 7,
}

/// Why a command did not succeed.
#[derive(Debug)]
pub struct Failure {
    /// The code to exit with.
    pub exit: Exit,
    /// What is wrong and what to do. Not inert yet.
    text: String,
    /// The server's side of it.
    problem: Option<Box<Problem>>,
}

impl Failure {
    /// A failure of this kind.
    pub fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self { exit, text: text.into(), problem: None }
    }

    /// Something that should have worked.
    pub fn other(text: impl Into<String>) -> Self {
        Self::new(Exit::Other, text)
    }

    /// A file that cannot be read or written.
    pub fn file(what: &str, path: &std::path::Path, problem: &impl fmt::Display) -> Self {
        Self::other(format!("Cannot {what} {}: {problem}.", path.display()))
    }

    /// The command line misses something.
    pub fn usage(text: impl Into<String>) -> Self {
        Self::new(Exit::Usage, text)
    }

    /// A value is not acceptable.
    pub fn invalid(text: impl Into<String>) -> Self {
        Self::new(Exit::Invalid, text)
    }

    /// There is no such thing.
    pub fn not_found(text: impl Into<String>) -> Self {
        Self::new(Exit::NotFound, text)
    }

    /// The stable word of the server's answer, if that is what went wrong.
    pub fn reason(&self) -> &str {
        self.problem.as_ref().map_or("", |problem| &problem.reason)
    }

    /// What is wrong and what to do, in words. Not inert yet.
    pub fn sentence(&self) -> &str {
        &self.text
    }

    /// The session has ended, or there never was one. Not: a wrong password.
    pub fn needs_sign_in(&self) -> bool {
        self.problem.as_ref().is_some_and(|problem| problem.code == Code::Unauthenticated)
            && self.reason() != "BAD_CREDENTIALS"
    }

    /// The same failure with a hint what to do next.
    #[must_use]
    pub fn hint(mut self, hint: &str) -> Self {
        self.text = format!("{}\n{hint}", self.text);
        self
    }

    /// Writes the failure to the error output: a sentence, or one JSON object.
    pub fn report(&self, as_json: bool) {
        if self.exit == Exit::Unread {
            return;
        }
        let text = if as_json {
            let problem = self.problem.as_deref();
            inert::json(&json!({ "error": {
                "exit_code": self.exit as u8,
                "code": problem.map_or("", |problem| code_word(problem.code)),
                "reason": self.reason(),
                "field": problem.and_then(|problem| problem.field.as_deref()),
                "parameters": problem.map(|problem| &problem.parameters),
                "text": self.text,
            }}))
        } else {
            format!("deskbell: {}", inert::block(&self.text))
        };
        // Nobody is left to tell when even this fails.
        let _ = io::Write::write_all(&mut io::stderr().lock(), format!("{text}\n").as_bytes());
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let exit = match problem.code {
            Code::Unauthenticated | Code::PermissionDenied => Exit::Refused,
            Code::NotFound => Exit::NotFound,
            Code::Aborted | Code::AlreadyExists => Exit::Conflict,
            Code::Unavailable | Code::ResourceExhausted | Code::DeadlineExceeded => Exit::Away,
            Code::InvalidArgument | Code::OutOfRange => Exit::Invalid,
            _ => Exit::Other,
        };
        let mut text = problem.text.clone();
        // Most servers say so themselves.
        if let Some(wait) = problem.retry_after.filter(|_| !text.contains("again")) {
            text = format!("{text}\nTry again in {} s.", wait.as_secs().max(1));
        }
        Self { exit, text, problem: Some(Box::new(problem)) }
    }
}

impl From<tonic::Status> for Failure {
    fn from(status: tonic::Status) -> Self {
        Problem::from(status).into()
    }
}

/// Only for writing to the standard output; files have [`Failure::file`].
impl From<io::Error> for Failure {
    fn from(problem: io::Error) -> Self {
        if problem.kind() == io::ErrorKind::BrokenPipe {
            Self::new(Exit::Unread, "")
        } else {
            Self::other(format!("Cannot write the output: {problem}."))
        }
    }
}

fn code_word(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_follow_the_status() {
        for (code, exit) in [
            (Code::Unauthenticated, 3),
            (Code::PermissionDenied, 3),
            (Code::NotFound, 4),
            (Code::Aborted, 5),
            (Code::Unavailable, 6),
            (Code::InvalidArgument, 7),
            (Code::FailedPrecondition, 1),
        ] {
            assert_eq!(Failure::from(Problem::local(code, "", "x")).exit as u8, exit, "{code:?}");
        }
    }

    #[test]
    fn a_reader_who_left_is_no_failure() {
        assert_eq!(Failure::from(io::Error::from(io::ErrorKind::BrokenPipe)).exit, Exit::Unread);
    }
}
