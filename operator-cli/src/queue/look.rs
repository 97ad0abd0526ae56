//! How things look: signs and weights that work without colour, and colour on top where there is
//! some.

use deskbell_proto::v1::Priority;
use ratatui::style::{Color, Modifier, Style};

/// The styles of the screen.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    colour: bool,
}

impl Look {
    /// With or without colour.
    pub fn new(colour: bool) -> Self {
        Self { colour }
    }

    /// Ordinary text.
    pub fn plain() -> Style {
        Style::new()
    }

    /// Less important.
    pub fn quiet() -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// More important.
    pub fn strong() -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// All is well.
    pub fn good(self) -> Style {
        self.tinted(Self::plain(), Color::Green)
    }

    /// Something to keep an eye on.
    pub fn warning(self) -> Style {
        self.tinted(Self::strong(), Color::Yellow)
    }

    /// Something went wrong.
    pub fn bad(self) -> Style {
        self.tinted(Self::strong(), Color::Red)
    }

    /// Where the cursor is.
    pub fn chosen() -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// Column heads and titles.
    pub fn head() -> Style {
        Style::new().add_modifier(Modifier::UNDERLINED)
    }

    /// A priority's word.
    pub fn priority(self, priority: Priority) -> Style {
        match priority {
            Priority::Urgent => self.bad(),
            Priority::High => self.warning(),
            Priority::Normal | Priority::Unspecified => Self::plain(),
            Priority::Low => Self::quiet(),
        }
    }

    fn tinted(self, style: Style, colour: Color) -> Style {
        if self.colour { style.fg(colour) } else { style }
    }
}
