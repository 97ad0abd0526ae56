//! The state as a screen. Pure: it reads the state and fills cells.
//!
//! From top to bottom: what and who, the connection; the list or the opened ticket; a line to tell
//! things; the keys. Whatever colour says is also said in words or signs, because a terminal may
//! have no colour and a person may not see it.

mod list;
mod popup;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::detail::Detail;
use super::event::Call;
use super::layout::DETAIL_AROUND;
use super::look::Look;
use super::order::Whose;
use super::page;
use super::state::{Link, State};
use super::text::{fit, width};
use super::words;
use crate::inert;

/// Draws everything.
pub fn draw(state: &State, frame: &mut Frame<'_>) {
    let area = frame.area();
    let look = Look::new(state.colour);
    let buffer = frame.buffer_mut();
    header(state, look, area, buffer);
    let bottom = area.bottom();
    let body = |around: u16, top: u16| Rect {
        y: area.y + top,
        height: area.height.saturating_sub(around),
        ..area
    };
    match &state.detail {
        Some(opened) => scrolled(state, opened, body(DETAIL_AROUND, 1), buffer),
        None => list::draw(state, look, body(3, 1), buffer),
    }
    if area.height > 2 {
        told(state, look, Rect { y: bottom - 2, height: 1, ..area }, buffer);
        let keys = if state.detail.is_some() { popup::DETAIL_KEYS } else { popup::LIST_KEYS };
        put(
            buffer,
            area.x,
            bottom - 1,
            &fitting(keys, usize::from(area.width)),
            area.width,
            Look::quiet(),
        );
    }
    if let Some(position) = popup::draw(state, area, buffer) {
        frame.set_cursor_position(position);
    }
}

/// Draws the part of the opened ticket that is scrolled to.
fn scrolled(state: &State, detail: &Detail, area: Rect, buffer: &mut Buffer) {
    let lines = page::lines(state, detail);
    for (row, (text, style)) in (0..area.height).zip(lines.iter().skip(detail.scroll)) {
        put(buffer, area.x, area.y + row, text, area.width, *style);
    }
}

/// Puts a text into a line, cut at so many columns and at the edge of the screen. Whatever made the
/// text, it is inert here.
fn put(buffer: &mut Buffer, x: u16, y: u16, text: &str, columns: u16, style: Style) {
    if buffer.area.contains(Position { x, y }) {
        let text = fit(&inert::line(text), usize::from(columns));
        buffer.set_stringn(x, y, text, usize::from(columns), style);
    }
}

/// As many items as fit, with two spaces between them.
fn fitting(items: &[&str], columns: usize) -> String {
    let mut line = String::new();
    for item in items {
        let gap = if line.is_empty() { 1 } else { 2 };
        if width(&line) + gap + width(item) > columns {
            break;
        }
        line.extend(std::iter::repeat_n(' ', gap));
        line.push_str(item);
    }
    line
}

fn header(state: &State, look: Look, area: Rect, buffer: &mut Buffer) {
    let (link, link_style) = match &state.link {
        Link::Connecting => ("◌ connecting".to_owned(), look.warning()),
        Link::Broken { retry_at } => match retry_at.duration_since(state.now).as_secs() {
            ..=0 => ("◌ reconnecting".to_owned(), look.warning()),
            seconds => (format!("◌ reconnecting in {seconds} s"), look.warning()),
        },
        Link::Ended => ("✖ not live".to_owned(), look.warning()),
        Link::Live => match state.stale() {
            Some(silent) => (format!("▲ stale {} s", silent.as_secs()), look.warning()),
            None => ("● live".to_owned(), look.good()),
        },
    };
    let order = state.rows.order();
    let tickets = state.rows.tickets();
    let mut parts = Vec::new();
    let unseen = state.rows.unseen().len();
    if unseen > 0 {
        parts.push(format!("[{unseen} new]"));
    }
    parts.push(format!("{} open", tickets.len()));
    let (above, below) = state.rows.beyond();
    if above + below > 0 {
        parts.push(format!("{above}↑ {below}↓"));
    }
    let mine = tickets.values().filter(|ticket| order.mine.has(ticket)).count();
    if mine > 0 {
        parts.push(format!("{mine} mine"));
    }
    match order.whose {
        Whose::All => {}
        Whose::Mine => parts.push("only mine".to_owned()),
        Whose::Unassigned => parts.push("only unassigned".to_owned()),
    }
    if !order.filter.is_empty() {
        parts.push(format!("/{}", inert::line(&order.filter)));
    }
    if !state.me.name.is_empty() {
        parts.push(format!(
            "{}, {}",
            state.me.name,
            if state.me.available { "available" } else { "away" }
        ));
    }
    let link_width = u16::try_from(width(&link)).unwrap_or(area.width).min(area.width);
    let left = format!(" {}", parts.join(" · "));
    let bold = if unseen > 0 { Look::strong() } else { Look::plain() };
    put(buffer, area.x, area.y, &left, area.width.saturating_sub(link_width + 2), bold);
    put(
        buffer,
        area.right().saturating_sub(link_width + 1).max(area.x),
        area.y,
        &link,
        link_width,
        link_style,
    );
}

/// What is being done for the operator, else what there is to tell, else what goes on by the way.
fn told(state: &State, look: Look, area: Rect, buffer: &mut Buffer) {
    let by_the_way = |call: &&Call| matches!(call, Call::People | Call::Open { .. });
    let doing = state.in_flight.values().find(|call| !by_the_way(call) || state.notice.is_none());
    let (text, style) = match (doing.map(words::doing), &state.notice) {
        (_, Some(notice)) if notice.bad => (format!(" ! {}", notice.text), look.bad()),
        (Some(doing), _) => (format!(" … {doing}"), Look::quiet()),
        (None, Some(notice)) => (format!(" {}", notice.text), Look::plain()),
        (None, None) => return,
    };
    put(buffer, area.x, area.y, &text, area.width, style);
}
