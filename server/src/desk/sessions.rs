//! Who calls: sessions, signing in and out, one's own account.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::attempts::Attempt;
use super::{Desk, Failure};
use crate::domain::{
    Account, AccountCommand, AccountId, Caller, Digest, Entry, Member, MemberCommand, MemberId,
    MemberState, MemberWords, Millis, NewSession, Redemption, Refusal, SESSION_IDLE, Team, TeamId,
    Viewer, text,
};
use crate::secrets::codes::code_hash;
use crate::secrets::passwords::check as check_password;
use crate::secrets::{DeviceToken, SessionToken};
use crate::store::process_clock;

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

/// Somebody's account and place.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The account.
    pub account: Account,
    /// The team and the member, while the member is active.
    pub membership: Option<(Arc<Team>, Entry<Member, MemberWords>)>,
    /// The name of the team in which the member is disabled.
    pub disabled_in: Option<String>,
    /// Invitations that wait.
    pub invitations: Vec<Invitation>,
}

/// A team that asks an account to join.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// The team.
    pub team: TeamId,
    /// The member to be.
    pub member: MemberId,
    /// The team's name.
    pub team_name: String,
}

/// An answer to an invitation.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The team that asks, and the member to be.
    pub invitation: (TeamId, MemberId),
    /// Joins rather than declines.
    pub accept: bool,
    /// The code that the team passed on, as it was typed.
    pub code: &'a str,
    /// The caller's network address.
    pub from: Option<IpAddr>,
}

/// A new session.
#[derive(Debug)]
pub struct SignedIn {
    /// The token, to be shown once.
    pub token: SessionToken,
    /// When it ends unless it is used.
    pub expires_at: Millis,
    /// What the device presents when it signs in the next time.
    pub device_token: String,
    /// Who signed in.
    pub identity: Identity,
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
        let now = process_clock();
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

    /// Opens a session. Unknown address and wrong password look and take the same.
    pub async fn sign_in(
        &self,
        email: &str,
        password: &str,
        label: &str,
        from: Option<IpAddr>,
        device_token: &str,
    ) -> Result<SignedIn, Failure> {
        let key = text::email(email).map(|email| email.key).unwrap_or_default();
        let label = text::optional_line(label, 80).map_err(Refusal::text("label"))?;
        let host_key = &self.secrets.credential_key;
        let device = DeviceToken::verify(host_key, &key, device_token);
        let attempt = self.attempt(&key, from, device).await?;
        let account = self.account_of(&attempt, &key, password).await?;
        let account = account.ok_or(Failure::BadCredentials)?;
        let kept = account.password_hash.clone();
        attempt.forgive(&self.store).await?;
        let device = attempt.device.map_or_else(DeviceToken::make, Ok)?;
        let device_token = device.reveal(host_key, &key);
        let token = SessionToken::make()?;
        let expires_at = process_clock() + SESSION_IDLE;
        let session =
            NewSession { token_hash: Digest(token.hash()), account: account.id, label, expires_at };
        let (token_hash, caller) = (session.token_hash, Caller::Account(account.id));
        self.change(TeamId::HOST, caller, None, AccountCommand::OpenSession(session)).await?;
        let identity = self.identity(account.id).await?;
        if identity.account.password_hash != kept {
            // The password was changed while it was being checked: what ended all sessions ends
            // this one, too.
            let command =
                AccountCommand::EndSessions { account: account.id, only: Some(token_hash) };
            self.change(TeamId::HOST, caller, None, command).await?;
            return Err(Failure::BadCredentials);
        }
        Ok(SignedIn { token, expires_at, device_token, identity })
    }

    /// Whether a password is the kept one. If nothing was found out, the attempt did not fail.
    async fn check_password(
        &self,
        attempt: &Attempt,
        password: &str,
        kept: Option<String>,
    ) -> Result<bool, Failure> {
        match self.passwords.verify(password, kept).await {
            Ok(fits) => Ok(fits),
            Err(problem) => {
                attempt.give_back(&self.store).await?;
                Err(problem.into())
            }
        }
    }

    /// Counts an attempt to show that one has an account with that address.
    async fn attempt(
        &self,
        email_key: &str,
        from: Option<IpAddr>,
        device: Option<DeviceToken>,
    ) -> Result<Attempt, Failure> {
        let host_key = &self.secrets.credential_key;
        self.throttle.sign_ins.begin(&self.store, host_key, email_key, from, device).await
    }

    /// The account with that address and password. Each team's code can have opened one, with a
    /// password of its own. Where there is none, a password is compared all the same.
    async fn account_of(
        &self,
        attempt: &Attempt,
        key: &str,
        password: &str,
    ) -> Result<Option<Account>, Failure> {
        let known = match key {
            "" => Vec::new(),
            key => self.store.accounts_by_email(key).await?,
        };
        let mut compared = false;
        for account in known.into_iter().filter(|account| account.password_hash.is_some()) {
            compared = true;
            if self.check_password(attempt, password, account.password_hash.clone()).await? {
                return Ok(Some(account));
            }
        }
        if !compared {
            self.check_password(attempt, password, None).await?;
        }
        Ok(None)
    }

