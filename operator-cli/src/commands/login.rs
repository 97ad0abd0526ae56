//! `deskbell login` and `deskbell redeem`: the first contact with a server, and with an account.

use clap::Args;
use deskbell_proto::address::Address;
use deskbell_proto::client::{Client, Credentials, Server};
use deskbell_proto::problem::Problem;
use deskbell_proto::{pin, v1};

use crate::commands::account::describe;
use crate::contexts::{Context, Storage};
use crate::failure::{Exit, Failure};
use crate::output::aside;
use crate::session::{Setting, pinned};
use crate::typed;

/// How to reach a server for the first time.
#[derive(Debug, Args)]
struct Reach {
    /// The server's address, e.g. `https://desk.example:7443` (http:// on this machine only)
    address: String,
    /// The fingerprint that the server's host told you; a server that shows another one is refused
    #[arg(long, value_name = "sha256:…")]
    fingerprint: Option<String>,
}

/// See `deskbell login --help`.
#[derive(Debug, Args)]
#[command(after_help = "\
The first time, the server's fingerprint is shown and you are asked whether it is the one that \
its host told you. What you accept \
is remembered, and a server that shows another one later is refused. A server with a certificate \
that this system trusts \
anyway is not asked about.

The session is kept in a context with the name of --context, or else of the e-mail address.

Example:
  deskbell login https://desk.example:7443 --email ana@desk.example
  deskbell login https://desk.example:7443 --email ana@desk.example --fingerprint sha256:… \
  --password-stdin < password")]
pub struct Login {
    #[command(flatten)]
    reach: Reach,
    /// Your e-mail address; asked for when left out
    #[arg(long)]
    email: Option<String>,
    /// Read the password from the standard input
    #[arg(long)]
    password_stdin: bool,
    /// A name for this session that you will recognise
    #[arg(long, default_value = "deskbell")]
    label: String,
}

impl Login {
    /// Signs in and remembers the session.
    pub async fn run(self, setting: &Setting) -> Result<(), Failure> {
        let address = Address::parse(&self.reach.address)?.to_string();
        let email = match self.email {
            Some(email) => email,
            None if typed::is_somebody_there() => typed::ask("E-mail address:")?,
            None => return Err(Failure::usage("Say who you are with --email.")),
        };
        let name = setting.context.clone().unwrap_or_else(|| email.clone());
        let storage = Storage::usual()?;
        let contexts = storage.load()?;
        let taken = contexts.contexts.get(&name);
        if let Some(other) =
            taken.filter(|_| setting.context.is_none()).filter(|context| context.address != address)
        {
            return Err(Failure::new(
                Exit::Conflict,
                format!("The context \"{name}\" is for {}.", other.address),
            )
            .hint("Give this one another name: deskbell --context NAME login …"));
        }
        let known = contexts
            .contexts
            .values()
            .find(|context| context.address == address)
            .and_then(|context| context.authorities_pem.clone());
        // Before anything is sent: a session that cannot be kept would be of no use.
        storage.change(|_| Ok(()))?;
        let (server, client) = self.reach.connect(&address, known).await?;

        let password =
            typed::password(&format!("Password of {email} at {address}"), self.password_stdin)?;
        let device_token = contexts.device_token(&address, &email).unwrap_or_default().to_owned();
        let request =
            v1::SignInRequest { email: email.clone(), password, label: self.label, device_token };
        let signed_in = client.account().sign_in(request).await?.into_inner();
        let kept = storage.change(|contexts| {
            let context = Context {
                address,
                email,
                token: Some(signed_in.token.clone()),
                device_token: Some(signed_in.device_token).filter(|token| !token.is_empty()),
                authorities_pem: server.authorities_pem,
            };
            contexts.contexts.insert(name.clone(), context);
            contexts.current = Some(name.clone());
            Ok(())
        });
        if let Err(failure) = kept {
            return Err(undo(&client, &signed_in.token, failure).await);
        }
        let identity = signed_in.identity.unwrap_or_default();
        // The token stays in the context: what is printed ends up in logs.
        let answer = v1::WhoAmIResponse { identity: Some(identity.clone()) };
        setting
            .output
            .answer(&answer, &format!("Signed in. {}\nContext: {name}", describe(&identity)))
    }
}

