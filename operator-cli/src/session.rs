//! A command's connection: the chosen context's server and session.

use deskbell_proto::client::{Client, Credentials, Server};
use deskbell_proto::{pin, reading, v1};

use crate::contexts::Storage;
use crate::failure::{Exit, Failure};
use crate::output::Output;

/// What every command is given.
#[derive(Clone, Debug)]
pub struct Setting {
    /// How to print.
    pub output: Output,
    /// The context that was named on the command line or in the environment.
    pub context: Option<String>,
}

/// Makes a call with the usual patience: `call!(client, service.method(request))`. Only for reads
/// and for requests with a `request_id`, which a repeat does no harm to.
macro_rules! call {
    ($client:expr, $service:ident . $method:ident ( $request:expr )) => {{
        let (client, request) = (&$client, $request);
        deskbell_proto::client::retry(|| {
            let (mut service, request) = (client.$service(), request.clone());
            async move { service.$method(request).await }
        })
        .await
        .map_err($crate::failure::Failure::from)
    }};
}
/// All pages of a list: `pages!(client, service.method(request).items)`.
macro_rules! pages {
    ($client:expr, $service:ident . $method:ident ( $request:expr ) . $items:ident) => {{
        let mut request = $request;
        let mut items = Vec::new();
        loop {
            let page = deskbell_proto::client::retry(|| {
                let (mut service, request) = ($client.$service(), request.clone());
                async move { service.$method(request).await }
            })
            .await?;
            items.extend(page.$items);
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                return Ok(items);
            }
        }
    }};
}
pub(crate) use {call, pages};

impl Setting {
    /// The server and the session come from the environment rather than from a context.
    pub fn is_from_environment(&self) -> bool {
        self.context.is_none() && matches!(variable("DESKBELL_SERVER"), Ok(Some(_)))
    }

    /// The server's address, as far as it is known without asking.
    pub fn address(&self) -> Option<String> {
        if self.is_from_environment() {
            return variable("DESKBELL_SERVER").ok().flatten();
        }
        let contexts = Storage::usual().and_then(|storage| storage.load()).ok()?;
        contexts.choose(self.context.as_deref()).ok().map(|(_, context)| context.address.clone())
    }

    /// What to do when the session has ended.
    pub fn sign_in_hint(&self) -> String {
        if self.is_from_environment() {
            return "The token in DESKBELL_TOKEN is no longer valid.".to_owned();
        }
        let contexts = Storage::usual().and_then(|storage| storage.load()).unwrap_or_default();
        match contexts.choose(self.context.as_deref()) {
            Ok((name, context)) => format!(
                "Sign in again with: deskbell --context {name} login {} --email {}",
                context.address, context.email
            ),
            Err(_) => "Sign in with: deskbell login https://<server> --email <you>".to_owned(),
        }
    }

    /// A client with the session of the chosen context, or with `DESKBELL_TOKEN` at
    /// `DESKBELL_SERVER` (whose certificate authority is pinned by `DESKBELL_FINGERPRINT`).
    pub async fn client(&self) -> Result<Client, Failure> {
        let environment = match variable("DESKBELL_SERVER")?.filter(|_| self.context.is_none()) {
            Some(address) => Some((address, variable("DESKBELL_TOKEN")?)),
            None => None,
        };
        let (server, token) = match environment {
            Some((address, Some(token))) => {
                let authorities_pem = match variable("DESKBELL_FINGERPRINT")? {
                    Some(fingerprint) => Some(pinned(&address, &fingerprint).await?),
                    None => None,
                };
                (Server { addresses: vec![address], authorities_pem }, token)
            }
            Some((_, None)) => {
                return Err(Failure::usage(
                    "DESKBELL_SERVER is set and DESKBELL_TOKEN is not. Set both, or none.",
                ));
            }
            None => {
                let contexts = Storage::usual()?.load()?;
                let (name, context) = contexts.choose(self.context.as_deref())?;
                let token = context.token.clone().ok_or_else(|| {
                    Failure::new(Exit::Refused, format!("You are signed out of \"{name}\".")).hint(
                        &format!(
                            "Sign in with: deskbell login {} --email {}",
                            context.address, context.email
                        ),
                    )
                })?;
                (context.server(), token)
            }
        };
        Ok(Client::new(server.connect_lazy()?, Credentials::session(&token)?))
    }
}

/// The certificate authorities of a server, if they have this fingerprint.
pub async fn pinned(address: &str, fingerprint: &str) -> Result<String, Failure> {
    if !pin::is_fingerprint(fingerprint) {
        return Err(Failure::invalid(
            "That is no fingerprint: one has \"sha256:\" and 64 hexadecimal digits.",
        ));
    }
    let presented = pin::inspect(address).await?;
    if pin::same_fingerprint(&presented.fingerprint, fingerprint) {
        return Ok(presented.authorities_pem);
    }
    Err(Failure::new(
        Exit::Refused,
        format!(
            "The server at {address} has another fingerprint than expected: {}.\nAsk its host for \
             the right one; do not go on otherwise.",
            presented.fingerprint
        ),
    ))
}

/// Who is calling.
pub async fn identity(client: &Client) -> Result<v1::Identity, Failure> {
    Ok(call!(*client, account.who_am_i(v1::WhoAmIRequest {}))?.identity.unwrap_or_default())
}

fn variable(name: &str) -> Result<Option<String>, Failure> {
    reading::variable(name).map_err(|problem| Failure::invalid(format!("{name} {problem}.")))
}
