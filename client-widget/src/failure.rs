//! Why a command was not carried out.

use std::io;

/// A command that was not carried out.
#[derive(Debug)]
pub struct Failure {
    /// The exit status; 0 when whoever read the output has gone, who wants to hear nothing more.
    pub status: u8,
    /// What is wrong and what to do.
    pub text: String,
}

impl Failure {
    /// Refused, or cannot be done.
    pub fn refused(text: impl Into<String>) -> Self {
        Self { status: 1, text: text.into() }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self { status: 0, text: String::new() };
        }
        Self::refused(error.to_string())
    }
}
