//! `account`: the first accounts, and lost passwords. Works on the database itself, also while the server runs.

use std::io::{self, BufRead as _};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::arguments::{Account, Common, CreateAccount, ResetPassword};
use super::failure::Failure;
use super::{host, print};
use crate::desk::{Desk, NewAccount};

pub(super) async fn run(common: &Common, account: Account) -> Result<(), Failure> {
    let (settings, _) = common.settings(None)?;
    // Ask first: nothing is opened for somebody who has no password to give.
    let password = match &account {
        Account::Create(CreateAccount { password_stdin: true, .. }) => Some(read_password()?),
        _ => None,
    };
    let (database, _) = host::open_database(&settings).await?;
    let secrets = host::open_secrets(&settings, &database).await?;
    let desk = host::open_desk(&settings, database.clone(), secrets, Vec::new(), String::new());
    let result = carry_out(common, &desk, account, password.as_deref()).await;
    drop(desk);
    database.close().await;
    result
}

async fn carry_out(common: &Common, desk: &Arc<Desk>, account: Account, password: Option<&str>) -> Result<(), Failure> {
    match account {
        Account::Create(CreateAccount { email, name, .. }) => {
            let made = desk.create_account(&email, &name, password).await?;
            tell(common, &email, &format!("The account {email} is made."), &made)
        }
        Account::ResetPassword(ResetPassword { email }) => {
            let made = desk.reset_password(&email).await?;
            tell(common, &email, &format!("The account {email} can have a new password."), &made)
        }
    }
}

fn tell(common: &Common, email: &str, sentence: &str, account: &NewAccount) -> Result<(), Failure> {
    let until = account.code_expires_at.and_then(|millis| Timestamp::from_millisecond(millis).ok());
    let mut object = json!({"email": email});
    let mut text = format!("{sentence}\n");
    if let (Some(code), Some(until)) = (&account.code, until) {
        let until = until.round(jiff::Unit::Second).unwrap_or(until);
        object["code"] = json!(code);
        object["code_expire_time"] = json!(until.to_string());
        text.push_str(&format!(
            "\n    {code}\n\nThis code sets the password, once, until {until}:\n\
             deskbell redeem https://ADDRESS --email {email}\n"
        ));
    }
    print(common.json, &object, &text)
}

/// The first line of the standard input.
fn read_password() -> Result<String, Failure> {
    let mut line = String::new();
    io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| Failure::wrong_use(format!("no password can be read: {error}")))?;
    let password = line.trim_end_matches(['\n', '\r']);
    if password.is_empty() {
        return Err(Failure::wrong_use(
            "--password-stdin wants the password on the standard input, and nothing is there",
        ));
    }
    Ok(password.to_owned())
}
