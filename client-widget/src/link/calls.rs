//! The calls of `AssistanceService`, as one customer of one profile.

use deskbell_proto::client::{Client, Credentials, Server};
use deskbell_proto::manifest::Verified;
use deskbell_proto::problem::Problem;
use deskbell_proto::ticket_secret::TicketSecret;
use deskbell_proto::v1::{
    CancelTicketRequest, CustomerTicket, FollowRequest, FollowResponse, GetMyTicketRequest,
    KeepTicketRequest, WriteMessageRequest,
};
use tonic::transport::Channel;
use tonic::{Code, Streaming};

use crate::outbox::{Kept, Unsent};

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
        Ok(Self {
            channel: server.connect_lazy()?,
            profile: Credentials::profile(&used.manifest.credential)?,
        })
    }

    /// Sends a kept request. The contract's maps are ordered, so what was decoded is encoded to the
    /// same bytes again.
    pub async fn submit(&self, kept: &Kept) -> Result<CustomerTicket, Problem> {
        let client = Client::new(self.channel.clone(), self.profile.clone());
        let response = client.assistance().submit_ticket(kept.request()).await?;
        response.into_inner().ticket.ok_or_else(no_ticket)
    }

    /// Sends a message.
    pub async fn write(
        &self,
        secret: &TicketSecret,
        message: &Unsent,
    ) -> Result<CustomerTicket, Problem> {
        let request = WriteMessageRequest {
            request_id: message.request_id.clone(),
            text: message.text.clone(),
        };
        let response = self.with_ticket(secret)?.assistance().write_message(request).await?;
        response.into_inner().ticket.ok_or_else(no_ticket)
    }

    /// Says that help is still needed.
    pub async fn still_needed(
        &self,
        secret: &TicketSecret,
        request_id: &str,
    ) -> Result<CustomerTicket, Problem> {
        let request = KeepTicketRequest { request_id: request_id.to_owned() };
        let response = self.with_ticket(secret)?.assistance().keep_ticket(request).await?;
        response.into_inner().ticket.ok_or_else(no_ticket)
    }

    /// Takes the request back.
    pub async fn cancel(
        &self,
        secret: &TicketSecret,
        request_id: &str,
    ) -> Result<CustomerTicket, Problem> {
        let request = CancelTicketRequest { request_id: request_id.to_owned() };
        let response = self.with_ticket(secret)?.assistance().cancel_ticket(request).await?;
        response.into_inner().ticket.ok_or_else(no_ticket)
    }

    /// The customer's own ticket, as it is now.
    pub async fn ticket(&self, secret: &TicketSecret) -> Result<CustomerTicket, Problem> {
        let response =
            self.with_ticket(secret)?.assistance().get_my_ticket(GetMyTicketRequest {}).await?;
        response.into_inner().ticket.ok_or_else(no_ticket)
    }

    /// Opens the stream of everything there is to know. Of the ticket's messages it has those after
    /// the one of this id.
    pub async fn follow(
        &self,
        revision: i64,
        secret: Option<&TicketSecret>,
        messages_after: String,
    ) -> Result<Streaming<FollowResponse>, Problem> {
        let client = match secret {
            Some(secret) => self.with_ticket(secret)?,
            None => Client::new(self.channel.clone(), self.profile.clone()),
        };
        let request = FollowRequest {
            profile_revision: revision,
            client: crate::facts::program(),
            messages_after: Some(messages_after),
            once: false,
        };
        Ok(client.assistance().follow(request).await?.into_inner())
    }

    /// Opens a stream that ends once it has said what is new.
    pub async fn look_once(&self, revision: i64) -> Result<Streaming<FollowResponse>, Problem> {
        let client = Client::new(self.channel.clone(), self.profile.clone());
        let request = FollowRequest {
            profile_revision: revision,
            client: crate::facts::program(),
            once: true,
            ..FollowRequest::default()
        };
        Ok(client.assistance().follow(request).await?.into_inner())
    }

    fn with_ticket(&self, secret: &TicketSecret) -> Result<Client, Problem> {
        Ok(Client::new(self.channel.clone(), self.profile.clone().with_ticket(secret)?))
    }
}

fn no_ticket() -> Problem {
    Problem::local(Code::Internal, "ANSWER_INCOMPLETE", "The server's answer holds no ticket.")
}
