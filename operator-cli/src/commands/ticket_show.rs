//! What `deskbell ticket list`, `show` and `log` print.

use std::fmt::Write as _;

use deskbell_proto::client::Client;
use deskbell_proto::v1;
use jiff::Timestamp;

use crate::commands::ticket_filter::Filter;
use crate::failure::Failure;
use crate::inert;
use crate::moments;
use crate::session::{Setting, call};
use crate::table::{Look, Table};
use crate::words;

/// Tickets of a list, page by page, until there are no more or enough.
pub struct Pages<'a> {
    client: &'a Client,
    request: Option<v1::ListTicketsRequest>,
    left: usize,
}

impl<'a> Pages<'a> {
    /// The pages of this list, at most so many tickets in all.
    pub fn new(client: &'a Client, request: v1::ListTicketsRequest, limit: Option<u32>) -> Self {
        let left = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
        Self { client, request: Some(request), left }
    }

    /// The next page; none after the last.
    pub async fn next(&mut self) -> Result<Option<Vec<v1::Ticket>>, Failure> {
        let Some(request) = self.request.take().filter(|_| self.left > 0) else {
            return Ok(None);
        };
        let mut page = call!(self.client, queue.list_tickets(request.clone()))?;
        if !page.next_page_token.is_empty() {
            self.request =
                Some(v1::ListTicketsRequest { page_token: page.next_page_token, ..request });
        }
        page.tickets.truncate(self.left);
        self.left -= page.tickets.len();
        Ok(Some(page.tickets))
    }
}

/// Lists open tickets.
pub async fn list(setting: &Setting, client: &Client, filter: &Filter) -> Result<(), Failure> {
    let request = filter.request(client, false, !setting.output.is_json()).await?;
    let mut pages = Pages::new(client, request, filter.limit);
    let now = Timestamp::now();
    let mut table = Table::new([
        "NUMBER",
        "PRIORITY",
        "STATE",
        "WAITING",
        "OPERATOR",
        "GROUP",
        "REQUESTER",
        "TITLE",
    ]);
    while let Some(tickets) = pages.next().await? {
        for ticket in &tickets {
            if setting.output.is_json() {
                setting.output.message(ticket)?;
                continue;
            }
            let look =
                if ticket.priority() == v1::Priority::Urgent { Look::Loud } else { Look::Plain };
            table.row_in(
                look,
                [
                    ticket.number.to_string(),
                    words::priority(ticket.priority).to_owned(),
                    words::state(ticket.state).to_owned(),
                    moments::since(ticket.submit_time.as_ref(), now),
                    operator(ticket).to_owned(),
                    group(ticket).to_owned(),
                    requester(ticket),
                    ticket.title.clone(),
                ],
            );
        }
    }
    if setting.output.is_json() { Ok(()) } else { setting.output.table(&table, "No open tickets.") }
}

/// The operator's name; empty when it has none.
pub fn operator(ticket: &v1::Ticket) -> &str {
    ticket.operator.as_ref().map_or("", |operator| &operator.display_name)
}

/// The group's name; empty when it has none.
pub fn group(ticket: &v1::Ticket) -> &str {
    ticket.group.as_ref().map_or("", |group| &group.name)
}

/// Who asks, marked while their address is not proven.
pub fn requester(ticket: &v1::Ticket) -> String {
    let mark = if ticket.requester_verified { "" } else { " ?" };
    format!("{}{mark}", words::requester(ticket))
}

/// Shows one ticket.
pub async fn show(setting: &Setting, client: &Client, number: i64) -> Result<(), Failure> {
    let answer = call!(client, queue.get_ticket(v1::GetTicketRequest { number }))?;
    if setting.output.is_json() {
        return setting.output.message(&answer);
    }
    let Some(ticket) = &answer.ticket else {
        return Ok(());
    };
    setting.output.say(&whole(ticket, &answer.messages, Timestamp::now()))
}

