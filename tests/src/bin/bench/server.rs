//! A real server for the benchmark, set up through its real commands and calls.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use deskbell_proto::client::{Client, Credentials, Server, request_id};
use deskbell_proto::pin;
use deskbell_proto::v1::{
    ActivateTeamRequest, Branding, CreateProfileRequest, GetProfileManifestRequest, GetServerInfoRequest,
    ProfileSettings, SignInRequest,
};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

use crate::Outcome;
use crate::figures::Figure;

/// The account of the benchmark's admin.
const EMAIL: &str = "bench@example.org";
const PASSWORD: &str = "a password for a benchmark";

/// A server under way with a team and a profile.
pub struct Bench {
    process: Child,
    /// Where it is.
    pub server: Server,
    /// The admin's credentials.
    pub admin: Credentials,
    /// A copy's credentials.
    pub widget: Credentials,
    folder: tempfile::TempDir,
}

/// A built program beside this one.
fn program(name: &str) -> Outcome<PathBuf> {
    let here = std::env::current_exe()?;
    let path = here.parent().unwrap_or(Path::new(".")).join(name);
    if path.is_file() { Ok(path) } else { Err(format!("{} is not built; use ./tests/bench", path.display()).into()) }
}

/// Starts a server in a folder, with more arguments, and waits until it says that it answers.
pub async fn serve(folder: &Path, more: &[&str]) -> Outcome<(Child, String)> {
    static STARTED: AtomicUsize = AtomicUsize::new(0);
    let ready = folder.join(format!("ready-{}.json", STARTED.fetch_add(1, Ordering::Relaxed)));
    let mut command = Command::new(program("deskbell-server")?);
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(folder.join("data"));
    command.arg("--ready-file").arg(&ready).args(more);
    for setting in [
        "metrics.listen=off",
        "log.filter=warn",
        "limits.submits_per_address=1000000000",
        "limits.submits_per_profile=1000000000",
        "limits.connections_per_address=20000",
    ] {
        command.args(["--set", setting]);
    }
    let process = command.stdout(Stdio::null()).kill_on_drop(true).spawn()?;
    let started = Instant::now();
    loop {
        if let Ok(text) = std::fs::read_to_string(&ready) {
            let told: serde_json::Value = serde_json::from_str(&text)?;
            return Ok((process, told["address"].as_str().unwrap_or_default().to_owned()));
        }
        if started.elapsed() > Duration::from_mins(1) {
            return Err("the server did not become ready within a minute".into());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Makes an account on a host, with more arguments.
pub async fn make_account(folder: &Path, email: &str, more: &[&str]) -> Outcome<()> {
    let mut command = Command::new(program("deskbell-server")?);
    command.args(["account", "create", "--email", email, "--name", "Bench", "--password-stdin", "--data-dir"]);
    command.arg(folder.join("data")).args(more);
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    if let Some(mut stdin) = process.stdin.take() {
        stdin.write_all(format!("{PASSWORD}\n").as_bytes()).await?;
    }
    if process.wait().await?.success() { Ok(()) } else { Err("the account could not be made".into()) }
}

/// A team with a profile.
pub struct Team {
    /// The admin's session.
    pub token: String,
    /// A copy's credentials.
    pub widget: Credentials,
}

impl Team {
    /// Activates a team for an account, with a profile.
    pub async fn start(server: &Server, email: &str) -> Outcome<Self> {
        let client = Client::new(server.connect_lazy()?, Credentials::none());
        let sign_in = SignInRequest { email: email.into(), password: PASSWORD.into(), label: String::new() };
        let token = client.account().sign_in(sign_in).await?.into_inner().token;
        let client = client.with_credentials(Credentials::session(&token)?);
        let activate = ActivateTeamRequest { request_id: request_id(), name: "Bench".into() };
        client.team().activate_team(activate).await?;
        let settings = ProfileSettings {
            name: "Bench".into(),
            branding: Some(Branding { product_name: "Bench".into(), ..Branding::default() }),
            assistance_enabled: true,
            ..ProfileSettings::default()
        };
        let create = CreateProfileRequest { request_id: request_id(), settings: Some(settings) };
        let profile = client.profile().create_profile(create).await?.into_inner().profile.unwrap_or_default();
        let asked = GetProfileManifestRequest { profile_id: profile.id };
        let signed = client.profile().get_profile_manifest(asked).await?.into_inner().manifest.unwrap_or_default();
        let manifest = deskbell_proto::manifest::verify(&signed)?.manifest;
        Ok(Team { token, widget: Credentials::profile(&manifest.credential)? })
    }
}

impl Bench {
    /// Sets everything up.
    pub async fn start() -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        make_account(folder.path(), EMAIL, &[]).await?;
        let (process, address) = serve(folder.path(), &[]).await?;
        let presented = pin::inspect(&address).await?;
        let server = Server { addresses: vec![address], authorities_pem: Some(presented.authorities_pem) };
        let Team { token, widget } = Team::start(&server, EMAIL).await?;
        Ok(Bench { process, server, admin: Credentials::session(&token)?, widget, folder })
    }

    /// A client on a connection of its own.
    pub fn client(&self, credentials: &Credentials) -> Outcome<Client> {
        Ok(Client::new(self.server.connect_lazy()?, credentials.clone()))
    }

    /// The server's memory of its own (resident, without files), in KiB.
    pub fn memory(&self) -> Outcome<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id().unwrap_or(0)))?;
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).ok_or("no RssAnon in /proc")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }

    /// Ends the server.
    pub async fn end(&mut self) -> Outcome<()> {
        self.process.kill().await?;
        Ok(())
    }

    /// Ends the server, if it runs, and starts it on the same database again. Clients connect anew: its address is another.
    pub async fn restart(&mut self) -> Outcome<()> {
        self.end().await?;
        let (process, address) = serve(self.folder.path(), &[]).await?;
        self.process = process;
        self.server.addresses = vec![address];
        Ok(())
    }

    /// Its database's file.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("data").join("deskbell.db")
    }

    /// Ends the server for good.
    pub async fn stop(mut self) -> Outcome<()> {
        self.process.start_kill()?;
        self.process.wait().await?;
        Ok(())
    }
}

/// From the start of the process to the first answered call, against a process that prints its version.
pub async fn start_up(rounds: usize) -> Outcome<Figure> {
    let folder = tempfile::tempdir()?;
    // The first start makes the database and its secrets; the others are what is measured.
    let (mut first, _) = serve(folder.path(), &[]).await?;
    first.kill().await?;
    let mut pairs = Vec::new();
    for _ in 0..rounds {
        let started = Instant::now();
        let (mut process, address) = serve(folder.path(), &[]).await?;
        let presented = pin::inspect(&address).await?;
        let server = Server { addresses: vec![address], authorities_pem: Some(presented.authorities_pem) };
        let client = Client::new(server.connect_lazy()?, Credentials::none());
        client.server_info().get_server_info(GetServerInfoRequest {}).await?;
        let ready = started.elapsed();
        process.kill().await?;
        let started = Instant::now();
        Command::new(program("deskbell-server")?).arg("--version").stdout(Stdio::null()).status().await?;
        pairs.push((ready.as_secs_f64() * 1e3, started.elapsed().as_secs_f64() * 1e3));
    }
    Ok(Figure::of("start to first answer", "ms", "the program printing its version", &pairs))
}

/// The server's memory after everything before, against its database file's size being no part of it: plain, per MiB.
pub fn memory_of(bench: &Bench) -> Outcome<Figure> {
    let kib = bench.memory()?;
    Ok(Figure::of("memory after the load", "MiB", "one MiB", &[(kib / 1024.0, 1.0)]))
}
