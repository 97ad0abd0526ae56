//! The front door against real sockets: who gets in, who does not, and how it closes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::body::Body;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::server::HealthReporter;
use tonic_types::StatusExt as _;
use tower::ServiceExt;

use super::*;
use crate::clock::timestamp;
use crate::config::{Limits, Override, Sources};
use crate::secrets::authority::Authority;

/// Generous: only against hanging.
const PATIENCE: Duration = Duration::from_secs(20);

struct House {
    address: SocketAddr,
    certificates: Arc<Certificates>,
    announce: watch::Sender<Stage>,
    served: JoinHandle<Ended>,
    /// Its end would end the watches of health.
    #[expect(dead_code, reason = "held, not used")]
    reporter: HealthReporter,
}

fn limits(changes: &[(&str, &str)]) -> Limits {
    let flag = |(name, value): &(&str, &str)| Override {
        flag: "--set".to_owned(),
        setting: format!("limits.{name}"),
        value: (*value).to_owned(),
    };
    let sources = Sources { flags: changes.iter().map(flag).collect(), ..Sources::default() };
    sources.load().expect("settings").0.limits
}

async fn open(changes: &[(&str, &str)], tls: bool, drain: Duration) -> House {
    open_behind(&[], changes, tls, drain).await
}

async fn open_behind(
    balancers: &[&str],
    changes: &[(&str, &str)],
    tls: bool,
    drain: Duration,
) -> House {
    let balancers: Vec<_> =
        balancers.iter().map(|text| text.parse().expect("an address")).collect();
    let authority = Arc::new(Authority::make("Desk", timestamp()).expect("made"));
    let certificates =
        Certificates::from_authority(authority, vec!["localhost".to_owned()], timestamp());
    let certificates = Arc::new(certificates.expect("made"));
    let config = tls.then(|| certificates.server_config().expect("usable"));
    let front = Front::listen("127.0.0.1:0".parse().expect("address"), &limits(changes), config)
        .await
        .expect("listens");
    let front = front.behind(&balancers);
    let address = front.address().expect("bound");
    let (announce, stopping) = Stopping::new();
    let (reporter, health) = tonic_health::server::health_reporter();
    let served = tokio::spawn(async move { front.serve(health, stopping, drain).await });
    House { address, certificates, announce, served, reporter }
}

impl House {
    /// A TLS connection of our own making.
    async fn tls(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        alpn: &[&[u8]],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let pem = self.certificates.authorities_pem().expect("pem");
        let mut roots = RootCertStore::empty();
        let authority =
            rustls::pki_types::CertificateDer::from_pem_slice(pem.as_bytes()).expect("pem");
        roots.add(authority).expect("an authority");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        let stream = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from("localhost").expect("a name");
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }

    async fn ends(self) -> Ended {
        tokio::time::timeout(PATIENCE, self.served).await.expect("in time").expect("no panic")
    }
}

/// A call that must be answered, over a connection without TLS.
async fn check_health(
    address: SocketAddr,
) -> Result<HealthClient<tonic::transport::Channel>, tonic::Status> {
    let channel = tonic::transport::Endpoint::from_shared(format!("http://{address}"))
        .expect("an address")
        .connect_lazy();
    let mut client = HealthClient::new(channel);
    client.check(HealthCheckRequest::default()).await?;
    Ok(client)
}

/// Whether the other end closes within patience.
async fn is_closed(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> bool {
    let mut sink = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut sink)).await.is_ok()
}

#[tokio::test]
async fn tls_speaks_http2_and_shows_its_authority() {
    let house = open(&[], true, PATIENCE).await;
    for versions in [[&rustls::version::TLS13], [&rustls::version::TLS12]] {
        let stream = house.tls(&versions, &[b"h2"]).await.expect("shaken");
        let (_, session) = stream.get_ref();
        assert_eq!(session.alpn_protocol(), Some(b"h2".as_slice()));
        let last = session.peer_certificates().and_then(<[_]>::last).expect("a chain");
        assert_eq!(crate::secrets::authority::fingerprint(last), house.certificates.fingerprint());
    }
    assert!(house.tls(rustls::ALL_VERSIONS, &[b"http/1.1"]).await.is_err(), "another protocol");
}

#[tokio::test]
async fn only_http2_gets_in() {
    for tls in [true, false] {
        let house = open(&[("handshake_seconds", "1")], tls, PATIENCE).await;
        let mut plain = TcpStream::connect(house.address).await.expect("connected");
        plain.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("written");
        assert!(is_closed(&mut plain).await);
        let mut silent = TcpStream::connect(house.address).await.expect("connected");
        assert!(is_closed(&mut silent).await, "silence");
        let mut slow = TcpStream::connect(house.address).await.expect("connected");
        slow.write_all(b"PRI").await.expect("written");
        assert!(is_closed(&mut slow).await, "a part");
    }
    let house = open(&[("handshake_seconds", "1")], true, PATIENCE).await;
    let mut silent = house.tls(rustls::ALL_VERSIONS, &[b"h2"]).await.expect("shaken");
    assert!(is_closed(&mut silent).await, "silence after TLS");
}

