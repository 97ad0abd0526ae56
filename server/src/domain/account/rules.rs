//! Accounts, one-time codes and sessions. The first account is made by a command on the host, never
//! over the wire.

use super::{Account, AccountDraft, AccountEvent, NewSession, OneTimeCode, Redemption};
use crate::domain::decide::{Draft, MemberEntry};
use crate::domain::ids::{AccountId, MemberId};
use crate::domain::member::MemberState;
use crate::domain::refusal::Refusal;
use crate::domain::request::{Caller, Reply};
use crate::domain::words::Digest;

impl<'w> Draft<'w> {
    /// Refuses whoever is no command on the host.
    fn on_host(&self) -> Result<(), Refusal> {
        if self.caller == Caller::Host { Ok(()) } else { Err(Refusal::NOT_ADMIN) }
    }

    /// The account, if it is the caller's own.
    fn own_account(&self, id: AccountId) -> Result<&'w Account, Refusal> {
        if self.caller == Caller::Account(id) {
            self.world.account(id)
        } else {
            Err(Refusal::NotFound("account"))
        }
    }

    pub(super) fn create_account(&mut self, new: &AccountDraft) -> Result<Reply, Refusal> {
        let AccountDraft { account, email, display_name, password_hash, code } = new;
        self.on_host()?;
        let email = email.clone()?;
        let display_name = display_name.clone()?;
        if self.world.accounts.iter().any(|known| known.email_key == email.key) {
            return Err(Refusal::AlreadyExists {
                field: "email",
                text: "this address has an account already".into(),
            });
        }
        self.happened(AccountEvent::Changed(Box::new(Account {
            id: *account,
            display_name: if display_name.is_empty() {
                email.written.clone()
            } else {
                display_name
            },
            email: email.written,
            email_key: email.key,
            password_hash: password_hash.clone(),
            membership: None,
            opened_by: None,
        })));
        if let Some(code) = code {
            self.happened(AccountEvent::CodeMade(code.clone()));
        }
        Ok(Reply::Account(*account))
    }

    pub(super) fn reset_password(
        &mut self,
        account: AccountId,
        code: &OneTimeCode,
    ) -> Result<Reply, Refusal> {
        self.on_host()?;
        self.world.account(account)?;
        self.happened(AccountEvent::CodeMade(code.clone()));
        Ok(Reply::Account(account))
    }

    pub(super) fn change_password(
        &mut self,
        id: AccountId,
        hash: &str,
        keep: Digest,
    ) -> Result<Reply, Refusal> {
        let mut account = self.own_account(id)?.clone();
        account.password_hash = Some(hash.to_owned());
        self.happened(AccountEvent::Changed(Box::new(account)));
        self.happened(AccountEvent::SessionsEnded { account: id, only: None, except: Some(keep) });
        Ok(Reply::Account(id))
    }

    pub(super) fn redeem_code(&mut self, redemption: &Redemption) -> Result<Reply, Refusal> {
        let Redemption { email_key, password_hash, display_name, .. } = redemption;
        let code = self.world.code.as_ref().filter(|code| code.expires_at > self.now);
        let code = code.ok_or(Refusal::NotFound("code"))?;
        let invited = match code.invitation {
            Some((_, member)) => Some(self.invited(member, email_key)?),
            None => None,
        };
        let mut account = match invited {
            Some(invited) => self.account_to_open(code, invited)?,
            None => self.world.account(code.account)?.clone(),
        };
        if account.email_key != *email_key {
            return Err(Refusal::NotFound("account"));
        }
        account.password_hash = Some(password_hash.clone());
        if let Some(name) = display_name {
            account.display_name.clone_from(name);
        }
        let id = account.id;
        self.happened(AccountEvent::CodeUsed(code.hash, id));
        self.happened(AccountEvent::SessionsEnded { account: id, only: None, except: None });
        match invited {
            Some(member) => self.join(member, account),
            None => self.happened(AccountEvent::Changed(Box::new(account))),
        }
        Ok(Reply::Account(id))
    }

    /// The member whom the code at hand invites, if they have not answered yet.
    fn invited(&self, member: MemberId, email_key: &str) -> Result<&'w MemberEntry, Refusal> {
        self.invitation_code(member).ok_or(Refusal::NotFound("invitation"))?;
        let found = self.team()?.members.get(&member).ok_or(Refusal::NotFound("invitation"))?;
        let waits = found.state == MemberState::Invited && found.words.email_key == email_key;
        if waits { Ok(found) } else { Err(Refusal::NotFound("invitation")) }
    }

    /// The account that an invitation's code opens. One that this team's code opened before and
    /// that has no team since is opened again. What the host or another team's code opened is left
    /// alone: whoever invited knows the code, and must not take over what is not theirs.
    fn account_to_open(
        &self,
        code: &OneTimeCode,
        invited: &MemberEntry,
    ) -> Result<Account, Refusal> {
        let words = &invited.words;
        let opened_here = self.world.accounts.iter().find(|account| {
            account.email_key == words.email_key
                && account.membership.is_none()
                && account.opened_by == Some(self.world.id)
        });
        if let Some(account) = opened_here {
            return Ok(account.clone());
        }
        // Earlier servers made the account, without a password, when its address was added.
        let there = self.world.account(code.account);
        if there.is_ok_and(|account| account.password_hash.is_some()) {
            return Err(Refusal::NotFound("account"));
        }
        Ok(Account {
            id: code.account,
            email: words.email.clone(),
            email_key: words.email_key.clone(),
            display_name: words.display_name.clone(),
            password_hash: None,
            membership: None,
            opened_by: Some(self.world.id),
        })
    }

    pub(super) fn open_session(&mut self, session: &NewSession) -> Result<Reply, Refusal> {
        self.own_account(session.account)?;
        self.happened(AccountEvent::SessionOpened(session.clone()));
        Ok(Reply::Account(session.account))
    }

    pub(super) fn end_sessions(
        &mut self,
        account: AccountId,
        only: Option<Digest>,
    ) -> Result<Reply, Refusal> {
        self.own_account(account)?;
        self.happened(AccountEvent::SessionsEnded { account, only, except: None });
        Ok(Reply::Done)
    }
}
