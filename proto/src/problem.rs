//! What went wrong with a call, in words a person can read and in stable words a program can decide
//! on.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// The domain of reasons in `google.rpc.ErrorInfo`.
pub const DOMAIN: &str = "deskbell";

/// A call that failed, or never reached a server.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// The gRPC status.
    pub code: Code,
    /// A stable word: the server's (`BAD_CREDENTIALS`, `LAST_ADMIN`, …) or this client's own
    /// (`SERVER_AWAY`, `SERVER_SLOW`, `CONNECTION_LOST`, `CERTIFICATE_UNTRUSTED`,
    /// `CERTIFICATE_OTHER_NAME`, `CERTIFICATE_EXPIRED`, `NOT_A_SERVER`, `ADDRESS_INVALID`, …).
    /// Empty when nobody gave one.
    pub reason: String,
    /// Details that belong to the reason, by stable words.
    pub parameters: BTreeMap<String, String>,
    /// The field of the request that was refused, when it was one.
    pub field: Option<String>,
    /// When it makes sense to try again, when the server said so.
    pub retry_after: Option<Duration>,
    /// The call may or may not have been carried out: the connection failed underneath it.
    pub interrupted: bool,
    /// What is wrong and what to do, in English. May hold text from the server or its users: make
    /// it inert before showing it.
    pub text: String,
}

impl Problem {
    /// A problem found on this side of the wire.
    pub fn local(code: Code, reason: &str, text: impl Into<String>) -> Self {
        Self {
            code,
            reason: reason.to_owned(),
            parameters: BTreeMap::new(),
            field: None,
            retry_after: None,
            interrupted: false,
            text: text.into(),
        }
    }

    /// An address that cannot be used.
    pub(crate) fn address(address: &str, why: &str) -> Self {
        Self::local(
            Code::InvalidArgument,
            "ADDRESS_INVALID",
            format!("\"{address}\" cannot be used as a server's address: {why}."),
        )
    }

    /// Nobody answers at these addresses.
    pub(crate) fn away(addresses: &str, why: &str) -> Self {
        let text = format!(
            "The server at {addresses} does not answer ({why}). Is it running, and is the address \
             right?"
        );
        Self { interrupted: true, ..Self::local(Code::Unavailable, "SERVER_AWAY", text) }
    }

    /// The TLS handshake with this address failed.
    pub(crate) fn handshake(address: &str, failure: &std::io::Error) -> Self {
        let Some(failure) =
            failure.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>())
        else {
            return Self::away(address, &format!("the TLS handshake was broken off: {failure}"));
        };
        let refused = |reason, text: String| Self::local(Code::FailedPrecondition, reason, text);
        match failure {
            rustls::Error::InvalidCertificate(certificate) => {
                let (reason, text) = certificate_problem(address, certificate);
                refused(reason, text)
            }
            rustls::Error::InvalidMessage(_) => refused(
                "NOT_A_SERVER",
                format!("What answers at {address} does not speak TLS. Is the port right?"),
            ),
            rustls::Error::NoApplicationProtocol | rustls::Error::AlertReceived(_) => refused(
                "NOT_A_SERVER",
                format!(
                    "What answers at {address} is not a Deskbell server ({failure}). Is the port \
                     right?"
                ),
            ),
            other => Self::away(address, &format!("the TLS handshake was broken off: {other}")),
        }
    }

    /// The same call, made again, may succeed: the server was away, busy and said when to come
    /// back, or the connection broke. Make it again only when a repeat is safe.
    pub fn is_passing(&self) -> bool {
        match self.code {
            Code::Unavailable => true,
            Code::ResourceExhausted => self.retry_after.is_some(),
            _ => self.interrupted,
        }
    }
}

fn certificate_problem(
    address: &str,
    certificate: &rustls::CertificateError,
) -> (&'static str, String) {
    use rustls::CertificateError as E;
    match certificate {
        E::Expired | E::ExpiredContext { .. } | E::NotValidYet | E::NotValidYetContext { .. } => (
            "CERTIFICATE_EXPIRED",
            format!(
                "The certificate of {address} is not valid at this time. Renew it on the server, \
                 and check both clocks."
            ),
        ),
        E::NotValidForName | E::NotValidForNameContext { .. } => (
            "CERTIFICATE_OTHER_NAME",
            format!(
                "The certificate of {address} is for another name. Use the name it was made for, \
                 or make one for this name."
            ),
        ),
        other => (
            "CERTIFICATE_UNTRUSTED",
            format!(
                "The certificate of {address} is signed by somebody else than expected ({other}). \
                 If the server was set up \
                 anew, ask its host for the fingerprint and sign in again with it; otherwise \
                 somebody is in between."
            ),
        ),
    }
}

