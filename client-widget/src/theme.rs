//! Colours and sizes: the profile's two colours, and everything else derived so that text stays
//! readable.
//!
//! Whatever an admin chose, text reaches the contrast of 4.5 to 1 that WCAG 2 (AA) asks for: where
//! the nicer colour does not, black or white does – one of the two always can.

use deskbell_proto::v1::Branding;
use eframe::egui::{
    self, Color32, CornerRadius, FontFamily, FontId, Margin, Stroke, TextStyle, Vec2,
};

/// What text needs against what is behind it.
const READABLE: f32 = 4.5;
/// What marks and outlines need.
const VISIBLE: f32 = 3.0;

const DEFAULT_ACCENT: Color32 = Color32::from_rgb(0x25, 0x63, 0xeb);
const DEFAULT_BACKGROUND: Color32 = Color32::WHITE;
const INK: Color32 = Color32::from_rgb(0x1b, 0x25, 0x33);
const CHALK: Color32 = Color32::from_rgb(0xf1, 0xf4, 0xf8);

/// The colours of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theme {
    /// Buttons and marks.
    pub accent: Color32,
    /// Text on buttons.
    pub on_accent: Color32,
    /// Behind everything.
    pub background: Color32,
    /// Behind cards and fields.
    pub card: Color32,
    /// Around cards and fields.
    pub outline: Color32,
    /// Text on background and cards.
    pub text: Color32,
    /// Text of less weight, on background and cards.
    pub faint: Color32,
    /// Text that says what is wrong.
    pub wrong: Color32,
    /// A mark that says all is well.
    pub well: Color32,
}

impl Theme {
    /// From a profile's branding; what cannot be read as a colour is the default.
    pub fn new(branding: Option<&Branding>) -> Self {
        let chosen = |text: Option<&String>, default| {
            text.and_then(|text| Color32::from_hex(text).ok()).map_or(default, opaque)
        };
        let accent = chosen(branding.map(|branding| &branding.accent_color), DEFAULT_ACCENT);
        let background =
            chosen(branding.map(|branding| &branding.background_color), DEFAULT_BACKGROUND);
        let text = first_readable(&[INK, CHALK], background);
        // Cards go away from the text, so that what is readable on the background is at least as
        // readable on them.
        let away =
            if luminance(text) < luminance(background) { Color32::WHITE } else { Color32::BLACK };
        let card = mix(background, away, 0.3);
        let on_card = |colour: &Color32| {
            contrast(*colour, background) >= READABLE && contrast(*colour, card) >= READABLE
        };
        let faint = [0.4, 0.3, 0.2, 0.1]
            .map(|share| mix(text, background, share))
            .into_iter()
            .find(on_card)
            .unwrap_or(text);
        let reds = [Color32::from_rgb(0xb4, 0x1c, 0x1c), Color32::from_rgb(0xff, 0xb0, 0xa8)];
        let wrong = reds.into_iter().find(on_card).unwrap_or(text);
        let greens = [Color32::from_rgb(0x1f, 0x8a, 0x4c), Color32::from_rgb(0x6f, 0xdc, 0x9a)];
        let well = greens
            .into_iter()
            .find(|green| contrast(*green, background) >= VISIBLE)
            .unwrap_or(text);
        let outline = mix(background, text, 0.22);
        Self {
            accent,
            on_accent: first_readable(&[Color32::WHITE, INK], accent),
            background,
            card,
            outline,
            text,
            faint,
            wrong,
            well,
        }
    }

    /// The colour of marks and outlines that must be seen on the background.
    pub fn mark(&self) -> Color32 {
        if contrast(self.accent, self.background) >= VISIBLE { self.accent } else { self.text }
    }

    /// Behind what the customer wrote: a breath of accent that the text stays readable on.
    pub fn own_words(&self) -> Color32 {
        let tinted = |share| mix(self.card, self.accent, share);
        [0.14, 0.08]
            .map(tinted)
            .into_iter()
            .find(|tint| contrast(self.text, *tint) >= READABLE)
            .unwrap_or(self.card)
    }

    /// Makes egui draw this way.
    pub fn apply(&self, context: &egui::Context) {
        let theme = if luminance(self.text) < luminance(self.background) {
            egui::Theme::Light
        } else {
            egui::Theme::Dark
        };
        context.set_theme(theme);
        context.style_mut_of(theme, |style| self.style(style));
    }

