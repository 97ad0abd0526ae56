//! What the rules of tickets share with each other and with those of groups and members.

use std::sync::Arc;

use super::sight::Sight;
use super::{
    Message, MessageKind, MessageWords, Ticket, TicketChange, TicketEntry, TicketWords, What,
};
use crate::domain::decide::Draft;
use crate::domain::event::{Event, actor_name};
use crate::domain::follow_up::Following;
use crate::domain::former::Former;
use crate::domain::ids::{MemberId, MessageId, Revision, TicketId};
use crate::domain::refusal::Refusal;
use crate::domain::team::Team;
use crate::domain::words::{Entry, NewWords, Prepared};

/// What the change before had is in the log, with its revision.
const OF_EVERY_CHANGE: &[&str] =
    &["version", "customer_version", "changed_at", "changed_by", "changed"];

impl<'w> Draft<'w> {
    /// A ticket the caller sees.
    pub(in crate::domain) fn visible(&self, number: i64) -> Result<&'w TicketEntry, Refusal> {
        let member = self.member()?;
        let viewer = self.team()?.viewer(member.id).ok_or(Refusal::NO_TEAM)?;
        let id = self.world.numbers.get(&number).ok_or(Refusal::NotFound("ticket"))?;
        let ticket = self.world.tickets.get(id).ok_or(Refusal::NotFound("ticket"))?;
        if viewer.sees(&Sight::from(&ticket.image)) {
            Ok(ticket)
        } else {
            Err(Refusal::NotFound("ticket"))
        }
    }

    /// Refuses what is based on another version than the ticket's.
    pub(in crate::domain) fn same_version(
        &self,
        ticket: &Ticket,
        version: Revision,
    ) -> Result<(), Refusal> {
        if version <= 0 {
            return Err(Refusal::invalid(
                "version",
                "give the version at which you saw the ticket",
            ));
        }
        if version == ticket.version {
            return Ok(());
        }
        Err(stale(self.team()?, ticket))
    }

    /// Notes a ticket's change: version, time, who and what. Its words stay as they are.
    pub(in crate::domain) fn change_ticket(
        &mut self,
        old: &TicketEntry,
        ticket: Ticket,
        what: What,
        customer_sees: bool,
    ) -> Ticket {
        let ticket = self.settled(old, ticket);
        let ticket = self.changed_ticket(old, ticket, what, customer_sees);
        self.put_ticket(Some(&old.image), &ticket, Arc::clone(&old.words), None);
        ticket
    }

    /// The same with other words, in the row that it has.
    pub(in crate::domain) fn change_ticket_words(
        &mut self,
        old: &TicketEntry,
        mut ticket: Ticket,
        words: Prepared<TicketWords>,
        what: What,
    ) -> Ticket {
        ticket.words = words.at(old.image.words.id);
        let ticket = self.settled(old, ticket);
        let ticket = self.changed_ticket(old, ticket, what, false);
        self.put_ticket(Some(&old.image), &ticket, words.words, Some(words.row));
        ticket
    }

    fn changed_ticket(
        &self,
        old: &Ticket,
        mut ticket: Ticket,
        what: What,
        customer_sees: bool,
    ) -> Ticket {
        if let Some(group) = old.group.filter(|_| what.is_handling()) {
            ticket.remember_group(group);
        }
        ticket.version = self.revision;
        if customer_sees {
            ticket.customer_version = self.revision;
        }
        ticket.changed_at = self.now;
        ticket.changed_by = self.actor;
        ticket.changed = what;
        ticket
    }

    /// A ticket is new, or not as it was before; with the row of its words if they are new or
    /// others.
    pub(super) fn put_ticket(
        &mut self,
        before: Option<&Ticket>,
        ticket: &Ticket,
        words: Arc<TicketWords>,
        row: Option<NewWords>,
    ) {
        let former = before.map(|before| Former::between(before, ticket, OF_EVERY_CHANGE));
        let image = TicketChange {
            before: before.map(Sight::from),
            former: former.unwrap_or_default(),
            ticket: ticket.clone(),
        };
        self.events.push(Event::Ticket(Box::new(Entry { image, words }), row));
    }

    pub(in crate::domain) fn add_message(
        &mut self,
        ticket: TicketId,
        kind: MessageKind,
        author: Option<MemberId>,
        text: &Prepared<MessageWords>,
    ) -> MessageId {
        let id = MessageId(self.id());
        let words = self.content(text);
        let image = Message { id, ticket, kind, author, at: self.now, words };
        self.events.push(Event::Message(
            Box::new(Entry { image, words: Arc::clone(&text.words) }),
            text.row.clone(),
        ));
        id
    }

    /// Takes an operator's name off the open tickets they have; the tickets keep their group.
    pub(in crate::domain) fn leave_tickets(&mut self, member: MemberId) -> Result<(), Refusal> {
        let theirs =
            self.tickets_where(|ticket| ticket.is_open() && ticket.operator == Some(member));
        if self.all_at_once(theirs.len(), Following::OperatorLeft(member))? {
            for old in theirs {
                self.lose_operator(old);
            }
        }
        Ok(())
    }

    /// The ticket's operator has left.
    pub(in crate::domain) fn lose_operator(&mut self, old: &TicketEntry) {
        let mut ticket = old.image.clone();
        ticket.operator = None;
        self.change_ticket(old, ticket, What::OperatorLeft, true);
    }

    /// Tickets at hand of that kind, by number.
    pub(in crate::domain) fn tickets_where(
        &self,
        wanted: impl Fn(&Ticket) -> bool,
    ) -> Vec<&'w TicketEntry> {
        let mut tickets: Vec<_> =
            self.world.tickets.values().filter(|ticket| wanted(ticket)).collect();
        tickets.sort_by_key(|ticket| ticket.number);
        tickets
    }
}

/// Somebody was faster: who, and what they did.
fn stale(team: &Team, ticket: &Ticket) -> Refusal {
    let by = actor_name(team, ticket.changed_by, ticket.changed_at);
    Refusal::Stale { by, what: ticket.changed.word(), version: ticket.version }
}
