//! The client: a channel to one of a server's addresses, the caller's credentials on every call,
//! and safe repeats.
//!
//! Start at [`Server::connect_lazy`], wrap the channel in a [`Client`] with [`Credentials`], call
//! through its accessors, and put [`retry`] around reads and around changes that carry a
//! [`request_id`].

mod connector;
mod credentials;
mod retry;
#[cfg(test)]
mod tests;

use std::time::Duration;

use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};

pub use credentials::Credentials;
pub(crate) use retry::jitter;
pub use retry::{Retry, retry};

use crate::address::Address;
use crate::problem::Problem;
use crate::{tls, v1};

/// Sent as the first half of the user agent.
const USER_AGENT: &str = concat!("deskbell/", env!("CARGO_PKG_VERSION"));
/// Pings, also while nothing is called: a dead path is noticed within half a minute.
const PING_EVERY: Duration = Duration::from_secs(20);
const PING_ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How long a call may take until its answer begins. Streams may go on for ever after that.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// The largest message taken: a page of 100 tickets with the longest descriptions fits twice over.
const LARGEST_MESSAGE: usize = 16 * 1024 * 1024;

/// Which server to talk to, and whom to believe that it is the one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its addresses, tried in order at each new connection. `http://` only on loopback.
    pub addresses: Vec<String>,
    /// Certificate authorities to trust, as PEM. None: the system's.
    pub authorities_pem: Option<String>,
}

impl Server {
    /// A channel that connects at the first call and again whenever the connection is lost. Must be
    /// called inside a tokio runtime. Fails on unusable addresses or authorities; an absent server
    /// shows at the first call.
    pub fn connect_lazy(&self) -> Result<Channel, Problem> {
        let addresses = self
            .addresses
            .iter()
            .map(|text| Address::parse(text))
            .collect::<Result<Vec<_>, _>>()?;
        let Some(first) = addresses.first() else {
            return Err(Problem::address("", "none is given"));
        };
        let origin = first.to_string();
        let tls = if addresses.iter().any(Address::is_secure) {
            Some(tls::config(self.authorities_pem.as_deref())?)
        } else {
            None
        };
        let unusable = || Problem::address(&origin, "it is not an address");
        // TLS is the connector's business (each address has its own name to check), so tonic itself
        // sees a plain endpoint.
        let endpoint = Endpoint::from_shared(origin.replacen("https://", "http://", 1))
            .and_then(|endpoint| endpoint.user_agent(USER_AGENT))
            .map_err(|_| unusable())?
            .origin(origin.parse().map_err(|_| unusable())?)
            .http2_keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_ANSWER_WITHIN)
            .keep_alive_while_idle(true)
            .timeout(ANSWER_WITHIN);
        Ok(connector::Connector::new(addresses, tls).channel(&endpoint))
    }
}

/// An id for a changing call: the same for every repeat of that call, another for every other call.
pub fn request_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// A channel with the caller's credentials. Cloning is cheap and shares the connection.
#[derive(Clone, Debug)]
pub struct Client {
    channel: Channel,
    credentials: Credentials,
}

/// What the generated clients run on.
pub type Authorized = InterceptedService<Channel, Credentials>;

macro_rules! accessors {
    ($($(#[$doc:meta])* $name:ident: $module:ident :: $client:ident;)*) => {
        $(
            $(#[$doc])*
            pub fn $name(&self) -> v1::$module::$client<Authorized> {
                v1::$module::$client::with_interceptor(self.channel.clone(), self.credentials.clone())
                    .max_decoding_message_size(LARGEST_MESSAGE)
            }
        )*
    };
}

impl Client {
    /// Calls over this channel, as this caller.
    pub fn new(channel: Channel, credentials: Credentials) -> Self {
        Self { channel, credentials }
    }

    /// The same connection, as another caller.
    #[must_use]
    pub fn with_credentials(&self, credentials: Credentials) -> Self {
        Self { channel: self.channel.clone(), credentials }
    }

    accessors! {
        /// What the server is and can do.
        server_info: server_info_service_client::ServerInfoServiceClient;
        /// Signing in and out.
        account: account_service_client::AccountServiceClient;
        /// The team, its members and groups.
        team: team_service_client::TeamServiceClient;
        /// Organizations.
        organization: organization_service_client::OrganizationServiceClient;
        /// The branded widgets' settings.
        profile: profile_service_client::ProfileServiceClient;
        /// Tickets.
        queue: queue_service_client::QueueServiceClient;
        /// The live queue; `crate::watch` resumes it by itself.
        watch: watch_service_client::WatchServiceClient;
        /// A customer's calls.
        assistance: assistance_service_client::AssistanceServiceClient;
    }
}
