//! The command line: which words there are.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::{ConfigProblem, Effective, Override, Settings, Sources};

const AFTER_HELP: &str = "\
Exit status: 0 done; 1 it could not be done; 2 the command line, the configuration or a value \
makes no sense; 3 it exists
already, or does not exist.

Every setting can come from a file, the environment (listen: DESKBELL_LISTEN) or a flag; see
`deskbell-server check-config --print-defaults`.

To begin:
  deskbell-server account create --email ana@desk.example --name Ana
  deskbell-server serve";

/// Serves a Deskbell: accounts, teams, groups, profiles and tickets over gRPC, on SQLite or
/// PostgreSQL.
#[derive(Debug, Parser)]
#[command(name = "deskbell-server", version, after_help = AFTER_HELP, max_term_width = 110, arg_required_else_help = true)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// What holds for every command.
#[derive(Debug, Args)]
pub(super) struct Common {
    /// Print JSON for scripts rather than text for people
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// The configuration file [default: /etc/deskbell/server.toml, if there is one]
    #[arg(long, global = true, value_name = "FILE", env = "DESKBELL_CONFIG")]
    config: Option<PathBuf>,
    /// Where the embedded database and the key file live
    #[arg(long, global = true, value_name = "FOLDER")]
    data_dir: Option<String>,
    /// The database: sqlite:FILE or postgres://…; prefer `database_file` in the configuration when
    /// it holds a password
    #[arg(long, global = true, value_name = "URL")]
    database: Option<String>,
    /// Any setting, e.g. `--set limits.connections=50`; can be given several times
    #[arg(long, global = true, value_name = "NAME=VALUE", value_parser = setting)]
    set: Vec<(String, String)>,
}

fn setting(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("write it like limits.connections=50")?;
    Ok((name.trim().to_owned(), value.to_owned()))
}

/// What is done.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serve until a signal comes
    Serve(Serve),
    /// Make accounts, and let people in again
    #[command(subcommand)]
    Account(Account),
    /// Show the settings in effect and where each came from
    #[command(after_help = "\
Examples:
  deskbell-server check-config
  deskbell-server check-config --print-defaults > server.toml")]
    CheckConfig(CheckConfig),
    /// Bring the database to this program's schema; `serve` does that by itself
    #[command(after_help = "Example:\n  deskbell-server migrate --database \
            postgres://desk@db.example/desk")]
    Migrate,
    /// Check the database: replaying its log must give its tables, and the log's chain must hold
    #[command(after_help = "Example:\n  deskbell-server verify --json")]
    Verify,
    /// Copy a host from one database to another, empty one: from a file to PostgreSQL, back, or
    /// between two of a kind
    #[command(after_help = COPY_AFTER_HELP)]
    Copy(Copy),
}

const COPY_AFTER_HELP: &str = "\
Stop the servers first: what is written meanwhile would not be in the copy, so a database that is \
being served is refused. The
source is only read. The target gets everything or nothing: it is compared row by row, the log is \
replayed in it, and only then
it is kept. A copy that is killed leaves a target that no server starts on; run it again. People \
stay signed in, and widgets stay
valid, if the new servers have the key file of the old ones (`key_file`).

Others on this machine can see a password on the command line: put an address that holds one into \
a file.

Examples:
  deskbell-server copy --to postgres://desk@db.example/desk
  deskbell-server copy --from sqlite:/var/lib/deskbell/deskbell.db --to-file /etc/deskbell/database
  deskbell-server copy --from-file /etc/deskbell/database --to sqlite:/srv/desk/deskbell.db --json";

/// From where to where.
#[derive(Debug, Args)]
pub(super) struct Copy {
    /// The database to read: sqlite:FILE or postgres://… [default: the one in the settings]
    #[arg(long, value_name = "URL")]
    pub(super) from: Option<String>,
    /// The file that holds the address of the database to read
    #[arg(long, value_name = "FILE", conflicts_with = "from")]
    pub(super) from_file: Option<PathBuf>,
    /// The database to make: sqlite:FILE or postgres://…; must be empty
    #[arg(long, value_name = "URL", required_unless_present = "to_file")]
    pub(super) to: Option<String>,
    /// The file that holds the address of the database to make
    #[arg(long, value_name = "FILE", conflicts_with = "to")]
    pub(super) to_file: Option<PathBuf>,
}

/// How to serve.
#[derive(Debug, Args)]
#[command(after_help = "\
SIGTERM or Ctrl-C stops the server: it takes no new connections, waits for calls to end \
(`drain_seconds`), and then ends. A
second signal ends it at once. SIGHUP has it read its certificate files again now; it does so \
every ten minutes anyway.

