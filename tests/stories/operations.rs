//! What whoever runs servers relies on: metrics that tell the truth, a dashboard and alerts that go
//! with them, certificates that are read again.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use deskbell_proto::client::{Client, Credentials, Server as Target};
use deskbell_proto::pin;
use deskbell_proto::problem::Problem;
use deskbell_proto::v1;
use deskbell_tests::desk::Desk;
use deskbell_tests::for_both_databases;
use deskbell_tests::host::{Database, Host};
use deskbell_tests::metrics::Metrics;
use deskbell_tests::scene::Scene;
use deskbell_tests::server::Server;
use deskbell_tests::staff::To;
use deskbell_tests::waiting::{BOUND, eventually};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

for_both_databases! { metrics_tell_of_the_queue, the_first_answer_is_measured_once, the_dashboard_asks_for_metrics_that_there_are }

/// The usual team on a server that tells its metrics.
async fn measured(database: Database) -> (Scene, Metrics) {
    let host = Host::new(database);
    let metrics = Metrics::of_next_server(&host);
    (Scene::on(Desk::of(host).await).await, metrics)
}

fn is(value: f64, wanted: u32) -> bool {
    (value - f64::from(wanted)).abs() < 0.5
}

/// Until the metrics say that so many tickets are new, in progress and answered.
async fn until_queue_is(metrics: Metrics, wanted: [u32; 3]) {
    let mut seen = [0.0; 3];
    eventually(&format!("{wanted:?} tickets in the metrics"), BOUND, async || {
        let readings = metrics.read().await;
        seen = ["new", "in_progress", "answered"]
            .map(|state| readings.value(&format!("deskbell_tickets_open{{state=\"{state}\"}}")));
        seen.iter().zip(wanted).all(|(seen, wanted)| is(*seen, wanted))
    })
    .await;
}

async fn metrics_tell_of_the_queue(database: Database) {
    let (Scene { desk, bo, sales, widget, .. }, metrics) = measured(database).await;
    let mut watch = bo.watch().opened().await;
    for _ in 0..4 {
        let number = widget.ring(Some(&sales), "One of four.").await.number;
        watch.until_sees(number).await;
    }
    let readings = metrics.read().await;
    assert!(is(readings.value("deskbell_watches_open"), 1), "{readings:?}");
    assert!(readings.value("deskbell_watch_delay_seconds_count") >= 1.0, "{readings:?}");
    assert!(readings.value("deskbell_commit_seconds_count") >= 4.0, "{readings:?}");
    // As many requests as were asked for went through commits, each once.
    let asked = readings.value("deskbell_changes_asked_total");
    assert!(readings.value("deskbell_commit_requests_sum") <= asked, "{readings:?}");
    assert!(readings.value("deskbell_commit_requests_sum") >= 4.0, "{readings:?}");
    let taken = bo.take(&bo.ticket(1).await.unwrap()).await.unwrap();
    bo.reply(&taken, "Hello.").await.unwrap();
    bo.take(&bo.ticket(2).await.unwrap()).await.unwrap();
    bo.close(&bo.ticket(3).await.unwrap()).await.unwrap();
    until_queue_is(metrics, [1, 1, 1]).await;
    if database == Database::Postgres {
        // A second server on the same database says the same.
        let second_metrics = Metrics::of_next_server(&desk.host);
        let second = desk.host.serve().await;
        until_queue_is(second_metrics, [1, 1, 1]).await;
        eventually("both know of two servers", BOUND, async || {
            let said = [metrics.read().await, second_metrics.read().await];
            said.iter().all(|readings| is(readings.value("deskbell_servers"), 2))
        })
        .await;
        drop(second);
    }
    drop(watch);
    eventually("nobody watches", BOUND, async || {
        is(metrics.read().await.value("deskbell_watches_open"), 0)
    })
    .await;
    desk.close();
}

