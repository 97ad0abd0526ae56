//! Listening to other servers on the same database. What they say are hints to read sooner; losing one loses nothing.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::Desk;
use crate::store::{Hint, Hints};

/// How long to wait before listening again after a failure.
const AGAIN: Duration = Duration::from_secs(1);

impl Desk {
    /// Listens until `stop` says so. Ends at once on a database that nobody shares.
    pub async fn listen(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        loop {
            match Hints::listen(self.store.database()).await {
                Ok(None) => return,
                Ok(Some(mut hints)) => {
                    self.take(Hint::Lost);
                    loop {
                        tokio::select! {
                            _ = stop.wait_for(|stop| *stop) => return,
                            next = hints.next() => match next {
                                Ok(hints) => hints.into_iter().for_each(|hint| self.take(hint)),
                                Err(cause) => {
                                    tracing::warn!(%cause, "word from other servers is lost for now");
                                    break;
                                }
                            }
                        }
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

    fn take(&self, hint: Hint) {
        match hint {
            Hint::Changed(team, revision) => {
                self.hub.hint(team, revision);
                self.hub.wake_all(team);
            }
            Hint::SignedOut(account) => {
                self.sessions.forget(account);
                self.hub.signed_out(account);
            }
            Hint::Lost => {
                self.sessions.forget_all();
                self.hub.hint_all();
            }
        }
    }
}
