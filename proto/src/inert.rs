//! Makes text from elsewhere harmless: what a stranger wrote must not move the cursor, colour the
//! screen, fill the clipboard, hide or turn other text around. It is shown, so that people see that
//! somebody tried.
//!
//! Everything that comes from a server or a file goes through here before it reaches a terminal or
//! a window, without exception.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::Value;

/// For places that are one line high: newlines and tabs are made visible too.
pub fn line(text: &str) -> Cow<'_, str> {
    inert(text, |_| false, as_symbol)
}

/// For places of several lines: newlines and tabs stay, a carriage return before a newline goes.
pub fn block(text: &str) -> Cow<'_, str> {
    match inert(text, |c| matches!(c, '\n' | '\t'), as_symbol) {
        Cow::Owned(made) if text.contains("\r\n") => Cow::Owned(made.replace("␍\n", "\n")),
        other => other,
    }
}

/// JSON on one line that is inert even when a terminal shows it: beyond what JSON demands, DEL, C1
/// controls and everything invisible is written as `\uXXXX`. Reading it gives the very same text
/// back.
pub fn json(value: &Value) -> String {
    let text = value.to_string();
    let mut made = String::with_capacity(text.len());
    for c in text.chars() {
        // Outside of strings JSON is ASCII, so whatever is escaped here is inside of one.
        if c.is_control() || is_hidden(c) || is_joiner(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                // Writing into a string cannot fail.
                let _ = write!(made, "\\u{unit:04x}");
            }
        } else {
            made.push(c);
        }
    }
    made
}

/// For windows, whose fonts lack the symbols of control characters: everything hidden is shown as
/// `<U+001B>`. `lines` keeps newlines and tabs.
pub fn drawn(text: &str, lines: bool) -> Cow<'_, str> {
    inert(text, |c| lines && matches!(c, '\n' | '\t'), as_code)
}

/// Whether nothing can be seen of a text: it is empty, or white space and hidden characters alone.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|c| {
        c.is_whitespace() || c.is_control() || is_hidden(c) || is_joiner(c) || is_selector(c)
    })
}

fn inert(text: &str, keep: impl Fn(char) -> bool, show: fn(&mut String, char)) -> Cow<'_, str> {
    let harmless = |c: char| keep(c) || !(c.is_control() || is_hidden(c) || is_joiner(c));
    if text.chars().all(harmless) {
        return Cow::Borrowed(text);
    }
    let mut made = String::with_capacity(text.len() + 16);
    let mut before = ' ';
    for c in text.chars() {
        if harmless(c)
            || (is_joiner(c)
                && !before.is_ascii()
                && !before.is_control()
                && !is_hidden(before)
                && !is_joiner(before))
        {
            made.push(c);
        } else {
            show(&mut made, c);
        }
        before = c;
    }
    Cow::Owned(made)
}

fn as_code(made: &mut String, c: char) {
    // Writing into a string cannot fail.
    let _ = write!(made, "<U+{:04X}>", u32::from(c));
}

fn as_symbol(made: &mut String, c: char) {
    let code = u32::from(c);
    let symbol = match code {
        0..=0x1f => char::from_u32(0x2400 + code),
        0x7f => Some('␡'),
        _ => None,
    };
    match symbol {
        Some(symbol) => made.push(symbol),
        None => {
            let _ = write!(made, "⟨U+{code:04X}⟩");
        }
    }
}

/// Chooses between forms of the character before it.
fn is_selector(c: char) -> bool {
    matches!(c, '\u{fe00}'..='\u{fe0f}')
}

/// Joiners make emoji and several scripts what they are; they stay between characters that are not
/// ASCII.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// Neither a control character nor visible: changes direction, has no width, or breaks the line in
/// some programs.
fn is_hidden(c: char) -> bool {
    matches!(
        c,
        '\u{00ad}'
            | '\u{034f}'
            | '\u{061c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'
            | '\u{200e}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
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
        let every: String =
            (0..0x2_0000u32).chain(0xe_0000..0xe_1000).filter_map(char::from_u32).collect();
        assert!(!line(&every).chars().any(|c| c.is_control() || is_hidden(c)));
        assert!(
            !block(&every)
                .chars()
                .any(|c| (c.is_control() && c != '\n' && c != '\t') || is_hidden(c))
        );
        assert!(!json(&json!(every)).chars().any(|c| c.is_control() || is_hidden(c)));
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
