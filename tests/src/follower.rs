//! Watchers as real clients are: each goes on by itself after a break ([`QueueWatch`]) and writes
//! down what it was told. At the end, what each was told is compared with the log.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use deskbell_proto::client::Retry;
use deskbell_proto::problem::Problem;
use deskbell_proto::v1::watch_queue_response::Change;
use deskbell_proto::watch::{Pace, QueueWatch, WatchNews};
use tokio::task::JoinHandle;

use crate::staff::Staff;
use crate::waiting::{BOUND, eventually};

/// Comes back soon, also after many breaks in a row: a story has no hours.
const RETRY: Retry = Retry {
    tries: 1,
    first_wait: Duration::from_millis(50),
    longest_wait: Duration::from_millis(200),
};

/// Watches until it is dropped.
pub struct Follower {
    staff: Staff,
    told: Arc<Mutex<Told>>,
    task: JoinHandle<()>,
}

/// What a watcher was told.
#[derive(Debug, Default)]
struct Told {
    /// Where the changes begin.
    after: Option<String>,
    changes: Vec<Change>,
    breaks: Vec<Problem>,
    faults: Vec<String>,
}

impl Told {
    fn take(&mut self, news: WatchNews) {
        match news {
            WatchNews::Snapshot { cursor, .. } => {
                if self.after.replace(cursor).is_some() {
                    self.faults.push("a second snapshot came".to_owned());
                }
            }
            WatchNews::Change(change) => self.changes.push(change),
            WatchNews::Disconnected { problem, .. } => self.breaks.push(problem),
            WatchNews::StartedOver => self.faults.push("it started over".to_owned()),
            WatchNews::Ended(problem) => self.faults.push(format!("it ended: {problem:?}")),
            WatchNews::Connected { .. } | WatchNews::Progress { .. } => {}
        }
    }
}

impl Follower {
    /// Watches as this person, over their connection, from a snapshot on.
    pub async fn start(staff: Staff) -> Self {
        let told = Arc::new(Mutex::new(Told::default()));
        let mut watch =
            QueueWatch::new(staff.client.watch()).pace(Pace { retry: RETRY, ..Pace::default() });
        let writing = Arc::clone(&told);
        let task = tokio::spawn(async move {
            while let Some(news) = watch.next().await {
                writing.lock().expect("whole").take(news);
            }
        });
        let follower = Self { staff, told, task };
        eventually("a first snapshot", BOUND, async || follower.told().after.is_some()).await;
        follower
    }

    /// Waits until it was told of a ticket.
    pub async fn hears_of(&self, number: i64) {
        let of_ticket =
            |change: &Change| change.tickets.iter().any(|ticket| ticket.number == number);
        eventually(&format!("a watcher hears of ticket {number}"), BOUND, async || {
            let told = self.told();
            assert_eq!(told.faults, Vec::<String>::new());
            told.changes.iter().rev().any(of_ticket)
        })
        .await;
    }

    /// Why its stream broke, each time it did.
    pub fn breaks(&self) -> Vec<Problem> {
        self.told().breaks.clone()
    }

    /// Whether this is somebody who sees every ticket.
    pub fn sees_everything(&self) -> bool {
        self.staff.identity.membership.as_ref().is_some_and(|membership| membership.admin)
    }

    /// Checks that it was told exactly what the log tells the same person now, in the same order,
    /// the ticket's submission last. What was checked is forgotten; it is given.
    pub async fn heard_everything_until(&mut self, last: i64) -> Vec<Change> {
        self.hears_of(last).await;
        let (after, heard) = {
            let mut told = self.told();
            let heard = std::mem::take(&mut told.changes);
            let next = heard.last().map(|change| change.cursor.clone());
            (std::mem::replace(&mut told.after, next), heard)
        };
        let mut log = self.staff.watch_after(&after.expect("a first snapshot"));
        let log = log.until("the last change", |log| !log.kinds_of(last).is_empty()).await;
        assert_eq!(log.faults, Vec::<String>::new());
        assert_eq!(log.snapshots, 0, "the log goes back that far");
        let summed_up =
            |changes: &[Change]| -> Vec<String> { changes.iter().map(sum_up).collect() };
        assert_eq!(
            summed_up(&heard),
            summed_up(&log.changes),
            "{} was told something else",
            self.staff.email
        );
        heard
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().expect("whole")
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What makes a change this one, in a line.
fn sum_up(change: &Change) -> String {
    let tickets: Vec<String> = change
        .tickets
        .iter()
        .map(|ticket| format!("#{} version {}", ticket.number, ticket.version))
        .collect();
    format!("{} {} {tickets:?} without {:?}", change.cursor, change.kind, change.removed)
}
