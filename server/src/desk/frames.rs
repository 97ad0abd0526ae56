//! Turns committed changes into frames: encoded once, with their audience.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::ANSWER;
use crate::domain::{
    Change, ContentId, DirectoryEvent, Entry, Event, Item, Revision, Sight, Team, TeamId,
    TicketChange, TicketEntry, TicketWords, Viewer, actor_name,
};
use crate::hub::{Frame, Part, Topic};
use crate::store::{LoggedChange, StoreError};

/// Turns tickets and changes into the bytes that clients read. Given at start by whoever speaks the
/// protocol.
pub trait Encoder: Send + Sync {
    /// A ticket, with no field that depends on who looks.
    fn ticket(&self, team: &Team, ticket: &TicketEntry) -> Bytes;

    /// A change of a team's encoded tickets, and numbers of those that left the viewer's sight.
    fn change(
        &self,
        at: (TeamId, Revision),
        kind: &str,
        actor: &str,
        tickets: &[Bytes],
        removed: &[i64],
    ) -> Bytes;

    /// A part of a snapshot of encoded tickets; which revision it is of stands in the last one.
    fn snapshot(&self, at: (TeamId, Revision), tickets: &[Bytes], first: bool, last: bool)
    -> Bytes;

    /// A mark that there is nothing more up to here.
    fn progress(&self, at: (TeamId, Revision)) -> Bytes;
}

/// The frame of a change, whether it was committed here just now or is read from the log. Words of
/// tickets that were erased since are empty.
///
/// # Errors
///
/// The record is damaged.
pub fn frame_of(
    encoder: &dyn Encoder,
    team: &Team,
    change: &LoggedChange<'_>,
    words: &HashMap<ContentId, Arc<TicketWords>>,
) -> Result<Frame, StoreError> {
    let part = |change: &TicketChange| {
        let words = words.get(&change.ticket.words.id).cloned().unwrap_or_default();
        let ticket = Entry { image: change.ticket.clone(), words };
        Part {
            number: ticket.number,
            before: change.before.clone(),
            after: Sight::from(&ticket.image),
            bytes: encoder.ticket(team, &ticket),
        }
    };
    let LoggedChange { revision, at, record } = change;
    let parts: Vec<_> = record.tickets().map(part).collect();
    // What fits into no answer is sent as a snapshot, whose parts do.
    let is_large = parts.iter().map(|part| part.bytes.len()).sum::<usize>() > ANSWER;
    let starts_over = record.may_rename() || is_large;
    let parts = if starts_over { Vec::new() } else { parts };
    let kind = record.tickets().next().map_or("", |change| change.ticket.changed.word());
    let actor = actor_name(team, record.by, *at);
    let tickets: Vec<_> = parts.iter().map(|part| part.bytes.clone()).collect();
    let whole = encoder.change((team.id, *revision), kind, &actor, &tickets, &[]);
    let sight_of = record.sight_of(*revision)?;
    let revision = *revision;
    Ok(Frame { revision, whole, parts, kind, actor, sight_of, starts_over, committed: None })
}

/// The frame of a change that was committed here just now, which has its words.
///
/// # Errors
///
/// See [`LoggedChange::of`].
pub fn frame_of_committed(
    encoder: &dyn Encoder,
    team: &Team,
    change: &Change,
) -> Result<Frame, StoreError> {
    let tickets = change.events.iter().filter_map(Event::ticket);
    let words = tickets.map(|entry| (entry.image.ticket.words.id, Arc::clone(&entry.words)));
    frame_of(encoder, team, &LoggedChange::of(change)?, &words.collect())
}

/// What a viewer gets of a frame: all of it, some of it, a bare removal, or nothing.
pub fn for_viewer(
    encoder: &dyn Encoder,
    team: TeamId,
    frame: &Frame,
    viewer: &Viewer,
) -> Option<Bytes> {
    let saw = |part: &Part| part.before.as_ref().is_some_and(|before| viewer.sees(before));
    // An ended ticket is history; only whoever had it in the queue is told of its end.
    let is_shown = |part: &Part| viewer.sees(&part.after) && (part.after.open || saw(part));
    if !frame.parts.is_empty() && frame.parts.iter().all(is_shown) {
        return Some(frame.whole.clone());
    }
    let (shown, hidden): (Vec<&Part>, Vec<&Part>) =
        frame.parts.iter().partition(|part| is_shown(part));
    let shown: Vec<_> = shown.into_iter().map(|part| part.bytes.clone()).collect();
    let removed: Vec<_> =
        hidden.into_iter().filter(|part| saw(part)).map(|part| part.number).collect();
    let at = (team, frame.revision);
    if shown.is_empty() && removed.is_empty() {
        None
    } else if shown.is_empty() {
        // What happened out of sight, and who did it, is not for this viewer.
        Some(encoder.change(at, "", "", &[], &removed))
    } else {
        Some(encoder.change(at, frame.kind, &frame.actor, &shown, &removed))
    }
}

/// What widgets may wait for that this change touches.
pub fn topics_of(change: &Change) -> impl Iterator<Item = Topic> {
    change.events.iter().filter_map(|event| match event {
        Event::Ticket(entry, _) => Some(Topic::Ticket(entry.image.ticket.id)),
        Event::Directory(DirectoryEvent::Set(item, ..)) => match &**item {
            Item::Profile(profile) => Some(Topic::Profile(profile.id)),
            Item::Team(_) | Item::Member(_) | Item::Group(_) | Item::Organization(_) => None,
        },
        // A message comes with its ticket.
        Event::Directory(DirectoryEvent::Gone(_))
        | Event::Message(..)
        | Event::HistoryMoved { .. }
        | Event::TicketsErased(_)
        | Event::Account(_) => None,
    })
}
