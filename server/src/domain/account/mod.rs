//! Accounts of the host, their sessions and one-time codes.
//!
//! # The life of an address
//!
//! Typing an address proves nothing, and a code proves something only to the team that issued it.
//! So what a team's code opens is that team's own: until an address is proven by mail, several
//! accounts can have it, each with a password of its own, and none of them speaks for another.
//!
//! | state | how it gets there | what it allows |
//! |---|---|---|
//! | unclaimed | no account has the address | nothing |
//! | invited | an admin adds the address | the newest code of that team gives the seat, once |
//! | claimed by code | the code is redeemed | signing in, as a member of that team |
//! | member | the code is redeemed, or an account that was there accepts with it | the seat |
//! | removed | an admin removes the member | the account stays; the seat and its codes end |
//! | re-invited | an admin adds the address again | a new code; the team's older ones do nothing |
//!
//! An account that is there already, whoever opened it, takes or declines a seat only with the
//! inviting team's own code. Nobody gets a seat by a code that another team issued.

mod command;
mod rules;

use super::Millis;
use super::ids::{AccountId, MemberId, TeamId};
use super::words::Digest;
pub use command::{AccountCommand, AccountDraft, Redemption};

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
    /// The team whose code opened it; none: the host made it.
    pub opened_by: Option<TeamId>,
}

/// A code that works once. The newest of an invitation, or of the host for an account, is the one
/// that does.
#[derive(Clone, Debug, PartialEq)]
pub struct OneTimeCode {
    /// SHA-256 of the code.
    pub hash: Digest,
    /// Whose password it sets. With an invitation: the account that it opens, if none is reused.
    pub account: AccountId,
    /// The invitation it answers.
    pub invitation: Option<(TeamId, MemberId)>,
    /// When it stops working.
    pub expires_at: Millis,
}

/// Something that happened to accounts, their codes and sessions. It belongs to the host's log.
#[derive(Clone, Debug, PartialEq)]
pub enum AccountEvent {
    /// An account is new or changed.
    Changed(Box<Account>),
    /// A one-time code was made. Its hash is no part of the log.
    CodeMade(OneTimeCode),
    /// A one-time code was used.
    CodeUsed(Digest, AccountId),
    /// A session began.
    SessionOpened(NewSession),
    /// Sessions ended: one, or all of an account but one.
    SessionsEnded {
        /// Whose.
        account: AccountId,
        /// Only this one.
        only: Option<Digest>,
        /// All but this one.
        except: Option<Digest>,
    },
}

impl AccountEvent {
    /// Whose sessions may not be as they were: they ended, or their place in a team is another.
    pub fn signed_in(&self) -> Option<AccountId> {
        match self {
            AccountEvent::Changed(account) => Some(account.id),
            AccountEvent::SessionsEnded { account, .. } => Some(*account),
            AccountEvent::CodeMade(_)
            | AccountEvent::CodeUsed(..)
            | AccountEvent::SessionOpened(_) => None,
        }
    }
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
