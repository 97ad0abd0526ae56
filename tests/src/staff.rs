//! Somebody who is signed in, and what operators do with tickets. What admins set up is in
//! [`crate::setup`]; everybody has all calls, because stories also try what is not allowed.

use deskbell_proto::client::{Client, request_id};
use deskbell_proto::problem::Problem;
use deskbell_proto::v1;
use tonic::Code;

use crate::recorder::Recorder;

/// One call over the client: the answer, or the problem.
macro_rules! ask {
    ($client:expr, $service:ident, $call:ident, $request:expr) => {
        match $client.$service().$call($request).await {
            Ok(answer) => Ok(answer.into_inner()),
            Err(status) => Err(::deskbell_proto::problem::Problem::from(status)),
        }
    };
}
pub(crate) use ask;

/// Somebody who is signed in, with a connection of their own.
#[derive(Clone, Debug)]
pub struct Staff {
    /// The client with the session.
    pub client: Client,
    /// The e-mail address.
    pub email: String,
    /// The session's token.
    pub token: String,
    /// Who signed in, as of then.
    pub identity: v1::Identity,
}

/// Where a ticket goes; what is none stays.
#[derive(Clone, Debug, Default)]
pub struct To {
    operator: Option<String>,
    group: Option<String>,
}

impl To {
    /// To an operator.
    pub fn operator(staff: &Staff) -> Self {
        Self { operator: Some(staff.id()), group: None }
    }

    /// To a group.
    pub fn group(group: &v1::Group) -> Self {
        Self { operator: None, group: Some(group.id.clone()) }
    }

    /// To nobody: neither operator nor group.
    pub fn nobody() -> Self {
        Self { operator: Some(String::new()), group: Some(String::new()) }
    }

    /// Also to this group.
    #[must_use]
    pub fn in_group(mut self, group: &v1::Group) -> Self {
        self.group = Some(group.id.clone());
        self
    }

    /// And to no group.
    #[must_use]
    pub fn in_no_group(mut self) -> Self {
        self.group = Some(String::new());
        self
    }
}

/// Which code and reason something was refused with. Panics when it was not.
pub fn refused<T: std::fmt::Debug>(outcome: Result<T, Problem>) -> (Code, String) {
    let problem = outcome.expect_err("a refusal");
    (problem.code, problem.reason)
}

/// Which field was refused as an invalid argument. Panics when none was.
pub fn refused_field<T: std::fmt::Debug>(outcome: Result<T, Problem>) -> String {
    let problem = outcome.expect_err("a refusal");
    assert_eq!(problem.code, Code::InvalidArgument, "{problem:?}");
    problem.field.unwrap_or_else(|| panic!("no field is named: {}", problem.text))
}

fn there<T>(part: Option<T>) -> T {
    part.expect("the answer holds it")
}

impl Staff {
    pub(crate) fn new(client: Client, email: &str, answer: v1::SignInResponse) -> Self {
        let identity = there(answer.identity);
        Self { client, email: email.to_owned(), token: answer.token, identity }
    }

    /// The same person and session over another connection.
    #[must_use]
    pub fn over(&self, client: &Client) -> Self {
        let credentials =
            deskbell_proto::client::Credentials::session(&self.token).expect("a token");
        Self { client: client.with_credentials(credentials), ..self.clone() }
    }

    /// The same person and session, knowing who they are by now.
    pub async fn looked_up(mut self) -> Self {
        self.identity = self.who_am_i().await.expect("a session");
        self
    }

    /// The id as a member.
    pub fn id(&self) -> String {
        there(self.identity.membership.as_ref()).member_id.clone()
    }

    /// The name people see.
    pub fn name(&self) -> &str {
        &self.identity.display_name
    }

    /// Who is calling.
    pub async fn who_am_i(&self) -> Result<v1::Identity, Problem> {
        Ok(there(ask!(self.client, account, who_am_i, v1::WhoAmIRequest {})?.identity))
    }

    /// Watches the queue from a snapshot on, and records everything.
    pub fn watch(&self) -> Recorder {
        self.watch_after("")
    }

