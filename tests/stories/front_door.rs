//! What stands at the port: TLS alone, limits, health, reflection, and peers that mean no good or
//! nothing at all.

use std::net::SocketAddr;
use std::time::Duration;

use deskbell_proto::client::{Client, Credentials, Server as Target};
use deskbell_proto::problem::Problem;
use deskbell_proto::v1;
use deskbell_tests::desk::Desk;
use deskbell_tests::for_both_databases;
use deskbell_tests::host::{Database, Host};
use deskbell_tests::scene::Scene;
use deskbell_tests::server::Server;
use deskbell_tests::staff::{Staff, refused};
use deskbell_tests::waiting::soon;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

for_both_databases! { health_and_facts_are_open_to_everybody, reflection_is_for_admins }

fn channel(server: &Server) -> Channel {
    let authorities_pem = server.authorities().map(str::to_owned);
    Target { addresses: vec![server.address().to_owned()], authorities_pem }.connect_lazy().unwrap()
}

async fn health_and_facts_are_open_to_everybody(database: Database) {
    let desk = Desk::open(database).await;
    let mut health = HealthClient::new(channel(&desk.server));
    for service in [
        "",
        "deskbell.v1.QueueService",
        "deskbell.v1.WatchService",
        "deskbell.v1.AssistanceService",
    ] {
        let answer = health
            .check(HealthCheckRequest { service: service.to_owned() })
            .await
            .unwrap()
            .into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service}");
    }
    let unknown = health
        .check(HealthCheckRequest { service: "no.such.Service".to_owned() })
        .await
        .unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    let facts = desk
        .server
        .connect()
        .server_info()
        .get_server_info(v1::GetServerInfoRequest {})
        .await
        .unwrap();
    let facts = facts.into_inner();
    assert_eq!(
        (facts.name.as_str(), facts.version.as_str()),
        ("Deskbell", env!("CARGO_PKG_VERSION"))
    );
    assert!(facts.capabilities.iter().any(|word| word == "queue"), "{facts:?}");
    desk.close();
}

/// The services that reflection lists for whoever has this token.
async fn reflect(server: &Server, token: Option<&str>) -> Result<Vec<String>, Status> {
    let ask = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut request = Request::new(tokio_stream::once(ask));
    if let Some(token) = token {
        let value = MetadataValue::try_from(format!("Bearer {token}")).unwrap();
        request.metadata_mut().insert("authorization", value);
    }
    let mut answers = ServerReflectionClient::new(channel(server))
        .server_reflection_info(request)
        .await?
        .into_inner();
    match answers.message().await?.and_then(|answer| answer.message_response) {
        Some(MessageResponse::ListServicesResponse(list)) => {
            Ok(list.service.into_iter().map(|service| service.name).collect())
        }
        other => panic!("{other:?}"),
    }
}

async fn reflection_is_for_admins(database: Database) {
    let Scene { desk, ana, bo, .. } = Scene::open(database).await;
    let anonymous = reflect(&desk.server, None).await.unwrap_err();
    assert_eq!(anonymous.code(), Code::Unauthenticated);
    let operator = reflect(&desk.server, Some(&bo.token)).await.unwrap_err();
    assert_eq!(operator.code(), Code::PermissionDenied);
    let services = reflect(&desk.server, Some(&ana.token)).await.unwrap();
    assert!(services.iter().any(|name| name == "deskbell.v1.QueueService"), "{services:?}");
    desk.close();
}

#[tokio::test]
async fn without_tls_only_where_it_was_asked_for() {
    let desk = Desk::open(Database::Sqlite).await;
    // Speaking plainly to a server with TLS gets nothing.
    let plain = format!("http://{}", desk.server.socket());
    let target = Target { addresses: vec![plain], authorities_pem: None };
    let client = Client::new(target.connect_lazy().unwrap(), Credentials::none());
    let outcome =
        soon("an answer", client.server_info().get_server_info(v1::GetServerInfoRequest {})).await;
    assert_eq!(Problem::from(outcome.unwrap_err()).code, Code::Unavailable);
    // A stranger's authority is not trusted.
    let elsewhere = Desk::open(Database::Sqlite).await;
    let authorities_pem = elsewhere.server.authorities().map(str::to_owned);
    let target = Target { addresses: vec![desk.server.address().to_owned()], authorities_pem };
    let client = Client::new(target.connect_lazy().unwrap(), Credentials::none());
    let outcome = client.server_info().get_server_info(v1::GetServerInfoRequest {}).await;
    assert_eq!(Problem::from(outcome.unwrap_err()).reason, "CERTIFICATE_UNTRUSTED");
    // Beyond loopback it is refused, flag or not, in a sentence.
    let output = desk.host.command(&["serve", "--plaintext", "--listen", "0.0.0.0:0"], "");
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{complaint}");
    assert!(complaint.contains("loopback"), "{complaint}");

    // On loopback with the flag it works, for the whole job.
    let host = Host::new(Database::Sqlite);
    let server = host.serve_at(SocketAddr::from(([127, 0, 0, 1], 0)), &["--plaintext"]).await;
    assert!(server.address().starts_with("http://") && server.fingerprint().is_empty());
    let Scene { desk: plain, bo, sales, widget, .. } = Scene::on(Desk { host, server }).await;
    let mut watch = bo.watch().opened().await;
    let number = widget.ring(Some(&sales), "In the clear.").await.number;
    watch.until_sees(number).await;
    peers_that_mean_no_good(plain.server.socket()).await;
    bo.who_am_i().await.unwrap();
    plain.close();
    desk.close();
    elsewhere.close();
}