impl From<Status> for Problem {
    fn from(status: Status) -> Self {
        // The connector's own problem is somewhere below what tonic makes of it.
        let mut cause: Option<&(dyn Error + 'static)> = status.source();
        let interrupted = cause.is_some();
        while let Some(error) = cause {
            if let Some(problem) = error.downcast_ref::<Self>() {
                return problem.clone();
            }
            cause = error.source();
        }
        if interrupted {
            return lost(&status);
        }

        let details = status.get_error_details();
        let info = details.error_info().filter(|info| info.domain == DOMAIN);
        let violation = details.bad_request().and_then(|request| request.field_violations.first());
        let mut text = if status.message().is_empty() {
            usual_text(status.code()).to_owned()
        } else {
            status.message().to_owned()
        };
        if let Some(violation) = violation
            && !text.contains(&violation.description)
        {
            text = format!("{text} ({}: {})", violation.field, violation.description);
        }
        Self {
            code: status.code(),
            reason: info.map(|info| info.reason.clone()).unwrap_or_default(),
            parameters: info
                .map(|info| info.metadata.clone().into_iter().collect())
                .unwrap_or_default(),
            field: violation.map(|violation| violation.field.clone()),
            retry_after: details.retry_info().and_then(|info| info.retry_delay),
            interrupted: false,
            text,
        }
    }
}

/// The connection broke under a call. The status is tonic's own, not the server's.
fn lost(status: &Status) -> Problem {
    let slow = status.code() == Code::Cancelled && status.message().contains("Timeout");
    let (reason, text) = if slow {
        (
            "SERVER_SLOW",
            "The server took too long to answer. Try again; if that goes on, ask its host."
                .to_owned(),
        )
    } else {
        (
            "CONNECTION_LOST",
            format!("The connection to the server broke ({}). Try again.", status.message()),
        )
    };
    Problem { interrupted: true, ..Problem::local(Code::Unavailable, reason, text) }
}

/// For servers, or things in front of them, that say nothing.
fn usual_text(code: Code) -> &'static str {
    match code {
        Code::InvalidArgument => "The server refused what was sent.",
        Code::Unauthenticated => "You are not signed in. Sign in and try again.",
        Code::PermissionDenied => "You are not allowed to do that. Ask an admin of your team.",
        Code::NotFound => "There is no such thing, or it is hidden from you.",
        Code::AlreadyExists => "That exists already.",
        Code::Aborted => "Somebody else was faster. Look again, then decide.",
        Code::ResourceExhausted => "The server has too much to do just now. Try again later.",
        Code::Unavailable => "The server is not available just now. Try again.",
        Code::Unimplemented => {
            "The server does not know this call: it is older than this program, or no Deskbell \
             server."
        }
        _ => "The server failed. Try again; if that goes on, ask its host.",
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Problem {}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn takes_everything_the_server_says() {
        let mut details = ErrorDetails::new();
        details
            .set_error_info(
                "TICKET_CHANGED",
                DOMAIN,
                HashMap::from([("actor".to_owned(), "Ana".to_owned())]),
            )
            .add_bad_request_violation("text", "is empty")
            .set_retry_info(Some(Duration::from_secs(7)));
        let problem =
            Problem::from(Status::with_error_details(Code::Aborted, "Ana took it.", details));
        assert_eq!(problem.code, Code::Aborted);
        assert_eq!(problem.reason, "TICKET_CHANGED");
        assert_eq!(problem.parameters["actor"], "Ana");
        assert_eq!(problem.field.as_deref(), Some("text"));
        assert_eq!(problem.retry_after, Some(Duration::from_secs(7)));
        assert_eq!(problem.text, "Ana took it. (text: is empty)");
        assert!(!problem.is_passing());
    }

    #[test]
    fn foreign_reasons_are_not_ours() {
        let details = ErrorDetails::with_error_info("X", "elsewhere", HashMap::new());
        let problem = Problem::from(Status::with_error_details(Code::NotFound, "", details));
        assert_eq!(problem.reason, "");
        assert_eq!(problem.text, usual_text(Code::NotFound));
    }

    #[test]
    fn the_connectors_problem_survives_the_transport() {
        let away = Problem::away("https://desk.example:7443", "connection refused");
        let problem = Problem::from(Status::from_error(Box::new(tonic::ConnectError(Box::new(
            away.clone(),
        )))));
        assert_eq!(problem, away);
        assert!(problem.is_passing());
    }

    #[test]
    fn a_broken_connection_is_passing() {
        let broken = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "reset");
        let problem = Problem::from(Status::from_error(Box::new(broken)));
        assert_eq!(problem.reason, "CONNECTION_LOST");
        assert!(problem.interrupted && problem.is_passing());
    }

    #[test]
    fn untrusted_certificates_are_not_tried_again() {
        let failure = std::io::Error::other(rustls::Error::InvalidCertificate(
            rustls::CertificateError::UnknownIssuer,
        ));
        let problem = Problem::handshake("https://desk.example:7443", &failure);
        assert_eq!(problem.reason, "CERTIFICATE_UNTRUSTED");
        assert!(!problem.is_passing());
    }
}
