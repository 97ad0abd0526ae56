//! Turns committed changes into frames: encoded once, with their audience.

use std::sync::Arc;

use bytes::Bytes;

use super::ANSWER;
use crate::domain::{
    Change, DirectoryEvent, Entry, Event, Item, Revision, Sight, Team, TeamId, Ticket, TicketWords,
    Viewer, actor_name,
};
use crate::hub::{Frame, Part, Topic};

/// A ticket with its words.
pub type TicketEntry = Entry<Ticket, Arc<TicketWords>>;

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

/// The frame of a change that was just committed.
pub fn frame_of(encoder: &dyn Encoder, team: &Team, change: &Change) -> Frame {
    let mut draft = FrameDraft::default();
    for event in &change.events {
        match event {
            Event::Ticket(entry, _) => {
                let ticket =
                    Entry { image: entry.image.ticket.clone(), words: Arc::clone(&entry.words) };
                draft.tickets.push((entry.image.before.clone(), ticket));
            }
            Event::Directory(DirectoryEvent::Set(item, words, _)) => {
                if let Item::Member(member) = &**item
                    && member.sight_since == change.revision
                {
                    draft.sight_of.push(member.id);
                }
                draft.names_changed |= words.is_some();
            }
            Event::Directory(DirectoryEvent::Gone(_))
            | Event::Message(..)
            | Event::HistoryMoved { .. }
            | Event::TicketsErased(_)
            | Event::Account(_)
            | Event::CodeMade(_)
            | Event::CodeUsed(..)
            | Event::SessionOpened(_)
            | Event::SessionsEnded { .. } => {}
        }
    }
    draft.finish(encoder, team, change.revision, actor_name(team, change.actor, change.at))
}

/// A frame in the making.
#[derive(Default)]
pub struct FrameDraft {
    /// Tickets with where they were before.
    pub tickets: Vec<(Option<Sight>, TicketEntry)>,
    /// Members who see other things from here on.
    pub sight_of: Vec<crate::domain::MemberId>,
    /// Names that tickets are shown with have changed.
    pub names_changed: bool,
}

impl FrameDraft {
    /// Encodes the frame.
    pub fn finish(
        self,
        encoder: &dyn Encoder,
        team: &Team,
        revision: Revision,
        actor: String,
    ) -> Frame {
        let kind = self.tickets.first().map_or("", |(_, ticket)| ticket.changed.word());
        let parts: Vec<_> = self
            .tickets
            .into_iter()
            .map(|(before, ticket)| Part {
                number: ticket.number,
                before,
                after: Sight::from(&ticket.image),
                bytes: encoder.ticket(team, &ticket),
            })
            .collect();
        // What fits into no answer is sent as a snapshot, whose parts do.
        let is_large = parts.iter().map(|part| part.bytes.len()).sum::<usize>() > ANSWER;
        let starts_over = self.names_changed || is_large;
        let parts = if starts_over { Vec::new() } else { parts };
        let tickets: Vec<_> = parts.iter().map(|part| part.bytes.clone()).collect();
        let whole = encoder.change((team.id, revision), kind, &actor, &tickets, &[]);
        let sight_of = self.sight_of;
        Frame { revision, whole, parts, kind, actor, sight_of, starts_over, committed: None }
    }
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
pub fn topics_of(change: &Change) -> Vec<Topic> {
    let mut topics = Vec::new();
    for event in &change.events {
        match event {
            Event::Ticket(entry, _) => topics.push(Topic::Ticket(entry.image.ticket.id)),
            Event::Directory(DirectoryEvent::Set(item, ..)) => {
                if let Item::Profile(profile) = &**item {
                    topics.push(Topic::Profile(profile.id));
                }
            }
            _ => {}
        }
    }
    topics
}
