//! Who is calling: put into every call's metadata, and marked so that nothing logs it.

use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::{Code, Request, Status};

use crate::problem::Problem;
use crate::ticket_secret::TicketSecret;

/// Bytes of the longest credential; those that servers make are much shorter.
const LONGEST: usize = 4096;

/// What a call is made with. Its `Debug` shows no secret.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    entries: Vec<(&'static str, MetadataValue<Ascii>)>,
}

impl Credentials {
    /// Nobody yet: for signing in and for the server's facts.
    pub fn none() -> Self {
        Self::default()
    }

    /// A signed-in person, by the session's token.
    pub fn session(token: &str) -> Result<Self, Problem> {
        Ok(Self { entries: vec![("authorization", secret("Bearer ", token)?)] })
    }

    /// A widget, by its profile's credential.
    pub fn profile(credential: &str) -> Result<Self, Problem> {
        Ok(Self { entries: vec![("deskbell-profile", secret("", credential)?)] })
    }

    /// Also the customer whose ticket this is, by the secret that the widget made.
    pub fn with_ticket(mut self, ticket_secret: &TicketSecret) -> Result<Self, Problem> {
        self.entries.push(("deskbell-ticket", secret("", &ticket_secret.reveal())?));
        Ok(self)
    }
}

/// What nobody can present is refused here, before it is sent: a server that gets a header of such
/// a size closes the connection, which looks as if it were away.
fn secret(scheme: &str, text: &str) -> Result<MetadataValue<Ascii>, Problem> {
    let text = text.trim();
    let unusable = |why| Problem::local(Code::InvalidArgument, "CREDENTIAL_UNUSABLE", why);
    if text.len() > LONGEST {
        return Err(unusable("The credential is too long to be one."));
    }
    let value = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_graphic()));
    let mut value = value
        .and_then(|text| MetadataValue::try_from(format!("{scheme}{text}")).ok())
        .ok_or_else(|| unusable("The credential holds characters that none can have."))?;
    value.set_sensitive(true);
    Ok(value)
}

impl Interceptor for Credentials {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        for (name, value) in &self.entries {
            request.metadata_mut().insert(*name, value.clone());
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_widget_with_a_ticket_sends_both() {
        let secret = TicketSecret::from_bytes([0xab; 32]);
        let mut credentials =
            Credentials::profile("team.secret").unwrap().with_ticket(&secret).unwrap();
        let request = credentials.call(Request::new(())).unwrap();
        assert_eq!(request.metadata().get("deskbell-profile").unwrap(), "team.secret");
        assert_eq!(request.metadata().get("deskbell-ticket").unwrap(), &"ab".repeat(32));
        assert!(request.metadata().get("authorization").is_none());
    }

    #[test]
    fn debug_hides_the_token() {
        let credentials = Credentials::session("very-secret").unwrap();
        assert!(!format!("{credentials:?}").contains("very-secret"));
    }

    #[test]
    fn what_is_no_credential_is_not_sent() {
        assert!(Credentials::session("a\r\nb: c").is_err());
        assert!(Credentials::session(&"0".repeat(100_000)).is_err());
        let mut credentials = Credentials::session(" token\r\n").unwrap();
        let request = credentials.call(Request::new(())).unwrap();
        assert_eq!(request.metadata().get("authorization").unwrap(), "Bearer token");
    }
}
