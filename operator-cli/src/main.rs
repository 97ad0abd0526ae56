//! `deskbell`: every act of operators and administrators as a command, and the live queue on
//! screen.
//!
//! `arguments` names the words people type, each module of `commands` answers one of them, and the
//! rest is what they share.

mod arguments;
mod commands;
mod contexts;
mod failure;
mod lists;
mod moments;
mod output;
mod queue;
mod resolve;
#[cfg(test)]
mod rooms;
mod session;
mod table;
mod typed;
mod words;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use deskbell_proto::inert;

use crate::arguments::{Arguments, Command};
use crate::failure::Failure;
use crate::output::Output;
use crate::session::Setting;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let as_json = arguments.json;
    let setting = Setting {
        output: Output::new(as_json),
        context: arguments.context.filter(|name| !name.is_empty()),
    };
    let new_here = matches!(arguments.command, Command::Login(_) | Command::Redeem(_));
    // Two workers: one may wait for a person while the other keeps the connection alive.
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let outcome = runtime
        .map_err(|problem| Failure::other(format!("Cannot start: {problem}.")))
        .and_then(|runtime| runtime.block_on(run(arguments.command, &setting)));
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

async fn run(command: Command, setting: &Setting) -> Result<(), Failure> {
    match command {
        Command::Login(command) => command.run(setting).await,
        Command::Logout(command) => command.run(setting).await,
        Command::Whoami(command) => command.run(setting).await,
        Command::Password(command) => command.run(setting).await,
        Command::Redeem(command) => command.run(setting).await,
        Command::Invitation(command) => command.run(setting).await,
        Command::Available(command) => command.run(setting).await,
        Command::Away(command) => command.run(setting).await,
        Command::Context(command) => command.run(setting),
        Command::Team(command) => command.run(setting).await,
        Command::Member(command) => command.run(setting).await,
        Command::Group(command) => command.run(setting).await,
        Command::Profile(command) => command.run(setting).await,
        Command::Ticket(command) => command.run(setting).await,
        Command::Watch(command) => command.run(setting).await,
        Command::Queue => show_queue(setting).await,
        Command::History(command) => command.run(setting).await,
        Command::Completions(command) => command.run(Arguments::command()),
        Command::Man(command) => command.run(Arguments::command()),
    }
}

async fn show_queue(setting: &Setting) -> Result<(), Failure> {
    let options =
        queue::Options { colour: setting.output.has_colour(), ..queue::Options::default() };
    if setting.output.is_json() || !std::io::stdout().is_terminal() {
        return Err(Failure::usage(
            "The live queue needs a terminal. For scripts there is: deskbell watch --json",
        ));
    }
    let client = setting.client().await?;
    // Whoever is signed out learns so in plain words, before the screen changes.
    session::identity(&client).await?;
    queue::run(client, options)
        .await
        .map_err(|problem| Failure::other(format!("The terminal cannot be used: {problem}.")))
}