/// Ends a session that could not be kept: nobody would know its token.
async fn undo(client: &Client, token: &str, failure: Failure) -> Failure {
    let ended = async {
        let client = client.with_credentials(Credentials::session(token)?);
        client.account().sign_out(v1::SignOutRequest { everywhere: false }).await?;
        Ok::<(), Problem>(())
    };
    match ended.await {
        Ok(()) => failure.hint("You are not signed in: the session has been ended again."),
        Err(_) => failure.hint("You are not signed in here, and the session is still open."),
    }
}

/// See `deskbell redeem --help`.
#[derive(Debug, Args)]
#[command(after_help = "\
For a new account: the admin who added you, or the server's host, passed a code on to you. It \
works once.

Example:
  deskbell redeem https://desk.example:7443 --email bo@desk.example --name \"Bo Berg\"")]
pub struct Redeem {
    #[command(flatten)]
    reach: Reach,
    /// Your e-mail address
    #[arg(long)]
    email: String,
    /// The code; asked for when left out
    #[arg(long)]
    code: Option<String>,
    /// The name that people see
    #[arg(long, default_value = "")]
    name: String,
    /// Read the new password from the standard input (after the code, when that is left out)
    #[arg(long)]
    password_stdin: bool,
}

impl Redeem {
    /// Sets the account's password.
    pub async fn run(self, setting: &Setting) -> Result<(), Failure> {
        let address = Address::parse(&self.reach.address)?.to_string();
        let (_, client) = self.reach.connect(&address, None).await?;
        let code = match self.code {
            Some(code) => code,
            None => typed::password("One-time code", self.password_stdin)?,
        };
        let new_password = typed::new_password(self.password_stdin)?;
        let request = v1::RedeemCodeRequest {
            email: self.email.clone(),
            code,
            new_password,
            display_name: self.name,
        };
        let answer = client.account().redeem_code(request).await?.into_inner();
        setting.output.answer(
            &answer,
            &format!(
                "The password is set. Sign in with: deskbell login {address} --email {}",
                self.email
            ),
        )
    }
}

impl Reach {
    /// A client that trusts the right server: the one with the fingerprint, the one known from
    /// before, one the system trusts, or one that the person accepts now.
    async fn connect(
        &self,
        address: &str,
        known: Option<String>,
    ) -> Result<(Server, Client), Failure> {
        let secure = Address::parse(address)?.is_secure();
        let authorities_pem = match &self.fingerprint {
            Some(_) if !secure => {
                return Err(Failure::usage(
                    "Without TLS there is no certificate whose fingerprint could be compared.",
                ));
            }
            Some(fingerprint) => Some(pinned(address, fingerprint).await?),
            None => known,
        };
        let server = Server { addresses: vec![address.to_owned()], authorities_pem };
        match try_out(&server).await {
            Ok(client) => Ok((server, client)),
            Err(problem)
                if server.authorities_pem.is_none()
                    && matches!(
                        problem.reason.as_str(),
                        "CERTIFICATE_UNTRUSTED" | "AUTHORITIES_UNUSABLE"
                    ) =>
            {
                let server = Server { authorities_pem: Some(accept(address).await?), ..server };
                let client = try_out(&server).await?;
                Ok((server, client))
            }
            Err(problem) => Err(problem.into()),
        }
    }
}

/// Whether the server is there and trusted, found out before any password is typed.
async fn try_out(server: &Server) -> Result<Client, Problem> {
    let client = Client::new(server.connect_lazy()?, Credentials::none());
    let info =
        client.server_info().get_server_info(v1::GetServerInfoRequest {}).await?.into_inner();
    if info.version.is_empty() {
        aside("The server does not tell its version.");
    }
    Ok(client)
}

/// Asks the person whether the fingerprint is right.
async fn accept(address: &str) -> Result<String, Failure> {
    let presented = pin::inspect(address).await?;
    let told = format!(
        "This is the first contact with {address}. Its fingerprint is\n  {}\n",
        presented.fingerprint
    );
    if !typed::is_somebody_there() {
        return Err(Failure::new(Exit::Refused, told.trim_end().to_owned()).hint(
            "Compare it with the one that the server's host told you, then add: \
                --fingerprint sha256:…",
        ));
    }
    let answer =
        typed::ask(&format!("{told}Is that the one that the server's host told you? (yes/no)"))?;
    if answer.eq_ignore_ascii_case("yes") || pin::same_fingerprint(&answer, &presented.fingerprint)
    {
        Ok(presented.authorities_pem)
    } else {
        Err(Failure::new(
            Exit::Refused,
            "Nothing was sent. Ask the server's host for the fingerprint.",
        ))
    }
}
