//! Ringing for help: what widgets and their customers do. What is for operators has no place here.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::profiles::Manifest;
use super::queue::message;
use super::streams::Share;
use super::{Desk, Failure, salt};
use crate::domain::{
    Caller, Checked, Digest, Event, GroupId, MessageId, MessageKind, Millis, Origin, Prepared,
    ProfileId, ProfileState, Refusal, Reply, State, Submission, Team, TeamId, Ticket,
    TicketCommand, TicketWords, Visibility, text,
};
use crate::hub::{Topic, Waiting};
use crate::secrets::ProfileCredential;
use crate::store::Name;

/// A widget's stream gives a sign of life this often.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// How long a call waits for a reader, and how long a stream does: it can wait, and very many may
/// be woken at once.
const PATIENCE: Duration = Duration::from_secs(5);
const STREAM_PATIENCE: Duration = Duration::from_secs(30);

/// Code points of a description.
const DESCRIPTION: usize = 10_000;

/// Facts a customer may leave ticked.
const FACTS: usize = 20;

/// A genuine copy of a profile, as it stands now.
#[derive(Clone, Debug)]
pub struct Widget {
    /// The team, as it was at the beginning of the call.
    pub team: Arc<Team>,
    /// The profile.
    pub profile: ProfileId,
}

impl Widget {
    /// Refuses copies of a revoked profile.
    pub fn valid(&self) -> Result<(), Failure> {
        let revoked = self
            .team
            .profiles
            .get(&self.profile)
            .is_some_and(|found| found.state == ProfileState::Revoked);
        if revoked { Err(Refusal::REVOKED.into()) } else { Ok(()) }
    }
}

/// A copy with the secret of one ticket.
#[derive(Clone, Debug)]
pub struct CustomerTicket {
    /// The copy.
    pub widget: Widget,
    /// The hash of the secret.
    pub secret: Digest,
}

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

/// A ticket, as its customer sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct CustomerView {
    /// Its number.
    pub number: i64,
    /// Grows with each change that its customer can see.
    pub version: i64,
    /// Where it stands.
    pub state: State,
    /// Who helps.
    pub helper: String,
    /// The group, if it is public.
    pub group: String,
    /// Its place in the queue; 0: it does not wait, or it is not known yet.
    pub place: i64,
    /// When the server received it.
    pub submitted_at: Millis,
    /// When it expires.
    pub expires_at: Option<Millis>,
    /// What was wrong.
    pub description: String,
    /// What was written: id, who (empty: the customer), text, when.
    pub messages: Vec<(i64, String, String, Millis)>,
}

/// Something a widget should know.
#[derive(Clone, Debug)]
pub enum News {
    /// The profile, as it is now.
    Manifest(Box<Manifest>),
    /// The ticket, as it is now.
    Ticket(Box<CustomerView>),
    /// A sign of life, and whether somebody is there.
    KeepAlive(bool),
}

impl Desk {
    /// The copy that a credential belongs to. What state the profile is in is another question.
    pub async fn widget(&self, credential: &str) -> Result<Widget, Failure> {
        let unknown = || Failure::Refused(Refusal::PROFILE_UNKNOWN);
        let genuine = ProfileCredential::verify(&self.secrets.credential_key, credential)
            .ok_or_else(unknown)?;
        let profile = ProfileId(genuine.profile);
        let recent = self.store.recent_team(TeamId(genuine.team)).await?;
        let team = if let Some(team) = recent.filter(|team| team.profiles.contains_key(&profile)) {
            team
        } else {
            // It may have been made on another server a moment ago.
            let read = async { Ok(self.store.team(TeamId(genuine.team)).await?) };
            self.read_for_customer(PATIENCE, read).await?.ok_or_else(unknown)?
        };
        if team.profiles.contains_key(&profile) {
            Ok(Widget { team, profile })
        } else {
            Err(unknown())
        }
    }

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

