//! How names and searches are compared: one rule for the server and for every program, so that what
//! the server calls a twin is found by whoever looks for it. Addresses have a rule of their own: one
//! that makes ß and ss the same would make two people one.

use unicode_normalization::UnicodeNormalization as _;

/// What a name is compared by: two names with the same fold are twins. In normal form C, without
/// regard to case, with one blank between words.
pub fn name(text: &str) -> String {
    if text.is_ascii() {
        return words(&text.to_ascii_lowercase());
    }
    // Lower, upper, lower character by character is a full case fold: it joins ẞ, ß and ss, and σ
    // and ς.
    let folded = text
        .nfd()
        .flat_map(char::to_lowercase)
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase);
    words(&folded.nfc().collect::<String>())
}

/// Two names are one to everybody.
pub fn same_name(one: &str, other: &str) -> bool {
    name(one) == name(other)
}

/// What a text is searched by: as names are compared, and without accents. A text is found by what
/// its fold contains.
pub fn search(text: &str) -> String {
    if text.is_ascii() {
        return name(text);
    }
    let name = name(text);
    name.nfd().filter(|c| !is_accent(*c)).map(without_stroke).nfc().collect()
}

/// The text with one blank between words, and none around them.
pub fn words(text: &str) -> String {
    let mut words = text.split_whitespace();
    let mut line = words.next().unwrap_or_default().to_owned();
    for word in words {
        line.push(' ');
        line.push_str(word);
    }
    line
}

/// A mark on a letter of the Latin, Greek or Cyrillic script. Others' marks are vowels and tones,
/// without which a word is another one.
fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}')
}

/// Letters whose stroke is no mark that could be taken off them.
fn without_stroke(c: char) -> char {
    match c {
        'ø' => 'o',
        'ł' => 'l',
        'đ' => 'd',
        'ħ' => 'h',
        'ı' => 'i',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn twins_have_one_fold() {
        let twins = [
            ("Support", "sUPPORT"),
            ("Straße", "STRASSE"),
            ("STRAẞE", "strasse"),
            ("Café", "CAFE\u{301}"),
            ("ὈΔΥΣΣΕΎΣ", "ὀδυσσεύς"),
            ("\u{212a}elvin", "kelvin"),
            ("ﬁle", "FILE"),
            (" Büro\u{a0} Straße ", "BÜRO STRASSE"),
            ("\u{3000}営業\u{3000}部", "営業 部"),
        ];
        for (one, other) in twins {
            assert!(same_name(one, other), "{one} and {other}");
        }
        for (one, other) in [("Support", "Support 2"), ("Büro", "Buro"), ("ab", "a b")] {
            assert!(!same_name(one, other), "{one} and {other}");
        }
    }

    #[test]
    fn a_search_does_not_ask_for_accents() {
        for (text, wanted) in [
            ("Die Stückliste fehlt", "STUCKLISTE"),
            ("Die Stuckliste fehlt", "stu\u{308}ck"),
            ("Łódź", "lodz"),
            ("Smørrebrød", "smorrebrod"),
            ("İstanbul", "istanbul"),
            ("tiếng Việt", "tieng viet"),
            ("paper\n  jam", "paper jam"),
        ] {
            assert!(search(text).contains(&search(wanted)), "{wanted} in {text}");
        }
        // A mark that makes another word stays.
        assert!(!search("カキ").contains(&search("ガキ")));
        assert!(!search("कि").contains(&search("की")));
    }

    proptest! {
        #[test]
        fn folds_are_stable_and_ignore_case(text in "(?s).{0,40}|[ -~]{0,40}") {
            for fold in [name, search] {
                let once = fold(&text);
                prop_assert_eq!(fold(&once), once.clone());
                prop_assert_eq!(fold(&text.to_ascii_uppercase()), once.clone());
                prop_assert_eq!(fold(&text.nfd().collect::<String>()), once);
            }
        }
    }
}
