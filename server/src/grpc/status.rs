//! Failures as gRPC statuses, with google.rpc details. The one place, and no wildcard: a new
//! failure has to be given a status.

use std::collections::HashMap;
use std::time::Duration;

use http::HeaderMap;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::desk::Failure;
use crate::domain::Refusal;

/// The domain of our reasons in `google.rpc.ErrorInfo`.
const DOMAIN: &str = "deskbell";

/// How long to stay away when the database is away.
const SOON: Duration = Duration::from_secs(1);

/// How long to stay away when this server stops: another one may be there already.
const BRIEFLY: Duration = Duration::from_millis(100);

/// How long to stay away when there is no room.
const LATER: Duration = Duration::from_secs(10);

impl From<Failure> for Status {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => refused(refusal),
            Failure::SignedOut => status(
                Code::Unauthenticated,
                "SIGNED_OUT",
                "there is no session, or it has ended; sign in again",
                &[],
                None,
            ),
            Failure::BadCredentials => status(
                Code::Unauthenticated,
                "BAD_CREDENTIALS",
                "wrong e-mail address, password or code",
                &[],
                None,
            ),
            Failure::Throttled(wait) => status(
                Code::ResourceExhausted,
                "TOO_OFTEN",
                format!("too much at once; try again in {} seconds", wait.as_secs().max(1)),
                &[],
                Some(wait),
            ),
            Failure::StartOver => status(
                Code::OutOfRange,
                "START_OVER",
                "this place in the queue's changes is gone; start over \
                 without \u{201c}after\u{201d}",
                &[],
                None,
            ),
            Failure::Unavailable => status(
                Code::Unavailable,
                "DATABASE_AWAY",
                "the server cannot reach its database; try again soon",
                &[],
                Some(SOON),
            ),
            Failure::Full => status(
                Code::ResourceExhausted,
                "DATABASE_FULL",
                "the server has no room left; its host has to make some",
                &[],
                Some(LATER),
            ),
            Failure::Internal => status(
                Code::Internal,
                "INTERNAL",
                "something went wrong on the server; its log says what",
                &[],
                None,
            ),
        }
    }
}

fn refused(refusal: Refusal) -> Status {
    match refusal {
        Refusal::Invalid { field, problem } => invalid("INVALID_FIELD", field, &problem),
        Refusal::RequestReused { field } => invalid(
            "REQUEST_REUSED",
            field,
            "was used with another body before; make a new one for each new request",
        ),
        Refusal::NotFound(what) => {
            let text = format!("there is no such {what}, or you cannot see it");
            status(Code::NotFound, "NOT_FOUND", text, &[], None)
        }
        Refusal::QueueEmpty => {
            status(Code::NotFound, "QUEUE_EMPTY", "nothing waits that you may take", &[], None)
        }
        Refusal::Denied { reason, text } => status(Code::PermissionDenied, reason, text, &[], None),
        Refusal::Precondition { reason, text } => {
            status(Code::FailedPrecondition, reason, text, &[], None)
        }
        Refusal::AlreadyExists { field, text } => status(
            Code::AlreadyExists,
            "ALREADY_EXISTS",
            text,
            &[("field", field.to_owned())],
            None,
        ),
        Refusal::Stale { by, what, version } => {
            let text = format!("somebody was faster: {by} ({what}); look again, then decide");
            let parameters =
                [("by", by), ("what", what.to_owned()), ("version", version.to_string())];
            status(Code::Aborted, "STALE", text, &parameters, None)
        }
        Refusal::Taken { by } => {
            let text = format!("{by} has it; to take it from them, say from whom");
            status(Code::Aborted, "TAKEN", text, &[("by", by)], None)
        }
        Refusal::Full { what, limit } => status(
            Code::FailedPrecondition,
            "LIMIT_REACHED",
            format!("a team can have {limit} {what} at most"),
            &[("limit", limit.to_string())],
            None,
        ),
    }
}

/// What ends a call that has nothing more to say when the server stops.
pub fn stopping() -> Status {
    let text = "the server is stopping; connect again";
    status(Code::Unavailable, "STOPPING", text, &[], Some(BRIEFLY))
}

/// What tonic answers before a handler is reached, in the contract's words and with a reason: a
/// request that does not read is the caller's fault, and a request that is too large is no call to
/// start a watch over. Answers of ours pass as they are, and headers stay: by one, a client learns
/// which compression is taken.
pub fn in_our_words<B: Default>(mut answer: http::Response<B>) -> http::Response<B> {
    let headers = answer.headers();
    if !lacks_details(headers) {
        return answer;
    }
    let Some(said) = Status::from_header_map(headers) else { return answer };
    let ours = match said.code() {
        Code::Internal => {
            let text =
                format!("the request does not read as the contract says: {}", said.message());
            status(Code::InvalidArgument, "MALFORMED_REQUEST", text, &[], None)
        }
        Code::OutOfRange => {
            let text = format!("the request is larger than this server takes: {}", said.message());
            status(Code::InvalidArgument, "REQUEST_TOO_LARGE", text, &[], None)
        }
        Code::Unimplemented if said.message().is_empty() => {
            let text = "this server has no such call; it may be older than your program";
            status(Code::Unimplemented, "NO_SUCH_CALL", text, &[], None)
        }
        // Of the codes that are left, tonic answers this one for a compression that it does not
        // take.
        Code::Unimplemented => {
            let text = format!("{}; send it without compression", said.message());
            status(Code::Unimplemented, "COMPRESSION_UNSUPPORTED", text, &[], None)
        }
        // Nothing is wrong with what other services say, such as health; it has a reason, too.
        code => status(code, reason_of(code), said.message(), &[], None),
    };
    for (name, value) in &ours.into_http::<B>().into_parts().0.headers {
        answer.headers_mut().insert(name, value.clone());
    }
    answer
}

