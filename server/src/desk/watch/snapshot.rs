//! All open tickets at one moment.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::SemaphorePermit;
use tokio::time::{Instant, sleep};

use super::Watch;
use crate::desk::{Desk, Failure};
use crate::domain::{AccountId, Refusal, Sight};

/// Bytes of tickets in one part of a snapshot, unless a single one has more. A watch keeps a buffer
/// as long as its longest frame, and there are thousands that are quiet.
const PART: usize = 8 * 1024;

/// How long a snapshot waits, at most, for others to be read: see [`turn`].
const ROOM: Duration = Duration::from_secs(10);

/// It looks again after so long.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

impl Watch {
    /// Reads all open tickets. Only their encoded parts are held until they are sent.
    pub(super) async fn snapshot(&mut self) -> Result<(), Failure> {
        self.hand_over().await;
        let team = self.staff.team.id;
        let account = self.staff.session.account;
        let desk = Arc::clone(&self.desk);
        let _turn = turn(&desk, account).await?;
        let Some(mut snapshot) = self.desk.store.snapshot(team).await? else {
            return Err(Failure::SignedOut);
        };
        let (revision, directory) = (snapshot.revision, Arc::clone(&snapshot.directory));
        let member = self.staff.viewer.member;
        let viewer = directory.viewer(member).ok_or(Failure::Refused(Refusal::NO_TEAM))?;
        if !viewer.admin && !viewer.operator {
            return Err(Refusal::NOT_OPERATOR.into());
        }
        let encoder = &*self.desk.encoder;
        let (mut parts, mut part, mut bytes) = (VecDeque::new(), Vec::new(), 0);
        snapshot
            .each_ticket(|ticket| {
                if !viewer.sees(&Sight::from(&ticket.image)) {
                    return;
                }
                let ticket = encoder.ticket(&directory, &ticket);
                bytes += ticket.len();
                if bytes > PART && !part.is_empty() {
                    parts.push_back(encoder.snapshot(
                        (team, revision),
                        &part,
                        parts.is_empty(),
                        false,
                    ));
                    part.clear();
                    bytes = ticket.len();
                }
                part.push(ticket);
            })
            .await?;
        parts.push_back(encoder.snapshot((team, revision), &part, parts.is_empty(), true));
        let bytes = parts.iter().map(Bytes::len).sum();
        self.held = Some(self.desk.holdings.snapshots.add(&account, bytes));
        self.ready.extend(parts);
        self.staff.viewer = viewer;
        self.staff.team = directory;
        self.cursor = revision;
        self.snapshot_due = false;
        Ok(())
    }
}

/// A turn at reading a snapshot, once there is room for one more: for this account, and in all.
/// Whoever waits for that is in nobody's way.
async fn turn(desk: &Desk, account: AccountId) -> Result<Option<SemaphorePermit<'_>>, Failure> {
    let until = Instant::now() + ROOM;
    loop {
        // The semaphore is never closed; without a turn nothing is held back.
        let turn = desk.snapshots.acquire().await.ok();
        if desk.holdings.snapshots.has_room(&account) {
            return Ok(turn);
        }
        drop(turn);
        if until <= Instant::now() {
            return Err(Failure::Throttled(ROOM));
        }
        sleep(LOOK_AGAIN).await;
    }
}
