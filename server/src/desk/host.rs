//! What commands on the host do: the first accounts, lost passwords.

use deskbell_proto::fold;

use super::{Desk, Failure, random_id};
use crate::domain::{
    Account, AccountCommand, AccountDraft, AccountId, Caller, Digest, Millis, OneTimeCode, Refusal,
    TeamId, text,
};
use crate::secrets::SecretShelf;
use crate::secrets::codes::{code_hash, random_code};
use crate::secrets::passwords::check as check_password;
use crate::store::{Database, StoreError};

/// How long a one-time code works: three days.
pub(super) const CODE_LIVES: Millis = 3 * 24 * 60 * 60 * 1000;

/// An account that was made, or whose password is to be set.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// The account.
    pub id: AccountId,
    /// A code that sets the password once; none when a password was given.
    pub code: Option<String>,
    /// When the code stops working.
    pub code_expires_at: Option<Millis>,
}

impl Desk {
    /// Makes an account; without a password, with a code to set one.
    pub async fn create_account(
        &self,
        email: &str,
        name: &str,
        password: Option<&str>,
    ) -> Result<NewAccount, Failure> {
        let id = AccountId(random_id()?);
        let email = text::email(email).map_err(Refusal::text("email"))?;
        let (password_hash, code, spoken) = if let Some(password) = password {
            check_password(password)
                .map_err(|problem| Refusal::invalid("password", problem.to_string()))?;
            (Some(self.passwords.hash(password).await?), None, None)
        } else {
            let (code, spoken) = self.code_for(id, &email.key)?;
            (None, Some(code), Some(spoken))
        };
        let code_expires_at = code.as_ref().map(|code| code.expires_at);
        let display_name = text::optional_line(name, 80).map_err(Refusal::text("name"));
        let command = AccountCommand::Create(Box::new(AccountDraft {
            account: id,
            email: Ok(email),
            display_name,
            password_hash,
            code,
        }));
        self.change(TeamId::HOST, Caller::Host, None, command).await?;
        Ok(NewAccount { id, code: spoken, code_expires_at })
    }

    /// Makes a code that sets a new password once. The old one works until then. Where several
    /// accounts have the address, `team` says whose: the name of its team.
    pub async fn reset_password(
        &self,
        email: &str,
        team: Option<&str>,
    ) -> Result<NewAccount, Failure> {
        let key = text::email(email).map_err(Refusal::text("email"))?.key;
        let account = self.one_account(&key, team).await?;
        let (code, spoken) = self.code_for(account.id, &key)?;
        let code_expires_at = Some(code.expires_at);
        let command = AccountCommand::ResetPassword { account: account.id, code };
        self.change(TeamId::HOST, Caller::Host, None, command).await?;
        Ok(NewAccount { id: account.id, code: Some(spoken), code_expires_at })
    }

    /// The account with that address, in the team of that name.
    async fn one_account(&self, key: &str, team: Option<&str>) -> Result<Account, Failure> {
        let mut found = Vec::new();
        for account in self.store.accounts_by_email(key).await? {
            let of = match account.membership {
                Some((team, _)) => self.store.team(team).await?,
                None => None,
            };
            let of = of.map_or_else(String::new, |team| team.settings.words.name.clone());
            if team.is_none_or(|wanted| fold::name(wanted) == fold::name(&of)) {
                found.push((account, of));
            }
        }
        match found.len() {
            0 => Err(Refusal::NotFound("account").into()),
            1 => Ok(found.remove(0).0),
            _ => {
                let teams: Vec<_> = found.iter().map(|(_, team)| format!("{team:?}")).collect();
                let teams = teams.join(", ");
                let text = format!(
                    "has several accounts with this address, and must be named with --team: {teams}"
                );
                Err(Refusal::invalid("team", text).into())
            }
        }
    }

    fn code_for(
        &self,
        account: AccountId,
        email_key: &str,
    ) -> Result<(OneTimeCode, String), Failure> {
        let spoken = random_code()?;
        let hash =
            code_hash(&self.secrets.credential_key, email_key, &spoken).ok_or(Failure::Internal)?;
        let expires_at = self.clock.now() + CODE_LIVES;
        Ok((OneTimeCode { hash: Digest(hash), account, invitation: None, expires_at }, spoken))
    }
}

impl SecretShelf for Database {
    type Problem = StoreError;

    async fn host_secret(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Database::host_secret(self, name).await
    }

    async fn keep_host_secret(&self, name: &str, sealed: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        Database::keep_host_secret(self, name, sealed).await
    }
}
