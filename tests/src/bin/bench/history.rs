//! What a long history costs: the same calls to a server with a million ended tickets and to one
//! with a thousand, turn by turn.
//!
//! The first thousand tickets of each server come through its calls: submitted and closed. The rest
//! is put straight into the database's file while its server is down, as copies of the first with
//! numbers, ids, secrets and times of their own, and so are their log records. The copies' records
//! tell of the first tickets, and their chain does not hold: `verify` would say so. For what a call
//! costs that makes no difference.

use std::path::Path;
use std::time::{Duration, Instant};

use deskbell_proto::client::{Client, Credentials, request_id};
use deskbell_proto::v1::{CloseTicketRequest, ListTicketsRequest, Ticket};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};
use tokio::task::JoinSet;

use crate::Outcome;
use crate::fanout::operators;
use crate::figures::{Figure, median};
use crate::memory::{make_tickets, watch};
use crate::server::Bench;

/// Ended tickets of the small history, from which the long one is copied.
const FEW: usize = 1_000;

/// Tickets that are open meanwhile.
const OPEN: usize = 50;

/// Of so many tickets, one was closed by an operator who sees nothing else in history.
const SELDOM: usize = 100;

/// Tickets of a page, and the page that is asked for far back.
const PAGE: i32 = 50;
/// As many as the operator of the small history handled: both servers answer with as many tickets.
const SHORT_PAGE: i32 = 10;
const FAR_PAGE: usize = 10;

/// Calls of a kind in a round, at each server. Of submits each is [`SUBMITS`] at once.
const CALLS: usize = 60;
const TURNS_OF_SUBMITS: usize = 5;
const SUBMITS: usize = 256;

/// How long after each other the copies lie.
const COPY_EVERY_MILLIS: i64 = 60_000;

/// A kind of call whose cost is compared.
#[derive(Clone, Copy)]
enum Kind {
    Open,
    History,
    Far,
    Seldom,
    Watch,
    Submit,
}

impl Kind {
    const ALL: [Kind; 6] =
        [Kind::Open, Kind::History, Kind::Far, Kind::Seldom, Kind::Watch, Kind::Submit];

    fn name(self) -> &'static str {
        match self {
            Kind::Open => "list of open tickets",
            Kind::History => "first page of history",
            Kind::Far => "tenth page of history",
            Kind::Seldom => "history of who handled 1 in 100",
            Kind::Watch => "watch and its snapshot",
            Kind::Submit => "submits",
        }
    }
}

/// A server with a history, and who calls it.
struct Side {
    admin: Client,
    /// Who handled one ticket in [`SELDOM`], and sees no other in history.
    operator: Client,
    customer: Client,
    /// Where the page far back begins.
    far: String,
    bench: Bench,
}

/// Each call's cost with so many tickets in history, against the same call with a thousand.
pub async fn history(tickets: usize, rounds: usize) -> Outcome<Vec<Figure>> {
    let few = Side::new(FEW).await?;
    let many = Side::new(tickets).await?;
    let mut figures = Vec::new();
    // Submits come last: they make the queue longer, of both.
    for kind in Kind::ALL {
        let mut pairs = Vec::new();
        for _ in 0..rounds {
            pairs.push(round(&many, &few, kind).await?);
        }
        let name = format!("{}, {tickets} in history", kind.name());
        figures.push(Figure::of(name, "ms", "with 1000 in history", &pairs).at_most(1.3, 1.05));
    }
    many.bench.stop().await?;
    few.bench.stop().await?;
    Ok(figures)
}

