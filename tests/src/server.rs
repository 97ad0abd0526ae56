//! A running `deskbell-server`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use deskbell_proto::client::{Client, Credentials, Server as Target};
use deskbell_proto::pin;
use serde_json::Value;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::host::{Host, PASSWORD};
use crate::process::Process;
use crate::waiting::{BOUND, eventually};
use crate::{programs, scratch};

/// A running server. Dropping it kills it.
pub struct Server {
    process: Process,
    address: String,
    fingerprint: String,
    authorities: Option<String>,
}

impl Server {
    /// Starts one and waits until it answers.
    pub(crate) async fn start(host: &Host, listen: SocketAddr, more: &[&str]) -> Self {
        Self::start_logging_to(host, listen, more, None).await
    }

    /// Starts one whose standard error goes there, and waits until it answers.
    pub(crate) async fn start_logging_to(
        host: &Host,
        listen: SocketAddr,
        more: &[&str],
        log: Option<Stdio>,
    ) -> Self {
        let folder = scratch::folder("server");
        let ready_file = folder.join("ready.json");
        let mut arguments = vec!["serve".to_owned(), "--listen".to_owned(), listen.to_string()];
        arguments.extend(["--ready-file".to_owned(), ready_file.display().to_string()]);
        arguments.extend(host.arguments());
        arguments.extend(more.iter().map(|&word| word.to_owned()));
        let mut process = Process::start_logging_to(log, &programs::server(), &arguments, &folder);
        let ready = ready(&mut process, &ready_file).await;
        assert_eq!(ready["pid"], process.id(), "the ready file is this server's");
        let address = ready["address"].as_str().expect("an address").to_owned();
        let fingerprint = ready["fingerprint"].as_str().unwrap_or_default().to_owned();
        let authorities = if fingerprint.is_empty() {
            None
        } else {
            let presented = pin::inspect(&address).await.expect("certificates");
            assert!(
                pin::same_fingerprint(&presented.fingerprint, &fingerprint),
                "the server shows another fingerprint"
            );
            Some(presented.authorities_pem)
        };
        Self { process, address, fingerprint, authorities }
    }

    /// Its address, e.g. `https://127.0.0.1:40123`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its fingerprint; empty without TLS.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The authorities its clients trust, as PEM; none without TLS.
    pub fn authorities(&self) -> Option<&str> {
        self.authorities.as_deref()
    }

    /// Where it listens.
    pub fn socket(&self) -> SocketAddr {
        let (_, socket) = self.address.split_once("://").expect("a scheme");
        socket.parse().expect("a socket's address")
    }

    /// A new connection to it, as nobody yet.
    pub fn connect(&self) -> Client {
        self.connect_through(std::slice::from_ref(&self.address))
    }

    /// A new connection to it at other addresses, tried in order, as nobody yet.
    pub fn connect_through(&self, addresses: &[String]) -> Client {
        Self::client(addresses.to_vec(), self.authorities.clone())
    }

    /// A new connection to whatever these addresses lead to, as nobody yet.
    pub(crate) fn client(addresses: Vec<String>, authorities_pem: Option<String>) -> Client {
        let target = Target { addresses, authorities_pem };
        Client::new(target.connect_lazy().expect("a usable address"), Credentials::none())
    }

    /// What the standard health service says of it as a whole; none when it does not answer.
    pub async fn health(&self) -> Option<ServingStatus> {
        let addresses = vec![self.address.clone()];
        let target = Target { addresses, authorities_pem: self.authorities.clone() };
        let mut client = HealthClient::new(target.connect_lazy().expect("a usable address"));
        let answer = client.check(HealthCheckRequest { service: String::new() }).await.ok()?;
        Some(answer.into_inner().status())
    }

    /// Kills it in the middle of whatever it does.
    pub fn kill(mut self) {
        self.process.kill();
    }

    /// Lets none of its files grow beyond this many bytes from now on, as a disk that fills up;
    /// none: there is room again.
    pub fn limit_files(&self, bytes: Option<u64>) {
        self.process.limit_files(bytes);
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        self.process.signal("TERM");
    }

    /// Asks it to read its certificate files again.
    pub fn reload(&self) {
        self.process.signal("HUP");
    }

    /// Waits for its end.
    pub async fn ends_within(&mut self, longest: Duration) -> ExitStatus {
        self.process.ends_within(longest).await
    }

    /// Holds it as if its machine had vanished: it says nothing more, and nobody is told.
    pub fn freeze(&self) {
        self.process.signal("STOP");
    }

    /// Lets it go on after [`Self::freeze`].
    pub fn thaw(&self) {
        self.process.signal("CONT");
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        self.process.ended().is_none()
    }

    /// Checks that it told nothing that must not be in a log: a panic, a secret.
    pub fn check_log(&self) {
        let log = self.log();
        assert!(!log.contains("panicked"), "the server panicked: {log}");
        assert!(!log.contains(PASSWORD), "a password is in the log: {log}");
    }

    /// What it logged.
    pub fn log(&self) -> String {
        self.process.printed()
    }
}

impl Drop for Server {
    /// What a failing story's server had to say is said with its failure.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let told: Vec<&str> = log.lines().filter(|line| !line.contains(" DEBUG ")).collect();
            let last = &told[told.len().saturating_sub(40)..];
            eprintln!("the server at {} logged at the end:\n{}", self.address, last.join("\n"));
        }
    }
}

async fn ready(process: &mut Process, file: &PathBuf) -> Value {
    let mut content = None;
    eventually("the server is ready", BOUND, async || {
        // The file appears whole.
        content = std::fs::read(file).ok();
        let ended = process.ended();
        assert!(
            content.is_some() || ended.is_none(),
            "the server does not start: {}",
            process.printed()
        );
        content.is_some()
    })
    .await;
    serde_json::from_slice(&content.expect("waited for")).expect("the ready file is JSON")
}
