//! The rows of the list, and the promise that they never jump under the cursor.
//!
//! Once the operator has chosen a row, news move nothing: a new ticket's row is put at the end, a
//! changed one stays where it is, and one that is gone leaves its line behind with a word on what
//! became of it. The next key that moves the choice (or Enter, a filter, a sort) puts everything in
//! order; the cursor stays on its ticket for ever. Until a first row was chosen, the choice follows
//! the top of the list and the list is always in order, so that a terminal nobody touches shows
//! the most pressing tickets.

use std::collections::{BTreeMap, BTreeSet};

use deskbell_proto::v1::Ticket;

use super::order::{Mine, Order};

/// One line of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The ticket's number.
    pub number: i64,
    /// What became of a ticket that is no longer in the queue.
    pub gone: Option<String>,
}

/// The list: all tickets, and the lines they are shown in.
#[derive(Debug, Default)]
pub struct Rows {
    tickets: BTreeMap<i64, Ticket>,
    lines: Vec<Line>,
    chosen: Option<i64>,
    /// The operator chose; otherwise the choice follows the top.
    pinned: bool,
    /// The first line on the screen.
    offset: usize,
    /// How many lines the screen has for the list.
    height: usize,
    order: Order,
    unseen: BTreeSet<i64>,
}

impl Rows {
    /// All tickets in the queue, shown or not.
    pub fn tickets(&self) -> &BTreeMap<i64, Ticket> {
        &self.tickets
    }

    /// What is shown, and how it is sorted.
    pub fn order(&self) -> &Order {
        &self.order
    }

    /// Changes what is shown or how it is sorted, and puts the list in order.
    pub fn reorder(&mut self, change: impl FnOnce(&mut Order)) {
        change(&mut self.order);
        self.settle();
    }

    /// Says who "me" is. Moves nothing: what is shown follows with the next key.
    pub fn set_mine(&mut self, mine: Mine) {
        self.order.mine = mine;
        self.follow_top();
    }

    /// Tickets that are new to the operator and not yet looked at.
    pub fn unseen(&self) -> &BTreeSet<i64> {
        &self.unseen
    }

    /// The chosen line.
    pub fn chosen(&self) -> Option<&Line> {
        self.position().and_then(|at| self.lines.get(at))
    }

    /// The operator has chosen a row.
    pub fn is_pinned(&self) -> bool {
        self.pinned
    }

    /// The lines on the screen, and where among them the chosen one is.
    pub fn window(&self) -> (&[Line], Option<usize>) {
        let end = (self.offset + self.height).min(self.lines.len());
        let chosen = self
            .position()
            .and_then(|at| at.checked_sub(self.offset))
            .filter(|&row| row < self.height);
        (self.lines.get(self.offset..end).unwrap_or_default(), chosen)
    }

    /// How many lines are above and below the screen.
    pub fn beyond(&self) -> (usize, usize) {
        (self.offset, self.lines.len().saturating_sub(self.offset + self.height))
    }

    /// The screen has so many lines for the list now.
    pub fn resize(&mut self, height: usize) {
        self.height = height.max(1);
        self.scroll_to_chosen();
    }

    /// All tickets anew. Says which were not known before.
    pub fn replace(&mut self, tickets: Vec<Ticket>) -> Vec<i64> {
        let before = std::mem::take(&mut self.tickets);
        self.tickets = tickets.into_iter().map(|ticket| (ticket.number, ticket)).collect();
        self.unseen.retain(|number| self.tickets.contains_key(number));
        let mut listed = BTreeSet::new();
        for line in &mut self.lines {
            listed.insert(line.number);
            if self.tickets.contains_key(&line.number) {
                line.gone = None;
            } else {
                line.gone.get_or_insert_with(|| "left the queue".to_owned());
            }
        }
        let arrived = self
            .tickets
            .values()
            .filter(|ticket| !listed.contains(&ticket.number) && self.order.shows(ticket));
        self.lines.extend(arrived.map(|ticket| Line { number: ticket.number, gone: None }));
        self.follow_top();
        self.tickets.keys().filter(|number| !before.contains_key(number)).copied().collect()
    }