async fn the_first_answer_is_measured_once(database: Database) {
    let (Scene { desk, ana, bo, cy, sales, widget, .. }, metrics) = measured(database).await;
    // What is measured is measured before the change is answered.
    let answered = async || metrics.read().await.value("deskbell_first_answer_seconds_count");
    for text in ["Taken.", "Given.", "Closed.", "Taken back."] {
        widget.ring(Some(&sales), text).await;
    }
    let noted = bo.note(&bo.ticket(1).await.unwrap(), "Colleagues only.").await.unwrap();
    assert!(is(answered().await, 0), "a note is no answer");
    let taken = bo.take(&noted).await.unwrap();
    assert!(is(answered().await, 1), "somebody is on it");
    bo.reply(&taken, "Have you tried switching it off?").await.unwrap();
    assert!(is(answered().await, 1), "a second answer is not the first");
    ana.assign(&ana.ticket(2).await.unwrap(), To::operator(&cy)).await.unwrap();
    assert!(is(answered().await, 2), "the customer sees who helps");
    let closed = ana.close(&ana.ticket(3).await.unwrap()).await.unwrap();
    assert!(is(answered().await, 3), "done is answered");
    let reopened = ana.reopen(&closed).await.unwrap().expect("it is seen");
    ana.take(&reopened).await.unwrap();
    assert!(is(answered().await, 3), "a reopened ticket was answered before");
    let customer = widget.ring(Some(&sales), "Never mind.").await;
    customer.cancel().await.unwrap();
    assert!(is(answered().await, 3), "nobody answered");
    desk.close();
}

/// Names of metrics in a file, as they are counted: a histogram by its own name.
fn named_in(file: &str) -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(file);
    let mut text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    if file == "README.md" {
        text = text.lines().filter(|line| line.starts_with("| `deskbell_")).collect();
    }
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let names = words.filter(|word| word.starts_with("deskbell_"));
    let parts = ["_bucket", "_count", "_sum"];
    names
        .map(|name| {
            parts.iter().find_map(|part| name.strip_suffix(part)).unwrap_or(name).to_owned()
        })
        .collect()
}

async fn the_dashboard_asks_for_metrics_that_there_are(database: Database) {
    let (Scene { desk, bo, sales, widget, .. }, metrics) = measured(database).await;
    let mut watch = bo.watch().opened().await;
    let number = widget.ring(Some(&sales), "Something of everything.").await.number;
    watch.until_sees(number).await;
    bo.take(&bo.ticket(number).await.unwrap()).await.unwrap();
    let mut stranger = TcpStream::connect(desk.server.socket()).await.unwrap();
    stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let handbook: BTreeSet<_> = named_in("README.md");
    let mut live = BTreeSet::new();
    eventually(&format!("all of {handbook:?}"), BOUND, async || {
        live.clone_from(metrics.read().await.names());
        live.is_superset(&handbook)
    })
    .await;
    assert_eq!(live, handbook, "the handbook knows every metric");
    for file in ["grafana-dashboard.json", "alerts.yaml", "alerts.test.yaml"] {
        let unknown: Vec<_> = named_in(file).difference(&live).cloned().collect();
        assert!(unknown.is_empty(), "{file} asks for {unknown:?}");
    }
    let shown = named_in("grafana-dashboard.json");
    assert_eq!(shown, live, "the dashboard shows every metric");
    desk.close();
}

#[test]
fn the_dashboard_can_be_imported() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/grafana-dashboard.json");
    let board: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    assert!(board["id"].is_null(), "Grafana gives the id");
    assert_eq!(board["templating"]["list"][0]["type"], "datasource");
    let panels = board["panels"].as_array().unwrap();
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_i64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len(), "ids are unique");
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        let title = panel["title"].as_str().unwrap();
        assert!(
            panel["description"].as_str().is_some_and(|text| text.len() > 20),
            "{title} has no description"
        );
        assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{title} has no unit");
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        for target in panel["targets"].as_array().unwrap() {
            assert!(
                target["expr"].as_str().is_some_and(|text| text.contains("deskbell_")),
                "{title}"
            );
        }
    }
}

/// Writes a new certificate with its key where the host has them.
fn new_certificate(host: &Host) -> String {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned(), "localhost".to_owned()])
        .unwrap();
    fs::write(host.data().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    fs::write(host.data().join("chain.pem"), made.cert.pem()).unwrap();
    pin::fingerprint(made.cert.der())
}

