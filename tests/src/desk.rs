//! The usual beginning of a story: a host, one server, and people who sign in to it.

use deskbell_proto::client::{Client, Credentials};
use deskbell_proto::problem::Problem;
use deskbell_proto::v1;

use crate::host::{Database, Host, PASSWORD};
use crate::server::Server;
use crate::staff::Staff;

/// A host with a running server.
pub struct Desk {
    /// The host.
    pub host: Host,
    /// Its server.
    pub server: Server,
}

impl Desk {
    /// A new host with a running server.
    pub async fn open(database: Database) -> Self {
        Self::of(Host::new(database)).await
    }

    /// A running server of this host.
    pub async fn of(host: Host) -> Self {
        let server = host.serve().await;
        Self { host, server }
    }

    /// The first admin of a new team: `ana` at `ana@desk.example`, with a team of that name. Also
    /// an operator, as whoever activates a team is.
    pub async fn admin(&self, name: &str) -> Staff {
        let email = email(name);
        self.host.account(&email, name);
        let admin = self.sign_in(&email).await;
        admin.activate(&format!("{name}'s team")).await.expect("a team");
        admin.looked_up().await
    }

    /// A new operator in the admin's team: added, with the code redeemed, signed in.
    pub async fn operator(&self, admin: &Staff, name: &str) -> Staff {
        self.member(admin, name, true, false).await
    }

    /// A new member in the admin's team, signed in.
    pub async fn member(&self, admin: &Staff, name: &str, operator: bool, as_admin: bool) -> Staff {
        let email = email(name);
        let added = admin.add_member(&email, operator, as_admin).await.expect("a member");
        self.redeem(&email, &added.code, name).await.expect("a code that works");
        self.sign_in(&email).await
    }

    /// Sets [`PASSWORD`] with a one-time code.
    pub async fn redeem(&self, email: &str, code: &str, name: &str) -> Result<(), Problem> {
        self.redeem_for(PASSWORD, email, code, name).await
    }

    /// Sets a password with a one-time code.
    pub async fn redeem_for(
        &self,
        password: &str,
        email: &str,
        code: &str,
        name: &str,
    ) -> Result<(), Problem> {
        let request = v1::RedeemCodeRequest {
            email: email.to_owned(),
            code: code.to_owned(),
            new_password: password.to_owned(),
            display_name: name.to_owned(),
        };
        self.server.connect().account().redeem_code(request).await?;
        Ok(())
    }

    /// Signs in with [`PASSWORD`], over a connection of one's own.
    pub async fn sign_in(&self, email: &str) -> Staff {
        sign_in(&self.server, email).await
    }

    /// Tries to sign in.
    pub async fn try_sign_in(
        &self,
        email: &str,
        password: &str,
    ) -> Result<v1::SignInResponse, Problem> {
        try_sign_in(&self.server.connect(), email, password).await
    }

    /// The end of a story: the self-check while the server still runs, and that it still runs.
    pub fn close(mut self) {
        self.host.verify();
        assert!(self.server.runs(), "the server ended: {}", self.server.log());
        self.server.check_log();
    }
}

/// The address of whoever has this name.
pub fn email(name: &str) -> String {
    format!("{name}@desk.example")
}

/// Signs in with [`PASSWORD`] at that server, over a connection of one's own.
pub async fn sign_in(server: &Server, email: &str) -> Staff {
    sign_in_with(server, email, PASSWORD).await
}

/// Signs in with a password of one's own.
pub async fn sign_in_with(server: &Server, email: &str, password: &str) -> Staff {
    let client = server.connect();
    let answer = try_sign_in(&client, email, password).await.expect("signed in");
    let credentials = Credentials::session(&answer.token).expect("a token");
    Staff::new(client.with_credentials(credentials), email, answer)
}

/// Tries to sign in over this connection.
pub async fn try_sign_in(
    client: &Client,
    email: &str,
    password: &str,
) -> Result<v1::SignInResponse, Problem> {
    try_sign_in_on(client, email, password, "").await
}

/// The same on a device that has this token.
pub async fn try_sign_in_on(
    client: &Client,
    email: &str,
    password: &str,
    device_token: &str,
) -> Result<v1::SignInResponse, Problem> {
    let request = v1::SignInRequest {
        email: email.to_owned(),
        password: password.to_owned(),
        label: "story".to_owned(),
        device_token: device_token.to_owned(),
    };
    Ok(client.account().sign_in(request).await?.into_inner())
}