    /// A change, whole: tickets that are new or changed, and those that are no longer in the queue
    /// or no longer for the operator to see, with a word on what became of them. A version older
    /// than the known one is ignored.
    pub fn take_in(&mut self, changed: Vec<Ticket>, gone: Vec<(i64, String)>) {
        for ticket in changed {
            self.put(ticket);
        }
        for (number, what_became) in gone {
            self.lose(number, what_became);
        }
        self.follow_top();
    }

    fn put(&mut self, ticket: Ticket) {
        let number = ticket.number;
        if self.tickets.get(&number).is_some_and(|known| known.version > ticket.version) {
            return;
        }
        let shown = self.order.shows(&ticket);
        self.tickets.insert(number, ticket);
        match self.lines.iter_mut().find(|line| line.number == number) {
            Some(line) => line.gone = None,
            None if shown => self.lines.push(Line { number, gone: None }),
            None => {}
        }
    }

    fn lose(&mut self, number: i64, what_became: String) {
        self.tickets.remove(&number);
        self.unseen.remove(&number);
        if let Some(line) = self.lines.iter_mut().find(|line| line.number == number) {
            line.gone = Some(what_became);
        }
    }

    /// Marks a ticket as new to the operator.
    pub fn mark_unseen(&mut self, number: i64) {
        if self.tickets.contains_key(&number) {
            self.unseen.insert(number);
        }
    }

    /// The operator is looking: what is on the screen has been seen.
    pub fn look(&mut self) {
        let (window, _) = self.window();
        let seen: Vec<i64> = window.iter().map(|line| line.number).collect();
        self.unseen.retain(|number| !seen.contains(number));
    }

    /// Holds the chosen row from now on.
    pub fn pin(&mut self) {
        self.pinned = self.chosen.is_some();
    }

    /// Chooses a ticket, if the list shows it.
    pub fn choose(&mut self, number: i64) {
        if self.lines.iter().any(|line| line.number == number) {
            self.chosen = Some(number);
            self.pinned = true;
            self.settle();
        }
    }

    /// Moves the choice by so many rows, stopping at the ends, and puts the list in order.
    pub fn step(&mut self, by: isize) {
        if let Some(at) = self.position() {
            let last = self.lines.len().saturating_sub(1);
            let target = at.saturating_add_signed(by).min(last);
            // Lines of tickets that are gone vanish with this step: walk over them, or stay when
            // there is nothing else.
            let there =
                if by < 0 { self.alive((0..=target).rev()) } else { self.alive(target..=last) };
            let back =
                || if by < 0 { self.alive(target..=at) } else { self.alive((at..=target).rev()) };
            self.chosen = there.or_else(back).or(self.chosen);
            self.pinned = true;
        }
        self.settle();
    }

    /// Moves the choice by a screen.
    pub fn page(&mut self, down: bool) {
        let page = isize::try_from(self.height.saturating_sub(1).max(1)).unwrap_or(1);
        self.step(if down { page } else { -page });
    }

    /// Puts the list in order and drops the lines of tickets that are gone. The chosen row stays on
    /// its line of the screen where the ends of the list allow it.
    pub fn settle(&mut self) {
        let at = self.position().unwrap_or(0);
        let row = at.saturating_sub(self.offset);
        let mut shown: Vec<&Ticket> =
            self.tickets.values().filter(|ticket| self.order.shows(ticket)).collect();
        shown.sort_by(|a, b| self.order.compare(a, b));
        self.lines =
            shown.into_iter().map(|ticket| Line { number: ticket.number, gone: None }).collect();
        if !self.pinned {
            self.chosen = self.lines.first().map(|line| line.number);
            self.offset = 0;
            return;
        }
        let last = self.lines.len().saturating_sub(1);
        let now_at = self.position().unwrap_or_else(|| at.min(last));
        self.chosen = self.lines.get(now_at).map(|line| line.number);
        self.pinned = self.chosen.is_some();
        self.offset = now_at.saturating_sub(row);
        self.scroll_to_chosen();
    }

    fn follow_top(&mut self) {
        if !self.pinned {
            self.settle();
        }
    }

