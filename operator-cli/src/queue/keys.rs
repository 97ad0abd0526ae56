//! What the keys do: in the list, in an opened ticket, and in what lies over them.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use deskbell_proto::v1::Ticket;
use deskbell_proto::watch::is_open;
use jiff::SignedDuration;

use super::editor::{Editor, LONGEST};
use super::event::{Action, Call, Change, Writing};
use super::layout::{DETAIL_AROUND, editor_columns};
use super::order::Whose;
use super::popup::{Picker, Popup};
use super::state::State;
use super::{page, words};
use crate::inert;

/// The longest filter, in code points.
const LONGEST_FILTER: usize = 200;

/// An act on the row at the top, which nobody chose, waits when another row was there so recently:
/// the finger may have meant that one.
const SURPRISED_FOR: SignedDuration = SignedDuration::from_secs(1);

/// Whether an act needs an open ticket.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    Open,
    Ended,
}

impl State {
    pub(super) fn key(&mut self, key: KeyEvent) -> Vec<Action> {
        if key.kind == KeyEventKind::Release {
            return Vec::new();
        }
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            match key.code {
                KeyCode::Char('c') => return self.interrupt(),
                KeyCode::Char('z') => return vec![Action::Stop],
                _ => {}
            }
        }
        if self.popup.is_some() {
            return self.popup_key(key);
        }
        if key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) {
            return Vec::new();
        }
        let actions =
            if self.detail.is_some() { self.detail_key(key.code) } else { self.list_key(key.code) };
        if self.detail.is_none() {
            self.rows.look();
        }
        actions
    }

    pub(super) fn paste(&mut self, text: &str) {
        match &mut self.popup {
            Some(Popup::Write { editor, .. }) => {
                let cut = editor.insert(text);
                self.tell_cut(cut);
            }
            Some(Popup::Filter { .. }) => {
                let typed: Vec<char> = text.chars().filter(|it| !it.is_control()).collect();
                let kept = typed.len().min(LONGEST_FILTER);
                self.rows.reorder(|order| order.filter.extend(&typed[..kept]));
                if kept < typed.len() {
                    self.tell(
                        true,
                        format!("The filter is cut: it takes {LONGEST_FILTER} characters."),
                    );
                }
            }
            _ => {}
        }
    }

    /// Nothing that was written is left out in silence.
    fn tell_cut(&mut self, cut: usize) {
        if cut > 0 {
            self.tell(true, format!("Too long: {cut} characters are left out; {LONGEST} fit."));
        }
    }

    /// Ctrl-C: leaves, but never loses what is being written.
    fn interrupt(&mut self) -> Vec<Action> {
        match self.popup.take() {
            Some(Popup::Write { number, writing, editor, .. })
                if !editor.text().trim().is_empty() =>
            {
                self.drafts.insert((number, writing), editor.text().to_owned());
                self.tell(false, format!("The draft for #{number} is kept."));
                Vec::new()
            }
            _ => self.leave(),
        }
    }

    /// Leaves, after a question where a draft would be lost.
    fn leave(&mut self) -> Vec<Action> {
        if self.drafts.is_empty() || std::mem::take(&mut self.warned) {
            return vec![Action::Quit];
        }
        self.warned = true;
        let numbers: Vec<String> =
            self.drafts.keys().map(|(number, _)| format!("#{number}")).collect();
        let numbers = numbers.join(", ");
        self.tell(true, format!("Leaving loses your drafts for {numbers}. Once more leaves."));
        Vec::new()
    }

    /// The text as it came back from the operator's editor.
    pub(super) fn edited(&mut self, outcome: Result<String, String>) {
        match (outcome, &mut self.popup) {
            (Ok(text), Some(Popup::Write { editor, .. })) => {
                *editor = Editor::default();
                let cut = editor.insert(&text);
                self.tell_cut(cut);
            }
            (Ok(_), _) => {}
            (Err(problem), _) => self.tell(true, inert::line(&problem)),
        }
    }

    fn list_key(&mut self, code: KeyCode) -> Vec<Action> {
        let warned = std::mem::take(&mut self.warned);
        match code {
            KeyCode::Up | KeyCode::Char('k') => self.rows.step(-1),
            KeyCode::Down | KeyCode::Char('j') => self.rows.step(1),
            KeyCode::PageUp => self.rows.page(false),
            // Nothing can be marked here.
            KeyCode::PageDown | KeyCode::Char(' ') => self.rows.page(true),
            KeyCode::Home | KeyCode::Char('g') => self.rows.step(isize::MIN),
            KeyCode::End | KeyCode::Char('G') => self.rows.step(isize::MAX),
            KeyCode::Esc if !self.rows.order().filter.is_empty() => {
                self.rows.reorder(|order| order.filter.clear());
            }
            KeyCode::Esc => self.rows.reorder(|order| order.whose = Whose::All),
            KeyCode::Enter => {
                let Some(number) = self.rows.chosen().map(|line| line.number) else {
                    return Vec::new();
                };
                self.rows.pin();
                return vec![self.open(number)];
            }
            KeyCode::Char('/') => {
                self.popup = Some(Popup::Filter { before: self.rows.order().filter.clone() });
            }
            KeyCode::Char('s') => {
                self.rows.reorder(|order| {
                    order.sort = order.sort.next();
                    order.reversed = false;
                });
                self.tell(false, format!("Sorted by {}.", self.rows.order().sort.word()));
            }
            KeyCode::Char('S') => {
                self.rows.reorder(|order| order.reversed = !order.reversed);
                let way = if self.rows.order().reversed { ", reversed" } else { "" };
                self.tell(false, format!("Sorted by {}{way}.", self.rows.order().sort.word()));
            }
            KeyCode::Char('m') => self.show_only(Whose::Mine, "Only yours."),
            KeyCode::Char('U') => self.show_only(Whose::Unassigned, "Only unassigned ones."),
            KeyCode::Char('q') => {
                self.warned = warned;
                return self.leave();
            }
            _ => return self.act_key(code),
        }
        Vec::new()
    }

    /// Shows only these, or all again.
    fn show_only(&mut self, whose: Whose, told: &str) {
        let all = self.rows.order().whose == whose;
        self.rows.reorder(|order| order.whose = if all { Whose::All } else { whose });
        self.tell(false, if all { "All that you may see." } else { told });
    }

    /// Opens the ticket that comes so many rows after the opened one.
    fn open_beside(&mut self, rows: isize) -> Vec<Action> {
        let Some(number) = self.detail.as_ref().map(|detail| detail.number) else {
            return Vec::new();
        };
        self.rows.choose(number);
        self.rows.step(rows);
        match self.rows.chosen().map(|line| line.number) {
            Some(beside) if beside != number => vec![self.open(beside)],
            _ => {
                let which = if rows < 0 { "first" } else { "last" };
                self.tell(false, format!("That is the {which} one of the list."));
                Vec::new()
            }
        }
    }

    fn detail_key(&mut self, code: KeyCode) -> Vec<Action> {
        let page =
            isize::try_from(self.size.1.saturating_sub(DETAIL_AROUND).max(2) - 1).unwrap_or(1);
        match code {
            KeyCode::Up | KeyCode::Char('k') => self.scroll_detail(-1),
            KeyCode::Down | KeyCode::Char('j') => self.scroll_detail(1),
            KeyCode::PageUp => self.scroll_detail(-page),
            KeyCode::PageDown | KeyCode::Char(' ') => self.scroll_detail(page),
            KeyCode::Char('J') => return self.open_beside(1),
            KeyCode::Char('K') => return self.open_beside(-1),
            KeyCode::Home | KeyCode::Char('g') => self.scroll_detail(isize::MIN),
            KeyCode::End | KeyCode::Char('G') => self.scroll_detail(isize::MAX),
            KeyCode::Esc | KeyCode::Char('q') | KeyCode::Left | KeyCode::Backspace => {
                self.detail = None;
                self.rows.settle();
            }
            _ => return self.act_key(code),
        }
        Vec::new()
    }

    /// Keys that mean the same in the list and in an opened ticket.
    fn act_key(&mut self, code: KeyCode) -> Vec<Action> {
        match code {
            KeyCode::Char('?') => self.popup = Some(Popup::Help { scroll: 0 }),
            KeyCode::Char('!') => self.popup = Some(Popup::Log { scroll: 0 }),
            KeyCode::Char('t') => return self.take(),
            KeyCode::Char('T') => self.ask_to_take(),
            KeyCode::Char('O') => return self.change(Needs::Ended, Change::Reopen),
            KeyCode::Char('p') => {
                if let Some(ticket) = self.target(Needs::Open) {
                    let picker =
                        Picker::priorities(ticket.number, ticket.version, ticket.priority());
                    self.popup = Some(Popup::Picker(picker));
                }
            }
            KeyCode::Char('a') => {
                if let Some(ticket) = self.target(Needs::Open) {
                    let picker = Picker::assignees(
                        ticket.number,
                        ticket.version,
                        &self.members,
                        &self.groups,
                    );
                    self.popup = Some(Popup::Picker(picker));
                    return vec![self.call(Call::People)];
                }
            }
            KeyCode::Char('r') => self.write(Writing::Reply),
            KeyCode::Char('n') => self.write(Writing::Note),
            KeyCode::Char('c') => {
                if let Some(ticket) = self.target(Needs::Open) {
                    self.popup = Some(Popup::ConfirmClose {
                        number: ticket.number,
                        version: ticket.version,
                    });
                }
            }
            KeyCode::Char('N') if !self.in_flight.values().any(|call| *call == Call::Next) => {
                return vec![self.call(Call::Next)];
            }
            KeyCode::Char('A') => return vec![self.call(Call::SetAvailable(!self.me.available))],
            _ => {}
        }
        Vec::new()
    }

    /// The ticket an act is for: the opened one, else the chosen one. When there is none to act on,
    /// says why.
    fn target(&mut self, needs: Needs) -> Option<Ticket> {
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

    fn change(&mut self, needs: Needs, change: Change) -> Vec<Action> {
        let Some(ticket) = self.target(needs) else { return Vec::new() };
        self.ask_or_change(ticket.number, ticket.version, change)
    }

    /// Asks for a change; asks the operator first when it takes the ticket out of their sight.
    fn ask_or_change(&mut self, number: i64, version: i64, change: Change) -> Vec<Action> {
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
    fn take(&mut self) -> Vec<Action> {
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

    fn ask_to_take(&mut self) {
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

    fn write(&mut self, writing: Writing) {
        if let Some(Ticket { number, version, .. }) = self.target(Needs::Open) {
            let draft = self.drafts.get(&(number, writing)).cloned().unwrap_or_default();
            self.popup =
                Some(Popup::Write { number, version, writing, editor: Editor::new(draft) });
        }
    }

    fn popup_key(&mut self, key: KeyEvent) -> Vec<Action> {
        let Some(popup) = self.popup.take() else { return Vec::new() };
        match popup {
            Popup::Help { scroll } => {
                let last = words::HELP.len().saturating_sub(1);
                self.popup = scrolled(key.code, scroll, last).map(|scroll| Popup::Help { scroll });
                Vec::new()
            }
            Popup::Log { scroll } => {
                let last = self.told.len().saturating_sub(1);
                self.popup = scrolled(key.code, scroll, last).map(|scroll| Popup::Log { scroll });
                Vec::new()
            }
            Popup::Filter { before } => {
                self.filter_key(key, before);
                Vec::new()
            }
            Popup::Picker(picker) => self.picker_key(key, picker),
            Popup::ConfirmClose { number, version } => match key.code {
                KeyCode::Char('y' | 'c') | KeyCode::Enter => {
                    vec![self.call(Call::Change { number, version, change: Change::Close })]
                }
                _ => {
                    self.tell(false, format!("#{number} stays open."));
                    Vec::new()
                }
            },
            Popup::ConfirmTake { number, version, operator, name } => {
                if matches!(key.code, KeyCode::Char('y')) {
                    let change = Change::TakeFrom { operator, name };
                    return vec![self.call(Call::Change { number, version, change })];
                }
                self.tell(false, format!("#{number} stays with {name}."));
                Vec::new()
            }
            Popup::ConfirmHiding { number, version, change } => {
                if matches!(key.code, KeyCode::Char('y')) {
                    return vec![self.call(Call::Change { number, version, change })];
                }
                self.tell(false, format!("#{number} stays where it is."));
                Vec::new()
            }
            Popup::Write { number, version, writing, editor } => {
                self.write_key(key, number, version, writing, editor)
            }
        }
    }

    fn filter_key(&mut self, key: KeyEvent, before: String) {
        match key.code {
            KeyCode::Enter => return,
            KeyCode::Esc => return self.rows.reorder(|order| order.filter = before),
            KeyCode::Backspace => self.rows.reorder(|order| {
                order.filter.pop();
            }),
            KeyCode::Char('u') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                self.rows.reorder(|order| order.filter.clear());
            }
            KeyCode::Char(character)
                if !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) =>
            {
                self.rows.reorder(|order| order.filter.push(character));
            }
            KeyCode::Up => self.rows.step(-1),
            KeyCode::Down => self.rows.step(1),
            _ => {}
        }
        self.popup = Some(Popup::Filter { before });
    }

    fn picker_key(&mut self, key: KeyEvent, mut picker: Picker) -> Vec<Action> {
        match key.code {
            KeyCode::Esc => return Vec::new(),
            KeyCode::Enter => {
                if let Some(choice) = picker.picked() {
                    let change = choice.change.clone();
                    return self.ask_or_change(picker.number, picker.version, change);
                }
            }
            KeyCode::Up | KeyCode::BackTab => picker.step(-1),
            KeyCode::Down | KeyCode::Tab => picker.step(1),
            KeyCode::Backspace => picker.narrow(None),
            KeyCode::Char(character)
                if !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) =>
            {
                picker.narrow(Some(character));
            }
            _ => {}
        }
        self.popup = Some(Popup::Picker(picker));
        Vec::new()
    }

    fn write_key(
        &mut self,
        key: KeyEvent,
        number: i64,
        version: i64,
        writing: Writing,
        mut editor: Editor,
    ) -> Vec<Action> {
        let word = key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        let draft = (number, writing);
        let sends = match key.code {
            KeyCode::Enter => key.modifiers.contains(KeyModifiers::ALT),
            KeyCode::Char('s') => key.modifiers.contains(KeyModifiers::CONTROL),
            _ => false,
        };
        if sends && editor.text().trim().is_empty() {
            self.tell(true, "There is nothing to send yet.");
        } else if sends {
            let text = editor.text().to_owned();
            // Kept until the server has it.
            self.drafts.insert(draft, text.clone());
            let change = Change::Write { writing, text };
            return vec![self.call(Call::Change { number, version, change })];
        } else if key.code == KeyCode::Char('e') && key.modifiers.contains(KeyModifiers::CONTROL) {
            let text = editor.text().to_owned();
            self.popup = Some(Popup::Write { number, version, writing, editor });
            return vec![Action::Edit(text)];
        } else if key.code == KeyCode::Esc && !word {
            if editor.text().trim().is_empty() {
                self.drafts.remove(&draft);
            } else {
                self.drafts.insert(draft, editor.text().to_owned());
                self.tell(false, format!("The draft for #{number} is kept."));
            }
            return Vec::new();
        } else {
            let (before, cut) = (editor.text().len(), editor.is_full());
            editor.key(key, editor_columns(self.size.0));
            // A key that writes, and nothing was written.
            if cut
                && matches!(key.code, KeyCode::Char(_) | KeyCode::Enter | KeyCode::Tab)
                && !word
                && editor.text().len() == before
            {
                self.tell_cut(1);
            }
        }
        self.popup = Some(Popup::Write { number, version, writing, editor });
        Vec::new()
    }

    /// Scrolls the opened ticket by so many lines, stopping at its ends.
    pub(super) fn scroll_detail(&mut self, by: isize) {
        let length = self.detail.as_ref().map_or(0, |detail| page::lines(self, detail).len());
        let page = usize::from(self.size.1.saturating_sub(DETAIL_AROUND));
        if let Some(detail) = &mut self.detail {
            detail.scroll =
                detail.scroll.saturating_add_signed(by).min(length.saturating_sub(page));
        }
    }
}

/// Where a key scrolls a box of lines to; none when it closes the box.
fn scrolled(code: KeyCode, from: usize, last: usize) -> Option<usize> {
    let to = match code {
        KeyCode::Down | KeyCode::Char('j') => from + 1,
        KeyCode::PageDown | KeyCode::Char(' ') => from + 8,
        KeyCode::Up | KeyCode::Char('k') => from.saturating_sub(1),
        KeyCode::PageUp => from.saturating_sub(8),
        KeyCode::Home | KeyCode::Char('g') => 0,
        KeyCode::End | KeyCode::Char('G') => last,
        _ => return None,
    };
    Some(to.min(last))
}
