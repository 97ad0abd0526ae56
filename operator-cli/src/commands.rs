//! The words that people type after `deskbell`: a module for each.

pub mod account;
mod archive;
pub mod context;
pub mod group;
pub mod history;
pub mod login;
pub mod manual;
pub mod member;
pub mod organization;
pub mod package;
pub mod profile;
pub mod profile_settings;
pub mod team;
pub mod ticket;
pub mod ticket_filter;
pub mod ticket_show;
pub mod watch;

use std::io::IsTerminal as _;

use clap::Subcommand;

use crate::failure::Failure;
use crate::output::aside;
use crate::queue;
use crate::session::{self, Setting};
use crate::typed;

/// The words that people type.
#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one of these in the life of the program")]
pub enum Command {
    /// Sign in to a server
    Login(login::Login),
    /// Sign out
    Logout(account::Logout),
    /// Tell who is signed in
    Whoami(account::Whoami),
    /// Change your password
    Password(account::Password),
    /// Set your password with a one-time code
    Redeem(login::Redeem),
    /// Answer teams that ask you to join
    #[command(subcommand)]
    Invitation(account::Invitation),
    /// Tell that you are available for new tickets
    Available(account::Available),
    /// Tell that you are away
    Away(account::Away),
    /// Choose between servers and accounts
    #[command(subcommand)]
    Context(context::Context),
    /// Activate, show and set up your team
    #[command(subcommand)]
    Team(team::Team),
    /// Who is in the team
    #[command(subcommand)]
    Member(member::Member),
    /// Who shares tickets
    #[command(subcommand)]
    Group(group::Group),
    /// Whom people who write belong to
    #[command(subcommand)]
    Organization(organization::Organization),
    /// The branded programs for customers
    #[command(subcommand)]
    Profile(profile::Profile),
    /// Read and handle tickets
    #[command(subcommand)]
    Ticket(ticket::Ticket),
    /// Print every change of the queue as it happens
    Watch(watch::Watch),
    /// The live queue, full screen
    #[command(after_help = "Example:\n  deskbell queue\nKeys are shown by ?.")]
    Queue,
    /// Closed and expired tickets
    History(history::History),
    /// Print completions for a shell
    Completions(manual::Completions),
    /// Print the manual page, or write all of them into a folder
    Man(manual::Man),
}

impl Command {
    /// Does what was typed. Completions and manual pages are made from the whole command line.
    pub async fn run(
        self,
        setting: &Setting,
        command_line: fn() -> clap::Command,
    ) -> Result<(), Failure> {
        match self {
            Self::Login(command) => command.run(setting).await,
            Self::Logout(command) => command.run(setting).await,
            Self::Whoami(command) => command.run(setting).await,
            Self::Password(command) => command.run(setting).await,
            Self::Redeem(command) => command.run(setting).await,
            Self::Invitation(command) => command.run(setting).await,
            Self::Available(command) => command.run(setting).await,
            Self::Away(command) => command.run(setting).await,
            Self::Context(command) => command.run(setting),
            Self::Team(command) => command.run(setting).await,
            Self::Member(command) => command.run(setting).await,
            Self::Group(command) => command.run(setting).await,
            Self::Organization(command) => command.run(setting).await,
            Self::Profile(command) => command.run(setting).await,
            Self::Ticket(command) => command.run(setting).await,
            Self::Watch(command) => command.run(setting).await,
            Self::Queue => show_queue(setting).await,
            Self::History(command) => command.run(setting).await,
            Self::Completions(command) => command.run(command_line()),
            Self::Man(command) => command.run(command_line()),
        }
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
    let drafts = queue::run(client, options)
        .await
        .map_err(|problem| Failure::other(format!("The terminal cannot be used: {problem}.")))?;
    for draft in drafts {
        aside(&typed::keep(&draft, ".txt"));
    }
    Ok(())
}