/// Whether the server goes on with a connection that begins like this and then with HTTP/2.
async fn goes_on_after(address: SocketAddr, beginning: &[u8]) -> (bool, TcpStream) {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    // A server that refuses may close before all is written.
    let _ = stream.write_all(&[beginning, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"].concat()).await;
    let mut settings = [0; 9];
    let read = tokio::time::timeout(PATIENCE, stream.read_exact(&mut settings))
        .await
        .expect("an answer or an end");
    (read.is_ok(), stream)
}

/// What a balancer says when it connects for this client.
fn connects_for(client: [u8; 4]) -> Vec<u8> {
    [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"[..], &client, &[192, 0, 2, 9, 0x10, 0x00, 0x1d, 0x13]]
        .concat()
}

#[tokio::test]
async fn only_a_balancer_connects_for_others() {
    let one = [("connections_per_address", "1")];
    let house = open_behind(&["::ffff:127.0.0.1"], &one, false, PATIENCE).await;
    let (bo, cy) = (connects_for([198, 51, 100, 7]), connects_for([198, 51, 100, 8]));
    let (goes_on, held) = goes_on_after(house.address, &bo).await;
    assert!(goes_on);
    assert!(!goes_on_after(house.address, &bo).await.0, "this client has its connection");
    let (goes_on, others) = goes_on_after(house.address, &cy).await;
    assert!(goes_on, "this one is somebody else");
    assert!(!goes_on_after(house.address, b"").await.0, "a balancer must say for whom");
    let forged = [connects_for([198, 51, 100, 9]), connects_for([198, 51, 100, 10])].concat();
    assert!(
        !goes_on_after(house.address, &forged).await.0,
        "a client's own word after the balancer's"
    );
    drop((held, others));

    let house = open_behind(&["192.0.2.1"], &one, false, PATIENCE).await;
    assert!(!goes_on_after(house.address, &cy).await.0, "nobody asked this one");
    assert!(goes_on_after(house.address, b"").await.0);
    let house = open(&one, false, PATIENCE).await;
    assert!(!goes_on_after(house.address, &cy).await.0, "there is no balancer");
}

#[tokio::test]
async fn a_peer_without_signs_of_life_is_let_go() {
    let limits = [("keepalive_seconds", "1"), ("keepalive_timeout_seconds", "1")];
    let house = open(&limits, false, PATIENCE).await;
    let mut dead = TcpStream::connect(house.address).await.expect("connected");
    dead.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.expect("written");
    assert!(is_closed(&mut dead).await);
}

#[tokio::test]
async fn one_address_cannot_keep_others_out_for_ever() {
    let house =
        open(&[("connections_per_address", "2"), ("handshake_seconds", "1")], false, PATIENCE)
            .await;
    let mut first = TcpStream::connect(house.address).await.expect("connected");
    let mut second = TcpStream::connect(house.address).await.expect("connected");
    let mut third = TcpStream::connect(house.address).await.expect("connected");
    assert!(is_closed(&mut third).await, "no room");
    assert!(is_closed(&mut first).await && is_closed(&mut second).await, "out of time");
    let begun = Instant::now();
    while check_health(house.address).await.is_err() {
        assert!(begun.elapsed() < PATIENCE, "room again");
    }
}

#[tokio::test]
async fn handlers_know_where_callers_are() {
    let front = Front::listen("127.0.0.1:0".parse().expect("address"), &limits(&[]), None)
        .await
        .expect("listens");
    let address = front.address().expect("bound");
    let (_announce, stopping) = Stopping::new();
    let (_reporter, health) = tonic_health::server::health_reporter();
    let (seen, mut saw) = tokio::sync::mpsc::channel(1);
    let health = tonic::service::interceptor::InterceptedService::new(
        health,
        move |request: tonic::Request<()>| {
            // Full when it was seen before.
            let _ = seen.try_send(request.remote_addr());
            Ok(request)
        },
    );
    let health =
        ServiceExt::<http::Request<Body>>::map_response(health, |answer| answer.map(Body::new));
    tokio::spawn(front.serve(health, stopping, PATIENCE));
    check_health(address).await.expect("answered");
    assert_eq!(saw.recv().await.flatten().map(|remote| remote.ip()), Some(address.ip()));
}

#[tokio::test]
async fn a_quiet_house_stops_at_once() {
    let house = open(&[], false, PATIENCE).await;
    let client = check_health(house.address).await.expect("answered");
    house.announce.send_replace(Stage::Draining);
    assert_eq!(house.ends().await, Ended::Drained);
    drop(client);
}

#[tokio::test]
async fn a_watch_is_told_that_the_server_stops() {
    let house = open(&[], false, PATIENCE * 10).await;
    let mut client = check_health(house.address).await.expect("answered");
    let mut watch =
        client.watch(HealthCheckRequest::default()).await.expect("watching").into_inner();
    watch.message().await.expect("the present state").expect("not the end");
    house.announce.send_replace(Stage::Draining);
    let told = watch.message().await.expect_err("the end");
    assert_eq!(told.code(), tonic::Code::Unavailable);
    let details = told.get_error_details();
    let reason = details.error_info().map(|info| (info.reason.as_str(), info.domain.as_str()));
    assert_eq!(reason, Some(("STOPPING", "deskbell")));
    assert!(details.retry_info().is_some_and(|info| info.retry_delay.is_some()));
    assert_eq!(house.ends().await, Ended::Drained);
}

/// A peer that calls and then never reads or says anything again: its window is full, so nothing
/// can be told to it.
async fn call_and_fall_silent(address: SocketAddr) -> TcpStream {
    let mut peer = TcpStream::connect(address).await.expect("connected");
    let mut words = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    // Settings: an initial window of 0 bytes.
    words.extend_from_slice(b"\0\0\x06\x04\0\0\0\0\0\0\x04\0\0\0\0");
    // Headers of stream 1, not its end: POST (3), http (6), and a path, in HPACK without Huffman's
    // code.
    let path = b"/grpc.health.v1.Health/Check";
    let mut block = vec![0x83, 0x86, 0x04, u8::try_from(path.len()).expect("short")];
    block.extend_from_slice(path);
    words.extend_from_slice(&[0, 0, u8::try_from(block.len()).expect("short"), 1, 4, 0, 0, 0, 1]);
    words.extend_from_slice(&block);
    peer.write_all(&words).await.expect("written");
    // The server's settings come first; then it has read ours.
    let mut settings = [0; 9];
    peer.read_exact(&mut settings).await.expect("settings");
    peer
}

#[tokio::test]
async fn a_silent_peer_cannot_stop_the_end() {
    let house = open(&[], false, Duration::from_millis(200)).await;
    let peer = call_and_fall_silent(house.address).await;
    check_health(house.address).await.expect("answered");
    house.announce.send_replace(Stage::Draining);
    assert_eq!(house.ends().await, Ended::Cut);
    drop(peer);
}

#[tokio::test]
async fn a_second_signal_does_not_wait() {
    let house = open(&[], false, PATIENCE * 10).await;
    let peer = call_and_fall_silent(house.address).await;
    check_health(house.address).await.expect("answered");
    house.announce.send_replace(Stage::Draining);
    house.announce.send_replace(Stage::Now);
    assert_eq!(house.ends().await, Ended::Cut);
    drop(peer);
}

#[test]
fn certificates_are_renewed_in_time() {
    let now = timestamp();
    let authority = Arc::new(Authority::make("Desk", now).expect("made"));
    let certificates =
        Certificates::from_authority(authority, vec!["localhost".to_owned()], now).expect("made");
    let fingerprint = certificates.fingerprint();
    assert!(!certificates.renew(now + SignedDuration::from_hours(24)).expect("looked after"));
    assert!(certificates.renew(now + SignedDuration::from_hours(24 * 31)).expect("renewed"));
    assert_eq!(certificates.fingerprint(), fingerprint, "the authority stays");
}

#[test]
fn files_of_the_host_are_read_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = crate::config::CertificateFiles {
        chain: folder.path().join("chain.pem"),
        key: folder.path().join("key.pem"),
        authority: None,
    };
    let write = || {
        let pem = Authority::make("Own", timestamp()).expect("made").to_pem();
        let at = pem.find("-----BEGIN PRIVATE").expect("a key");
        std::fs::write(&files.chain, &pem[..at]).expect("written");
        std::fs::write(&files.key, &pem[at..]).expect("written");
    };
    assert!(matches!(
        Certificates::from_files(files.clone(), timestamp()),
        Err(CertificatesProblem::File(..))
    ));
    write();
    let certificates = Certificates::from_files(files.clone(), timestamp()).expect("read");
    assert_eq!(certificates.authorities_pem().expect("read"), "");
    assert!(!certificates.renew(timestamp()).expect("looked after"), "nothing changed");
    let before = certificates.fingerprint();
    write();
    assert!(certificates.renew(timestamp()).expect("looked after"));
    assert_ne!(certificates.fingerprint(), before);
    std::fs::write(&files.chain, "nothing").expect("written");
    assert!(certificates.renew(timestamp()).is_err());
}
