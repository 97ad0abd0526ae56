//! The command line as a whole: what holds for all commands.

use clap::Parser;

use crate::commands::Command;

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
