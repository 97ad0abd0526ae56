//! Fairness: how long the calls for help of one team take while another team of the same host is at
//! something big, against the same calls while it is quiet, in the same run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use deskbell_proto::client::{Client, request_id};
use deskbell_proto::v1;
use deskbell_server::store::Database;
use deskbell_tests::measuring::pace::call_for_help;
use deskbell_tests::postgres::Postgres;
use tokio::task::JoinSet;

use crate::Outcome;
use crate::figures::Figure;
use crate::server::Bench;

/// Calls for help a second that are measured.
const EVERY: Duration = Duration::from_millis(10);

/// Callers who ask for the next ticket again and again.
const NEXT_CALLERS: usize = 4;

/// Submits a second over all teams of a host with many.
const OVER_ALL: Duration = Duration::from_millis(5);

/// How much is measured.
#[derive(Clone, Copy)]
pub struct Size {
    /// Tickets that wait in the team that is at something big.
    pub waiting: usize,
    /// Tickets that expire at once.
    pub expiring: usize,
    /// Teams of a host with many.
    pub teams: usize,
    /// How long it is quiet, and how long what has no end of its own is measured.
    pub quiet: Duration,
    /// How long submits go on over all teams.
    pub over_all: Duration,
}

impl Size {
    /// What the figures are about.
    pub const WHOLE: Size = Size {
        waiting: 20_000,
        expiring: 90_000,
        teams: 300,
        quiet: Duration::from_secs(10),
        over_all: Duration::from_mins(1),
    };
    /// A first look.
    pub const QUICK: Size = Size {
        waiting: 5_000,
        expiring: 10_000,
        teams: 30,
        quiet: Duration::from_secs(3),
        over_all: Duration::from_secs(10),
    };
}

/// A host on which one team is at something big, and another one rings.
struct Host {
    bench: Bench,
    url: String,
    size: Size,
    /// The team that is at something big.
    busy: Client,
    customer: Client,
    /// The team that is measured.
    others: Client,
}

/// How long calls took.
struct Times(Vec<Duration>);

impl Times {
    /// In milliseconds, so many in a thousand took no longer.
    fn at(&self, thousandths: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let place = (sorted.len() * thousandths / 1_000).min(sorted.len().saturating_sub(1));
        sorted.get(place).map_or(0.0, |time| time.as_secs_f64() * 1e3)
    }
}

/// What others wait while a team is at each of these things.
pub async fn fairness(on: Option<&Postgres>, size: Size) -> Outcome<Vec<Figure>> {
    let mut figures = Vec::new();
    let mut host = Host::new(on, size).await?;
    host.ring(size.waiting).await?;
    let quiet = host.measured(tokio::time::sleep(size.quiet)).await?;
    let figure = |name: &str, times: &Times| {
        let on = if on.is_some() { "PostgreSQL" } else { "SQLite" };
        let pair = [(times.at(990), quiet.at(990).max(0.001))];
        Figure::of(format!("fairness on {on}: {name}"), "ms", "p99 while it is quiet", &pair)
            .with("p50_ms", &[times.at(500)])
            .with("quiet_p50_ms", &[quiet.at(500)])
            .at_most(5.0, 2.0)
    };
    let next = host.measured(host.asks_for_next(size.quiet)).await?;
    figures.push(figure("four ask for next", &next));
    let group = host.regroup(size.waiting).await?;
    let deleted = host.measured(host.deletes_and_restores(&group)).await?;
    figures.push(figure("a group is deleted and restored", &deleted));
    host.ring(size.expiring.saturating_sub(size.waiting)).await?;
    host.alter("UPDATE tickets SET expires_at = 1 WHERE ended_at IS NULL").await?;
    let begun = Instant::now();
    let expired = host.measured(host.until_nothing_is_open()).await?;
    let took = begun.elapsed().as_secs_f64();
    figures.push(figure("everything expires", &expired).with("until_all_expired_s", &[took]));
    host.delete(&group, true).await?;
    host.alter(
        "UPDATE directory SET due_at = 1, image = REPLACE(image, '\"deleted_at\":', \
         '\"deleted_at\":1,\"was\":') WHERE kind = 'group' AND due_at IS NOT NULL",
    )
    .await?;
    let erased = host.measured(tokio::time::sleep(size.quiet)).await?;
    figures.push(figure("history is erased", &erased));
    host.bench.stop().await?;
    figures.push(over_all_teams(on, size, &quiet).await?);
    Ok(figures)
}

