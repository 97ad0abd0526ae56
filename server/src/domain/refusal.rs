//! Why a request was refused. Each has one status on the wire, given in one place.

use super::text::TextProblem;

/// A refusal. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A field is wrong.
    Invalid {
        /// The field, as a path in the contract's words.
        field: &'static str,
        /// What is wrong with it and what to do, as a sentence.
        problem: String,
    },
    /// There is no such thing, which is named, or the caller may not know of it.
    NotFound(&'static str),
    /// Nothing waits that the caller may take.
    QueueEmpty,
    /// The caller's role does not allow it.
    Denied {
        /// A stable word.
        reason: &'static str,
        /// What to do, as a sentence.
        text: &'static str,
    },
    /// Not now: something else has to change first.
    Precondition {
        /// A stable word.
        reason: &'static str,
        /// What to do, as a sentence.
        text: String,
    },
    /// The name or address is taken.
    AlreadyExists {
        /// The field.
        field: &'static str,
        /// Which, as a sentence.
        text: String,
    },
    /// Somebody was faster.
    Stale {
        /// Who: a member's name, "customer" or "clock".
        by: String,
        /// What they did, as a stable word.
        what: &'static str,
        /// The version it has now.
        version: i64,
    },
    /// A colleague has it.
    Taken {
        /// Their name.
        by: String,
    },
    /// What makes a request the same when it is repeated was used with another body.
    RequestReused {
        /// The field: the id of the request, or the hash of a ticket's secret.
        field: &'static str,
    },
    /// The team has as many as it may have.
    Full {
        /// Of what, in the plural.
        what: &'static str,
        /// How many.
        limit: usize,
    },
}

impl Refusal {
    /// A field that is wrong.
    pub fn invalid(field: &'static str, problem: impl Into<String>) -> Self {
        Refusal::Invalid { field, problem: problem.into() }
    }

    /// A text that is wrong.
    pub fn text(field: &'static str) -> impl Fn(TextProblem) -> Refusal {
        move |problem| Refusal::Invalid { field, problem: problem.to_string() }
    }

    /// Something else has to change first.
    pub fn precondition(reason: &'static str, text: impl Into<String>) -> Self {
        Refusal::Precondition { reason, text: text.into() }
    }

    /// The profile, or the whole service, rests for a while.
    pub fn paused() -> Self {
        Refusal::precondition(
            "PROFILE_PAUSED",
            "the service is paused; please use the other contact shown",
        )
    }

    /// Only admins may.
    pub const NOT_ADMIN: Refusal = Refusal::Denied {
        reason: "NOT_ADMIN",
        text: "only an admin of the team may do this; ask one",
    };

    /// The caller has no team, or was kept out.
    pub const NO_TEAM: Refusal = Refusal::Denied {
        reason: "NO_TEAM",
        text: "this account is in no team; activate one, or accept an invitation",
    };

    /// The caller is kept out of their team.
    pub const DISABLED: Refusal = Refusal::Denied {
        reason: "MEMBER_DISABLED",
        text: "an admin of your team has disabled you; ask an admin to let you in again",
    };

    /// The caller is no operator.
    pub const NOT_OPERATOR: Refusal = Refusal::Denied {
        reason: "NOT_AN_OPERATOR",
        text: "assistance management is off for you; an admin can switch it on",
    };

    /// The copy of the widget is no longer valid.
    pub const REVOKED: Refusal = Refusal::Denied {
        reason: "PROFILE_REVOKED",
        text: "this copy of the program is no longer valid; ask whoever gave it to you for a new \
            one",
    };

    /// The credential was made by nobody here.
    pub const PROFILE_UNKNOWN: Refusal = Refusal::Denied {
        reason: "PROFILE_UNKNOWN",
        text: "the server does not know this copy of the program; ask whoever gave it to you for \
            a new one",
    };
}
