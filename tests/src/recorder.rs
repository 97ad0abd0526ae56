//! Records a watch of the queue, and checks every frame as it comes: complete snapshots first, no
//! change twice, versions that only grow.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use deskbell_proto::client::Client;
use deskbell_proto::problem::Problem;
use deskbell_proto::v1;
use deskbell_proto::v1::watch_queue_response::Change;
use deskbell_proto::watch::{Heard, QueueView};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::staff::Staff;
use crate::waiting::{BOUND, eventually};

/// What a watch brought so far.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// The stream is open: the server has answered.
    pub open: bool,
    /// Every frame.
    pub frames: Vec<v1::WatchQueueResponse>,
    /// Every change.
    pub changes: Vec<Change>,
    /// How many snapshots were completed.
    pub snapshots: usize,
    /// All of it folded.
    pub view: QueueView,
    /// Why it ended, when it did.
    pub ended: Option<Problem>,
    /// What should not have come.
    pub faults: Vec<String>,
    cursors: BTreeSet<String>,
    versions: BTreeMap<i64, i64>,
}

/// Records until it is dropped.
pub struct Recorder {
    recording: watch::Receiver<Recording>,
    task: JoinHandle<()>,
}

impl Recording {
    /// Takes in a frame.
    pub fn take(&mut self, frame: v1::WatchQueueResponse) {
        self.frames.push(frame.clone());
        match self.view.apply(frame) {
            Ok(Heard::Change(change)) => self.check(change),
            Ok(Heard::Repeat) => self.faults.push("a change came twice".to_owned()),
            Ok(Heard::Snapshot) => {
                self.snapshots += 1;
                self.versions = self
                    .view
                    .tickets()
                    .values()
                    .map(|ticket| (ticket.number, ticket.version))
                    .collect();
            }
            Ok(Heard::SnapshotPart | Heard::Progress) => {}
            Err(start_over) => {
                self.faults.push(format!("a frame that makes no sense: {start_over:?}"));
            }
        }
    }

    fn check(&mut self, change: Change) {
        if !self.cursors.insert(change.cursor.clone()) {
            self.faults.push(format!("the change at {} came twice", change.cursor));
        }
        for ticket in &change.tickets {
            let before = self.versions.insert(ticket.number, ticket.version);
            if before.is_some_and(|before| before >= ticket.version) {
                self.faults.push(format!(
                    "ticket {} goes from {before:?} to {}",
                    ticket.number, ticket.version
                ));
            }
        }
        self.changes.push(change);
    }

    /// The kinds of the changes of a ticket, in order.
    pub fn kinds_of(&self, number: i64) -> Vec<&str> {
        let of_ticket =
            |change: &&Change| change.tickets.iter().any(|ticket| ticket.number == number);
        self.changes.iter().filter(of_ticket).map(|change| change.kind.as_str()).collect()
    }

    /// The numbers of the open tickets now.
    pub fn numbers(&self) -> Vec<i64> {
        self.view.tickets().keys().copied().collect()
    }

    /// Whether this ticket is seen.
    pub fn sees(&self, number: i64) -> bool {
        self.view.tickets().contains_key(&number)
    }
}

impl Recorder {
    pub(crate) fn start(client: Client, after: &str) -> Self {
        let view = QueueView::resuming(after.to_owned());
        let request = view.request();
        let (sender, recording) = watch::channel(Recording { view, ..Recording::default() });
        let task = tokio::spawn(async move {
            let ended = record(&client, request, &sender).await;
            sender.send_modify(|recording| recording.ended = Some(ended));
        });
        Self { recording, task }
    }

    /// Waits until the recording is so, and gives it.
    pub async fn until(&mut self, what: &str, is_so: impl FnMut(&Recording) -> bool) -> Recording {
        let waited = timeout(BOUND, self.recording.wait_for(is_so)).await;
        if let Ok(Ok(recording)) = waited {
            return recording.clone();
        }
        drop(waited);
        panic!("the watch never came to this: {what}; it has {:#?}", self.recording.borrow());
    }

    /// Waits for the first snapshot.
    pub async fn opened(mut self) -> Self {
        self.until("a first snapshot", |recording| recording.snapshots > 0).await;
        self
    }

    /// Waits until the ticket is seen.
    pub async fn until_sees(&mut self, number: i64) -> Recording {
        self.until(&format!("ticket {number} is there"), |recording| recording.sees(number)).await
    }

    /// Waits until the ticket is not seen.
    pub async fn until_misses(&mut self, number: i64) -> Recording {
        self.until(&format!("ticket {number} is gone"), |recording| !recording.sees(number)).await
    }

    /// Waits for the end, and gives why.
    pub async fn end(&mut self) -> Problem {
        self.until("its end", |recording| recording.ended.is_some())
            .await
            .ended
            .expect("waited for")
    }

    /// What came so far.
    pub fn now(&self) -> Recording {
        self.recording.borrow().clone()
    }

    /// Checks that nothing came that should not have, and that the frames folded are what a list
    /// gives.
    pub async fn agrees_with(&self, staff: &Staff) {
        self.agrees_within(staff, BOUND).await;
    }

    async fn agrees_within(&self, staff: &Staff, longest: Duration) {
        eventually("the watch folds to what a list gives", longest, async || {
            let listed: BTreeMap<_, _> =
                staff.open().await.into_iter().map(|ticket| (ticket.number, ticket)).collect();
            *self.recording.borrow().view.tickets() == listed
        })
        .await;
        assert_eq!(self.recording.borrow().faults, Vec::<String>::new());
    }
}

async fn record(
    client: &Client,
    request: v1::WatchQueueRequest,
    sender: &watch::Sender<Recording>,
) -> Problem {
    let mut stream = match client.watch().watch_queue(request).await {
        Ok(answer) => answer.into_inner(),
        Err(status) => return Problem::from(status),
    };
    sender.send_modify(|recording| recording.open = true);
    loop {
        match stream.message().await {
            Ok(Some(frame)) => sender.send_modify(|recording| recording.take(frame)),
            Ok(None) => {
                return Problem::local(
                    tonic::Code::Ok,
                    "ENDED",
                    "the server ended the stream without a word",
                );
            }
            Err(status) => return Problem::from(status),
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.task.abort();
    }
}
