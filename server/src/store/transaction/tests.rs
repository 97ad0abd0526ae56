//! What stays of a ticket whose words were erased, and what was stored before it stayed away.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use super::*;
use crate::clock::machine_time;
use crate::domain::{
    AccountCommand, AccountDraft, AccountId, Caller, Command, GroupCommand, GroupId, ItemId,
    MessageWords, Prepared, ProfileCommand, ProfileDraft, ProfileId, ProfileWords, Refusal,
    Submission, TeamCommand, TicketCommand, TicketWords, UNDELETE_FOR, Visibility, sha256, text,
};
use crate::secrets::random_bytes;
use crate::store::log::link;
use crate::store::migrate;
use crate::store::verify::verify;

const TEAM: TeamId = TeamId(8);
const FOUNDER: AccountId = AccountId(3);
const DESCRIPTION: &str = "The printer in the attic hums a tune.";
const MESSAGE: &str = "Now it hums another one.";

/// A team on a file: one group, one profile that offers it.
struct House {
    _folder: tempfile::TempDir,
    file: PathBuf,
    transactions: Transactions,
    group: GroupId,
    profile: ProfileId,
    later: i64,
}

impl House {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("desk.db");
        let database = Database::open(&format!("sqlite:{}", file.display())).await.expect("opened");
        migrate(&database).await.expect("a schema");
        let transactions = Transactions {
            checkpoints: Checkpoints::start(database.clone()),
            database,
            origin: "test".into(),
            directories: Arc::default(),
        };
        let (group, profile) = (GroupId(0), ProfileId(0));
        let mut house = House { _folder: folder, file, transactions, group, profile, later: 0 };
        house.found().await;
        house
    }

    async fn found(&mut self) {
        let email = text::email("ana@example.org");
        let account = AccountCommand::Create(Box::new(AccountDraft {
            account: FOUNDER,
            email: email.map_err(|_| Refusal::NotFound("account")),
            display_name: Ok("Ana".to_owned()),
            password_hash: None,
            code: None,
        }));
        self.ask_of(TeamId::HOST, Caller::Host, account).await.expect("an account");
        let name = "Acme".to_owned();
        let team = TeamCommand::Activate { team: TEAM, name, time_zone: Ok(None) };
        self.ask(Caller::Account(FOUNDER), team).await.expect("a team");
        let ana = self.ana().await;
        let (name, visibility) = ("Attic".to_owned(), Visibility::Public);
        let group = GroupCommand::Create { name, visibility };
        let Ok(Reply::Item(ItemId::Group(group))) = self.ask(ana, group).await else {
            panic!("no group")
        };
        let words = ProfileWords { name: "Acme".to_owned(), ..ProfileWords::default() };
        let draft = ProfileDraft {
            assistance_enabled: true,
            groups: vec![group],
            group_required: false,
            default_priority: None,
            words: Prepared::new(words, salt()),
        };
        let profile = self.ask(ana, ProfileCommand::Create(Ok(Box::new(draft)))).await;
        let Ok(Reply::Item(ItemId::Profile(profile))) = profile else { panic!("no profile") };
        (self.group, self.profile) = (group, profile);
    }

    async fn ana(&self) -> Caller {
        let mut connection = self.transactions.database.read().await.expect("a transaction");
        let team = directory::load(&mut connection, TEAM).await.expect("read").expect("a team");
        Caller::Member(team.member_of(FOUNDER).expect("Ana").id)
    }

    async fn ask(&self, caller: Caller, command: impl Into<Command>) -> Result<Reply, Refusal> {
        self.ask_of(TEAM, caller, command).await
    }

    /// Decides one request, as late as it is in this house, and writes what comes of it.
    async fn ask_of(
        &self,
        team: TeamId,
        caller: Caller,
        command: impl Into<Command>,
    ) -> Result<Reply, Refusal> {
        let requests =
            [Request { team, caller, memory: None, command: command.into(), salt: salt() }];
        let mut connection = self.transactions.database.write().await.expect("a transaction");
        let mut deciding =
            self.transactions.begin(&mut connection, &requests).await.expect("loaded");
        deciding.now = machine_time() + self.later;
        let decided = self.transactions.carry_out(connection, deciding, &requests).await;
        let decided = decided.expect("written");
        match decided.answers.into_iter().next().expect("one answer") {
            Ok(outcome) => Ok(outcome.reply),
            Err(WriteError::Refused(refusal)) => Err(refusal),
            Err(other) => panic!("{other:?}"),
        }
    }

    async fn submit(&self, secret: Digest, description: &str) -> Result<Reply, Refusal> {
        let submission = Submission {
            secret_hash: secret,
            body_digest: body_digest(description),
            group: Some(self.group),
            words: Ok(Prepared::new(ticket_words(description), salt())),
        };
        self.ask(Caller::Widget(self.profile), TicketCommand::Submit(Box::new(submission))).await
    }

    async fn faults(&self) -> Vec<String> {
        let mut connection = self.transactions.database.read().await.expect("a transaction");
        verify(&mut connection).await.expect("verified").faults
    }

    /// The log as the version before wrote it: with the digest of the body in it.
    async fn write_log_as_before(&self) {
        let mut connection = self.transactions.database.write().await.expect("a transaction");
        let sql = "SELECT revision, decided_at, record FROM log WHERE team_id = $1 ORDER BY \
            revision";
        let mut chain = CHAIN_START;
        let mut found = 0;
        for mut row in connection.rows(sql, values![TEAM]).await.expect("the log") {
            let (revision, at): (i64, i64) = (row.next().expect("n"), row.next().expect("at"));
            let record: String = row.next().expect("text");
            // All else stays as it was written: it is compared as text.
            let digest = serde_json::to_string(&body_digest(DESCRIPTION)).expect("plain");
            let with_digest = format!(r#""body_digest":{digest},"submitted_at""#);
            found += record.matches(r#""submitted_at""#).count();
            let record = record.replace(r#""submitted_at""#, &with_digest);
            chain = link(chain, TEAM, revision, at, &record);
            let sql = "UPDATE log SET record = $3, chain = $4 WHERE team_id = $1 AND revision = $2";
            connection.execute(sql, values![TEAM, revision, record, chain]).await.expect("changed");
        }
        assert!(found > 0, "no ticket in the log");
        let sql = "UPDATE teams SET chain = $2 WHERE team_id = $1";
        connection.execute(sql, values![TEAM, chain]).await.expect("changed");
        connection.commit().await.expect("kept");
    }

    /// Closes the file, so that all of it is in one place, and finds there what is in `guesses`.
    async fn found_in_file(self, guesses: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
        self.transactions.database.close().await;
        let bytes = std::fs::read(&self.file).expect("the file");
        let holds = |guess: &[u8]| bytes.windows(guess.len()).any(|part| part == guess);
        let found = guesses.iter().filter(|(_, guess)| holds(guess));
        found.map(|(name, _)| name.clone()).collect()
    }
}

fn salt() -> crate::domain::Salt {
    random_bytes().expect("randomness")
}

fn ticket_words(description: &str) -> TicketWords {
    let requester = "customer@acme.example".to_owned();
    let description = description.to_owned();
    TicketWords { requester, description, ..TicketWords::default() }
}

fn message_words() -> MessageWords {
    MessageWords { text: MESSAGE.to_owned() }
}

/// Stands for the digest of the call and its body.
fn body_digest(description: &str) -> Digest {
    sha256(&[b"SubmitTicket", &[0], description.as_bytes()])
}

/// What somebody who knows or guesses the words may look for: themselves, and digests of them in
/// the forms that are in use, as bytes and as text.
fn guesses() -> BTreeMap<String, Vec<u8>> {
    let ticket = serde_json::to_string(&ticket_words(DESCRIPTION)).expect("plain");
    let message = serde_json::to_string(&message_words()).expect("plain");
    let mut guesses = BTreeMap::new();
    for words in [DESCRIPTION, MESSAGE, "customer@acme.example", &ticket, &message] {
        guesses.insert(words.to_owned(), words.as_bytes().to_vec());
    }
    let digests = [
        ("the submitted body", body_digest(DESCRIPTION)),
        ("the description", sha256(&[DESCRIPTION.as_bytes()])),
        ("the address", sha256(&[b"customer@acme.example"])),
        ("the ticket's words", sha256(&[ticket.as_bytes()])),
        ("the message", sha256(&[MESSAGE.as_bytes()])),
        ("the message's words", sha256(&[message.as_bytes()])),
    ];
    for (what, digest) in digests {
        guesses.insert(format!("digest of {what}"), digest.0.to_vec());
        let mut hex = String::new();
        write!(hex, "{digest:?}").expect("a text");
        guesses.insert(format!("digest of {what} as text"), hex.into_bytes());
    }
    guesses
}

#[tokio::test]
async fn a_guess_at_erased_words_is_not_confirmed() {
    for erased in [false, true] {
        let mut house = House::new().await;
        let (secret, ana) = (Digest([5; 32]), house.ana().await);
        house.submit(secret, DESCRIPTION).await.expect("a ticket");
        let customer = Caller::Customer(house.profile, secret);
        let text = Ok(Prepared::new(message_words(), salt()));
        house.ask(customer, TicketCommand::CustomerWrite { text }).await.expect("a message");
        house.ask(customer, TicketCommand::CustomerCancel).await.expect("ended");
        let (group, move_to) = (house.group, None);
        let delete = GroupCommand::Delete { group, dry_run: false, confirm: 1, move_to };
        house.ask(ana, delete).await.expect("deleted");
        if erased {
            house.later = UNDELETE_FOR + 60_000;
            let reply = house.ask(Caller::Clock, GroupCommand::Erase { group }).await;
            assert_eq!(reply, Ok(Reply::Count(1)));
            // A late retry is told nothing, whether it has the same body or not.
            for description in [DESCRIPTION, "Another one."] {
                assert_eq!(
                    house.submit(secret, description).await,
                    Err(Refusal::NotFound("ticket"))
                );
            }
        }
        assert_eq!(house.faults().await, Vec::<String>::new());
        let found = house.found_in_file(&guesses()).await;
        if erased {
            assert_eq!(found, Vec::<String>::new());
        } else {
            for there in [DESCRIPTION, MESSAGE, "digest of the submitted body"] {
                assert!(found.iter().any(|found| found == there), "{there} is not in {found:?}");
            }
        }
    }
}

#[tokio::test]
async fn the_log_never_has_the_digest_of_a_body() {
    let house = House::new().await;
    let secret = Digest([5; 32]);
    house.submit(secret, DESCRIPTION).await.expect("a ticket");
    let customer = Caller::Customer(house.profile, secret);
    house.ask(customer, TicketCommand::CustomerCancel).await.expect("ended");
    let mut connection = house.transactions.database.read().await.expect("a transaction");
    let rows = connection.rows("SELECT record FROM log", []).await.expect("the log");
    for mut row in rows {
        let record: String = row.next().expect("text");
        assert!(!record.contains("body_digest"), "{record}");
    }
}

/// Records that have it are read, replayed and continued; a retry is known by the ticket's row.
#[tokio::test]
async fn a_log_that_was_written_before_still_holds() {
    let house = House::new().await;
    let secret = Digest([5; 32]);
    let Ok(Reply::Ticket(ticket)) = house.submit(secret, DESCRIPTION).await else {
        panic!("no ticket")
    };
    house.write_log_as_before().await;
    assert_eq!(house.faults().await, Vec::<String>::new());
    for _ in 0..2 {
        match house.submit(secret, DESCRIPTION).await {
            Ok(Reply::Ticket(again)) => assert_eq!(again.number, ticket.number),
            other => panic!("{other:?}"),
        }
        let other = house.submit(secret, "Another one.").await;
        assert_eq!(other, Err(Refusal::RequestReused { field: "secret_hash" }));
        let customer = Caller::Customer(house.profile, secret);
        house.ask(customer, TicketCommand::CustomerCancel).await.expect("ended");
        assert_eq!(house.faults().await, Vec::<String>::new());
    }
}