/// Gives trailers that end an answer after its data a reason, if they tell of a failure without
/// one: what other services say in the middle of a stream, such as reflection.
pub fn give_reason(trailers: &mut HeaderMap) {
    if !lacks_details(trailers) {
        return;
    }
    if let Some(said) = Status::from_header_map(trailers).filter(|said| said.code() != Code::Ok) {
        let ours = status(said.code(), reason_of(said.code()), said.message(), &[], None);
        // What does not fit into a header leaves the trailers as they are.
        let _ = ours.add_header(trailers);
    }
}

fn lacks_details(headers: &HeaderMap) -> bool {
    headers.contains_key(Status::GRPC_STATUS) && !headers.contains_key("grpc-status-details-bin")
}

/// The code's own name, where whoever answered gave no other reason.
fn reason_of(code: Code) -> &'static str {
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

/// A field that is wrong.
pub fn invalid(reason: &str, field: &str, problem: &str) -> Status {
    let mut details = ErrorDetails::with_bad_request_violation(field, problem);
    details.set_error_info(reason, DOMAIN, HashMap::from([("field".to_owned(), field.to_owned())]));
    Status::with_error_details(Code::InvalidArgument, format!("{field} {problem}"), details)
}

fn status(
    code: Code,
    reason: &str,
    text: impl Into<String>,
    parameters: &[(&str, String)],
    retry: Option<Duration>,
) -> Status {
    let parameters = parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect::<HashMap<_, _>>();
    let mut details = ErrorDetails::with_error_info(reason, DOMAIN, parameters);
    if let Some(wait) = retry {
        details.set_retry_info(Some(wait));
    }
    Status::with_error_details(code, text, details)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn code_and_reason(answer: &http::Response<()>) -> (Code, String) {
        let status = Status::from_header_map(answer.headers()).expect("a status");
        let reason = status.get_details_error_info().map(|info| info.reason).unwrap_or_default();
        (status.code(), reason)
    }

    #[test]
    fn what_does_not_read_is_the_callers_fault() {
        let table = [
            (
                Status::internal("failed to decode Protobuf message"),
                Code::InvalidArgument,
                "MALFORMED_REQUEST",
            ),
            (Status::out_of_range("too large"), Code::InvalidArgument, "REQUEST_TOO_LARGE"),
            (Status::unimplemented(""), Code::Unimplemented, "NO_SUCH_CALL"),
            (
                Status::unimplemented("Content is compressed with `br` which isn't supported"),
                Code::Unimplemented,
                "COMPRESSION_UNSUPPORTED",
            ),
            (Status::not_found("service not registered"), Code::NotFound, "NOT_FOUND"),
            (stopping(), Code::Unavailable, "STOPPING"),
            (Failure::Internal.into(), Code::Internal, "INTERNAL"),
            (Failure::StartOver.into(), Code::OutOfRange, "START_OVER"),
        ];
        for (said, code, reason) in table {
            let answer = in_our_words(said.into_http());
            assert_eq!(code_and_reason(&answer), (code, reason.to_owned()));
        }
        let mut refused: http::Response<()> = Status::unimplemented("compressed").into_http();
        refused.headers_mut().insert("grpc-accept-encoding", HeaderValue::from_static("identity"));
        let answer = in_our_words(refused);
        assert_eq!(answer.headers().get_all("grpc-accept-encoding").iter().count(), 1);
        assert_eq!(answer.headers().get_all(Status::GRPC_STATUS).iter().count(), 1);
        let fine = in_our_words(http::Response::new(()));
        assert!(fine.headers().is_empty());
    }

    #[test]
    fn an_end_in_the_middle_of_a_stream_has_a_reason() {
        let table = [
            (Status::not_found("no such file"), "NOT_FOUND"),
            (Failure::StartOver.into(), "START_OVER"),
        ];
        for (said, reason) in table {
            let mut trailers = HeaderMap::new();
            said.add_header(&mut trailers).expect("trailers");
            give_reason(&mut trailers);
            let status = Status::from_header_map(&trailers).expect("a status");
            assert_eq!((status.code(), status.message()), (said.code(), said.message()));
            let info = status.get_details_error_info().expect("a reason");
            assert_eq!((info.reason.as_str(), info.domain.as_str()), (reason, DOMAIN));
        }
        let mut fine = HeaderMap::new();
        for _ in 0..2 {
            let mut trailers = fine.clone();
            give_reason(&mut trailers);
            assert_eq!(trailers, fine);
            fine.insert(Status::GRPC_STATUS, HeaderValue::from_static("0"));
        }
    }
}
