//! `deskbell context`: choosing between servers and accounts. Nothing here talks to a server.

use clap::Subcommand;
use serde_json::json;

use crate::contexts::Storage;
use crate::failure::Failure;
use crate::session::Setting;
use crate::table::Table;

/// See `deskbell context --help`.
#[derive(Debug, Subcommand)]
pub enum Context {
    /// The contexts there are
    #[command(after_help = "Example:\n  deskbell context list")]
    List,
    /// Make a context the current one
    #[command(after_help = "Example:\n  deskbell context use ana@desk.example")]
    Use {
        /// The context's name
        name: String,
    },
    /// Forget a context; its session goes on until it expires (sign out first to end it)
    #[command(after_help = "Example:\n  deskbell context remove ana@desk.example")]
    Remove {
        /// The context's name
        name: String,
    },
}

impl Context {
    /// Lists or changes what is remembered.
    pub fn run(self, setting: &Setting) -> Result<(), Failure> {
        let storage = Storage::usual()?;
        let output = setting.output;
        match self {
            Self::List => {
                let contexts = storage.load()?;
                let mut table = Table::new(["", "NAME", "SERVER", "E-MAIL", "SESSION"]);
                for (name, context) in &contexts.contexts {
                    let current = contexts.current.as_ref() == Some(name);
                    let signed_in = context.token.is_some();
                    if output.is_json() {
                        output.value(&json!({
                            "name": name, "address": context.address, "email": context.email,
                            "signed_in": signed_in, "current": current,
                        }))?;
                    }
                    let session = if signed_in { "signed in" } else { "signed out" };
                    let mark = if current { "*" } else { "" };
                    table.row([
                        mark.to_owned(),
                        name.clone(),
                        context.address.clone(),
                        context.email.clone(),
                        session.to_owned(),
                    ]);
                }
                if output.is_json() {
                    Ok(())
                } else {
                    output.table(&table, "There are no contexts yet. Make one with: deskbell login")
                }
            }
            Self::Use { name } => {
                storage.change(|contexts| {
                    contexts.choose(Some(&name))?;
                    contexts.current = Some(name.clone());
                    Ok(())
                })?;
                done(
                    setting,
                    &json!({ "current": name }),
                    &format!("The current context is {name}."),
                )
            }
            Self::Remove { name } => {
                storage.change(|contexts| {
                    contexts.choose(Some(&name))?;
                    contexts.contexts.remove(&name);
                    contexts.current = contexts.current.take().filter(|current| *current != name);
                    Ok(())
                })?;
                done(setting, &json!({ "removed": name }), &format!("Forgot {name}."))
            }
        }
    }
}

fn done(setting: &Setting, value: &serde_json::Value, sentence: &str) -> Result<(), Failure> {
    if setting.output.is_json() {
        setting.output.value(value)
    } else {
        setting.output.say(sentence)
    }
}
