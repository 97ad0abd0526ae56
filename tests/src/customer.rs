//! Customers: copies of the widget, and people who rang with them.

use deskbell_proto::client::{Client, Credentials, request_id};
use deskbell_proto::manifest::Verified;
use deskbell_proto::problem::Problem;
use deskbell_proto::ticket_secret::TicketSecret;
use deskbell_proto::v1;
use tonic::Streaming;

use crate::staff::ask;

/// A copy of the widget.
#[derive(Clone, Debug)]
pub struct Widget {
    /// The client with the profile's credential.
    pub client: Client,
    /// What came beside the program.
    pub manifest: Verified,
}

/// Somebody who rang, with the secret of their ticket.
#[derive(Clone, Debug)]
pub struct Customer {
    /// The client with the profile's credential and the ticket's secret.
    pub client: Client,
    /// The secret that the widget made.
    pub secret: TicketSecret,
    /// The ticket's number.
    pub number: i64,
}

/// A new secret for a ticket.
pub fn new_secret() -> TicketSecret {
    TicketSecret::make().expect("randomness")
}

/// A call for help with this secret.
pub fn call_for_help(secret: &TicketSecret, text: &str) -> v1::SubmitTicketRequest {
    v1::SubmitTicketRequest {
        secret_hash: secret.hash().to_vec(),
        email: "customer@acme.example".to_owned(),
        description: text.to_owned(),
        profile_revision: 1,
        ..Default::default()
    }
}

impl Widget {
    pub(crate) fn new(client: &Client, manifest: Verified) -> Self {
        let credentials =
            Credentials::profile(&manifest.manifest.credential).expect("a credential");
        Self { client: client.with_credentials(credentials), manifest }
    }

    /// The same copy over another connection.
    #[must_use]
    pub fn over(&self, client: &Client) -> Self {
        Self::new(client, self.manifest.clone())
    }

    /// Sends a call for help.
    pub async fn submit(
        &self,
        request: v1::SubmitTicketRequest,
    ) -> Result<v1::CustomerTicket, Problem> {
        Ok(ask!(self.client, assistance, submit_ticket, request)?
            .ticket
            .expect("the answer holds it"))
    }

    /// Rings at a group, or at none.
    pub async fn ring(&self, group: Option<&v1::Group>, text: &str) -> Customer {
        let secret = new_secret();
        let group_id = group.map(|group| group.id.clone()).unwrap_or_default();
        let ticket =
            self.submit(v1::SubmitTicketRequest { group_id, ..call_for_help(&secret, text) }).await;
        self.customer(secret, ticket.expect("a ticket").number)
    }

    /// Whoever has this secret.
    pub fn customer(&self, secret: TicketSecret, number: i64) -> Customer {
        let credentials =
            Credentials::profile(&self.manifest.manifest.credential).expect("a credential");
        let credentials = credentials.with_ticket(&secret).expect("a secret");
        Customer { client: self.client.with_credentials(credentials), secret, number }
    }

    /// Follows the profile alone, knowing this revision of it.
    pub async fn follow(
        &self,
        profile_revision: i64,
    ) -> Result<Streaming<v1::FollowResponse>, Problem> {
        follow(&self.client, profile_revision).await
    }
}

impl Customer {
    /// The ticket as its customer sees it.
    pub async fn ticket(&self) -> Result<v1::CustomerTicket, Problem> {
        Ok(ask!(self.client, assistance, get_my_ticket, v1::GetMyTicketRequest {})?
            .ticket
            .expect("the answer holds it"))
    }

    /// Writes to whoever helps.
    pub async fn write(&self, text: &str) -> Result<v1::CustomerTicket, Problem> {
        let request = v1::WriteMessageRequest { request_id: request_id(), text: text.to_owned() };
        Ok(ask!(self.client, assistance, write_message, request)?
            .ticket
            .expect("the answer holds it"))
    }

    /// Says that help is still needed.
    pub async fn still_needs(&self) -> Result<v1::CustomerTicket, Problem> {
        let request = v1::KeepTicketRequest { request_id: request_id() };
        Ok(ask!(self.client, assistance, keep_ticket, request)?
            .ticket
            .expect("the answer holds it"))
    }

    /// Takes the call for help back.
    pub async fn cancel(&self) -> Result<v1::CustomerTicket, Problem> {
        let request = v1::CancelTicketRequest { request_id: request_id() };
        Ok(ask!(self.client, assistance, cancel_ticket, request)?
            .ticket
            .expect("the answer holds it"))
    }

    /// Follows the ticket and the profile, knowing this revision of it.
    pub async fn follow(
        &self,
        profile_revision: i64,
    ) -> Result<Streaming<v1::FollowResponse>, Problem> {
        follow(&self.client, profile_revision).await
    }
}

async fn follow(
    client: &Client,
    profile_revision: i64,
) -> Result<Streaming<v1::FollowResponse>, Problem> {
    let request = v1::FollowRequest {
        profile_revision,
        client: "0.1.0 story".to_owned(),
        messages_after: None,
        once: false,
    };
    ask!(client, assistance, follow, request)
}
