//! The list of tickets, its column heads, and the line with the whole of the chosen one's title.

use deskbell_proto::v1::Ticket;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::put;
use crate::queue::layout::{ROOM_FOR_PREVIEW, list_height};
use crate::queue::look::Look;
use crate::queue::order::{Whose, group_name, operator_name};
use crate::queue::rows::Line;
use crate::queue::state::State;
use crate::queue::text::fit;
use crate::queue::words::{expires_soon, expiry, waiting};
use crate::words;

/// The cursor's sign and the sign of what is new or being changed.
const SIGNS: u16 = 2;

/// One column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Number,
    Priority,
    Waiting,
    State,
    Requester,
    Operator,
    Group,
    Connectable,
    Description,
}

impl Column {
    fn head(self) -> &'static str {
        match self {
            Self::Number => "no",
            Self::Priority => "prio",
            Self::Waiting => "waits",
            Self::State => "state",
            Self::Requester => "requester",
            Self::Operator => "operator",
            Self::Group => "group",
            Self::Connectable => "conn",
            Self::Description => "description",
        }
    }
}

/// The columns of a list so wide, each with its width. A narrow list has fewer: the line below
/// tells the rest.
fn columns(whole: u16) -> Vec<(Column, u16)> {
    use Column::{
        Connectable, Description, Group, Number, Operator, Priority, Requester, State, Waiting,
    };
    let mut columns = vec![(Number, 5), (Priority, 6), (Waiting, 5)];
    let share = |percent: u16, most: u16| (whole.saturating_sub(38) * percent / 100).clamp(8, most);
    if whole >= 56 {
        columns.push((State, 11));
    }
    if whole >= 72 {
        columns.push((Requester, share(27, 32)));
    }
    if whole >= 56 {
        columns.push((Operator, share(18, 16)));
    }
    if whole >= 72 {
        columns.extend([(Group, share(18, 16)), (Connectable, 4)]);
    }
    let taken: u16 = SIGNS + columns.iter().map(|(_, width)| width + 1).sum::<u16>();
    columns.push((Description, whole.saturating_sub(taken)));
    columns
}

/// Draws heads, rows and, where there is room, the line about the chosen ticket.
pub fn draw(state: &State, look: Look, area: Rect, buffer: &mut Buffer) {
    let columns = columns(area.width);
    heads(state, &columns, area, buffer);
    let (lines, chosen) = state.rows.window();
    let height =
        usize::from(list_height(state.size.1)).min(usize::from(area.height.saturating_sub(1)));
    for (row, line) in (0u16..).zip(lines.iter().take(height)) {
        let at = Rect { y: area.y + 1 + row, height: 1, ..area };
        draw_row(state, line, chosen == Some(usize::from(row)), &columns, look, at, buffer);
    }
    if lines.is_empty() {
        put(
            buffer,
            area.x + SIGNS,
            area.y + 1,
            empty_words(state),
            area.width.saturating_sub(SIGNS),
            Look::quiet(),
        );
    }
    if state.size.1 >= ROOM_FOR_PREVIEW {
        preview(state, Rect { y: area.bottom().saturating_sub(1), height: 1, ..area }, buffer);
    }
}

fn empty_words(state: &State) -> &'static str {
    let order = state.rows.order();
    if !state.rows.tickets().is_empty() || !order.filter.is_empty() || order.whose != Whose::All {
        "No ticket matches. Esc shows all again."
    } else if state.had_snapshot() {
        "No open tickets. The bell rings when one arrives."
    } else {
        "Waiting for the queue …"
    }
}

fn heads(state: &State, columns: &[(Column, u16)], area: Rect, buffer: &mut Buffer) {
    let sorted = state.rows.order().sort.word();
    let mut x = area.x + SIGNS;
    for &(column, columns) in columns {
        let by_this = match column {
            Column::Number
            | Column::Priority
            | Column::Waiting
            | Column::Operator
            | Column::Group => column_word(column) == sorted,
            _ => false,
        };
        let sign = if state.rows.order().reversed { '▴' } else { '▾' };
        let head =
            if by_this { format!("{}{sign}", column.head()) } else { column.head().to_owned() };
        put(buffer, x, area.y, &head, columns, Look::head());
        x += columns + 1;
    }
}

