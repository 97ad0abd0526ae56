//! What staff do to tickets.

use std::sync::Arc;

use super::{Desk, Failure, Staff, salt};
use crate::domain::{
    Checked, Digest, Entry, Event, MessageEntry, MessageWords, Prepared, Refusal, Reply, Sight,
    TeamId, TicketCommand, TicketEntry, actor_name, text,
};
use crate::store::{Name, Outcome, Stored};

/// Code points that a message may have.
const MESSAGE: usize = 10_000;

/// What an act on a ticket left.
#[derive(Clone, Debug, Default)]
pub struct Acted {
    /// The ticket; none: the caller sees it no more.
    pub ticket: Option<TicketEntry>,
    /// What was written.
    pub message: Option<MessageEntry>,
    /// Why this ticket, where the server chose it.
    pub reason: String,
}

/// Checks a message and prepares it.
pub(super) fn message(typed: &str) -> Result<Checked<Prepared<MessageWords>>, Failure> {
    let salt = salt()?;
    Ok(text::prose(typed, MESSAGE)
        .map(|text| Prepared::new(MessageWords { text }, salt))
        .map_err(Refusal::text("text")))
}

impl Desk {
    /// A change to a ticket by a member. A caller who cannot see the ticket any more, but presents
    /// a version at which they could, learns that they lost, and to whom; to everybody else it does
    /// not exist.
    pub async fn change_ticket(
        &self,
        staff: &Staff,
        command: TicketCommand,
        request_id: &str,
        fingerprint: Digest,
    ) -> Result<Acted, Failure> {
        staff.operator()?;
        let memory = self.memory(request_id, fingerprint);
        let seen_at = command.target();
        match self.change(staff.team.id, staff.caller(), Some(memory), command).await {
            Ok(outcome) => self.acted(staff.team.id, outcome).await,
            Err(Failure::Refused(Refusal::NotFound(_))) => {
                Err(self.lost_race(staff, seen_at).await?)
            }
            Err(other) => Err(other),
        }
    }

    /// What an act left. A change has its words with it; those of a repeat are read.
    async fn acted(&self, team: TeamId, outcome: Outcome) -> Result<Acted, Failure> {
        let (ticket, message, reason) = match outcome.reply {
            Reply::Ticket(ticket) => (ticket, None, String::new()),
            Reply::Next(ticket, reason) => (ticket, None, reason),
            Reply::Written(ticket, message) => (ticket, Some(message), String::new()),
            Reply::OutOfSight(_) => return Ok(Acted::default()),
            _ => return Err(Failure::Internal),
        };
        let events = || outcome.change.iter().flat_map(|change| &change.events);
        let changed = events().filter_map(Event::ticket).find(|it| it.ticket.id == ticket.id);
        let words = changed.map(|entry| Arc::clone(&entry.words));
        let written = events().filter_map(Event::message).find(|it| Some(it.id) == message);
        let message = match (message, written) {
            (Some(id), None) => self.store.message(team, ticket.id, id).await?,
            (_, written) => written.cloned(),
        };
        let ticket = match words {
            Some(words) => Entry { image: *ticket, words },
            None => self.with_words(team, *ticket).await?,
        };
        Ok(Acted { ticket: Some(ticket), message, reason })
    }

    async fn lost_race(
        &self,
        staff: &Staff,
        seen_at: Option<(i64, Option<i64>)>,
    ) -> Result<Failure, Failure> {
        let hidden = Failure::Refused(Refusal::NotFound("ticket"));
        let Some((number, Some(version @ 1..))) = seen_at else { return Ok(hidden) };
        // Both are read whatever comes of the first, so that absent takes no less time than hidden.
        let now = self.store.ticket(staff.team.id, Name::Number(number)).await?;
        let changes = self.store.log_after(staff.team.id, version - 1, 1).await?;
        let Some(now) = now else { return Ok(hidden) };
        let events = changes
            .iter()
            .filter(|change| change.revision == version)
            .flat_map(|change| &change.record.events);
        let saw = events.into_iter().any(|event| match event {
            Stored::Ticket(changed) => {
                changed.ticket.id == now.id && staff.viewer.sees(&Sight::from(&changed.ticket))
            }
            _ => false,
        });
        if !saw {
            return Ok(hidden);
        }
        Ok(Failure::Refused(Refusal::Stale {
            by: actor_name(&staff.team, now.changed_by, now.changed_at),
            what: now.changed.word(),
            version: now.version,
        }))
    }

    /// Sets a ticket's tags.
    pub async fn set_tags(
        &self,
        staff: &Staff,
        (number, version): (i64, i64),
        typed: &[String],
        request_id: &str,
        fingerprint: Digest,
    ) -> Result<Acted, Failure> {
        let salt = salt()?;
        // The words are those of that version, or else the rules refuse the version.
        let words = match self.ticket(staff, number).await {
            Ok(ticket) if ticket.version == version => {
                let words = ticket.words.with_tags(typed);
                words.map(|words| words.map(|words| Prepared::new(words, salt)))
            }
            Ok(_) | Err(Failure::Refused(_)) => Err(Refusal::NotFound("ticket")),
            Err(other) => return Err(other),
        };
        let command = TicketCommand::SetTags { number, version, words };
        self.change_ticket(staff, command, request_id, fingerprint).await
    }

    /// Writes on a ticket: to its customer, or for colleagues only.
    pub async fn write(
        &self,
        staff: &Staff,
        (number, version): (i64, i64),
        to_customer: bool,
        typed: &str,
        request_id: &str,
        fingerprint: Digest,
    ) -> Result<Acted, Failure> {
        let text = message(typed)?;
        let now = self.ticket(staff, number).await;
        // Who does not see it is told so below.
        if let Ok(ticket) = now {
            self.has_room_for_staff(staff, &ticket, request_id).await?;
        }
        let version = (version != 0).then_some(version);
        let command = if to_customer {
            TicketCommand::Reply { number, version, text }
        } else {
            TicketCommand::Note { number, version, text }
        };
        self.change_ticket(staff, command, request_id, fingerprint).await
    }
}
