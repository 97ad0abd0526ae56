//! What tests of the desk share.

use std::sync::Arc;

use super::{Desk, HostFacts, Rates, Session};
use crate::clock::{Clock, timestamp};
use crate::domain::Digest;
use crate::grpc::ProtoEncoder;
use crate::secrets::{HostSecrets, key_file};
use crate::store::{Database, migrate};

/// A desk on a database of its own, by this clock.
pub async fn desk(folder: &std::path::Path, clock: Clock) -> Arc<Desk> {
    let url = format!("sqlite:{}", folder.join("desk.db").display());
    let database = Database::open(&url).await.expect("a database");
    migrate(&database).await.expect("a schema");
    let key = key_file::open(&folder.join("key"), false).expect("a key");
    let secrets = HostSecrets::open(&database, &key, "desk", timestamp()).await;
    let facts = HostFacts {
        server_name: "desk".to_owned(),
        addresses: Vec::new(),
        authorities_pem: String::new(),
    };
    let rates = Rates {
        submits_per_address: 10,
        submits_per_profile: 10,
        calls_per_address: 10,
        calls_at_once: 10,
        calls_at_once_per_address: 10,
        watches_per_account: 10,
        sign_ins_per_account: 10,
        sign_ins_per_address: 10,
        passwords_at_once: 1,
    };
    let secrets = Arc::new(secrets.expect("secrets"));
    Desk::open(database, secrets, facts, &rates, clock, Arc::new(ProtoEncoder))
}

/// Signs somebody in, and gives the token.
pub async fn token_of_ana(desk: &Desk) -> String {
    let (email, password) = ("ana@example.org", "a long enough password");
    desk.create_account(email, "Ana", Some(password)).await.expect("an account");
    let signed_in = desk.sign_in(email, password, "", None, "").await.expect("a session");
    signed_in.token.reveal()
}

/// The session of somebody who has activated a team.
pub async fn admin(desk: &Desk) -> Session {
    let token = token_of_ana(desk).await;
    let session = desk.authenticate(&token).await.expect("the session");
    desk.activate_team(session, ("Team", ""), "request-1", Digest([1; 32])).await.expect("a team");
    desk.authenticate(&token).await.expect("the session in the team")
}
