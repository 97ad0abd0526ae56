//! `deskbell`: every act of operators and administrators as a command, and the live queue on
//! screen.
//!
//! `commands` names the words people type, each module of it answers one of them, and the
//! rest is what they share.

mod arguments;
mod commands;
mod contexts;
mod failure;
mod lists;
mod moments;
mod output;
mod prompt;
mod queue;
mod resolve;
mod session;
mod sight;
mod signals;
mod table;
mod typed;
mod words;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use deskbell_proto::{inert, reading};

use crate::arguments::Arguments;
use crate::commands::Command;
use crate::failure::Failure;
use crate::output::Output;
use crate::session::Setting;

fn main() -> ExitCode {
    let arguments = Arguments::parse_from(reading::arguments());
    let as_json = arguments.json;
    let setting = Setting {
        output: Output::new(as_json),
        context: arguments
            .context
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty()),
    };
    let new_here = matches!(arguments.command, Command::Login(_) | Command::Redeem(_));
    // Two workers: one may wait for a person while the other keeps the connection alive.
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let outcome = runtime
        .map_err(|problem| Failure::other(format!("Cannot start: {problem}.")))
        .and_then(|runtime| runtime.block_on(arguments.command.run(&setting, Arguments::command)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let failure = if failure.needs_sign_in() && !new_here {
                failure.hint(&setting.sign_in_hint())
            } else {
                failure
            };
            failure.report(as_json);
            ExitCode::from(failure.exit as u8)
        }
    }
}
