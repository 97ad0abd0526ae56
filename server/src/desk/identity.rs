//! Who an account is, and which teams ask it to join.

use std::sync::Arc;

use super::{Desk, Failure};
use crate::domain::{
    Account, AccountId, Entry, Member, MemberId, MemberState, MemberWords, Team, TeamId,
};

/// Somebody's account and place.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The account.
    pub account: Account,
    /// The team and the member, while the member is active.
    pub membership: Option<(Arc<Team>, Entry<Member, MemberWords>)>,
    /// The name of the team in which the member is disabled.
    pub disabled_in: Option<String>,
    /// Invitations that wait.
    pub invitations: Vec<Invitation>,
}

/// A team that asks an account to join.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// The team.
    pub team: TeamId,
    /// The member to be.
    pub member: MemberId,
    /// The team's name.
    pub team_name: String,
}

impl Desk {
    /// Who an account is.
    pub async fn identity(&self, account: AccountId) -> Result<Identity, Failure> {
        let account = self.store.account(account).await?.ok_or(Failure::SignedOut)?;
        let member = match account.membership {
            Some((team, member)) => self.store.team(team).await?.and_then(|team| {
                let found = team.members.get(&member)?.clone();
                Some((team, found))
            }),
            None => None,
        };
        let (membership, kept_out) = match member {
            Some((team, member)) if member.state == MemberState::Active => {
                (Some((team, member)), None)
            }
            Some((team, _)) => (None, Some(team.settings.words.name.clone())),
            None => (None, None),
        };
        let mut invitations = Vec::new();
        if account.membership.is_none() {
            for (team, member) in self.store.invitations(&account.email_key).await? {
                if let Some(found) = self.store.team(team).await? {
                    invitations.push(Invitation {
                        team,
                        member,
                        team_name: found.settings.words.name.clone(),
                    });
                }
            }
        }
        Ok(Identity { account, membership, disabled_in: kept_out, invitations })
    }
}
