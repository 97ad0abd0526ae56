//! What a customer sees of their ticket. What is for operators has no place here.

use super::streams::PATIENCE;
use super::{CustomerTicket, Desk, Failure};
use crate::domain::{
    MemberId, MessageId, MessageKind, Millis, State, Team, TeamId, Ticket, Visibility,
};

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

impl Desk {
    /// The customer's own ticket.
    pub async fn my_ticket(&self, caller: &CustomerTicket) -> Result<CustomerView, Failure> {
        self.throttle.allows_look(caller.secret)?;
        self.shown(caller).await
    }

    pub(super) async fn shown(&self, caller: &CustomerTicket) -> Result<CustomerView, Failure> {
        let read = async {
            let (team, ticket) = self.mine(caller).await?;
            let description = self.description(team.id, &ticket).await?;
            self.shown_as(&team, &ticket, description).await
        };
        self.read_for_customer(PATIENCE, read).await
    }

    pub(super) async fn shown_as(
        &self,
        team: &Team,
        ticket: &Ticket,
        description: String,
    ) -> Result<CustomerView, Failure> {
        let place = self.place(team.id, ticket).await?;
        let messages = self.messages_shown(team, ticket, MessageId(0)).await?;
        Ok(view(team, ticket, description, place, messages))
    }

    pub(super) async fn description(
        &self,
        team: TeamId,
        ticket: &Ticket,
    ) -> Result<String, Failure> {
        let words = self.store.ticket_words(team, [ticket.words.id].into()).await?;
        Ok(words.into_values().next().map(|words| words.description.clone()).unwrap_or_default())
    }

    /// What a ticket's customer sees of what was written on it after that message.
    pub(super) async fn messages_shown(
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

    pub(super) async fn place(&self, team: TeamId, ticket: &Ticket) -> Result<i64, Failure> {
        if ticket.state != State::New {
            return Ok(0);
        }
        let before = self
            .store
            .waiting_before(team, ticket.group, ticket.priority, ticket.submitted_at)
            .await?;
        Ok(before + 1)
    }
}

/// Who helped at that time.
fn helper_name(team: &Team, member: MemberId, at: Millis) -> String {
    match team.member_name(member, at) {
        "" => "Support".to_owned(),
        name => name.to_owned(),
    }
}

/// What its customer sees of a ticket.
pub(super) fn view(
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
