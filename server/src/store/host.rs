//! What belongs to the host: accounts and sessions, sealed secrets, leases.

use super::driver::{Database, values};
use super::error::StoreError;
use super::hints::{PAIRS, WATCHING};
use super::{Store, accounts};
use crate::domain::{Account, AccountId, Digest, MemberId, Millis, OneTimeCode, TeamId};

impl Store {
    /// The account with that id.
    pub async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        accounts::by_id(&mut self.database.read().await?, id).await
    }

    /// The accounts with that address, in the form that is compared; those with a team first.
    pub async fn accounts_by_email(&self, email_key: &str) -> Result<Vec<Account>, StoreError> {
        accounts::by_email(&mut self.database.read().await?, email_key).await
    }

    /// The one-time code with that hash.
    pub async fn code(&self, hash: Digest) -> Result<Option<OneTimeCode>, StoreError> {
        accounts::code(&mut self.database.read().await?, hash).await
    }

    /// Whose session a token is: the account, when it ends, and the account's place in a team.
    pub async fn session(
        &self,
        token: Digest,
    ) -> Result<Option<(AccountId, Millis, Option<(TeamId, MemberId)>)>, StoreError> {
        accounts::session(&mut self.database.read().await?, token).await
    }

    /// How many sessions an account has.
    pub async fn count_sessions(&self, account: AccountId) -> Result<i64, StoreError> {
        let mut connection = self.database.read().await?;
        let sql = "SELECT COUNT(*) FROM sessions WHERE account_id = $1";
        match connection.row(sql, values![account.0]).await? {
            Some(mut row) => row.next(),
            None => Ok(0),
        }
    }

    /// Lets a session live longer, because it was used.
    pub async fn prolong_session(&self, token: Digest, until: Millis) -> Result<(), StoreError> {
        let mut connection = self.database.write().await?;
        accounts::prolong_session(&mut connection, token, until).await?;
        connection.commit().await
    }

    /// Teams that ask an address to join.
    pub async fn invitations(
        &self,
        email_key: &str,
    ) -> Result<Vec<(TeamId, MemberId)>, StoreError> {
        accounts::invitations(&mut self.database.read().await?, email_key).await
    }

    /// Takes a lease, or keeps it: only its holder does that work until then. False: somebody else
    /// has it.
    pub async fn lease(
        &self,
        name: &str,
        holder: &str,
        duration: Millis,
    ) -> Result<bool, StoreError> {
        let mut connection = self.database.write().await?;
        let now = connection.now().await?;
        let sql = "INSERT INTO leases (name, holder, until) VALUES ($1, $2, $3) ON CONFLICT \
            (name) DO UPDATE SET \
                   holder = excluded.holder, until = excluded.until WHERE leases.holder = $2 OR \
                   leases.until < $4 \
                   RETURNING holder";
        let row = connection.row(sql, values![name, holder, now + duration, now]).await?;
        connection.commit().await?;
        Ok(row.is_some())
    }

    /// Says that this server lives, where it is, and to the others who watches on it; forgets those
    /// that have been silent for `silence`. Gives how many live.
    pub async fn beat(
        &self,
        address: &str,
        silence: Millis,
        watching: &[(TeamId, MemberId)],
    ) -> Result<i64, StoreError> {
        // A server without requests finds out by this whether the database takes writes.
        self.writers.failed().note(self.write_beat(address, silence, watching).await)
    }

    async fn write_beat(
        &self,
        address: &str,
        silence: Millis,
        watching: &[(TeamId, MemberId)],
    ) -> Result<i64, StoreError> {
        let mut connection = self.database.write().await?;
        let now = connection.now().await?;
        let sql = "INSERT INTO servers (server, address, heartbeat_at) VALUES ($1, $2, $3) ON \
            CONFLICT (server) DO UPDATE \
                   SET address = excluded.address, heartbeat_at = excluded.heartbeat_at";
        connection.execute(sql, values![self.origin(), address, now]).await?;
        connection
            .execute("DELETE FROM servers WHERE heartbeat_at < $1", values![now - silence])
            .await?;
        let count = match connection.row("SELECT COUNT(*) FROM servers", []).await? {
            Some(mut row) => row.next()?,
            None => 0,
        };
        for some in watching.chunks(PAIRS) {
            let pairs: Vec<_> =
                some.iter().map(|(team, member)| format!("{}:{}", team.0, member.0)).collect();
            connection.notify(WATCHING, format!("{} {}", self.origin(), pairs.join(","))).await?;
        }
        connection.commit().await?;
        Ok(count)
    }

    /// Takes this server off the list of those that live.
    pub async fn leave(&self) -> Result<(), StoreError> {
        let mut connection = self.database.write().await?;
        connection.execute("DELETE FROM servers WHERE server = $1", values![self.origin()]).await?;
        connection.commit().await
    }

    /// Forgets requests, codes and sessions whose time is over.
    pub async fn tidy(&self, now: Millis, remember_for: Millis) -> Result<(), StoreError> {
        let mut connection = self.database.write().await?;
        connection
            .execute("DELETE FROM requests WHERE decided_at < $1", values![now - remember_for])
            .await?;
        connection
            .execute("DELETE FROM one_time_codes WHERE expires_at < $1", values![now])
            .await?;
        connection.execute("DELETE FROM sessions WHERE expires_at < $1", values![now]).await?;
        connection.commit().await
    }
}

impl Database {
    /// Where the servers are that said within `silence` that they live, or what they call
    /// themselves.
    pub async fn living_servers(&self, silence: Millis) -> Result<Vec<String>, StoreError> {
        let mut connection = self.read().await?;
        let now = connection.now().await?;
        // What a wrong clock put into the future says nothing of now.
        let sql = "SELECT CASE WHEN address = '' THEN server ELSE address END FROM servers \
                   WHERE heartbeat_at BETWEEN $1 AND $2 ORDER BY server";
        let rows = connection.rows(sql, values![now - silence, now + silence]).await?;
        rows.into_iter().map(|mut row| row.next()).collect()
    }

    /// Whether the host has any sealed secret yet.
    pub async fn has_host_secrets(&self) -> Result<bool, StoreError> {
        let mut connection = self.read().await?;
        Ok(connection.row("SELECT 1 FROM host_secrets LIMIT 1", []).await?.is_some())
    }

    /// A sealed secret of the host.
    pub async fn host_secret(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let mut connection = self.read().await?;
        let row = connection
            .row("SELECT sealed FROM host_secrets WHERE name = $1", values![name])
            .await?;
        row.map(|mut row| row.next()).transpose()
    }

    /// Keeps a sealed secret unless there is one of that name, and gives the one that is kept.
    pub async fn keep_host_secret(
        &self,
        name: &str,
        sealed: Vec<u8>,
    ) -> Result<Vec<u8>, StoreError> {
        let mut connection = self.write().await?;
        let sql =
            "INSERT INTO host_secrets (name, sealed) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
        connection.execute(sql, values![name, sealed.clone()]).await?;
        let row = connection
            .row("SELECT sealed FROM host_secrets WHERE name = $1", values![name])
            .await?;
        let kept = row.map(|mut row| row.next()).transpose()?.unwrap_or(sealed);
        connection.commit().await?;
        Ok(kept)
    }
}
