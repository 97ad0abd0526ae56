//! The queue and its history, for operators and admins.

use deskbell_proto::fold;

use super::{ANSWER, Desk, Failure, Staff};
use crate::domain::{
    Entry, GroupId, MemberId, MessageEntry, Millis, Priority, Refusal, Sight, State, TeamId,
    Ticket, TicketEntry, Viewer,
};
use crate::store::{After, Name};

/// Tickets that one call looks at to fill its page; a page may be short, and the next one goes on.
const LOOKED_AT: usize = 5_000;

/// Tickets that are looked at together when the first ones did not fill a page, at least.
const MORE: usize = 256;

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
    /// Only with neither group nor operator.
    pub unassigned: bool,
    /// Only what ended then or later.
    pub ended_since: Option<Millis>,
    /// Only what ended before.
    pub ended_before: Option<Millis>,
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
        let mut after = after.or_else(|| filter.begin());
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
                if filter.ends_before(&ticket) {
                    return Ok(Page { tickets, next: None });
                }
                looked_at += 1;
                let here = Some(cursor_at(&ticket));
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
        self.with_words(staff.team.id, seen.ok_or(Failure::Refused(Refusal::NotFound("ticket")))?)
            .await
    }

    /// What is written on a ticket.
    pub async fn messages(
        &self,
        staff: &Staff,
        ticket: &Ticket,
    ) -> Result<Vec<MessageEntry>, Failure> {
        Ok(self.store.messages(staff.team.id, ticket.id).await?)
    }

    /// Adds the words to a ticket.
    pub(super) async fn with_words(
        &self,
        team: TeamId,
        ticket: Ticket,
    ) -> Result<TicketEntry, Failure> {
        let words = self.store.ticket_words(team, [ticket.words.id].into()).await?;
        let words = words.get(&ticket.words.id).cloned().unwrap_or_default();
        Ok(Entry { image: ticket, words })
    }
}

/// Where a ticket stands in its list.
fn cursor_at(ticket: &Ticket) -> After {
    match ticket.ended_at {
        Some(at) => After { priority: 0, at, ticket: ticket.id.0 },
        None => {
            After { priority: ticket.priority as i64, at: ticket.submitted_at, ticket: ticket.id.0 }
        }
    }
}

impl Filter {
    /// Where history begins, which is listed newest first.
    fn begin(&self) -> Option<After> {
        self.ended_before.map(|at| After { priority: 0, at, ticket: 0 })
    }

    /// Nothing that is wanted comes from this ticket on.
    fn ends_before(&self, ticket: &Ticket) -> bool {
        let since = self.ended_since.unwrap_or(Millis::MIN);
        ticket.ended_at.is_some_and(|ended| ended < since)
    }

    fn takes(&self, ticket: &TicketEntry, wanted: &str) -> bool {
        let words = &ticket.words;
        (self.states.is_empty() || self.states.contains(&ticket.state))
            && self.group.is_none_or(|group| ticket.group == Some(group))
            && (!self.unassigned || (ticket.group.is_none() && ticket.operator.is_none()))
            && self.operator.is_none_or(|operator| ticket.operator == Some(operator))
            && self.min_priority.is_none_or(|least| ticket.priority >= least)
            && words.has_tags(&self.tags)
            && (wanted.is_empty()
                || [&words.requester, &words.title, &words.description]
                    .into_iter()
                    .any(|text| fold::search(text).contains(wanted)))
    }
}
