//! How much of the terminal each part of the screen has: the state scrolls and turns pages by it,
//! and the drawing fills it.

/// Lines around the list: what and who, the column heads, what to tell, the keys.
const LIST_AROUND: u16 = 4;
/// Lines around an opened ticket: what and who, what to tell, the keys.
pub const DETAIL_AROUND: u16 = 3;
/// A terminal of this height has a line to spare for the whole title of the chosen ticket.
pub const ROOM_FOR_PREVIEW: u16 = 16;

/// How many lines of a terminal of this height are for the list.
pub fn list_height(height: u16) -> u16 {
    height.saturating_sub(LIST_AROUND + u16::from(height >= ROOM_FOR_PREVIEW)).max(1)
}

/// How many columns a box over everything has on a terminal so wide.
pub fn popup_width(terminal: u16, most: u16) -> u16 {
    terminal.saturating_sub(2).min(most)
}

/// How many columns the field for writing has on a terminal so wide.
pub fn editor_columns(terminal: u16) -> usize {
    usize::from(popup_width(terminal, 76).saturating_sub(4)).max(2)
}