    /// The customer's ticket, still without its words: see [`Desk::with_words`].
    async fn mine(&self, caller: &CustomerTicket) -> Result<(Arc<Team>, Ticket), Failure> {
        let hidden = || Failure::Refused(Refusal::NotFound);
        let team = self.team(caller.widget.team.id).await?;
        let profile = team
            .profiles
            .get(&caller.widget.profile)
            .ok_or(Failure::Refused(Refusal::PROFILE_UNKNOWN))?;
        if profile.state == ProfileState::Revoked {
            return Err(Refusal::REVOKED.into());
        }
        let ticket =
            self.store.ticket(team.id, Name::Secret(caller.secret)).await?.ok_or_else(hidden)?;
        let erased_soon =
            !ticket.is_open() && ticket.group.is_some_and(|group| team.live_group(group).is_none());
        if ticket.origin != Origin::Profile(caller.widget.profile) || erased_soon {
            return Err(hidden());
        }
        Ok((team, ticket))
    }

    /// The customer's own ticket.
    pub async fn my_ticket(&self, caller: &CustomerTicket) -> Result<CustomerView, Failure> {
        self.throttle.allows_look(caller.secret)?;
        self.shown(caller).await
    }

    async fn shown(&self, caller: &CustomerTicket) -> Result<CustomerView, Failure> {
        let read = async {
            let (team, ticket) = self.mine(caller).await?;
            let description = self.description(team.id, &ticket).await?;
            self.shown_as(&team, &ticket, description).await
        };
        self.read_for_customer(PATIENCE, read).await
    }

    async fn shown_as(
        &self,
        team: &Team,
        ticket: &Ticket,
        description: String,
    ) -> Result<CustomerView, Failure> {
        let place = self.place(team.id, ticket).await?;
        let messages = self.messages_shown(team, ticket, MessageId(0)).await?;
        Ok(view(team, ticket, description, place, messages))
    }

    async fn description(&self, team: TeamId, ticket: &Ticket) -> Result<String, Failure> {
        let words = self.store.ticket_words(team, [ticket.words.id].into()).await?;
        Ok(words.into_values().next().map(|words| words.description.clone()).unwrap_or_default())
    }

    /// What a ticket's customer sees of what was written on it after that message.
    async fn messages_shown(
        &self,
        team: &Team,
        ticket: &Ticket,
        after: MessageId,
    ) -> Result<Vec<(i64, String, String, Millis)>, Failure> {
        let messages = self.store.messages_after(team.id, ticket.id, after).await?;
        let shown = messages.into_iter().filter(|message| message.kind != MessageKind::Note);
        let told = shown.map(|message| {
            let from = message
                .author
                .map_or(String::new(), |author| helper_name(team, author, message.at));
            (message.id.0, from, message.words.text.clone(), message.at)
        });
        Ok(told.collect())
    }