impl Host {
    async fn new(on: Option<&Postgres>, size: Size) -> Outcome<Self> {
        let url = on.map(Postgres::new_database);
        let bench = Bench::start_on(url.as_deref(), 2).await?;
        let url = url.unwrap_or_else(|| format!("sqlite:{}", bench.file().display()));
        let (busy, customer, others) = Self::clients(&bench)?;
        Ok(Host { bench, url, size, busy, customer, others })
    }

    fn clients(bench: &Bench) -> Outcome<(Client, Client, Client)> {
        let others = bench.widgets.last().ok_or("two teams")?;
        Ok((bench.client(&bench.admin)?, bench.client(&bench.widget)?, bench.client(others)?))
    }

    /// So many calls for help in the busy team.
    async fn ring(&self, count: usize) -> Outcome<()> {
        crate::memory::make_tickets(&self.customer, count).await
    }

    /// The others' calls for help while something goes on.
    async fn measured<T>(&self, something: impl Future<Output = T>) -> Outcome<Times>
    where
        T: Happened,
    {
        let over = Arc::new(AtomicBool::new(false));
        let ringing = tokio::spawn(rings(vec![self.others.clone()], EVERY, Arc::clone(&over)));
        something.await.happened()?;
        over.store(true, Ordering::Relaxed);
        ringing.await?
    }

    async fn asks_for_next(&self, long: Duration) -> Outcome<()> {
        let until = Instant::now() + long;
        let mut callers = JoinSet::new();
        for _ in 0..NEXT_CALLERS {
            let caller = self.busy.clone();
            callers.spawn(async move {
                while Instant::now() < until {
                    let asked = v1::NextTicketRequest { request_id: request_id() };
                    caller.queue().next_ticket(asked).await?;
                }
                Outcome::Ok(())
            });
        }
        while let Some(ended) = callers.join_next().await {
            ended??;
        }
        Ok(())
    }

    /// Puts all that waits into a group of its own: by the database, since it is not measured.
    async fn regroup(&mut self, count: usize) -> Outcome<v1::Group> {
        let create = v1::CreateGroupRequest {
            request_id: request_id(),
            name: "Busy".into(),
            visibility: v1::GroupVisibility::Public.into(),
        };
        let made = self.busy.team().create_group(create).await?.into_inner().group;
        let group = made.ok_or("a group")?;
        let id = group.id.trim_start_matches(|letter: char| !letter.is_ascii_digit());
        let id: i64 = id.parse()?;
        eprintln!("{count} tickets get into a group");
        self.alter_with("UPDATE tickets SET group_id = $1 WHERE ended_at IS NULL", id).await?;
        Ok(group)
    }

    async fn delete(&self, group: &v1::Group, erase: bool) -> Outcome<()> {
        let mut delete = v1::DeleteGroupRequest {
            request_id: request_id(),
            group_id: group.id.clone(),
            dry_run: true,
            ..Default::default()
        };
        let told = self.busy.team().delete_group(delete.clone()).await?.into_inner();
        if erase {
            eprintln!("{} tickets are to be erased", told.erased_tickets);
        }
        delete.request_id = request_id();
        delete.dry_run = false;
        delete.confirm_erased_tickets = told.erased_tickets;
        self.busy.team().delete_group(delete).await?;
        Ok(())
    }

    async fn deletes_and_restores(&self, group: &v1::Group) -> Outcome<()> {
        self.delete(group, false).await?;
        self.until_in(group, false).await?;
        let back =
            v1::UndeleteGroupRequest { request_id: request_id(), group_id: group.id.clone() };
        self.busy.team().undelete_group(back).await?;
        self.until_in(group, true).await
    }