async fn presented(server: &Server) -> String {
    pin::inspect(server.address()).await.unwrap().fingerprint
}

/// A newcomer's answer, who trusts these authorities.
async fn first_call(server: &Server, authorities_pem: Option<String>) -> Result<(), Problem> {
    let target = Target { addresses: vec![server.address().to_owned()], authorities_pem };
    let client = Client::new(target.connect_lazy().unwrap(), Credentials::none());
    client
        .server_info()
        .get_server_info(v1::GetServerInfoRequest {})
        .await
        .map(drop)
        .map_err(Problem::from)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_read_again_while_a_watch_lives_on() {
    let host = Host::new(Database::Sqlite);
    let metrics = Metrics::of_next_server(&host);
    for (setting, file) in [
        ("certificate_file", "chain.pem"),
        ("key_file", "key.pem"),
        ("authority_file", "chain.pem"),
    ] {
        host.set(&format!("tls.{setting}={}", host.data().join(file).display()));
    }
    let old = new_certificate(&host);
    let Scene { desk, bo, sales, widget, .. } = Scene::on(Desk::of(host).await).await;
    assert_eq!(presented(&desk.server).await, old);
    let mut watch = bo.watch().opened().await;
    let number = widget.ring(Some(&sales), "Under the old one.").await.number;
    watch.until_sees(number).await;

    let new = new_certificate(&desk.host);
    desk.server.reload();
    eventually("newcomers see the new certificate", BOUND, async || {
        presented(&desk.server).await == new
    })
    .await;
    let authorities = Some(pin::inspect(desk.server.address()).await.unwrap().authorities_pem);
    first_call(&desk.server, authorities.clone()).await.unwrap();
    let untrusting =
        first_call(&desk.server, desk.server.authorities().map(str::to_owned)).await.unwrap_err();
    assert_eq!(untrusting.reason, "CERTIFICATE_UNTRUSTED");
    // The connections that were open go on, and so does the stream on them: their owners trust the
    // old one alone.
    let number = widget.ring(Some(&sales), "Over the old connection.").await.number;
    watch.until_sees(number).await;

    // A key that does not go with its certificate, a file that holds something else, and none: what
    // was good stays.
    let chain = desk.host.data().join("chain.pem");
    let good = fs::read(&chain).unwrap();
    let stranger = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap().cert.pem();
    for (round, broken) in
        [Some(stranger), Some("not a certificate".to_owned()), None].into_iter().enumerate()
    {
        match &broken {
            Some(text) => fs::write(&chain, text).unwrap(),
            None => fs::remove_file(&chain).unwrap(),
        }
        desk.server.reload();
        eventually("the log says what is wrong", BOUND, async || {
            desk.server
                .log()
                .matches("the certificate cannot be renewed; the old one stays")
                .count()
                == round + 1
        })
        .await;
        assert_eq!(presented(&desk.server).await, new, "{broken:?}");
        assert!(is(metrics.read().await.value("deskbell_certificate_up"), 0), "{broken:?}");
    }
    assert!(desk.server.log().contains("chain.pem"), "the log names the file");
    fs::write(&chain, good).unwrap();
    desk.server.reload();
    eventually("all is well again", BOUND, async || {
        is(metrics.read().await.value("deskbell_certificate_up"), 1)
    })
    .await;
    first_call(&desk.server, authorities).await.unwrap();
    let number = widget.ring(Some(&sales), "After all that.").await.number;
    watch.until_sees(number).await;
    desk.close();
}

/// Scripts find their checkout from wherever they are run, and by whatever name.
#[test]
#[cfg(unix)]
fn scripts_run_through_a_symbolic_link() {
    let elsewhere = tempfile::tempdir().unwrap();
    // What they are told is not understood, which they say after they have found what they need.
    for script in ["quickstart", "debian/build"] {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(script);
        let link = elsewhere.path().join(script.file_name().unwrap());
        std::os::unix::fs::symlink(script.canonicalize().unwrap(), &link).unwrap();
        let output = std::process::Command::new(&link)
            .arg("--no-such-option")
            .current_dir(elsewhere.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{}: {said}", script.display());
        assert!(said.contains("--no-such-option"), "{said}");
    }
}
