//! What kind of character something is, by Unicode's own properties rather than by lists of ours:
//! those are never complete, and not kept up with Unicode.
//!
//! The one place for it. What shows text and what checks it go by the same answers.

use icu_properties::props::{
    DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup, GraphemeClusterBreak, Script,
};
use icu_properties::{CodePointMapData, CodePointSetData};

/// How many marks one character carries at most, where it is shown. No language needs more, and
/// what has hundreds of them covers the lines around it.
pub const MARKS: usize = 4;

/// No control character, and yet it cannot be seen, changes the direction or the place of what is
/// around it, or ends the line: what is a format character or a separator of lines by its general
/// category, or is to be ignored where a program does not know it. Joiners and the selectors of
/// emoji are not counted: see [`is_joiner`] and [`is_selector`].
pub fn is_hidden(c: char) -> bool {
    let formats = |c| {
        matches!(
            CodePointMapData::<GeneralCategory>::new().get(c),
            GeneralCategory::Format
                | GeneralCategory::LineSeparator
                | GeneralCategory::ParagraphSeparator
        )
    };
    !c.is_ascii()
        && !is_joiner(c)
        && !is_selector(c)
        && (formats(c) || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c))
}

/// Joiners make emoji and several scripts what they are.
pub fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// Chooses between forms of the character before it.
pub fn is_selector(c: char) -> bool {
    matches!(c, '\u{fe00}'..='\u{fe0f}')
}

/// Goes on, below or around the character before it: accents and other combining marks, vowel
/// signs, the parts of a Korean syllable after its first, colours of skin.
pub fn is_mark(c: char) -> bool {
    !c.is_ascii()
        && !is_joiner(c)
        && (GeneralCategoryGroup::Mark.contains(CodePointMapData::<GeneralCategory>::new().get(c))
            || matches!(
                CodePointMapData::<GraphemeClusterBreak>::new().get(c),
                GraphemeClusterBreak::Extend
                    | GraphemeClusterBreak::SpacingMark
                    | GraphemeClusterBreak::V
                    | GraphemeClusterBreak::T
            ))
}

/// Leaves nothing on a screen by itself.
pub fn is_unseen(c: char) -> bool {
    // A pattern of braille without a dot is a symbol by its category, and blank.
    c.is_whitespace()
        || c.is_control()
        || c == '\u{2800}'
        || is_joiner(c)
        || is_selector(c)
        || is_hidden(c)
}

/// Whether both belong to one script. Accents that go with any letter have none.
pub fn share_script(one: char, other: char) -> bool {
    let script = |c| CodePointMapData::<Script>::new().get(c);
    script(one) == script(other) && !matches!(script(one), Script::Common | Script::Inherited)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_is_what_unicode_says() {
        for hidden in [
            '\u{ad}',
            '\u{34f}',
            '\u{600}',
            '\u{61c}',
            '\u{6dd}',
            '\u{70f}',
            '\u{8e2}',
            '\u{115f}',
            '\u{180e}',
            '\u{200b}',
            '\u{2028}',
            '\u{202e}',
            '\u{2065}',
            '\u{206f}',
            '\u{3164}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{fff0}',
            '\u{fff9}',
            '\u{fffb}',
            '\u{110bd}',
            '\u{13430}',
            '\u{1343f}',
            '\u{1bca0}',
            '\u{1d173}',
            '\u{e0001}',
            '\u{e0100}',
            '\u{e0fff}',
        ] {
            assert!(is_hidden(hidden) && is_unseen(hidden), "{hidden:?}");
        }
        for seen in ['a', 'é', '日', '\u{301}', '\u{13000}', '\u{fffd}', '\u{1f469}', '\u{200d}']
        {
            assert!(!is_hidden(seen), "{seen:?}");
        }
    }

    #[test]
    fn marks_are_what_joins_the_character_before() {
        for mark in [
            '\u{301}',
            '\u{20dd}',
            '\u{5b0}',
            '\u{64b}',
            '\u{93f}',
            '\u{e33}',
            '\u{1161}',
            '\u{11a8}',
            '\u{ff9e}',
            '\u{1f3fd}',
        ] {
            assert!(is_mark(mark), "{mark:?}");
        }
        for base in ['a', 'é', 'ก', 'क', '가', '\u{1100}', '日', '\u{1f469}', '\u{200d}'] {
            assert!(!is_mark(base), "{base:?}");
        }
    }

    #[test]
    fn accents_for_any_letter_have_no_script() {
        assert!(share_script('क', '\u{93f}') && share_script('ก', '\u{e34}'));
        assert!(!share_script('a', '\u{301}') && !share_script('a', '\u{e34}'));
        assert!(!share_script('\u{301}', '\u{301}'));
    }
}
