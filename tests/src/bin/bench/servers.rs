//! Many servers on one PostgreSQL: what one, two, three of them take in and deliver, as the clock
//! says and for each second of processor time, and so where it stops growing.
//!
//! There are many teams, as servers share them by their locks. Calls of every team go to every
//! server, and so do its watchers: of `n` servers, one in `n` deliveries is of a change that the
//! same server made. PostgreSQL is a private one that keeps what it acknowledges. On a machine with
//! few cores the clock cannot show that servers share the work, since servers, PostgreSQL and
//! whoever calls compete for the same cores; the figures for each second of the servers' processor
//! time can.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use deskbell_proto::client::{Client, Credentials, Server};
use deskbell_proto::pin;
use deskbell_proto::v1::GetServerInfoRequest;
use deskbell_tests::measuring::pace::call_for_help;
use deskbell_tests::postgres::Postgres;
use tokio::process::Child;
use tokio::task::JoinSet;

use crate::Outcome;
use crate::figures::Figure;
use crate::files;
use crate::http2::Door;
use crate::process::{TICK, seconds};
use crate::receiver::{Audience, Receivers};
use crate::server::{Team, make_account, serve};

/// Calls in flight, whatever the number of servers.
const IN_FLIGHT: usize = 240;

/// Connections that calls share, to each server.
const CONNECTIONS: usize = 4;

/// How much is measured.
#[derive(Clone, Copy)]
pub struct Size {
    /// Teams.
    pub teams: usize,
    /// Watches of each team, each on a connection of its own.
    pub watches: usize,
    /// Changes of each team in a round of deliveries.
    pub changes: usize,
    /// How long submits are measured in a round.
    pub submitting: Duration,
}

impl Size {
    /// What the figures are about.
    pub const WHOLE: Size =
        Size { teams: 30, watches: 20, changes: 100, submitting: Duration::from_secs(3) };
    /// Less than a minute.
    pub const QUICK: Size =
        Size { teams: 30, watches: 10, changes: 50, submitting: Duration::from_millis(700) };
}

/// What some servers did in a round.
#[derive(Clone, Copy, Default)]
struct Done {
    /// A second.
    rate: f64,
    /// For each second of the servers' processor time.
    per_core: f64,
    /// Milliseconds of PostgreSQL's processor time for a thousand.
    postgres: f64,
}

/// A host with its teams, and no server yet.
struct Host {
    size: Size,
    database: String,
    postgres: Postgres,
    /// Teams that get submits for a while: their queues get long.
    busy: Vec<Team>,
    /// Teams that are watched: whoever begins to watch is given the queue, which is to be short.
    watched: Vec<Team>,
    folder: tempfile::TempDir,
}

/// Running servers of a host.
struct Running {
    servers: Vec<(Child, Server)>,
}

/// Submits and deliveries with 1, 2, … `most` servers, each against one server in the same round.
pub async fn servers(most: usize, size: Size, rounds: usize) -> Outcome<Vec<Figure>> {
    files::allow(size.teams * size.watches + 200)?;
    if !Path::new("/usr/lib/postgresql").is_dir() {
        return Err("PostgreSQL's programs are not here: install the package postgresql".into());
    }
    let host = Host::new(size).await?;
    // By number of servers; in each, one a round.
    let (mut submits, mut deliveries) = (vec![Vec::new(); most], vec![Vec::new(); most]);
    for _ in 0..rounds {
        for count in 1..=most {
            let running = Running::start(&host, count).await?;
            submits[count - 1].push(running.submits(&host).await?);
            deliveries[count - 1].push(running.deliveries(&host).await?);
            running.end().await?;
        }
    }
    let mut figures = Vec::new();
    for (what, done) in [("submits", &submits), ("deliveries", &deliveries)] {
        for (count, of_count) in (1..).zip(done) {
            let pairs = |value: fn(&Done) -> f64| -> Vec<_> {
                of_count
                    .iter()
                    .zip(&done[0])
                    .map(|(some, one)| (value(some), value(one).max(f64::EPSILON)))
                    .collect()
            };
            let name = |measured: &str| {
                let servers = if count == 1 { "server" } else { "servers" };
                format!("{count} {servers}: {what}{measured}")
            };
            let postgres: Vec<_> = of_count.iter().map(|done| done.postgres).collect();
            let figure = Figure::of(name(""), "/s", "one server", &pairs(|done| done.rate));
            figures.push(figure.with("postgres_cpu_ms_per_1000", &postgres));
            figures.push(Figure::of(
                name(" per core"),
                "/CPU s",
                "one server",
                &pairs(|done| done.per_core),
            ));
        }
    }
    Ok(figures)
}

impl Host {
    async fn new(size: Size) -> Outcome<Self> {
        let postgres = tokio::task::spawn_blocking(Postgres::durable).await?;
        let database = postgres.new_database();
        let folder = tempfile::tempdir()?;
        let mut host =
            Host { size, database, postgres, busy: Vec::new(), watched: Vec::new(), folder };
        let running = Running::start(&host, 1).await?;
        for team in 0..2 * size.teams {
            let email = format!("admin-{team}@example.org");
            make_account(host.folder.path(), &email, &host.arguments()).await?;
            let team = Team::start(&running.servers[0].1, &email).await?;
            if host.busy.len() < size.teams {
                host.busy.push(team);
            } else {
                host.watched.push(team);
            }
        }
        running.end().await?;
        Ok(host)
    }

