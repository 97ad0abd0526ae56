//! Calls for help, by many at once and alone, against empty calls through the same stack and bare
//! commits.

use std::time::Instant;

use deskbell_proto::v1::WatchQueueRequest;
use deskbell_proto::v1::watch_queue_response::Frame;
use deskbell_tests::measuring::WRITER;
use deskbell_tests::measuring::pace::{Calls, Pace};
use deskbell_tests::measuring::program::Program;

use crate::Outcome;
use crate::calls::{connections, empty_call, empty_pace, submit, submit_pace};
use crate::figures::{Figure, median};
use crate::options::{Options, say_round};
use crate::process::Cpu;
use crate::sample::Sample;
use crate::server::Bench;
use crate::yardsticks::{BareServer, Commits};

/// Tickets in all databases before anything is measured: SQLite's log of changes has its full
/// length by then, and syncing it no longer makes the file longer.
pub const WARM: usize = 25_000;

/// How many at once make those.
const WARMERS: usize = 512;

/// Submits of one caller in a round: the median is of so many.
const ALONE: usize = 200;

/// Numbers of the rounds, by what was measured.
#[derive(Default)]
struct Rounds {
    submits: Vec<f64>,
    empty: Vec<f64>,
    commits: Vec<f64>,
    bare: Vec<f64>,
    server_cpu: Vec<f64>,
    server_cpu_empty: Vec<f64>,
    caller_cpu: Vec<f64>,
    caller_cpu_empty: Vec<f64>,
    commit_cpu: Vec<f64>,
}

impl Rounds {
    /// What the empty call and the commit allow one after the other.
    fn allowed(&self) -> Vec<f64> {
        self.empty
            .iter()
            .zip(&self.commits)
            .map(|(empty, commits)| 1.0 / (1.0 / empty + 1.0 / commits))
            .collect()
    }

    /// What all cores allow if they never wait and a submit costs no more than an empty call and a
    /// bare commit.
    fn of_cores(&self) -> Outcome<Vec<f64>> {
        let cores = f64::from(u32::try_from(std::thread::available_parallelism()?.get())?);
        let calls = self
            .server_cpu_empty
            .iter()
            .zip(&self.caller_cpu_empty)
            .map(|(server, caller)| server + caller);
        Ok(calls
            .zip(&self.commit_cpu)
            .map(|(call, commit)| cores * 1e6 / (call + commit))
            .collect())
    }

    fn add_details(&self, figure: Figure) -> Outcome<Figure> {
        Ok(figure
            .with("empty_calls_per_s", &self.empty)
            .with("raw_commits_per_s", &self.commits)
            .with("server_cpu_us_per_submit", &self.server_cpu)
            .with("server_cpu_us_per_empty_call", &self.server_cpu_empty)
            .with("caller_cpu_us_per_submit", &self.caller_cpu)
            .with("caller_cpu_us_per_empty_call", &self.caller_cpu_empty)
            .with("cpu_us_per_raw_commit", &self.commit_cpu)
            .with("cores_allow_per_s", &self.of_cores()?))
    }
}

/// The real server, and the yardsticks beside it: each in a process of its own, with a copy of the
/// same database.
struct Sides {
    bench: Bench,
    bare: BareServer,
    commits: Commits,
}

impl Sides {
    async fn start() -> Outcome<Self> {
        let bench = Bench::start().await?;
        let sample = Sample::learn(&bench).await?;
        let commits = Commits::start(&sample.setup(bench.copy("commits.db")?)).await?;
        let bare = BareServer::start(&sample.setup(bench.copy("bare.db")?)).await?;
        Ok(Sides { bench, bare, commits })
    }

    /// Makes all databases what they are in long use.
    async fn warm_up(&mut self) -> Outcome<()> {
        submit_pace(&connections(&self.bench, WARMERS).await?, WARM, WARMERS).await?;
        submit_pace(&self.bare.connections(&self.bench, WARMERS)?, WARM, WARMERS).await?;
        self.commits.pace(WARM, WARMERS).await?;
        Ok(())
    }

    /// Measures submits and the yardsticks, as many submits as bare commits, so that all databases
    /// grow alike.
    async fn rounds(&mut self, name: &str, in_flight: usize, options: &Options) -> Outcome<Rounds> {
        let server = self.bench.id();
        let clients = connections(&self.bench, in_flight).await?;
        let bare_clients = self.bare.connections(&self.bench, in_flight)?;
        self.warm_up().await?;
        let first = submit_pace(&clients, in_flight * 8, in_flight).await?;
        let calls =
            submit_pace(&clients, first.calls_in(0.3), in_flight).await?.calls_in(options.seconds);
        // Empty calls write nothing, so there may be more of them: as many as make a measurement.
        let empty_calls = empty_pace(&clients, in_flight * 8, in_flight)
            .await?
            .calls_in(options.seconds / 2.0)
            .max(calls);
        let mut rounds = Rounds::default();
        for round in 0..options.rounds {
            say_round(name, round, options.rounds);
            let (cpu, caller) = (Cpu::of(server)?, Cpu::of_self()?);
            rounds.submits.push(submit_pace(&clients, calls, in_flight).await?.rate());
            rounds.server_cpu.push(cpu.micros_for(calls)?);
            rounds.caller_cpu.push(caller.micros_for(calls)?);
            let (cpu, caller) = (Cpu::of(server)?, Cpu::of_self()?);
            rounds.empty.push(empty_pace(&clients, empty_calls, in_flight).await?.rate());
            rounds.server_cpu_empty.push(cpu.micros_for(empty_calls)?);
            rounds.caller_cpu_empty.push(caller.micros_for(empty_calls)?);
            let cpu = Cpu::of(self.commits.id()?)?;
            rounds.commits.push(self.commits.pace(calls, in_flight).await?.rate());
            rounds.commit_cpu.push(cpu.micros_for(calls)?);
            rounds.bare.push(submit_pace(&bare_clients, calls, in_flight).await?.rate());
        }
        Ok(rounds)
    }
}

