//! Measuring and cutting text by what people see: columns of the terminal, never bytes, and never
//! through a character.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

/// How many columns a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text in at most so many columns; what does not fit is an ellipsis.
pub fn fit(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut cut = String::new();
    let mut left = columns.saturating_sub(1);
    for grapheme in text.graphemes(true) {
        match left.checked_sub(width(grapheme)) {
            Some(rest) => left = rest,
            None => break,
        }
        cut.push_str(grapheme);
    }
    if columns > 0 {
        cut.push('…');
    }
    cut
}

/// Where a text breaks into lines of at most so many columns: at newlines, else between words, else
/// between characters. The ranges are of bytes, in order, without the newlines; there is always at
/// least one.
pub fn wrap(text: &str, columns: usize) -> Vec<Range<usize>> {
    let columns = columns.max(2);
    let mut lines = Vec::new();
    let mut start = 0;
    for line in text.split('\n') {
        wrap_line(line, start, columns, &mut lines);
        start += line.len() + 1;
    }
    lines
}

fn wrap_line(line: &str, offset: usize, columns: usize, lines: &mut Vec<Range<usize>>) {
    let mut begin = 0;
    let mut taken = 0;
    // Where the last word began, if the line can break there.
    let mut breakable = None;
    for (at, grapheme) in line.grapheme_indices(true) {
        let wide = width(grapheme);
        if taken + wide > columns && at > begin {
            let end = breakable.filter(|&word| word > begin).unwrap_or(at);
            lines.push(offset + begin..offset + end);
            begin = end;
            taken = width(&line[begin..at]);
            breakable = None;
        }
        taken += wide;
        if grapheme == " " {
            breakable = Some(at + 1);
        }
    }
    lines.push(offset + begin..offset + line.len());
}

/// A stretch of time in at most five columns: "now", "12m", "3h05", "2d04h", "123d".
pub fn stretch(seconds: i64) -> String {
    let minutes = seconds.max(0) / 60;
    let (hours, days) = (minutes / 60, minutes / (60 * 24));
    match (days, hours, minutes) {
        (0, 0, 0) => "now".to_owned(),
        (0, 0, _) => format!("{minutes}m"),
        (0, _, _) => format!("{hours}h{:02}", minutes % 60),
        (..10, _, _) => format!("{days}d{:02}h", hours % 24),
        _ => format!("{days}d"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cutting_keeps_characters_whole() {
        for (text, columns, cut) in [
            ("printer", 7, "printer"),
            ("printer", 4, "pri…"),
            ("printer", 1, "…"),
            ("printer", 0, ""),
            ("日本語", 6, "日本語"),
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日…"),
            ("👩‍💻👩‍💻👩‍💻", 4, "👩‍💻…"),
            ("e\u{301}e\u{301}e\u{301}", 2, "e\u{301}…"),
        ] {
            assert_eq!(fit(text, columns), cut);
        }
    }

    #[test]
    fn lines_break_between_words() {
        let wrapped = |text: &str, columns| {
            wrap(text, columns).into_iter().map(|line| text[line].to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(wrapped("my printer burns", 10), ["my ", "printer ", "burns"]);
        assert_eq!(wrapped("incomprehensible", 10), ["incomprehe", "nsible"]);
        assert_eq!(wrapped("a\n\nb\n", 10), ["a", "", "b", ""]);
        assert_eq!(wrapped("", 10), [""]);
    }

    #[test]
    fn stretches_are_short() {
        for (seconds, words) in [
            (-5, "now"),
            (59, "now"),
            (60, "1m"),
            (3599, "59m"),
            (3 * 3600 + 300, "3h05"),
            (2 * 86400 + 4 * 3600, "2d04h"),
            (123 * 86400, "123d"),
        ] {
            assert_eq!(stretch(seconds), words);
        }
    }

    proptest! {
        #[test]
        fn nothing_is_too_wide_and_nothing_is_lost(text in "(\\PC|[ \
            a-z\n日🏳️‍🌈]){0,60}", columns in 2usize..40) {
            prop_assert!(width(&fit(&text, columns)) <= columns);
            let lines = wrap(&text, columns);
            let mut told = String::new();
            for line in &lines {
                told.push_str(&text[line.clone()]);
            }
            prop_assert_eq!(told, text.replace('\n', ""));
        }
    }
}
