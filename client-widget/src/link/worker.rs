//! The thread's work: carry out orders, keep the stream to the server open, deliver what waits,
//! tell what happens.
//!
//! An order is first written to disk (see `orders`), whether there is a server or not; then
//! everything that waits is delivered. The stream is opened again, with growing pauses, whenever it
//! ends.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use deskbell_proto::client::Retry;
use deskbell_proto::manifest::Verified;
use deskbell_proto::problem::Problem;
use deskbell_proto::ticket_secret::TicketSecret;
use deskbell_proto::v1::{
    CustomerTicket, FollowResponse, ProfileState, SignedManifest, follow_response::Prompt,
};
use tokio::sync::mpsc::UnboundedReceiver;
use tonic::Streaming;

use super::WindowHandle;
use super::calls::Calls;
use super::delivery::{self, Held, Outcome};
use crate::manifest::{Manifests, Trouble};
use crate::outbox::{Kept, Outbox};
use crate::state::form::Field;
use crate::state::profile::Profile;
use crate::state::ticket::Reported;
use crate::state::{Connection, News, Notice, Order};
use crate::texts::Key;

/// The server says something every 20 seconds or so; after this long without a word the stream is
/// dead.
const SILENCE: Duration = Duration::from_mins(1);
/// Pauses between tries to reach the server.
const PAUSES: Retry = Retry {
    tries: u32::MAX,
    first_wait: Duration::from_millis(500),
    longest_wait: Duration::from_secs(15),
};
/// How often a paused or revoked copy asks again.
const NOT_SERVED_PAUSE: Duration = Duration::from_secs(10);

/// See the module.
pub(super) struct Worker {
    pub(super) manifests: Manifests,
    pub(super) used: Option<Verified>,
    /// Judged, and waiting for the customer's trust: the file and what it says.
    pub(super) offered: Option<(Vec<u8>, Verified)>,
    pub(super) outbox: Option<Outbox>,
    /// The request on screen.
    pub(super) shown: Option<Shown>,
    orders: UnboundedReceiver<Order>,
    /// Taken out of the channel and not carried out yet; survives a stop in the middle.
    pub(super) waiting: VecDeque<Order>,
    pub(super) window: WindowHandle,
    /// The server was reached since the last failure.
    reached: bool,
}

/// The request on screen.
pub(super) struct Shown {
    /// Its name on disk.
    pub(super) name: String,
    /// The ticket as the server last told it.
    pub(super) known: Option<CustomerTicket>,
    /// The server does not know it any more.
    pub(super) gone: bool,
}

impl Shown {
    /// Nothing was heard of it yet.
    pub(super) fn new(name: String) -> Self {
        Self { name, known: None, gone: false }
    }

    /// The id of the newest message that is known; empty: none is.
    fn newest_message(&self) -> String {
        let newest = self.known.as_ref().and_then(|known| known.messages.last());
        newest.map(|message| message.id.clone()).unwrap_or_default()
    }

    /// Takes the server's word on the ticket. What is older than is known comes too late to matter,
    /// except for its messages: some of the server's words have the new ones only.
    fn hear(&mut self, mut ticket: CustomerTicket) {
        let Some(known) = &mut self.known else {
            self.known = Some(ticket);
            return;
        };
        let mut messages = std::mem::take(&mut known.messages);
        for message in std::mem::take(&mut ticket.messages) {
            match messages.iter_mut().find(|known| known.id == message.id) {
                Some(known) => *known = message,
                None => messages.push(message),
            }
        }
        if known.version <= ticket.version {
            *known = ticket;
        }
        known.messages = messages;
    }
}

/// Why the stream is to be opened anew.
enum Ended {
    /// Another profile, revision or ticket.
    OnPurpose,
    /// It broke or was refused.
    Failed(Problem),
}

