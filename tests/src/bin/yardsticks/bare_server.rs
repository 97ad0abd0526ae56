//! F, a bare server: what a durable submit costs through the same front with nothing in between. A
//! call is read, waits for a commit of the bare loop (yardstick C), and is answered: no rules, no
//! digests, no log to tell anybody. It shows how much of a figure is in reach.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use deskbell_proto::v1::{CustomerTicket, SubmitTicketRequest, SubmitTicketResponse};
use deskbell_server::config::Sources;
use deskbell_server::front::{Certificates, Front, Stopping};
use deskbell_server::secrets::Authority;
use deskbell_tests::measuring::{Outcome, program};
use jiff::Timestamp;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use crate::commits::GroupCommits;

/// Runs the yardstick's program until its orders end.
pub async fn run() -> Outcome<()> {
    let commits = GroupCommits::start(program::setup().await?)?;
    let now = Timestamp::now();
    let authority = Arc::new(Authority::make("Bare", now)?);
    let certificates =
        Arc::new(Certificates::from_authority(authority, vec!["127.0.0.1".to_owned()], now)?);
    let (limits, tls) = (Sources::default().load()?.0.limits, certificates.server_config()?);
    let front = Front::listen(([127, 0, 0, 1], 0).into(), &limits, Some(tls)).await?;
    let addresses = vec![format!("https://{}", front.address()?)];
    let (_stop, stopping) = Stopping::new();
    tokio::spawn(front.serve(Routes::new(Submits { commits }), stopping, Duration::ZERO));
    program::answer(&(addresses, certificates.authorities_pem()?))?;
    while program::next_order::<()>().await?.is_some() {}
    Ok(())
}

/// Its one service, in the place of the real one.
#[derive(Clone)]
struct Submits {
    commits: GroupCommits,
}

impl NamedService for Submits {
    const NAME: &'static str = "deskbell.v1.AssistanceService";
}

impl Service<http::Request<Body>> for Submits {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let submits = self.clone();
        Box::pin(async move { Ok(Grpc::new(ProstCodec::default()).unary(submits, request).await) })
    }
}

impl UnaryService<SubmitTicketRequest> for Submits {
    type Response = SubmitTicketResponse;
    type Future = BoxFuture<Response<SubmitTicketResponse>, Status>;

    fn call(&mut self, request: Request<SubmitTicketRequest>) -> Self::Future {
        let commits = self.commits.clone();
        Box::pin(async move {
            let asked = request.into_inner();
            commits.commit().await.map_err(|error| Status::unavailable(error.to_string()))?;
            let ticket =
                CustomerTicket { description: asked.description, ..CustomerTicket::default() };
            Ok(Response::new(SubmitTicketResponse { ticket: Some(ticket) }))
        })
    }
}
