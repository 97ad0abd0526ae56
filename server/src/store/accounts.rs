//! Accounts, one-time codes and sessions: what belongs to the host rather than to a team.

use super::driver::{Connection, Row, values};
use super::error::StoreError;
use crate::domain::{
    Account, AccountEvent, AccountId, Digest, MemberId, Millis, Needs, OneTimeCode, TeamId,
};

/// So many accounts of one address are looked at. Each team's code can open one; whoever signs in is
/// compared with each, which takes time.
const SAME_ADDRESS: i64 = 16;

macro_rules! select_account {
    ($rest:literal) => {
        concat!(
            "SELECT account_id, email, email_key, display_name, password_hash, team_id, \
             member_id, opened_by FROM accounts ",
            $rest
        )
    };
}

fn read_account(row: &mut Row) -> Result<Account, StoreError> {
    Ok(Account {
        id: AccountId(row.next()?),
        email: row.next()?,
        email_key: row.next()?,
        display_name: row.next()?,
        password_hash: row.next()?,
        membership: membership(row)?,
        opened_by: row.next::<Option<i64>>()?.map(TeamId),
    })
}

fn membership(row: &mut Row) -> Result<Option<(TeamId, MemberId)>, StoreError> {
    let (team, member): (Option<i64>, Option<i64>) = (row.next()?, row.next()?);
    Ok(team.map(TeamId).zip(member.map(MemberId)))
}

/// The account with that id.
pub async fn by_id(
    connection: &mut Connection,
    id: AccountId,
) -> Result<Option<Account>, StoreError> {
    let row = connection.row(select_account!("WHERE account_id = $1"), values![id.0]).await?;
    row.map(|mut row| read_account(&mut row)).transpose()
}

/// The accounts with that address, in the form that is compared: those with a team first, and not
/// more than [`SAME_ADDRESS`].
pub async fn by_email(
    connection: &mut Connection,
    email_key: &str,
) -> Result<Vec<Account>, StoreError> {
    let sql = select_account!(
        "WHERE email_key = $1 ORDER BY CASE WHEN team_id IS NULL THEN 1 ELSE 0 END, \
         account_id LIMIT $2"
    );
    let rows = connection.rows(sql, values![email_key, SAME_ADDRESS]).await?;
    rows.into_iter().map(|mut row| read_account(&mut row)).collect()
}

/// The one-time code with that hash.
pub async fn code(
    connection: &mut Connection,
    hash: Digest,
) -> Result<Option<OneTimeCode>, StoreError> {
    let sql = "SELECT account_id, team_id, member_id, expires_at FROM one_time_codes WHERE \
        code_hash = $1";
    let Some(mut row) = connection.row(sql, values![hash]).await? else { return Ok(None) };
    Ok(Some(OneTimeCode {
        hash,
        account: AccountId(row.next()?),
        invitation: membership(&mut row)?,
        expires_at: row.next()?,
    }))
}

/// Accounts and code that a request needs.
#[derive(Default)]
pub struct Needed {
    /// The accounts.
    pub accounts: Vec<Account>,
    /// The code.
    pub code: Option<OneTimeCode>,
}

/// Loads what a request needs.
pub async fn needed(connection: &mut Connection, needs: &Needs) -> Result<Needed, StoreError> {
    let mut found = Needed::default();
    if let Some(hash) = needs.code {
        found.code = code(connection, hash).await?;
    }
    let ids = needs.account.into_iter().chain(found.code.as_ref().map(|code| code.account));
    for id in ids {
        found.accounts.extend(by_id(connection, id).await?);
    }
    if let Some(email) = &needs.email {
        found.accounts.extend(by_email(connection, email).await?);
    }
    Ok(found)
}

