//! What people type: cleaned, measured and compared in one way everywhere.
//!
//! Lengths are counted in code points of the cleaned text. Bidirectional overrides stay in: a name
//! may need them, and the programs that show text make them harmless. Invisible characters alone
//! are no text at all.

use std::fmt;

use deskbell_proto::{characters, fold};
use unicode_normalization::UnicodeNormalization;

/// The longest e-mail address, in bytes (RFC 5321 with its erratum 1690).
const EMAIL_LIMIT: usize = 254;

/// The longest part of an address before the `@`, in bytes (RFC 5321, 4.5.3.1.1).
const LOCAL_PART_LIMIT: usize = 64;

/// What is wrong with a text. Displays as a sentence that follows the field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextProblem {
    /// Nothing that can be seen was written.
    Empty,
    /// Longer than allowed.
    TooLong {
        /// The greatest length: code points, or bytes for an e-mail address.
        limit: usize,
    },
    /// A line break or another control character where one line is wanted.
    ControlCharacter,
    /// Not of the form that the field needs.
    Malformed,
}

impl fmt::Display for TextProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("must not be empty: write something that can be seen"),
            Self::TooLong { limit } => write!(f, "is too long: use at most {limit} characters"),
            Self::ControlCharacter => {
                f.write_str("must be one line: remove line breaks and control characters")
            }
            Self::Malformed => {
                f.write_str("is not an e-mail address: write it like ana@example.org")
            }
        }
    }
}

impl std::error::Error for TextProblem {}

/// An e-mail address that can be written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    /// As its owner wrote it, in normal form.
    pub written: String,
    /// For comparing: in lower case, with the domain in ASCII (punycode).
    pub key: String,
}

