//! What can be asked for: one word a noun, whose commands stand with it.

use super::account::AccountCommand;
use super::decide::Draft;
use super::group::GroupCommand;
use super::member::MemberCommand;
use super::organization::OrganizationCommand;
use super::profile::ProfileCommand;
use super::refusal::Refusal;
use super::request::{Caller, Reply};
use super::team::TeamCommand;
use super::ticket::TicketCommand;
use super::world::Needs;

/// A value that was checked, or why it is refused: the rules tell that only to callers who may ask
/// at all.
pub type Checked<T> = Result<T, Refusal>;

/// A change that somebody wants.
#[derive(Clone, Debug)]
pub enum Command {
    /// To an account, its codes and sessions.
    Account(AccountCommand),
    /// To a group.
    Group(GroupCommand),
    /// To a member.
    Member(MemberCommand),
    /// To an organization.
    Organization(OrganizationCommand),
    /// To a profile.
    Profile(ProfileCommand),
    /// To the team as a whole.
    Team(TeamCommand),
    /// To a ticket.
    Ticket(TicketCommand),
}

/// What a command locks beside its team, and what may share its transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locks {
    /// Only its team. Everything it needs can be named beforehand, so others go along.
    Team,
    /// Only its team, and it goes alone: it needs what cannot be named beforehand (all tickets of a
    /// group, the queue), and nothing undecided may come before it.
    TeamAlone,
    /// The host, too, since it touches accounts: two teams never change one account at once. It
    /// goes alone.
    TeamAndAccounts,
}

/// What becomes of a command in a team whose licence has lapsed: it can read everything, and its
/// staff can change nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenLapsed {
    /// It is done as ever: it is no change by staff.
    Done,
    /// It is refused.
    Refused,
    /// It waits: nothing happens, and the clock asks again.
    Waits,
}

/// What each noun says of its commands. Every command answers each question: there is no default.
pub(super) trait Rules {
    /// What has to be loaded before it can be decided.
    fn needs(&self, caller: Caller) -> Needs;

    /// What it locks.
    fn locks(&self) -> Locks;

    /// What becomes of it while the team's licence has lapsed.
    fn when_lapsed(&self) -> WhenLapsed;

    /// Decides it: adds what happens to the draft, or refuses.
    fn decide(&self, draft: &mut Draft) -> Result<Reply, Refusal>;
}

impl Command {
    fn rules(&self) -> &dyn Rules {
        match self {
            Command::Account(command) => command,
            Command::Group(command) => command,
            Command::Member(command) => command,
            Command::Organization(command) => command,
            Command::Profile(command) => command,
            Command::Team(command) => command,
            Command::Ticket(command) => command,
        }
    }

    /// What has to be loaded to decide it for this caller.
    pub fn needs(&self, caller: Caller) -> Needs {
        self.rules().needs(caller)
    }

    /// What it locks.
    pub fn locks(&self) -> Locks {
        self.rules().locks()
    }

    /// What becomes of it while the team's licence has lapsed.
    pub fn when_lapsed(&self) -> WhenLapsed {
        self.rules().when_lapsed()
    }

    pub(super) fn decide(&self, draft: &mut Draft) -> Result<Reply, Refusal> {
        self.rules().decide(draft)
    }
}

macro_rules! command_of {
    ($($noun:ident: $of:ty;)*) => {
        $(impl From<$of> for Command {
            fn from(command: $of) -> Command {
                Command::$noun(command)
            }
        })*
    };
}

command_of! {
    Account: AccountCommand;
    Group: GroupCommand;
    Member: MemberCommand;
    Organization: OrganizationCommand;
    Profile: ProfileCommand;
    Team: TeamCommand;
    Ticket: TicketCommand;
}
