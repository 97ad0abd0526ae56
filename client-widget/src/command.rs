//! The command line. Without a command the window opens.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use deskbell_proto::manifest::{self, FILE_NAME};
use deskbell_proto::reading;
use directories::ProjectDirs;
use serde_json::json;
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::prelude::*;

use crate::failure::Failure;
use crate::in_use::profile_in_use;
use crate::manifest::Manifests;
use crate::state::profile::Profile;
use crate::texts::Language;
use crate::{app, inert, preview, submit, ticket, tickets};

/// Opens the helper's window, or does the same from a script.
///
/// Exit status: 0 done; 1 refused, or cannot be done; 2 wrong use; 3 kept on disk and not sent yet.
#[derive(Debug, Parser)]
#[command(name = "deskbell-widget", version)]
struct Command {
    /// The profile's manifest [default: deskbell.manifest beside the program]
    #[arg(long, global = true, value_name = "PATH")]
    manifest: Option<PathBuf>,
    /// Where requests and the newest manifest are kept [default: the user's data folder]
    #[arg(long, global = true, value_name = "FOLDER", env = "DESKBELL_WIDGET_DATA")]
    data_dir: Option<PathBuf>,
    /// Follow the manifest's server without being asked, if its key has this fingerprint
    #[arg(long, global = true, value_name = "FINGERPRINT")]
    trust: Option<String>,
    /// The language to speak, e.g. "de" [default: the system's]
    #[arg(long, global = true, value_name = "TAG")]
    language: Option<String>,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Rings without a window; the request is kept on disk until the server has it
    Submit(submit::Arguments),
    /// Shows a request that was rung from here: its state, who helps, what was written
    Ticket(ticket::Arguments),
    /// Lists the requests that were rung from this computer
    Tickets(tickets::Arguments),
    /// About the manifest
    #[command(subcommand)]
    Manifest(ManifestCommand),
    /// Draws a screen of this profile into a PNG, without a display
    Preview(preview::Arguments),
}

#[derive(Debug, Subcommand)]
enum ManifestCommand {
    /// Shows what the manifest in use says, and who signed it
    Show(Show),
}

#[derive(Debug, Args)]
struct Show {
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Does what the command line says.
pub fn run() -> ExitCode {
    let command = Command::parse_from(reading::arguments());
    log();
    match carry_out(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if failure.status == 0 => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(io::stderr(), "deskbell-widget: {}", inert::block(&failure.text));
            ExitCode::from(failure.status)
        }
    }
}

/// Warnings of our own; of others (the window system is talkative) errors alone.
fn log() {
    let ours =
        Targets::new().with_default(Level::ERROR).with_target("deskbell_widget", Level::WARN);
    tracing_subscriber::registry()
        .with(fmt::layer().with_writer(io::stderr).with_target(false))
        .with(ours)
        .init();
}

fn carry_out(command: Command) -> Result<(), Failure> {
    let language = match &command.language {
        Some(tag) => Language::new([tag]),
        None => Language::new(sys_locale::get_locales()),
    };
    let manifests = Manifests::new(data_folder(command.data_dir)?, place(command.manifest)?)
        .trusting(command.trust);
    match command.what {
        None => app::run(manifests, language)
            .map_err(|error| Failure::refused(format!("The window cannot be opened: {error}"))),
        Some(What::Submit(arguments)) => submit::run(&arguments, &manifests),
        Some(What::Ticket(arguments)) => ticket::run(&arguments, &manifests),
        Some(What::Tickets(arguments)) => tickets::run(&arguments, &manifests),
        Some(What::Manifest(ManifestCommand::Show(Show { json }))) => show(&manifests, json),
        Some(What::Preview(arguments)) => preview::run(&arguments, &manifests, language),
    }
}

fn data_folder(chosen: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let usual = || {
        ProjectDirs::from("", "", "deskbell-widget")
            .map(|folders| folders.data_local_dir().to_owned())
    };
    chosen.or_else(usual).ok_or_else(|| {
        Failure::refused("This user has no home folder: name a folder with --data-dir.")
    })
}

fn place(chosen: Option<PathBuf>) -> Result<PathBuf, Failure> {
    match chosen {
        Some(path) => Ok(std::path::absolute(path)?),
        None => Ok(std::env::current_exe()?.parent().unwrap_or(Path::new("")).join(FILE_NAME)),
    }
}

fn show(manifests: &Manifests, as_json: bool) -> Result<(), Failure> {
    let used = profile_in_use(manifests)?;
    ticket::deliver_kept(manifests, &used);
    let mut shown = deskbell_proto::json::to_value(&used.manifest);
    if let Some(fields) = shown.as_object_mut() {
        // It opens the door to the server; whoever needs it has the file.
        fields.remove("credential");
        fields.insert("fingerprint".into(), json!(manifest::fingerprint(&used.public_key)));
    }
    let mut out = io::stdout().lock();
    if as_json {
        writeln!(out, "{}", inert::json(&shown))?;
        return Ok(());
    }
    let line = |text: &str| inert::line(text).into_owned();
    let profile = Profile::new(&used);
    writeln!(out, "product      {}", line(profile.product_name()))?;
    writeln!(out, "server       {}", line(&used.manifest.server_name))?;
    for address in &used.manifest.addresses {
        writeln!(out, "address      {}", line(address))?;
    }
    writeln!(out, "fingerprint  {}", profile.fingerprint)?;
    writeln!(out, "profile      {}", line(&used.manifest.profile_id))?;
    writeln!(out, "revision     {}", used.manifest.revision)?;
    for group in &used.manifest.groups {
        writeln!(out, "group        {}", line(&group.name))?;
    }
    Ok(())
}