/// A ticket as text. One-line fields are made inert one by one, so that none of them can pretend to
/// be another line.
fn whole(ticket: &v1::Ticket, messages: &[v1::Message], now: Timestamp) -> String {
    let mut text = format!("#{}  {}\n", ticket.number, inert::line(&ticket.title));
    let mut field = |name: &str, value: &str| {
        if !value.is_empty() {
            // Writing into a string cannot fail.
            let _ = writeln!(text, "{name:<11}{}", inert::line(value));
        }
    };
    field("State", words::state(ticket.state));
    field("Priority", words::priority(ticket.priority));
    field("Operator", if operator(ticket).is_empty() { "nobody" } else { operator(ticket) });
    field("Group", group(ticket));
    field("Requester", &words::requester_in_full(ticket));
    field("Through", &ticket.profile_name);
    field("Tags", &ticket.tags.join(", "));
    let waiting = moments::since(ticket.submit_time.as_ref(), now);
    field("Submitted", &format!("{} ({waiting} ago)", moments::local(ticket.submit_time.as_ref())));
    if ticket.expire_time.is_some() {
        let left = moments::until(ticket.expire_time.as_ref(), now);
        field("Expires", &format!("{} (in {left})", moments::local(ticket.expire_time.as_ref())));
    }
    field("Ended", &moments::local(ticket.end_time.as_ref()));
    if ticket.connectable {
        field("Machine", "can be connected to");
    }
    field("Version", &ticket.version.to_string());
    let mut facts: Vec<_> = ticket.facts.iter().collect();
    facts.sort();
    for (name, value) in facts {
        let _ = writeln!(text, "Fact       {}: {}", inert::line(name), inert::line(value));
    }
    let _ = write!(text, "\n{}", indented(&ticket.description));
    for message in messages {
        let author = message.author.as_ref().map_or("customer", |author| &author.display_name);
        let _ = write!(
            text,
            "\n\n{}  {} ({})\n{}",
            moments::local(message.create_time.as_ref()),
            inert::line(author),
            words::message_kind(message.kind),
            indented(&message.text)
        );
    }
    text
}

/// Each line moved in, so that no text of a stranger looks like one of the program's own lines.
fn indented(text: &str) -> String {
    inert::block(text).lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

/// Shows what happened to a ticket.
pub async fn log(setting: &Setting, client: &Client, number: i64) -> Result<(), Failure> {
    let events =
        call!(client, queue.list_ticket_events(v1::ListTicketEventsRequest { number }))?.events;
    let mut table = Table::new(["WHEN", "VERSION", "WHO", "WHAT", "DETAILS"]);
    for event in &events {
        let detail = |(name, value): (&String, &String)| match value.as_str() {
            "" => format!("{}: none", name.replace('_', " ")),
            value => format!("{}: {value}", name.replace('_', " ")),
        };
        let mut details: Vec<_> = event.details.iter().map(detail).collect();
        details.sort();
        table.row([
            moments::local(event.time.as_ref()),
            event.version.to_string(),
            event.actor.clone(),
            event.kind.replace('_', " "),
            details.join(", "),
        ]);
    }
    setting.output.list(&events, &table, "Nothing is recorded.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_fields_stay_in_their_place() {
        let ticket = v1::Ticket {
            number: 7,
            title: "help\nState      closed".to_owned(),
            requester: "x@\x1b[2Jy".to_owned(),
            description: "one\nState      closed\n\x1b]0;title\x07".to_owned(),
            facts: [("os\nGroup".to_owned(), "a\u{202e}b".to_owned())].into(),
            ..Default::default()
        };
        let text = whole(&ticket, &[], Timestamp::UNIX_EPOCH);
        assert!(text.lines().filter(|line| line.starts_with("State ")).count() == 1, "{text}");
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text}");
        assert!(text.contains("  State      closed\n  ␛]0;title␇"), "{text}");
        assert!(text.contains("x@␛[2Jy (unverified)"));
    }
}
