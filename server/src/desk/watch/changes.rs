//! What follows on a cursor, from memory or from the log, as far as the viewer may see it.

use std::sync::Arc;

use super::Watch;
use crate::desk::frames;
use crate::desk::{Desk, Failure, Staff};
use crate::domain::{Revision, TeamId};
use crate::hub::{Following, Frame};

/// A watch that lies further back than this starts over.
const FAR: Revision = 10_000;

/// Log rows read at once when catching up.
const CATCH_UP: i64 = 256;

impl Watch {
    /// Goes on after a revision.
    pub(super) async fn resume(&mut self, after: Revision) -> Result<(), Failure> {
        let team = &self.staff.team;
        let head = self.desk.store.revision(team.id).await?;
        let sight_since =
            team.members.get(&self.staff.viewer.member).map_or(Revision::MAX, |me| me.sight_since);
        if after > head || after < sight_since || head - after > FAR {
            return Err(Failure::StartOver);
        }
        self.cursor = after;
        // Whatever came before the subscription is in the log.
        self.catch_up().await
    }

    /// Passes a frame on as far as the viewer may see it. False: the watch starts over with a
    /// snapshot.
    fn pass_on(&mut self, frame: &Frame) -> bool {
        if frame.revision <= self.cursor {
            return true;
        }
        if frame.starts_over || frame.sight_of.contains(&self.staff.viewer.member) {
            self.snapshot_due = true;
            return false;
        }
        self.cursor = frame.revision;
        let Staff { team, viewer, .. } = &self.staff;
        if let Some(bytes) = frames::for_viewer(&*self.desk.encoder, team.id, frame, viewer) {
            self.ready.push_back(bytes);
        }
        true
    }

    /// Reads what is not in memory from the log.
    pub(super) async fn catch_up(&mut self) -> Result<(), Failure> {
        self.hand_over().await;
        let turn = self.subscription.turn(self.cursor).await;
        if let (Some(_), Following::Frames(frames)) = (&turn, self.subscription.after(self.cursor))
        {
            // Somebody read it meanwhile.
            drop(turn);
            self.pass_all_on(&frames);
            return Ok(());
        }
        let frames = self.desk.frames_after(self.staff.team.id, self.cursor).await?;
        if turn.is_some() {
            self.subscription.fill(&frames);
        }
        drop(turn);
        self.pass_all_on(&frames);
        self.hinted_in_vain = frames.is_empty();
        Ok(())
    }

    pub(super) fn pass_all_on(&mut self, frames: &[Arc<Frame>]) {
        for frame in frames {
            if !self.pass_on(frame) {
                break;
            }
        }
    }
}

impl Desk {
    /// The next changes of a team from the log, as frames.
    async fn frames_after(
        &self,
        team: TeamId,
        revision: Revision,
    ) -> Result<Vec<Arc<Frame>>, Failure> {
        let team = self.team(team).await?;
        let changes = self.store.log_after(team.id, revision, CATCH_UP).await?;
        let tickets = changes.iter().flat_map(|change| change.record.tickets());
        let wanted = tickets.map(|change| change.ticket.words.id);
        let words = self.store.ticket_words(team.id, wanted.collect()).await?;
        let frame = |change| frames::frame_of(&*self.encoder, &team, change, &words);
        changes.iter().map(|change| Ok(Arc::new(frame(change)?))).collect()
    }
}
