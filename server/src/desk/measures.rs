//! What metrics say about tickets: the wait for a first answer, and the queue's length.

use std::time::{Duration, Instant};

use metrics::{gauge, histogram};

use super::{Desk, Failure};
use crate::domain::{Change, Event, State, TicketChange};
use crate::store::Commit;
use crate::telemetry::names;

/// The queue is counted this often at most.
const COUNT_EVERY: Duration = Duration::from_secs(10);

/// Counting reads every open ticket: of a server's time it takes one part in so many.
const SHARE: u32 = 100;

/// A watch that counts among those that are open, as long as it lives.
pub struct OpenWatch(());

impl OpenWatch {
    /// Counts one more.
    pub fn begin() -> Self {
        gauge!(names::WATCHES_OPEN).increment(1.0);
        OpenWatch(())
    }
}

impl Drop for OpenWatch {
    fn drop(&mut self) {
        gauge!(names::WATCHES_OPEN).decrement(1.0);
    }
}

/// Records how long a transaction took, and how many shared it.
pub fn committed(commit: &Commit) {
    let took = commit.on_disk.duration_since(commit.began);
    histogram!(names::COMMIT_SECONDS).record(took.as_secs_f64());
    let requests = u32::try_from(commit.requests).unwrap_or(u32::MAX);
    histogram!(names::COMMIT_REQUESTS).record(f64::from(requests));
}

/// Records that a watcher's stream has a change that was committed at that moment.
pub fn delivered(committed: Instant) {
    histogram!(names::WATCH_DELAY_SECONDS).record(committed.elapsed().as_secs_f64());
}

/// Records how long customers waited for the first answers among these changes.
pub fn first_answers<'a>(changes: impl Iterator<Item = &'a Change>) {
    for change in changes {
        for event in &change.events {
            if let Event::Ticket(entry, _) = event
                && let Some(waited) = first_answer(&entry.image)
            {
                histogram!(names::FIRST_ANSWER_SECONDS).record(waited.as_secs_f64());
            }
        }
    }
}

/// How long the customer waited, if this is the first answer: somebody is on the ticket who was not
/// before. They took it, were given it, replied or closed it, which the ticket remembers for ever;
/// a note is for colleagues and no answer.
fn first_answer(change: &TicketChange) -> Option<Duration> {
    let ticket = &change.ticket;
    if ticket.handled_by.is_empty() || !change.before.as_ref()?.handled_by.is_empty() {
        return None;
    }
    Some(Duration::from_millis(u64::try_from(ticket.changed_at - ticket.submitted_at).unwrap_or(0)))
}

impl Desk {
    /// Counts the queue for the metrics, for ever. Every server on a database counts all of it:
    /// none has to know of the others, and none's word is missed when it goes.
    pub async fn count_queue(&self) {
        loop {
            let began = Instant::now();
            // What cannot be counted now stays as it was; that the database does not answer has a
            // metric of its own.
            let _ = self.count_queue_once().await;
            tokio::time::sleep(COUNT_EVERY.max(began.elapsed() * SHARE)).await;
        }
    }

    async fn count_queue_once(&self) -> Result<(), Failure> {
        let open = self.store.open_by_state().await?;
        let now = self.store.now().await?;
        for (state, word) in
            [(State::New, "new"), (State::InProgress, "in_progress"), (State::Answered, "answered")]
        {
            let (count, oldest) = open.get(&state).copied().unwrap_or((0, now));
            gauge!(names::TICKETS_OPEN, "state" => word).set(gauge_of(count));
            if state == State::New {
                gauge!(names::OLDEST_NEW_TICKET_SECONDS).set(gauge_of((now - oldest) / 1000));
            }
        }
        Ok(())
    }
}

fn gauge_of(number: i64) -> f64 {
    f64::from(u32::try_from(number.max(0)).unwrap_or(u32::MAX))
}