    fn style(&self, style: &mut egui::Style) {
        let font = |size| FontId::new(size, FontFamily::Proportional);
        style.text_styles = [
            (TextStyle::Small, font(14.0)),
            (TextStyle::Body, font(16.0)),
            (TextStyle::Button, font(16.0)),
            (TextStyle::Heading, font(25.0)),
            (TextStyle::Monospace, FontId::new(14.0, FontFamily::Monospace)),
        ]
        .into();
        let spacing = &mut style.spacing;
        spacing.item_spacing = Vec2::new(10.0, 8.0);
        spacing.button_padding = Vec2::new(16.0, 9.0);
        spacing.interact_size = Vec2::new(44.0, 34.0);
        spacing.icon_width = 20.0;
        spacing.icon_width_inner = 10.0;
        spacing.icon_spacing = 10.0;
        spacing.menu_margin = Margin::same(8);

        let visuals = &mut style.visuals;
        visuals.panel_fill = self.background;
        visuals.window_fill = self.card;
        visuals.window_stroke = Stroke::new(1.0, self.outline);
        visuals.window_corner_radius = CornerRadius::same(14);
        visuals.menu_corner_radius = CornerRadius::same(10);
        visuals.extreme_bg_color = self.card;
        visuals.text_edit_bg_color = Some(self.card);
        visuals.faint_bg_color = self.card;
        visuals.weak_text_color = Some(self.faint);
        visuals.error_fg_color = self.wrong;
        visuals.hyperlink_color = self.text;
        visuals.selection.bg_fill = mix(self.card, self.accent, 0.35);
        visuals.selection.stroke = Stroke::new(2.0, self.mark());
        visuals.text_cursor.stroke = Stroke::new(2.0, self.mark());
        let soft = mix(self.card, self.text, 0.06);
        let widgets = &mut visuals.widgets;
        for (state, fill, outline) in [
            (&mut widgets.noninteractive, self.card, Stroke::new(1.0, self.outline)),
            (&mut widgets.inactive, self.card, Stroke::new(1.0, self.outline)),
            (&mut widgets.hovered, soft, Stroke::new(1.0, self.faint)),
            // Also what has the keyboard's focus: it must be seen from afar.
            (&mut widgets.active, soft, Stroke::new(2.5, self.text)),
            (&mut widgets.open, soft, Stroke::new(1.0, self.faint)),
        ] {
            state.bg_fill = fill;
            state.weak_bg_fill = fill;
            state.bg_stroke = outline;
            state.fg_stroke = Stroke::new(1.5, self.text);
            state.corner_radius = CornerRadius::same(10);
            state.expansion = 0.0;
        }
    }
}

fn opaque(colour: Color32) -> Color32 {
    let [red, green, blue, _] = colour.to_srgba_unmultiplied();
    Color32::from_rgb(red, green, blue)
}

fn mix(from: Color32, towards: Color32, share: f32) -> Color32 {
    from.lerp_to_gamma(towards, share)
}

/// The first of the colours that is readable on this background, else whichever of black and white
/// is.
fn first_readable(colours: &[Color32], background: Color32) -> Color32 {
    let nice = colours.iter().copied().find(|colour| contrast(*colour, background) >= READABLE);
    let plain = [Color32::BLACK, Color32::WHITE]
        .into_iter()
        .max_by(|one, other| contrast(*one, background).total_cmp(&contrast(*other, background)));
    nice.or(plain).unwrap_or(Color32::BLACK)
}

/// WCAG 2's contrast ratio, from 1 to 21.
fn contrast(one: Color32, other: Color32) -> f32 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// WCAG 2's relative luminance, from 0 to 1.
fn luminance(colour: Color32) -> f32 {
    let linear = |channel: u8| {
        let value = f32::from(channel) / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(colour.r()) + 0.7152 * linear(colour.g()) + 0.0722 * linear(colour.b())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn theme(accent: &str, background: &str) -> Theme {
        Theme::new(Some(&Branding {
            accent_color: accent.into(),
            background_color: background.into(),
            ..Branding::default()
        }))
    }

    #[test]
    fn contrast_is_wcags() {
        assert!((contrast(Color32::BLACK, Color32::WHITE) - 21.0).abs() < 0.01);
        assert!(
            (contrast(Color32::from_rgb(0x76, 0x76, 0x76), Color32::WHITE) - 4.54).abs() < 0.01
        );
    }

    #[test]
    fn text_is_readable_on_every_pair_of_colours() {
        let levels = ["00", "33", "66", "77", "80", "99", "cc", "ff"];
        for at in 0..levels.len().pow(3) {
            let colour = format!("#{}{}{}", levels[at % 8], levels[at / 8 % 8], levels[at / 64]);
            for theme in
                [theme(&colour, "#ffffff"), theme("#e11d48", &colour), theme(&colour, &colour)]
            {
                let pairs = [
                    (theme.text, theme.background),
                    (theme.text, theme.card),
                    (theme.text, theme.own_words()),
                    (theme.faint, theme.background),
                    (theme.faint, theme.card),
                    (theme.wrong, theme.background),
                    (theme.wrong, theme.card),
                    (theme.on_accent, theme.accent),
                ];
                for (text, behind) in pairs {
                    assert!(contrast(text, behind) >= READABLE, "{colour}: {text:?} on {behind:?}");
                }
                assert!(contrast(theme.mark(), theme.background) >= VISIBLE, "{colour}");
            }
        }
    }

    #[test]
    fn what_is_no_colour_is_the_default() {
        for odd in ["", "red", "#12", "javascript:", "#ggg000"] {
            assert_eq!(theme(odd, odd), Theme::new(None), "{odd}");
        }
    }
}
