//! Three servers behind a real balancer, with the configuration from `deploy/`, while customers
//! ring and operators help: killed, upgraded, without their database, without one of two balancers.
//! Every watcher is told every change once, in order; nobody's call fails after the client's own
//! retry.
//!
//! Most have a long form, which runs only when asked for, by `cargo test -p deskbell-tests
//! many_servers_balanced -- --ignored`; `DESKBELL_ROUNDS` says how many rounds.

use std::process::Command;
use std::time::Duration;

use deskbell_proto::client::{Retry, retry};
use deskbell_proto::problem::Problem;
use deskbell_proto::v1;
use deskbell_proto::v1::watch_queue_response::Change;
use deskbell_tests::balancer::{NAMES, address_of_ones_own};
use deskbell_tests::customer::{call_for_help, new_secret};
use deskbell_tests::fleet::{Ending, Fleet};
use deskbell_tests::follower::Follower;
use deskbell_tests::host::{Database, Host};
use deskbell_tests::load::{Done, Load};
use deskbell_tests::postgres::Postgres;
use deskbell_tests::proxy::Proxy;
use deskbell_tests::waiting::{BOUND, eventually, soon};
use sqlx::{Connection as _, PgConnection};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::Code;

/// How many rounds a long form goes, unless the environment says otherwise.
const LONG: usize = 50;

fn rounds() -> usize {
    std::env::var("DESKBELL_ROUNDS")
        .map_or(LONG, |text| text.parse().expect("DESKBELL_ROUNDS is a number"))
}

/// Watchers of everything and of parts, each over a connection of their own.
async fn followers(fleet: &Fleet) -> Vec<Follower> {
    let mut followers = Vec::new();
    for _ in 0..4 {
        for person in [&fleet.ana, &fleet.bo, &fleet.cy] {
            followers.push(Follower::start(person.over(&fleet.connect())).await);
        }
    }
    followers
}

/// The usual team, where cy sees as much as ana does, and bo a part.
async fn fleet_on(host: Host) -> Fleet {
    let fleet = Fleet::open(host).await;
    fleet.ana.join(&fleet.sales, &fleet.cy).await.unwrap();
    fleet
}

/// Rings where everybody sees it, with the client's own patience: the number.
async fn ring(fleet: &Fleet) -> i64 {
    let group_id = fleet.sales.id.clone();
    let request = v1::SubmitTicketRequest {
        group_id,
        ..call_for_help(&new_secret(), "Does everybody hear me?")
    };
    let rung = retry(|| {
        let (mut assistance, request) = (fleet.widget.client.assistance(), request.clone());
        async move { assistance.submit_ticket(request).await }
    });
    rung.await.unwrap().ticket.unwrap().number
}

async fn all_hear_of(followers: &[Follower], number: i64) {
    for follower in followers {
        follower.hears_of(number).await;
    }
}

/// Checks what was acknowledged against what every watcher was told, and that against the log.
async fn all_is_told(fleet: &Fleet, followers: &mut [Follower], done: &mut Done) {
    assert_eq!(done.failed, Vec::<Problem>::new(), "a call failed after all retries");
    done.rung.push(ring(fleet).await);
    done.rung.sort_unstable();
    let (first, last) = (done.rung[0], *done.rung.last().unwrap());
    for follower in followers.iter_mut() {
        let heard = follower.heard_everything_until(last).await;
        if follower.sees_everything() {
            // Numbers in order and without gaps, and each ticket taken by one and closed by the
            // same.
            assert_eq!(numbers(&heard, "submitted"), (first..=last).collect::<Vec<_>>());
            assert_eq!(numbers(&heard, "submitted"), done.rung, "what was acknowledged, each once");
            assert_eq!(sorted(numbers(&heard, "taken")), done.helped, "one winner a ticket");
            assert_eq!(sorted(numbers(&heard, "closed")), done.helped);
        }
    }
}