/// Writes what happened to accounts.
pub async fn write(connection: &mut Connection, event: &AccountEvent) -> Result<(), StoreError> {
    match event {
        AccountEvent::Changed(account) => {
            let sql = "INSERT INTO accounts (account_id, email, email_key, display_name, \
                password_hash, team_id, member_id, opened_by) \
                       VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (account_id) DO UPDATE SET \
                       email = excluded.email, \
                       email_key = excluded.email_key, display_name = excluded.display_name, \
                       password_hash = excluded.password_hash, team_id = excluded.team_id, \
                       member_id = excluded.member_id, opened_by = excluded.opened_by";
            let (team, member) = account.membership.unzip();
            let values = values![
                account.id.0,
                account.email.as_str(),
                account.email_key.as_str(),
                account.display_name.as_str(),
                account.password_hash.clone(),
                team.map(|team| team.0),
                member.map(|member| member.0),
                account.opened_by.map(|team| team.0),
            ];
            connection.execute(sql, values).await?;
        }
        AccountEvent::CodeMade(code) => {
            // The newest code is the one that works: of this team for an invitation, and of the
            // host for an account. Neither touches the other's.
            if let Some((team, member)) = code.invitation {
                forget_codes(connection, team, member).await?;
            } else {
                let sql = "DELETE FROM one_time_codes WHERE account_id = $1 AND team_id IS NULL";
                connection.execute(sql, values![code.account.0]).await?;
            }
            let sql = "INSERT INTO one_time_codes (code_hash, account_id, team_id, member_id, \
                expires_at) \
                       VALUES ($1, $2, $3, $4, $5)";
            let (team, member) = code.invitation.unzip();
            let values = values![
                code.hash,
                code.account.0,
                team.map(|team| team.0),
                member.map(|member| member.0),
                code.expires_at,
            ];
            connection.execute(sql, values).await?;
        }
        AccountEvent::CodeUsed(hash, _) => {
            connection
                .execute("DELETE FROM one_time_codes WHERE code_hash = $1", values![*hash])
                .await?;
        }
        AccountEvent::SessionOpened(session) => {
            let sql = "INSERT INTO sessions (token_hash, account_id, label, expires_at) VALUES \
                ($1, $2, $3, $4)";
            let values = values![
                session.token_hash,
                session.account.0,
                session.label.as_str(),
                session.expires_at
            ];
            connection.execute(sql, values).await?;
        }
        AccountEvent::SessionsEnded { account, only: Some(token), .. } => {
            let sql = "DELETE FROM sessions WHERE token_hash = $1 AND account_id = $2";
            connection.execute(sql, values![*token, account.0]).await?;
        }
        AccountEvent::SessionsEnded { account, only: None, except: Some(token) } => {
            let sql = "DELETE FROM sessions WHERE account_id = $1 AND token_hash <> $2";
            connection.execute(sql, values![account.0, *token]).await?;
        }
        AccountEvent::SessionsEnded { account, only: None, except: None } => {
            connection
                .execute("DELETE FROM sessions WHERE account_id = $1", values![account.0])
                .await?;
        }
    }
    Ok(())
}

/// Forgets an invitation's codes.
pub async fn forget_codes(
    connection: &mut Connection,
    team: TeamId,
    member: MemberId,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM one_time_codes WHERE team_id = $1 AND member_id = $2";
    connection.execute(sql, values![team, member.0]).await.map(drop)
}

/// Whose session a token is.
pub async fn session(
    connection: &mut Connection,
    token: Digest,
) -> Result<Option<(AccountId, Millis, Option<(TeamId, MemberId)>)>, StoreError> {
    let sql = "SELECT s.account_id, s.expires_at, a.team_id, a.member_id FROM sessions s \
               JOIN accounts a ON a.account_id = s.account_id WHERE s.token_hash = $1";
    let Some(mut row) = connection.row(sql, values![token]).await? else { return Ok(None) };
    Ok(Some((AccountId(row.next()?), row.next()?, membership(&mut row)?)))
}

/// Lets a session live longer, because it was used.
pub async fn prolong_session(
    connection: &mut Connection,
    token: Digest,
    until: Millis,
) -> Result<(), StoreError> {
    let sql = "UPDATE sessions SET expires_at = $2 WHERE token_hash = $1";
    connection.execute(sql, values![token, until]).await.map(drop)
}

/// Teams that ask an address to join.
pub async fn invitations(
    connection: &mut Connection,
    email_key: &str,
) -> Result<Vec<(TeamId, MemberId)>, StoreError> {
    let sql = "SELECT team_id, member_id FROM invitations WHERE email_key = $1 ORDER BY team_id \
        LIMIT 100";
    let rows = connection.rows(sql, values![email_key]).await?;
    rows.into_iter().map(|mut row| Ok((TeamId(row.next()?), MemberId(row.next()?)))).collect()
}
