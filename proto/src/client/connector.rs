//! Makes connections: tries a server's addresses in order, speaks TLS, and says in words what went
//! wrong.
//!
//! tonic's own connector knows one address per channel and gives up the reason of a failed
//! handshake; this one keeps both.

use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint};

use crate::address::Address;
use crate::problem::Problem;
use crate::tls::HTTP2;

/// How long one address may take to answer, TLS included.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// A connection, encrypted or on loopback.
trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

/// See the module.
#[derive(Clone)]
pub(super) struct Connector {
    addresses: Arc<[Address]>,
    tls: Option<Arc<ClientConfig>>,
}

impl Connector {
    /// A connector for these addresses. `tls` is needed when one of them is secure.
    pub(super) fn new(addresses: Vec<Address>, tls: Option<Arc<ClientConfig>>) -> Self {
        Self { addresses: addresses.into(), tls }
    }

    /// A channel over connections of this connector.
    pub(super) fn channel(self, endpoint: &Endpoint) -> Channel {
        endpoint.connect_with_connector_lazy(tower::service_fn(move |_: http::Uri| {
            let connector = self.clone();
            async move { connector.connect().await.map(TokioIo::new) }
        }))
    }

    /// The first address that answers. When none does, a certificate's problem is told rather than
    /// an absent server's.
    async fn connect(&self) -> Result<Box<dyn Connection>, Problem> {
        let mut told: Option<Problem> = None;
        for address in self.addresses.iter() {
            let attempt = tokio::time::timeout(CONNECT_WITHIN, self.connect_to(address)).await;
            match attempt.unwrap_or_else(|_| {
                Err(Problem::away(&address.to_string(), "no answer within 5 seconds"))
            }) {
                Ok(connection) => return Ok(connection),
                Err(problem) if told.as_ref().is_none_or(Problem::is_passing) => {
                    told = Some(problem);
                }
                Err(_) => {}
            }
        }
        Err(told.unwrap_or_else(|| Problem::address("", "none is given")))
    }

    async fn connect_to(&self, address: &Address) -> Result<Box<dyn Connection>, Problem> {
        let away =
            |failure: std::io::Error| Problem::away(&address.to_string(), &failure.to_string());
        let socket = TcpStream::connect((address.host(), address.port())).await.map_err(away)?;
        socket.set_nodelay(true).map_err(away)?;
        let Some(tls) = self.tls.as_ref().filter(|_| address.is_secure()) else {
            return Ok(Box::new(socket));
        };
        let name = ServerName::try_from(address.host().to_owned()).map_err(|_| {
            Problem::address(
                &address.to_string(),
                "its host is not a name that a certificate can have",
            )
        })?;
        let connection = TlsConnector::from(tls.clone())
            .connect(name, socket)
            .await
            .map_err(|failure| Problem::handshake(&address.to_string(), &failure))?;
        if connection.get_ref().1.alpn_protocol() != Some(HTTP2) {
            let text = format!(
                "What answers at {address} does not speak HTTP/2: it is not a Deskbell server. Is \
                 the port right?"
            );
            return Err(Problem::local(tonic::Code::FailedPrecondition, "NOT_A_SERVER", text));
        }
        Ok(Box::new(connection))
    }
}
