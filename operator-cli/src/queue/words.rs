//! The sentences the queue tells: what is being done, what was done, and why something was not.

use deskbell_proto::v1::{Group, Member, Ticket, TicketState};
use jiff::Timestamp;

use super::event::{Call, Change, Refusal, Writing};
use super::text::stretch;
use crate::words;

/// A ticket that expires within this many seconds says so.
const EXPIRES_SOON: i64 = 3600;

/// What the keys do.
pub const HELP: &[&str] = &[
    "↑ ↓ j k      one row up or down",
    "PgUp PgDn    one screen up or down; so does Space",
    "Home End g G first or last row",
    "Esc          back, one step: clear the filter, show all again",
    "J K          while a ticket is open: the next, the previous one",
    "Enter        open the ticket: description, messages, history",
    "",
    "t            take what nobody has: you become its operator",
    "T            take it from a colleague, who is told; asks first",
    "a            assign it to an operator or a group",
    "p            set its priority",
    "r n          reply to the customer; note for colleagues",
    "c            close it",
    "O            open an ended ticket again (in the opened ticket)",
    "N            take the next ticket",
    "A            be available or away",
    "/            filter by text, number, priority, state; accents do not matter",
    "s S          sort by priority, waiting, number, group, operator; reverse",
    "m U          only yours; only unassigned ones",
    "!            all messages",
    "q Ctrl-C     leave; asks where a draft would be lost",
    "Ctrl-Z       stop, until the shell has it go on (fg)",
    "Ctrl-E       while writing: go on in your editor (VISUAL or EDITOR)",
    "",
    ">   the row your keys act on      *   new, not yet looked at",
    "…   a change is on its way        ?   the address is not verified",
    "exp 12m   expires in 12 minutes   conn   can be connected to",
    "2↑ 5↓     rows above and below the screen",
    "● live    ◌ reconnecting    ▲ stale: silent for too long",
    "",
    "Rows never jump under the cursor: new tickets come at the end, and the",
    "next key that moves the cursor puts everything in order.",
];

/// What a change that was made has done.
pub fn done(change: &Change, members: &[Member], groups: &[Group]) -> String {
    let name = |id: &str, known: Option<&str>| known.unwrap_or(id).to_owned();
    match change {
        Change::Take => "it is yours now".to_owned(),
        Change::TakeFrom { name, .. } => format!("it is yours now; {name} is told"),
        Change::Assign { operator: Some(id), .. } if id.is_empty() => {
            "no operator has it now".to_owned()
        }
        Change::Assign { operator: Some(id), .. } => {
            let known = members
                .iter()
                .find(|member| member.id == *id)
                .map(|member| member.display_name.as_str());
            format!("assigned to {}", name(id, known))
        }
        Change::Assign { group: Some(id), .. } if id.is_empty() => {
            "it is in no group now".to_owned()
        }
        Change::Assign { group: Some(id), .. } => {
            let known =
                groups.iter().find(|group| group.id == *id).map(|group| group.name.as_str());
            format!("assigned to the group {}", name(id, known))
        }
        Change::Assign { operator: None, group: None } => "left as it was".to_owned(),
        Change::SetPriority(priority) => {
            format!("priority is {} now", words::priority((*priority).into()))
        }
        Change::Write { writing: Writing::Reply, .. } => "your reply is sent".to_owned(),
        Change::Write { writing: Writing::Note, .. } => "your note is kept".to_owned(),
        Change::Close => "closed".to_owned(),
        Change::Reopen => "open again".to_owned(),
    }
}

/// What is being done, while it is.
pub fn doing(call: &Call) -> String {
    match call {
        Call::People => "asking who is in the team".to_owned(),
        Call::Open { number } => format!("opening #{number}"),
        Call::Next => "asking for the next ticket".to_owned(),
        Call::SetAvailable(true) => "becoming available".to_owned(),
        Call::SetAvailable(false) => "going away".to_owned(),
        Call::Change { number, change, .. } => {
            let act = match change {
                Change::Take | Change::TakeFrom { .. } => "taking",
                Change::Assign { .. } => "assigning",
                Change::SetPriority(_) => "setting the priority of",
                Change::Write { writing: Writing::Reply, .. } => "replying to",
                Change::Write { writing: Writing::Note, .. } => "noting on",
                Change::Close => "closing",
                Change::Reopen => "reopening",
            };
            format!("{act} #{number}")
        }
    }
}

/// Why a call came to nothing, and what to do.
pub fn refused(call: &Call, refusal: &Refusal) -> String {
    let text = &refusal.text;
    match call {
        Call::Change { number, change: Change::Write { writing, .. }, .. } => {
            let key = if *writing == Writing::Reply { "r" } else { "n" };
            format!("#{number}: not sent, {key} has your draft. {text}")
        }
        Call::Change { number, .. } => format!("#{number}: {text}"),
        Call::People | Call::Open { .. } | Call::Next | Call::SetAvailable(_) => text.clone(),
    }
}

/// What whoever had a ticket is told when it is no longer theirs.
pub fn lost(number: i64, kind: &str, actor: &str, now: Option<&Ticket>) -> String {
    let Some(ticket) = now else {
        return format!("#{number} was yours: {actor} moved it where you do not see it.");
    };
    match &ticket.operator {
        Some(_) if kind == "taken" => format!("#{number} was yours: {actor} took it from you."),
        Some(has) => format!("#{number} was yours: {actor} gave it to {}.", has.display_name),
        None => format!("#{number} was yours: {actor} took your name off it."),
    }
}

/// The same for what happened while the connection was broken.
pub fn lost_meanwhile(ticket: &Ticket) -> String {
    let now = ticket.operator.as_ref().map_or("nobody", |has| &has.display_name);
    format!("#{} was yours; meanwhile it went to {now}.", ticket.number)
}

/// What became of a ticket that ended.
pub fn ended(ticket: &Ticket, kind: &str, actor: &str) -> String {
    match (ticket.state(), kind) {
        (TicketState::Expired, _) => "expired".to_owned(),
        (_, "cancelled") => "cancelled by the customer".to_owned(),
        _ => format!("closed by {actor}"),
    }
}

/// How long a ticket has been waiting.
pub fn waiting(now: Timestamp, ticket: &Ticket) -> String {
    ticket.submit_time.as_ref().map_or_else(
        || "-".to_owned(),
        |time| stretch(now.as_second().saturating_sub(time.seconds)),
    )
}

/// When a ticket expires.
pub fn expiry(now: Timestamp, ticket: &Ticket) -> String {
    expires_in(now, ticket).map_or_else(
        || "never expires".to_owned(),
        |seconds| match seconds {
            ..1 => "expires now".to_owned(),
            _ => format!("expires in {}", left(seconds)),
        },
    )
}

/// In how long a ticket expires, if that is soon.
pub fn expires_soon(now: Timestamp, ticket: &Ticket) -> Option<String> {
    expires_in(now, ticket).filter(|&seconds| seconds <= EXPIRES_SOON).map(left)
}

/// What is left of a time: down to the second at its end.
fn left(seconds: i64) -> String {
    if (1..60).contains(&seconds) { format!("{seconds}s") } else { stretch(seconds) }
}

fn expires_in(now: Timestamp, ticket: &Ticket) -> Option<i64> {
    ticket.expire_time.as_ref().map(|time| time.seconds.saturating_sub(now.as_second()))
}
