//! A real server for the benchmark, set up through its real commands and calls.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use deskbell_proto::client::{Client, Credentials, Server, request_id};
use deskbell_proto::pin;
use deskbell_proto::v1::{
    ActivateTeamRequest, Branding, CreateProfileRequest, GetProfileManifestRequest,
    GetServerInfoRequest, ProfileSettings, SignInRequest,
};
use rusqlite::{Connection, OpenFlags};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

use crate::Outcome;
use crate::figures::Figure;
use crate::options::{Options, say_round};

/// The password of the benchmark's admins.
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
    /// Copies' credentials, one for each team.
    pub widgets: Vec<Credentials>,
    folder: tempfile::TempDir,
    /// Arguments that name its database; none: a file in the folder.
    database: Vec<String>,
}

/// A built program beside this one.
fn program(name: &str) -> Outcome<PathBuf> {
    let here = std::env::current_exe()?;
    let path = here.parent().unwrap_or(Path::new(".")).join(name);
    if path.is_file() {
        Ok(path)
    } else {
        Err(format!("{} is not built; use ./tests/bench", path.display()).into())
    }
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
        "limits.calls_per_address=1000000000",
        "limits.submits_per_profile=1000000000",
        "limits.customers_per_address=15000",
        "limits.watches_per_account=15000",
        "limits.connections=15000",
        "limits.connections_per_address=15000",
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
    command.args([
        "account",
        "create",
        "--email",
        email,
        "--name",
        "Bench",
        "--password-stdin",
        "--data-dir",
    ]);
    command.arg(folder.join("data")).args(more);
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    if let Some(mut stdin) = process.stdin.take() {
        stdin.write_all(format!("{PASSWORD}\n").as_bytes()).await?;
    }
    if process.wait().await?.success() {
        Ok(())
    } else {
        Err("the account could not be made".into())
    }
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
        let sign_in = SignInRequest {
            email: email.into(),
            password: PASSWORD.into(),
            ..SignInRequest::default()
        };
        let token = client.account().sign_in(sign_in).await?.into_inner().token;
        let client = client.with_credentials(Credentials::session(&token)?);
        let activate = ActivateTeamRequest {
            request_id: request_id(),
            name: "Bench".into(),
            ..Default::default()
        };
        client.team().activate_team(activate).await?;
        let settings = ProfileSettings {
            name: "Bench".into(),
            branding: Some(Branding { product_name: "Bench".into(), ..Branding::default() }),
            assistance_enabled: true,
            ..ProfileSettings::default()
        };
        let create = CreateProfileRequest { request_id: request_id(), settings: Some(settings) };
        let profile =
            client.profile().create_profile(create).await?.into_inner().profile.unwrap_or_default();
        let asked = GetProfileManifestRequest { profile_id: profile.id };
        let signed = client
            .profile()
            .get_profile_manifest(asked)
            .await?
            .into_inner()
            .manifest
            .unwrap_or_default();
        let manifest = deskbell_proto::manifest::verify(&signed)?.manifest;
        Ok(Team { token, widget: Credentials::profile(&manifest.credential)? })
    }
}

/// Connects to a server that nobody knows yet.
async fn find(address: String) -> Outcome<Server> {
    let presented = pin::inspect(&address).await?;
    Ok(Server { addresses: vec![address], authorities_pem: Some(presented.authorities_pem) })
}

impl Bench {
    /// A server on a file of its own, with one team.
    pub async fn start() -> Outcome<Self> {
        Self::start_on(None, 1).await
    }

    /// A server on the database at this address, with so many teams.
    pub async fn start_on(database: Option<&str>, teams: usize) -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let database: Vec<String> =
            database.into_iter().flat_map(|url| ["--database", url]).map(str::to_owned).collect();
        let more: Vec<&str> = database.iter().map(String::as_str).collect();
        let emails: Vec<String> =
            (0..teams).map(|team| format!("bench{team}@example.org")).collect();
        for email in &emails {
            make_account(folder.path(), email, &more).await?;
        }
        let (process, address) = serve(folder.path(), &more).await?;
        let server = find(address).await?;
        let mut all = Vec::new();
        for email in &emails {
            all.push(Team::start(&server, email).await?);
        }
        let first = all.first().ok_or("a benchmark needs a team")?;
        let (admin, widget) = (Credentials::session(&first.token)?, first.widget.clone());
        let widgets = all.into_iter().map(|team| team.widget).collect();
        Ok(Bench { process, server, admin, widget, widgets, folder, database })
    }

    /// A client on a connection of its own.
    pub fn client(&self, credentials: &Credentials) -> Outcome<Client> {
        Ok(Client::new(self.server.connect_lazy()?, credentials.clone()))
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.process.id().unwrap_or(0)
    }

    /// A copy of its database's file as it is now, on the same disk: the copy's place. It goes with
    /// the server's.
    pub fn copy(&self, name: &str) -> Outcome<PathBuf> {
        let copy = self.folder.path().join(name);
        let database = Connection::open_with_flags(self.file(), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        database.execute(
            "VACUUM INTO ?1",
            [copy.to_str().ok_or("a folder whose name is not UTF-8")?],
        )?;
        Ok(copy)
    }

    /// The server's memory of its own (resident, without files), in KiB.
    pub fn memory(&self) -> Outcome<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"))
            .ok_or("no RssAnon in /proc")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }

    /// Ends the server.
    pub async fn end(&mut self) -> Outcome<()> {
        self.process.kill().await?;
        Ok(())
    }

    /// Ends the server, if it runs, and starts it on the same database again. Clients connect anew:
    /// its address is another.
    pub async fn restart(&mut self) -> Outcome<()> {
        self.end().await?;
        let more: Vec<&str> = self.database.iter().map(String::as_str).collect();
        let (process, address) = serve(self.folder.path(), &more).await?;
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

/// Brings a fresh database to the server's schema, with nothing in it.
pub async fn migrate(database: &str) -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let mut command = Command::new(program("deskbell-server")?);
    command.args(["migrate", "--database", database, "--data-dir"]).arg(folder.path());
    if command.stdout(Stdio::null()).status().await?.success() {
        Ok(())
    } else {
        Err("the database could not be brought to the server's schema".into())
    }
}

/// From the start of the process to the first answered call, the certificate fetched and checked on
/// the way.
pub async fn start_up(name: &str, options: &Options) -> Outcome<Figure> {
    let folder = tempfile::tempdir()?;
    // The first start makes the database and its secrets; the others are what is measured.
    let (mut first, _) = serve(folder.path(), &[]).await?;
    first.kill().await?;
    let (mut values, mut versions) = (Vec::new(), Vec::new());
    for round in 0..options.rounds {
        say_round(name, round, options.rounds);
        let started = Instant::now();
        let (mut process, address) = serve(folder.path(), &[]).await?;
        let server = find(address).await?;
        let client = Client::new(server.connect_lazy()?, Credentials::none());
        client.server_info().get_server_info(GetServerInfoRequest {}).await?;
        values.push(started.elapsed().as_secs_f64() * 1e3);
        process.kill().await?;
        let started = Instant::now();
        Command::new(program("deskbell-server")?)
            .arg("--version")
            .stdout(Stdio::null())
            .status()
            .await?;
        versions.push(started.elapsed().as_secs_f64() * 1e3);
    }
    Ok(Figure::plain(name, "ms", &values).with("printing_its_version_ms", &versions))
}
