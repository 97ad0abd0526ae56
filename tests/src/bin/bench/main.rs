//! The benchmark: ratios to yardsticks measured in the same run, interleaved, median of rounds. Never fails because a machine is
//! slow.
//!
//! Runs against a real server with all its checks on (limits are raised by configuration), over TLS on loopback. Prints one JSON
//! line a figure and a table for people at the end. Start with `./tests/bench`, which builds what is needed.

mod fanout;
mod figures;
mod files;
mod history;
mod http2;
mod load;
mod memory;
mod receiver;
mod relay;
mod server;
mod servers;
mod table;

use std::error::Error;

use figures::Figure;
use server::{Bench, memory_of, start_up};
use table::print_table;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// What to measure.
struct Options {
    /// Rounds for each figure.
    rounds: usize,
    /// Smaller sizes, too.
    quick: bool,
    /// How many servers share a PostgreSQL at most; none: one server is measured.
    servers: Option<usize>,
    /// Only figures whose name contains this.
    only: Option<String>,
}

fn options() -> Outcome<Options> {
    let mut options = Options { rounds: 5, quick: false, servers: None, only: None };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => (options.rounds, options.quick) = (3, true),
            "--servers" => {
                let count =
                    arguments.next().and_then(|count| count.parse().ok()).filter(|count| (1..=20).contains(count));
                options.servers = Some(count.ok_or("--servers wants a number from 1 to 20, e.g. 3")?);
            }
            "--only" => options.only = Some(arguments.next().ok_or("--only wants a word, e.g. submit")?),
            other => return Err(format!("unknown option {other}: use --quick, --only WORD").into()),
        }
    }
    Ok(options)
}

#[tokio::main]
async fn main() -> Outcome<()> {
    if std::env::args().nth(1).as_deref() == Some(relay::WORD) {
        return relay::run().await;
    }
    let options = options()?;
    let wanted = |name: &str| options.only.as_ref().is_none_or(|only| name.contains(only.as_str()));
    let mut figures = Vec::new();
    let mut tell = |figure: Figure| {
        println!("{}", figure.to_json());
        figures.push(figure);
    };

    if let Some(most) = options.servers {
        let size = if options.quick { servers::Size::QUICK } else { servers::Size::WHOLE };
        servers::servers(most, size, options.rounds).await?.into_iter().for_each(&mut tell);
        print_table(&figures);
        return Ok(());
    }
    if wanted("start") {
        tell(start_up(options.rounds).await?);
    }
    if wanted("fan-out") {
        let size = if options.quick { fanout::Size::QUICK } else { fanout::Size::WHOLE };
        fanout::fan_out(size, options.rounds).await?.into_iter().for_each(&mut tell);
    }
    if wanted("memory of an idle operator") {
        tell(memory::idle_operator(options.rounds).await?);
    }
    if wanted("memory of an idle server") {
        tell(memory::idle_server(options.rounds).await?);
    }
    if wanted("history") {
        let tickets = if options.quick { 100_000 } else { 1_000_000 };
        history::history(tickets, options.rounds).await?.into_iter().for_each(&mut tell);
    }
    let bench = Bench::start().await?;
    // What is measured on a short queue comes first.
    if wanted("submit to screen") {
        tell(load::submit_to_screen(&bench, options.rounds).await?);
    }
    for in_flight in [1, 64, 1024] {
        let name = format!("submit {in_flight} in flight");
        if wanted(&name) {
            tell(load::submits(&bench, name, in_flight, options.rounds).await?);
        }
    }
    if wanted("memory after the load") {
        tell(memory_of(&bench)?);
    }
    bench.stop().await?;
    print_table(&figures);
    Ok(())
}
