//! Makes other people's text harmless to look at: what cannot be seen is made visible, and nothing
//! is obeyed.
//!
//! Profiles and messages come over the wire. What is hidden in them is shown as what it is, so that
//! nobody can hide or reorder words on a customer's screen. The result is for drawing alone; what
//! is stored stays as it was written.

use std::borrow::Cow;

pub use deskbell_proto::inert::{is_blank, json};

/// A text of one line: newlines and tabs become visible too.
pub fn line(text: &str) -> Cow<'_, str> {
    deskbell_proto::inert::drawn(text, false)
}

/// A text of several lines: newline and tab stay what they are.
pub fn block(text: &str) -> Cow<'_, str> {
    deskbell_proto::inert::drawn(text, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_and_overrides_are_shown() {
        let table = [
            ("plain", "plain", "plain"),
            ("a\nb\tc", "a<U+000A>b<U+0009>c", "a\nb\tc"),
            ("\x1b[31mred", "<U+001B>[31mred", "<U+001B>[31mred"),
            ("\x1b]8;;x\x07y", "<U+001B>]8;;x<U+0007>y", "<U+001B>]8;;x<U+0007>y"),
            ("\u{202e}fdp.exe", "<U+202E>fdp.exe", "<U+202E>fdp.exe"),
            ("\u{9b}1m\u{7f}", "<U+009B>1m<U+007F>", "<U+009B>1m<U+007F>"),
            ("שלום 日本", "שלום 日本", "שלום 日本"),
        ];
        for (text, as_line, as_block) in table {
            assert_eq!(line(text), as_line);
            assert_eq!(block(text), as_block);
        }
    }

    #[test]
    fn blank_is_what_nobody_can_see() {
        for text in ["", "  \n\t", "\u{200b}\u{feff}", "\u{202e} \u{2060}", "\0"] {
            assert!(is_blank(text), "{text:?}");
        }
        for text in ["a", ".", "\u{200b}x", "日"] {
            assert!(!is_blank(text), "{text:?}");
        }
    }
}
