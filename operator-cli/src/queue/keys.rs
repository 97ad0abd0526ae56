//! What the keys do in the list and in an opened ticket. [`acts`] has what they do to a ticket,
//! [`popups`] the keys of what lies over both.

mod acts;
mod popups;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::editor::{Editor, LONGEST};
use super::event::{Action, Call, Change, Writing};
use super::layout::DETAIL_AROUND;
use super::order::Whose;
use super::page;
use super::popup::{Picker, Popup};
use super::state::State;
use crate::inert;

use self::acts::Needs;

/// The longest filter, in code points.
const LONGEST_FILTER: usize = 200;

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
    pub(super) fn tell_cut(&mut self, cut: usize) {
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
