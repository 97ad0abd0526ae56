//! The keys of what lies over the list and the opened ticket: questions, choices, texts.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::queue::editor::Editor;
use crate::queue::event::{Action, Call, Change, Writing};
use crate::queue::layout::editor_columns;
use crate::queue::popup::{Picker, Popup};
use crate::queue::state::State;
use crate::queue::words;

impl State {
    pub(super) fn popup_key(&mut self, key: KeyEvent) -> Vec<Action> {
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