/// Both servers in turn, so that whatever else the machine does falls on both: median times, in
/// milliseconds.
async fn round(many: &Side, few: &Side, kind: Kind) -> Outcome<(f64, f64)> {
    let turns = if matches!(kind, Kind::Submit) { TURNS_OF_SUBMITS } else { CALLS };
    let (mut of_many, mut of_few) = (Vec::new(), Vec::new());
    for turn in 0..turns {
        // Who is first changes, too.
        if turn % 2 == 0 {
            of_many.push(many.time(kind).await?);
            of_few.push(few.time(kind).await?);
        } else {
            of_few.push(few.time(kind).await?);
            of_many.push(many.time(kind).await?);
        }
    }
    let median_millis =
        |times: Vec<Duration>| median(times.into_iter().map(|time| time.as_secs_f64() * 1e3));
    Ok((median_millis(of_many), median_millis(of_few)))
}

impl Side {
    /// A server with so many ended tickets.
    async fn new(tickets: usize) -> Outcome<Self> {
        let mut bench = Bench::start().await?;
        make_tickets(&bench.client(&bench.widget)?, FEW).await?;
        let admin = bench.client(&bench.admin)?;
        let token = operators(&admin, 1).await?.pop().ok_or("an operator who was not signed in")?;
        let operator = Credentials::session(&token)?;
        close_all(&admin, &bench.client(&operator)?).await?;
        // Also where nothing is copied: both servers were started again, then.
        bench.end().await?;
        let begun = Instant::now();
        copy_tickets(&bench.file(), tickets.div_ceil(FEW).saturating_sub(1)).await?;
        eprintln!("a history of {tickets} tickets was made in {:.1?}", begun.elapsed());
        bench.restart().await?;
        let (admin, customer) = (bench.client(&bench.admin)?, bench.client(&bench.widget)?);
        let mut far = String::new();
        for _ in 1..FAR_PAGE {
            far = list(&admin, true, far, PAGE).await?.1;
        }
        make_tickets(&customer, OPEN).await?;
        Ok(Side { admin, operator: bench.client(&operator)?, customer, far, bench })
    }

    async fn time(&self, kind: Kind) -> Outcome<Duration> {
        let begun = Instant::now();
        match kind {
            Kind::Open => page(&self.admin, false, "", PAGE).await?,
            Kind::History => page(&self.admin, true, "", PAGE).await?,
            Kind::Far => page(&self.admin, true, &self.far, PAGE).await?,
            Kind::Seldom => page(&self.operator, true, "", SHORT_PAGE).await?,
            Kind::Watch => drop(watch(&self.admin).await?),
            Kind::Submit => make_tickets(&self.customer, SUBMITS).await?,
        }
        Ok(begun.elapsed())
    }
}

/// Asks for a page, which has so many tickets.
async fn page(operator: &Client, history: bool, token: &str, size: i32) -> Outcome<()> {
    let (tickets, _) = list(operator, history, token.to_owned(), size).await?;
    if tickets.len() == usize::try_from(size)? {
        Ok(())
    } else {
        Err("a page that is not full".into())
    }
}

/// A page of open tickets or of history, and where the next one begins.
async fn list(
    operator: &Client,
    history: bool,
    page_token: String,
    page_size: i32,
) -> Outcome<(Vec<Ticket>, String)> {
    let asked =
        ListTicketsRequest { history, page_size, page_token, ..ListTicketsRequest::default() };
    let page = operator.queue().list_tickets(asked).await?.into_inner();
    Ok((page.tickets, page.next_page_token))
}

/// Closes all open tickets: one in [`SELDOM`] as the operator, the others as the admin.
async fn close_all(admin: &Client, operator: &Client) -> Outcome<()> {
    let (mut open, mut token) = (Vec::new(), String::new());
    loop {
        let (tickets, next) = list(admin, false, token, PAGE).await?;
        open.extend(tickets);
        token = next;
        if token.is_empty() {
            break;
        }
    }
    let mut closing = JoinSet::new();
    for (place, Ticket { number, version, .. }) in open.into_iter().enumerate() {
        let closer = if place % SELDOM == 0 { operator.clone() } else { admin.clone() };
        let close = CloseTicketRequest { request_id: request_id(), number, version };
        closing.spawn(async move { closer.queue().close_ticket(close).await });
    }
    while let Some(closed) = closing.join_next().await {
        closed??;
    }
    Ok(())
}

