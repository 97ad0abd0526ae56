//! Who is calling: put into every call's metadata, and marked so that nothing logs it.

use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::{Code, Request, Status};

use crate::problem::Problem;
use crate::ticket_secret::TicketSecret;

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
        Ok(Self { entries: vec![("authorization", secret(&format!("Bearer {token}"))?)] })
    }

    /// A widget, by its profile's credential.
    pub fn profile(credential: &str) -> Result<Self, Problem> {
        Ok(Self { entries: vec![("deskbell-profile", secret(credential)?)] })
    }

    /// Also the customer whose ticket this is, by the secret that the widget made.
    pub fn with_ticket(mut self, ticket_secret: &TicketSecret) -> Result<Self, Problem> {
        self.entries.push(("deskbell-ticket", secret(&ticket_secret.reveal())?));
        Ok(self)
    }
}

fn secret(text: &str) -> Result<MetadataValue<Ascii>, Problem> {
    let mut value = MetadataValue::try_from(text).map_err(|_| {
        Problem::local(
            Code::InvalidArgument,
            "CREDENTIAL_UNUSABLE",
            "The credential holds characters that none can have.",
        )
    })?;
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
    fn header_injection_is_refused() {
        assert!(Credentials::session("a\r\nb: c").is_err());
    }
}
