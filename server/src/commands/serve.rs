//! `serve`: everything a server is made of, put together, and taken down in order.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use metrics::gauge;
use prost::Message as _;
use serde_json::{Value, json};
use tonic_health::ServingStatus;
use tonic_health::server::{HealthReporter, health_reporter};

use super::arguments::{Common, Serve};
use super::claim::Claim;
use super::failure::Failure;
use super::ready::ReadyFile;
use super::{host, print};
use crate::config::{Settings, masked_url};
use crate::desk::Desk;
use crate::front::{Asked, Certificates, Ended, Front, Stage, Stopping, on_signals};
use crate::grpc;
use crate::secrets::{HostSecrets, random_bytes};
use crate::telemetry::{log, names, serve_metrics};

/// How often the database is asked whether it is there.
const HEALTH: Duration = Duration::from_secs(2);

/// How long the database may take to close once calls have ended or were cut. Part of the 30
/// seconds that stopping takes at most.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// How long calls may take to end at most.
const LONGEST_DRAIN: Duration = Duration::from_secs(27);

pub(super) async fn run(common: &Common, serve: Serve) -> Result<(), Failure> {
    let (settings, effective) = common.settings(Some(&serve))?;
    log(&settings.log);
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
    let claim = Claim::take(&settings.database, "deskbell-server serve")?;
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
    let services = grpc::services(&desk, &settings).with(health);
    tokio::spawn(on_signals(announce.clone()));
    tokio::spawn(look_after(Arc::clone(&certificates), asked, stopping.clone()));
    tokio::spawn(tell_health(Arc::clone(&desk), reporter, stopping.clone()));
    if settings.metrics_listen().is_some() {
        tokio::spawn(count_queue(Arc::clone(&desk), stopping.clone()));
    }
    let ready = json!({
        "address": addresses.first(),
        "fingerprint": (!settings.plaintext).then(|| certificates.fingerprint()),
        "pid": std::process::id(),
    });
    tracing::info!(listen = %bound, ?addresses, fingerprint = %ready["fingerprint"], "the server \
        is ready");
    let ready_file = tell_ready(common, serve, &ready)?;

    let ended = front.serve(services, stopping, settings.drain().min(LONGEST_DRAIN)).await;
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
    let now = Timestamp::now();
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

async fn look_after(certificates: Arc<Certificates>, asked: Asked, stopping: Stopping) {
    certificates.look_after(asked, stopping).await;
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
    print(common.json, ready, &text)?;
    serve.ready_file.map(|path| ReadyFile::write(path, ready)).transpose()
}

/// Keeps the queue's length in the metrics.
async fn count_queue(desk: Arc<Desk>, stopping: Stopping) {
    tokio::select! {
        () = desk.count_queue() => {}
        () = stopping.reaches(Stage::Draining) => {}
    }
}

/// Keeps the standard health service true: serving as long as the database answers and nobody stops
/// the server.
async fn tell_health(desk: Arc<Desk>, reporter: HealthReporter, stopping: Stopping) {
    let services = services();
    let mut told = None;
    while stopping.stage() == Stage::Running {
        let up = desk.store().check().await;
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
fn services() -> Vec<String> {
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