    /// Ends this session, or all of the account's. Gives how many ended, as far as one can tell.
    pub async fn sign_out(&self, session: Session, everywhere: bool) -> Result<i64, Failure> {
        let ended = if everywhere { self.store.count_sessions(session.account).await? } else { 1 };
        let only = (!everywhere).then_some(session.token);
        let command = AccountCommand::EndSessions { account: session.account, only };
        self.change(TeamId::HOST, Caller::Account(session.account), None, command).await?;
        Ok(ended)
    }

    /// Who an account is.
    pub async fn identity(&self, account: AccountId) -> Result<Identity, Failure> {
        let account = self.store.account(account).await?.ok_or(Failure::SignedOut)?;
        let member = match account.membership {
            Some((team, member)) => self.store.team(team).await?.and_then(|team| {
                let found = team.members.get(&member)?.clone();
                Some((team, found))
            }),
            None => None,
        };
        let (membership, kept_out) = match member {
            Some((team, member)) if member.state == MemberState::Active => {
                (Some((team, member)), None)
            }
            Some((team, _)) => (None, Some(team.settings.words.name.clone())),
            None => (None, None),
        };
        let mut invitations = Vec::new();
        if account.membership.is_none() {
            for (team, member) in self.store.invitations(&account.email_key).await? {
                if let Some(found) = self.store.team(team).await? {
                    invitations.push(Invitation {
                        team,
                        member,
                        team_name: found.settings.words.name.clone(),
                    });
                }
            }
        }
        Ok(Identity { account, membership, disabled_in: kept_out, invitations })
    }

    /// Changes one's own password and ends all other sessions.
    pub async fn change_password(
        &self,
        session: Session,
        current: &str,
        new: &str,
        from: Option<IpAddr>,
    ) -> Result<(), Failure> {
        let account = self.store.account(session.account).await?.ok_or(Failure::SignedOut)?;
        check_password(new)
            .map_err(|problem| Refusal::invalid("new_password", problem.to_string()))?;
        let attempt = self.attempt(&account.email_key, from, None).await?;
        if !self.check_password(&attempt, current, account.password_hash).await? {
            return Err(Refusal::invalid("current_password", "this is not your password").into());
        }
        attempt.give_back(&self.store).await?;
        let password_hash = self.passwords.hash(new).await?;
        // Hashing takes its time; a session that was ended meanwhile changes nothing any more.
        self.session(session.token).await?;
        let command = AccountCommand::ChangePassword {
            account: session.account,
            password_hash,
            keep: session.token,
        };
        self.change(TeamId::HOST, Caller::Account(session.account), None, command).await.map(drop)
    }

    /// Sets a password with a one-time code. Wrong, used and expired codes look the same.
    pub async fn redeem_code(
        &self,
        email: &str,
        code: &str,
        password: &str,
        display_name: &str,
        from: Option<IpAddr>,
    ) -> Result<(), Failure> {
        let key = text::email(email).map(|email| email.key).unwrap_or_default();
        let attempt = self.attempt(&key, from, None).await?;
        let hash = code_hash(&self.secrets.credential_key, &key, code).map(Digest);
        let known = match hash {
            Some(hash) => {
                self.store.code(hash).await?.filter(|code| code.expires_at > process_clock())
            }
            None => None,
        };
        let (Some(code_hash), Some(known)) = (hash, known) else {
            return Err(Failure::BadCredentials);
        };
        attempt.give_back(&self.store).await?;
        check_password(password)
            .map_err(|problem| Refusal::invalid("new_password", problem.to_string()))?;
        let display_name =
            text::optional_line(display_name, 80).map_err(Refusal::text("display_name"))?;
        let command = AccountCommand::RedeemCode(Box::new(Redemption {
            code_hash,
            email_key: key,
            password_hash: self.passwords.hash(password).await?,
            display_name: Some(display_name).filter(|name| !name.is_empty()),
        }));
        let team = known.invitation.map_or(TeamId::HOST, |(team, _)| team);
        match self.change(team, Caller::Account(known.account), None, command).await {
            // Used by somebody else in the same moment.
            Err(Failure::Refused(Refusal::NotFound)) => Err(Failure::BadCredentials),
            other => other.map(drop),
        }
    }

    /// Accepts or declines an invitation, with the newest code of the team that asks. A wrong code
    /// counts like a wrong password.
    pub async fn answer_invitation(
        &self,
        session: Session,
        answer: Answer<'_>,
        request_id: &str,
        fingerprint: Digest,
    ) -> Result<Identity, Failure> {
        let (team, member) = answer.invitation;
        // An id that was made up names no team, or one that did not ask this account: both are not
        // found.
        if self.store.team(team).await?.is_none() {
            return Err(Refusal::NotFound.into());
        }
        let account = self.store.account(session.account).await?.ok_or(Failure::SignedOut)?;
        let attempt = self.attempt(&account.email_key, answer.from, None).await?;
        let host_key = &self.secrets.credential_key;
        let command = MemberCommand::AnswerInvitation {
            member,
            accept: answer.accept,
            code_hash: code_hash(host_key, &account.email_key, answer.code).map(Digest),
        };
        let memory = self.memory(request_id, fingerprint);
        let caller = Caller::Account(session.account);
        let answered = self.change(team, caller, Some(memory), command).await;
        let guessed =
            matches!(answered, Err(Failure::Refused(Refusal::Invalid { field: "code", .. })));
        if !guessed {
            attempt.give_back(&self.store).await?;
        }
        answered?;
        self.identity(session.account).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
