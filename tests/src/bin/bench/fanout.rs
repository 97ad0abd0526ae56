//! Fan-out: what one change costs that a thousand operators see, against raw TCP doing the same.
//!
//! The honest shape: a thousand members of the team, each signed in and watching on a TLS
//! connection of their own. Changes are calls for help. Both sides are received by the same thread
//! of this process ([`crate::receiver`]), which also checks that everyone got every change once and
//! in order, and both send from a process of their own. The yardstick ([`crate::relay`]) sends the
//! very bytes that the server sent in the same round.

use std::sync::Arc;
use std::time::{Duration, Instant};

use deskbell_proto::client::{Client, Credentials, request_id};
use deskbell_proto::v1;
use deskbell_tests::measuring::pace::call_for_help;
use tokio::task::JoinSet;

use crate::Outcome;
use crate::figures::{Figure, median, spread};
use crate::files;
use crate::http2::Door;
use crate::process::Cpu;
use crate::receiver::{Audience, Receivers};
use crate::relay::{Moment, Relay};
use crate::server::Bench;

/// Calls at once on one connection: what a server allows is more.
const PER_CONNECTION: usize = 64;

/// People who are added at once: what the server lets wait for its passwords' threads is more.
const ADDED_AT_ONCE: usize = 16;

/// How often adding one is tried.
const TRIES: usize = 5;

/// A change every so often is 200 a second.
const PAUSE: Duration = Duration::from_millis(5);

/// How much is measured.
#[derive(Clone, Copy)]
pub struct Size {
    /// Operators who watch.
    pub operators: usize,
    /// Changes in a round at full speed.
    pub changes: usize,
    /// Changes in a round at 200 a second.
    pub paced: usize,
}

impl Size {
    /// What the figures are about.
    pub const WHOLE: Size = Size { operators: 1000, changes: 1000, paced: 600 };
    /// Less than a minute.
    pub const QUICK: Size = Size { operators: 250, changes: 1000, paced: 300 };
}

/// Both sides, connected.
struct FanOut {
    size: Size,
    customers: Vec<Client>,
    relay: Relay,
    /// The server's watchers, and the yardstick's.
    ours: Audience,
    theirs: Audience,
    bench: Bench,
    /// A server whose changes nobody watches.
    unwatched: Bench,
    unwatched_customers: Vec<Client>,
    _receivers: Receivers,
}

/// Deliveries a second, and the delay of one at 200 changes a second.
pub async fn fan_out(size: Size, rounds: usize) -> Outcome<Vec<Figure>> {
    // Both sides' connections end here.
    files::allow(2 * size.operators + 200)?;
    let mut fan_out = FanOut::start(size).await?;
    let mut rates = Vec::new();
    for _ in 0..rounds {
        rates.push(fan_out.rates().await?);
    }
    let (mut delays, mut after_submits, mut cpu) = (Vec::new(), Vec::new(), Vec::new());
    let (mut firsts, mut lasts) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let server = Cpu::of(fan_out.bench.id())?;
        let (ours, theirs) = fan_out.delays().await?;
        cpu.push(server.micros_for(size.paced * size.operators)?);
        delays.push((ours.median, theirs.median));
        firsts.push(ours.first);
        lasts.push(ours.last);
        after_submits.push((ours.median, theirs.median + fan_out.unwatched_answer().await?));
    }
    fan_out.bench.stop().await?;
    fan_out.unwatched.stop().await?;
    let name = |what: &str| format!("fan-out to {}{what}", size.operators);
    Ok(vec![
        Figure::of(name(""), "deliveries/s", "T: raw TCP, same bytes", &rates).at_least(1.2, 1.6),
        Figure::of(name(" at 200/s"), "ms", "T: raw TCP, same bytes", &delays)
            .at_most(2.0, 1.6)
            .with("first_delivery_ms", &firsts)
            .with("last_delivery_ms", &lasts)
            .with("server_cpu_us_per_delivery", &cpu),
        Figure::of(
            name(" at 200/s, with the submit"),
            "ms",
            "a submit nobody watches, then T",
            &after_submits,
        ),
    ])
}

