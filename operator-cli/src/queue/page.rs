//! An opened ticket as one text to scroll through: facts, description, messages and history.

use deskbell_proto::v1::{MessageKind, Ticket, TicketEvent};
use jiff::Timestamp;
use ratatui::style::Style;

use super::detail::Detail;
use super::look::Look;
use super::order::{group_name, operator_name};
use super::state::State;
use super::text::wrap;
use super::words::{expiry, waiting};
use crate::words;

/// The ticket in lines for a screen so wide.
pub fn lines(state: &State, detail: &Detail) -> Vec<(String, Style)> {
    let columns = usize::from(state.size.0);
    let mut lines = Lines { columns, lines: Vec::new() };
    let Some(ticket) = &detail.ticket else {
        lines.add(1, &format!("#{} …", detail.number), Look::plain());
        return lines.lines;
    };
    lines.add(1, &format!("#{} {}", ticket.number, ticket.title), Look::strong());
    for facts in facts(state, ticket) {
        lines.add(1, &facts, Look::plain());
    }
    lines.section("Description");
    lines.add(2, &ticket.description, Look::plain());
    if !detail.messages.is_empty() {
        lines.section("Messages");
    }
    for message in &detail.messages {
        let author = message.author.as_ref().map_or("customer", |author| &author.display_name);
        let what = match message.kind() {
            MessageKind::Note => ", note for colleagues",
            MessageKind::Reply => ", reply",
            MessageKind::Customer | MessageKind::Unspecified => "",
        };
        lines.add(
            2,
            &format!("{author}, {}{what}:", when(state, message.create_time.as_ref())),
            Look::quiet(),
        );
        lines.add(4, &message.text, Look::plain());
    }
    if !detail.events.is_empty() {
        lines.section("History");
    }
    for event in &detail.events {
        lines.add(2, &event_words(state, event), Look::plain());
    }
    lines.lines
}

fn facts(state: &State, ticket: &Ticket) -> Vec<String> {
    let or =
        |text: &str, other: &str| if text.is_empty() { other.to_owned() } else { text.to_owned() };
    let time = if ticket.end_time.is_some() {
        format!("ended {}", when(state, ticket.end_time.as_ref()))
    } else {
        format!("waits {} · {}", waiting(state.now, ticket), expiry(state.now, ticket))
    };
    let mut facts = vec![
        format!("{} · {} · {time}", words::priority(ticket.priority), words::state(ticket.state)),
        format!(
            "from {}, {}",
            words::requester_in_full(ticket),
            when(state, ticket.submit_time.as_ref())
        ),
        format!(
            "operator: {} · group: {}",
            or(operator_name(ticket), "none"),
            or(group_name(ticket), "none")
        ),
    ];
    if !ticket.profile_name.is_empty() {
        facts.push(format!("through {}", ticket.profile_name));
    }
    if !ticket.tags.is_empty() {
        facts.push(format!("tags: {}", ticket.tags.join(", ")));
    }
    facts.push(
        if ticket.connectable { "can be connected to" } else { "cannot be connected to" }
            .to_owned(),
    );
    // The map has no order of its own.
    let mut told: Vec<String> =
        ticket.facts.iter().map(|(key, value)| format!("{key}: {value}")).collect();
    told.sort();
    if !told.is_empty() {
        facts.push(told.join(" · "));
    }
    facts
}

fn event_words(state: &State, event: &TicketEvent) -> String {
    let mut details: Vec<String> =
        event.details.iter().map(|(key, value)| format!("{key} {value}")).collect();
    details.sort();
    let details =
        if details.is_empty() { String::new() } else { format!(" ({})", details.join(", ")) };
    format!(
        "{}  {}  {}{details}",
        when(state, event.time.as_ref()),
        event.actor,
        event.kind.replace('_', " ")
    )
}

fn when(state: &State, time: Option<&prost_types::Timestamp>) -> String {
    time.and_then(|time| Timestamp::from_second(time.seconds).ok()).map_or_else(
        || "?".to_owned(),
        |time| time.to_zoned(state.zone.clone()).strftime("%Y-%m-%d %H:%M").to_string(),
    )
}

/// Lines being collected, wrapped to the screen.
struct Lines {
    columns: usize,
    lines: Vec<(String, Style)>,
}

impl Lines {
    fn section(&mut self, title: &str) {
        self.lines.push((String::new(), Look::plain()));
        self.add(1, title, Look::head());
    }

    fn add(&mut self, indent: usize, text: &str, style: Style) {
        let margin = " ".repeat(indent);
        for line in wrap(text, self.columns.saturating_sub(indent + 1)) {
            self.lines.push((format!("{margin}{}", &text[line]), style));
        }
    }
}
