//! Makes text from elsewhere harmless: what a stranger wrote must not move the cursor, colour the
//! screen, fill the clipboard, hide or turn other text around. It is shown, so that people see that
//! somebody tried.
//!
//! Everything that comes from a server or a file goes through here before it reaches a terminal or
//! a window, without exception.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::Value;

pub use crate::characters::is_hidden;
use crate::characters::{MARKS, is_joiner, is_mark, is_selector, is_unseen};

/// How many characters may be joined to the one before, one after the other. A family of emoji
/// needs three.
const JOINERS: usize = 4;

/// For places that are one line high: newlines and tabs are made visible too.
pub fn line(text: &str) -> Cow<'_, str> {
    inert(text, |_| false, Shown::AsSymbols)
}

/// For places of several lines: newlines and tabs stay, a carriage return before a newline goes.
pub fn block(text: &str) -> Cow<'_, str> {
    match inert(text, |c| matches!(c, '\n' | '\t'), Shown::AsSymbols) {
        Cow::Owned(made) if text.contains("\r\n") => Cow::Owned(made.replace("␍\n", "\n")),
        other => other,
    }
}

/// JSON on one line that is inert even when a terminal shows it: beyond what JSON demands, DEL, C1
/// controls, everything invisible and the marks that are too many for one character are written as
/// `\uXXXX`. Reading it gives the very same text back.
pub fn json(value: &Value) -> String {
    let text = value.to_string();
    let mut made = String::with_capacity(text.len());
    let mut reader = Reader::default();
    for c in text.chars() {
        // Outside of strings JSON is ASCII, so whatever is escaped here is inside of one.
        if reader.fate(c) == Fate::Kept && !is_joiner(c) {
            made.push(c);
            continue;
        }
        let mut units = [0; 2];
        for unit in c.encode_utf16(&mut units) {
            // Writing into a string cannot fail.
            let _ = write!(made, "\\u{unit:04x}");
        }
    }
    made
}

/// For windows, whose fonts lack the symbols of control characters: everything hidden is shown as
/// `<U+001B>`. `lines` keeps newlines and tabs.
pub fn drawn(text: &str, lines: bool) -> Cow<'_, str> {
    inert(text, |c| lines && matches!(c, '\n' | '\t'), Shown::AsCodes)
}

/// Whether nothing can be seen of a text: it is empty, or white space and hidden characters alone.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(is_unseen)
}

fn inert(text: &str, keep: impl Fn(char) -> bool, shown: Shown) -> Cow<'_, str> {
    let mut reader = Reader::default();
    if text.chars().all(|c| reader.fate(c) == Fate::Kept || keep(c)) {
        return Cow::Borrowed(text);
    }
    let mut made = String::with_capacity(text.len() + 16);
    let mut surplus = 0;
    let mut reader = Reader::default();
    for c in text.chars() {
        let fate = reader.fate(c);
        if fate == Fate::Surplus {
            surplus += 1;
            continue;
        }
        shown.count(&mut made, std::mem::take(&mut surplus));
        if fate == Fate::Kept || keep(c) {
            made.push(c);
        } else {
            shown.hidden(&mut made, c);
        }
    }
    shown.count(&mut made, surplus);
    Cow::Owned(made)
}

/// What becomes of a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Kept,
    /// Its name is shown instead.
    Named,
    /// One mark too many: how many there are of them is shown instead.
    Surplus,
}

/// Reads a text character by character.
#[derive(Default)]
struct Reader {
    before: Option<char>,
    /// On the character that is carrying them.
    marks: usize,
    /// Since the last character that was not joined to the one before.
    joiners: usize,
}

impl Reader {
    fn fate(&mut self, c: char) -> Fate {
        let before = self.before.replace(c);
        let fate = if c.is_control() || is_hidden(c) {
            Fate::Named
        } else if is_joiner(c) {
            self.joiner(before)
        } else if is_mark(c) {
            return self.mark(c, before);
        } else {
            self.marks = 0;
            if !before.is_some_and(is_joiner) {
                self.joiners = 0;
            }
            return Fate::Kept;
        };
        if fate == Fate::Named {
            (self.marks, self.joiners) = (0, 0);
        }
        fate
    }

