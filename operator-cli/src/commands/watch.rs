//! `deskbell watch`: every change of the queue as it happens, for people and for scripts.

use clap::Args;
use deskbell_proto::v1;
use deskbell_proto::v1::watch_queue_response::{Change, Frame, Progress, Snapshot};
use deskbell_proto::watch::{QueueWatch, WatchNews};
use jiff::Timestamp;
use serde_json::Value;

use crate::commands::ticket_show::{group, operator, requester};
use crate::failure::Failure;
use crate::inert;
use crate::moments;
use crate::output::{Output, aside, unread};
use crate::session::Setting;
use crate::words;

/// See `deskbell watch --help`.
#[derive(Debug, Args)]
#[command(after_help = "\
With --json each line is one object with the fields of WatchQueueResponse, and \"cursor\": a \
place to go on from. First comes \
\"snapshot\" with all open tickets that you see, then a \"change\" each time something happens; a \
new \"snapshot\" means: forget \
everything before. When the connection breaks, the command says so on the error output and goes \
on by itself, without a \
gap or a repeat. Stop it with Ctrl-C.

Example:
  deskbell watch
  deskbell watch --json | jq -r 'select(.change) | .change.tickets[].title'
  deskbell watch --json --after CURSOR")]
pub struct Watch {
    /// Go on after this cursor of an earlier watch; what is too old starts over with a snapshot
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
    /// With --json: also print marks of progress while nothing happens
    #[arg(long)]
    progress: bool,
}

impl Watch {
    /// Prints until the session ends, or nobody reads any more.
    pub async fn run(self, setting: &Setting) -> Result<(), Failure> {
        tokio::select! {
            ended = self.print_all(setting) => ended,
            // In a quiet team nothing is written that would tell.
            () = unread() => Ok(()),
        }
    }

    async fn print_all(self, setting: &Setting) -> Result<(), Failure> {
        let client = setting.client().await?;
        let mut watch = QueueWatch::new(client.watch()).after(self.after.unwrap_or_default());
        while let Some(news) = watch.next().await {
            match news {
                WatchNews::Snapshot { tickets, cursor } => {
                    let frame = Frame::Snapshot(Snapshot {
                        cursor: cursor.clone(),
                        tickets,
                        first: true,
                        last: true,
                    });
                    print(setting.output, frame, cursor)?;
                }
                WatchNews::Change(change) => {
                    let cursor = change.cursor.clone();
                    print(setting.output, Frame::Change(change), cursor)?;
                }
                WatchNews::Progress { cursor } if self.progress => {
                    print(
                        setting.output,
                        Frame::Progress(Progress { cursor: cursor.clone() }),
                        cursor,
                    )?;
                }
                WatchNews::Connected { .. }
                | WatchNews::StartedOver
                | WatchNews::Progress { .. } => {}
                WatchNews::Disconnected { problem, retry_in } => {
                    aside(&format!(
                        "Disconnected: {problem}\nTrying again in {} s.",
                        retry_in.as_secs_f32().ceil()
                    ));
                }
                WatchNews::Ended(problem) => return Err(problem.into()),
            }
        }
        Ok(())
    }
}

fn print(output: Output, frame: Frame, cursor: String) -> Result<(), Failure> {
    if output.is_json() {
        output.value(&object(frame, cursor))
    } else {
        match frame {
            Frame::Snapshot(snapshot) => output.say(&format!(
                "{}  {} open tickets",
                moments::clock(Timestamp::now()),
                snapshot.tickets.len()
            )),
            Frame::Change(change) => lines(&change).iter().try_for_each(|line| {
                output.say(&format!("{}  {line}", moments::clock(Timestamp::now())))
            }),
            Frame::Progress(_) => Ok(()),
        }
    }
}

/// The frame as the contract names it, and its cursor where scripts find it whatever the frame is.
fn object(frame: Frame, cursor: String) -> Value {
    let mut value = deskbell_proto::json::to_value(&v1::WatchQueueResponse { frame: Some(frame) });
    if let Value::Object(fields) = &mut value {
        fields.insert("cursor".to_owned(), Value::String(cursor));
    }
    value
}

/// A change for people, a line for each ticket: "#42 taken by Ana: in progress, high, Ana in
/// Support, x@y: Printer on fire".
fn lines(change: &Change) -> Vec<String> {
    let what = inert::line(&change.kind).replace('_', " ");
    let who = inert::line(&change.actor);
    let told = change.tickets.iter().map(|ticket| {
        let place: Vec<&str> =
            [operator(ticket), group(ticket)].into_iter().filter(|name| !name.is_empty()).collect();
        let place = if place.is_empty() { "unassigned".to_owned() } else { place.join(" in ") };
        let state = format!("{}, {}", words::state(ticket.state), words::priority(ticket.priority));
        let line = format!(
            "#{} {what} by {who}: {state}, {place}, {}: {}",
            ticket.number,
            requester(ticket),
            ticket.title
        );
        inert::line(&line).into_owned()
    });
    let gone =
        change.removed.iter().map(|number| format!("#{number} left your sight ({what} by {who})"));
    told.chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn change() -> Change {
        Change {
            cursor: "c7".to_owned(),
            tickets: vec![v1::Ticket {
                number: 42,
                state: v1::TicketState::InProgress.into(),
                priority: v1::Priority::High.into(),
                requester: "x@y".to_owned(),
                title: "Printer\x1b[2J\nfire".to_owned(),
                ..Default::default()
            }],
            removed: vec![7],
            kind: "customer_wrote".to_owned(),
            actor: "customer".to_owned(),
        }
    }

    #[test]
    fn one_object_a_change_with_its_cursor() {
        let value = object(Frame::Change(change()), "c7".to_owned());
        assert_eq!(value["cursor"], json!("c7"));
        assert_eq!(value["change"]["removed"], json!([7]));
        assert_eq!(value["change"]["tickets"][0]["state"], json!("TICKET_STATE_IN_PROGRESS"));
        assert!(value.get("snapshot").is_none() && value.get("progress").is_none());
    }

    #[test]
    fn one_line_a_ticket() {
        assert_eq!(
            lines(&change()),
            [
                "#42 customer wrote by customer: in progress, high, unassigned, x@y ?: \
                 Printer␛[2J␊fire",
                "#7 left your sight (customer wrote by customer)"
            ]
        );
    }
}
