//! What servers on one PostgreSQL tell each other: hints to look sooner than a sweep would. Nobody
//! shares a file.

use sqlx::postgres::PgListener;

use super::driver::Database;
use super::error::StoreError;
use crate::domain::{AccountId, MemberId, Revision, TeamId};

/// The channel on which servers tell each other where teams stand: who says so, a blank, then
/// `team:revision` pairs with commas between.
pub const CHANGES: &str = "deskbell_changes";

/// The channel on which servers tell each other whose sessions ended: an account's id.
pub const SIGN_OUTS: &str = "deskbell_sign_outs";

/// The channel on which servers tell each other who watches on them: who says so, a blank, then
/// `team:member` pairs with commas between.
pub const WATCHING: &str = "deskbell_watching";

/// The most pairs in one word to other servers: a payload has at most 8000 bytes.
pub const PAIRS: usize = 128;

/// What another server on the same database said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// A team is at this revision.
    Changed(TeamId, Revision),
    /// Sessions of this account ended.
    SignedOut(AccountId),
    /// This member of a team watches there.
    Watches(TeamId, MemberId),
    /// Words were lost; anything may have changed.
    Lost,
}

/// Listens to other servers on the same database.
pub struct Hints {
    listener: PgListener,
    /// What this server says itself it knows.
    own: String,
}

impl Hints {
    /// Starts listening to all but `own` words. None: nobody shares a file.
    pub async fn listen(database: &Database, own: &str) -> Result<Option<Self>, StoreError> {
        let Database::Postgres(pool) = database else { return Ok(None) };
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen_all([CHANGES, SIGN_OUTS, WATCHING]).await?;
        Ok(Some(Hints { listener, own: own.to_owned() }))
    }

    /// The next hints. The listener connects again by itself, and says [`Hint::Lost`] when it had
    /// to.
    pub async fn next(&mut self) -> Result<Vec<Hint>, StoreError> {
        let Some(notification) = self.listener.try_recv().await? else {
            return Ok(vec![Hint::Lost]);
        };
        let payload = notification.payload();
        if notification.channel() == SIGN_OUTS {
            return Ok(payload
                .parse()
                .map(|id| Hint::SignedOut(AccountId(id)))
                .into_iter()
                .collect());
        }
        let Some((_, pairs)) = payload.split_once(' ').filter(|(origin, _)| *origin != self.own)
        else {
            return Ok(Vec::new());
        };
        let pairs = pairs.split(',').filter_map(|pair| pair.split_once(':'));
        let pairs = pairs
            .filter_map(|(team, other)| Some((TeamId(team.parse().ok()?), other.parse().ok()?)));
        Ok(if notification.channel() == WATCHING {
            pairs.map(|(team, member)| Hint::Watches(team, MemberId(member))).collect()
        } else {
            pairs.map(|(team, revision)| Hint::Changed(team, revision)).collect()
        })
    }
}
