//! The requests of this computer, from a script: all that were rung here, as the server tells them
//! now.

use std::io::{self, Write};

use clap::Args;
use deskbell_proto::manifest::Verified;
use deskbell_proto::problem::Problem;
use deskbell_proto::v1::CustomerTicket;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::in_use::profile_in_use;
use crate::inert;
use crate::link::calls::Calls;
use crate::manifest::Manifests;
use crate::outbox::{Kept, Outbox};
use crate::ticket::{deliver_kept, open_outbox, state_word};

/// How the requests are listed.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Answer as JSON, one line a request, with the contract's field names; {"kept": true} where it
    /// is not sent yet
    #[arg(long)]
    json: bool,
}

/// Lists the requests, newest first. Where the server cannot be asked, what is on disk is listed
/// all the same, and the problem said.
pub fn run(arguments: &Arguments, manifests: &Manifests) -> Result<(), Failure> {
    let used = profile_in_use(manifests)?;
    deliver_kept(manifests, &used);
    let outbox = open_outbox(manifests, &used)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (listed, problem) = runtime.block_on(ask(&outbox, &used))?;
    runtime.shutdown_background();
    let mut out = io::stdout().lock();
    if listed.is_empty() && problem.is_none() && !arguments.json {
        writeln!(out, "Nothing was rung from this computer yet: use deskbell-widget submit.")?;
    }
    for (kept, ticket) in listed {
        if arguments.json {
            let told = match &ticket {
                Some(ticket) => deskbell_proto::json::to_value(ticket),
                None => unknown(&kept),
            };
            writeln!(out, "{}", inert::json(&told))?;
        } else {
            line(&kept, ticket.as_ref(), &mut out)?;
        }
    }
    problem.map_or(Ok(()), |problem| Err(Failure::refused(problem.text)))
}

type Listed = Vec<(Kept, Option<CustomerTicket>)>;

async fn ask(outbox: &Outbox, used: &Verified) -> io::Result<(Listed, Option<Problem>)> {
    let (mut calls, mut trouble) = match Calls::new(used) {
        Ok(calls) => (Some(calls), None),
        Err(problem) => (None, Some(problem)),
    };
    let mut listed = Vec::new();
    for kept in all(outbox).await? {
        let secret = kept.number.and(kept.secret());
        let (Some(asked), Some(secret)) = (&calls, secret) else {
            listed.push((kept, None));
            continue;
        };
        match asked.ticket(&secret).await {
            Ok(ticket) => listed.push((kept, Some(ticket))),
            // It was erased: there is nothing left to list.
            Err(problem) if problem.code == tonic::Code::NotFound => {}
            Err(problem) => {
                listed.push((kept, None));
                (calls, trouble) = (None, Some(problem));
            }
        }
    }
    Ok((listed, trouble))
}

/// Everything on disk, newest first.
async fn all(outbox: &Outbox) -> io::Result<Vec<Kept>> {
    let locked = outbox.lock().await?;
    let mut all = Vec::new();
    for name in locked.names()?.into_iter().rev() {
        all.extend(locked.load(&name)?);
    }
    Ok(all)
}

/// What is known of a request without the server.
fn unknown(kept: &Kept) -> Value {
    let draft = kept.draft();
    match kept.number {
        Some(number) => json!({"number": number, "description": draft.description}),
        None => json!({"kept": true, "description": draft.description}),
    }
}

fn line(kept: &Kept, ticket: Option<&CustomerTicket>, out: &mut impl Write) -> io::Result<()> {
    let description = kept.draft().description;
    let first = inert::line(description.lines().next().unwrap_or_default());
    let number = kept.number.map_or_else(|| "-".to_owned(), |number| number.to_string());
    let state = match ticket {
        Some(ticket) => state_word(ticket.state()),
        None if kept.number.is_some() => "sent",
        None => "not sent",
    };
    writeln!(out, "{number:>6}  {state:<11}  {first}")
}