impl Worker {
    pub(super) fn new(
        manifests: Manifests,
        used: Option<Verified>,
        offered: Option<(Vec<u8>, Verified)>,
        orders: UnboundedReceiver<Order>,
        window: WindowHandle,
    ) -> Self {
        Self {
            manifests,
            used,
            offered,
            outbox: None,
            shown: None,
            orders,
            waiting: VecDeque::new(),
            window,
            reached: false,
        }
    }

    /// Works for as long as the window is open.
    pub(super) async fn run(&mut self) {
        self.open_outbox().await;
        let mut failures: u32 = 0;
        loop {
            let Some(used) = self.used.clone() else {
                // Without a profile there is nothing but orders.
                if self.next_order().await.is_none() {
                    return;
                }
                self.carry_out().await;
                continue;
            };
            let pause = match self.session(&used).await {
                Ended::OnPurpose => {
                    failures = 0;
                    continue;
                }
                Ended::Failed(problem) => {
                    failures = if std::mem::take(&mut self.reached) {
                        1
                    } else {
                        failures.saturating_add(1)
                    };
                    self.tell_failure(&problem, failures)
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                order = self.next_order() => {
                    if order.is_none() {
                        return;
                    }
                    // Somebody waits: try at once.
                    self.carry_out().await;
                }
            }
        }
    }

    /// Carries out, on disk alone, what was ordered before the window was closed.
    pub(super) async fn keep_what_is_left(&mut self) {
        while let Ok(order) = self.orders.try_recv() {
            self.waiting.push_back(order);
        }
        self.carry_out().await;
    }

    /// Waits for an order and puts it among the waiting ones. None: the window is gone.
    async fn next_order(&mut self) -> Option<()> {
        let order = self.orders.recv().await?;
        self.waiting.push_back(order);
        Some(())
    }

    /// One connection: deliver what waits, then follow until something changes.
    async fn session(&mut self, used: &Verified) -> Ended {
        let calls = match Calls::new(used) {
            Ok(calls) => calls,
            Err(problem) => return Ended::Failed(problem),
        };
        let mut all_sent = match self.deliver_all(&calls).await {
            Ok(all_sent) => all_sent,
            Err(problem) => return Ended::Failed(problem),
        };
        let secret = self.shown_secret().await;
        let newest = self.shown.as_ref().map(Shown::newest_message).unwrap_or_default();
        let following = calls.follow(used.manifest.revision, secret.as_ref(), newest);
        let mut stream = match following.await {
            Ok(stream) => stream,
            Err(problem) => return self.not_followed(problem, secret.is_some()).await,
        };
        self.reached = true;
        self.window.tell(News::Connection(Connection::Online { staffed: false }));
        self.window.tell(News::Standing(Profile::new(used).standing()));
        loop {
            tokio::select! {
                order = self.next_order() => {
                    if order.is_none() {
                        return Ended::OnPurpose;
                    }
                    let before = self.followed();
                    self.carry_out().await;
                    match self.deliver_all(&calls).await {
                        Ok(sent) => all_sent = sent,
                        Err(problem) => return Ended::Failed(problem),
                    }
                    if self.followed() != before || self.used.as_ref() != Some(used) {
                        return Ended::OnPurpose;
                    }
                }
                // Paused, busy or in trouble: it may take what it refused.
                () = tokio::time::sleep(NOT_SERVED_PAUSE), if !all_sent => return Ended::OnPurpose,
                prompt = next_prompt(&mut stream) => match prompt {
                    Ok(Some(prompt)) => {
                        if self.hear(prompt, used).await {
                            return Ended::OnPurpose;
                        }
                    }
                    Ok(None) => {}
                    Err(problem) => return self.not_followed(problem, secret.is_some()).await,
                },
            }
        }
    }

    /// A stream that was refused because of its ticket is opened again without it.
    async fn not_followed(&mut self, problem: Problem, with_ticket: bool) -> Ended {
        if with_ticket && problem.code == tonic::Code::NotFound {
            self.ticket_is_gone().await;
            return Ended::OnPurpose;
        }
        Ended::Failed(problem)
    }

    /// Which acknowledged ticket the stream is about.
    fn followed(&self) -> Option<(String, i64)> {
        let shown = self.shown.as_ref().filter(|shown| !shown.gone)?;
        shown.known.as_ref().map(|ticket| (shown.name.clone(), ticket.number))
    }

    /// Takes a prompt; says whether the stream is to be opened anew.
    async fn hear(&mut self, prompt: Prompt, used: &Verified) -> bool {
        match prompt {
            Prompt::KeepAlive(alive) => {
                self.window.tell(News::Connection(Connection::Online { staffed: alive.staffed }));
            }
            Prompt::Ticket(ticket) => self.ticket_changed(ticket).await,
            Prompt::Manifest(signed) => return self.manifest_came(&signed, used),
        }
        false
    }

    /// A new revision is shown at once. The stream goes on unless it must go elsewhere now.
    fn manifest_came(&mut self, signed: &SignedManifest, used: &Verified) -> bool {
        let current = self.used.as_ref().unwrap_or(used);
        let verified = match self.manifests.follow(signed, current) {
            Ok(verified) => verified,
            Err(Trouble::NotKept(error)) => {
                self.tell_storage(&error);
                return false;
            }
            Err(trouble) => {
                tracing::warn!(
                    ?trouble,
                    "a manifest from the server is refused; the last good one stays in use"
                );
                return false;
            }
        };
        let goes_elsewhere = verified.manifest.addresses != used.manifest.addresses
            || verified.manifest.authorities_pem != used.manifest.authorities_pem
            || verified.manifest.credential != used.manifest.credential;
        self.window.tell(News::Profile(Box::new(Profile::new(&verified))));
        self.used = Some(verified);
        goes_elsewhere
    }

    /// Delivers everything that waits; says whether all of it is sent. A server that answers and
    /// does not take it, or a disk that fails, does not end the connection.
    async fn deliver_all(&mut self, calls: &Calls) -> Result<bool, Problem> {
        let Some(outbox) = self.outbox.clone() else { return Ok(true) };
        let names = match delivery::names(&outbox).await {
            Ok(names) => names,
            Err(error) => {
                self.tell_storage(&error);
                return Ok(false);
            }
        };
        let mut all_sent = true;
        for name in names {
            let is_shown = self.shown.as_ref().is_some_and(|shown| shown.name == name);
            match delivery::deliver(&outbox, &name, calls).await {
                Ok(outcome) if is_shown => self.delivered(outcome).await,
                Ok(_) => {}
                Err(Held::Server(problem)) if is_unreached(&problem) => return Err(problem),
                Err(Held::Server(problem)) => {
                    tracing::info!(reason = problem.reason, code = ?problem.code, "not taken for \
                        now");
                    all_sent = false;
                }
                Err(Held::Disk(error)) => {
                    self.tell_storage(&error);
                    all_sent = false;
                }
            }
        }
        Ok(all_sent)
    }

    async fn delivered(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Settled(Some(ticket)) => self.ticket_changed(*ticket).await,
            Outcome::Settled(None) | Outcome::Missing => {}
            Outcome::Withdrawn(draft) => {
                self.shown = None;
                self.window.tell(News::Withdrawn(draft));
            }
            Outcome::Refused(draft, problem) => {
                self.shown = None;
                let field = problem.field.as_deref().and_then(Field::from_contract);
                self.window.tell(News::Refused { draft, field, reason: problem.text });
            }
            Outcome::Full(draft) => {
                self.window.tell(News::Draft(draft));
                self.window
                    .tell(News::Notice(Notice { key: Key::TicketFull, reason: String::new() }));
                self.tell_from_disk().await;
            }
            Outcome::Gone => self.ticket_is_gone().await,
        }
    }