/// The tickets of changes of this kind, in the order of the changes.
fn numbers(heard: &[Change], kind: &str) -> Vec<i64> {
    heard
        .iter()
        .filter(|change| change.kind == kind)
        .flat_map(|c| c.tickets.iter().map(|t| t.number))
        .collect()
}

fn sorted(mut numbers: Vec<i64>) -> Vec<i64> {
    numbers.sort_unstable();
    numbers
}

/// Ends one server after the other under load and starts it again. A client that was on it comes
/// back once, without a gap.
async fn one_by_one(ending: Ending, rounds: usize) {
    let mut fleet = fleet_on(Host::new(Database::Postgres)).await;
    let mut followers = followers(&fleet).await;
    let mut ended = 0;
    for _ in 0..rounds {
        let load = Load::start(&fleet, Retry::default());
        let mut rung = Vec::new();
        for place in 0..NAMES.len() {
            load.goes_on().await;
            fleet.end(place, ending).await;
            ended += 1;
            // Whoever hears of this has come back from the server that is gone.
            rung.push(ring(&fleet).await);
            all_hear_of(&followers, rung[place]).await;
            load.goes_on().await;
            if place == 0 {
                // Later, too, when the balancer knows that it is gone.
                fleet.settles().await;
                load.goes_on().await;
            }
            fleet.restart(place).await;
            fleet.settles().await;
        }
        let mut done = load.end().await;
        done.rung.extend(rung);
        all_is_told(&fleet, &mut followers, &mut done).await;
        for follower in &followers {
            let breaks = follower.breaks();
            assert!(
                breaks.len() <= ended,
                "more breaks than servers that ended ({ended}): {breaks:#?}"
            );
        }
        assert!(
            followers.iter().any(|follower| !follower.breaks().is_empty()),
            "nobody was on a server that ended"
        );
    }
    fleet.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_are_killed_one_by_one() {
    one_by_one(Ending::Killed, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: servers are killed many times"]
async fn servers_are_killed_many_times() {
    one_by_one(Ending::Killed, rounds()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_are_upgraded_one_by_one() {
    one_by_one(Ending::Stopped, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: servers are upgraded many times"]
async fn servers_are_upgraded_many_times() {
    one_by_one(Ending::Stopped, rounds()).await;
}

/// Nobody gives up while the database is away.
const PATIENT: Retry = Retry {
    tries: u32::MAX,
    first_wait: Duration::from_millis(50),
    longest_wait: Duration::from_secs(10),
};

async fn the_database_restarts(rounds: usize) {
    let mut postgres = Postgres::start();
    let mut fleet = fleet_on(Host::on(&postgres)).await;
    let mut followers = followers(&fleet).await;
    for round in 0..rounds {
        let load = Load::start(&fleet, PATIENT);
        load.goes_on().await;
        postgres.stop().await;
        if round % 2 == 1 {
            fleet.balancer.finds_well(&[]).await;
        }
        postgres.restart();
        fleet.settles().await;
        load.goes_on().await;
        let mut done = load.end().await;
        all_is_told(&fleet, &mut followers, &mut done).await;
    }
    fleet.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_restarts_is_waited_for() {
    the_database_restarts(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: the database restarts many times"]
async fn a_database_that_restarts_many_times_is_waited_for() {
    the_database_restarts(rounds()).await;
}

/// Freezes a server in the middle of a transaction, in which it holds its team.
async fn freeze_in_a_transaction(fleet: &Fleet, place: usize) {
    let mut watching = PgConnection::connect(fleet.host.database()).await.unwrap();
    // A server that runs is never this long between two statements; one that does is looked at
    // again.
    let held = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND \
        state = 'idle in transaction' \
                AND query NOT LIKE 'BEGIN TRANSACTION ISOLATION LEVEL%' AND state_change < \
                clock_timestamp() - INTERVAL '1 second'";
    eventually("the server is caught in a transaction", BOUND, async || {
        fleet.server(place).freeze();
        tokio::time::sleep(Duration::from_millis(1200)).await;
        let held: i64 = sqlx::query_scalar(held).fetch_one(&mut watching).await.unwrap();
        if held == 0 {
            fleet.server(place).thaw();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        held > 0
    })
    .await;
}

/// A machine that vanishes tells nobody, neither its clients nor the database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_vanishes_holds_nobody_up() {
    let mut fleet = fleet_on(Host::new(Database::Postgres)).await;
    let mut followers = followers(&fleet).await;
    let load = Load::start(&fleet, PATIENT);
    load.goes_on().await;
    freeze_in_a_transaction(&fleet, 0).await;
    let group_id = fleet.sales.id.clone();
    let request =
        v1::SubmitTicketRequest { group_id, ..call_for_help(&new_secret(), "Is anybody there?") };
    let elsewhere = fleet.widget.over(&fleet.server(1).connect());
    let number =
        soon("the team goes on elsewhere", elsewhere.submit(request)).await.unwrap().number;
    // Those who were on it are sent elsewhere.
    fleet.balancer.finds_well(&NAMES[1..]).await;
    all_hear_of(&followers, number).await;
    load.goes_on().await;
    fleet.server(0).thaw();
    fleet.settles().await;
    load.goes_on().await;
    let mut done = load.end().await;
    done.rung.push(number);
    all_is_told(&fleet, &mut followers, &mut done).await;
    fleet.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_on_one_server_ends_on_all() {
    let fleet = Fleet::open(Host::new(Database::Postgres)).await;
    let customer = fleet.widget.ring(Some(&fleet.sales), "Hello?").await;
    let (mut bos, mut cys, mut follows) = (Vec::new(), Vec::new(), Vec::new());
    for place in 0..NAMES.len() {
        bos.push(fleet.bo.over(&fleet.server(place).connect()).watch().opened().await);
        cys.push(fleet.cy.over(&fleet.server(place).connect()).watch().opened().await);
        let widget = fleet.widget.over(&fleet.server(place).connect());
        follows.push(
            widget.customer(customer.secret.clone(), customer.number).follow(1).await.unwrap(),
        );
    }
    fleet.bo.sign_out(true).await.unwrap();
    fleet.ana.update_member(&fleet.cy.id(), None, None, Some(false)).await.unwrap();
    for mut watch in bos.into_iter().chain(cys) {
        assert_eq!(watch.end().await.code, Code::Unauthenticated);
    }
    fleet.ana.set_profile(&fleet.profile, v1::ProfileState::Revoked).await.unwrap();
    for mut follow in follows {
        let ended = loop {
            if let Err(status) = soon("an end", follow.message()).await {
                break Problem::from(status);
            }
        };
        assert_eq!(
            (ended.code, ended.reason.as_str()),
            (Code::PermissionDenied, "PROFILE_REVOKED")
        );
    }
    fleet.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_count_clients_and_not_the_balancer() {
    let host = Host::new(Database::Postgres);
    host.set("limits.submits_per_address=5");
    host.set("limits.handshake_seconds=3");
    let fleet = Fleet::open(host).await;
    // All on one server: each counts for itself.
    for name in &NAMES[1..] {
        fleet.balancer.ask(&format!("disable server deskbell/{name}")).await;
    }
    let (loud, calm) = (address_of_ones_own(), address_of_ones_own());
    let roads = (
        Proxy::from(loud, fleet.balancer.socket()).await,
        Proxy::from(calm, fleet.balancer.socket()).await,
    );
    let loud = fleet.widget.over(&fleet.connect_to(roads.0.https()));
    let calm = fleet.widget.over(&fleet.connect_to(roads.1.https()));
    let mut rung = 0;
    let refused = loop {
        match loud.submit(call_for_help(&new_secret(), "Me, me, me!")).await {
            Ok(_) => rung += 1,
            Err(problem) => break problem,
        }
        assert!(rung < 100, "nobody holds the flood back");
    };
    assert_eq!((refused.code, refused.reason.as_str()), (Code::ResourceExhausted, "TOO_OFTEN"));
    calm.ring(Some(&fleet.sales), "I am somebody else.").await;
    fleet.widget.over(&fleet.connect()).ring(Some(&fleet.sales), "So am I.").await;

    // What a client says of itself is not believed, through the balancer or past it.
    let forged = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc6\x33\x64\x07\xc0\0\x02\x09\x10\0\x1d\x13";
    for at in [fleet.balancer.socket(), fleet.server(0).socket()] {
        let mut liar = TcpStream::connect(at).await.unwrap();
        liar.write_all(forged).await.unwrap();
        let mut answer = Vec::new();
        // It may be told in TLS that this is none; then it is over.
        soon("the end of the connection", liar.read_to_end(&mut answer)).await.ok();
        assert!(!answer.starts_with(&[0x16]), "the server goes on with {answer:?}");
    }
    fleet.close();
}

/// After a rolling restart the server that was last has no clients. New ones go there; an admin who
/// does not want to wait sends the others anew, as the handbook says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_can_be_shared_out_anew() {
    let mut fleet = fleet_on(Host::new(Database::Postgres)).await;
    let mut followers = followers(&fleet).await;
    fleet.end(2, Ending::Stopped).await;
    fleet.restart(2).await;
    fleet.settles().await;
    let number = ring(&fleet).await;
    all_hear_of(&followers, number).await;
    for name in [NAMES[0], NAMES[1]] {
        fleet.balancer.ask(&format!("shutdown sessions server deskbell/{name}")).await;
    }
    let mut counts = Vec::new();
    eventually("each server has its share", BOUND, async || {
        counts.clear();
        for name in NAMES {
            counts.push(fleet.balancer.connections(name).await);
        }
        counts.iter().sum::<usize>() >= followers.len()
            && counts.iter().all(|count| *count >= followers.len() / 4)
    })
    .await;
    let mut done = Done { rung: vec![number], ..Done::default() };
    all_is_told(&fleet, &mut followers, &mut done).await;
    fleet.close();
}

/// Clients that know two balancers go on through the second when the first is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_balancer_that_dies_is_gone_around() {
    let mut fleet = fleet_on(Host::new(Database::Postgres)).await;
    let another = fleet.another_balancer().await;
    fleet.widget = fleet.widget.over(&fleet.connect());
    let mut followers = followers(&fleet).await;
    let load = Load::start(&fleet, Retry::default());
    load.goes_on().await;
    let of_another = async || {
        let mut connections = 0;
        for name in NAMES {
            connections += another.connections(name).await;
        }
        connections
    };
    assert_eq!(of_another().await, 0, "the first one answers");
    fleet.balancer.kill();
    let number = ring(&fleet).await;
    all_hear_of(&followers, number).await;
    load.goes_on().await;
    assert!(of_another().await >= followers.len(), "whoever watches comes through the second one");
    let mut done = load.end().await;
    done.rung.push(number);
    all_is_told(&fleet, &mut followers, &mut done).await;
    for follower in &followers {
        assert_eq!(follower.breaks().len(), 1);
    }
    fleet.close();
}

/// Longer than the balancer lets a connection be silent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: nothing happens for four minutes"]
async fn a_quiet_watch_is_not_cut() {
    let fleet = fleet_on(Host::new(Database::Postgres)).await;
    let mut followers = followers(&fleet).await;
    tokio::time::sleep(Duration::from_mins(4)).await;
    all_is_told(&fleet, &mut followers, &mut Done::default()).await;
    for follower in &followers {
        assert_eq!(follower.breaks(), Vec::<Problem>::new());
    }
    fleet.close();
}

#[test]
fn the_configuration_is_valid_as_it_is_handed_out() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/haproxy.cfg");
    let checked =
        Command::new("/usr/sbin/haproxy").args(["-c", "-f", file]).output().expect("haproxy");
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(checked.status.success() && !said.contains("WARNING"), "{said}");
}
