//! What a watcher sees of the queue: fed with the frames of a watch, it keeps the open tickets and
//! knows where to go on.
//!
//! Pure: no time, no network. The driver in the parent module decides what to do about a
//! [`StartOver`].

use std::collections::BTreeMap;

use crate::v1::watch_queue_response::{Change, Frame, Snapshot};
use crate::v1::{Ticket, TicketState, WatchFrameKind, WatchQueueRequest, WatchQueueResponse};

/// The kinds of frames that [`QueueView::apply`] knows.
const KNOWN: [WatchFrameKind; 3] =
    [WatchFrameKind::Snapshot, WatchFrameKind::Change, WatchFrameKind::Progress];

/// The open tickets a watcher sees, by number, and the cursor to go on after.
///
/// A snapshot replaces everything at once with its last part; until then, the view before it stays
/// whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QueueView {
    tickets: BTreeMap<i64, Ticket>,
    /// Parts of a snapshot that is not complete yet.
    incoming: Option<BTreeMap<i64, Ticket>>,
    cursor: Option<String>,
}

/// What a frame meant.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// A part of a snapshot that goes on; nothing to show yet.
    SnapshotPart,
    /// A snapshot is complete: the view was replaced.
    Snapshot,
    /// A change, which the view now contains. Tickets that ended are in it once and have left the
    /// view.
    Change(Change),
    /// A change the view already contains, which was ignored.
    Repeat,
    /// Nothing happened up to here.
    Progress,
}

/// The frame cannot be understood from here: forget everything, and watch again without a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartOver {
    /// A kind of frame this program does not know.
    UnknownFrame,
    /// A part of a snapshot whose beginning was not seen.
    SnapshotWithoutBeginning,
    /// A change in the middle of a snapshot.
    ChangeInsideSnapshot,
    /// A change, and no snapshot or cursor to apply it to.
    ChangeWithoutSnapshot,
}

/// Whether a ticket is still in the queue. A state this program does not know counts as open:
/// showing it is the safer mistake.
pub fn is_open(ticket: &Ticket) -> bool {
    !matches!(ticket.state(), TicketState::Closed | TicketState::Expired)
}

impl QueueView {
    /// A view that goes on after a cursor from an earlier run. It has no tickets but those that
    /// change from there.
    pub fn resuming(cursor: String) -> Self {
        Self { cursor: Some(cursor).filter(|cursor| !cursor.is_empty()), ..Self::default() }
    }

    /// The open tickets, by number.
    pub fn tickets(&self) -> &BTreeMap<i64, Ticket> {
        &self.tickets
    }

    /// Where to go on; none before the first snapshot is complete.
    pub fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// Asks for what comes next, in frames that the view knows.
    pub fn request(&self) -> WatchQueueRequest {
        let after = self.cursor.clone().unwrap_or_default();
        WatchQueueRequest { after, accepted_frames: KNOWN.map(i32::from).to_vec() }
    }

    /// The stream broke: parts of an unfinished snapshot are worthless.
    pub fn cut(&mut self) {
        self.incoming = None;
    }

    /// Forgets where to go on. The tickets stay, to be looked at, until the next snapshot replaces
    /// them.
    pub fn forget_cursor(&mut self) {
        self.incoming = None;
        self.cursor = None;
    }

    /// Takes in one frame.
    ///
    /// # Errors
    ///
    /// [`StartOver`] when the frame makes no sense here; the view is then unchanged.
    pub fn apply(&mut self, frame: WatchQueueResponse) -> Result<Heard, StartOver> {
        match frame.frame.ok_or(StartOver::UnknownFrame)? {
            Frame::Snapshot(part) => self.snapshot_part(part),
            Frame::Change(change) => self.change(change),
            Frame::Progress(progress) => {
                // Inside a snapshot it is only a sign of life: the cursor still belongs to the view
                // before.
                if self.incoming.is_none() {
                    self.go_on_after(progress.cursor);
                }
                Ok(Heard::Progress)
            }
        }
    }

    fn snapshot_part(&mut self, part: Snapshot) -> Result<Heard, StartOver> {
        if part.first {
            self.incoming = Some(BTreeMap::new());
        }
        let incoming = self.incoming.as_mut().ok_or(StartOver::SnapshotWithoutBeginning)?;
        incoming
            .extend(part.tickets.into_iter().filter(is_open).map(|ticket| (ticket.number, ticket)));
        if !part.last {
            return Ok(Heard::SnapshotPart);
        }
        self.tickets = self.incoming.take().unwrap_or_default();
        self.cursor = None;
        self.go_on_after(part.cursor);
        Ok(Heard::Snapshot)
    }