Examples:
  deskbell-server serve
  deskbell-server serve --listen 0.0.0.0:7443 --address https://desk.example:7443
  deskbell-server serve --listen 127.0.0.1:0 --ready-file /run/deskbell/ready.json")]
pub(super) struct Serve {
    /// Where to listen
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// How clients reach the server from outside; can be given several times
    #[arg(long, value_name = "URL")]
    address: Vec<String>,
    /// Speak HTTP/2 without TLS, on a loopback address only
    #[arg(long)]
    plaintext: bool,
    /// Write {"address", "fingerprint", "pid"} here once the server answers; scripts wait for it
    /// instead of sleeping
    #[arg(long, value_name = "FILE")]
    pub(super) ready_file: Option<PathBuf>,
}

/// About accounts.
#[derive(Debug, Subcommand)]
pub(super) enum Account {
    /// Make an account; works while the server runs, too
    #[command(after_help = "\
Without --password-stdin it prints a one-time code, with which the person sets a password \
(`deskbell redeem`).

Examples:
  deskbell-server account create --email ana@desk.example --name Ana
  deskbell-server account create --email ana@desk.example --name Ana --password-stdin < password")]
    Create(CreateAccount),
    /// Print a one-time code that sets a new password; the old one works until then
    #[command(
        after_help = "Example:\n  deskbell-server account reset-password --email ana@desk.example"
    )]
    ResetPassword(ResetPassword),
}

/// The account to be.
#[derive(Debug, Args)]
pub(super) struct CreateAccount {
    /// The person's e-mail address
    #[arg(long)]
    pub(super) email: String,
    /// The name people see
    #[arg(long)]
    pub(super) name: String,
    /// Read the password from the first line of the standard input
    #[arg(long)]
    pub(super) password_stdin: bool,
}

/// Whose password.
#[derive(Debug, Args)]
pub(super) struct ResetPassword {
    /// The account's e-mail address
    #[arg(long)]
    pub(super) email: String,
    /// The name of the account's team, where several accounts have the address
    #[arg(long, value_name = "NAME")]
    pub(super) team: Option<String>,
}

/// What to show.
#[derive(Debug, Args)]
pub(super) struct CheckConfig {
    /// Print every setting with its default and what it means, as a configuration file
    #[arg(long)]
    pub(super) print_defaults: bool,
}

impl Common {
    /// The settings that hold for a command.
    pub(super) fn settings(
        &self,
        serve: Option<&Serve>,
    ) -> Result<(Settings, Effective), ConfigProblem> {
        let flag = |name: &str, setting: &str, value: String| Override {
            flag: format!("--{name}"),
            setting: setting.to_owned(),
            value,
        };
        let mut flags = Vec::new();
        for (name, value) in &self.set {
            flags.push(flag("set", name, value.clone()));
        }
        flags.extend(self.data_dir.clone().map(|folder| flag("data-dir", "data_dir", folder)));
        flags.extend(self.database.clone().map(|url| flag("database", "database", url)));
        if let Some(serve) = serve {
            flags.extend(serve.listen.map(|listen| flag("listen", "listen", listen.to_string())));
            if !serve.address.is_empty() {
                flags.push(flag("address", "addresses", serve.address.join(",")));
            }
            if serve.plaintext {
                flags.push(flag("plaintext", "plaintext", "true".to_owned()));
            }
        }
        Sources::of_process(self.config.clone(), flags).load()
    }
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
        fn walk(command: &clap::Command) {
            if command.get_subcommands().next().is_none() {
                let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(
                    help.contains("  deskbell-server "),
                    "{} has no example",
                    command.get_name()
                );
            }
            command.get_subcommands().for_each(walk);
        }
        Arguments::command().get_subcommands().for_each(walk);
    }

    #[test]
    fn flags_become_settings() {
        let line = [
            "deskbell-server",
            "serve",
            "--listen",
            "127.0.0.1:9",
            "--address",
            "https://a.example",
            "--address",
            "https://b.example",
            "--set",
            "limits.connections=5",
            "--data-dir",
            "/data",
        ];
        let arguments = Arguments::try_parse_from(line).expect("parsed");
        let Command::Serve(serve) = &arguments.command else { panic!("serve") };
        let (settings, effective) = arguments.common.settings(Some(serve)).expect("settings");
        assert_eq!(settings.listen.port(), 9);
        assert_eq!(settings.limits.connections, 5);
        assert_eq!(settings.addresses(settings.listen), ["https://a.example", "https://b.example"]);
        assert_eq!(effective.origin("data_dir"), Some("flag --data-dir"));
    }
}
