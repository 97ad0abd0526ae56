//! What keys do to the chosen or the opened ticket, and whether they may.

use deskbell_proto::v1::Ticket;
use deskbell_proto::watch::is_open;
use jiff::SignedDuration;

use crate::queue::editor::Editor;
use crate::queue::event::{Action, Call, Change, Writing};
use crate::queue::popup::Popup;
use crate::queue::state::State;

/// An act on the row at the top, which nobody chose, waits when another row was there so recently:
/// the finger may have meant that one.
const SURPRISED_FOR: SignedDuration = SignedDuration::from_secs(1);

/// Whether an act needs an open ticket.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    Open,
    Ended,
}

impl State {
    /// The ticket an act is for: the opened one, else the chosen one. When there is none to act on,
    /// says why.
    pub(super) fn target(&mut self, needs: Needs) -> Option<Ticket> {
        let surprised = !self.rows.is_pinned()
            && self.displaced.is_some_and(|at| self.now.duration_since(at) < SURPRISED_FOR);
        let (number, ticket) = if let Some(detail) = &self.detail {
            (detail.number, detail.ticket.clone())
        } else if let Some(line) = self.rows.chosen() {
            (line.number, self.rows.tickets().get(&line.number).cloned())
        } else {
            self.tell(true, "There is no ticket to act on.");
            return None;
        };
        if self.detail.is_none() {
            self.rows.pin();
            if surprised {
                self.tell(
                    true,
                    format!(
                        "#{number} came to the top just now. Press the key again if you mean it."
                    ),
                );
                return None;
            }
        }
        let Some(ticket) = ticket else {
            self.tell(
                true,
                format!("#{number} is no longer in the queue. Enter opens it, if you may see it."),
            );
            return None;
        };
        if is_open(&ticket) != (needs == Needs::Open) {
            let why = if needs == Needs::Open {
                "has ended; O opens it again"
            } else {
                "is open already"
            };
            self.tell(true, format!("#{number} {why}."));
            return None;
        }
        if self.changing(number).is_some() {
            self.tell(true, format!("#{number}: one thing at a time, please wait."));
            return None;
        }
        Some(ticket)
    }

    pub(super) fn change(&mut self, needs: Needs, change: Change) -> Vec<Action> {
        let Some(ticket) = self.target(needs) else { return Vec::new() };
        self.ask_or_change(ticket.number, ticket.version, change)
    }

    /// Asks for a change; asks the operator first when it takes the ticket out of their sight.
    pub(super) fn ask_or_change(
        &mut self,
        number: i64,
        version: i64,
        change: Change,
    ) -> Vec<Action> {
        if self.hides(number, &change) {
            self.popup = Some(Popup::ConfirmHiding { number, version, change });
            return Vec::new();
        }
        vec![self.call(Call::Change { number, version, change })]
    }

    fn hides(&self, number: i64, change: &Change) -> bool {
        let (operator, group) = match change {
            Change::Assign { operator, group } => (operator.as_deref(), group.as_deref()),
            Change::Reopen => (None, None),
            _ => return false,
        };
        let opened = self.detail.as_ref().filter(|detail| detail.number == number);
        let opened = opened.and_then(|detail| detail.ticket.as_ref());
        let ticket = opened.or_else(|| self.rows.tickets().get(&number));
        let known = self.sight.as_ref().zip(ticket);
        known
            .is_some_and(|(sight, ticket)| !sight.sees_after(ticket, operator, group, &self.groups))
    }

    /// Takes what nobody has. What a colleague has is another key, with a question.
    pub(super) fn take(&mut self) -> Vec<Action> {
        let Some(ticket) = self.target(Needs::Open) else { return Vec::new() };
        let Ticket { number, version, .. } = ticket;
        match &ticket.operator {
            Some(has) if has.id != self.rows.order().mine.member => {
                self.tell(
                    true,
                    format!("{} has #{number}; T takes it from them.", has.display_name),
                );
                Vec::new()
            }
            _ => vec![self.call(Call::Change { number, version, change: Change::Take })],
        }
    }

    pub(super) fn ask_to_take(&mut self) {
        let Some(ticket) = self.target(Needs::Open) else { return };
        let Ticket { number, version, .. } = ticket;
        self.popup = match ticket.operator {
            None => return self.tell(true, format!("Nobody has #{number}; t takes it.")),
            Some(has) if has.id == self.rows.order().mine.member => {
                return self.tell(true, format!("#{number} is yours already."));
            }
            Some(has) => {
                let (operator, name) = (has.id, has.display_name);
                Some(Popup::ConfirmTake { number, version, operator, name })
            }
        };
    }

    pub(super) fn write(&mut self, writing: Writing) {
        if let Some(Ticket { number, version, .. }) = self.target(Needs::Open) {
            let draft = self.drafts.get(&(number, writing)).cloned().unwrap_or_default();
            self.popup =
                Some(Popup::Write { number, version, writing, editor: Editor::new(draft) });
        }
    }
}
