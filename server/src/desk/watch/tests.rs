//! A watch of a desk on a database of its own, without a connection.

use futures_util::FutureExt as _;

use super::*;
use crate::desk::{HostFacts, Rates, SNAPSHOTS};
use crate::domain::Digest;
use crate::grpc::ProtoEncoder;
use crate::hub::Frame;
use crate::secrets::{HostSecrets, key_file};
use crate::store::{Database, migrate};

async fn desk(folder: &std::path::Path) -> Arc<Desk> {
    let url = format!("sqlite:{}", folder.join("desk.db").display());
    let database = Database::open(&url).await.expect("a database");
    migrate(&database).await.expect("a schema");
    let key = key_file::open(&folder.join("key"), false).expect("a key");
    let secrets = HostSecrets::open(&database, &key, "desk", jiff::Timestamp::now()).await;
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
    Desk::open(database, secrets, facts, &rates, Arc::new(ProtoEncoder))
}

/// The session of somebody who has activated a team.
async fn admin(desk: &Desk) -> Session {
    let (email, password) = ("ana@example.org", "a long enough password");
    desk.create_account(email, "Ana", Some(password)).await.expect("an account");
    let signed_in = desk.sign_in(email, password, "", None, "").await.expect("a session");
    let token = signed_in.token.reveal();
    let session = desk.authenticate(&token).await.expect("the session");
    desk.activate_team(session, ("Team", ""), "request-1", Digest([1; 32])).await.expect("a team");
    desk.authenticate(&token).await.expect("the session in the team")
}

#[tokio::test]
async fn what_was_given_goes_out_before_a_turn_is_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let desk = desk(folder.path()).await;
    let session = admin(&desk).await;
    let mut watch = desk.watch(session, None).await.expect("a watch");
    watch.next().await.expect("a snapshot");
    let (team, next) = (watch.staff.team.id, watch.cursor + 1);
    desk.hub.tell(team, next, || Frame {
        revision: next,
        whole: Bytes::new(),
        parts: Vec::new(),
        kind: "",
        actor: String::new(),
        sight_of: Vec::new(),
        starts_over: true,
        committed: None,
    });
    let mut waiting = Box::pin(watch.next());
    assert!(waiting.as_mut().now_or_never().is_none(), "the first snapshot can be sent");
    assert_eq!(desk.snapshots.available_permits(), SNAPSHOTS, "and may take its time");
    waiting.await.expect("another snapshot");
    desk.close();
}
