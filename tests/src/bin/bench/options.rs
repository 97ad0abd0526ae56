//! What somebody wants measured.

use crate::Outcome;

/// What `--help` says.
const HELP: &str = "\
Measures Deskbell on this machine: the real server with all its checks on, over TLS on loopback, \
against yardsticks measured in the
same run, one after the other in each round. One JSON line a figure on standard output, then a \
table; what is being measured now
is told on standard error. No figure fails anything.

Usage: ./tests/bench [OPTIONS]

Options:
  --only WORD      only figures whose name contains this word; may be repeated
  --quick          three short rounds of smaller sizes instead of five: a first look
  --rounds N       so many rounds (from 1)
  --database NAME  only what is measured on this database: sqlite or postgres; the default is both
  --servers N      nothing but 1, 2 … N servers on one PostgreSQL, for each second of processor time
  --list           names of all figures
  --help           this text

Examples:
  ./tests/bench
  ./tests/bench --quick --only submit
  ./tests/bench --only \"one submit alone\" --rounds 9
  ./tests/bench --servers 3
  ./tests/bench --database postgres > figures.jsonl";

/// Names of databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    /// The embedded one.
    Sqlite,
    /// A private PostgreSQL.
    Postgres,
}

/// What to measure.
#[derive(Debug)]
pub struct Options {
    /// Rounds for each figure.
    pub rounds: usize,
    /// Smaller sizes, too.
    pub quick: bool,
    /// How many servers share a PostgreSQL at most; none: one server is measured.
    pub servers: Option<usize>,
    /// How long the slowest side of a round should take, in seconds.
    pub seconds: f64,
    /// Only figures whose name contains one of these words; none: all.
    only: Vec<String>,
    database: Option<Database>,
    /// Names are wanted, and no figures.
    pub list: bool,
}

impl Options {
    /// From the command line. None: help was wanted and printed.
    pub fn read() -> Outcome<Option<Self>> {
        let mut options = Options {
            rounds: 5,
            quick: false,
            servers: None,
            seconds: 2.0,
            only: Vec::new(),
            database: None,
            list: false,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value =
                |what: &str| arguments.next().ok_or(format!("{argument} wants {what}; see --help"));
            match argument.as_str() {
                "--help" | "-h" => {
                    println!("{HELP}");
                    return Ok(None);
                }
                "--quick" => (options.quick, options.rounds, options.seconds) = (true, 3, 0.5),
                "--servers" => {
                    let count =
                        value("a number")?.parse().ok().filter(|count| (1..=20).contains(count));
                    options.servers =
                        Some(count.ok_or("--servers wants a number from 1 to 20, e.g. 3")?);
                }
                "--only" => options.only.push(value("a word, e.g. submit")?.to_lowercase()),
                "--rounds" => {
                    let rounds = value("a number")?.parse().ok().filter(|rounds| *rounds > 0);
                    options.rounds = rounds.ok_or("--rounds wants a number from 1")?;
                }
                "--database" => {
                    options.database = match value("sqlite or postgres")?.as_str() {
                        "sqlite" => Some(Database::Sqlite),
                        "postgres" => Some(Database::Postgres),
                        "both" => None,
                        other => {
                            return Err(format!(
                                "--database {other}: use sqlite, postgres or both"
                            )
                            .into());
                        }
                    }
                }
                "--list" => options.list = true,
                other => return Err(format!("unknown option {other}; see --help").into()),
            }
        }
        Ok(Some(options))
    }

    /// Whether a figure on this database is wanted.
    pub fn want(&self, name: &str, database: Database) -> bool {
        let named =
            self.only.is_empty() || self.only.iter().any(|word| name.to_lowercase().contains(word));
        named && self.database.is_none_or(|wanted| wanted == database)
    }
}

/// Tells on standard error which round of what begins now.
pub fn say_round(name: &str, round: usize, rounds: usize) {
    eprintln!("measuring {name}: round {} of {rounds}", round + 1);
}
