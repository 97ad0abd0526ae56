//! The queue and its history.

use std::mem::take;

use deskbell_proto::v1 as proto;
use deskbell_proto::v1::queue_service_server::QueueService;
use prost::Message as _;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status};

use super::identity::fingerprint;
use super::status::invalid;
use super::{Handlers, convert};
use crate::desk::Filter;
use crate::domain::{Digest, Refusal, State, TicketCommand, TicketEntry, TicketWords};

impl Handlers {
    /// An act on a ticket, and the ticket as the caller sees it afterwards, if they do.
    async fn ticket_after(
        &self,
        metadata: &MetadataMap,
        command: TicketCommand,
        request_id: &str,
        print: Digest,
    ) -> Result<Option<proto::Ticket>, Status> {
        let staff = self.staff(metadata).await?;
        let acted = self.desk.change_ticket(&staff, command, request_id, print).await?;
        Ok(acted.ticket.map(|ticket| convert::ticket(&staff.team, &ticket)))
    }

    /// Writes on a ticket.
    async fn written(
        &self,
        metadata: &MetadataMap,
        at: (i64, i64),
        to_customer: bool,
        text: &str,
        (request_id, print): (&str, Digest),
    ) -> Result<(Option<proto::Ticket>, Option<proto::Message>), Status> {
        let staff = self.staff(metadata).await?;
        let acted = self.desk.write(&staff, at, to_customer, text, request_id, print).await?;
        Ok((
            acted.ticket.map(|ticket| convert::ticket(&staff.team, &ticket)),
            acted.message.map(|message| convert::message(&staff.team, &message)),
        ))
    }
}

#[tonic::async_trait]
impl QueueService for Handlers {
    async fn list_tickets(
        &self,
        request: Request<proto::ListTicketsRequest>,
    ) -> Result<Response<proto::ListTicketsResponse>, Status> {
        let staff = self.staff(request.metadata()).await?;
        staff.operator()?;
        let mut body = request.into_inner();
        let (size, token) = (take(&mut body.page_size), take(&mut body.page_token));
        let pages = self.pages(&staff, "ListTickets", &body, size)?;
        let after = pages.after(&token)?;
        let to_message =
            if body.whole_descriptions { convert::ticket } else { convert::ticket_in_list };
        let filter = filter(body)?;
        let message = |ticket: &TicketEntry| to_message(&staff.team, ticket);
        let bytes = |ticket: &TicketEntry| message(ticket).encoded_len();
        let page = self.desk.tickets(&staff, &filter, after, (pages.size, &bytes)).await?;
        Ok(Response::new(proto::ListTicketsResponse {
            tickets: page.tickets.iter().map(message).collect(),
            next_page_token: pages.token(page.next)?,
        }))
    }

    async fn get_ticket(
        &self,
        request: Request<proto::GetTicketRequest>,
    ) -> Result<Response<proto::GetTicketResponse>, Status> {
        let staff = self.staff(request.metadata()).await?;
        let ticket = self.desk.ticket(&staff, request.into_inner().number).await?;
        let messages = self.desk.messages(&staff, &ticket).await?;
        Ok(Response::new(proto::GetTicketResponse {
            ticket: Some(convert::ticket(&staff.team, &ticket)),
            messages: messages
                .iter()
                .map(|message| convert::message(&staff.team, message))
                .collect(),
        }))
    }

    async fn list_ticket_events(
        &self,
        request: Request<proto::ListTicketEventsRequest>,
    ) -> Result<Response<proto::ListTicketEventsResponse>, Status> {
        let staff = self.staff(request.metadata()).await?;
        let events = self.desk.ticket_events(&staff, request.into_inner().number).await?;
        let events = events.into_iter().map(|event| proto::TicketEvent {
            version: event.version,
            time: Some(convert::time(event.at)),
            kind: event.what.word().to_owned(),
            actor: event.actor,
            details: event
                .details
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        });
        Ok(Response::new(proto::ListTicketEventsResponse { events: events.collect() }))
    }

    async fn take_ticket(
        &self,
        request: Request<proto::TakeTicketRequest>,
    ) -> Result<Response<proto::TakeTicketResponse>, Status> {
        let (metadata, _, body) = request.into_parts();
        let print = fingerprint("TakeTicket", &body);
        let command = TicketCommand::Take {
            number: body.number,
            version: (body.version != 0).then_some(body.version),
            from: body.from_operator_id.as_deref().map(convert::member_id),
        };
        let ticket = self.ticket_after(&metadata, command, &body.request_id, print).await?;
        Ok(Response::new(proto::TakeTicketResponse { ticket }))
    }

    async fn assign_ticket(
        &self,
        request: Request<proto::AssignTicketRequest>,
    ) -> Result<Response<proto::AssignTicketResponse>, Status> {
        let (metadata, _, body) = request.into_parts();
        let print = fingerprint("AssignTicket", &body);
        let command = TicketCommand::Assign {
            number: body.number,
            version: body.version,
            operator: body
                .operator_id
                .as_deref()
                .map(|id| (!id.is_empty()).then(|| convert::member_id(id))),
            group: body
                .group_id
                .as_deref()
                .map(|id| (!id.is_empty()).then(|| convert::group_or_nobody(id))),
        };
        let ticket = self.ticket_after(&metadata, command, &body.request_id, print).await?;
        Ok(Response::new(proto::AssignTicketResponse { ticket }))
    }

