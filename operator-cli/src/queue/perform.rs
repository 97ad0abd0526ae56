//! Carries out the calls that the state asks for. Every change has a request id of its own, so that
//! repeating it after a broken connection does nothing twice.

use deskbell_proto::client::{Client, request_id, retry};
use deskbell_proto::problem::Problem;
use deskbell_proto::v1::{
    AssignTicketRequest, CloseTicketRequest, GetTicketRequest, Identity, ListTicketEventsRequest,
    NextTicketRequest, NoteTicketRequest, ReopenTicketRequest, ReplyTicketRequest,
    SetAvailabilityRequest, SetTicketPriorityRequest, TakeTicketRequest, Ticket, WhoAmIRequest,
};
use tonic::Code;

use crate::{lists, sight};

use super::door;
use super::event::{Answer, Call, Change, Refusal, Writing};

/// Calls a method with the usual patience and gives its response.
macro_rules! ask {
    ($client:ident . $service:ident . $method:ident ( $request:expr )) => {{
        let request = $request;
        retry(|| {
            let (mut service, request) = ($client.$service(), request.clone());
            async move { service.$method(request).await }
        })
        .await?
    }};
}

/// Carries out one call.
pub async fn perform(client: Client, call: Call) -> Result<Answer, Refusal> {
    answer(&client, call).await.map_err(|problem| Refusal {
        text: door::line(&problem.text),
        absent: problem.code == Code::NotFound,
    })
}

async fn answer(client: &Client, call: Call) -> Result<Answer, Problem> {
    Ok(match call {
        Call::People => people(client).await?,
        Call::Open { number } => {
            let opened = ask!(client.queue.get_ticket(GetTicketRequest { number }));
            let happened =
                ask!(client.queue.list_ticket_events(ListTicketEventsRequest { number }));
            Answer::Opened {
                ticket: Box::new(opened.ticket.unwrap_or_default()),
                messages: opened.messages,
                events: happened.events,
            }
        }
        Call::Change { number, version, change } => {
            Answer::Changed(changed(client, number, version, change).await?.map(Box::new))
        }
        Call::Next => {
            let next =
                ask!(client.queue.next_ticket(NextTicketRequest { request_id: request_id() }));
            Answer::Next { ticket: Box::new(next.ticket.unwrap_or_default()), reason: next.reason }
        }
        Call::SetAvailable(available) => {
            let response =
                ask!(client.team.set_availability(SetAvailabilityRequest {
                    request_id: request_id(),
                    available
                }));
            Answer::Available(response.member.is_some_and(|member| member.available))
        }
    })
}

async fn changed(
    client: &Client,
    number: i64,
    version: i64,
    change: Change,
) -> Result<Option<Ticket>, Problem> {
    let request_id = request_id();
    Ok(match change {
        Change::Take => {
            let request = TakeTicketRequest { request_id, number, version, from_operator_id: None };
            ask!(client.queue.take_ticket(request)).ticket
        }
        Change::TakeFrom { operator, .. } => {
            let from_operator_id = Some(operator);
            let request = TakeTicketRequest { request_id, number, version, from_operator_id };
            ask!(client.queue.take_ticket(request)).ticket
        }
        Change::Assign { operator, group } => {
            let request = AssignTicketRequest {
                request_id,
                number,
                version,
                operator_id: operator,
                group_id: group,
            };
            ask!(client.queue.assign_ticket(request)).ticket
        }
        Change::SetPriority(priority) => {
            let request =
                SetTicketPriorityRequest { request_id, number, version, priority: priority.into() };
            ask!(client.queue.set_ticket_priority(request)).ticket
        }
        Change::Write { writing: Writing::Reply, text } => {
            ask!(client.queue.reply_ticket(ReplyTicketRequest {
                request_id,
                number,
                version,
                text
            }))
            .ticket
        }
        Change::Write { writing: Writing::Note, text } => {
            ask!(client.queue.note_ticket(NoteTicketRequest { request_id, number, version, text }))
                .ticket
        }
        Change::Close => {
            ask!(client.queue.close_ticket(CloseTicketRequest { request_id, number, version }))
                .ticket
        }
        Change::Reopen => {
            ask!(client.queue.reopen_ticket(ReopenTicketRequest { request_id, number, version }))
                .ticket
        }
    })
}

async fn people(client: &Client) -> Result<Answer, Problem> {
    let me: Identity = ask!(client.account.who_am_i(WhoAmIRequest {})).identity.unwrap_or_default();
    let members = lists::members(client).await?;
    let groups = lists::groups(client, false).await?;
    let self_service = sight::self_service(client).await?;
    Ok(Answer::People { me: Box::new(me), members, groups, self_service })
}
