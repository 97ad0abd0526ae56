//! Makes other people's text harmless to look at: what cannot be seen is made visible, and nothing is obeyed.
//!
//! Profiles and messages come over the wire. Their control characters and bidirectional overrides are shown as what they are,
//! so that nobody can hide or reorder words on a customer's screen. The result is for drawing alone; what is stored stays as
//! it was written.

use std::borrow::Cow;
use std::fmt::Write as _;

/// A text of one line: newlines and tabs become visible too.
pub fn line(text: &str) -> Cow<'_, str> {
    made_visible(text, |_| false)
}

/// A text of several lines: newline and tab stay what they are.
pub fn block(text: &str) -> Cow<'_, str> {
    made_visible(text, |character| matches!(character, '\n' | '\t'))
}

/// Whether nothing can be seen of a text: it is empty, or white space and characters without a width alone.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|character| character.is_whitespace() || character.is_control() || has_no_width(character))
}

fn made_visible(text: &str, stays: impl Fn(char) -> bool) -> Cow<'_, str> {
    let harmless = |character: char| stays(character) || !(character.is_control() || steers_direction(character));
    if text.chars().all(harmless) {
        return Cow::Borrowed(text);
    }
    let mut visible = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if harmless(character) {
            visible.push(character);
        } else {
            // Unlike Unicode's pictures of control characters, every font has these letters.
            // Writing into a string cannot fail.
            let _ = write!(visible, "<U+{:04X}>", u32::from(character));
        }
    }
    Cow::Owned(visible)
}

/// Embeddings, overrides and isolates: they reorder what comes after them.
fn steers_direction(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

fn has_no_width(character: char) -> bool {
    steers_direction(character)
        || matches!(
            character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
                | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
                | '\u{e0000}'..='\u{e0fff}'
        )
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