/// Copies every ended ticket so often, each time a little later than before, with everything that
/// belongs to it.
async fn copy_tickets(file: &Path, copies: usize) -> Outcome<()> {
    let options = SqliteConnectOptions::new().filename(file);
    let mut database = options.connect().await?;
    // Nothing here has to survive a power cut. The server sets what it needs when it starts.
    run(
        &mut database,
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -200000",
    )
    .await?;
    let numbers = "SELECT team_id, next_id, next_number, revision FROM teams WHERE next_number > 1";
    let row = sqlx::query(numbers).fetch_one(&mut database).await?;
    let (team, ids, numbers, revisions): (i64, i64, i64, i64) =
        (row.get(0), row.get(1), row.get(2), row.get(3));
    let before = i64::try_from(copies + 1)? * COPY_EVERY_MILLIS;
    run(
        &mut database,
        format!(
            "BEGIN;
             CREATE TEMP TABLE t AS SELECT * FROM tickets WHERE team_id = {team} AND ended_at IS \
             NOT NULL;
             CREATE TEMP TABLE c AS SELECT * FROM contents WHERE (team_id, content_id) IN (SELECT \
             team_id, content_id FROM t);
             CREATE TEMP TABLE h AS SELECT * FROM ticket_handlers WHERE (team_id, ticket_id) IN \
             (SELECT team_id, ticket_id FROM t);
             CREATE TEMP TABLE b AS SELECT * FROM ticket_log WHERE (team_id, ticket_id) IN \
             (SELECT team_id, ticket_id FROM t);
             CREATE TEMP TABLE l AS SELECT * FROM log WHERE (team_id, revision) IN (SELECT \
             team_id, revision FROM b);
             UPDATE t SET submitted_at = submitted_at - {before}, changed_at = changed_at - \
             {before}, ended_at = ended_at - {before};
             UPDATE h SET ended_at = ended_at - {before};
             UPDATE l SET decided_at = decided_at - {before};"
        ),
    )
    .await?;
    for _ in 0..copies {
        run(
            &mut database,
            format!(
                "UPDATE t SET ticket_id = ticket_id + {ids}, number = number + {numbers}, \
                 content_id = content_id + {ids},
                    secret_hash = CAST(unhex(printf('%012x', submitted_at + {COPY_EVERY_MILLIS})) \
                    || randomblob(26) AS BLOB),
                    submitted_at = submitted_at + {COPY_EVERY_MILLIS},
                    changed_at = changed_at + {COPY_EVERY_MILLIS}, ended_at = ended_at + \
                    {COPY_EVERY_MILLIS};
                 UPDATE c SET content_id = content_id + {ids};
                 UPDATE h SET ticket_id = ticket_id + {ids}, ended_at = ended_at + \
                 {COPY_EVERY_MILLIS};
                 UPDATE b SET ticket_id = ticket_id + {ids}, revision = revision + {revisions};
                 UPDATE l SET revision = revision + {revisions}, decided_at = decided_at + \
                 {COPY_EVERY_MILLIS};
                 INSERT INTO tickets SELECT * FROM t;
                 INSERT INTO contents SELECT * FROM c;
                 INSERT INTO ticket_handlers SELECT * FROM h;
                 INSERT INTO ticket_log SELECT * FROM b;
                 INSERT INTO log SELECT * FROM l;"
            ),
        )
        .await?;
    }
    let total = i64::try_from(copies + 1)?;
    run(
        &mut database,
        format!(
            "UPDATE teams SET next_id = next_id * {total}, next_number = next_number * {total}, \
             revision = revision * {total}
             WHERE team_id = {team};
             COMMIT;"
        ),
    )
    .await?;
    database.close().await?;
    Ok(())
}

async fn run(database: &mut SqliteConnection, statements: impl Into<String>) -> Outcome<()> {
    sqlx::raw_sql(AssertSqlSafe(statements.into())).execute(database).await?;
    Ok(())
}
