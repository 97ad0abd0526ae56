//! Pages of lists: how large they are, and the tokens that say where the next one begins.
//!
//! A token is sealed: where a page ended may be a ticket that its holder must not know of. It is
//! good for the caller it was given to and for what they asked, on any server of the host, and
//! across restarts.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use deskbell_proto::fold;
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tonic::Status;

use super::Handlers;
use super::identity::fingerprint;
use super::status::invalid;
use crate::desk::{ANSWER, Failure, Staff};
use crate::secrets::sealed::SealingKey;

/// The pages of one list, as one caller asks for it.
pub struct Pages<'a> {
    key: &'a SealingKey,
    list: String,
    /// Items of a page, at most.
    pub size: usize,
}

impl Handlers {
    /// The pages of a list. `asked` is the request without its page fields; of `size`, 0 means 100
    /// and more than 1000 means 1000.
    pub fn pages<M: Message>(
        &self,
        staff: &Staff,
        call: &str,
        asked: &M,
        size: i32,
    ) -> Result<Pages<'_>, Status> {
        let size = match size {
            ..0 => return Err(invalid("INVALID_FIELD", "page_size", "must not be negative")),
            0 => 100,
            asked => usize::try_from(asked.min(1000)).unwrap_or(100),
        };
        let (team, member) = (staff.team.id.0, staff.viewer.member.0);
        let list = format!("page of {team} {member} {}", hex::encode(fingerprint(call, asked).0));
        Ok(Pages { key: self.desk.page_key(), list, size })
    }
}

impl Pages<'_> {
    /// Where the page begins that a token asks for: after this place, or at the beginning.
    pub fn after<P: DeserializeOwned>(&self, token: &str) -> Result<Option<P>, Status> {
        if token.is_empty() {
            return Ok(None);
        }
        let foreign = || {
            invalid("INVALID_FIELD", "page_token", "is none that this server gave for this list")
        };
        let sealed = URL_SAFE_NO_PAD.decode(token).map_err(|_| foreign())?;
        let place = self.key.open(&self.list, &sealed).map_err(|_| foreign())?;
        Ok(Some(serde_json::from_slice(&place).map_err(|_| foreign())?))
    }

    /// The token for the page after a place; empty when there is none.
    pub fn token<P: Serialize>(&self, place: Option<P>) -> Result<String, Status> {
        let Some(place) = place else { return Ok(String::new()) };
        let place = serde_json::to_vec(&place).map_err(|_| Failure::Internal)?;
        let sealed = self.key.seal(&self.list, &place).ok_or(Failure::Internal)?;
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// The first of these items that fit into a page, at least one, and the token for the rest.
    pub fn fill<P: Serialize, M: Message>(
        &self,
        items: impl Iterator<Item = (P, M)>,
    ) -> Result<(Vec<M>, String), Status> {
        let (mut page, mut last, mut bytes) = (Vec::new(), None, 0);
        for (place, item) in items {
            bytes += item.encoded_len();
            if page.len() == self.size || (bytes > ANSWER && !page.is_empty()) {
                return Ok((page, self.token(last)?));
            }
            page.push(item);
            last = Some(place);
        }
        Ok((page, String::new()))
    }
}

/// Items in the order of their names, after a place, each with its own: its name as it is compared,
/// and its id.
pub fn by_name<'a, T: 'a>(
    items: impl Iterator<Item = &'a T>,
    after: Option<&(String, i64)>,
    id_and_name: impl Fn(&T) -> (i64, &String),
) -> impl Iterator<Item = ((String, i64), &'a T)> {
    let mut placed: Vec<_> = items
        .map(|item| {
            let (id, name) = id_and_name(item);
            ((fold::name(name), id), item)
        })
        .filter(|(place, _)| after.is_none_or(|after| place > after))
        .collect();
    placed.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    placed.into_iter()
}
