//! `serve`: everything a server is made of, put together, and taken down in order.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use metrics::gauge;
use prost::Message as _;
use serde_json::{Value, json};
use tokio::sync::{Mutex, watch};
use tonic_health::ServingStatus;
use tonic_health::server::{HealthReporter, health_reporter};

use super::arguments::{Common, Serve};
use super::claim::Claim;
use super::failure::Failure;
use super::ready::ReadyFile;
use super::{host, print};
use crate::clock;
use crate::config::{Settings, masked_url};
use crate::desk::Desk;
use crate::front::{Asked, Certificates, Ended, Front, Stage, Stopping, on_signals};
use crate::grpc;
use crate::secrets::{HostSecrets, random_bytes};
use crate::supervise::keep_running;
use crate::telemetry::{log, names, serve_metrics};

/// How often the database is asked whether it is there.
const HEALTH: Duration = Duration::from_secs(2);

/// A database that does not answer for so long is not there. Longer than one waits for a turn.
const LONGEST_CHECK: Duration = Duration::from_secs(10);

/// How long the database may take to close once calls have ended or were cut. Part of the 30
/// seconds that stopping takes at most.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Why a server ends by itself.
const WRITER_GONE: &str = "the task that writes changes ended unexpectedly; what was acknowledged \
    is on disk; start the server again";

/// How long calls may take to end at most.
const LONGEST_DRAIN: Duration = Duration::from_secs(27);

pub(super) async fn run(common: &Common, serve: Serve) -> Result<(), Failure> {
    let (settings, effective) = common.settings(Some(&serve))?;
    log(&settings.log)
        .map_err(|error| Failure::failed(format!("the log cannot be started: {error}")))?;
    // The first random number of a process takes as long as all the rest of a start, since AWS-LC
    // measures the processor's jitter for it: it does so while the database is opened. If it fails
    // here, it fails again where somebody waits for it.
    std::thread::spawn(random_bytes::<1>);
    for setting in effective.settings.iter().filter(|setting| setting.from != "default") {
        tracing::debug!(name = setting.name, value = %setting.value, from = setting.from, "a setting");
    }
    if let Some(address) = settings.metrics_listen() {
        serve_metrics(address)?;
    }
    host::allow_connections(settings.limits.connections);
    host::make_file(&settings.database)?;
    // Before the database is touched, and until the last connection to it is closed.
    let claim = Claim::lay(&settings.database, "deskbell-server serve")?;
    let (database, migrated) = host::open_database(&settings).await?;
    tracing::info!(
        database = masked_url(&settings.database),
        schema = migrated.to,
        "the database is open"
    );
    let secrets = host::open_secrets(&settings, &database).await?;
    let asked = Asked::begin()
        .map_err(|error| Failure::failed(format!("signals cannot be heard: {error}")))?;
    let certificates = Arc::new(certificates(&settings, &secrets)?);
    let tls = if settings.plaintext { None } else { Some(certificates.server_config()?) };
    let front = Front::listen(settings.listen, &settings.limits, tls)
        .await
        .map_err(|error| listening(&settings, &error))?;
    let front = front.behind(&settings.balancers);
    let bound = front.address().map_err(|error| listening(&settings, &error))?;
    if !settings.is_reachable_from_outside() {
        tracing::warn!(
            "\"addresses\" is empty: widgets packaged now reach this server from this machine alone"
        );
    }

    let authorities =
        if settings.plaintext { String::new() } else { certificates.authorities_pem()? };
    let addresses = settings.addresses(bound);
    let desk =
        host::open_desk(&settings, database.clone(), secrets, addresses.clone(), authorities);
    desk.start();
    let (announce, stopping) = Stopping::new();
    let (reporter, health) = health_reporter();
    let services = grpc::services(&desk, &settings).add_service(health);
    hear_signals(announce.clone(), stopping.clone());
    look_after(Arc::clone(&certificates), asked, &stopping);
    // Whoever asks before the first check hears what is known: the database was opened just now.
    tell_all(&reporter, &health_services(), true).await;
    let reporting = (Arc::clone(&desk), reporter);
    keep_until_stopped("health", &stopping, reporting, |(desk, reporter), stopping| {
        tell_health(desk, reporter, stopping)
    });
    if settings.metrics_listen().is_some() {
        keep_until_stopped("queue metrics", &stopping, Arc::clone(&desk), count_queue);
    }
    let ready = json!({
        "address": addresses.first(),
        "fingerprint": (!settings.plaintext).then(|| certificates.fingerprint()),
        "pid": std::process::id(),
    });
    tracing::info!(listen = %bound, ?addresses, fingerprint = %ready["fingerprint"], "the server \
        is ready");
    let ready_file = tell_ready(common, serve, &ready)?;

    let ended = tokio::select! {
        ended = front.serve(services, stopping, settings.drain().min(LONGEST_DRAIN)) => ended,
        never = stop_without_writer(&desk, &announce) => match never {},
    };
    drop(ready_file);
    desk.close();
    let last_words = async {
        // A server that cannot say so is missed soon enough.
        let _ = desk.store().leave().await;
        database.close().await;
    };
    if tokio::time::timeout(LAST_WORDS, last_words).await.is_err() {
        // Whatever was acknowledged is on disk; a database that does not answer must not keep the
        // server from ending.
        tracing::warn!("the database did not let go of its connections in time");
    }
    drop(claim);
    if !desk.store().has_writers() {
        return Err(Failure::failed(WRITER_GONE));
    }
    match ended {
        Ended::Drained => tracing::info!("the server has stopped"),
        Ended::Cut => {
            tracing::warn!("the server has stopped; calls that did not end in time were cut");
        }
    }
    Ok(())
}

