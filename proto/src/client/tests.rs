//! The client against a real gRPC server over TLS, and against none.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Identity, Server as GrpcServer, ServerTlsConfig};
use tonic::{Request, Response, Status};

use super::*;
use crate::pin;
use crate::v1::server_info_service_server::{ServerInfoService, ServerInfoServiceServer};

/// Answers with what it saw: the caller's credential as the name, the client as the version. Away
/// for the first call.
struct Mirror {
    calls: Arc<AtomicU32>,
}

#[tonic::async_trait]
impl ServerInfoService for Mirror {
    async fn get_server_info(
        &self,
        request: Request<v1::GetServerInfoRequest>,
    ) -> Result<Response<v1::GetServerInfoResponse>, Status> {
        if self.calls.fetch_add(1, Ordering::Relaxed) == 0 {
            return Err(Status::unavailable("starting"));
        }
        let entry = |name| {
            request
                .metadata()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
                .to_owned()
        };
        Ok(Response::new(v1::GetServerInfoResponse {
            name: entry("authorization"),
            version: entry("user-agent"),
            ..Default::default()
        }))
    }
}

/// A server with a private authority, as Deskbell's makes one; answers its address.
async fn mirror(calls: Arc<AtomicU32>) -> String {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_pem = authority.self_signed(&authority_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let names = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let leaf_pem =
        names.signed_by(&key, &Issuer::from_params(&authority, &authority_key)).unwrap().pem();
    let identity = Identity::from_pem(format!("{leaf_pem}{authority_pem}"), key.serialize_pem());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("https://{}", listener.local_addr().unwrap());
    let server = GrpcServer::builder()
        .tls_config(ServerTlsConfig::new().identity(identity))
        .unwrap()
        .add_service(ServerInfoServiceServer::new(Mirror { calls }))
        .serve_with_incoming(TcpListenerStream::new(listener));
    tokio::spawn(server);
    address
}

#[tokio::test]
async fn a_pinned_server_is_called_with_the_callers_credentials() {
    let calls = Arc::default();
    let address = mirror(Arc::clone(&calls)).await;
    let authorities_pem = Some(pin::inspect(&address).await.unwrap().authorities_pem);
    // The first address is dead: the next one is tried.
    let server =
        Server { addresses: vec!["https://127.0.0.1:1".to_owned(), address], authorities_pem };
    let client =
        Client::new(server.connect_lazy().unwrap(), Credentials::session("token").unwrap());
    let info = retry(|| {
        let mut service = client.server_info();
        async move { service.get_server_info(v1::GetServerInfoRequest {}).await }
    });
    let info = info.await.unwrap();
    assert_eq!(info.name, "Bearer token");
    assert!(info.version.starts_with(USER_AGENT), "{}", info.version);
    assert_eq!(calls.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn loopback_needs_no_certificate() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let service = ServerInfoServiceServer::new(Mirror { calls: Arc::new(AtomicU32::new(1)) });
    tokio::spawn(
        GrpcServer::builder()
            .add_service(service)
            .serve_with_incoming(TcpListenerStream::new(listener)),
    );
    let server = Server { addresses: vec![address], authorities_pem: None };
    let client = Client::new(server.connect_lazy().unwrap(), Credentials::none());
    let info = client
        .server_info()
        .get_server_info(v1::GetServerInfoRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(info.name, "");
}

#[tokio::test]
async fn an_absent_server_is_a_readable_problem() {
    let server = Server { addresses: vec!["http://127.0.0.1:1".to_owned()], authorities_pem: None };
    let client = Client::new(server.connect_lazy().unwrap(), Credentials::none());
    let status =
        client.server_info().get_server_info(v1::GetServerInfoRequest {}).await.unwrap_err();
    let problem = Problem::from(status);
    assert_eq!(problem.reason, "SERVER_AWAY");
    assert!(problem.text.contains("http://127.0.0.1:1 does not answer"), "{problem}");
}

#[tokio::test]
async fn unusable_servers_are_refused_before_connecting() {
    for (addresses, authorities_pem) in [
        (vec![], None),
        (vec!["http://desk.example:80".to_owned()], None),
        (vec!["https://desk.example".to_owned()], Some("no pem".to_owned())),
    ] {
        assert!(Server { addresses, authorities_pem }.connect_lazy().is_err());
    }
}

#[test]
fn request_ids_fit_the_contract() {
    let id = request_id();
    assert!((8..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()));
    assert_ne!(id, request_id());
}
