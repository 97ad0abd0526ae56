//! Ringing for help: what widgets and their customers do. What is for operators has no place here.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::acts::message;
use super::customer_view::{CustomerView, view};
use super::streams::PATIENCE;
use super::{CustomerTicket, Desk, Failure, Widget, salt};
use crate::domain::{
    Caller, Checked, Digest, Event, GroupId, Prepared, Refusal, Reply, Submission, TicketCommand,
    TicketWords, text,
};
use crate::store::Name;

/// Code points of a description.
const DESCRIPTION: usize = 10_000;

/// Facts a customer may leave ticked.
const FACTS: usize = 20;

/// A call for help, as it came.
#[derive(Clone, Debug, Default)]
pub struct RawSubmission {
    /// The hash of the customer's secret.
    pub secret_hash: Vec<u8>,
    /// Digest of the body.
    pub body_digest: Option<Digest>,
    /// The chosen group.
    pub group: Option<GroupId>,
    /// The customer's address.
    pub email: String,
    /// A title.
    pub title: String,
    /// What is wrong.
    pub description: String,
    /// Facts left ticked.
    pub facts: BTreeMap<String, String>,
}

impl Desk {
    /// Rings for help.
    pub async fn submit(
        &self,
        widget: &Widget,
        raw: RawSubmission,
        from: Option<IpAddr>,
    ) -> Result<CustomerView, Failure> {
        widget.valid()?;
        let secret_hash = digest(&raw.secret_hash)?;
        let body_digest = raw.body_digest.ok_or(Failure::Internal)?;
        let group = raw.group;
        self.throttle.allows_ring(secret_hash)?;
        let caller = CustomerTicket { widget: widget.clone(), secret: secret_hash };
        // A retry of what is durable already is no flood, and writes nothing.
        if let Err(throttled) = self.throttle.allows_submit(from, (widget.team.id, widget.profile))
        {
            return self.rung_before(&caller, body_digest).await?.ok_or(throttled);
        }
        let words = submission_words(&raw)?;
        let description =
            words.as_ref().map(|words| words.words.description.clone()).unwrap_or_default();
        let submission = Submission { secret_hash, body_digest, group, words };
        let command = TicketCommand::Submit(Box::new(submission));
        let outcome =
            self.change(widget.team.id, Caller::Widget(widget.profile), None, command).await?;
        let Reply::Ticket(ticket) = outcome.reply else { return Err(Failure::Internal) };
        if outcome.repeated {
            return self.shown(&caller).await;
        }
        // Counting who waits before would cost every call for help; the widget's stream tells it at
        // once.
        Ok(view(&widget.team, &ticket, description, 0, Vec::new()))
    }

    /// The ticket of an earlier call for help with this secret. None: there was none.
    async fn rung_before(
        &self,
        caller: &CustomerTicket,
        body_digest: Digest,
    ) -> Result<Option<CustomerView>, Failure> {
        let name = Name::Secret(caller.secret);
        let known = async { Ok(self.store.ticket(caller.widget.team.id, name).await?) };
        let Some(known) = self.read_for_customer(PATIENCE, known).await? else { return Ok(None) };
        if known.body_digest != Some(body_digest) {
            return Err(Refusal::RequestReused { field: "secret_hash" }.into());
        }
        self.shown(caller).await.map(Some)
    }

    /// Writes to whoever helps.
    pub async fn customer_writes(
        &self,
        caller: &CustomerTicket,
        typed: &str,
        request_id: &str,
        fingerprint: Digest,
    ) -> Result<CustomerView, Failure> {
        let command = TicketCommand::CustomerWrite { text: message(typed)? };
        self.change_as_customer(caller, command, request_id, fingerprint).await
    }

    /// Takes the call for help back.
    pub async fn customer_cancels(
        &self,
        caller: &CustomerTicket,
        request_id: &str,
        fingerprint: Digest,
    ) -> Result<CustomerView, Failure> {
        self.change_as_customer(caller, TicketCommand::CustomerCancel, request_id, fingerprint)
            .await
    }

    /// Says that help is still needed: the ticket expires later.
    pub async fn customer_still_needs(
        &self,
        caller: &CustomerTicket,
        request_id: &str,
        fingerprint: Digest,
    ) -> Result<CustomerView, Failure> {
        self.change_as_customer(caller, TicketCommand::StillNeeded, request_id, fingerprint).await
    }

    async fn change_as_customer(
        &self,
        caller: &CustomerTicket,
        command: TicketCommand,
        request_id: &str,
        fingerprint: Digest,
    ) -> Result<CustomerView, Failure> {
        self.throttle.allows_change(caller.secret)?;
        let who = Caller::Customer(caller.widget.profile, caller.secret);
        let writes = matches!(command, TicketCommand::CustomerWrite { .. });
        let look = async {
            let (team, ticket) = self.mine(caller).await?;
            let memory = self.memory(request_id, fingerprint)?;
            self.has_room_for_customer((team.id, ticket.id), who, request_id, writes).await?;
            Ok((team, memory))
        };
        let (team, memory) = self.read_for_customer(PATIENCE, look).await?;
        let outcome = self.change(team.id, who, Some(Ok(memory)), command).await?;
        // A change has the ticket and its words with it; of a repeat both are read.
        let Some(change) = outcome.change else { return self.shown(caller).await };
        let changed = change.events.iter().find_map(Event::ticket).ok_or(Failure::Internal)?;
        let description = changed.words.description.clone();
        let read = self.shown_as(&team, &changed.ticket, description);
        self.read_for_customer(PATIENCE, read).await
    }
}

fn digest(bytes: &[u8]) -> Result<Digest, Failure> {
    let wrong =
        || Refusal::invalid("secret_hash", "give the hash of the ticket's secret: 32 bytes");
    Ok(Digest(bytes.try_into().map_err(|_| wrong())?))
}

fn submission_words(raw: &RawSubmission) -> Result<Checked<Prepared<TicketWords>>, Failure> {
    let salt = salt()?;
    let checked = || -> Checked<TicketWords> {
        let requester = text::email(&raw.email).map_err(Refusal::text("email"))?.written;
        let title = text::optional_line(&raw.title, 120).map_err(Refusal::text("title"))?;
        let description =
            text::prose(&raw.description, DESCRIPTION).map_err(Refusal::text("description"))?;
        if raw.facts.len() > FACTS {
            return Err(Refusal::invalid("facts", format!("are too many: send at most {FACTS}")));
        }
        let mut facts = BTreeMap::new();
        for (name, value) in &raw.facts {
            let name = text::one_line(name, 40).map_err(Refusal::text("facts"))?;
            facts.insert(name, text::optional_line(value, 200).map_err(Refusal::text("facts"))?);
        }
        Ok(TicketWords { requester, title, description, facts, tags: Vec::new() })
    };
    Ok(checked().map(|words| Prepared::new(words, salt)))
}
