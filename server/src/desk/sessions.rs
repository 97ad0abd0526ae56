//! Who calls: sessions, signing in and out, one's own account.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Desk, Failure};
use crate::domain::{
    AccountId, Caller, Digest, MemberId, MemberState, Millis, Refusal, SESSION_IDLE, Team, TeamId,
    Viewer,
};
use crate::secrets::SessionToken;

/// How long what is known of a session is believed without asking the database. Sign-outs end it at
/// once on every server; this is for the case that word of one was lost.
const BELIEVED: Duration = Duration::from_secs(5);

/// A session that is used lives longer from then on; that is written down once a day.
const PROLONG_AFTER: Millis = 24 * 60 * 60 * 1000;

/// Sessions held in memory at most.
const HELD: usize = 65_536;

/// A session, as far as its token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// SHA-256 of the token.
    pub token: Digest,
    /// Whose it is.
    pub account: AccountId,
    /// The account's place in a team. Whether the member is active is another question.
    pub membership: Option<(TeamId, MemberId)>,
}

/// Sessions that were looked up a moment ago.
#[derive(Debug, Default)]
pub struct SessionCache {
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    sessions: HashMap<Digest, (Session, Instant)>,
    /// Grows whenever something is forgotten, so that what was read before is not put in
    /// afterwards.
    forgotten: u64,
}

impl SessionCache {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session of a token; or, for putting it in later, how often something was forgotten until
    /// now.
    fn get(&self, token: Digest) -> Result<Session, u64> {
        let held = self.held();
        let found = held.sessions.get(&token).filter(|(_, at)| at.elapsed() < BELIEVED);
        found.map(|(session, _)| *session).ok_or(held.forgotten)
    }

    /// Puts in what was read, unless something was forgotten since the reading began: it may have
    /// ended meanwhile.
    fn put(&self, session: Session, forgotten: u64) {
        let mut held = self.held();
        if held.forgotten != forgotten {
            return;
        }
        if held.sessions.len() >= HELD {
            held.sessions.clear();
        }
        held.sessions.insert(session.token, (session, Instant::now()));
    }

    /// Forgets an account's sessions.
    pub fn forget(&self, account: AccountId) {
        let mut held = self.held();
        held.forgotten += 1;
        held.sessions.retain(|_, (session, _)| session.account != account);
    }

    /// Forgets everything: word from other servers was lost.
    pub fn forget_all(&self) {
        let mut held = self.held();
        held.forgotten += 1;
        held.sessions.clear();
    }
}

/// A caller who is an active member of a team, with what they may see.
#[derive(Clone, Debug)]
pub struct Staff {
    /// The session.
    pub session: Session,
    /// The team, as it was at the beginning of the call.
    pub team: Arc<Team>,
    /// What the member sees.
    pub viewer: Viewer,
}

impl Staff {
    /// The caller, for the rules.
    pub fn caller(&self) -> Caller {
        Caller::Member(self.viewer.member)
    }

    /// Refuses whoever is no admin.
    pub fn admin(&self) -> Result<(), Failure> {
        if self.viewer.admin { Ok(()) } else { Err(Refusal::NOT_ADMIN.into()) }
    }

    /// Refuses members who are neither operators nor admins.
    pub fn operator(&self) -> Result<(), Failure> {
        if self.viewer.admin || self.viewer.operator {
            Ok(())
        } else {
            Err(Refusal::NOT_OPERATOR.into())
        }
    }
}

impl Desk {
    /// Whose session a token is.
    pub async fn authenticate(&self, token: &str) -> Result<Session, Failure> {
        let token = SessionToken::parse(token).ok_or(Failure::SignedOut)?;
        self.session(Digest(token.hash())).await
    }

    /// Whose session a token of this hash is, while it lives.
    pub(super) async fn session(&self, token: Digest) -> Result<Session, Failure> {
        let forgotten = match self.sessions.get(token) {
            Ok(session) => return Ok(session),
            Err(forgotten) => forgotten,
        };
        let now = self.clock.now();
        let found = self.store.session(token).await?;
        let (account, expires_at, membership) =
            found.filter(|found| found.1 > now).ok_or(Failure::SignedOut)?;
        if expires_at - now < SESSION_IDLE - PROLONG_AFTER
            && let Err(cause) = self.store.prolong_session(token, now + SESSION_IDLE).await
        {
            // Whoever only reads needs no room on the disk; the next call tries again.
            tracing::warn!(%cause, "a session could not be prolonged");
        }
        let session = Session { token, account, membership };
        self.sessions.put(session, forgotten);
        Ok(session)
    }

    /// The caller as a member of their team.
    pub async fn staff(&self, session: Session) -> Result<Staff, Failure> {
        let (team, member) = session.membership.ok_or(Failure::Refused(Refusal::NO_TEAM))?;
        let team = self.team(team).await?;
        let kept_out = team.members.get(&member).map(|found| found.state);
        let viewer = team.viewer(member).ok_or(match kept_out {
            Some(MemberState::Disabled) => Refusal::DISABLED,
            _ => Refusal::NO_TEAM,
        })?;
        Ok(Staff { session, team, viewer })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;
    use crate::clock::Clock;
    use crate::desk::tests::{desk, token_of_ana};

    const DAY: Millis = 24 * 60 * 60 * 1000;

    #[tokio::test]
    async fn a_session_ends_when_nobody_used_it_for_so_long() {
        let folder = tempfile::tempdir().expect("a folder");
        let now = Arc::new(AtomicI64::new(1_700_000_000_000));
        let tells = Arc::clone(&now);
        let clock = Clock::new(move || tells.load(Ordering::Relaxed));
        let desk = desk(folder.path(), clock).await;
        let token = token_of_ana(&desk).await;
        for days in [0, 2, 28, 28, 29] {
            now.fetch_add(days * DAY, Ordering::Relaxed);
            desk.sessions.forget_all();
            desk.authenticate(&token).await.expect("it was used less than thirty days ago");
        }
        now.fetch_add(30 * DAY, Ordering::Relaxed);
        desk.sessions.forget_all();
        assert_eq!(desk.authenticate(&token).await, Err(Failure::SignedOut));
        desk.close();
    }

    #[test]
    fn what_was_read_before_a_sign_out_is_not_believed_after_it() {
        let cache = SessionCache::default();
        let (token, account) = (Digest([1; 32]), AccountId(7));
        let session = Session { token, account, membership: None };
        let before = cache.get(token).expect_err("nothing is held");
        cache.forget(account);
        cache.put(session, before);
        let now = cache.get(token).expect_err("it ended between reading and holding");
        cache.put(session, now);
        assert_eq!(cache.get(token), Ok(session));
        cache.forget_all();
        assert!(cache.get(token).is_err());
    }
}