    fn arguments(&self) -> [&str; 2] {
        ["--database", &self.database]
    }
}

impl Running {
    async fn start(host: &Host, count: usize) -> Outcome<Self> {
        let mut servers = Vec::new();
        for _ in 0..count {
            let (process, address) = serve(host.folder.path(), &host.arguments()).await?;
            let presented = pin::inspect(&address).await?;
            let server = Server {
                addresses: vec![address],
                authorities_pem: Some(presented.authorities_pem),
            };
            servers.push((process, server));
        }
        Ok(Running { servers })
    }

    async fn end(self) -> Outcome<()> {
        for (mut process, _) in self.servers {
            process.kill().await?;
        }
        Ok(())
    }

    /// Clients of each team at each server, in the order in which calls go to them.
    async fn customers(&self, teams: &[Team]) -> Outcome<Vec<Client>> {
        let mut customers = Vec::new();
        for _ in 0..CONNECTIONS {
            for (_, server) in &self.servers {
                let connection = Client::new(server.connect_lazy()?, Credentials::none());
                connection.server_info().get_server_info(GetServerInfoRequest {}).await?;
                customers.extend(
                    teams.iter().map(|team| connection.with_credentials(team.widget.clone())),
                );
            }
        }
        Ok(customers)
    }

    /// Submits for a while, of all teams, with so many in flight.
    async fn submits(&self, host: &Host) -> Outcome<Done> {
        let customers: Arc<[Client]> = self.customers(&host.busy).await?.into();
        let before = self.spent(host)?;
        let begun = Instant::now();
        let until = begun + host.size.submitting;
        let mut callers = JoinSet::new();
        for caller in 0..IN_FLIGHT {
            let customers = Arc::clone(&customers);
            callers.spawn(async move {
                let mut done = 0;
                while Instant::now() < until {
                    // Of each team there are callers at every server.
                    let customer = &customers[(caller + done * IN_FLIGHT) % customers.len()];
                    customer.assistance().submit_ticket(call_for_help()).await?;
                    done += 1;
                }
                Outcome::Ok(done)
            });
        }
        let mut done = 0;
        while let Some(finished) = callers.join_next().await {
            done += finished??;
        }
        Done::of(done, begun.elapsed(), before, self.spent(host)?)
    }

    /// Watches of all teams, spread over the servers, and changes made at all of them; until
    /// everyone has got everything.
    async fn deliveries(&self, host: &Host) -> Outcome<Done> {
        let Size { teams, watches, changes, .. } = host.size;
        let receivers = Receivers::start()?;
        let doors: Vec<_> =
            self.servers.iter().map(|(_, server)| door(server)).collect::<Outcome<_>>()?;
        let audiences: Vec<_> = (0..teams).map(|_| Audience::default()).collect();
        for (team, audience) in host.watched.iter().zip(&audiences) {
            for watch in 0..watches {
                audience
                    .join_watch(&receivers, &doors[watch % doors.len()], team.token.clone())
                    .await?;
            }
            audience.expect(u64::try_from(watches * changes)?, false);
        }
        let customers = self.customers(&host.watched).await?;
        let before = self.spent(host)?;
        let begun = Instant::now();
        let mut calls = JoinSet::new();
        for call in 0..changes * teams {
            if calls.len() == IN_FLIGHT {
                calls.join_next().await.transpose()?.transpose()?;
            }
            let customer = customers[call % customers.len()].clone();
            calls.spawn(async move { customer.assistance().submit_ticket(call_for_help()).await });
        }
        while let Some(answered) = calls.join_next().await {
            answered??;
        }
        let mut last = begun;
        for audience in &audiences {
            last = last.max(audience.complete().await?);
            if audience.stream().numbers(0)?.windows(2).any(|pair| pair[1] != pair[0] + 1) {
                return Err("watchers got changes that are not in order".into());
            }
        }
        Done::of(teams * watches * changes, last - begun, before, self.spent(host)?)
    }

    /// Processor time so far, in seconds: of the servers, and of PostgreSQL.
    fn spent(&self, host: &Host) -> Outcome<(f64, f64)> {
        let ids: Vec<_> = self.servers.iter().filter_map(|(process, _)| process.id()).collect();
        seconds(&ids, host.postgres.process_id())
    }
}

impl Done {
    fn of(done: usize, took: Duration, before: (f64, f64), after: (f64, f64)) -> Outcome<Self> {
        let done = f64::from(u32::try_from(done)?);
        let (servers, postgres) = (after.0 - before.0, after.1 - before.1);
        Ok(Done {
            rate: done / took.as_secs_f64(),
            per_core: done / servers.max(TICK.as_secs_f64()),
            postgres: postgres * 1e6 / done,
        })
    }
}

fn door(server: &Server) -> Outcome<Arc<Door>> {
    let address = server.addresses.first().ok_or("a server without an address")?;
    Door::new(address, server.authorities_pem.as_deref().unwrap_or_default())
}
