//! Signing in and out, passwords, one-time codes and answers to invitations.

use std::net::IpAddr;

use super::attempts::Attempt;
use super::{Desk, Failure, Identity, Session};
use crate::domain::{
    Account, AccountCommand, Caller, Digest, MemberCommand, MemberId, Millis, NewSession,
    Redemption, Refusal, SESSION_IDLE, TeamId, text,
};
use crate::secrets::codes::code_hash;
use crate::secrets::passwords::check as check_password;
use crate::secrets::{DeviceToken, SessionToken};

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
        let expires_at = self.clock.now() + SESSION_IDLE;
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
                self.store.code(hash).await?.filter(|code| code.expires_at > self.clock.now())
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
            Err(Failure::Refused(Refusal::NotFound(_))) => Err(Failure::BadCredentials),
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
            return Err(Refusal::NotFound("invitation").into());
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