fn column_word(column: Column) -> &'static str {
    match column {
        Column::Number => "number",
        Column::Priority => "priority",
        Column::Waiting => "waiting",
        other => other.head(),
    }
}

fn draw_row(
    state: &State,
    line: &Line,
    chosen: bool,
    columns: &[(Column, u16)],
    look: Look,
    area: Rect,
    buffer: &mut Buffer,
) {
    if !buffer.area.contains(area.as_position()) {
        return;
    }
    let number = line.number;
    let news = match () {
        () if state.changing(number).is_some() => "…",
        () if state.rows.unseen().contains(&number) => "*",
        () => " ",
    };
    put(buffer, area.x, area.y, if chosen { ">" } else { " " }, 1, Look::strong());
    put(buffer, area.x + 1, area.y, news, 1, Look::strong());
    let ticket = state.rows.tickets().get(&number).filter(|_| line.gone.is_none());
    if let Some(ticket) = ticket {
        let mut x = area.x + SIGNS;
        for &(column, columns) in columns {
            let (text, style) = cell(state, ticket, column, columns, look);
            put(buffer, x, area.y, &text, columns, style);
            x += columns + 1;
        }
    } else {
        let text = format!("#{number:<5}{}", line.gone.as_deref().unwrap_or_default());
        put(buffer, area.x + SIGNS, area.y, &text, area.width.saturating_sub(SIGNS), Look::quiet());
    }
    if chosen {
        buffer.set_style(area, Look::chosen());
    }
}

fn cell(
    state: &State,
    ticket: &Ticket,
    column: Column,
    columns: u16,
    look: Look,
) -> (String, Style) {
    let columns = usize::from(columns);
    match column {
        Column::Number => (format!("#{}", ticket.number), Look::plain()),
        Column::Priority => {
            (words::priority(ticket.priority).to_owned(), look.priority(ticket.priority()))
        }
        Column::Waiting => (waiting(state.now, ticket), Look::plain()),
        Column::State => (words::state(ticket.state).to_owned(), Look::plain()),
        Column::Requester => (requester(ticket, columns), Look::plain()),
        Column::Operator => (or_dash(operator_name(ticket)), Look::plain()),
        Column::Group => (or_dash(group_name(ticket)), Look::plain()),
        Column::Connectable => {
            (if ticket.connectable { "yes" } else { "-" }.to_owned(), Look::plain())
        }
        Column::Description => match expires_soon(state.now, ticket) {
            Some(soon) => (format!("exp {soon} {}", ticket.title), Look::strong()),
            None => (ticket.title.clone(), Look::plain()),
        },
    }
}

fn or_dash(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { text.to_owned() }
}

/// Who asks; a quiet question mark at the end says that their address is not proven, also where it is
/// cut.
fn requester(ticket: &Ticket, columns: usize) -> String {
    if ticket.requester_verified {
        words::requester(ticket).to_owned()
    } else {
        format!("{}?", fit(words::requester(ticket), columns.saturating_sub(1)))
    }
}

/// The chosen ticket in one line, whatever the columns had to cut.
fn preview(state: &State, area: Rect, buffer: &mut Buffer) {
    let chosen = state.rows.chosen().filter(|line| line.gone.is_none());
    let Some(ticket) = chosen.and_then(|line| state.rows.tickets().get(&line.number)) else {
        return;
    };
    let text = format!(
        " #{} {} · {} · {}",
        ticket.number,
        ticket.title,
        words::requester_in_full(ticket),
        expiry(state.now, ticket)
    );
    put(buffer, area.x, area.y, &text, area.width, Look::quiet());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_fill_the_width_and_never_more() {
        for whole in 0..300 {
            let columns = columns(whole);
            let taken = SIGNS
                + columns.iter().map(|(_, width)| width).sum::<u16>()
                + u16::try_from(columns.len()).unwrap()
                - 1;
            assert!(whole < 30 || taken == whole, "{whole} {columns:?}");
        }
        assert_eq!(columns(80).len(), 9);
        assert_eq!(columns(40).len(), 4);
    }
}
