//! The queue and its history, for operators and admins.

use std::sync::Arc;

use deskbell_proto::fold;

use super::{ANSWER, Desk, Failure, Staff, salt};
use crate::domain::{
    Checked, Digest, Entry, Event, Former, GroupId, MemberId, MessageEntry, MessageWords, Millis,
    Prepared, Priority, Refusal, Reply, Sight, State, Team, TeamId, Ticket, TicketChange,
    TicketCommand, TicketEntry, Viewer, What, actor_name, text,
};
use crate::store::{After, Name, Outcome, Stored};

/// Code points that a message may have.
const MESSAGE: usize = 10_000;

/// Tickets that one call looks at to fill its page; a page may be short, and the next one goes on.
const LOOKED_AT: usize = 5_000;

/// Tickets that are looked at together when the first ones did not fill a page, at least.
const MORE: usize = 256;

/// Events that a ticket's history has: the newest.
const EVENTS: i64 = 1_000;

/// Which tickets to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Ended ones rather than open ones.
    pub history: bool,
    /// Only these states; empty: all.
    pub states: Vec<State>,
    /// Only of this group.
    pub group: Option<GroupId>,
    /// Only of this operator.
    pub operator: Option<MemberId>,
    /// Only of at least this priority.
    pub min_priority: Option<Priority>,
    /// Only with this text, literally, without regard to case and accents, in requester, title or
    /// description.
    pub contains: String,
    /// Only with all of these tags.
    pub tags: Vec<String>,
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Page {
    /// The tickets.
    pub tickets: Vec<TicketEntry>,
    /// Where the next page begins; none: this was the last.
    pub next: Option<After>,
}

/// Something that happened to a ticket.
#[derive(Clone, Debug)]
pub struct TicketEvent {
    /// The version the ticket had afterwards.
    pub version: i64,
    /// When.
    pub at: Millis,
    /// What.
    pub what: What,
    /// Who, for people.
    pub actor: String,
    /// Details, by stable words.
    pub details: Vec<(&'static str, String)>,
}

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
    /// Tickets that the caller sees: so many, and as many as fit into an answer.
    pub async fn tickets(
        &self,
        staff: &Staff,
        filter: &Filter,
        after: Option<After>,
        (page_size, bytes_of): (usize, &(dyn Fn(&TicketEntry) -> usize + Sync)),
    ) -> Result<Page, Failure> {
        staff.operator()?;
        let wanted = fold::search(&filter.contains);
        let mut tickets = Vec::new();
        let mut after = after;
        let (mut looked_at, mut bytes) = (0, 0);
        // Most often all that is looked at is on the page.
        let mut batch = page_size.min(MORE);
        loop {
            let limit = i64::try_from(batch).unwrap_or(i64::MAX);
            let found = match &staff.viewer {
                // Of a long history most may be out of their sight: only what may be in it is
                // looked at.
                Viewer { admin: false, member, groups, .. } if filter.history => {
                    self.store
                        .history_of(staff.team.id, *member, groups.iter().copied(), after, limit)
                        .await?
                }
                _ => self.store.tickets(staff.team.id, filter.history, after, limit).await?,
            };
            let last = found.len() < batch;
            for ticket in found {
                looked_at += 1;
                let here = Some(place(&ticket));
                if staff.viewer.sees(&Sight::from(&ticket.image)) && filter.takes(&ticket, &wanted)
                {
                    bytes += bytes_of(&ticket);
                    if bytes > ANSWER && !tickets.is_empty() {
                        return Ok(Page { tickets, next: after });
                    }
                    tickets.push(ticket);
                }
                after = here;
                if tickets.len() == page_size || looked_at == LOOKED_AT {
                    return Ok(Page { tickets, next: after });
                }
            }
            if last {
                return Ok(Page { tickets, next: None });
            }
            batch = MORE;
        }
    }

    /// A ticket that the caller sees, by number.
    pub async fn ticket(&self, staff: &Staff, number: i64) -> Result<TicketEntry, Failure> {
        staff.operator()?;
        let found = self.store.ticket(staff.team.id, Name::Number(number)).await?;
        let seen = found.filter(|ticket| staff.viewer.sees(&Sight::from(ticket)));
        self.with_words(staff.team.id, seen.ok_or(Failure::Refused(Refusal::NotFound))?).await
    }