    fn position(&self) -> Option<usize> {
        let chosen = self.chosen?;
        self.lines.iter().position(|line| line.number == chosen)
    }

    fn alive(&self, mut among: impl Iterator<Item = usize>) -> Option<i64> {
        among
            .find_map(|at| self.lines.get(at).filter(|line| line.gone.is_none()))
            .map(|line| line.number)
    }

    fn scroll_to_chosen(&mut self) {
        let at = self.position().unwrap_or(0);
        self.offset = self.offset.min(at).max((at + 1).saturating_sub(self.height));
        self.offset = self.offset.min(self.lines.len().saturating_sub(self.height));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::queue::tests::ticket;

    fn numbers(rows: &Rows) -> Vec<i64> {
        rows.window().0.iter().map(|line| line.number).collect()
    }

    fn three() -> Rows {
        let mut rows = Rows::default();
        rows.resize(10);
        rows.replace(vec![ticket(1, 2, 30, ""), ticket(2, 2, 20, ""), ticket(3, 2, 10, "")]);
        rows
    }

    #[test]
    fn without_a_choice_the_top_is_followed() {
        let mut rows = three();
        assert_eq!(rows.chosen().map(|line| line.number), Some(1));
        rows.take_in(vec![ticket(4, 4, 0, "")], vec![]);
        assert_eq!(numbers(&rows), [4, 1, 2, 3]);
        assert_eq!(rows.chosen().map(|line| line.number), Some(4));
    }

    #[test]
    fn with_a_choice_the_order_waits_for_a_key() {
        let mut rows = three();
        rows.step(1);
        rows.take_in(vec![ticket(4, 4, 0, "")], vec![]);
        rows.take_in(vec![], vec![(1, "closed by Ana".into())]);
        assert_eq!(numbers(&rows), [1, 2, 3, 4]);
        assert_eq!(rows.window().0[0].gone.as_deref(), Some("closed by Ana"));
        assert_eq!(rows.window().1, Some(1));
        rows.step(1);
        assert_eq!(numbers(&rows), [4, 2, 3]);
        assert_eq!(rows.chosen().map(|line| line.number), Some(3));
    }

    #[test]
    fn a_choice_that_is_gone_moves_on_with_the_next_key() {
        let mut rows = three();
        rows.step(1);
        rows.take_in(vec![], vec![(2, "expired".into())]);
        assert_eq!(rows.chosen().and_then(|line| line.gone.as_deref()), Some("expired"));
        rows.step(0);
        assert_eq!(rows.chosen().map(|line| line.number), Some(3));
        rows.take_in(vec![], vec![(1, String::new())]);
        rows.take_in(vec![], vec![(3, String::new())]);
        rows.step(1);
        assert_eq!(rows.chosen(), None);
        rows.take_in(vec![ticket(9, 2, 0, "")], vec![]);
        assert_eq!(rows.chosen().map(|line| line.number), Some(9));
    }

    proptest! {
        #[test]
        fn news_never_move_the_choice(
            count in 1i64..40, height in 1usize..12, steps in 0isize..40,
            news in proptest::collection::vec((0u8..4, 1i64..60, 1i32..5, 0i64..100), 0..40),
        ) {
            let mut rows = Rows::default();
            rows.resize(height);
            rows.replace((1..=count).map(|number| ticket(number, 2, number, "")).collect());
            rows.step(steps);
            let before = (rows.chosen().map(|line| line.number), rows.window().1);
            prop_assert!(before.1.is_some());
            for (kind, number, priority, minutes) in news {
                match kind {
                    0 => rows.take_in(vec![], vec![(number, "closed".into())]),
                    1 => { rows.replace((number..number + 5).map(|number| ticket(number, priority, minutes, "")).collect()); }
                    _ => rows.take_in(vec![ticket(number, priority, minutes, "")], vec![]),
                }
                prop_assert_eq!(before, (rows.chosen().map(|line| line.number), rows.window().1));
            }
            // The next key puts everything in order and still has a row on the screen.
            rows.step(1);
            prop_assert_eq!(rows.window().1.is_some(), !rows.tickets().is_empty());
            prop_assert!(rows.window().0.iter().all(|line| line.gone.is_none()));
        }
    }
}
