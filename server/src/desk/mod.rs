//! The use cases: load, decide, save, tell.
//!
//! Knows neither protobuf nor status codes nor SQL. A use case finds out who calls (`sessions`),
//! prepares a command, has the store decide and save it, and renders what came of it; the hub tells
//! everyone else. Start reading at [`Desk::change`].

mod acts;
mod assistance;
mod attempts;
mod customer_view;
mod failure;
mod follow;
mod follow_ups;
mod frames;
mod hints;
mod host;
mod identity;
mod measures;
mod profiles;
mod queue;
mod rates;
mod room;
mod sessions;
mod sign_in;
mod streams;
mod sweeps;
mod team;
#[cfg(test)]
mod tests;
mod throttle;
mod ticket_log;
mod watch;
mod widgets;

use std::sync::Arc;

use tokio::sync::{Notify, watch as watch_channel};

pub use acts::Acted;
pub use assistance::RawSubmission;
pub use customer_view::CustomerView;
pub use failure::Failure;
pub use follow::{Follow, News};
pub use frames::Encoder;
pub use host::NewAccount;
pub use identity::{Identity, Invitation};
pub use profiles::{LIMITS as PROFILE_LIMITS, Manifest, RawProfile};
pub use queue::{Filter, Page};
pub use rates::Rates;
pub use sessions::{Session, Staff};
pub use sign_in::{Answer, SignedIn};
pub use streams::{CustomerCall, Share};
pub use sweeps::SILENCE;
pub use team::{AddedMember, time_zone};
pub use ticket_log::TicketEvent;
pub use watch::Watch;
pub use widgets::{CustomerTicket, Widget};

use crate::clock::Clock;
use crate::domain::{
    self, AccountEvent, Caller, Checked, Command, Event, Memory, Refusal, Request, Salt, Team,
    TeamId,
};
use crate::hub::{Frame, Hub};
use crate::secrets::sealed::SealingKey;
use crate::secrets::{HostSecrets, Passwords, is_request_id, random_bytes, request_mark};
use crate::store::{Commit, Database, OnCommit, Outcome, Store};
use crate::supervise::keep_running;
use crate::telemetry::names;
use sessions::SessionCache;
use streams::Holdings;
use throttle::Throttle;

/// What a desk needs to know about its host.
#[derive(Clone, Debug)]
pub struct HostFacts {
    /// The host's name, for people.
    pub server_name: String,
    /// How clients reach it.
    pub addresses: Vec<String>,
    /// Certificate authorities that clients should trust, as PEM; empty: the system's.
    pub authorities_pem: String,
}

/// What tickets or messages may take in one answer, in bytes as they are sent: with what stands
/// around them it stays below 1 MiB, of which any client takes four.
pub const ANSWER: usize = 1000 * 1024;

/// Snapshots read at once.
const SNAPSHOTS: usize = 2;

/// All use cases of a server.
pub struct Desk {
    store: Store,
    hub: Arc<Hub>,
    encoder: Arc<dyn Encoder>,
    clock: Clock,
    secrets: Arc<HostSecrets>,
    facts: HostFacts,
    passwords: Passwords,
    sessions: Arc<SessionCache>,
    throttle: Throttle,
    holdings: Holdings,
    /// Whole queues are read by a few at a time: thousands of terminals that come back at once must
    /// not take all memory and all of the database.
    snapshots: tokio::sync::Semaphore,
    /// An act left something to do.
    follow_ups_due: Arc<Notify>,
    stop: watch_channel::Sender<bool>,
}

impl Desk {
    /// Opens the desk on a database that has this binary's schema.
    pub fn open(
        database: Database,
        secrets: Arc<HostSecrets>,
        facts: HostFacts,
        rates: &Rates,
        clock: Clock,
        encoder: Arc<dyn Encoder>,
    ) -> Arc<Self> {
        let hub = Arc::new(Hub::default());
        let sessions = Arc::new(SessionCache::default());
        let follow_ups_due = Arc::new(Notify::new());
        let on_commit = on_commit(&hub, &sessions, &encoder, &follow_ups_due);
        let throttle = Throttle::new(rates, clock.clone());
        let holdings = Holdings::new(rates, database.readers_for_customers());
        let store = Store::start(database, &on_commit);
        Arc::new(Desk {
            store,
            hub,
            encoder,
            clock,
            secrets,
            facts,
            passwords: Passwords::new(rates.passwords_at_once),
            sessions,
            throttle,
            holdings,
            snapshots: tokio::sync::Semaphore::new(SNAPSHOTS),
            follow_ups_due,
            stop: watch_channel::Sender::new(false),
        })
    }