/// Peers of every unpleasant kind at once. Those that say something wrong are sent away.
async fn peers_that_mean_no_good(at: SocketAddr) {
    let garbage: [&[u8]; 6] = [
        b"GET / HTTP/1.1\r\nHost: desk\r\n\r\n",
        b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
        b"POST /deskbell.v1.AccountService/SignIn HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
    ];
    for bytes in garbage {
        let mut socket = TcpStream::connect(at).await.unwrap();
        // It may hang up while we still talk.
        socket.write_all(bytes).await.ok();
        let mut answer = Vec::new();
        let said = bytes.escape_ascii().to_string();
        soon(&format!("a goodbye after {said}"), socket.read_to_end(&mut answer)).await.ok();
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{said}");
    }
}

#[tokio::test]
async fn silence_and_noise_at_the_port_do_no_harm() {
    let host = Host::new(Database::Sqlite);
    host.set("limits.handshake_seconds=1");
    let Scene { desk, bo, sales, widget, .. } = Scene::on(Desk::of(host).await).await;
    let at = desk.server.socket();
    peers_that_mean_no_good(at).await;
    // Silence, and a byte now and then: the handshake has its time, and no more.
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(TcpStream::connect(at).await.unwrap());
    }
    widget.ring(Some(&sales), "Through the silence.").await;
    bo.who_am_i().await.unwrap();
    for socket in &mut silent {
        let mut nothing = [0; 16];
        let read = soon("the end of a silent connection", socket.read(&mut nothing)).await;
        assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    }
    let mut slow = TcpStream::connect(at).await.unwrap();
    let mut hello = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc].into_iter().cycle();
    soon("the end of a slow handshake", async {
        while slow.write_all(&[hello.next().unwrap()]).await.is_ok() {
            let mut nothing = [0; 1];
            let heard =
                tokio::time::timeout(Duration::from_millis(200), slow.read(&mut nothing)).await;
            if matches!(heard, Ok(Ok(0) | Err(_))) {
                return;
            }
        }
    })
    .await;
    // Calls that there are not, and messages that are too large or none at all.
    let client = bo.client.clone();
    let large = v1::NoteTicketRequest {
        request_id: "too-large-a-request".to_owned(),
        number: 1,
        version: 0,
        text: "x".repeat(3 * 1024 * 1024),
    };
    let problem = Problem::from(client.queue().note_ticket(large).await.unwrap_err());
    assert_eq!(
        (problem.code, problem.reason.as_str()),
        (Code::InvalidArgument, "REQUEST_TOO_LARGE")
    );
    bo.note(&bo.ticket(1).await.unwrap(), "The same connection goes on.").await.unwrap();
    desk.close();
}

#[tokio::test]
async fn connections_and_streams_are_limited() {
    let host = Host::new(Database::Sqlite);
    host.set("limits.connections_per_address=20");
    let desk = Desk::of(host).await;
    let ana = desk.admin("ana").await;
    let mut held = Vec::new();
    for _ in 0..40 {
        held.push(TcpStream::connect(desk.server.socket()).await.unwrap());
    }
    // Whoever is connected goes on; newcomers from there are sent away while it is full.
    ana.who_am_i().await.unwrap();
    let newcomer = Staff { client: desk.server.connect(), ..ana.clone() };
    assert_eq!(refused(newcomer.who_am_i().await).0, Code::Unavailable);
    drop(held);
    deskbell_tests::waiting::eventually(
        "there is room again",
        deskbell_tests::waiting::BOUND,
        async || ana.over(&desk.server.connect()).who_am_i().await.is_ok(),
    )
    .await;
    desk.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_headers_and_resets_hurt_nobody_else() {
    let Scene { desk, ana, bo, sales, widget, .. } = Scene::open(Database::Sqlite).await;
    let far = bo.over(&desk.server.connect());
    let mut flooded = Request::new(v1::WhoAmIRequest {});
    for n in 0..64 {
        let value = MetadataValue::try_from("x".repeat(16 * 1024)).unwrap();
        flooded.metadata_mut().insert(
            tonic::metadata::MetadataKey::from_bytes(format!("x-{n}").as_bytes()).unwrap(),
            value,
        );
    }
    let outcome = soon("an answer", far.client.account().who_am_i(flooded)).await;
    assert!(outcome.is_err(), "a megabyte of headers is refused");
    // Streams that are opened and taken back at once, thousands of times on one connection.
    for _ in 0..100 {
        let calls = (0..50).map(|_| far.client.clone());
        let given_up = calls.map(|client| async move {
            let call = async { client.watch().watch_queue(v1::WatchQueueRequest::default()).await };
            tokio::time::timeout(Duration::from_micros(200), call).await.ok();
        });
        futures_util::future::join_all(given_up).await;
    }
    let number = widget.ring(Some(&sales), "Through the flood.").await.number;
    assert_eq!(ana.open_numbers().await, [number]);
    // Whoever flooded is served as well, perhaps over another connection.
    deskbell_tests::waiting::eventually(
        "the flooder's next call",
        deskbell_tests::waiting::BOUND,
        async || far.who_am_i().await.is_ok(),
    )
    .await;
    desk.close();
}
