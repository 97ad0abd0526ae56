//! The store's own writer without the calls around it: real requests to the real store.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use deskbell_server::domain::{
    Caller, Digest, Prepared, ProfileId, Request, Submission, TeamId, TicketCommand, TicketWords,
    sha256,
};
use deskbell_server::store::{Database, Store, WriteError};
use deskbell_tests::measuring::pace::{Calls, Pace, call_for_help, pace};
use deskbell_tests::measuring::{Outcome, program};
use rusqlite::{Connection, OpenFlags};

/// Runs the writer on a copy of a server's database until its orders end: requests by so many
/// callers at once, which wait for theirs.
pub async fn run() -> Outcome<()> {
    let file: PathBuf = program::setup().await?;
    let (team, profile) =
        widget_of(&Connection::open_with_flags(&file, OpenFlags::SQLITE_OPEN_READ_ONLY)?)?;
    let database = Database::open(&format!("sqlite:{}", file.display()))
        .await
        .map_err(|error| error.to_string())?;
    // Nobody watches: telling is not the writer's work.
    let store = Store::start(database, &(Arc::new(|_| {}) as _));
    while let Some(Calls { calls, in_flight }) = program::next_order().await? {
        program::answer(&written(&store, requests(team, profile, calls), in_flight).await?)?;
    }
    Ok(())
}

/// The benchmark's team and profile.
fn widget_of(database: &Connection) -> Outcome<(TeamId, ProfileId)> {
    let sql = "SELECT team_id, id FROM directory WHERE kind = 'profile'";
    Ok(database.query_row(sql, [], |row| Ok((TeamId(row.get(0)?), ProfileId(row.get(1)?))))?)
}

/// So many calls for help, checked and prepared as a desk hands them to its store.
fn requests(team: TeamId, profile: ProfileId, count: usize) -> Vec<Request> {
    let request = || {
        let call = call_for_help();
        let words = TicketWords {
            requester: call.email,
            description: call.description,
            ..TicketWords::default()
        };
        let mut salt = [0; 16];
        fastrand::fill(&mut salt);
        let secret_hash = Digest(call.secret_hash.try_into().unwrap_or_default());
        let submission = Submission {
            secret_hash,
            body_digest: sha256(&[&secret_hash.0]),
            group: None,
            words: Ok(Prepared::new(words, salt)),
        };
        Request {
            team,
            caller: Caller::Widget(profile),
            memory: None,
            command: TicketCommand::Submit(Box::new(submission)).into(),
            salt,
        }
    };
    std::iter::repeat_with(request).take(count).collect()
}

async fn written(store: &Store, requests: Vec<Request>, callers: usize) -> Outcome<Pace> {
    let (store, count) = (store.clone(), requests.len());
    let requests = Arc::new(Mutex::new(requests.into_iter()));
    pace(count, callers, move |_| {
        let (store, requests) = (store.clone(), Arc::clone(&requests));
        async move {
            let request = requests.lock().unwrap_or_else(PoisonError::into_inner).next();
            store.ask(request.ok_or("a request for each call")?).await.map_err(in_words)?;
            Ok(())
        }
    })
    .await
}

fn in_words(error: WriteError) -> String {
    match error {
        WriteError::Refused(refusal) => format!("the store refused a submit: {refusal:?}"),
        WriteError::Failed(cause) => format!("the store failed: {cause}"),
        WriteError::Overloaded => "the store has too much waiting".to_owned(),
    }
}
