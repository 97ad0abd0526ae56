//! Ringing from a script: the same request on the same disk, sent by the same delivery, without a
//! window.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use deskbell_proto::fold;
use deskbell_proto::manifest::Verified;
use deskbell_proto::problem::Problem;
use deskbell_proto::reading;
use deskbell_proto::v1::{CustomerTicket, FallbackContact};
use serde_json::{Value, json};

use crate::catch_up;
use crate::facts;
use crate::failure::Failure;
use crate::in_use::profile_in_use;
use crate::inert::json as json_line;
use crate::link::calls::Calls;
use crate::link::delivery::{self, Held, Outcome};
use crate::manifest::Manifests;
use crate::outbox::{Kept, Outbox};
use crate::state::form::{Draft, TEXT_LIMIT, check_description, check_email, check_title};
use crate::texts::Language;

/// Between tries with `--wait`.
const PAUSE: Duration = Duration::from_secs(2);

/// What to ring with.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The group's name or id; may be left out unless the profile requires one
    #[arg(long)]
    group: Option<String>,
    /// The customer's e-mail address
    #[arg(long)]
    email: String,
    /// A title
    #[arg(long, default_value = "")]
    title: String,
    /// What is wrong; "-" reads it from standard input
    #[arg(long)]
    description: String,
    /// Send nothing about this computer
    #[arg(long)]
    no_facts: bool,
    /// Try until the server has the request, instead of once
    #[arg(long)]
    wait: bool,
    /// Answer as JSON: {"kept": …, "ticket": …}
    #[arg(long)]
    json: bool,
}

/// Keeps the request, sends it, and says what came of it.
pub fn run(arguments: &Arguments, manifests: &Manifests) -> Result<(), Failure> {
    let used = profile_in_use(manifests)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let used = runtime.block_on(catch_up::newest(manifests, used));
    let draft = draft(arguments, &used)?;
    let kept = Kept::new(&draft)?;
    let sent = runtime.block_on(async {
        let folder = manifests.folder(&used.manifest.profile_id).join("requests");
        match keep(folder, &kept).await {
            Ok((outbox, name)) => {
                let sent = send(&outbox, &name, &used, arguments.wait).await;
                // Whatever the server says of this one, it is there for those before it.
                let is_there = !matches!(sent, Ok(Err(_)));
                if is_there && let Ok(calls) = Calls::new(&used) {
                    catch_up::deliver(&outbox, &calls).await;
                }
                sent
            }
            Err(error) => send_unkept(&kept, &used, &error).await.map(Ok),
        }
    });
    // A name look-up that hangs shall not hold up the script.
    runtime.shutdown_background();
    let out = &mut io::stdout().lock();
    match sent? {
        Ok(ticket) if arguments.json => writeln!(out, "{}", json_line(&answer(Some(&ticket))))?,
        Ok(ticket) => writeln!(out, "Request {} has arrived.", ticket.number)?,
        Err(problem) => {
            if arguments.json {
                writeln!(out, "{}", json_line(&answer(None)))?;
            }
            let text = format!(
                "The request is kept and not sent yet; the next start of this program sends it. \
                 {problem}"
            );
            return Err(Failure { status: 3, text });
        }
    }
    Ok(())
}

fn answer(ticket: Option<&CustomerTicket>) -> Value {
    json!({ "kept": ticket.is_none(), "ticket": ticket.map(deskbell_proto::json::to_value) })
}

async fn keep(folder: PathBuf, kept: &Kept) -> io::Result<(Outbox, String)> {
    let outbox = Outbox::open(folder)?;
    let name = outbox.lock().await?.keep(kept)?;
    Ok((outbox, name))
}

/// The disk takes nothing: the request goes out all the same, and what cannot be done is said.
async fn send_unkept(
    kept: &Kept,
    used: &Verified,
    disk: &io::Error,
) -> Result<CustomerTicket, Failure> {
    let sent = async { Calls::new(used)?.submit(kept).await };
    match sent.await {
        Ok(ticket) => {
            let told = "this computer could not remember the request, so answers to it cannot be \
                        read here";
            tracing::warn!(%disk, "{told}");
            Ok(ticket)
        }
        Err(problem) => {
            let contact = used.manifest.fallback.as_ref().map(fallback_words).unwrap_or_default();
            Err(Failure::refused(format!(
                "The request is lost: it could neither be kept ({disk}) nor sent. {} Free some \
                 space or choose another folder with --data-dir, and ring again.{contact}",
                problem.text
            )))
        }
    }
}