impl FanOut {
    async fn start(size: Size) -> Outcome<Self> {
        let bench = Bench::start().await?;
        let tokens = operators(&bench.client(&bench.admin)?, size.operators).await?;
        let receivers = Receivers::start()?;
        let address = bench.server.addresses.first().ok_or("a server without an address")?;
        let door = Door::new(address, bench.server.authorities_pem.as_deref().unwrap_or_default())?;
        let (ours, theirs) = (Audience::default(), Audience::default());
        let relay = Relay::start().await?;
        for token in tokens {
            ours.join_watch(&receivers, &door, token).await?;
            theirs.join_raw(&receivers, relay.address.clone()).await?;
        }
        let connections = size.changes.div_ceil(PER_CONNECTION);
        let customers = customers(&bench, connections).await?;
        let unwatched = Bench::start().await?;
        let unwatched_customers = self::customers(&unwatched, connections).await?;
        Ok(FanOut {
            size,
            customers,
            relay,
            ours,
            theirs,
            bench,
            unwatched,
            unwatched_customers,
            _receivers: receivers,
        })
    }

    fn deliveries(&self, changes: usize) -> Outcome<u64> {
        Ok(u64::try_from(changes * self.size.operators)?)
    }

    /// Changes as fast as they are taken, all of them in flight at once: deliveries a second, until
    /// the last one has come.
    async fn rates(&mut self) -> Outcome<(f64, f64)> {
        let changes = self.size.changes;
        let deliveries = self.deliveries(changes)?;
        let first = self.ours.stream().changes.len();
        let begun = self.ours.expect(deliveries, false);
        let moments = submit(&self.customers, changes, None).await?;
        let ours = self.ours.complete().await? - begun;
        let sent = self.check(first, &moments)?;
        let begun = self.theirs.expect(deliveries, false);
        self.relay.give(&sent, None).await?;
        let theirs = self.theirs.complete().await? - begun;
        let deliveries = f64::from(u32::try_from(deliveries)?);
        Ok((deliveries / ours.as_secs_f64(), deliveries / theirs.as_secs_f64()))
    }

    /// Changes at a steady rate: delays, counted from the beginning of the submit, and from handing
    /// the change in to the yardstick, which has no disk to wait for.
    async fn delays(&mut self) -> Outcome<(Delays, Delays)> {
        let changes = self.size.paced;
        let deliveries = self.deliveries(changes)?;
        let first = self.ours.stream().changes.len();
        let begun = self.ours.expect(deliveries, true);
        let mut moments = submit(&self.customers, changes, Some(PAUSE)).await?;
        self.ours.complete().await?;
        let sent = self.check(first, &moments)?;
        moments.sort_by_key(|(number, _)| *number);
        let ours = Delays::of(&self.ours, begun, moments.iter().map(|(_, (start, _))| *start));
        let begun = self.theirs.expect(deliveries, true);
        let moments = self.relay.give(&sent, Some(PAUSE)).await?;
        self.theirs.complete().await?;
        Ok((ours, Delays::of(&self.theirs, begun, moments.into_iter().map(|(start, _)| start))))
    }

    /// How long the same submits take at the same rate when nobody watches, in milliseconds: what
    /// of the delay is not the fan-out's.
    async fn unwatched_answer(&self) -> Outcome<f64> {
        let moments = submit(&self.unwatched_customers, self.size.paced, Some(PAUSE)).await?;
        Ok(median(
            moments.iter().map(|(_, (start, answer))| (*answer - *start).as_secs_f64() * 1e3),
        ))
    }

    /// That everyone got exactly these changes, in the order in which they were made: their bytes.
    fn check(&self, first: usize, moments: &[(i64, Moment)]) -> Outcome<Vec<Arc<[u8]>>> {
        let stream = self.ours.stream();
        let mut made: Vec<_> = moments.iter().map(|(number, _)| *number).collect();
        made.sort_unstable();
        // The team counts its tickets, and nothing else changes: the order of numbers is the order
        // of changes.
        if stream.numbers(first)? != made {
            return Err("what the watchers got is not what was submitted, in order".into());
        }
        Ok(stream.changes[first..].to_vec())
    }
}

/// Delays of the deliveries of a timed round, in milliseconds, from each change's beginning.
struct Delays {
    /// Median of all.
    median: f64,
    /// Median of each change's first delivery, and of its last.
    first: f64,
    last: f64,
}