    fn change(&mut self, mut change: Change) -> Result<Heard, StartOver> {
        if self.incoming.is_some() {
            return Err(StartOver::ChangeInsideSnapshot);
        }
        match self.cursor.as_deref() {
            None => return Err(StartOver::ChangeWithoutSnapshot),
            Some(cursor) if cursor == change.cursor => return Ok(Heard::Repeat),
            Some(_) => {}
        }
        // Cursors are opaque and cannot be compared, but versions can: an older ticket never
        // replaces a newer one. The same version may come again with other words, for example when
        // its group was renamed.
        change.tickets.retain(|ticket| {
            self.tickets.get(&ticket.number).is_none_or(|held| held.version <= ticket.version)
        });
        for ticket in &change.tickets {
            if is_open(ticket) {
                self.tickets.insert(ticket.number, ticket.clone());
            } else {
                self.tickets.remove(&ticket.number);
            }
        }
        for number in &change.removed {
            self.tickets.remove(number);
        }
        self.go_on_after(change.cursor.clone());
        Ok(Heard::Change(change))
    }

    fn go_on_after(&mut self, cursor: String) {
        if !cursor.is_empty() {
            self.cursor = Some(cursor);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::v1::watch_queue_response::Progress;

    fn ticket(number: i64, version: i64, state: TicketState) -> Ticket {
        Ticket { number, version, state: state.into(), ..Ticket::default() }
    }

    fn frame(frame: Frame) -> WatchQueueResponse {
        WatchQueueResponse { frame: Some(frame) }
    }

    fn part(cursor: &str, tickets: Vec<Ticket>, first: bool, last: bool) -> WatchQueueResponse {
        frame(Frame::Snapshot(Snapshot { cursor: cursor.into(), tickets, first, last }))
    }

    fn change(cursor: &str, tickets: Vec<Ticket>, removed: Vec<i64>) -> WatchQueueResponse {
        frame(Frame::Change(Change {
            cursor: cursor.into(),
            tickets,
            removed,
            kind: "assigned".into(),
            actor: "Ana".into(),
        }))
    }

    fn progress(cursor: &str) -> WatchQueueResponse {
        frame(Frame::Progress(Progress { cursor: cursor.into() }))
    }

    fn numbers(view: &QueueView) -> Vec<i64> {
        view.tickets().keys().copied().collect()
    }

    #[test]
    fn frames_make_a_view() {
        use TicketState::{Closed, Expired, InProgress, New};
        // (frame, numbers afterwards, cursor afterwards)
        let story = [
            (part("", vec![ticket(1, 1, New)], true, false), vec![], None),
            (progress("p0"), vec![], None),
            (part("s1", vec![ticket(2, 1, New)], false, true), vec![1, 2], Some("s1")),
            (change("c2", vec![ticket(3, 1, New)], vec![]), vec![1, 2, 3], Some("c2")),
            (change("c2", vec![], vec![1, 2, 3]), vec![1, 2, 3], Some("c2")), // a repeat
            (progress("p3"), vec![1, 2, 3], Some("p3")),
            (
                change("c4", vec![ticket(1, 2, Closed), ticket(2, 2, InProgress)], vec![3]),
                vec![2],
                Some("c4"),
            ),
            (change("c5", vec![ticket(2, 3, Expired)], vec![]), vec![], Some("c5")),
            (part("", vec![ticket(7, 1, New)], true, false), vec![], Some("c5")),
            (part("", vec![ticket(8, 1, New)], true, false), vec![], Some("c5")), // begun again
            (part("s6", vec![ticket(9, 1, New)], false, true), vec![8, 9], Some("s6")),
            (part("s7", vec![], true, true), vec![], Some("s7")),
        ];
        let mut view = QueueView::default();
        for (step, (frame, expected, cursor)) in story.into_iter().enumerate() {
            view.apply(frame).unwrap();
            assert_eq!(numbers(&view), expected, "step {step}");
            assert_eq!(view.cursor(), cursor, "step {step}");
        }
    }

    #[test]
    fn a_request_names_every_kind_of_frame() {
        // `apply` knows them all, or it would not compile.
        let pool = prost_reflect::DescriptorPool::decode(crate::DESCRIPTORS).unwrap();
        let response = pool.get_message_by_name("deskbell.v1.WatchQueueResponse").unwrap();
        let frame = response.oneofs().find(|oneof| oneof.name() == "frame").unwrap();
        let frames: Vec<_> = frame
            .fields()
            .map(|field| {
                let name = format!("WATCH_FRAME_KIND_{}", field.name().to_uppercase());
                (name, i32::try_from(field.number()).unwrap())
            })
            .collect();
        let request = QueueView::resuming("c1".into()).request();
        assert_eq!(request.after, "c1");
        let accepted: Vec<_> = request
            .accepted_frames()
            .map(|kind| (kind.as_str_name().to_owned(), i32::from(kind)))
            .collect();
        assert_eq!(accepted, frames);
    }

    #[test]
    fn what_makes_no_sense_starts_over_and_changes_nothing() {
        let mut fresh = QueueView::default();
        assert_eq!(fresh.apply(WatchQueueResponse { frame: None }), Err(StartOver::UnknownFrame));
        assert_eq!(
            fresh.apply(part("s", vec![], false, true)),
            Err(StartOver::SnapshotWithoutBeginning)
        );
        assert_eq!(fresh.apply(change("c", vec![], vec![])), Err(StartOver::ChangeWithoutSnapshot));
        assert_eq!(fresh, QueueView::default());
        fresh.apply(part("", vec![], true, false)).unwrap();
        assert_eq!(fresh.apply(change("c", vec![], vec![])), Err(StartOver::ChangeInsideSnapshot));
    }

    #[test]
    fn an_older_version_never_replaces_a_newer_one() {
        let mut view = QueueView::default();
        view.apply(part("s", vec![ticket(1, 5, TicketState::InProgress)], true, true)).unwrap();
        let heard =
            view.apply(change("c", vec![ticket(1, 4, TicketState::Closed)], vec![])).unwrap();
        assert!(matches!(heard, Heard::Change(change) if change.tickets.is_empty()));
        assert_eq!(view.tickets()[&1].version, 5);
        assert_eq!(view.cursor(), Some("c"));
    }

    #[test]
    fn resuming_needs_no_snapshot() {
        let mut view = QueueView::resuming("c1".into());
        view.apply(change("c2", vec![ticket(4, 1, TicketState::New)], vec![])).unwrap();
        assert_eq!(numbers(&view), [4]);
        assert_eq!(QueueView::resuming(String::new()).cursor(), None);
    }

    /// A server's history: a snapshot in parts, then changes, marks and further snapshots, each
    /// with its own cursor.
    fn history() -> impl Strategy<Value = Vec<WatchQueueResponse>> {
        let step = (
            0u8..10,
            proptest::collection::vec((1i64..12, 0i32..7), 0..4),
            proptest::collection::vec(1i64..12, 0..3),
        );
        proptest::collection::vec(step, 0..30).prop_map(|steps| {
            let mut frames = vec![
                part("", vec![ticket(1, 0, TicketState::New)], true, false),
                part("start", vec![], false, true),
            ];
            for (step, (kind, tickets, removed)) in (1i64..).zip(steps) {
                let cursor = format!("c{step}");
                let tickets: Vec<Ticket> = tickets
                    .into_iter()
                    .map(|(number, state)| Ticket {
                        number,
                        version: step,
                        state,
                        ..Ticket::default()
                    })
                    .collect();
                match kind {
                    0 => {
                        frames.push(part("", tickets.clone(), true, false));
                        frames.push(part("", vec![], false, false));
                        frames.push(part(&cursor, vec![], false, true));
                    }
                    1 | 2 => frames.push(progress(&cursor)),
                    _ => frames.push(change(&cursor, tickets, removed)),
                }
            }
            frames
        })
    }

    fn cursor_of(frame: &WatchQueueResponse) -> &str {
        match frame.frame.as_ref() {
            Some(Frame::Snapshot(part)) => &part.cursor,
            Some(Frame::Change(change)) => &change.cursor,
            Some(Frame::Progress(progress)) => &progress.cursor,
            None => "",
        }
    }

    /// What the server would send after a cursor.
    fn after<'a>(
        history: &'a [WatchQueueResponse],
        cursor: Option<&str>,
    ) -> &'a [WatchQueueResponse] {
        let Some(cursor) = cursor else { return history };
        let at = history.iter().position(|frame| cursor_of(frame) == cursor).unwrap();
        &history[at + 1..]
    }

    proptest! {
        #[test]
        fn any_cuts_give_the_same_view(history in history(), cuts in proptest::collection::vec(0usize..8, 0..12), repeat: bool) {
            let mut whole = QueueView::default();
            for frame in &history {
                whole.apply(frame.clone()).unwrap();
            }
            let mut cut = QueueView::default();
            for frames in cuts.into_iter().chain([usize::MAX]) {
                let rest = after(&history, cut.cursor());
                let last = (history.len() - rest.len()).checked_sub(1).map(|last| &history[last]);
                if repeat && let Some(last) = last && matches!(last.frame, Some(Frame::Change(_))) {
                    prop_assert_eq!(cut.apply(last.clone()), Ok(Heard::Repeat));
                }
                for frame in rest.iter().take(frames) {
                    cut.apply(frame.clone()).unwrap();
                }
                cut.cut();
            }
            prop_assert_eq!(whole, cut);
        }
    }
}
