//! The benchmark: ratios to yardsticks measured in the same run, interleaved, median of rounds.
//! Never fails because a machine is slow.
//!
//! Runs against a real server with all its checks on (limits are raised by configuration), over TLS
//! on loopback. Prints one JSON line a figure and a table for people at the end. Start with
//! `./tests/bench`, which builds what is needed. What stands in the server's place is in
//! `bin/yardsticks`.

mod calls;
mod fairness;
mod fanout;
mod figures;
mod files;
mod history;
mod http2;
mod load;
mod memory;
mod options;
mod pgbench;
mod process;
mod receiver;
mod redmine;
mod relay;
mod sample;
mod server;
mod servers;
mod table;
mod yardsticks;

use std::process::ExitCode;

use deskbell_tests::measuring::Outcome;
use deskbell_tests::postgres;
use figures::Figure;
use options::Database::{self, Postgres, Sqlite};
use options::Options;

/// Why nothing is measured on PostgreSQL.
const NO_POSTGRES: &str = "PostgreSQL's programs are missing (Debian's package postgresql)";

/// What was measured so far.
struct Report {
    options: Options,
    figures: Vec<Figure>,
    /// What was left out, and why.
    skipped: Vec<(String, String)>,
    /// What went wrong, and how.
    failed: Vec<(String, String)>,
}

impl Report {
    /// Measures figures if somebody wants them, and tells them. What goes wrong does not keep
    /// others from being measured.
    async fn measure<M>(&mut self, name: &str, on: Database, measured: M)
    where
        M: AsyncFnOnce(&str, &Options) -> Outcome<Vec<Figure>>,
    {
        if !self.options.want(name, on) {
            return;
        }
        if self.options.list {
            println!("{name}");
            return;
        }
        eprintln!("measuring {name}");
        match measured(name, &self.options).await {
            Ok(figures) => {
                for figure in figures {
                    println!("{}", figure.to_json());
                    self.figures.push(figure);
                }
            }
            Err(error) => {
                eprintln!("{name} could not be measured: {error}");
                self.failed.push((name.to_owned(), error.to_string()));
            }
        }
    }

    /// Leaves out what somebody wants, and says why.
    fn skip(&mut self, name: &str, on: Database, why: &str) {
        if self.options.want(name, on) {
            println!("{}", serde_json::json!({ "figure": name, "skipped": why }));
            self.skipped.push((name.to_owned(), why.to_owned()));
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tests/bench: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Outcome<()> {
    let Some(options) = Options::read()? else { return Ok(()) };
    let mut report =
        Report { options, figures: Vec::new(), skipped: Vec::new(), failed: Vec::new() };
    if report.options.servers.is_some() {
        measure_servers(&mut report).await;
    } else {
        measure_submits(&mut report).await;
        measure_others(&mut report).await;
        measure_fairness(&mut report).await;
    }
    if !report.options.list {
        table::print_table(&report.figures, &report.skipped, &report.failed);
    }
    if report.failed.is_empty() { Ok(()) } else { Err("not everything could be measured".into()) }
}

/// Calls for help.
async fn measure_submits(report: &mut Report) {
    report
        .measure("durable submits, 1024 in flight", Sqlite, async |name, options| {
            let [to_limit, _, to_bare] = load::submits(name, 1024, options).await?;
            Ok(vec![to_limit.at_least(0.80, 0.95), to_bare])
        })
        .await;
    report
        .measure("durable submits, 64 in flight", Sqlite, async |name, options| {
            // The bare server beside it says what of E is in reach with so few calls.
            let [_, to_empty, to_bare] = load::submits(name, 64, options).await?;
            Ok(vec![to_empty.at_least(0.45, 0.60), to_bare])
        })
        .await;
    report
        .measure("one submit alone", Sqlite, async |name, options| {
            Ok(vec![load::submit_alone(name, options).await?.at_most(1.8, 1.5)])
        })
        .await;
    report
        .measure(
            "submits to the store's own writer, 1000 callers",
            Sqlite,
            async |name, options| {
                Ok(vec![load::writer_to_commits(name, 1000, options).await?.at_least(0.65, 0.90)])
            },
        )
        .await;
    let on_postgres = "durable submits on PostgreSQL, 1024 in flight";
    if postgres::Postgres::is_installed() {
        report
            .measure(on_postgres, Postgres, async |name, options| {
                Ok(vec![pgbench::submits_to_pgbench(name, 1024, options).await?.at_least(3.0, 6.0)])
            })
            .await;
    } else {
        report.skip(on_postgres, Postgres, NO_POSTGRES);
    }
    report
        .measure("submit to the operator's client", Sqlite, async |name, options| {
            Ok(vec![load::submit_to_screen(name, options).await?.at_most(1.5, 1.2)])
        })
        .await;
    let to_redmine = "submits by 8 clients, against Redmine";
    if let Some(why) = redmine::missing() {
        report.skip(to_redmine, Sqlite, why);
        return;
    }
    report
        .measure(to_redmine, Sqlite, async |name, options| {
            Ok(vec![redmine::submits_to_redmine(name, 8, options).await?.at_least(100.0, 200.0)])
        })
        .await;
}

/// What operators notice, and whoever hosts.
async fn measure_others(report: &mut Report) {
    report
        .measure("fan-out", Sqlite, async |_, options| {
            let size = if options.quick { fanout::Size::QUICK } else { fanout::Size::WHOLE };
            fanout::fan_out(size, options.rounds).await
        })
        .await;
    report
        .measure("memory of an idle operator", Sqlite, async |_, options| {
            Ok(vec![memory::idle_operator(options.rounds).await?])
        })
        .await;
    report
        .measure("memory of an idle server", Sqlite, async |_, options| {
            Ok(vec![memory::idle_server(options.rounds).await?])
        })
        .await;
    report
        .measure("start to first answered call", Sqlite, async |name, options| {
            Ok(vec![server::start_up(name, options).await?.at_most(60.0, 25.0)])
        })
        .await;
    report
        .measure("history", Sqlite, async |_, options| {
            let tickets = if options.quick { 100_000 } else { 1_000_000 };
            history::history(tickets, options.rounds).await
        })
        .await;
}

/// What teams wait for each other.
async fn measure_fairness(report: &mut Report) {
    let size = |options: &Options| {
        if options.quick { fairness::Size::QUICK } else { fairness::Size::WHOLE }
    };
    report
        .measure("fairness", Sqlite, async |_, options| {
            fairness::fairness(None, size(options)).await
        })
        .await;
    if !postgres::Postgres::is_installed() {
        report.skip("fairness on PostgreSQL", Postgres, NO_POSTGRES);
        return;
    }
    report
        .measure("fairness on PostgreSQL", Postgres, async |_, options| {
            fairness::fairness(Some(&postgres::Postgres::durable()), size(options)).await
        })
        .await;
}

/// Several servers on one PostgreSQL.
async fn measure_servers(report: &mut Report) {
    if !postgres::Postgres::is_installed() {
        report.skip("servers on one PostgreSQL", Postgres, NO_POSTGRES);
        return;
    }
    report
        .measure("servers on one PostgreSQL", Postgres, async |_, options| {
            let size = if options.quick { servers::Size::QUICK } else { servers::Size::WHOLE };
            servers::servers(options.servers.unwrap_or(1), size, options.rounds).await
        })
        .await;
}
