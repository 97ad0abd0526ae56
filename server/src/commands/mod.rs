//! The commands of `deskbell-server`: what is typed on the host.
//!
//! Commands print what they are asked for to the standard output, for people or with `--json` for
//! scripts; logs and problems go to the standard error.

mod account;
mod arguments;
mod check_config;
mod claim;
mod copy;
mod failure;
mod host;
mod migrate;
mod ready;
mod serve;
mod verify;

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use serde_json::Value;

use arguments::{Arguments, Command};
use failure::Failure;

use crate::telemetry::{flush_log, say};

/// How long what is left may take to end after the command has.
const LAST_MOMENT: Duration = Duration::from_millis(200);

/// Does what the command line says.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse_from(deskbell_proto::reading::arguments());
    let json = arguments.common.json;
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            return told(&Failure::failed(format!("threads cannot be started: {error}")), json);
        }
    };
    let done = runtime.block_on(carry_out(arguments));
    runtime.shutdown_timeout(LAST_MOMENT);
    let code = match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => told(&failure, json),
    };
    flush_log(LAST_MOMENT);
    code
}

async fn carry_out(arguments: Arguments) -> Result<(), Failure> {
    let common = arguments.common;
    match arguments.command {
        Command::Serve(serve) => serve::run(&common, serve).await,
        Command::Account(account) => account::run(&common, account).await,
        Command::CheckConfig(check) => check_config::run(&common, &check),
        Command::Migrate => migrate::run(&common).await,
        Command::Copy(copy) => copy::run(&common, copy).await,
        Command::Verify => verify::run(&common).await,
    }
}

/// Tells what went wrong.
fn told(failure: &Failure, json: bool) -> ExitCode {
    let text = if json {
        serde_json::json!({"error": failure.sentence}).to_string()
    } else {
        format!("deskbell-server: {}", failure.sentence)
    };
    say(&text);
    ExitCode::from(failure.status)
}

/// Prints a result: one JSON object, or text for people.
fn print(json: bool, object: &Value, text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let text = if json { object.to_string() } else { text.trim_end().to_owned() };
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        // Whoever read it has gone, and wants to hear nothing more.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => {
            printed.map_err(|error| Failure::failed(format!("nothing can be printed: {error}")))
        }
    }
}
