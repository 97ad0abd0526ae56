//! Listening to other servers on the same database. What they say are hints to read sooner; losing
//! one loses nothing, because every few seconds the revisions of watched teams are read as well.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::{Desk, Failure};
use crate::domain::{Revision, TeamId};
use crate::store::{Hint, Hints};

/// How long to wait before listening again after a failure.
const AGAIN: Duration = Duration::from_secs(1);

/// How often to look at watched teams without a hint.
const LOOK: Duration = Duration::from_secs(5);

impl Desk {
    /// Listens until `stop` says so. There is nothing to hear on a database that nobody shares.
    pub async fn listen(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        loop {
            match Hints::listen(self.store.database(), self.store.origin()).await {
                Ok(None) => {
                    let _ = stop.wait_for(|stop| *stop).await;
                    return;
                }
                Ok(Some(hints)) => {
                    tokio::select! {
                        _ = stop.wait_for(|stop| *stop) => return,
                        () = self.follow_hints(hints) => {}
                    }
                }
                Err(cause) => tracing::warn!(%cause, "cannot listen to other servers"),
            }
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(AGAIN) => {}
            }
        }
    }

    /// Until the connection fails for good.
    async fn follow_hints(&self, mut hints: Hints) {
        self.on_hint(Hint::Lost);
        let mut known = HashMap::new();
        // The first look is at once.
        let mut looks = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                next = hints.next() => match next {
                    Ok(hints) => {
                        if hints.contains(&Hint::Lost) {
                            known.clear();
                            looks.reset_immediately();
                        }
                        for hint in hints {
                            self.on_hint(hint);
                        }
                    }
                    Err(cause) => {
                        tracing::warn!(%cause, "word from other servers is lost for now");
                        return;
                    }
                },
                // A look that fails is made again; the failure is in the log.
                _ = looks.tick() => drop(self.look(&mut known).await),
            }
        }
    }

    /// Finds what no hint told: teams that moved since the last look.
    async fn look(&self, known: &mut HashMap<TeamId, Revision>) -> Result<(), Failure> {
        let watched = self.hub.watched();
        let now: HashMap<_, _> = self.store.revisions(&watched).await?.into_iter().collect();
        for (team, revision) in &now {
            if known.get(team) != Some(revision) {
                self.on_hint(Hint::Changed(*team, *revision));
            }
        }
        *known = now;
        Ok(())
    }

    fn on_hint(&self, hint: Hint) {
        match hint {
            Hint::Changed(team, revision) => {
                self.hub.hint(team, revision);
                self.hub.wake_all(team);
            }
            Hint::SignedOut(account) => {
                self.sessions.forget(account);
                self.hub.signed_out(account);
            }
            Hint::Watches(team, member) => self.hub.watches_elsewhere(team, member),
            // What teams missed is found by the look that follows.
            Hint::Lost => {
                self.sessions.forget_all();
                self.hub.anybody_signed_out();
            }
        }
    }
}
