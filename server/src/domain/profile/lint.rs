//! What the linter notices about a profile before customers do.

use super::{Profile, ProfileWords};
use crate::domain::group::Visibility;
use crate::domain::team::Team;
use crate::domain::words::Entry;

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The field it is about, as a path in the contract's words.
    pub field: &'static str,
    /// A stable word.
    pub reason: &'static str,
    /// What is wrong and what to do.
    pub text: String,
}

/// The least contrast between text and its background that most people can read (WCAG 2.2, level
/// AA).
const READABLE: f64 = 4.5;

/// Looks at a profile of a team.
pub fn lint(team: &Team, profile: &Entry<Profile, ProfileWords>) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut warn = |field, reason, text| {
        warnings.push(Warning { field, reason, text });
    };
    for id in &profile.groups {
        match team.live_group(*id) {
            None => warn(
                "group_ids",
                "GROUP_GONE",
                "a group this profile offers was deleted; take it off the list".to_owned(),
            ),
            // Who is disabled, or has not accepted yet, helps nobody.
            Some(group)
                if !group.operators.iter().any(|member| team.operator(*member).is_some()) =>
            {
                warn(
                    "group_ids",
                    "GROUP_EMPTY",
                    format!(
                        "nobody is in the group \u{201c}{}\u{201d}; add an operator to it",
                        group.words.name
                    ),
                );
            }
            Some(group) if group.visibility == Visibility::Internal => warn(
                "group_ids",
                "GROUP_INTERNAL",
                format!(
                    "the group \u{201c}{}\u{201d} is internal and not offered to customers",
                    group.words.name
                ),
            ),
            Some(_) => {}
        }
    }
    let accent = color(&profile.words.branding.accent_color).unwrap_or([0x1f, 0x5f, 0xbf]);
    let background = color(&profile.words.branding.background_color).unwrap_or([255, 255, 255]);
    let ratio = contrast(accent, background);
    if ratio < 3.0 {
        warn(
            "branding.accent_color",
            "LOW_CONTRAST",
            format!(
                "buttons barely show: their contrast with the background is {ratio:.1} to 1; 3 to \
                 1 is the least"
            ),
        );
    }
    let text = contrast([0, 0, 0], background).max(contrast([255, 255, 255], background));
    if text < READABLE {
        warn(
            "branding.background_color",
            "LOW_CONTRAST",
            format!(
                "no text is easy to read on this background: the best contrast is {text:.1} to 1, \
                 below {READABLE} to 1"
            ),
        );
    }
    if let Some(default) = profile.words.texts.first() {
        for texts in &profile.words.texts[1..] {
            let missing = [
                ("greeting", &default.greeting, &texts.greeting),
                ("help", &default.help, &texts.help),
                ("terms", &default.terms, &texts.terms),
            ];
            for (name, wanted, there) in missing {
                if !wanted.is_empty() && there.is_empty() {
                    warn(
                        "texts",
                        "MISSING_TRANSLATION",
                        format!("the {name} text is missing in {}", texts.language),
                    );
                }
            }
        }
    }
    warnings
}

/// Reads "#rrggbb".
pub fn color(text: &str) -> Option<[u8; 3]> {
    let digits = text
        .strip_prefix('#')
        .filter(|digits| digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
    let part = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
    Some([part(0)?, part(2)?, part(4)?])
}

/// The contrast ratio of two colours (WCAG 2.2), 1 to 21.
fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

fn luminance(color: [u8; 3]) -> f64 {
    let [red, green, blue] = color.map(|channel| {
        let channel = f64::from(channel) / 255.0;
        if channel <= 0.04045 { channel / 12.92 } else { ((channel + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_is_what_wcag_says() {
        assert!((contrast([0; 3], [255; 3]) - 21.0).abs() < 0.01);
        assert!((contrast([0x77; 3], [255; 3]) - 4.48).abs() < 0.01);
    }

    #[test]
    fn colours_are_six_digits() {
        assert_eq!(color("#1f5FbF"), Some([0x1f, 0x5f, 0xbf]));
        for wrong in ["", "#", "#12345", "1f5fbf", "#1f5fbg", "#1f5fbf0", "#\u{e9}\u{e9}\u{e9}"] {
            assert_eq!(color(wrong), None, "{wrong}");
        }
    }
}
