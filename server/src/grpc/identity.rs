//! Who calls: what the call's metadata says, and what makes a request recognisable.

use std::net::IpAddr;

use deskbell_proto::ticket_secret::TicketSecret;
use prost::Message;
use tonic::metadata::MetadataMap;
use tonic::{Request, Status};

use super::Handlers;
use crate::desk::{CustomerTicket, Failure, Session, Staff, Widget};
use crate::domain::{Digest, Refusal, sha256};
use crate::front::household;

impl Handlers {
    /// The caller's session.
    pub async fn session(&self, metadata: &MetadataMap) -> Result<Session, Status> {
        let value = metadata.get("authorization").and_then(|value| value.to_str().ok());
        let token = value.and_then(bearer).ok_or(Failure::SignedOut)?;
        Ok(self.desk.authenticate(token).await?)
    }

    /// The caller as a member of a team.
    pub async fn staff(&self, metadata: &MetadataMap) -> Result<Staff, Status> {
        let session = self.session(metadata).await?;
        Ok(self.desk.staff(session).await?)
    }

    /// The caller as an admin.
    pub async fn admin(&self, metadata: &MetadataMap) -> Result<Staff, Status> {
        let staff = self.staff(metadata).await?;
        staff.admin()?;
        Ok(staff)
    }

    /// The calling copy of a profile.
    pub async fn widget(&self, metadata: &MetadataMap) -> Result<Widget, Status> {
        let credential = metadata.get("deskbell-profile").and_then(|value| value.to_str().ok());
        let credential = credential.ok_or(Failure::Refused(Refusal::PROFILE_UNKNOWN))?;
        Ok(self.desk.widget(credential).await?)
    }

    /// The calling customer, with the secret of their ticket.
    pub async fn customer(&self, metadata: &MetadataMap) -> Result<CustomerTicket, Status> {
        let widget = self.widget(metadata).await?;
        widget.valid()?;
        let secret =
            ticket_secret(metadata)?.ok_or(Failure::Refused(Refusal::NotFound("ticket")))?;
        Ok(CustomerTicket { widget, secret })
    }
}

/// The token of an `authorization`. The scheme's name is written in any case (RFC 9110, 11.1).
fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The hash of the ticket secret in the metadata, if there is one. A secret that is none is like
/// one of no ticket.
pub fn ticket_secret(metadata: &MetadataMap) -> Result<Option<Digest>, Status> {
    let Some(value) = metadata.get("deskbell-ticket") else { return Ok(None) };
    let secret = value
        .to_str()
        .ok()
        .and_then(TicketSecret::parse)
        .ok_or(Failure::Refused(Refusal::NotFound("ticket")))?;
    Ok(Some(Digest(secret.hash())))
}

/// The network address of the caller: of the connection itself, an IPv6 one as its network of 64
/// bits, of which one party usually has them all. Headers that claim another are not looked at.
pub fn remote<T>(request: &Request<T>) -> Option<IpAddr> {
    crate::front::remote_address(request.extensions()).map(|address| household(address.ip()))
}

/// A digest of a call with its body: a repeated request has the same.
pub fn fingerprint<M: Message>(call: &str, body: &M) -> Digest {
    sha256(&[call.as_bytes(), &[0], &body.encode_to_vec()])
}

#[cfg(test)]
mod tests {
    use super::bearer;

    #[test]
    fn the_scheme_is_bearer_in_any_case() {
        for right in ["Bearer t", "bearer t", "BEARER t", "bEaReR  t "] {
            assert_eq!(bearer(right), Some("t"), "{right:?}");
        }
        for wrong in ["", "t", "Bearer", "Bearert", "Basic t", " Bearer t", "Bearer\tt"] {
            assert_eq!(bearer(wrong), None, "{wrong:?}");
        }
    }
}
