//! What can be asked for. Texts arrive checked or with the refusal they earned, which the rules
//! give only to callers who may ask at all.

use super::group::Visibility;
use super::ids::{AccountId, GroupId, MemberId, ProfileId, Revision, TeamId, TicketId};
use super::profile::{ProfileState, ProfileWords};
use super::refusal::Refusal;
use super::team::{QueueMode, TeamWords};
use super::text::Email;
use super::ticket::{MessageWords, Priority, TicketWords};
use super::words::{Digest, Prepared, Salt};
use super::{Millis, NewSession, OneTimeCode};

/// A text that was checked, or why it is refused.
pub type Checked<T> = Result<T, Refusal>;

/// A call for help.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The hash of the customer's secret; the idempotency key.
    pub secret_hash: Digest,
    /// Digest of the body: a retry has the same.
    pub body_digest: Digest,
    /// The chosen group, as far as it could be read.
    pub group: Option<GroupId>,
    /// What the customer wrote.
    pub words: Checked<Prepared<TicketWords>>,
}

/// Settings for a profile.
#[derive(Clone, Debug)]
pub struct ProfileDraft {
    /// Customers can ring.
    pub assistance_enabled: bool,
    /// The groups offered, in this order.
    pub groups: Vec<GroupId>,
    /// Choosing a group is required.
    pub group_required: bool,
    /// Goes before the team's.
    pub default_priority: Option<Priority>,
    /// Texts and pictures.
    pub words: Prepared<ProfileWords>,
}

/// A change that somebody wants.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields are the contract's, and say what they are")]
pub enum Command {
    // Tickets.
    Submit(Box<Submission>),
    Take {
        number: i64,
        version: Revision,
    },
    Next,
    Assign {
        number: i64,
        version: Revision,
        operator: Option<Option<MemberId>>,
        group: Option<Option<GroupId>>,
    },
    SetPriority {
        number: i64,
        version: Revision,
        priority: Checked<Priority>,
    },
    Reply {
        number: i64,
        version: Option<Revision>,
        text: Checked<Prepared<MessageWords>>,
    },
    Note {
        number: i64,
        version: Option<Revision>,
        text: Checked<Prepared<MessageWords>>,
    },
    Close {
        number: i64,
        version: Revision,
    },
    Reopen {
        number: i64,
        version: Revision,
    },
    CustomerWrite {
        text: Checked<Prepared<MessageWords>>,
    },
    CustomerCancel,
    Expire {
        ticket: TicketId,
    },
    // The team.
    UpdateTeam {
        name: Option<Checked<Prepared<TeamWords>>>,
        queue_mode: Option<QueueMode>,
        default_priority: Option<Priority>,
        expire_after: Option<Option<Checked<Millis>>>,
    },
    AddMember {
        email: Checked<Email>,
        display_name: Checked<String>,
        operator: bool,
        admin: bool,
        salt: Salt,
        code_hash: Digest,
        code_expires_at: Millis,
        /// The account that the code opens.
        account: AccountId,
    },
    UpdateMember {
        member: MemberId,
        admin: Option<bool>,
        operator: Option<bool>,
        enabled: Option<bool>,
    },
    RemoveMember {
        member: MemberId,
    },
    SetAvailability {
        available: bool,
    },
    CreateGroup {
        name: Checked<String>,
        visibility: Visibility,
        salt: Salt,
    },
    UpdateGroup {
        group: GroupId,
        name: Option<Checked<String>>,
        visibility: Option<Visibility>,
        salt: Salt,
    },
    DeleteGroup {
        group: GroupId,
        dry_run: bool,
        confirm: i64,
        move_to: Option<GroupId>,
    },
    UndeleteGroup {
        group: GroupId,
    },
    AddGroupOperator {
        group: GroupId,
        member: MemberId,
    },
    RemoveGroupOperator {
        group: GroupId,
        member: MemberId,
    },
    /// Erases some of a deleted group's history once it can no longer be undone.
    EraseGroup {
        group: GroupId,
    },
    // Profiles.
    CreateProfile(Checked<Box<ProfileDraft>>),
    UpdateProfile {
        profile: ProfileId,
        revision: i64,
        draft: Checked<Box<ProfileDraft>>,
    },
    SetProfileState {
        profile: ProfileId,
        state: ProfileState,
    },
    // Accounts.
    CreateAccount {
        account: AccountId,
        email: Checked<Email>,
        display_name: Checked<String>,
        password_hash: Option<String>,
        code: Option<OneTimeCode>,
    },
    ResetPassword {
        account: AccountId,
        code: OneTimeCode,
    },
    ChangePassword {
        account: AccountId,
        password_hash: String,
        keep: Digest,
    },
    RedeemCode {
        code_hash: Digest,
        email_key: String,
        password_hash: String,
        display_name: Option<String>,
        salt: Salt,
    },
    OpenSession(NewSession),
    EndSessions {
        account: AccountId,
        only: Option<Digest>,
    },
    ActivateTeam {
        team: TeamId,
        name: Checked<Prepared<TeamWords>>,
        salt: Salt,
    },
    AnswerInvitation {
        member: MemberId,
        accept: bool,
        /// Of the code that the inviting team issued; none: nothing like a code was given.
        code_hash: Option<Digest>,
        salt: Salt,
    },
}

impl Command {
    /// Touches accounts, so the host's revision is raised with the team's: two teams never change
    /// one account at once.
    pub fn touches_accounts(&self) -> bool {
        matches!(
            self,
            Command::AddMember { .. }
                | Command::UpdateMember { .. }
                | Command::RemoveMember { .. }
                | Command::CreateAccount { .. }
                | Command::ResetPassword { .. }
                | Command::ChangePassword { .. }
                | Command::RedeemCode { .. }
                | Command::OpenSession(_)
                | Command::EndSessions { .. }
                | Command::ActivateTeam { .. }
                | Command::AnswerInvitation { .. }
        )
    }

    /// Needs what cannot be named beforehand (all tickets of a group, the queue), so it gets a
    /// transaction of its own, in which nothing undecided comes before it.
    pub fn is_alone(&self) -> bool {
        self.touches_accounts()
            || matches!(
                self,
                Command::Next
                    | Command::DeleteGroup { .. }
                    | Command::UndeleteGroup { .. }
                    | Command::EraseGroup { .. }
            )
    }
}
