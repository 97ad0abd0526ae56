//! Doing what acts left to do, slice by slice: see [`Following`].

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::sweeps::LEASE;
use super::{Desk, Failure};
use crate::domain::{Caller, FollowUp, Following, ItemId, SLICE, Slice, TeamCommand, TeamId};

/// Acts of other servers are looked for this often; one's own are known of at once.
const EVERY: Duration = Duration::from_secs(5);

impl Desk {
    /// Does what is left to do until `stop` says so.
    pub async fn do_follow_ups(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        loop {
            // What fails now is left at the next look; the failure is in the log.
            let _ = self.do_all_follow_ups().await;
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = self.follow_ups_due.notified() => {}
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    async fn do_all_follow_ups(&self) -> Result<(), Failure> {
        for (team, item) in self.store.due_items(0).await? {
            if item == ItemId::Team {
                self.do_follow_ups_of(team).await?;
            }
        }
        Ok(())
    }

    async fn do_follow_ups_of(&self, team: TeamId) -> Result<(), Failure> {
        loop {
            let settings = self.team(team).await?.settings.image.clone();
            let Some(first) = settings.follow_ups.first() else { return Ok(()) };
            if !self.store.lease("follow-ups", self.store.origin(), LEASE).await? {
                return Ok(());
            }
            self.do_follow_up(team, *first).await?;
        }
    }

    async fn do_follow_up(&self, team: TeamId, of: FollowUp) -> Result<(), Failure> {
        let (tickets, mut all) = self.store.follow_up_tickets(team, of.what).await?;
        // These do not become fewer by what follows for them.
        all |= of.what == Following::OrganizationsChanged;
        let mut slices: Vec<_> = tickets.chunks(SLICE).map(<[_]>::to_vec).collect();
        if slices.is_empty() {
            slices.push(Vec::new());
        }
        let count = slices.len();
        for (number, tickets) in (1..).zip(slices) {
            let slice = Slice { of, tickets, last: all && number == count };
            let command = TeamCommand::FollowUp(slice);
            self.change(team, Caller::Clock, None, command).await?;
        }
        Ok(())
    }
}