/// Durable submits against what empty calls and bare commits allow together, against empty calls,
/// and against a bare server.
pub async fn submits(name: &str, in_flight: usize, options: &Options) -> Outcome<[Figure; 3]> {
    let mut sides = Sides::start().await?;
    let rounds = sides.rounds(name, in_flight, options).await?;
    sides.bench.stop().await?;
    let against = |name: &str, yardstick, yardsticks: &[f64]| {
        let pairs: Vec<_> =
            rounds.submits.iter().copied().zip(yardsticks.iter().copied()).collect();
        Figure::of(name, "/s", yardstick, &pairs)
    };
    let limit = "L: empty calls and bare commits, one after the other";
    let bare = "F: the same front with bare commits behind it";
    Ok([
        rounds.add_details(against(name, limit, &rounds.allowed()))?,
        rounds.add_details(against(
            name,
            "E: empty calls through the same stack",
            &rounds.empty,
        ))?,
        against(&format!("{name}, of a bare server"), bare, &rounds.bare),
    ])
}

/// The store's own writer by so many callers, without the calls around it, against bare commits by
/// as many.
pub async fn writer_to_commits(name: &str, callers: usize, options: &Options) -> Outcome<Figure> {
    let bench = Bench::start().await?;
    let sample = Sample::learn(&bench).await?;
    let mut commits = Commits::start(&sample.setup(bench.copy("commits.db")?)).await?;
    let mut writer = Program::start(WRITER, &bench.copy("store.db")?).await?;
    let warm: Pace = writer.ask(&Calls { calls: WARM, in_flight: callers }).await?;
    commits.pace(WARM, callers).await?;
    let calls = warm.calls_in(options.seconds);
    let mut pairs = Vec::new();
    for round in 0..options.rounds {
        say_round(name, round, options.rounds);
        let written: Pace = writer.ask(&Calls { calls, in_flight: callers }).await?;
        pairs.push((written.rate(), commits.pace(calls, callers).await?.rate()));
    }
    bench.stop().await?;
    Ok(Figure::of(name, "/s", "C: bare commits of the same rows", &pairs))
}

/// How long one thing takes, in milliseconds.
async fn time(done: impl Future<Output = Outcome<()>>) -> Outcome<f64> {
    let started = Instant::now();
    done.await?;
    Ok(started.elapsed().as_secs_f64() * 1e3)
}

/// One submit at a time, against an empty call and a bare commit, one after the other.
pub async fn submit_alone(name: &str, options: &Options) -> Outcome<Figure> {
    let bench = Bench::start().await?;
    let sample = Sample::learn(&bench).await?;
    let mut commits = Commits::start(&sample.setup(bench.copy("commits.db")?)).await?;
    let client = bench.client(&bench.widget)?;
    submit_pace(&connections(&bench, WARMERS).await?, WARM, WARMERS).await?;
    commits.pace(WARM, WARMERS).await?;
    let (mut pairs, mut empty_calls, mut bare_commits) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..options.rounds {
        say_round(name, round, options.rounds);
        let (mut submits, mut empty, mut bare) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ALONE {
            submits.push(time(submit(&client)).await?);
            empty.push(time(empty_call(&client)).await?);
            bare.push(commits.pace(1, 1).await?.took.as_secs_f64() * 1e3);
        }
        let (empty, bare) = (median(empty.into_iter()), median(bare.into_iter()));
        pairs.push((median(submits.into_iter()), empty + bare));
        empty_calls.push(empty);
        bare_commits.push(bare);
    }
    bench.stop().await?;
    let figure = Figure::of(name, "ms", "one empty call and one bare commit", &pairs);
    Ok(figure.with("empty_call_ms", &empty_calls).with("raw_commit_ms", &bare_commits))
}

/// From the beginning of a submit until an operator's client has the change, against the submit
/// alone.
pub async fn submit_to_screen(name: &str, options: &Options) -> Outcome<Figure> {
    let bench = Bench::start().await?;
    let operator = bench.client(&bench.admin)?;
    let customer = bench.client(&bench.widget)?;
    let mut frames = operator.watch().watch_queue(WatchQueueRequest::default()).await?.into_inner();
    // The snapshot comes first, in parts.
    while let Some(frame) = frames.message().await? {
        if matches!(&frame.frame, Some(Frame::Snapshot(snapshot)) if snapshot.last) {
            break;
        }
    }
    let mut pairs = Vec::new();
    for round in 0..options.rounds {
        say_round(name, round, options.rounds);
        let (mut seen, mut alone) = (Vec::new(), Vec::new());
        for _ in 0..ALONE {
            let started = Instant::now();
            let watched = async {
                while let Some(frame) = frames.message().await? {
                    if matches!(frame.frame, Some(Frame::Change(_))) {
                        break;
                    }
                }
                Outcome::Ok(started.elapsed())
            };
            let submitted = async {
                submit(&customer).await?;
                Outcome::Ok(started.elapsed())
            };
            let (watched, submitted) = tokio::try_join!(watched, submitted)?;
            seen.push(watched.as_secs_f64() * 1e3);
            alone.push(submitted.as_secs_f64() * 1e3);
        }
        pairs.push((median(seen.into_iter()), median(alone.into_iter())));
    }
    bench.stop().await?;
    Ok(Figure::of(name, "ms", "the same submit's own answer", &pairs))
}