    /// Joiners stay between characters that are not ASCII.
    fn joiner(&mut self, before: Option<char>) -> Fate {
        let joins = |c: char| !c.is_ascii() && !c.is_control() && !is_hidden(c) && !is_joiner(c);
        if self.joiners < JOINERS && before.is_some_and(joins) {
            self.joiners += 1;
            Fate::Kept
        } else {
            Fate::Named
        }
    }

    /// Selectors are marks that nobody sees: they stay where they have something to select, which
    /// in ASCII are keycaps.
    fn mark(&mut self, c: char, before: Option<char>) -> Fate {
        let selects = |c: char| !c.is_ascii() || c.is_ascii_digit() || matches!(c, '#' | '*');
        if is_selector(c) && before.is_some_and(is_selector) {
            Fate::Surplus
        } else if is_selector(c) && !before.is_some_and(selects) {
            Fate::Named
        } else if self.marks < MARKS {
            self.marks += 1;
            Fate::Kept
        } else {
            Fate::Surplus
        }
    }
}

/// How that is shown which does not stay.
#[derive(Clone, Copy)]
enum Shown {
    /// As Unicode's pictures of control characters, else in angle brackets.
    AsSymbols,
    /// In ASCII.
    AsCodes,
}

impl Shown {
    fn hidden(self, made: &mut String, c: char) {
        let code = u32::from(c);
        let symbol = match code {
            0..=0x1f => char::from_u32(0x2400 + code),
            0x7f => Some('␡'),
            _ => None,
        };
        // Writing into a string cannot fail.
        let _ = match (self, symbol) {
            (Self::AsSymbols, Some(symbol)) => write!(made, "{symbol}"),
            (Self::AsSymbols, None) => write!(made, "⟨U+{code:04X}⟩"),
            (Self::AsCodes, _) => write!(made, "<U+{code:04X}>"),
        };
    }

