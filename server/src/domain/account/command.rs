//! What can be asked for about accounts, their one-time codes and their sessions.

use super::{NewSession, OneTimeCode};
use crate::domain::command::{Checked, Locks, Rules, WhenLapsed};
use crate::domain::decide::Draft;
use crate::domain::ids::AccountId;
use crate::domain::refusal::Refusal;
use crate::domain::request::{Caller, Reply};
use crate::domain::text::Email;
use crate::domain::words::Digest;
use crate::domain::world::Needs;

/// An account to be.
#[derive(Clone, Debug)]
pub struct AccountDraft {
    /// Its id.
    pub account: AccountId,
    /// Whose it is.
    pub email: Checked<Email>,
    /// What they are called; empty: by their address.
    pub display_name: Checked<String>,
    /// Of their password; none: a code opens it.
    pub password_hash: Option<String>,
    /// What opens it.
    pub code: Option<OneTimeCode>,
}

/// A one-time code, as somebody spoke it.
#[derive(Clone, Debug)]
pub struct Redemption {
    /// Its hash.
    pub code_hash: Digest,
    /// The address it was given to, as addresses are compared.
    pub email_key: String,
    /// Of the password to be.
    pub password_hash: String,
    /// The name to be; none: as it was.
    pub display_name: Option<String>,
}

/// A change to an account that somebody wants.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields are the contract's, and say what they are")]
pub enum AccountCommand {
    Create(Box<AccountDraft>),
    ResetPassword { account: AccountId, code: OneTimeCode },
    ChangePassword { account: AccountId, password_hash: String, keep: Digest },
    RedeemCode(Box<Redemption>),
    OpenSession(NewSession),
    EndSessions { account: AccountId, only: Option<Digest> },
}

impl Rules for AccountCommand {
    fn needs(&self, _: Caller) -> Needs {
        match self {
            Self::Create(new) => Needs {
                email: new.email.as_ref().ok().map(|email| email.key.clone()),
                ..Needs::default()
            },
            Self::ResetPassword { account, .. }
            | Self::ChangePassword { account, .. }
            | Self::EndSessions { account, .. }
            | Self::OpenSession(NewSession { account, .. }) => {
                Needs { account: Some(*account), ..Needs::default() }
            }
            Self::RedeemCode(redemption) => Needs {
                code: Some(redemption.code_hash),
                email: Some(redemption.email_key.clone()),
                ..Needs::default()
            },
        }
    }

    fn locks(&self) -> Locks {
        match self {
            Self::Create(_)
            | Self::ResetPassword { .. }
            | Self::ChangePassword { .. }
            | Self::RedeemCode(_)
            | Self::OpenSession(_)
            | Self::EndSessions { .. } => Locks::TeamAndAccounts,
        }
    }

    fn when_lapsed(&self) -> WhenLapsed {
        match self {
            Self::Create(_)
            | Self::ResetPassword { .. }
            | Self::ChangePassword { .. }
            | Self::RedeemCode(_)
            | Self::OpenSession(_)
            | Self::EndSessions { .. } => WhenLapsed::Done,
        }
    }

    fn decide(&self, draft: &mut Draft) -> Result<Reply, Refusal> {
        match self {
            Self::Create(new) => draft.create_account(new),
            Self::ResetPassword { account, code } => draft.reset_password(*account, code),
            Self::ChangePassword { account, password_hash, keep } => {
                draft.change_password(*account, password_hash, *keep)
            }
            Self::RedeemCode(redemption) => draft.redeem_code(redemption),
            Self::OpenSession(session) => draft.open_session(session),
            Self::EndSessions { account, only } => draft.end_sessions(*account, *only),
        }
    }
}