impl Delays {
    fn of(audience: &Audience, begun: Instant, starts: impl Iterator<Item = Instant>) -> Self {
        let stream = audience.stream();
        let of_change = |(start, arrivals): (Instant, &Vec<u32>)| {
            let start = (start - begun).as_secs_f64() * 1e3;
            arrivals.iter().map(|arrival| f64::from(*arrival) / 1e3 - start).collect::<Vec<_>>()
        };
        let changes: Vec<_> = starts.zip(&stream.arrivals).map(of_change).collect();
        Delays {
            median: median(changes.iter().flatten().copied()),
            first: median(changes.iter().map(|delays| spread(delays).0)),
            last: median(changes.iter().map(|delays| spread(delays).1)),
        }
    }
}

/// Customers' connections, open.
async fn customers(bench: &Bench, count: usize) -> Outcome<Vec<Client>> {
    let clients = (0..count).map(|_| bench.client(&bench.widget)).collect::<Outcome<Vec<_>>>()?;
    for client in &clients {
        client.server_info().get_server_info(v1::GetServerInfoRequest {}).await?;
    }
    Ok(clients)
}

/// Calls for help, all at once or one each `pause`: their numbers, with when each was begun and
/// answered.
async fn submit(
    customers: &[Client],
    count: usize,
    pause: Option<Duration>,
) -> Outcome<Vec<(i64, Moment)>> {
    let mut calls = JoinSet::new();
    let mut ticks = pause.map(tokio::time::interval);
    for call in 0..count {
        if let Some(ticks) = &mut ticks {
            ticks.tick().await;
        }
        let customer = customers[call % customers.len()].clone();
        calls.spawn(async move {
            let begun = Instant::now();
            let answer = customer.assistance().submit_ticket(call_for_help()).await?.into_inner();
            let number = answer.ticket.ok_or("an answer without a ticket")?.number;
            Outcome::Ok((number, (begun, Instant::now())))
        });
    }
    let mut moments = Vec::with_capacity(count);
    while let Some(answered) = calls.join_next().await {
        moments.push(answered??);
    }
    Ok(moments)
}

/// Adds so many operators to the admin's team, lets them see all new tickets, and signs each of
/// them in: their tokens.
pub async fn operators(admin: &Client, count: usize) -> Outcome<Vec<String>> {
    let team = v1::Team { queue_mode: v1::QueueMode::SelfService.into(), ..v1::Team::default() };
    let update_mask = prost_types::FieldMask { paths: vec!["queue_mode".to_owned()] };
    let open = v1::UpdateTeamRequest {
        request_id: request_id(),
        team: Some(team),
        update_mask: Some(update_mask),
    };
    admin.team().update_team(open).await?;
    let mut adding = JoinSet::new();
    let mut tokens = Vec::with_capacity(count);
    for operator in 0..count {
        if adding.len() == ADDED_AT_ONCE {
            tokens.extend(adding.join_next().await.transpose()?.transpose()?);
        }
        let admin = admin.clone();
        adding.spawn(async move {
            let mut tries = 0;
            loop {
                // On a busy machine a call may run out of time, and nobody knows what became of it:
                // then it is another operator.
                let added =
                    add_operator(&admin, &format!("operator-{operator}-{tries}@example.org")).await;
                tries += 1;
                if added.is_ok() || tries == TRIES {
                    return added;
                }
            }
        });
    }
    while let Some(added) = adding.join_next().await {
        tokens.push(added??);
    }
    Ok(tokens)
}

async fn add_operator(admin: &Client, email: &str) -> Outcome<String> {
    let add = v1::AddMemberRequest {
        request_id: request_id(),
        email: email.to_owned(),
        display_name: email.to_owned(),
        operator: true,
        admin: false,
    };
    let code = admin.team().add_member(add).await?.into_inner().code;
    let anonymous = admin.with_credentials(Credentials::none());
    let password = uuid::Uuid::new_v4().to_string();
    let redeem = v1::RedeemCodeRequest {
        email: email.to_owned(),
        code,
        new_password: password.clone(),
        display_name: email.to_owned(),
    };
    anonymous.account().redeem_code(redeem).await?;
    let sign_in = v1::SignInRequest { email: email.to_owned(), password, ..Default::default() };
    Ok(anonymous.account().sign_in(sign_in).await?.into_inner().token)
}