    /// Seals page tokens.
    pub fn page_key(&self) -> &SealingKey {
        &self.secrets.page_key
    }

    /// Begins what a server does by itself: sweeps, and listening to other servers. Commands of the
    /// host leave it out.
    pub fn start(self: &Arc<Self>) {
        self.keep_running("sweep", Desk::sweep);
        self.keep_running("listen", Desk::listen);
        self.keep_running("follow-ups", Desk::do_follow_ups);
    }

    /// Until [`Desk::close`].
    fn keep_running<F>(
        self: &Arc<Self>,
        name: &'static str,
        task: impl Fn(Arc<Self>, watch_channel::Receiver<bool>) -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let (desk, stopped) = (Arc::clone(self), self.stop.subscribe());
        let is_over = move || *stopped.borrow();
        keep_running(name, is_over, move || task(Arc::clone(&desk), desk.stop.subscribe()));
    }

    /// Ends what [`Desk::start`] began.
    pub fn close(&self) {
        self.stop.send_replace(true);
    }

    /// The store below, for commands of the host.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What the host is called and where it is.
    pub fn facts(&self) -> &HostFacts {
        &self.facts
    }

    /// The one way in for every change.
    async fn change(
        &self,
        team: TeamId,
        caller: Caller,
        memory: Option<Checked<Memory>>,
        command: impl Into<Command>,
    ) -> Result<Outcome, Failure> {
        metrics::counter!(names::CHANGES).increment(1);
        let started = std::time::Instant::now();
        let command = command.into();
        let outcome =
            self.store.ask(Request { team, caller, memory, command, salt: salt()? }).await;
        metrics::histogram!(names::CHANGE_SECONDS).record(started.elapsed().as_secs_f64());
        Ok(outcome?)
    }

    /// What a repeat of a request is recognised by. Requests are remembered for a while after their
    /// words may have been erased, so the digest of the body is kept only under the host's key.
    fn memory(&self, request_id: &str, fingerprint: domain::Digest) -> Checked<Memory> {
        if !is_request_id(request_id) {
            let wrong = "give 8 to 64 visible ASCII characters, best a UUID";
            return Err(Refusal::invalid("request_id", wrong));
        }
        let mark = request_mark(&self.secrets.credential_key, &fingerprint.0);
        Ok(Memory { request_id: request_id.to_owned(), fingerprint: domain::Digest(mark) })
    }

    async fn team(&self, team: TeamId) -> Result<Arc<Team>, Failure> {
        self.store.team(team).await?.ok_or(Failure::Refused(Refusal::NO_TEAM))
    }
}

fn salt() -> Result<Salt, Failure> {
    Ok(random_bytes()?)
}

/// Random ids for what belongs to the host: positive, never 0.
fn random_id() -> Result<i64, Failure> {
    let bytes: [u8; 8] = random_bytes()?;
    Ok((i64::from_be_bytes(bytes) & i64::MAX).max(1))
}

/// After each commit: frames for watching terminals, wake-ups for widgets, ends for sessions.
fn on_commit(
    hub: &Arc<Hub>,
    sessions: &Arc<SessionCache>,
    encoder: &Arc<dyn Encoder>,
    follow_ups_due: &Arc<Notify>,
) -> OnCommit {
    let (hub, sessions, encoder) = (Arc::clone(hub), Arc::clone(sessions), Arc::clone(encoder));
    let follow_ups_due = Arc::clone(follow_ups_due);
    Arc::new(move |commit: Commit| {
        measures::committed(&commit);
        let Commit { told: changes, on_disk, .. } = commit;
        measures::first_answers(changes.iter().map(|(change, _)| &**change));
        // Sessions first: whoever loses both session and sight at once is told that they are signed
        // out.
        let events = changes.iter().flat_map(|(change, _)| &change.events);
        for event in events.filter_map(Event::of_account) {
            // Somebody's place in a team may be another one now.
            event.signed_in().into_iter().for_each(|account| sessions.forget(account));
            if let AccountEvent::SessionsEnded { account, .. } = event {
                hub.signed_out(*account);
            }
        }
        for (change, team) in changes {
            let Some(team) = team else { continue };
            if !team.settings.follow_ups.is_empty() {
                follow_ups_due.notify_one();
            }
            hub.tell(change.team, change.revision, || {
                let frame = frames::frame_of_committed(&*encoder, &team, &change);
                Frame {
                    committed: Some(on_disk),
                    ..frame.unwrap_or_else(|cause| {
                        tracing::error!(%cause, "a change cannot be told; its watchers start over");
                        Frame::starting_over(change.revision)
                    })
                }
            });
            hub.wake(change.team, frames::topics_of(&change));
        }
    })
}