impl Email {
    /// The domain in ASCII, for comparing with an organization's.
    pub fn domain(&self) -> &str {
        self.key.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

/// A required text of one line: with one blank between words, in NFC, 1 to `limit` code points,
/// without control characters.
pub fn one_line(text: &str, limit: usize) -> Result<String, TextProblem> {
    let line = optional_line(text, limit)?;
    if line.is_empty() {
        return Err(TextProblem::Empty);
    }
    Ok(line)
}

/// Like [`one_line`], and blank becomes the empty text.
pub fn optional_line(text: &str, limit: usize) -> Result<String, TextProblem> {
    if text.chars().all(is_invisible) {
        return Ok(String::new());
    }
    // Before trimming: a line break at the end is one, too.
    if text.chars().any(breaks_line) {
        return Err(TextProblem::ControlCharacter);
    }
    within(fold::words(&in_nfc(text)), limit)
}

/// A required text of many lines, 1 to `limit` code points. Newlines and tabs stay, a carriage
/// return before a newline goes, and other control characters become pictures of themselves.
/// Nothing else changes, at the end neither.
pub fn prose(text: &str, limit: usize) -> Result<String, TextProblem> {
    if text.chars().all(is_invisible) {
        return Err(TextProblem::Empty);
    }
    let text = text.replace("\r\n", "\n");
    let is_clean = text.chars().all(|c| visible(c) == c);
    within(if is_clean { text } else { text.chars().map(visible).collect() }, limit)
}

/// An e-mail address: a dot-atom (international letters allowed, quotes not), `@`, and a domain
/// name (international ones allowed, address literals not), at most 254 bytes also in its ASCII
/// form. Keys are stored: whoever makes them otherwise adds a step to the schema that makes them
/// anew.
pub fn email(text: &str) -> Result<Email, TextProblem> {
    let written = one_line(text, EMAIL_LIMIT)?;
    let (local, domain) = written.rsplit_once('@').ok_or(TextProblem::Malformed)?;
    if local.len() > LOCAL_PART_LIMIT {
        return Err(TextProblem::TooLong { limit: LOCAL_PART_LIMIT });
    }
    // In the domain this is about marks that belong to no letter; all else is IDNA's.
    if !local.split('.').chain(domain.split('.')).all(is_atom) {
        return Err(TextProblem::Malformed);
    }
    let domain = idna::domain_to_ascii_strict(domain).map_err(|_| TextProblem::Malformed)?;
    let local: String = in_nfc(&in_nfc(local).to_lowercase());
    let key = format!("{local}@{domain}");
    if key.len() > EMAIL_LIMIT || written.len() > EMAIL_LIMIT {
        return Err(TextProblem::TooLong { limit: EMAIL_LIMIT });
    }
    Ok(Email { written, key })
}

/// The first line of a text on which something can be seen, for lists: trimmed, in NFC, tabs as
/// spaces, at most `limit` code points, of which the last is `…` when something was cut.
pub fn first_line(text: &str, limit: usize) -> String {
    let line =
        text.split(ends_line).find(|line| !line.chars().all(is_invisible)).unwrap_or_default();
    let mut line: String =
        line.trim().nfc().map(|c| if c == '\t' { ' ' } else { visible(c) }).collect();
    // Where the last kept character begins, when there are more than fit.
    if let Some((cut, _)) = line.char_indices().nth(limit.saturating_sub(1))
        && line.chars().nth(limit).is_some()
    {
        line.truncate(cut);
        line.truncate(line.trim_end().len());
        if limit > 0 {
            line.push('…');
        }
    }
    line
}

/// The text in normal form C, which ASCII is in already.
fn in_nfc(text: &str) -> String {
    if text.is_ascii() { text.to_owned() } else { text.nfc().collect() }
}

/// The text, if it has at most `limit` code points; no code point has less than a byte.
fn within(text: String, limit: usize) -> Result<String, TextProblem> {
    if text.len() > limit && text.chars().nth(limit).is_some() {
        return Err(TextProblem::TooLong { limit });
    }
    Ok(text)
}

/// Control characters (C0, DEL, C1) and Unicode's line and paragraph separators.
fn breaks_line(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Whatever a reader would see as the end of a line.
fn ends_line(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// A character of prose, with control characters as their pictures.
fn visible(c: char) -> char {
    match c {
        '\n' | '\t' => c,
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        '\u{80}'..='\u{9f}' => '\u{fffd}',
        _ => c,
    }
}

/// White space and what leaves no mark on a screen. Other control characters are not blank but
/// wrong.
fn is_invisible(c: char) -> bool {
    c.is_whitespace() || (!c.is_control() && characters::is_unseen(c))
}

/// An atom of RFC 5322, widened by RFC 6532 to international characters in normal form C. Nothing
/// is in it that people cannot see, and nothing on a letter but the signs of the letter's own
/// script, a few at a time: an accent that does not compose belongs to no address that somebody
/// reads out.
fn is_atom(text: &str) -> bool {
    let (mut letter, mut marks) = (None, 0);
    let mut allowed = |c: char| {
        if c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) {
            (letter, marks) = (None, 0);
            return true;
        }
        if characters::is_mark(c) {
            marks += 1;
            return marks <= characters::MARKS
                && !characters::is_unseen(c)
                && letter.is_some_and(|letter| characters::share_script(letter, c));
        }
        (letter, marks) = (Some(c), 0);
        !c.is_ascii() && !characters::is_unseen(c)
    };
    !text.is_empty() && text.chars().all(&mut allowed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_line_table() {
        let too_long = Err(TextProblem::TooLong { limit: 5 });
        let table: &[(&str, Result<&str, TextProblem>)] = &[
            ("Ana", Ok("Ana")),
            ("  Ana ", Ok("Ana")),
            ("a \u{a0}\u{3000} b", Ok("a b")),
            ("12345", Ok("12345")),
            ("123456", too_long),
            ("äöüßé", Ok("äöüßé")),
            ("e\u{301}", Ok("é")),
            ("👩‍🚒x", Ok("👩‍🚒x")),
            ("👩‍🚒👩‍🚒", too_long),
            ("a\u{202e}b", Ok("a\u{202e}b")),
            ("' %_", Ok("' %_")),
            ("", Err(TextProblem::Empty)),
            (" \u{a0}\u{3000}", Err(TextProblem::Empty)),
            ("\u{200b}\u{feff}\u{2060}\u{200e}", Err(TextProblem::Empty)),
            ("\u{13430}\u{fff9}\u{fffb}\u{2800}", Err(TextProblem::Empty)),
            ("\n\t", Err(TextProblem::Empty)),
            ("a\nb", Err(TextProblem::ControlCharacter)),
            ("a\n", Err(TextProblem::ControlCharacter)),
            ("a\tb", Err(TextProblem::ControlCharacter)),
            ("a\u{1b}[m", Err(TextProblem::ControlCharacter)),
            ("a\u{9b}m", Err(TextProblem::ControlCharacter)),
            ("a\u{7f}", Err(TextProblem::ControlCharacter)),
            ("a\u{2028}b", Err(TextProblem::ControlCharacter)),
            ("a\u{2029}b", Err(TextProblem::ControlCharacter)),
        ];
        for (text, expected) in table {
            assert_eq!(one_line(text, 5).as_deref(), expected.as_deref(), "{text:?}");
        }
    }

    #[test]
    fn optional_line_may_be_blank_but_not_wrong() {
        assert_eq!(optional_line(" \u{200b}", 5), Ok(String::new()));
        assert_eq!(optional_line("a\nb", 5), Err(TextProblem::ControlCharacter));
        assert_eq!(optional_line("123456", 5), Err(TextProblem::TooLong { limit: 5 }));
    }

    #[test]
    fn prose_table() {
        let table: &[(&str, Result<&str, TextProblem>)] = &[
            ("It is\nbroken.\n", Ok("It is\nbroken.\n")),
            ("a\r\nb\r\n", Ok("a\nb\n")),
            ("a\rb", Ok("a\u{240d}b")),
            ("\ta ", Ok("\ta ")),
            ("\u{1b}]52;c;x\u{7}", Ok("\u{241b}]52;c;x\u{2407}")),
            ("\0\u{7f}\u{9b}", Ok("\u{2400}\u{2421}\u{fffd}")),
            ("\u{202e}x", Ok("\u{202e}x")),
            (" \n\t\u{200d}\n", Err(TextProblem::Empty)),
            ("", Err(TextProblem::Empty)),
        ];
        for (text, expected) in table {
            assert_eq!(prose(text, 20).as_deref(), expected.as_deref(), "{text:?}");
        }
        assert_eq!(prose("12345\n", 5), Err(TextProblem::TooLong { limit: 5 }));
        assert_eq!(prose("1234\r\n", 5).as_deref(), Ok("1234\n"));
    }

    #[test]
    fn email_table() {
        let good = [
            ("Ana.Lima@Example.ORG", "ana.lima@example.org"),
            (" ana+desk@example.org ", "ana+desk@example.org"),
            ("ana@Bücher.example", "ana@xn--bcher-kva.example"),
            ("ana@xn--bcher-kva.example", "ana@xn--bcher-kva.example"),
            ("JOSE\u{301}@example.org", "josé@example.org"),
            ("root@localhost", "root@localhost"),
            ("Straße@example.org", "straße@example.org"),
            ("STRASSE@example.org", "strasse@example.org"),
            ("हिन्दी@example.org", "हिन्दी@example.org"),
            ("ผู้ใช้@example.org", "ผู้ใช้@example.org"),
            ("ana@हिन्दी.example", "ana@xn--j2bd4cyah0f.example"),
        ];
        for (written, key) in good {
            assert_eq!(email(written).map(|e| e.key).as_deref(), Ok(key), "{written}");
        }
        let bad = [
            "ana",
            "@example.org",
            "ana@",
            "a b@example.org",
            ".ana@example.org",
            "ana.@example.org",
            "a..b@example.org",
            "\"a b\"@example.org",
            "ana@[127.0.0.1]",
            "ana@exa mple.org",
            "ana@-a.org",
            "ana@example..org",
            "ana@example.org.",
            "ana@exa_mple.org",
            "<ana@example.org>",
            "a@b@example.org",
            "ana@example.org,eva@example.org",
            "ana\u{200b}@example.org",
            "ana\u{fff9}@example.org",
            "ana\u{13430}@example.org",
            "ana\u{1bca0}@example.org",
            "日\u{e0100}@example.org",
            "م\u{600}@example.org",
            "\u{301}ana@example.org",
            "a@q\u{301}.example",
            "a@q\u{301}\u{301}.example",
            "an\u{337}a@example.org",
            "a\u{20dd}@example.org",
            "a\u{e34}@example.org",
            "ก\u{e34}\u{e34}\u{e34}\u{e34}\u{e34}@example.org",
            "👩\u{1f3fd}@example.org",
            "ana@a.org?bcc=eva@example.org",
        ];
        for address in bad {
            assert_eq!(email(address), Err(TextProblem::Malformed), "{address}");
        }
        for injected in
            ["ana@example.org\r\nBcc: eva@example.org", "ana@example.org\n", "ana\0@example.org"]
        {
            assert_eq!(email(injected), Err(TextProblem::ControlCharacter), "{injected:?}");
        }
        assert_eq!(email(" "), Err(TextProblem::Empty));
        let labels = format!("{}.", "a".repeat(60)).repeat(4);
        assert!(email(&format!("ana@{labels}org")).is_ok());
        assert!(matches!(
            email(&format!("ana.lima@{labels}org")),
            Err(TextProblem::TooLong { limit: 254 })
        ));
        assert!(matches!(
            email(&format!("{}@a.org", "a".repeat(65))),
            Err(TextProblem::TooLong { limit: 64 })
        ));
    }

    #[test]
    fn an_address_knows_its_domain() {
        assert_eq!(
            email("a@Bücher.example").map(|e| e.domain().to_owned()).as_deref(),
            Ok("xn--bcher-kva.example")
        );
    }

    #[test]
    fn first_line_table() {
        let table = [
            ("It is broken.\nVery.", 20, "It is broken."),
            ("\n \n  second\n", 20, "second"),
            ("a\tb", 20, "a b"),
            ("123456", 6, "123456"),
            ("1234567", 6, "12345…"),
            ("1234 67", 6, "1234…"),
            ("\u{1b}[31mred", 20, "\u{241b}[31mred"),
            ("a\rb", 20, "a"),
            ("", 5, ""),
            ("abc", 0, ""),
        ];
        for (text, limit, expected) in table {
            assert_eq!(first_line(text, limit), expected, "{text:?}");
        }
    }

    #[test]
    fn no_address_has_what_cannot_be_seen() {
        for c in ('\0'..=char::MAX).filter(|&c| characters::is_unseen(c)) {
            assert!(email(&format!("a{c}b@example.org")).is_err(), "{c:?}");
            assert!(email(&format!("日{c}本@example.org")).is_err(), "{c:?}");
        }
    }

    proptest! {
        #[test]
        fn cleaning_twice_changes_nothing(text in ".{0,40}", limit in 1_usize..30) {
            if let Ok(line) = one_line(&text, limit) {
                prop_assert_eq!(one_line(&line, limit), Ok(line.clone()));
                prop_assert!(line.chars().count() <= limit);
                prop_assert!(!line.chars().any(char::is_control));
            }
        }

        #[test]
        fn prose_keeps_what_can_be_seen(text in "(?s).{0,60}") {
            if let Ok(clean) = prose(&text, 100) {
                prop_assert_eq!(clean.chars().count(), text.replace("\r\n", "\n").chars().count());
                prop_assert!(!clean.chars().any(|c| c.is_control() && c != '\n' && c != '\t'));
                prop_assert_eq!(prose(&clean, 100), Ok(clean.clone()));
            }
        }

        #[test]
        fn addresses_never_carry_a_line_break(text in "[a-zé.@ \r\n<>,:\"-]{0,30}") {
            if let Ok(address) = email(&text) {
                prop_assert!(!address.written.contains(['\r', '\n', ' ', '<', ',', ':', '"']));
                prop_assert_eq!(email(&address.key).map(|e| e.key), Ok(address.key));
            }
        }

        #[test]
        fn first_lines_fit(text in "(?s).{0,60}", limit in 0_usize..20) {
            let line = first_line(&text, limit);
            prop_assert!(line.chars().count() <= limit);
            prop_assert!(!line.chars().any(breaks_line));
        }
    }
}
