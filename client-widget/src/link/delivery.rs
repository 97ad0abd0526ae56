//! Sends what is kept on disk, in order, until the server has acknowledged it.

use std::io;

use deskbell_proto::problem::Problem;
use deskbell_proto::v1::CustomerTicket;
use tonic::Code;

use super::calls::Calls;
use crate::outbox::{Kept, Locked, Outbox};
use crate::state::form::Draft;

/// What came of one request.
#[derive(Debug)]
pub enum Outcome {
    /// Everything is acknowledged. The ticket is there when something was sent.
    Settled(Option<Box<CustomerTicket>>),
    /// Taken back before the server could have seen it; it is gone from disk.
    Withdrawn(Draft),
    /// The server refuses it for good; it is gone from disk.
    Refused(Draft, Problem),
    /// The ticket takes no more messages. What was not taken is the draft of another one.
    Full(Draft),
    /// The server does not know the ticket; what was written on it can reach nobody.
    Gone,
    /// There is no such request on disk any more, or its file is damaged.
    Missing,
}

/// Why not everything is sent.
#[derive(Debug)]
pub enum Held {
    /// The server, or the way there. It stays on disk.
    Server(Problem),
    /// The disk.
    Disk(io::Error),
}

impl From<io::Error> for Held {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

/// Names of everything kept, oldest first.
pub async fn names(outbox: &Outbox) -> io::Result<Vec<String>> {
    outbox.lock().await?.names()
}

/// Sends what one request has to send: itself, its messages, that it is still needed, that it is
/// not any more. Holds the folder
/// meanwhile, so that nobody else sends the same; what is acknowledged is noted before the next
/// thing is sent.
pub async fn deliver(outbox: &Outbox, name: &str, calls: &Calls) -> Result<Outcome, Held> {
    let locked = outbox.lock().await?;
    let Some(mut kept) = locked.load(name)? else { return Ok(Outcome::Missing) };
    let Some(secret) = kept.secret() else { return Ok(Outcome::Missing) };
    let mut ticket = None;
    let mut left_over = None;

    if kept.number.is_none() {
        match submit(&locked, name, &mut kept, calls).await? {
            Ok(acknowledged) => ticket = Some(acknowledged),
            Err(outcome) => return Ok(*outcome),
        }
    }
    while let Some(message) = kept.messages.first() {
        match calls.write(&secret, message).await {
            Ok(changed) => ticket = Some(changed),
            Err(problem) if problem.code == Code::NotFound => return Ok(Outcome::Gone),
            // It passed our own checks, and repeating it changes nothing: one message must not hold
            // back all others for ever.
            Err(problem) if problem.code == Code::InvalidArgument => {
                tracing::warn!(reason = problem.reason, "a message was refused");
            }
            Err(problem) if problem.reason == "TICKET_FULL" => {
                left_over = Some(leave_for_another(&locked, &mut kept)?);
                locked.save(name, &kept)?;
                break;
            }
            Err(problem) => return Err(Held::Server(problem)),
        }
        kept.messages.remove(0);
        locked.save(name, &kept)?;
    }
    if let Some(request_id) = &kept.still_needed {
        match calls.still_needed(&secret, request_id).await {
            Ok(changed) => ticket = Some(changed),
            Err(problem) if problem.code == Code::NotFound => return Ok(Outcome::Gone),
            // It has ended meanwhile, which the window says.
            Err(problem) if problem.reason == "TICKET_ENDED" => {}
            // An older server: a message moves the expiry there, or nothing does.
            Err(problem) if problem.code == Code::Unimplemented => {}
            Err(problem) => return Err(Held::Server(problem)),
        }
        kept.still_needed = None;
        locked.save(name, &kept)?;
    }
    if let Some(request_id) = &kept.cancel {
        match calls.cancel(&secret, request_id).await {
            Ok(changed) => ticket = Some(changed),
            Err(problem) if problem.code == Code::NotFound => return Ok(Outcome::Gone),
            Err(problem) => return Err(Held::Server(problem)),
        }
        kept.cancel = None;
        locked.save(name, &kept)?;
    }
    Ok(left_over.map_or_else(|| Outcome::Settled(ticket.map(Box::new)), Outcome::Full))
}

/// Moves the messages that wait into the draft of another request, behind what it has.
fn leave_for_another(locked: &Locked, kept: &mut Kept) -> io::Result<Draft> {
    let mut draft = locked.load_draft()?.unwrap_or_else(|| Draft {
        title: String::new(),
        description: String::new(),
        ..kept.draft()
    });
    for message in std::mem::take(&mut kept.messages) {
        if !draft.description.is_empty() {
            draft.description.push_str("\n\n");
        }
        draft.description.push_str(&message.text);
    }
    locked.save_draft(&draft)?;
    Ok(draft)
}

async fn submit(
    locked: &Locked,
    name: &str,
    kept: &mut Kept,
    calls: &Calls,
) -> Result<Result<CustomerTicket, Box<Outcome>>, Held> {
    if !kept.tried {
        if kept.cancel.is_some() {
            let draft = kept.draft();
            locked.save_draft(&draft)?;
            locked.remove(name)?;
            return Ok(Err(Box::new(Outcome::Withdrawn(draft))));
        }
        kept.tried = true;
        locked.save(name, kept)?;
    }
    match calls.submit(kept).await {
        Ok(ticket) => {
            kept.number = Some(ticket.number);
            locked.save(name, kept)?;
            Ok(Ok(ticket))
        }
        Err(problem)
            if problem.code == Code::InvalidArgument && problem.reason != "ADDRESS_INVALID" =>
        {
            let draft = kept.draft();
            locked.save_draft(&draft)?;
            locked.remove(name)?;
            Ok(Err(Box::new(Outcome::Refused(draft, problem))))
        }
        Err(problem) => Err(Held::Server(problem)),
    }
}