/// The certificates of the host's own files, or of its own authority.
fn certificates(settings: &Settings, secrets: &HostSecrets) -> Result<Certificates, Failure> {
    let now = clock::timestamp();
    let certificates = match settings.certificate_files() {
        Some(files) => Certificates::from_files(files, now),
        None => Certificates::from_authority(
            Arc::clone(&secrets.authority),
            settings.certificate_names(),
            now,
        ),
    };
    Ok(certificates?)
}

/// Keeps a task running until the server stops.
fn keep_until_stopped<T, F>(
    name: &'static str,
    stopping: &Stopping,
    with: T,
    task: impl Fn(T, Stopping) -> F + Send + 'static,
) where
    T: Clone + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let (over, stopping) = (stopping.clone(), stopping.clone());
    let is_over = move || over.stage() != Stage::Running;
    keep_running(name, is_over, move || task(with.clone(), stopping.clone()));
}

/// Hears signals until the last is heard.
fn hear_signals(announce: watch::Sender<Stage>, stopping: Stopping) {
    let is_over = move || stopping.stage() == Stage::Now;
    keep_running("signals", is_over, move || {
        let announce = announce.clone();
        async move {
            if let Err(error) = on_signals(announce).await {
                tracing::error!(%error, "signals cannot be heard");
            }
        }
    });
}

fn look_after(certificates: Arc<Certificates>, asked: Asked, stopping: &Stopping) {
    let with = (certificates, Arc::new(Mutex::new(asked)));
    keep_until_stopped(
        "certificates",
        stopping,
        with,
        |(certificates, asked), stopping| async move {
            certificates.look_after(&mut *asked.lock().await, stopping).await;
        },
    );
}

/// Begins to stop when a writer of changes is gone. What it was at is in doubt, so that it is not
/// started again: a new process begins with what is on disk.
async fn stop_without_writer(desk: &Desk, announce: &watch::Sender<Stage>) -> Infallible {
    desk.store().writer_is_gone().await;
    tracing::error!("stopping: {WRITER_GONE}");
    announce.send_modify(|stage| *stage = Stage::Draining.max(*stage));
    std::future::pending().await
}

fn listening(settings: &Settings, error: &std::io::Error) -> Failure {
    Failure::failed(format!(
        "the server cannot listen on {}: {error}; choose another \"listen\"",
        settings.listen
    ))
}

/// Tells people and scripts that the server answers: the socket listens, and what comes now is
/// served next.
fn tell_ready(common: &Common, serve: Serve, ready: &Value) -> Result<Option<ReadyFile>, Failure> {
    let address = ready["address"].as_str().unwrap_or_default();
    let text = match ready["fingerprint"].as_str() {
        Some(fingerprint) => format!("Deskbell is ready on {address} fingerprint {fingerprint}"),
        None => format!("Deskbell is ready on {address} without TLS"),
    };
    // On a thread of its own, and not waited for: nobody has to read it.
    let (json, ready_line) = (common.json, ready.clone());
    tokio::task::spawn_blocking(move || {
        if let Err(failure) = print(json, &ready_line, &text) {
            tracing::warn!("the server is ready, but {}", failure.sentence);
        }
    });
    serve.ready_file.map(|path| ReadyFile::write(path, ready)).transpose()
}

/// Keeps the queue's length in the metrics.
async fn count_queue(desk: Arc<Desk>, stopping: Stopping) {
    tokio::select! {
        () = desk.count_queue() => {}
        () = stopping.reaches(Stage::Draining) => {}
    }
}

/// Keeps the standard health service true: serving as long as the database answers, takes writes,
/// and nobody stops the server.
async fn tell_health(desk: Arc<Desk>, reporter: HealthReporter, stopping: Stopping) {
    let services = health_services();
    let mut told = None;
    while stopping.stage() == Stage::Running {
        let checked = tokio::time::timeout(LONGEST_CHECK, desk.store().check()).await;
        let up = match &checked {
            Ok(Ok(())) => Ok(()),
            Ok(Err(failure)) => Err(failure.to_string()),
            Err(_) => Err("the database does not answer".to_owned()),
        };
        gauge!(names::DATABASE_UP).set(if up.is_ok() { 1.0 } else { 0.0 });
        if told != Some(up.is_ok()) {
            told = Some(up.is_ok());
            if let Err(cause) = &up {
                tracing::error!(%cause, "not serving");
            }
            tell_all(&reporter, &services, up.is_ok()).await;
        }
        tokio::select! {
            () = tokio::time::sleep(HEALTH) => {}
            () = stopping.reaches(Stage::Draining) => {}
        }
    }
    tell_all(&reporter, &services, false).await;
}

async fn tell_all(reporter: &HealthReporter, services: &[String], serving: bool) {
    let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
    for service in services {
        reporter.set_service_status(service, status).await;
    }
}

/// The names that health is asked for: the server as a whole (an empty name) and each service of
/// the contract.
fn health_services() -> Vec<String> {
    let files = prost_types::FileDescriptorSet::decode(deskbell_proto::DESCRIPTORS)
        .unwrap_or_default()
        .file;
    let mut names = vec![String::new()];
    for file in &files {
        names.extend(
            file.service.iter().map(|service| format!("{}.{}", file.package(), service.name())),
        );
    }
    names
}
