//! A widget's stream: its profile and its customer's ticket, as they change.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::customer_view::{CustomerView, view};
use super::profiles::Manifest;
use super::streams::Share;
use super::{CustomerTicket, Desk, Failure, Widget};
use crate::domain::{Digest, MessageId, Refusal, State};
use crate::hub::{Topic, Waiting};

/// A widget's stream gives a sign of life this often.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// How long a stream waits for a reader: it can wait, and very many may be woken at once.
const STREAM_PATIENCE: Duration = Duration::from_secs(30);

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
        let share = ticket.map(|secret| self.holdings.stream(secret)).transpose()?;
        let profile = self.hub.wait_for(widget.team.id, Topic::Profile(widget.profile));
        Ok(Follow {
            desk: Arc::clone(self),
            ticket: ticket.map(|secret| CustomerTicket { widget: widget.clone(), secret }),
            widget,
            shown_revision,
            shown_ticket: None,
            messages_after,
            _share: share,
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
    _share: Option<Share<Digest>>,
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
                // The place in the queue moves with other people's tickets. All else wakes.
                self.look =
                    self.shown_ticket.as_ref().is_some_and(|ticket| ticket.state == State::New);
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
        // Read once it listens, so that no change in between is missed.
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