    /// Until the group has all that waits, or nothing.
    async fn until_in(&self, group: &v1::Group, all: bool) -> Outcome<()> {
        loop {
            let told = v1::DeleteGroupRequest {
                request_id: request_id(),
                group_id: group.id.clone(),
                dry_run: true,
                ..Default::default()
            };
            let asked = v1::ListTicketsRequest {
                group_id: group.id.clone(),
                page_size: 1,
                ..Default::default()
            };
            let some =
                !self.busy.queue().list_tickets(asked).await?.into_inner().tickets.is_empty();
            if !all && !some {
                return Ok(());
            }
            if all {
                let told = self.busy.team().delete_group(told).await?.into_inner();
                // Some were taken by whoever asked for the next one, and are in it as well.
                if usize::try_from(told.unassigned_tickets)? >= self.size.waiting {
                    return Ok(());
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn until_nothing_is_open(&self) -> Outcome<()> {
        loop {
            let asked = v1::ListTicketsRequest { page_size: 1, ..Default::default() };
            if self.busy.queue().list_tickets(asked).await?.into_inner().tickets.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Changes the database while no server runs.
    async fn alter(&mut self, sql: &'static str) -> Outcome<()> {
        self.alter_so(sql, None).await
    }

    async fn alter_with(&mut self, sql: &'static str, value: i64) -> Outcome<()> {
        self.alter_so(sql, Some(value)).await
    }

    async fn alter_so(&mut self, sql: &'static str, value: Option<i64>) -> Outcome<()> {
        self.bench.end().await?;
        let database = Database::open(&self.url).await?;
        let mut connection = database.write().await?;
        connection.execute(sql, value.map(Into::into)).await?;
        connection.commit().await?;
        database.close().await;
        self.bench.restart().await?;
        (self.busy, self.customer, self.others) = Self::clients(&self.bench)?;
        Ok(())
    }
}

/// Something that goes on while others are measured, and may fail.
trait Happened {
    fn happened(self) -> Outcome<()>;
}

impl Happened for () {
    fn happened(self) -> Outcome<()> {
        Ok(())
    }
}

impl Happened for Outcome<()> {
    fn happened(self) -> Outcome<()> {
        self
    }
}

/// Rings once in so long, by one after the other, until it is over. What comes late counts from
/// when it was to come.
async fn rings(customers: Vec<Client>, every: Duration, over: Arc<AtomicBool>) -> Outcome<Times> {
    let mut calls = JoinSet::new();
    let mut pace = tokio::time::interval(every);
    for turn in 0.. {
        if over.load(Ordering::Relaxed) {
            break;
        }
        let due = pace.tick().await;
        let customer = customers[turn % customers.len()].clone();
        calls.spawn(async move {
            customer.assistance().submit_ticket(call_for_help()).await?;
            Outcome::Ok(due.elapsed())
        });
    }
    let mut times = Vec::new();
    while let Some(ended) = calls.join_next().await {
        times.push(ended??);
    }
    Ok(Times(times))
}

/// Submits over all teams of a host with many.
async fn over_all_teams(on: Option<&Postgres>, size: Size, quiet: &Times) -> Outcome<Figure> {
    let url = on.map(Postgres::new_database);
    let bench = Bench::start_on(url.as_deref(), size.teams).await?;
    let customers =
        bench.widgets.iter().map(|widget| bench.client(widget)).collect::<Outcome<Vec<_>>>()?;
    let over = Arc::new(AtomicBool::new(false));
    let ringing = tokio::spawn(rings(customers, OVER_ALL, Arc::clone(&over)));
    tokio::time::sleep(size.over_all).await;
    over.store(true, Ordering::Relaxed);
    let times = ringing.await??;
    bench.stop().await?;
    let on = if on.is_some() { "PostgreSQL" } else { "SQLite" };
    let name = format!("fairness on {on}: 200 submits a second over {} teams", size.teams);
    let pair = [(times.at(990), quiet.at(990).max(0.001))];
    Ok(Figure::of(name, "ms", "p99 while it is quiet", &pair)
        .with("p50_ms", &[times.at(500)])
        .at_most(5.0, 2.0))
}