    async fn place(&self, team: TeamId, ticket: &Ticket) -> Result<i64, Failure> {
        if ticket.state != State::New {
            return Ok(0);
        }
        let before = self
            .store
            .waiting_before(team, ticket.group, ticket.priority, ticket.submitted_at)
            .await?;
        Ok(before + 1)
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

    /// Begins to follow a profile, and a ticket when there is one. With a message to begin after,
    /// it gives only what is written from there on, each message once; without, all of it each
    /// time. `once`: it ends when everything that is new was given.
    pub fn follow(
        self: &Arc<Self>,
        widget: Widget,
        ticket: Option<Digest>,
        (shown_revision, messages_after): (i64, Option<MessageId>),
        once: bool,
    ) -> Result<Follow, Failure> {
        if let Some(secret) = ticket {
            self.throttle.allows_look(secret)?;
        }
        let place = ticket.map(|secret| self.holdings.stream(secret)).transpose()?;
        let profile = self.hub.wait_for(widget.team.id, Topic::Profile(widget.profile));
        Ok(Follow {
            desk: Arc::clone(self),
            ticket: ticket.map(|secret| CustomerTicket { widget: widget.clone(), secret }),
            widget,
            shown_revision,
            shown_ticket: None,
            messages_after,
            _place: place,
            profile,
            ticket_wait: None,
            ready: VecDeque::new(),
            look: true,
            once,
            sign_due: Instant::now() + KEEP_ALIVE,
        })
    }
}

/// A widget's stream under way.
pub struct Follow {
    desk: Arc<Desk>,
    widget: Widget,
    ticket: Option<CustomerTicket>,
    shown_revision: i64,
    /// Without what people wrote: a stream keeps no copy of that.
    shown_ticket: Option<CustomerView>,
    /// The last message that was given; none: all are given each time.
    messages_after: Option<MessageId>,
    _place: Option<Share<Digest>>,
    profile: Waiting,
    ticket_wait: Option<Waiting>,
    ready: VecDeque<News>,
    look: bool,
    /// It does not wait for more.
    once: bool,
    /// When a sign of life is due. Being woken for nothing does not put it off.
    sign_due: Instant,
}

impl Follow {
    /// The next news, when there is some. None: it was to be given once.
    pub async fn next(&mut self) -> Result<Option<News>, Failure> {
        loop {
            if let Some(news) = self.ready.pop_front() {
                self.sign_due = Instant::now() + KEEP_ALIVE;
                return Ok(Some(news));
            }
            if self.sign_due <= Instant::now() {
                self.sign_due = Instant::now() + KEEP_ALIVE;
                // The place in the queue moves with other people's tickets.
                self.look = true;
                let staffed = self.desk.staffed(&self.widget.team);
                return Ok(Some(News::KeepAlive(staffed)));
            }
            if std::mem::take(&mut self.look) {
                self.look().await?;
                continue;
            }
            if self.once {
                return Ok(None);
            }
            let ticket = async {
                match &mut self.ticket_wait {
                    Some(waiting) => waiting.woken().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.profile.woken() => self.look = true,
                () = ticket => self.look = true,
                () = tokio::time::sleep_until(self.sign_due) => {}
            }
        }
    }

    async fn look(&mut self) -> Result<(), Failure> {
        let desk = Arc::clone(&self.desk);
        desk.read_for_customer(STREAM_PATIENCE, self.read()).await
    }

    async fn read(&mut self) -> Result<(), Failure> {
        let team = self.desk.team(self.widget.team.id).await?;
        let profile = team
            .profiles
            .get(&self.widget.profile)
            .ok_or(Failure::Refused(Refusal::PROFILE_UNKNOWN))?;
        if profile.revision != self.shown_revision {
            self.shown_revision = profile.revision;
            let manifest = self.desk.manifest(&team, self.widget.profile)?;
            self.ready.push_back(News::Manifest(Box::new(manifest)));
        }
        self.widget.team = Arc::clone(&team);
        let Some(caller) = &self.ticket else { return Ok(()) };
        if self.ticket_wait.is_none() {
            let (_, ticket) = self.desk.mine(caller).await?;
            self.ticket_wait = Some(self.desk.hub.wait_for(team.id, Topic::Ticket(ticket.id)));
        }
        let (team, ticket) = self.desk.mine(caller).await?;
        let place = self.desk.place(team.id, &ticket).await?;
        let now = view(&team, &ticket, String::new(), place, Vec::new());
        // Its version grows with every message.
        if self.shown_ticket.as_ref() == Some(&now) {
            return Ok(());
        }
        let after = self.messages_after.unwrap_or(MessageId(0));
        let messages = self.desk.messages_shown(&team, &ticket, after).await?;
        if let (Some(after), Some(last)) = (&mut self.messages_after, messages.last()) {
            *after = MessageId(last.0);
        }
        self.shown_ticket = Some(now.clone());
        let description = self.desk.description(team.id, &ticket).await?;
        let now = CustomerView { description, messages, ..now };
        self.ready.push_back(News::Ticket(Box::new(now)));
        Ok(())
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

/// Who helped at that time.
fn helper_name(team: &Team, member: crate::domain::MemberId, at: Millis) -> String {
    match team.member_name(member, at) {
        "" => "Support".to_owned(),
        name => name.to_owned(),
    }
}

fn view(
    team: &Team,
    ticket: &Ticket,
    description: String,
    place: i64,
    messages: Vec<(i64, String, String, Millis)>,
) -> CustomerView {
    let now = ticket.ended_at.unwrap_or(Millis::MAX);
    let group = ticket.group.and_then(|group| team.live_group(group));
    let group = group.filter(|group| group.visibility == Visibility::Public);
    CustomerView {
        number: ticket.number,
        version: ticket.customer_version,
        state: ticket.state,
        helper: ticket.operator.map_or(String::new(), |operator| helper_name(team, operator, now)),
        group: group.map_or(String::new(), |group| group.words.name.clone()),
        place,
        submitted_at: ticket.submitted_at,
        expires_at: ticket.expires_at,
        description,
        messages,
    }
}
