//! F, a bare server: what a durable submit costs through the same front with nothing in between. A call is read, waits for a commit of the bare
//! loop (yardstick C), and is answered: no rules, no digests, no log to tell anybody. It shows how much of a figure is in reach.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use deskbell_proto::client::{Client, Server};
use deskbell_proto::v1::{CustomerTicket, SubmitTicketRequest, SubmitTicketResponse};
use deskbell_server::config::Sources;
use deskbell_server::front::{Certificates, Front, Stopping};
use deskbell_server::grpc::Services;
use deskbell_server::secrets::Authority;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use crate::Outcome;
use crate::calls::CONNECTIONS;
use crate::commits::{GroupCommits, Setup};
use crate::program::{self, Program};
use crate::server::Bench;

/// The word that makes the benchmark be the yardstick's program.
pub const WORD: &str = "bare-server";

/// Where the bare server listens.
#[derive(Serialize, Deserialize)]
struct Listening {
    address: String,
    authorities_pem: String,
}

/// Runs the yardstick's program until its orders end.
pub async fn run() -> Outcome<()> {
    let commits = GroupCommits::start(program::setup().await?)?;
    let now = Timestamp::now();
    let authority = Arc::new(Authority::make("Bare", now)?);
    let certificates = Arc::new(Certificates::from_authority(authority, vec!["127.0.0.1".to_owned()], now)?);
    let (limits, tls) = (Sources::default().load()?.0.limits, certificates.server_config()?);
    let front = Front::listen(([127, 0, 0, 1], 0).into(), &limits, Some(tls)).await?;
    let address = format!("https://{}", front.address()?);
    let (_stop, stopping) = Stopping::new();
    tokio::spawn(front.serve(Services::none().with(Submits { commits }), stopping, Duration::ZERO));
    program::answer(&Listening { address, authorities_pem: certificates.authorities_pem()? })?;
    while program::next_order::<()>().await?.is_some() {}
    Ok(())
}

/// The yardstick's program, under way.
pub struct BareServer {
    server: Server,
    _program: Program,
}

impl BareServer {
    /// Starts it.
    pub async fn start(setup: &Setup) -> Outcome<Self> {
        let mut program = Program::start(WORD, setup).await?;
        let Listening { address, authorities_pem } = program.hear().await?;
        let server = Server { addresses: vec![address], authorities_pem: Some(authorities_pem) };
        Ok(BareServer { server, _program: program })
    }

    /// Connections, as many as the real server gets for so many calls at once. Calls bring the same credentials, which nobody looks at.
    pub fn connections(&self, bench: &Bench, in_flight: usize) -> Outcome<Arc<[Client]>> {
        let connect = |_| Ok(Client::new(self.server.connect_lazy()?, bench.widget.clone()));
        (0..CONNECTIONS.min(in_flight)).map(connect).collect()
    }
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
            let ticket = CustomerTicket { description: asked.description, ..CustomerTicket::default() };
            Ok(Response::new(SubmitTicketResponse { ticket: Some(ticket) }))
        })
    }
}
