//! The one reader of what people and scripts give a program: standard input, files, arguments, the
//! environment.
//!
//! What belongs to an encoding or to whoever made the lines is no part of the text: byte order
//! marks go, UTF-16 is understood where such a mark announces it, CR LF becomes LF, and one line
//! end at the end goes. Limits count code points. What is too long and what is no text are told
//! apart.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Why there is no text.
#[derive(Debug)]
pub enum Unreadable {
    /// It has more code points than this.
    TooLong(usize),
    /// Its bytes are no text.
    NotText,
    /// The system does not let it be read.
    Failed(io::Error),
}

impl fmt::Display for Unreadable {
    /// Goes on after what it was that was read: "The standard input …".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(most) => write!(f, "is too long: at most {most} characters are read"),
            Self::NotText => write!(f, "is not text: it is neither UTF-8 nor UTF-16"),
            Self::Failed(problem) => write!(f, "cannot be read: {problem}"),
        }
    }
}

impl std::error::Error for Unreadable {}

impl From<io::Error> for Unreadable {
    fn from(problem: io::Error) -> Self {
        Self::Failed(problem)
    }
}

/// How a text is written in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Utf16Little,
    Utf16Big,
}

/// All that there is to read, of at most so many code points.
pub fn text(from: impl Read, most: usize) -> Result<String, Unreadable> {
    // No code point and no line end has more than four bytes in any encoding; a mark and a line end
    // come on top.
    let bytes_at_most = most.saturating_mul(4).saturating_add(8);
    let mut bytes = Vec::new();
    from.take(u64::try_from(bytes_at_most).unwrap_or(u64::MAX).saturating_add(1))
        .read_to_end(&mut bytes)?;
    if bytes.len() > bytes_at_most {
        return Err(Unreadable::TooLong(most));
    }
    let (encoding, rest) = encoding(&bytes);
    within(plain(&decoded(encoding, rest)?), most)
}

/// The text of a file, of at most so many code points.
pub fn file(path: &Path, most: usize) -> Result<String, Unreadable> {
    text(File::open(path)?, most)
}

/// A text that is there already, as an argument or a variable is, without what belongs to neither.
pub fn plain(text: &str) -> String {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    match text.strip_suffix('\n') {
        Some(text) => text.to_owned(),
        None => text,
    }
}

/// The arguments of this program. What is no Unicode stays as it is: it may name a file.
pub fn arguments() -> impl Iterator<Item = OsString> {
    std::env::args_os().map(|argument| match argument.into_string() {
        Ok(argument) => plain(&argument).into(),
        Err(argument) => argument,
    })
}

/// A variable of the environment, trimmed; none when it is empty.
pub fn variable(name: &str) -> Result<Option<String>, Unreadable> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(plain(&value).trim().to_owned()).filter(|value| !value.is_empty())),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(Unreadable::NotText),
    }
}

/// A ticket's number as people write it, and as it is shown: "#42" or "42".
pub fn ticket_number(text: &str) -> Result<i64, String> {
    let digits = text.trim();
    let digits = digits.strip_prefix('#').unwrap_or(digits);
    let number = digits.parse().ok().filter(|number: &i64| *number > 0);
    number.ok_or_else(|| "a ticket's number is wanted, such as 42 or #42".to_owned())
}

/// Reads line by line from something that may stay open: what comes after a line is left for later.
#[derive(Debug, Default)]
pub struct Lines {
    encoding: Option<Encoding>,
}

impl Lines {
    /// Nothing was read yet.
    pub const fn new() -> Self {
        Self { encoding: None }
    }

    /// The next line without its end, of at most so many code points. Empty after the last.
    pub fn next(&mut self, from: &mut impl Read, most: usize) -> Result<String, Unreadable> {
        let mut bytes = Vec::new();
        let encoding = match self.encoding {
            Some(encoding) => encoding,
            None => begin(from, &mut bytes)?,
        };
        self.encoding = Some(encoding);
        let width = if encoding == Encoding::Utf8 { 1 } else { 2 };
        while !ends_line(encoding, &bytes) {
            if bytes.len() > most.saturating_mul(4) + 8 {
                return Err(Unreadable::TooLong(most));
            }
            let before = bytes.len();
            from.take(width).read_to_end(&mut bytes)?;
            if bytes.len() == before {
                break;
            }
        }
        within(plain(&decoded(encoding, &bytes)?), most)
    }
}

/// Reads a byte order mark; what is none is left in `bytes`.
fn begin(from: &mut impl Read, bytes: &mut Vec<u8>) -> io::Result<Encoding> {
    loop {
        let before = bytes.len();
        from.take(1).read_to_end(bytes)?;
        let found = match bytes[..] {
            [0xff, 0xfe] => Some(Encoding::Utf16Little),
            [0xfe, 0xff] => Some(Encoding::Utf16Big),
            [0xef, 0xbb, 0xbf] => Some(Encoding::Utf8),
            _ => None,
        };
        if let Some(encoding) = found {
            bytes.clear();
            return Ok(encoding);
        }
        let may_be_one = matches!(bytes[..], [0xff | 0xfe | 0xef] | [0xef, 0xbb]);
        if !may_be_one || bytes.len() == before {
            return Ok(Encoding::Utf8);
        }
    }
}