    /// So many marks were too many.
    fn count(self, made: &mut String, surplus: usize) {
        let _ = match (self, surplus) {
            (_, 0) => Ok(()),
            (Self::AsSymbols, _) => write!(made, "⟨+{surplus} marks⟩"),
            (Self::AsCodes, _) => write!(made, "<+{surplus} marks>"),
        };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn ordinary_text_is_untouched() {
        for text in ["", "Hello, Zoë!", "你好", "مرحبا", "👩‍💻 and ❤️", "نمی‌خواهم"]
        {
            assert_eq!(line(text), text);
        }
        assert!(matches!(line("plain"), Cow::Borrowed("plain")));
    }

    #[test]
    fn terminal_sequences_are_shown_not_obeyed() {
        for (hostile, shown) in [
            ("\x1b[2J", "␛[2J"),
            ("\x1b]52;c;cm0=\x07", "␛]52;c;cm0=␇"),
            ("a\u{9b}31m", "a⟨U+009B⟩31m"),
            ("x\x7f\x00", "x␡␀"),
            ("\u{202e}gnp.exe", "⟨U+202E⟩gnp.exe"),
            ("pay\u{200b}pal", "pay⟨U+200B⟩pal"),
            ("a\u{200d}b", "a⟨U+200D⟩b"),
            ("two\nlines\ttab\r", "two␊lines␉tab␍"),
            ("\u{2028}", "⟨U+2028⟩"),
        ] {
            assert_eq!(line(hostile), shown);
        }
    }

    #[test]
    fn blocks_keep_their_lines() {
        assert_eq!(block("one\r\ntwo\n\tthree\r"), "one\ntwo\n\tthree␍");
        assert_eq!(block("\x1b[31m\nred"), "␛[31m\nred");
    }

    #[test]
    fn no_control_character_passes() {
        use icu_properties::CodePointMapData;
        use icu_properties::props::GeneralCategory as Category;
        let acts = |c: char| {
            matches!(
                CodePointMapData::<Category>::new().get(c),
                Category::Control
                    | Category::Format
                    | Category::LineSeparator
                    | Category::ParagraphSeparator
            )
        };
        for c in ('\0'..=char::MAX).filter(|&c| acts(c)) {
            let text = format!("a{c}b");
            let kept = matches!(c, '\n' | '\t');
            assert!(!line(&text).chars().any(acts), "{c:?}");
            assert!(!drawn(&text, false).chars().any(acts), "{c:?}");
            assert!(kept || !block(&text).chars().any(acts), "{c:?}");
            assert!(kept || !drawn(&text, true).chars().any(acts), "{c:?}");
            assert!(!json(&json!(text)).chars().any(acts), "{c:?}");
        }
    }

    #[test]
    fn what_joins_the_character_before_is_bounded() {
        use icu_properties::CodePointMapData;
        use icu_properties::props::GraphemeClusterBreak as Break;
        let joins = |c: char| {
            matches!(
                CodePointMapData::<Break>::new().get(c),
                Break::Extend | Break::SpacingMark | Break::T | Break::V
            )
        };
        for c in ('\0'..=char::MAX).filter(|&c| joins(c) && !is_joiner(c) && !is_hidden(c)) {
            let text = format!("e{}", c.to_string().repeat(100));
            let count = line(&text).chars().count();
            assert!(count <= MARKS + 30, "{c:?}: {count} characters");
            assert!(drawn(&text, true).chars().count() <= MARKS + 30, "{c:?}");
        }
        let smeared = format!("He\u{301}{} comes", "\u{337}".repeat(1000));
        assert_eq!(line(&smeared), "He\u{301}\u{337}\u{337}\u{337}⟨+997 marks⟩ comes");
        assert_eq!(drawn(&smeared, false), "He\u{301}\u{337}\u{337}\u{337}<+997 marks> comes");
        assert!(json(&json!(smeared)).contains("\u{337}\u{337}\u{337}\\u0337\\u0337"));
        // Joined without end, it would be one character as wide as the line.
        let chain = "👩\u{1f3fd}\u{200d}".repeat(100);
        assert!(!line(&chain).contains(&"👩\u{1f3fd}\u{200d}".repeat(JOINERS + 1)));
    }

    #[test]
    fn selectors_stay_where_they_select() {
        for text in ["❤\u{fe0f}", "1\u{fe0f}\u{20e3}", "葛\u{fe00}"] {
            assert_eq!(line(text), text);
        }
        assert_eq!(line("pay\u{fe0f}pal"), "pay⟨U+FE0F⟩pal");
        assert_eq!(line("❤\u{fe0f}\u{fe01}\u{fe02}!"), "❤\u{fe0f}⟨+2 marks⟩!");
    }

    proptest! {
        #[test]
        fn nothing_that_acts_passes(text in "[\\p{Cc}\\p{Zl}\\p{Zp}\\p{Cf}\\p{M}a-c日]{0,20}") {
            let once = line(&text).into_owned();
            prop_assert!(!once.chars().any(|c| c.is_control() || is_hidden(c)), "{once:?}");
            prop_assert_eq!(line(&once), once.as_str());
            prop_assert_eq!(serde_json::from_str::<Value>(&json(&json!(text))).unwrap(), json!(text));
        }
    }

    #[test]
    fn json_reads_back_the_same() {
        let value = json!({"t": "\x1b]8;;\u{9c}\u{202e}\u{7f}\u{e0041}\"\\ 👩‍💻 \
            é", "n": 9_007_199_254_740_993i64});
        let text = json(&value);
        assert!(
            text.contains("\\u202e")
                && text.contains("\\u009c")
                && text.contains("\\u007f")
                && text.contains("\\udb40\\udc41")
        );
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
