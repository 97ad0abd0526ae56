//! Accounts of the host, their sessions and one-time codes.

use super::Millis;
use super::ids::{AccountId, MemberId, TeamId};
use super::words::Digest;

/// How long a session lives unless it is used: 30 days.
pub const SESSION_IDLE: Millis = 30 * 24 * 60 * 60 * 1000;

/// Somebody who can sign in.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// The account.
    pub id: AccountId,
    /// The address, as written.
    pub email: String,
    /// The address in the form that is compared.
    pub email_key: String,
    /// The name people see.
    pub display_name: String,
    /// The password as argon2id keeps it; none until a code was redeemed.
    pub password_hash: Option<String>,
    /// The team it belongs to: at most one.
    pub membership: Option<(TeamId, MemberId)>,
}

/// A code that sets a password once.
#[derive(Clone, Debug, PartialEq)]
pub struct OneTimeCode {
    /// SHA-256 of the code.
    pub hash: Digest,
    /// Whose password it sets.
    pub account: AccountId,
    /// The invitation it accepts at the same time.
    pub invitation: Option<(TeamId, MemberId)>,
    /// When it stops working.
    pub expires_at: Millis,
}

/// A session that begins.
#[derive(Clone, Debug, PartialEq)]
pub struct NewSession {
    /// SHA-256 of the token.
    pub token_hash: Digest,
    /// Whose it is.
    pub account: AccountId,
    /// A name its owner will recognise.
    pub label: String,
    /// When it ends unless it is used.
    pub expires_at: Millis,
}