fn ends_line(encoding: Encoding, bytes: &[u8]) -> bool {
    match encoding {
        Encoding::Utf8 => bytes.ends_with(b"\n"),
        Encoding::Utf16Little => bytes.len().is_multiple_of(2) && bytes.ends_with(b"\n\0"),
        Encoding::Utf16Big => bytes.len().is_multiple_of(2) && bytes.ends_with(b"\0\n"),
    }
}

fn encoding(bytes: &[u8]) -> (Encoding, &[u8]) {
    match bytes {
        [0xff, 0xfe, rest @ ..] => (Encoding::Utf16Little, rest),
        [0xfe, 0xff, rest @ ..] => (Encoding::Utf16Big, rest),
        [0xef, 0xbb, 0xbf, rest @ ..] => (Encoding::Utf8, rest),
        _ => (Encoding::Utf8, bytes),
    }
}

fn decoded(encoding: Encoding, bytes: &[u8]) -> Result<String, Unreadable> {
    let unit = match encoding {
        Encoding::Utf8 => {
            let text = std::str::from_utf8(bytes).map_err(|_| Unreadable::NotText)?;
            return Ok(text.to_owned());
        }
        Encoding::Utf16Little => u16::from_le_bytes,
        Encoding::Utf16Big => u16::from_be_bytes,
    };
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
    let text = String::from_utf16(&units).map_err(|_| Unreadable::NotText)?;
    if rest.is_empty() { Ok(text) } else { Err(Unreadable::NotText) }
}

fn within(text: String, most: usize) -> Result<String, Unreadable> {
    if text.chars().nth(most).is_some() { Err(Unreadable::TooLong(most)) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
        "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(unit).collect()
    }

    #[test]
    fn what_belongs_to_the_encoding_goes() {
        for (bytes, read) in [
            (b"Printer\n".to_vec(), "Printer"),
            (b"Printer\r\n".to_vec(), "Printer"),
            (b"\xef\xbb\xbfPrinter".to_vec(), "Printer"),
            (b"a\r\nb\n\n".to_vec(), "a\nb\n"),
            (b"a\rb".to_vec(), "a\rb"),
            (Vec::new(), ""),
            (utf16("Grüße 👩\r\nb\r\n", u16::to_le_bytes), "Grüße 👩\nb"),
            (utf16("Grüße 👩\n", u16::to_be_bytes), "Grüße 👩"),
        ] {
            assert_eq!(text(&bytes[..], 100).unwrap(), read, "{bytes:?}");
        }
        assert_eq!(plain("\u{feff}a\r\n"), "a");
    }

    #[test]
    fn too_long_is_not_the_same_as_not_text() {
        for most in [1, 2, 10] {
            for character in ["x", "ü", "日", "👩", "\r\n"] {
                let longest = character.repeat(most) + "\r\n";
                let long = character.repeat(most + 1) + "\r\n";
                for unit in [u16::to_le_bytes, u16::to_be_bytes] {
                    assert!(text(&utf16(&longest, unit)[..], most).is_ok());
                    let read = text(&utf16(&long, unit)[..], most);
                    assert!(matches!(read, Err(Unreadable::TooLong(_))), "{read:?}");
                }
                assert!(text(longest.as_bytes(), most).is_ok());
                let read = text(long.as_bytes(), most);
                assert!(matches!(read, Err(Unreadable::TooLong(_))), "{read:?}");
            }
        }
        for bytes in [&b"\xff\xfea"[..], b"\xff\xfe\x00\xd8", b"\xc3", b"a\xffb"] {
            assert!(matches!(text(bytes, 100), Err(Unreadable::NotText)), "{bytes:?}");
        }
        assert!(matches!(text(io::repeat(0xff), 10), Err(Unreadable::TooLong(10))));
    }

    #[test]
    fn lines_come_one_by_one() {
        let both = "one ü\r\ntwo\n";
        for bytes in [
            both.as_bytes().to_vec(),
            format!("\u{feff}{both}").into_bytes(),
            utf16(both, u16::to_le_bytes),
            utf16(both, u16::to_be_bytes),
        ] {
            let (mut lines, mut from) = (Lines::new(), &bytes[..]);
            for line in ["one ü", "two", ""] {
                assert_eq!(lines.next(&mut from, 10).unwrap(), line, "{bytes:?}");
            }
        }
        let long = Lines::new().next(&mut io::repeat(b'x'), 10);
        assert!(matches!(long, Err(Unreadable::TooLong(10))), "{long:?}");
    }

    #[test]
    fn numbers_are_taken_as_they_are_shown() {
        for (text, number) in [("42", 42), ("#42", 42), (" #42\n", 42)] {
            assert_eq!(ticket_number(text), Ok(number));
        }
        for text in ["", "#", "##1", "x", "0", "-1", "#-1", "99999999999999999999"] {
            assert!(ticket_number(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_read_panics(bytes in proptest::collection::vec(any::<u8>(), 0..40), most in 0usize..20) {
            let _ = text(&bytes[..], most);
            let (mut lines, mut from) = (Lines::new(), &bytes[..]);
            for _ in 0..4 {
                let _ = lines.next(&mut from, most);
            }
        }

        #[test]
        fn texts_come_back_from_every_encoding(text in "[^\r\u{feff}]{0,30}") {
            for bytes in [utf16(&text, u16::to_le_bytes), utf16(&text, u16::to_be_bytes), text.clone().into_bytes()] {
                let read = super::text(&bytes[..], 30).unwrap();
                prop_assert_eq!(&read, text.strip_suffix('\n').unwrap_or(&text));
            }
        }
    }
}