    async fn set_ticket_priority(
        &self,
        request: Request<proto::SetTicketPriorityRequest>,
    ) -> Result<Response<proto::SetTicketPriorityResponse>, Status> {
        let (metadata, _, body) = request.into_parts();
        let print = fingerprint("SetTicketPriority", &body);
        // Who may not see the ticket does not hear what is wrong with the priority.
        let wrong = || Refusal::invalid("priority", "say low, normal, high or urgent");
        let priority =
            convert::priority(body.priority, "priority").ok().flatten().ok_or_else(wrong);
        let command =
            TicketCommand::SetPriority { number: body.number, version: body.version, priority };
        let ticket = self.ticket_after(&metadata, command, &body.request_id, print).await?;
        Ok(Response::new(proto::SetTicketPriorityResponse { ticket }))
    }

    async fn set_ticket_tags(
        &self,
        request: Request<proto::SetTicketTagsRequest>,
    ) -> Result<Response<proto::SetTicketTagsResponse>, Status> {
        let (metadata, _, body) = request.into_parts();
        let print = fingerprint("SetTicketTags", &body);
        let staff = self.staff(&metadata).await?;
        let which = (body.number, body.version);
        let acted = self.desk.set_tags(&staff, which, &body.tags, &body.request_id, print).await?;
        let ticket = acted.ticket.map(|ticket| convert::ticket(&staff.team, &ticket));
        Ok(Response::new(proto::SetTicketTagsResponse { ticket }))
    }

    async fn reply_ticket(
        &self,
        request: Request<proto::ReplyTicketRequest>,
    ) -> Result<Response<proto::ReplyTicketResponse>, Status> {
        let (metadata, _, body) = request.into_parts();
        let print = fingerprint("ReplyTicket", &body);
        let place = (body.number, body.version);
        let memory = (body.request_id.as_str(), print);
        let (ticket, message) = self.written(&metadata, place, true, &body.text, memory).await?;
        Ok(Response::new(proto::ReplyTicketResponse { ticket, message }))
    }

    async fn note_ticket(
        &self,
        request: Request<proto::NoteTicketRequest>,
    ) -> Result<Response<proto::NoteTicketResponse>, Status> {
        let (metadata, _, body) = request.into_parts();
        let print = fingerprint("NoteTicket", &body);
        let place = (body.number, body.version);
        let memory = (body.request_id.as_str(), print);
        let (ticket, message) = self.written(&metadata, place, false, &body.text, memory).await?;
        Ok(Response::new(proto::NoteTicketResponse { ticket, message }))
    }

    async fn close_ticket(
        &self,
        request: Request<proto::CloseTicketRequest>,
    ) -> Result<Response<proto::CloseTicketResponse>, Status> {
        let (metadata, _, body) = request.into_parts();
        let print = fingerprint("CloseTicket", &body);
        let command = TicketCommand::Close { number: body.number, version: body.version };
        let ticket = self.ticket_after(&metadata, command, &body.request_id, print).await?;
        Ok(Response::new(proto::CloseTicketResponse { ticket }))
    }

    async fn reopen_ticket(
        &self,
        request: Request<proto::ReopenTicketRequest>,
    ) -> Result<Response<proto::ReopenTicketResponse>, Status> {
        let (metadata, _, body) = request.into_parts();
        let print = fingerprint("ReopenTicket", &body);
        let command = TicketCommand::Reopen { number: body.number, version: body.version };
        let ticket = self.ticket_after(&metadata, command, &body.request_id, print).await?;
        Ok(Response::new(proto::ReopenTicketResponse { ticket }))
    }

    async fn next_ticket(
        &self,
        request: Request<proto::NextTicketRequest>,
    ) -> Result<Response<proto::NextTicketResponse>, Status> {
        let staff = self.staff(request.metadata()).await?;
        let body = request.into_inner();
        let print = fingerprint("NextTicket", &body);
        let next = TicketCommand::Next;
        let acted = self.desk.change_ticket(&staff, next, &body.request_id, print).await?;
        let ticket = acted.ticket.map(|ticket| convert::ticket(&staff.team, &ticket));
        Ok(Response::new(proto::NextTicketResponse { ticket, reason: acted.reason }))
    }
}

fn filter(body: proto::ListTicketsRequest) -> Result<Filter, Status> {
    if body.contains.chars().count() > 200 {
        return Err(invalid(
            "INVALID_FIELD",
            "contains",
            "is too long: use at most 200 characters",
        ));
    }
    if body.states.len() > State::ALL.len() {
        return Err(invalid("INVALID_FIELD", "states", "has too many: give each state once"));
    }
    if body.tags.len() > TicketWords::TAGS {
        return Err(invalid("INVALID_FIELD", "tags", "has too many: give each tag once"));
    }
    for (field, time) in [("ended_since", &body.ended_since), ("ended_before", &body.ended_before)]
    {
        if time.is_some() && !body.history {
            return Err(invalid(
                "INVALID_FIELD",
                field,
                "is for history: open tickets have no end",
            ));
        }
    }
    Ok(Filter {
        unassigned: body.unassigned,
        ended_since: body.ended_since.as_ref().map(convert::millis),
        ended_before: body.ended_before.as_ref().map(convert::millis),
        history: body.history,
        tags: body.tags,
        states: body.states.into_iter().map(convert::state).collect::<Result<_, _>>()?,
        group: Some(body.group_id)
            .filter(|id| !id.is_empty())
            .map(|id| convert::group_or_nobody(&id)),
        operator: Some(body.operator_id)
            .filter(|id| !id.is_empty())
            .map(|id| convert::member_id(&id)),
        min_priority: convert::priority(body.min_priority, "min_priority")?,
        contains: body.contains,
    })
}
