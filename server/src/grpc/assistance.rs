//! Ringing for help.

use std::pin::Pin;

use deskbell_proto::v1 as proto;
use deskbell_proto::v1::assistance_service_server::AssistanceService;
use deskbell_proto::v1::follow_response::{KeepAlive, Prompt};
use futures_util::{Stream, stream};
use tonic::{Request, Response, Status};

use super::identity::{fingerprint, remote, ticket_secret};
use super::profile::signed;
use super::{Handlers, convert};
use crate::desk::{CustomerView, Follow, News, RawSubmission};

#[tonic::async_trait]
impl AssistanceService for Handlers {
    async fn submit_ticket(
        &self,
        request: Request<proto::SubmitTicketRequest>,
    ) -> Result<Response<proto::SubmitTicketResponse>, Status> {
        let widget = self.widget(request.metadata()).await?;
        let from = remote(&request);
        let body = request.into_inner();
        let raw = RawSubmission {
            body_digest: Some(fingerprint("SubmitTicket", &body)),
            secret_hash: body.secret_hash,
            group: convert::group_id(&body.group_id),
            email: body.email,
            title: body.title,
            description: body.description,
            facts: body.facts,
        };
        let view = self.desk.submit(&widget, raw, from).await?;
        Ok(Response::new(proto::SubmitTicketResponse { ticket: Some(ticket(view)) }))
    }

    type FollowStream = Pin<Box<dyn Stream<Item = Result<proto::FollowResponse, Status>> + Send>>;

    async fn follow(
        &self,
        request: Request<proto::FollowRequest>,
    ) -> Result<Response<Self::FollowStream>, Status> {
        let widget = self.widget(request.metadata()).await?;
        let secret = ticket_secret(request.metadata())?;
        let body = request.into_inner();
        let after = body.messages_after.as_deref().map(convert::message_id);
        let shown = (body.profile_revision, after);
        let follow = self.desk.follow(widget, secret, shown, body.once)?;
        Ok(Response::new(Box::pin(stream::unfold(Some(follow), next))))
    }

    async fn get_my_ticket(
        &self,
        request: Request<proto::GetMyTicketRequest>,
    ) -> Result<Response<proto::GetMyTicketResponse>, Status> {
        let caller = self.customer(request.metadata()).await?;
        let view = self.desk.my_ticket(&caller).await?;
        Ok(Response::new(proto::GetMyTicketResponse { ticket: Some(ticket(view)) }))
    }

    async fn write_message(
        &self,
        request: Request<proto::WriteMessageRequest>,
    ) -> Result<Response<proto::WriteMessageResponse>, Status> {
        let caller = self.customer(request.metadata()).await?;
        let body = request.into_inner();
        let print = fingerprint("WriteMessage", &body);
        let view = self.desk.customer_writes(&caller, &body.text, &body.request_id, print).await?;
        Ok(Response::new(proto::WriteMessageResponse { ticket: Some(ticket(view)) }))
    }

    async fn keep_ticket(
        &self,
        request: Request<proto::KeepTicketRequest>,
    ) -> Result<Response<proto::KeepTicketResponse>, Status> {
        let caller = self.customer(request.metadata()).await?;
        let body = request.into_inner();
        let print = fingerprint("KeepTicket", &body);
        let view = self.desk.customer_still_needs(&caller, &body.request_id, print).await?;
        Ok(Response::new(proto::KeepTicketResponse { ticket: Some(ticket(view)) }))
    }

    async fn cancel_ticket(
        &self,
        request: Request<proto::CancelTicketRequest>,
    ) -> Result<Response<proto::CancelTicketResponse>, Status> {
        let caller = self.customer(request.metadata()).await?;
        let body = request.into_inner();
        let print = fingerprint("CancelTicket", &body);
        let view = self.desk.customer_cancels(&caller, &body.request_id, print).await?;
        Ok(Response::new(proto::CancelTicketResponse { ticket: Some(ticket(view)) }))
    }
}

async fn next(
    follow: Option<Follow>,
) -> Option<(Result<proto::FollowResponse, Status>, Option<Follow>)> {
    let mut follow = follow?;
    let news = follow.next().await.transpose()?;
    match news.map_err(Status::from).and_then(prompt) {
        Ok(prompt) => Some((Ok(proto::FollowResponse { prompt: Some(prompt) }), Some(follow))),
        Err(status) => Some((Err(status), None)),
    }
}

fn prompt(news: News) -> Result<Prompt, Status> {
    Ok(match news {
        News::Manifest(manifest) => Prompt::Manifest(signed(&manifest)?),
        News::Ticket(view) => Prompt::Ticket(ticket(*view)),
        News::KeepAlive(staffed) => Prompt::KeepAlive(KeepAlive { staffed }),
    })
}

fn ticket(view: CustomerView) -> proto::CustomerTicket {
    let messages = view.messages.into_iter().map(|(id, from, text, at)| proto::CustomerMessage {
        id: convert::id('n', id),
        from,
        text,
        create_time: Some(convert::time(at)),
    });
    proto::CustomerTicket {
        number: view.number,
        state: convert::to_state(view.state),
        helper: view.helper,
        group: view.group,
        place: i32::try_from(view.place).unwrap_or(i32::MAX),
        submit_time: Some(convert::time(view.submitted_at)),
        expire_time: view.expires_at.map(convert::time),
        description: view.description,
        messages: messages.collect(),
        version: view.version,
    }
}
