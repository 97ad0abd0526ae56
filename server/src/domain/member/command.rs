//! What can be asked for about members.

use crate::domain::Millis;
use crate::domain::command::{Checked, Locks, Rules, WhenLapsed};
use crate::domain::decide::Draft;
use crate::domain::ids::{AccountId, MemberId};
use crate::domain::refusal::Refusal;
use crate::domain::request::{Caller, Reply};
use crate::domain::text::Email;
use crate::domain::words::Digest;
use crate::domain::world::{Needs, Tickets};

/// Somebody to be added to a team.
#[derive(Clone, Debug)]
pub struct MemberDraft {
    /// Their address.
    pub email: Checked<Email>,
    /// Their name; empty: the address.
    pub display_name: Checked<String>,
    /// Tickets can be assigned to them.
    pub operator: bool,
    /// They set the team up.
    pub admin: bool,
    /// The hash of the one-time code.
    pub code_hash: Digest,
    /// When it ends.
    pub code_expires_at: Millis,
    /// The account that the code opens.
    pub account: AccountId,
}

/// A change to a member that somebody wants.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields are the contract's, and say what they are")]
pub enum MemberCommand {
    Add(Box<MemberDraft>),
    Update {
        member: MemberId,
        admin: Option<bool>,
        operator: Option<bool>,
        enabled: Option<bool>,
    },
    Remove {
        member: MemberId,
    },
    SetAvailability {
        available: bool,
    },
    AnswerInvitation {
        member: MemberId,
        accept: bool,
        /// Of the code that the inviting team issued; none: nothing like a code was given.
        code_hash: Option<Digest>,
    },
}

impl Rules for MemberCommand {
    fn needs(&self, caller: Caller) -> Needs {
        match self {
            Self::Update { member, .. } | Self::Remove { member } => {
                Needs { tickets: Some(Tickets::OpenOf(*member)), ..Needs::default() }
            }
            Self::AnswerInvitation { code_hash, .. } => {
                Needs { account: caller.account(), code: *code_hash, ..Needs::default() }
            }
            Self::Add(_) | Self::SetAvailability { .. } => Needs::default(),
        }
    }

    fn locks(&self) -> Locks {
        match self {
            Self::Add(_)
            | Self::Update { .. }
            | Self::Remove { .. }
            | Self::AnswerInvitation { .. } => Locks::TeamAndAccounts,
            Self::SetAvailability { .. } => Locks::Team,
        }
    }

    fn when_lapsed(&self) -> WhenLapsed {
        match self {
            Self::Add(_)
            | Self::Update { .. }
            | Self::Remove { .. }
            | Self::AnswerInvitation { .. }
            | Self::SetAvailability { .. } => WhenLapsed::Refused,
        }
    }

    fn decide(&self, draft: &mut Draft) -> Result<Reply, Refusal> {
        match self {
            Self::Add(invitation) => draft.add_member(invitation),
            Self::Update { member, admin, operator, enabled } => {
                draft.update_member(*member, *admin, *operator, *enabled)
            }
            Self::Remove { member } => draft.remove_member(*member),
            Self::SetAvailability { available } => draft.set_availability(*available),
            Self::AnswerInvitation { member, accept, .. } => {
                draft.answer_invitation(*member, *accept)
            }
        }
    }
}
