//! What lies over the list, and the words about the keys.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::widgets::{Block, Clear, Widget as _};

use super::put;
use crate::inert;
use crate::queue::editor::Editor;
use crate::queue::event::Writing;
use crate::queue::layout::{editor_columns, popup_width};
use crate::queue::look::Look;
use crate::queue::popup::{Picker, Picking, Popup};
use crate::queue::state::State;
use crate::queue::text::{width, wrap};
use crate::queue::words;

/// The keys of the list, the most needed first.
pub const LIST_KEYS: &[&str] = &[
    "? help",
    "q quit",
    "⏎ open",
    "t take",
    "a assign",
    "p priority",
    "r reply",
    "n note",
    "c close",
    "N next",
    "/ filter",
    "s sort",
    "m mine",
    "U unassigned",
    "! messages",
    "A away",
];
/// The keys of an opened ticket.
pub const DETAIL_KEYS: &[&str] = &[
    "? help",
    "Esc back",
    "t take",
    "a assign",
    "p priority",
    "r reply",
    "n note",
    "c close",
    "O reopen",
    "↑↓ scroll",
];

/// Draws what lies over everything, and says where the terminal's cursor belongs.
pub fn draw(state: &State, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    match state.popup.as_ref()? {
        Popup::Help { scroll } => {
            let lines = words::HELP
                .iter()
                .skip(*scroll)
                .map(|line| ((*line).to_owned(), Look::plain()))
                .collect::<Vec<_>>();
            boxed("Keys", "↑↓ scroll · other keys close", 76, &lines, area, buffer);
            None
        }
        Popup::Log { scroll } => {
            let lines = log_lines(state, *scroll, area);
            boxed(
                "Messages, the latest first",
                "↑↓ scroll · other keys close",
                100,
                &lines,
                area,
                buffer,
            );
            None
        }
        Popup::Picker(picker) => {
            draw_picker(picker, area, buffer);
            None
        }
        Popup::Write { number, writing, editor, .. } => {
            draw_editor(*number, *writing, editor, area, buffer)
        }
        Popup::ConfirmClose { number, .. } => {
            let lines = [(format!("Close #{number}?"), Look::strong())];
            boxed("Close", "y closes · other keys do not", 44, &lines, area, buffer);
            None
        }
        Popup::ConfirmTake { number, name, .. } => {
            let lines = [(format!("Take #{number} from {name}?"), Look::strong())];
            boxed("Take", "y takes · other keys do not", 60, &lines, area, buffer);
            None
        }
        Popup::ConfirmHiding { number, .. } => {
            let lines =
                [(format!("Afterwards you no longer see #{number}. Go on?"), Look::strong())];
            boxed("Out of sight", "y goes on · other keys do not", 60, &lines, area, buffer);
            None
        }
        Popup::Filter { .. } => {
            let filter = inert::line(&state.rows.order().filter).into_owned();
            let text = format!("/{filter}");
            // Over the keys, so that messages stay to be read.
            let y = area.bottom().saturating_sub(1).max(area.y);
            let line = Rect { y, height: 1.min(area.height), ..area };
            Clear.render(line, buffer);
            let shown = super::fit(
                &format!("{text}  (Enter keeps it, Esc goes back)"),
                usize::from(area.width),
            );
            put(buffer, line.x, y, &shown, area.width, Look::strong());
            let x =
                u16::try_from(width(&text)).unwrap_or(area.width).min(area.width.saturating_sub(1));
            Some(Position { x: line.x + x, y })
        }
    }
}

/// A box in the middle with as many of the lines as fit, and its keys at the bottom. Returns the
/// inside.
fn boxed(
    title: &str,
    keys: &str,
    most: u16,
    lines: &[(String, Style)],
    area: Rect,
    buffer: &mut Buffer,
) -> Rect {
    let columns = popup_width(area.width, most);
    let rows = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2).min(area.height);
    let outside = Rect {
        x: area.x + (area.width - columns) / 2,
        y: area.y + (area.height - rows) / 2,
        width: columns,
        height: rows,
    };
    Clear.render(outside, buffer);
    let block = Block::bordered()
        .title(format!(" {title} "))
        .title_bottom(format!(" {keys} "))
        .title_style(Look::strong());
    let inside = block.inner(outside);
    block.render(outside, buffer);
    for (row, (text, style)) in (0..inside.height).zip(lines) {
        put(buffer, inside.x + 1, inside.y + row, text, inside.width.saturating_sub(2), *style);
    }
    inside
}

fn log_lines(state: &State, scroll: usize, area: Rect) -> Vec<(String, Style)> {
    if state.told.is_empty() {
        return vec![("Nothing was told yet.".to_owned(), Look::quiet())];
    }
    let columns = usize::from(popup_width(area.width, 100).saturating_sub(4));
    let mut lines = Vec::new();
    for notice in state.told.iter().rev().skip(scroll).take(usize::from(area.height)) {
        let time = notice.at.to_zoned(state.zone.clone()).strftime("%H:%M").to_string();
        let sign = if notice.bad { "!" } else { " " };
        let text = format!("{time} {sign} {}", notice.text);
        let parts = wrap(&text, columns).into_iter();
        lines.extend(parts.map(|part| (text[part].to_owned(), Look::plain())));
    }
    lines
}

fn draw_picker(picker: &Picker, area: Rect, buffer: &mut Buffer) {
    let matching = picker.matching();
    let room = usize::from(area.height.saturating_sub(4)).clamp(1, 12);
    let first = (picker.marked + 1).saturating_sub(room);
    let title = match picker.picking {
        Picking::Priority => format!("Priority of #{}", picker.number),
        Picking::Assignee => format!("Assign #{} to", picker.number),
    };
    let mut lines = vec![(format!("/{}", inert::line(&picker.typed)), Look::quiet())];
    for (at, choice) in matching.iter().enumerate().skip(first).take(room) {
        let (sign, style) =
            if at == picker.marked { ("> ", Look::chosen()) } else { ("  ", Look::plain()) };
        lines.push((format!("{sign}{}", choice.label), style));
    }
    if matching.is_empty() {
        lines.push(("  nothing matches".to_owned(), Look::quiet()));
    }
    boxed(&title, "type to narrow down · Enter picks", 50, &lines, area, buffer);
}

fn draw_editor(
    number: i64,
    writing: Writing,
    editor: &Editor,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    let columns = editor_columns(area.width);
    let room = usize::from(area.height.saturating_sub(4)).clamp(1, 14);
    let (line, column) = editor.place(columns);
    let first = (line + 1).saturating_sub(room);
    let text = editor.text();
    let mut lines: Vec<(String, Style)> = wrap(text, columns)
        .into_iter()
        .skip(first)
        .take(room)
        .map(|line| (inert::line(&text[line]).into_owned(), Look::plain()))
        .collect();
    lines.resize(room.max(lines.len()), (String::new(), Look::plain()));
    let title = match writing {
        Writing::Reply => format!("Reply to the customer of #{number}"),
        Writing::Note => format!("Note for colleagues on #{number}"),
    };
    let inside = boxed(&title, "Ctrl-S sends · Ctrl-E editor · Esc", 76, &lines, area, buffer);
    let position = Position {
        x: inside.x + 1 + u16::try_from(column).unwrap_or(0),
        y: inside.y + u16::try_from(line - first).unwrap_or(0),
    };
    inside.contains(position).then_some(position)
}
