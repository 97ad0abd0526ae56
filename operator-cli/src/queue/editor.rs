//! A small editor for several lines: what an operator writes to a customer or to colleagues.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use unicode_segmentation::UnicodeSegmentation as _;

use super::text::{width, wrap};
use crate::inert;

/// The most the contract takes in one message, in code points.
pub const LONGEST: usize = 10_000;

/// A text and the place in it where typing goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Editor {
    text: String,
    /// Where typing goes, in bytes, always between two visible characters.
    at: usize,
}

impl Editor {
    /// Goes on with a draft, at its end.
    pub fn new(draft: String) -> Self {
        Self { at: draft.len(), text: draft }
    }

    /// What was written so far.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Does what a key says in a field that shows lines of so many columns. True when the key meant
    /// something here.
    pub fn key(&mut self, key: KeyEvent, columns: usize) -> bool {
        let word = key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        match key.code {
            KeyCode::Char(character) if !word => {
                self.insert(character.encode_utf8(&mut [0; 4]));
            }
            KeyCode::Char('u') if word => {
                let begin = self.text[..self.at].rfind('\n').map_or(0, |newline| newline + 1);
                self.text.replace_range(begin..self.at, "");
                self.at = begin;
            }
            KeyCode::Char('w') if word => {
                let kept = self.text[..self.at]
                    .trim_end()
                    .rfind(char::is_whitespace)
                    .map_or(0, |space| space + 1);
                self.text.replace_range(kept..self.at, "");
                self.at = kept;
            }
            KeyCode::Enter if !word => {
                self.insert("\n");
            }
            KeyCode::Tab => {
                self.insert("    ");
            }
            KeyCode::Backspace => {
                let before = self.before();
                self.text.replace_range(before..self.at, "");
                self.at = before;
            }
            KeyCode::Delete => {
                let after = self.after();
                self.text.replace_range(self.at..after, "");
            }
            KeyCode::Left => self.at = self.before(),
            KeyCode::Right => self.at = self.after(),
            KeyCode::Up => self.step(columns, -1),
            KeyCode::Down => self.step(columns, 1),
            KeyCode::Home => self.at = self.line(columns).0,
            KeyCode::End => self.at = self.line(columns).1,
            _ => return false,
        }
        true
    }

    /// Puts text in, as typed or pasted: line ends become newlines, other control characters and
    /// hidden ones are left out, and so is what goes beyond the limit of a message: so many code
    /// points.
    pub fn insert(&mut self, typed: &str) -> usize {
        let room = LONGEST.saturating_sub(self.text.chars().count());
        let mut clean: String = typed
            .replace("\r\n", "\n")
            .replace('\r', "\n")
            .replace('\t', "    ")
            .chars()
            .filter(|&c| c == '\n' || !(c.is_control() || inert::is_hidden(c)))
            .collect();
        let cut = clean.chars().count().saturating_sub(room);
        if let Some((end, _)) = clean.char_indices().nth(room) {
            clean.truncate(end);
        }
        self.text.insert_str(self.at, &clean);
        self.at += clean.len();
        // A combining character may have joined what comes after it: stay between visible
        // characters.
        while !self.between_characters() {
            self.at += self.text[self.at..].chars().next().map_or(1, char::len_utf8);
        }
        cut
    }

    /// Nothing more fits in.
    pub fn is_full(&self) -> bool {
        self.text.chars().count() >= LONGEST
    }

    /// The line and the column of the place where typing goes, in lines of so many columns.
    pub fn place(&self, columns: usize) -> (usize, usize) {
        let lines = wrap(&self.text, columns);
        let line = lines.iter().rposition(|line| line.start <= self.at).unwrap_or(0);
        let column = lines
            .get(line)
            .map_or(0, |range| width(&self.text[range.start..self.at.min(range.end)]));
        (line, column)
    }

    fn between_characters(&self) -> bool {
        self.at >= self.text.len() || self.text.grapheme_indices(true).any(|(at, _)| at == self.at)
    }

    fn before(&self) -> usize {
        self.text[..self.at].grapheme_indices(true).next_back().map_or(0, |(at, _)| at)
    }

    fn after(&self) -> usize {
        self.at + self.text[self.at..].graphemes(true).next().map_or(0, str::len)
    }

    /// Where the line that is typed in begins and ends.
    fn line(&self, columns: usize) -> (usize, usize) {
        let lines = wrap(&self.text, columns);
        let (line, _) = self.place(columns);
        lines.get(line).map_or((0, self.text.len()), |range| (range.start, range.end))
    }

    /// Up or down, staying in the same column where the other line is long enough.
    fn step(&mut self, columns: usize, by: isize) {
        let lines = wrap(&self.text, columns);
        let (line, column) = self.place(columns);
        let Some(target) = line.checked_add_signed(by).and_then(|line| lines.get(line)) else {
            return;
        };
        let mut at = target.start;
        for grapheme in self.text[target.clone()].graphemes(true) {
            if width(&self.text[target.start..at]) + width(grapheme) > column {
                break;
            }
            at += grapheme.len();
        }
        self.at = at;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn press(editor: &mut Editor, code: KeyCode) {
        editor.key(KeyEvent::new(code, KeyModifiers::NONE), 20);
    }

    #[test]
    fn keys_edit() {
        let mut editor = Editor::new("Hello".into());
        for code in [
            KeyCode::Home,
            KeyCode::Delete,
            KeyCode::Char('h'),
            KeyCode::End,
            KeyCode::Enter,
            KeyCode::Char('é'),
            KeyCode::Backspace,
        ] {
            press(&mut editor, code);
        }
        assert_eq!(editor.text(), "hello\n");
        press(&mut editor, KeyCode::Up);
        press(&mut editor, KeyCode::Right);
        press(&mut editor, KeyCode::Char('_'));
        assert_eq!(editor.text(), "h_ello\n");
        assert_eq!(editor.place(20), (0, 2));
        editor.key(KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL), 20);
        assert_eq!(editor.text(), "ello\n");
    }

    #[test]
    fn pasting_is_cleaned_and_limited() {
        let mut editor = Editor::default();
        editor.insert("a\r\nb\x1b[31m\tc");
        assert_eq!(editor.text(), "a\nb[31m    c");
        assert_eq!(editor.insert(&"x".repeat(LONGEST * 2)), LONGEST + 12);
        assert!(editor.is_full());
        assert_eq!(editor.text().chars().count(), LONGEST);
    }

    proptest! {
        #[test]
        fn no_keys_break_it(keys in proptest::collection::vec(0usize..12, 0..60), typed in "\\PC{0,4}", columns in 1usize..30) {
            let codes = [KeyCode::Left, KeyCode::Right, KeyCode::Up, KeyCode::Down, KeyCode::Home, KeyCode::End, KeyCode::Backspace,
                KeyCode::Delete, KeyCode::Enter, KeyCode::Tab, KeyCode::Char('日')];
            let mut editor = Editor::default();
            for key in keys {
                match codes.get(key) {
                    Some(&code) => { editor.key(KeyEvent::new(code, KeyModifiers::NONE), columns); }
                    None => { editor.insert(&typed); }
                }
                prop_assert!(editor.text.is_char_boundary(editor.at));
                let (line, _) = editor.place(columns);
                prop_assert!(line < wrap(editor.text(), columns).len());
            }
        }
    }
}
