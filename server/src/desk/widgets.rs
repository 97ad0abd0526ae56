//! Who calls from a customer's computer: a copy of a profile, perhaps with the secret of a ticket.

use std::sync::Arc;

use super::streams::PATIENCE;
use super::{Desk, Failure};
use crate::domain::{Digest, Origin, ProfileId, ProfileState, Refusal, Team, TeamId, Ticket};
use crate::secrets::ProfileCredential;
use crate::store::Name;

/// A genuine copy of a profile, as it stands now.
#[derive(Clone, Debug)]
pub struct Widget {
    /// The team, as it was at the beginning of the call.
    pub team: Arc<Team>,
    /// The profile.
    pub profile: ProfileId,
}

impl Widget {
    /// Refuses copies of a revoked profile.
    pub fn valid(&self) -> Result<(), Failure> {
        let revoked = self
            .team
            .profiles
            .get(&self.profile)
            .is_some_and(|found| found.state == ProfileState::Revoked);
        if revoked { Err(Refusal::REVOKED.into()) } else { Ok(()) }
    }
}

/// A copy with the secret of one ticket.
#[derive(Clone, Debug)]
pub struct CustomerTicket {
    /// The copy.
    pub widget: Widget,
    /// The hash of the secret.
    pub secret: Digest,
}

impl Desk {
    /// The copy that a credential belongs to. What state the profile is in is another question.
    pub async fn widget(&self, credential: &str) -> Result<Widget, Failure> {
        let unknown = || Failure::Refused(Refusal::PROFILE_UNKNOWN);
        let genuine = ProfileCredential::verify(&self.secrets.credential_key, credential)
            .ok_or_else(unknown)?;
        let profile = ProfileId(genuine.profile);
        let recent = self.store.recent_team(TeamId(genuine.team)).await?;
        let team = if let Some(team) = recent.filter(|team| team.profiles.contains_key(&profile)) {
            team
        } else {
            // It may have been made on another server a moment ago.
            let read = async { Ok(self.store.team(TeamId(genuine.team)).await?) };
            self.read_for_customer(PATIENCE, read).await?.ok_or_else(unknown)?
        };
        if team.profiles.contains_key(&profile) {
            Ok(Widget { team, profile })
        } else {
            Err(unknown())
        }
    }

    /// The customer's ticket, still without its words: see [`Desk::with_words`].
    pub(super) async fn mine(
        &self,
        caller: &CustomerTicket,
    ) -> Result<(Arc<Team>, Ticket), Failure> {
        let hidden = || Failure::Refused(Refusal::NotFound("ticket"));
        let team = self.team(caller.widget.team.id).await?;
        let profile = team
            .profiles
            .get(&caller.widget.profile)
            .ok_or(Failure::Refused(Refusal::PROFILE_UNKNOWN))?;
        if profile.state == ProfileState::Revoked {
            return Err(Refusal::REVOKED.into());
        }
        let ticket =
            self.store.ticket(team.id, Name::Secret(caller.secret)).await?.ok_or_else(hidden)?;
        let erased_soon =
            !ticket.is_open() && ticket.group.is_some_and(|group| team.live_group(group).is_none());
        if ticket.origin != Origin::Profile(caller.widget.profile) || erased_soon {
            return Err(hidden());
        }
        Ok((team, ticket))
    }
}
