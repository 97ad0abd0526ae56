//! Keys of addresses that are stored beside them, made anew when their rule has changed. Names have
//! none: they are compared where they are at hand.

use super::driver::{Connection, read_json, values};
use super::error::StoreError;
use crate::domain::{MemberWords, text};

/// Gives all accounts and invitations the keys that this binary makes of their addresses.
pub async fn make_anew(connection: &mut Connection) -> Result<(), StoreError> {
    let sql = "SELECT account_id, email, email_key FROM accounts";
    for mut row in connection.rows(sql, []).await? {
        let (account, email, stored): (i64, String, String) =
            (row.next()?, row.next()?, row.next()?);
        if let Some(key) = other_key(&email, &stored) {
            let sql = "UPDATE accounts SET email_key = $2 WHERE account_id = $1";
            connection.execute(sql, values![account, key]).await?;
        }
    }
    let sql = "SELECT i.team_id, i.member_id, i.email_key, c.body FROM invitations i \
               JOIN directory d ON d.team_id = i.team_id AND d.kind = 'member' AND \
               d.id = i.member_id \
               JOIN contents c ON c.team_id = d.team_id AND c.content_id = d.content_id";
    for mut row in connection.rows(sql, []).await? {
        let (team, member, stored): (i64, i64, String) = (row.next()?, row.next()?, row.next()?);
        let words: MemberWords = read_json(&row.next::<String>()?)?;
        if let Some(key) = other_key(&words.email, &stored) {
            let sql = "UPDATE invitations SET email_key = $4 \
                       WHERE team_id = $1 AND member_id = $2 AND email_key = $3";
            connection.execute(sql, values![team, member, stored, key]).await?;
        }
    }
    Ok(())
}

/// The key, if it is another one than the one stored.
fn other_key(email: &str, stored: &str) -> Option<String> {
    text::email(email).map(|email| email.key).ok().filter(|key| key != stored)
}
