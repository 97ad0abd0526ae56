//! What customers do: ring, write, take it back. A call for help is never lost.

use super::Submission;
use super::rules::open;
use super::{Extras, MessageKind, MessageWords, Origin, State, Ticket, TicketEntry, What};
use crate::domain::command::Checked;
use crate::domain::decide::Draft;
use crate::domain::group::Visibility;
use crate::domain::ids::{GroupId, ProfileId, TicketId};
use crate::domain::profile::{Profile, ProfileState};
use crate::domain::refusal::Refusal;
use crate::domain::request::{Caller, Reply};
use crate::domain::words::Prepared;

impl<'w> Draft<'w> {
    pub(super) fn submit(&mut self, submission: &Submission) -> Result<Reply, Refusal> {
        let Caller::Widget(profile) = self.caller else {
            return Err(Refusal::PROFILE_UNKNOWN);
        };
        // A retry after a lost answer comes before everything else, even before the profile's
        // state.
        if let Some(ticket) = self.world.ticket_of(submission.secret_hash) {
            if ticket.body_digest == Some(submission.body_digest) {
                return Ok(Reply::Ticket(Box::new(ticket.image.clone())));
            }
            return Err(Refusal::RequestReused { field: "secret_hash" });
        }
        let team = self.team()?;
        let profile = team.profiles.get(&profile).ok_or(Refusal::PROFILE_UNKNOWN)?;
        can_ring(profile)?;
        let words = submission.words.clone()?;
        let id = TicketId(self.id());
        let number = self.next_number;
        self.next_number += 1;
        let content = self.content(&words);
        let ticket = Ticket {
            id,
            number,
            version: self.revision,
            customer_version: self.revision,
            state: State::New,
            priority: profile.default_priority.unwrap_or(team.settings.default_priority),
            operator: None,
            group: submission.group.filter(|group| self.offers(profile, *group)),
            former_group: None,
            former_operator: None,
            origin: Origin::Profile(profile.id),
            secret_hash: Some(submission.secret_hash),
            body_digest: Some(submission.body_digest),
            submitted_at: self.now,
            changed_at: self.now,
            changed_by: self.actor,
            changed: What::Submitted,
            expires_at: team.settings.expire_after.map(|after| self.now.saturating_add(after)),
            ended_at: None,
            handled_by: Vec::new(),
            handled_in: Vec::new(),
            words: content,
            extras: Extras {
                organization: team.organizations.of_address(&words.words.requester),
                ..Extras::default()
            },
        };
        self.put_ticket(None, &ticket, words.words, Some(words.row));
        Ok(Reply::Ticket(Box::new(ticket)))
    }

    /// A group that is gone, internal or not the profile's does no harm: the ticket arrives
    /// unassigned.
    fn offers(&self, profile: &Profile, group: GroupId) -> bool {
        let public = |id| {
            self.team().ok()?.live_group(id).map(|group| group.visibility == Visibility::Public)
        };
        profile.groups.contains(&group) && public(group) == Some(true)
    }

    /// The customer's own ticket.
    fn mine(&self) -> Result<&'w TicketEntry, Refusal> {
        let Caller::Customer(profile, secret) = self.caller else {
            return Err(Refusal::PROFILE_UNKNOWN);
        };
        let team = self.team()?;
        let found = team.profiles.get(&profile).ok_or(Refusal::PROFILE_UNKNOWN)?;
        if found.state == ProfileState::Revoked {
            return Err(Refusal::REVOKED);
        }
        let ticket = self.world.ticket_of(secret).ok_or(Refusal::NotFound("ticket"))?;
        let came_through = |id: ProfileId| ticket.origin == Origin::Profile(id);
        // History of a deleted group is hidden from everybody, its customers included.
        let hidden =
            !ticket.is_open() && ticket.group.is_some_and(|group| team.live_group(group).is_none());
        if came_through(profile) && !hidden { Ok(ticket) } else { Err(Refusal::NotFound("ticket")) }
    }

    pub(super) fn customer_write(
        &mut self,
        text: &Checked<Prepared<MessageWords>>,
    ) -> Result<Reply, Refusal> {
        let old = self.mine()?;
        let text = text.clone()?;
        let mut ticket = old.image.clone();
        match ticket.state {
            State::Answered => ticket.state = State::InProgress,
            State::Closed | State::Expired if self.has_lapsed() => return Err(Refusal::paused()),
            State::Closed | State::Expired => self.open_again(&mut ticket)?,
            State::New | State::InProgress => {}
        }
        self.lives_anew(&mut ticket)?;
        let message = self.add_message(ticket.id, MessageKind::Customer, None, &text);
        let ticket = self.change_ticket(old, ticket, What::CustomerWrote, true);
        Ok(Reply::Written(Box::new(ticket), message))
    }

    pub(super) fn still_needed(&mut self) -> Result<Reply, Refusal> {
        let old = self.mine()?;
        open(old)?;
        let mut ticket = old.image.clone();
        self.lives_anew(&mut ticket)?;
        if ticket.expires_at != old.expires_at {
            ticket = self.change_ticket(old, ticket, What::StillNeeded, true);
        }
        Ok(Reply::Ticket(Box::new(ticket)))
    }

    pub(super) fn customer_cancel(&mut self) -> Result<Reply, Refusal> {
        let old = self.mine()?;
        let mut ticket = old.image.clone();
        if ticket.is_open() {
            self.end(&mut ticket, State::Closed);
            ticket = self.change_ticket(old, ticket, What::Cancelled, true);
        }
        Ok(Reply::Ticket(Box::new(ticket)))
    }
}

/// Whether customers can ring with this profile, or why not.
pub(in super::super) fn can_ring(profile: &Profile) -> Result<(), Refusal> {
    match profile.state {
        ProfileState::Revoked => Err(Refusal::REVOKED),
        ProfileState::Paused => Err(Refusal::paused()),
        ProfileState::Active if !profile.assistance_enabled => {
            Err(Refusal::precondition("ASSISTANCE_OFF", "ringing for help is switched off here"))
        }
        ProfileState::Active => Ok(()),
    }
}
