//! Three servers behind a real balancer, with the configuration from `deploy/`, while customers ring and operators help: killed, upgraded,
//! without their database. Every watcher is told every change once, in order; nobody's call fails after the client's own retry.
//!
//! Each has a long form, which runs only when asked for, by
//! `cargo test -p deskbell-tests many_servers_balanced -- --ignored`; `DESKBELL_ROUNDS` says how many rounds.

use std::process::Command;
use std::time::Duration;

use deskbell_proto::client::{Retry, retry};
use deskbell_proto::problem::Problem;
use deskbell_proto::v1;
use deskbell_proto::v1::watch_queue_response::Change;
use deskbell_tests::balancer::NAMES;
use deskbell_tests::customer::{call_for_help, new_secret};
use deskbell_tests::fleet::{Ending, Fleet};
use deskbell_tests::follower::Follower;
use deskbell_tests::host::{Database, Host};
use deskbell_tests::load::{Done, Load};
use deskbell_tests::postgres::Postgres;

/// How many rounds a long form goes, unless the environment says otherwise.
const LONG: usize = 50;

fn rounds() -> usize {
    std::env::var("DESKBELL_ROUNDS").map_or(LONG, |text| text.parse().expect("DESKBELL_ROUNDS is a number"))
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
    let request = v1::SubmitTicketRequest { group_id, ..call_for_help(&new_secret(), "Does everybody hear me?") };
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
            // Numbers in order and without gaps, and each ticket taken by one and closed by the same.
            assert_eq!(numbers(&heard, "submitted"), (first..=last).collect::<Vec<_>>());
            assert_eq!(numbers(&heard, "submitted"), done.rung, "what was acknowledged, each once");
            assert_eq!(sorted(numbers(&heard, "taken")), done.helped, "one winner a ticket");
            assert_eq!(sorted(numbers(&heard, "closed")), done.helped);
        }
    }
}

/// The tickets of changes of this kind, in the order of the changes.
fn numbers(heard: &[Change], kind: &str) -> Vec<i64> {
    heard.iter().filter(|change| change.kind == kind).flat_map(|c| c.tickets.iter().map(|t| t.number)).collect()
}

fn sorted(mut numbers: Vec<i64>) -> Vec<i64> {
    numbers.sort_unstable();
    numbers
}

/// Ends one server after the other under load and starts it again. A client that was on it comes back once, without a gap.
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
            assert!(breaks.len() <= ended, "more breaks than servers that ended ({ended}): {breaks:#?}");
        }
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
const PATIENT: Retry =
    Retry { tries: u32::MAX, first_wait: Duration::from_millis(50), longest_wait: Duration::from_secs(10) };

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

#[test]
fn the_configuration_is_valid_as_it_is_handed_out() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/haproxy.cfg");
    let checked = Command::new("/usr/sbin/haproxy").args(["-c", "-f", file]).output().expect("haproxy");
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(checked.status.success() && !said.contains("WARNING"), "{said}");
}