fn fallback_words(contact: &FallbackContact) -> String {
    let ways = [&contact.phone, &contact.email, &contact.url];
    let ways: Vec<_> = ways.into_iter().filter(|way| !way.is_empty()).map(String::as_str).collect();
    if ways.is_empty() { String::new() } else { format!(" Or: {}.", ways.join(", ")) }
}

/// The inner problem: it is kept on disk.
async fn send(
    outbox: &Outbox,
    name: &str,
    used: &Verified,
    wait: bool,
) -> Result<Result<CustomerTicket, Problem>, Failure> {
    loop {
        // A new connection each time: the one before may be what failed.
        let calls = match Calls::new(used) {
            Ok(calls) => calls,
            Err(problem) => return Ok(Err(problem)),
        };
        match delivery::deliver(outbox, name, &calls).await {
            Ok(Outcome::Settled(Some(ticket))) => return Ok(Ok(*ticket)),
            Ok(Outcome::Refused(_, problem)) => return Err(Failure::refused(problem.text)),
            Ok(
                Outcome::Settled(None)
                | Outcome::Missing
                | Outcome::Withdrawn(_)
                | Outcome::Full(_)
                | Outcome::Gone,
            ) => {
                return sent_by_another(outbox, name).await;
            }
            Err(Held::Disk(error)) => return Err(error.into()),
            Err(Held::Server(problem)) if !wait => return Ok(Err(problem)),
            Err(Held::Server(problem)) => {
                tokio::time::sleep(problem.retry_after.unwrap_or_default().max(PAUSE)).await;
            }
        }
    }
}

/// An open window sends what it finds, and may have been faster.
async fn sent_by_another(
    outbox: &Outbox,
    name: &str,
) -> Result<Result<CustomerTicket, Problem>, Failure> {
    let kept = outbox.lock().await?.load(name)?;
    match kept.as_ref().and_then(|kept| kept.number) {
        Some(number) => Ok(Ok(CustomerTicket { number, ..CustomerTicket::default() })),
        None => {
            Err(Failure::refused("The request was taken back by another window of this program."))
        }
    }
}

fn draft(arguments: &Arguments, used: &Verified) -> Result<Draft, Failure> {
    let description = if arguments.description == "-" {
        from_standard_input()?
    } else {
        arguments.description.clone()
    };
    let english = Language::new(["en"]);
    let found = [
        ("email", check_email(&arguments.email)),
        ("title", check_title(&arguments.title)),
        ("description", check_description(&description)),
    ];
    for (field, problem) in found {
        if let Some(key) = problem {
            return Err(Failure::refused(format!("--{field}: {}", english.say(key))));
        }
    }
    let ticked = if arguments.no_facts { Vec::new() } else { facts::facts() };
    Ok(Draft {
        group_id: group(arguments.group.as_deref(), used)?,
        email: arguments.email.trim().to_owned(),
        title: arguments.title.trim().to_owned(),
        description,
        facts: ticked.into_iter().map(|fact| (fact.name.to_owned(), fact.value)).collect(),
        profile_revision: used.manifest.revision,
    })
}

fn group(wanted: Option<&str>, used: &Verified) -> Result<String, Failure> {
    let groups = &used.manifest.groups;
    let names = || groups.iter().map(|group| group.name.as_str()).collect::<Vec<_>>().join(", ");
    let Some(wanted) = wanted else {
        let required = used.manifest.group_required && !groups.is_empty();
        return if required {
            Err(Failure::refused(format!("--group: choose one of {}.", names())))
        } else {
            Ok(String::new())
        };
    };
    let found =
        groups.iter().find(|group| group.id == wanted || fold::same_name(&group.name, wanted));
    found.map(|group| group.id.clone()).ok_or_else(|| {
        Failure::refused(format!("--group: there is no \"{wanted}\"; there are: {}.", names()))
    })
}

fn from_standard_input() -> Result<String, Failure> {
    reading::text(io::stdin().lock(), TEXT_LIMIT).map_err(|problem| {
        Failure::refused(format!("--description: the standard input {problem}."))
    })
}