    /// Watches the queue after a cursor, and records everything.
    pub fn watch_after(&self, cursor: &str) -> Recorder {
        Recorder::start(self.client.clone(), cursor)
    }

    /// One ticket.
    pub async fn ticket(&self, number: i64) -> Result<v1::Ticket, Problem> {
        Ok(there(ask!(self.client, queue, get_ticket, v1::GetTicketRequest { number })?.ticket))
    }

    /// What is written on a ticket.
    pub async fn messages(&self, number: i64) -> Result<Vec<v1::Message>, Problem> {
        Ok(ask!(self.client, queue, get_ticket, v1::GetTicketRequest { number })?.messages)
    }

    /// What happened to a ticket.
    pub async fn events(&self, number: i64) -> Result<Vec<v1::TicketEvent>, Problem> {
        Ok(ask!(self.client, queue, list_ticket_events, v1::ListTicketEventsRequest { number })?
            .events)
    }

    /// What happened to a ticket, as words.
    pub async fn event_kinds(&self, number: i64) -> Vec<String> {
        self.events(number).await.expect("events").into_iter().map(|event| event.kind).collect()
    }

    /// All tickets that a filter lets through, over all pages.
    pub async fn list(&self, filter: v1::ListTicketsRequest) -> Result<Vec<v1::Ticket>, Problem> {
        let mut tickets = Vec::new();
        let mut page_token = filter.page_token.clone();
        loop {
            let request = v1::ListTicketsRequest { page_token, ..filter.clone() };
            let page = ask!(self.client, queue, list_tickets, request)?;
            tickets.extend(page.tickets);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(tickets);
            }
        }
    }

    /// The open tickets this person sees.
    pub async fn open(&self) -> Vec<v1::Ticket> {
        self.open_or_problem().await.expect("open tickets")
    }

    /// The open tickets this person sees, or why not.
    pub async fn open_or_problem(&self) -> Result<Vec<v1::Ticket>, Problem> {
        self.list(v1::ListTicketsRequest::default()).await
    }

    /// The numbers of the open tickets this person sees, sorted.
    pub async fn open_numbers(&self) -> Vec<i64> {
        numbers(&self.open().await)
    }

    /// The numbers of the ended tickets this person sees, sorted.
    pub async fn history_numbers(&self) -> Vec<i64> {
        let filter = v1::ListTicketsRequest { history: true, ..Default::default() };
        numbers(&self.list(filter).await.expect("history"))
    }

    /// Takes a ticket, as it was seen: from the operator it had, if it had one.
    pub async fn take(&self, ticket: &v1::Ticket) -> Result<v1::Ticket, Problem> {
        self.take_with(&request_id(), ticket).await
    }

    /// Takes a ticket with this request id.
    pub async fn take_with(
        &self,
        request_id: &str,
        ticket: &v1::Ticket,
    ) -> Result<v1::Ticket, Problem> {
        let request = v1::TakeTicketRequest {
            request_id: request_id.to_owned(),
            number: ticket.number,
            version: ticket.version,
            from_operator_id: ticket.operator.as_ref().map(|operator| operator.id.clone()),
        };
        Ok(there(ask!(self.client, queue, take_ticket, request)?.ticket))
    }

    /// Asks for the next ticket: the ticket and why this one.
    pub async fn next(&self) -> Result<(v1::Ticket, String), Problem> {
        let answer = ask!(
            self.client,
            queue,
            next_ticket,
            v1::NextTicketRequest { request_id: request_id() }
        )?;
        Ok((there(answer.ticket), answer.reason))
    }

    /// Assigns a ticket, as it was seen. None: it left this person's sight.
    pub async fn assign(&self, ticket: &v1::Ticket, to: To) -> Result<Option<v1::Ticket>, Problem> {
        let request = v1::AssignTicketRequest {
            request_id: request_id(),
            number: ticket.number,
            version: ticket.version,
            operator_id: to.operator,
            group_id: to.group,
        };
        Ok(ask!(self.client, queue, assign_ticket, request)?.ticket)
    }

    /// Sets a ticket's priority.
    pub async fn prioritise(
        &self,
        ticket: &v1::Ticket,
        priority: v1::Priority,
    ) -> Result<v1::Ticket, Problem> {
        let request = v1::SetTicketPriorityRequest {
            request_id: request_id(),
            number: ticket.number,
            version: ticket.version,
            priority: priority.into(),
        };
        Ok(there(ask!(self.client, queue, set_ticket_priority, request)?.ticket))
    }

    /// Writes to the customer.
    pub async fn reply(&self, ticket: &v1::Ticket, text: &str) -> Result<v1::Ticket, Problem> {
        let request = v1::ReplyTicketRequest {
            request_id: request_id(),
            number: ticket.number,
            version: ticket.version,
            text: text.to_owned(),
        };
        Ok(there(ask!(self.client, queue, reply_ticket, request)?.ticket))
    }

    /// Writes for colleagues.
    pub async fn note(&self, ticket: &v1::Ticket, text: &str) -> Result<v1::Ticket, Problem> {
        let request = v1::NoteTicketRequest {
            request_id: request_id(),
            number: ticket.number,
            version: ticket.version,
            text: text.to_owned(),
        };
        Ok(there(ask!(self.client, queue, note_ticket, request)?.ticket))
    }

    /// Closes a ticket.
    pub async fn close(&self, ticket: &v1::Ticket) -> Result<v1::Ticket, Problem> {
        let request = v1::CloseTicketRequest {
            request_id: request_id(),
            number: ticket.number,
            version: ticket.version,
        };
        Ok(there(ask!(self.client, queue, close_ticket, request)?.ticket))
    }

    /// Opens a ticket again.
    pub async fn reopen(&self, ticket: &v1::Ticket) -> Result<Option<v1::Ticket>, Problem> {
        let request = v1::ReopenTicketRequest {
            request_id: request_id(),
            number: ticket.number,
            version: ticket.version,
        };
        Ok(ask!(self.client, queue, reopen_ticket, request)?.ticket)
    }

    /// Signs out, here or everywhere. Gives how many sessions ended.
    pub async fn sign_out(&self, everywhere: bool) -> Result<i32, Problem> {
        Ok(ask!(self.client, account, sign_out, v1::SignOutRequest { everywhere })?.ended)
    }

    /// Changes the password.
    pub async fn change_password(&self, current: &str, new: &str) -> Result<(), Problem> {
        let request = v1::ChangePasswordRequest {
            current_password: current.to_owned(),
            new_password: new.to_owned(),
        };
        ask!(self.client, account, change_password, request).map(drop)
    }

    /// Answers the first invitation that waits, with the code that was passed on.
    pub async fn answer_invitation(
        &self,
        accept: bool,
        code: &str,
    ) -> Result<v1::Identity, Problem> {
        let invitations = self.who_am_i().await?.invitations;
        let invitation_id = invitations.first().expect("an invitation").id.clone();
        let (request_id, code) = (request_id(), code.to_owned());
        let request = v1::AnswerInvitationRequest { request_id, invitation_id, accept, code };
        Ok(there(ask!(self.client, account, answer_invitation, request)?.identity))
    }

    /// Answers the invitation of the team of that name.
    pub async fn answer_to(
        &self,
        team: &str,
        accept: bool,
        code: &str,
    ) -> Result<v1::Identity, Problem> {
        let invitations = self.who_am_i().await?.invitations;
        let asked = invitations.into_iter().find(|invitation| invitation.team_name == team);
        let invitation_id = asked.expect("an invitation of that team").id;
        let (request_id, code) = (request_id(), code.to_owned());
        let request = v1::AnswerInvitationRequest { request_id, invitation_id, accept, code };
        Ok(there(ask!(self.client, account, answer_invitation, request)?.identity))
    }

    /// Says whether they are available.
    pub async fn set_available(&self, available: bool) -> Result<v1::Member, Problem> {
        let request = v1::SetAvailabilityRequest { request_id: request_id(), available };
        Ok(there(ask!(self.client, team, set_availability, request)?.member))
    }
}

/// Tickets' numbers, sorted.
pub fn numbers(tickets: &[v1::Ticket]) -> Vec<i64> {
    let mut numbers: Vec<i64> = tickets.iter().map(|ticket| ticket.number).collect();
    numbers.sort_unstable();
    numbers
}
