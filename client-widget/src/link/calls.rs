//! The calls of `AssistanceService`, as one customer of one profile.

use deskbell_proto::client::{Client, Credentials, Server};
use deskbell_proto::manifest::Verified;
use deskbell_proto::problem::Problem;
use deskbell_proto::v1::{
    CancelTicketRequest, CustomerTicket, FollowRequest, FollowResponse, SubmitTicketResponse, WriteMessageRequest,
};
use bytes::BufMut as _;
use prost::Message as _;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Code, Request, Status, Streaming};

use crate::outbox::{Kept, Unsent};

const SUBMIT: &str = "/deskbell.v1.AssistanceService/SubmitTicket";

/// The server and the profile's credential. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Calls {
    channel: Channel,
    profile: Credentials,
}

impl Calls {
    /// Calls to the servers of a manifest. Nothing is connected until the first call.
    pub fn new(used: &Verified) -> Result<Self, Problem> {
        let authorities = &used.manifest.authorities_pem;
        let server = Server {
            addresses: used.manifest.addresses.clone(),
            authorities_pem: (!authorities.is_empty()).then(|| authorities.clone()),
        };
        Ok(Self { channel: server.connect_lazy()?, profile: Credentials::profile(&used.manifest.credential)? })
    }

    /// Sends a kept request, byte for byte as it lies on disk.
    pub async fn submit(&self, kept: &Kept) -> Result<CustomerTicket, Problem> {
        let mut grpc = Grpc::new(InterceptedService::new(self.channel.clone(), self.profile.clone()));
        grpc.ready().await.map_err(|error| Status::from_error(Box::new(error)))?;
        let response = grpc.unary(Request::new(kept.body()), PathAndQuery::from_static(SUBMIT), KeptCodec).await?;
        response.into_inner().ticket.ok_or_else(no_ticket)
    }

    /// Sends a message.
    pub async fn write(&self, secret: &[u8; 32], message: &Unsent) -> Result<CustomerTicket, Problem> {
        let request = WriteMessageRequest { request_id: message.request_id.clone(), text: message.text.clone() };
        let response = self.with_ticket(secret)?.assistance().write_message(request).await?;
        response.into_inner().ticket.ok_or_else(no_ticket)
    }

    /// Takes the request back.
    pub async fn cancel(&self, secret: &[u8; 32], request_id: &str) -> Result<CustomerTicket, Problem> {
        let request = CancelTicketRequest { request_id: request_id.to_owned() };
        let response = self.with_ticket(secret)?.assistance().cancel_ticket(request).await?;
        response.into_inner().ticket.ok_or_else(no_ticket)
    }

    /// Opens the stream of everything there is to know.
    pub async fn follow(&self, revision: i64, secret: Option<&[u8; 32]>) -> Result<Streaming<FollowResponse>, Problem> {
        let client = match secret {
            Some(secret) => self.with_ticket(secret)?,
            None => Client::new(self.channel.clone(), self.profile.clone()),
        };
        let request = FollowRequest { profile_revision: revision, client: crate::facts::program() };
        Ok(client.assistance().follow(request).await?.into_inner())
    }

    fn with_ticket(&self, secret: &[u8; 32]) -> Result<Client, Problem> {
        Ok(Client::new(self.channel.clone(), self.profile.clone().with_ticket(secret)?))
    }
}

fn no_ticket() -> Problem {
    Problem::local(Code::Internal, "ANSWER_INCOMPLETE", "The server's answer holds no ticket.")
}

/// Sends bytes that are a message already. Encoding a decoded request again could order its facts differently.
#[derive(Clone, Copy, Debug)]
struct KeptCodec;

impl Codec for KeptCodec {
    type Encode = Vec<u8>;
    type Decode = SubmitTicketResponse;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for KeptCodec {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, body: Vec<u8>, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put(body.as_slice());
        Ok(())
    }
}

impl Decoder for KeptCodec {
    type Item = SubmitTicketResponse;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<SubmitTicketResponse>, Status> {
        SubmitTicketResponse::decode(from).map(Some).map_err(|problem| Status::internal(format!("the answer is no ticket: {problem}")))
    }
}
