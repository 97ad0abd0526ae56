//! Yardstick P: PostgreSQL's own load generator writes the same rows, one transaction each, on the
//! same PostgreSQL.

use std::fmt::Write as _;
use std::path::PathBuf;

use deskbell_proto::ticket_secret::TIME;
use deskbell_tests::measuring::writes::{Part, Value};
use deskbell_tests::postgres::Postgres;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::Outcome;
use crate::calls::{connections, empty_pace, submit_pace};
use crate::figures::Figure;
use crate::load::WARM;
use crate::options::{Options, say_round};
use crate::process::Cpu;
use crate::sample::{Sample, SampleRow};
use crate::server::{Bench, migrate};

/// Connections of pgbench; each writes for a team of its own, so that none waits for another's
/// counters.
const CLIENTS: usize = 32;

/// The first of those teams.
const FIRST_TEAM: i64 = 1_000;

/// Teams that the server's customers ring at: it has a writer for each half of the teams.
const TEAMS: usize = 8;

/// A database of its own for pgbench.
struct Pgbench<'a> {
    postgres: &'a Postgres,
    database: String,
    folder: tempfile::TempDir,
    /// Transactions of each client so far: what their rows are numbered by.
    made: usize,
}

impl<'a> Pgbench<'a> {
    async fn new(postgres: &'a Postgres, sample: &Sample) -> Outcome<Self> {
        let database = postgres.new_database();
        migrate(&database).await?;
        let mut connection = PgConnection::connect(&database).await?;
        for team in (FIRST_TEAM..).take(CLIENTS) {
            for row in sample.rows.iter().filter(|row| !row.is_new) {
                let sql = insert(row, &team.to_string(), "0");
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
            }
        }
        connection.close().await?;
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("submit.sql"), script(sample))?;
        open_to_all(folder.path())?;
        Ok(Pgbench { postgres, database, folder, made: 0 })
    }

    fn script(&self) -> PathBuf {
        self.folder.path().join("submit.sql")
    }

    /// Transactions a second over this many.
    async fn rate(&mut self, transactions: usize) -> Outcome<f64> {
        let each = transactions.div_ceil(CLIENTS);
        let mut command = self.postgres.command("pgbench");
        command.args(["-n", "-c", &CLIENTS.to_string(), "-j", "2", "-t", &each.to_string()]);
        command
            .args(["-D", &format!("n={}", self.made)])
            .arg("-f")
            .arg(self.script())
            .arg(&self.database);
        self.made += each;
        let output = tokio::process::Command::from(command).output().await?;
        let said = String::from_utf8_lossy(&output.stdout);
        let rate = said
            .lines()
            .find_map(|line| line.strip_prefix("tps = ")?.split_whitespace().next()?.parse().ok());
        let rate = rate.filter(|_| output.status.success());
        rate.ok_or_else(|| {
            format!("pgbench: {said}{}", String::from_utf8_lossy(&output.stderr)).into()
        })
    }
}

/// pgbench runs as PostgreSQL's own user.
fn open_to_all(folder: &std::path::Path) -> Outcome<()> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755))?)
}

/// One submit as pgbench makes it.
fn script(sample: &Sample) -> String {
    let mut script = format!("\\set n :n + 1\n\\set team {FIRST_TEAM} + :client_id\nBEGIN;\n");
    for row in &sample.rows {
        let sql = if row.is_new { insert(row, ":team", ":n") } else { update(row, ":team", ":n") };
        let _ = writeln!(script, "{sql};");
    }
    script.push_str("COMMIT;\n");
    script
}

fn insert(row: &SampleRow, team: &str, count: &str) -> String {
    let names: Vec<_> = row.columns.iter().map(|(name, _)| name.as_str()).collect();
    let values: Vec<_> = row.columns.iter().map(|(_, part)| literal(part, team, count)).collect();
    format!("INSERT INTO {} ({}) VALUES ({})", row.table, names.join(", "), values.join(", "))
}

fn update(row: &SampleRow, team: &str, count: &str) -> String {
    let set = |(name, part): &(String, Part)| format!("{name} = {}", literal(part, team, count));
    let (keys, others): (Vec<_>, Vec<_>) =
        row.columns.iter().partition(|(name, _)| row.key.contains(name));
    let list = |columns: Vec<&(String, Part)>, between| {
        columns.into_iter().map(set).collect::<Vec<_>>().join(between)
    };
    format!("UPDATE {} SET {} WHERE {}", row.table, list(others, ", "), list(keys, " AND "))
}

/// A value in PostgreSQL's words; quoted, it becomes what its column is.
fn literal(part: &Part, team: &str, count: &str) -> String {
    match part {
        Part::Team(_) => team.to_owned(),
        Part::Same(Value::Null) => "NULL".to_owned(),
        Part::Same(Value::Integer(number)) => format!("'{number}'"),
        Part::Same(Value::Real(number)) => format!("'{number}'"),
        Part::Same(Value::Text(text)) => format!("'{}'", text.replace('\'', "''")),
        Part::Same(Value::Blob(bytes)) => {
            let digits =
                bytes.iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"));
            format!("'\\x{digits}'")
        }
        Part::Grows { from, step } => format!("{from} + {step} * {count}::bigint"),
        Part::Random(length) => looks_random(*length, team, count),
        Part::Dated(length) => {
            let now = "int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint)";
            let random = looks_random(length.saturating_sub(TIME), team, count);
            format!("substring({now} from {}) || {random}", size_of::<u64>() - TIME + 1)
        }
    }
}

/// Bytes that look random, and are others for each transaction.
fn looks_random(length: usize, team: &str, count: &str) -> String {
    format!("substring(sha256(int8send({team} * 1000000000::bigint + {count})) for {length})")
}

/// Durable submits through a server on PostgreSQL, against pgbench.
pub async fn submits_to_pgbench(
    name: &str,
    in_flight: usize,
    options: &Options,
) -> Outcome<Figure> {
    let learnt = Bench::start().await?;
    let sample = Sample::learn(&learnt).await?;
    learnt.stop().await?;
    let postgres = Postgres::durable();
    let bench = Bench::start_on(Some(&postgres.new_database()), TEAMS).await?;
    let mut pgbench = Pgbench::new(&postgres, &sample).await?;
    let clients = connections(&bench, in_flight).await?;
    let first = submit_pace(&clients, WARM / 5, in_flight).await?;
    pgbench.rate(WARM / 5).await?;
    let calls = first.calls_in(options.seconds);
    let (mut pairs, mut server_cpu, mut empty) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..options.rounds {
        say_round(name, round, options.rounds);
        let cpu = Cpu::of(bench.id())?;
        let submits = submit_pace(&clients, calls, in_flight).await?.rate();
        server_cpu.push(cpu.micros_for(calls)?);
        pairs.push((submits, pgbench.rate(calls).await?));
        empty.push(empty_pace(&clients, calls, in_flight).await?.rate());
    }
    bench.stop().await?;
    let figure =
        Figure::of(name, "/s", "P: pgbench -c 32, the same rows, one transaction each", &pairs);
    Ok(figure.with("empty_calls_per_s", &empty).with("server_cpu_us_per_submit", &server_cpu))
}
