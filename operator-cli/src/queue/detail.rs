//! An opened ticket.

use deskbell_proto::v1::{Message, Ticket, TicketEvent};

/// One ticket, opened.
#[derive(Debug)]
pub struct Detail {
    /// The ticket's number.
    pub number: i64,
    /// The ticket, once it was fetched or while it is in the queue.
    pub ticket: Option<Ticket>,
    /// What was written, oldest first.
    pub messages: Vec<Message>,
    /// What happened, oldest first.
    pub events: Vec<TicketEvent>,
    /// The first line shown.
    pub scroll: usize,
    /// It changed while it was being fetched: fetch again.
    pub outdated: bool,
}

impl Detail {
    /// Takes what is told of the ticket, unless something newer is known. The queue tells only the
    /// beginning of a long description; what was fetched of it stays, since it never changes.
    pub fn hear(&mut self, told: Ticket) {
        let known = match self.ticket.take() {
            Some(known) if known.version > told.version => {
                self.ticket = Some(known);
                return;
            }
            other => other,
        };
        let whole =
            known.filter(|known| told.description_shortened && !known.description_shortened);
        self.ticket = Some(match whole {
            Some(known) => {
                Ticket { description: known.description, description_shortened: false, ..told }
            }
            None => told,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_that_was_fetched_stays() {
        let queued = |version, priority| Ticket {
            version,
            priority,
            description: "It all beg…".to_owned(),
            description_shortened: true,
            ..Ticket::default()
        };
        let mut detail = Detail {
            number: 1,
            ticket: Some(queued(1, 1)),
            messages: Vec::new(),
            events: Vec::new(),
            scroll: 0,
            outdated: false,
        };
        let whole = "It all began in spring.".to_owned();
        detail.hear(Ticket { version: 1, description: whole.clone(), ..Ticket::default() });
        detail.hear(queued(3, 4));
        detail.hear(queued(2, 2));
        let ticket = detail.ticket.expect("it is known");
        assert_eq!((ticket.version, ticket.priority, ticket.description), (3, 4, whole));
        assert!(!ticket.description_shortened);
    }
}
