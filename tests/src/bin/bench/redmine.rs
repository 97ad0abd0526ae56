//! Yardstick O: Redmine from Debian's package, tickets created over its HTTP interface. It does
//! more for each: it renders pages' worth of objects, journals and notifications where Deskbell
//! writes five rows.
//!
//! It runs as an instance of its own in a folder of the benchmark's; one that is in use on this
//! machine is not touched.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use deskbell_tests::measuring::pace::{Pace, call_for_help, pace};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::Outcome;
use crate::calls::{connections, submit_pace};
use crate::figures::Figure;
use crate::options::{Options, say_round};
use crate::server::Bench;

/// Where Debian puts it.
const PROGRAM: &str = "/usr/share/redmine";

/// How long its start and its setting up may take.
const PATIENCE: Duration = Duration::from_mins(5);

/// A project to create tickets in, and the key of somebody who may.
const SET_UP: &str = "\
Redmine::DefaultData::Loader.load('en') if Redmine::DefaultData::Loader.no_data?
Setting.rest_api_enabled = '1'
Setting.notified_events = []
project = Project.new(name: 'Bench', identifier: 'bench')
project.trackers = Tracker.all
project.enabled_module_names = ['issue_tracking']
project.save!
puts \"key #{User.find_by_login('admin').api_key}\"
";

/// Why it cannot be measured here; none: it can.
pub fn missing() -> Option<&'static str> {
    let there = |path: &str| Path::new(path).exists();
    if !there(PROGRAM) {
        return Some(
            "Redmine is not installed (Debian's packages redmine, redmine-sqlite and puma)",
        );
    }
    if !there("/usr/bin/puma") {
        return Some("puma is not installed, which serves Redmine (Debian's package puma)");
    }
    // Which of Ruby's libraries Redmine loads follows from the settings of the installed instance.
    let readable = std::fs::read_to_string("/etc/redmine/default/database.yml").ok();
    match readable.map(|text| text.contains("sqlite3")) {
        Some(true) => None,
        Some(false) => Some("Redmine is not set up for SQLite (Debian's package redmine-sqlite)"),
        None => Some("Redmine's settings cannot be read by this user; its own user or root can"),
    }
}

/// A Redmine under way.
struct Redmine {
    process: Child,
    port: u16,
    key: String,
    _folder: tempfile::TempDir,
}

impl Redmine {
    async fn start() -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        prepare(folder.path())?;
        eprintln!("setting up a Redmine of the benchmark's own (half a minute) …");
        run(folder.path(), "rake", &["db:migrate"]).await?;
        let script = folder.path().join("set_up.rb");
        std::fs::write(&script, SET_UP)?;
        let said =
            run(folder.path(), "bin/rails", &["runner", &script.display().to_string()]).await?;
        let key = said
            .lines()
            .find_map(|line| line.strip_prefix("key "))
            .ok_or("Redmine tells no key")?
            .to_owned();
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        // Ruby runs one thread at a time, and on SQLite Redmine's own calls fail when several
        // write: one is what works.
        let bind = format!("tcp://127.0.0.1:{port}");
        let mut puma = command(folder.path(), "puma");
        puma.args(["-e", "production", "-t", "1:1", "-b", &bind, "config.ru"]);
        let process =
            puma.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn()?;
        let mut redmine = Redmine { process, port, key, _folder: folder };
        redmine.wait().await?;
        Ok(redmine)
    }

    async fn wait(&mut self) -> Outcome<()> {
        let begun = Instant::now();
        while let Err(problem) = create(self.port, &self.key).await {
            if begun.elapsed() > PATIENCE || self.process.try_wait()?.is_some() {
                return Err(format!("Redmine does not start: {problem}").into());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }

    async fn stop(mut self) -> Outcome<()> {
        Ok(self.process.kill().await?)
    }
}

/// The folder of an instance, as Debian's package lays it out.
fn prepare(folder: &Path) -> Outcome<()> {
    for name in ["config", "log", "tmp", "files"] {
        std::fs::create_dir(folder.join(name))?;
    }
    let database = folder.join("redmine.sqlite3");
    let settings = format!(
        "production:\n  adapter: sqlite3\n  database: {}\n  timeout: 10000\n",
        database.display()
    );
    std::fs::write(folder.join("config/database.yml"), settings)?;
    Ok(std::fs::write(
        folder.join("config/secret_key.txt"),
        "of a benchmark, worth nothing ".repeat(3),
    )?)
}

fn command(folder: &Path, program: &str) -> Command {
    // Instances are folders beside each other; the way up from there is longer than any path down
    // to it.
    let instance = PathBuf::from("../../../../").join(folder.strip_prefix("/").unwrap_or(folder));
    let mut command = Command::new(program);
    command.current_dir(PROGRAM).env("REDMINE_INSTANCE", instance).env("RAILS_ENV", "production");
    command.env("SCHEMA", folder.join("schema.rb")).stdin(Stdio::null());
    command
}

async fn run(folder: &Path, program: &str, words: &[&str]) -> Outcome<String> {
    let output = command(folder, program).args(words).kill_on_drop(true).output();
    let output = tokio::time::timeout(PATIENCE, output).await??;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("Redmine: {program} {words:?}: {}", String::from_utf8_lossy(&output.stderr))
            .into())
    }
}

/// Creates a ticket with the same words as a call for help.
async fn create(port: u16, key: &str) -> Outcome<()> {
    let words = call_for_help();
    let issue =
        json!({ "project_id": "bench", "subject": words.email, "description": words.description });
    let body = json!({ "issue": issue }).to_string();
    let request = format!(
        "POST /issues.json HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: \
         application/json\r\n\
         X-Redmine-API-Key: {key}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut connection = TcpStream::connect(("127.0.0.1", port)).await?;
    connection.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await?;
    let first = answer.lines().next().unwrap_or_default();
    if first.starts_with("HTTP/1.1 201") {
        Ok(())
    } else {
        Err(format!("Redmine answered: {first}").into())
    }
}

/// Durable submits by so many callers, against tickets that as many clients create in Redmine.
pub async fn submits_to_redmine(name: &str, callers: usize, options: &Options) -> Outcome<Figure> {
    let bench = Bench::start().await?;
    let redmine = Redmine::start().await?;
    let clients = connections(&bench, callers).await?;
    let first = submit_pace(&clients, 2_000, callers).await?;
    let created = redmine_pace(&redmine, callers * 4, callers).await?;
    let (submits, tickets) =
        (first.calls_in(options.seconds), created.calls_in(options.seconds * 2.0).max(callers));
    let mut pairs = Vec::new();
    for round in 0..options.rounds {
        say_round(name, round, options.rounds);
        let ours = submit_pace(&clients, submits, callers).await?.rate();
        pairs.push((ours, redmine_pace(&redmine, tickets, callers).await?.rate()));
    }
    redmine.stop().await?;
    bench.stop().await?;
    Ok(Figure::of(name, "/s", "O: Redmine, which does more work for each ticket", &pairs))
}

async fn redmine_pace(redmine: &Redmine, tickets: usize, callers: usize) -> Outcome<Pace> {
    let (port, key) = (redmine.port, redmine.key.clone());
    pace(tickets, callers, move |_| {
        let key = key.clone();
        async move { create(port, &key).await }
    })
    .await
}