    /// What is written on a ticket.
    pub async fn messages(
        &self,
        staff: &Staff,
        ticket: &Ticket,
    ) -> Result<Vec<MessageEntry>, Failure> {
        Ok(self.store.messages(staff.team.id, ticket.id).await?)
    }

    /// What happened to a ticket, oldest first.
    pub async fn ticket_events(
        &self,
        staff: &Staff,
        number: i64,
    ) -> Result<Vec<TicketEvent>, Failure> {
        let ticket = self.ticket(staff, number).await?;
        let mut events = Vec::new();
        for change in self.store.ticket_log(staff.team.id, ticket.id, EVENTS).await? {
            let by = change.record.by;
            for event in change.record.events {
                if let Stored::Ticket(changed) = event
                    && changed.ticket.id == ticket.id
                {
                    let TicketChange { former, ticket: after, .. } = changed.into_owned();
                    events.push(TicketEvent {
                        version: after.version,
                        at: change.at,
                        what: after.changed,
                        actor: actor_name(&staff.team, by, change.at),
                        details: details(&staff.team, &former, &after),
                    });
                }
            }
        }
        Ok(events)
    }

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
            Err(Failure::Refused(Refusal::NotFound)) => Err(self.lost_race(staff, seen_at).await?),
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
        let hidden = Failure::Refused(Refusal::NotFound);
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
            Ok(_) | Err(Failure::Refused(_)) => Err(Refusal::NotFound),
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

    /// Adds the words to a ticket.
    async fn with_words(&self, team: TeamId, ticket: Ticket) -> Result<TicketEntry, Failure> {
        let words = self.store.ticket_words(team, [ticket.words.id].into()).await?;
        let words = words.get(&ticket.words.id).cloned().unwrap_or_default();
        Ok(Entry { image: ticket, words })
    }
}

/// Where a ticket stands in its list.
fn place(ticket: &Ticket) -> After {
    match ticket.ended_at {
        Some(at) => After { priority: 0, at, ticket: ticket.id.0 },
        None => {
            After { priority: ticket.priority as i64, at: ticket.submitted_at, ticket: ticket.id.0 }
        }
    }
}

impl Filter {
    fn takes(&self, ticket: &TicketEntry, wanted: &str) -> bool {
        let words = &ticket.words;
        (self.states.is_empty() || self.states.contains(&ticket.state))
            && self.group.is_none_or(|group| ticket.group == Some(group))
            && self.operator.is_none_or(|operator| ticket.operator == Some(operator))
            && self.min_priority.is_none_or(|least| ticket.priority >= least)
            && words.has_tags(&self.tags)
            && (wanted.is_empty()
                || [&words.requester, &words.title, &words.description]
                    .into_iter()
                    .any(|text| fold::search(text).contains(wanted)))
    }
}

/// What changed, with what was there before.
fn details(team: &Team, former: &Former, after: &Ticket) -> Vec<(&'static str, String)> {
    let mut details = Vec::new();
    let (at, new) = (after.changed_at, after.changed == What::Submitted);
    let group_name =
        |group: Option<GroupId>| group.map_or("", |group| team.group_name(group, at)).to_owned();
    let operator_name = |operator: Option<MemberId>| {
        operator.map_or("", |operator| team.member_name(operator, at)).to_owned()
    };
    if let What::Priority(from) = after.changed {
        details.push(("from", from.word().to_owned()));
        details.push(("to", after.priority.word().to_owned()));
    }
    let former_operator = former.get::<Option<MemberId>>("operator");
    if former_operator.is_some() || (new && after.operator.is_some()) {
        details.push(("operator", operator_name(after.operator)));
    }
    if let Some(Some(operator)) = former_operator {
        details.push(("former_operator", operator_name(Some(operator))));
    }
    let former_group = former.get::<Option<GroupId>>("group");
    if former_group.is_some() || (new && after.group.is_some()) {
        details.push(("group", group_name(after.group)));
    }
    if let Some(Some(group)) = former_group {
        details.push(("former_group", group_name(Some(group))));
    }
    details
}
