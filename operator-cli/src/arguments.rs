//! The command line as a whole: which words there are, and what holds for all of them.

use clap::{Parser, Subcommand};

use crate::commands::{
    account, context, group, history, login, manual, member, profile, team, ticket, watch,
};

const AFTER_HELP: &str = "\
Exit codes:
  0  it worked
  1  another failure
  2  the command line makes no sense
  3  not signed in, or not allowed
  4  there is no such thing, or it is hidden from you
  5  somebody was faster, or it exists already
  6  the server is away or has too much to do
  7  a value is not acceptable

With --json, commands print the server's answer as one JSON object on one line, lists one object \
per line, with the field \
names of the .proto files; failures are one object on the error output.

Environment:
  DESKBELL_CONTEXT      the context to use, like --context
  DESKBELL_CONFIG_DIR   where contexts are kept, instead of your settings folder
  DESKBELL_SERVER       a server, for scripts without a context; with it go
  DESKBELL_TOKEN        a session's token and
  DESKBELL_FINGERPRINT  the server's fingerprint
  NO_COLOR              no colours
  VISUAL, EDITOR        the editor for texts

To begin:
  deskbell login https://desk.example:7443 --email ana@desk.example
  deskbell queue";

/// Answers calls for help: every act of operators and administrators, and the live queue.
#[derive(Debug, Parser)]
#[command(name = "deskbell", version, after_help = AFTER_HELP, max_term_width = 110, arg_required_else_help = true, disable_help_subcommand = true)]
pub struct Arguments {
    /// Print JSON for scripts rather than text for people
    #[arg(long, global = true)]
    pub json: bool,
    /// Use this context rather than the current one
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "DESKBELL_CONTEXT",
        hide_env_values = true
    )]
    pub context: Option<String>,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

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

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example() {
        fn walk(command: &clap::Command, path: &str) {
            let path = format!("{path} {}", command.get_name());
            if command.get_subcommands().next().is_none() {
                let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(help.contains("Example:\n  deskbell "), "{path} has no example");
            }
            command.get_subcommands().for_each(|command| walk(command, &path));
        }
        Arguments::command().get_subcommands().for_each(|command| walk(command, "deskbell"));
    }
}
