//! `account`: the first accounts, and lost passwords. Works on the database itself, also while the
//! server runs.

use std::io;

use deskbell_proto::reading;
use jiff::{Timestamp, Unit};
use serde_json::{Value, json};

use super::arguments::{Account, Common, CreateAccount, ResetPassword};
use super::failure::Failure;
use super::{host, print};
use crate::desk::{Desk, NewAccount};

/// Code points of the longest line that is read where a password belongs.
const LONGEST_PASSWORD: usize = 4096;

pub(super) async fn run(common: &Common, account: Account) -> Result<(), Failure> {
    let (settings, _) = common.settings(None)?;
    // Ask first: nothing is opened for somebody who has no password to give.
    let password = match &account {
        Account::Create(CreateAccount { password_stdin: true, .. }) => Some(read_password()?),
        _ => None,
    };
    let (database, _) = host::open_database(&settings).await?;
    let secrets = host::open_secrets(&settings, &database).await?;
    let addresses = settings.addresses(settings.listen);
    let desk = host::open_desk(&settings, database.clone(), secrets, addresses, String::new());
    let done = carry_out(&desk, account, password.as_deref()).await;
    database.close().await;
    let (object, text) = done?;
    print(common.json, &object, &text)
}

/// Does it, and tells it as JSON and as text.
async fn carry_out(
    desk: &Desk,
    account: Account,
    password: Option<&str>,
) -> Result<(Value, String), Failure> {
    Ok(match account {
        Account::Create(CreateAccount { email, name, .. }) => {
            let made = desk.create_account(&email, &name, password).await?;
            told(&email, &format!("The account {email} is made."), &made, &desk.facts().addresses)
        }
        Account::ResetPassword(ResetPassword { email, team }) => {
            let made = desk.reset_password(&email, team.as_deref()).await?;
            told(
                &email,
                &format!("The account {email} can have a new password."),
                &made,
                &desk.facts().addresses,
            )
        }
    })
}

fn told(
    email: &str,
    sentence: &str,
    account: &NewAccount,
    addresses: &[String],
) -> (Value, String) {
    let until = account.code_expires_at.and_then(|millis| Timestamp::from_millisecond(millis).ok());
    let (Some(code), Some(until)) = (&account.code, until) else {
        return (json!({"email": email}), sentence.to_owned());
    };
    let until = until.round(Unit::Second).unwrap_or(until).to_string();
    let address = addresses.first().map_or("", String::as_str);
    let text = format!(
        "{sentence}\n\n    {code}\n\nThis code sets the password, once, until {until}:\n\
         deskbell redeem {address} --email {email}\n"
    );
    (json!({"email": email, "code": code, "code_expire_time": until}), text)
}

/// The first line of the standard input.
fn read_password() -> Result<String, Failure> {
    let password = reading::Lines::new()
        .next(&mut io::stdin().lock(), LONGEST_PASSWORD)
        .map_err(|problem| Failure::wrong_use(format!("the password {problem}")))?;
    if password.is_empty() {
        return Err(Failure::wrong_use(
            "--password-stdin wants the password on the standard input, and nothing is there",
        ));
    }
    Ok(password)
}
