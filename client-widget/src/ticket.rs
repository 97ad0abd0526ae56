//! Looking at one's own requests from a script: what the window shows of them, as the server tells
//! it now.

use std::io::{self, Write};

use clap::Args;
use deskbell_proto::client;
use deskbell_proto::manifest::Verified;
use deskbell_proto::reading::ticket_number;
use deskbell_proto::v1::{CustomerTicket, TicketState};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::catch_up;
use crate::failure::Failure;
use crate::in_use::profile_in_use;
use crate::inert;
use crate::link::calls::Calls;
use crate::manifest::Manifests;
use crate::outbox::{Kept, Outbox};

/// Which request to look at.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The request's number [default: the newest of this computer]
    #[arg(value_parser = ticket_number)]
    number: Option<i64>,
    /// Say that help is still needed: it expires later
    #[arg(long)]
    still_needed: bool,
    /// Answer as JSON, with the contract's field names
    #[arg(long)]
    json: bool,
}

/// Asks the server for a request that was rung from here, and shows it.
pub fn run(arguments: &Arguments, manifests: &Manifests) -> Result<(), Failure> {
    let used = profile_in_use(manifests)?;
    deliver_kept(manifests, &used);
    let outbox = open_outbox(manifests, &used)?;
    let kept = find(&outbox, arguments.number)?;
    let secret = kept
        .secret()
        .ok_or_else(|| Failure::refused("The request on this computer is damaged."))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let asked = runtime.block_on(async {
        let calls = Calls::new(&used)?;
        if arguments.still_needed {
            calls.still_needed(&secret, &client::request_id()).await
        } else {
            calls.ticket(&secret).await
        }
    });
    // A name look-up that hangs shall not hold up the script.
    runtime.shutdown_background();
    let ticket = asked.map_err(|problem| Failure::refused(problem.text))?;
    let mut out = io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", inert::json(&deskbell_proto::json::to_value(&ticket)))?;
    } else {
        describe(&ticket, &mut out)?;
    }
    Ok(())
}

/// The requests that were rung from here.
pub fn open_outbox(manifests: &Manifests, used: &Verified) -> io::Result<Outbox> {
    Outbox::open(manifests.folder(&used.manifest.profile_id).join("requests"))
}

/// Sends what is kept, if anything is, without saying so: for commands about something else, which
/// go on whatever comes of it.
pub fn deliver_kept(manifests: &Manifests, used: &Verified) {
    if let Err(error) = deliver_any(manifests, used) {
        tracing::warn!(%error, "what is kept could not be sent");
    }
}

fn deliver_any(manifests: &Manifests, used: &Verified) -> io::Result<()> {
    let folder = manifests.folder(&used.manifest.profile_id).join("requests");
    if !folder.exists() {
        return Ok(());
    }
    let outbox = Outbox::open(folder)?;
    let waits = |kept: Kept| !kept.is_settled();
    let Some(locked) = outbox.try_lock()? else { return Ok(()) };
    let mut names = locked.names()?.into_iter();
    let any = names.any(|name| locked.load(&name).ok().flatten().is_some_and(waits));
    drop(locked);
    if any {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            if let Ok(calls) = Calls::new(used) {
                catch_up::deliver(&outbox, &calls).await;
            }
        });
        runtime.shutdown_background();
    }
    Ok(())
}

fn find(outbox: &Outbox, wanted: Option<i64>) -> Result<Kept, Failure> {
    let locked = outbox
        .try_lock()?
        .ok_or_else(|| Failure::refused("Another window is sending just now. Try again."))?;
    let mut newest: Option<Kept> = None;
    for name in locked.names()? {
        let Some(kept) = locked.load(&name)? else { continue };
        let Some(number) = kept.number else { continue };
        let fits = wanted.is_none_or(|wanted| wanted == number);
        if fits && newest.as_ref().is_none_or(|newest| newest.number < Some(number)) {
            newest = Some(kept);
        }
    }
    newest.ok_or_else(|| match wanted {
        Some(number) => {
            Failure::refused(format!("Request {number} was not rung from this computer."))
        }
        None => {
            Failure::refused("Nothing was rung from this computer yet: use deskbell-widget submit.")
        }
    })
}

/// A state in a word or two.
pub fn state_word(state: TicketState) -> &'static str {
    match state {
        TicketState::Unspecified => "unknown",
        TicketState::New => "new",
        TicketState::InProgress => "in progress",
        TicketState::Answered => "answered",
        TicketState::Closed => "closed",
        TicketState::Expired => "expired",
    }
}

fn describe(ticket: &CustomerTicket, out: &mut impl Write) -> io::Result<()> {
    let state = state_word(ticket.state());
    write!(out, "Request {} is {state}", ticket.number)?;
    if !ticket.helper.is_empty() {
        write!(out, ", {} helps", inert::line(&ticket.helper))?;
    }
    writeln!(out, ".")?;
    let expires = ticket.expire_time.as_ref().and_then(|at| Timestamp::new(at.seconds, 0).ok());
    if let Some(expires) = expires {
        let expires = expires.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M");
        writeln!(out, "It expires at {expires} unless somebody writes.")?;
    }
    for message in &ticket.messages {
        let from = if message.from.is_empty() { "You" } else { message.from.as_str() };
        writeln!(out, "\n{}:\n{}", inert::line(from), inert::block(&message.text))?;
    }
    Ok(())
}