    /// The server's word on the ticket.
    async fn ticket_changed(&mut self, ticket: CustomerTicket) {
        let Some(shown) = &mut self.shown else { return };
        shown.hear(ticket);
        self.tell_from_disk().await;
    }

    async fn ticket_is_gone(&mut self) {
        if let Some(shown) = &mut self.shown {
            shown.gone = true;
        }
        self.tell_from_disk().await;
    }

    /// The secret of the acknowledged ticket on screen.
    async fn shown_secret(&self) -> Option<TicketSecret> {
        let shown = self.shown.as_ref().filter(|shown| !shown.gone)?;
        let kept = self.outbox.as_ref()?.lock().await.ok()?.load(&shown.name).ok()??;
        kept.number?;
        kept.secret()
    }

    async fn tell_from_disk(&self) {
        let (Some(outbox), Some(shown)) = (&self.outbox, &self.shown) else { return };
        match outbox.lock().await.and_then(|locked| locked.load(&shown.name)) {
            Ok(Some(kept)) => self.tell_shown(&kept),
            Ok(None) => {}
            Err(error) => self.tell_storage(&error),
        }
    }

    pub(super) fn tell_shown(&self, kept: &Kept) {
        let Some(shown) = &self.shown else { return };
        self.window.tell(News::Ticket(Box::new(Reported {
            number: kept.number,
            known: shown.known.clone(),
            description: kept.draft().description,
            unsent: kept.messages.iter().map(|message| message.text.clone()).collect(),
            cancelling: kept.cancel.is_some(),
            gone: shown.gone,
        })));
    }

    /// Tells why there is no connection, and answers how long to wait.
    fn tell_failure(&self, problem: &Problem, failures: u32) -> Duration {
        // The text may name addresses, never credentials.
        tracing::info!(reason = problem.reason, code = ?problem.code, text = problem.text, "not connected");
        let not_served = match problem.reason.as_str() {
            "PROFILE_PAUSED" => Some(ProfileState::Paused),
            "PROFILE_REVOKED" | "PROFILE_UNKNOWN" => Some(ProfileState::Revoked),
            _ => None,
        };
        if let Some(standing) = not_served {
            self.window.tell(News::Connection(Connection::Online { staffed: false }));
            self.window.tell(News::Standing(standing));
            return NOT_SERVED_PAUSE;
        }
        self.window.tell(News::Connection(if is_untrusted(problem) {
            Connection::Untrusted
        } else {
            Connection::Away
        }));
        let jitter =
            uuid::Uuid::new_v4().as_bytes().first().map_or(0.5, |byte| f64::from(*byte) / 255.0);
        problem.retry_after.unwrap_or_default().max(PAUSES.wait(failures, jitter))
    }

    pub(super) fn tell_trouble(&self, trouble: &Trouble) {
        self.window.tell(News::Notice(Notice { key: trouble.key(), reason: trouble.reason() }));
    }

    pub(super) fn tell_storage(&self, error: &io::Error) {
        self.tell_trouble(&Trouble::NotKept(io::Error::new(error.kind(), error.to_string())));
    }
}

/// Something answered that is not the server of the manifest.
fn is_untrusted(problem: &Problem) -> bool {
    problem.reason.starts_with("CERTIFICATE_") || problem.reason == "NOT_A_SERVER"
}

/// The server itself said nothing.
fn is_unreached(problem: &Problem) -> bool {
    problem.code == tonic::Code::Unavailable
        || problem.interrupted
        || is_untrusted(problem)
        || problem.reason == "ADDRESS_INVALID"
}

/// The next thing the server says. `Ok(None)`: something that this version does not know.
async fn next_prompt(stream: &mut Streaming<FollowResponse>) -> Result<Option<Prompt>, Problem> {
    let ended = || {
        Problem::local(tonic::Code::Unavailable, "CONNECTION_LOST", "The server ended the stream.")
    };
    match tokio::time::timeout(SILENCE, stream.message()).await {
        Ok(Ok(Some(response))) => Ok(response.prompt),
        Ok(Ok(None)) => Err(ended()),
        Ok(Err(status)) => Err(status.into()),
        Err(_) => Err(Problem::local(
            tonic::Code::Unavailable,
            "SERVER_SLOW",
            "The server has gone silent.",
        )),
    }
}
