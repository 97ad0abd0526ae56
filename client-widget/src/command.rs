//! The command line. Without a command the window opens.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use deskbell_proto::manifest::{self, FILE_NAME, Verified};
use directories::ProjectDirs;
use serde_json::json;
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::prelude::*;

use crate::manifest::{Manifests, Start};
use crate::texts::{Key, Language};
use crate::{app, inert, preview, submit, ticket};

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

/// A command that was not carried out.
#[derive(Debug)]
pub struct Failure {
    /// The exit status.
    pub status: u8,
    /// What is wrong and what to do.
    pub text: String,
}

impl Failure {
    /// Refused, or cannot be done.
    pub fn refused(text: impl Into<String>) -> Self {
        Self { status: 1, text: text.into() }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::refused(error.to_string())
    }
}

/// Does what the command line says.
pub fn run() -> ExitCode {
    let command = Command::parse();
    log();
    match carry_out(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ =
                writeln!(io::stderr(), "deskbell-widget: {}", crate::inert::block(&failure.text));
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

/// The profile to act for, for commands that cannot do without. A refused manifest is told beside.
/// Where somebody has to be asked first there is no profile: whoever put the manifest there may
/// mean its server, and then nothing may go to the one before either.
pub fn profile_in_use(manifests: &Manifests) -> Result<Verified, Failure> {
    let english = Language::new(["en"]);
    let Start { used, trouble, offered } = manifests.at_start();
    if let Some((_, offered)) = offered {
        return Err(Failure::refused(stranger(manifests, &offered)));
    }
    let told = trouble.map(|trouble| english.fill(trouble.key(), &[("reason", &trouble.reason())]));
    match (used, told) {
        (Some(used), _) if !manifests.is_named(&used) => Err(Failure::refused(format!(
            "--trust names another server than the one in use, {} ({}). Nothing was sent.",
            inert::line(&used.manifest.server_name),
            manifest::fingerprint(&used.public_key),
        ))),
        (Some(used), None) => Ok(used),
        (Some(used), Some(told)) => {
            tracing::warn!("{told} The last good profile stays in use.");
            Ok(used)
        }
        (None, Some(told)) => Err(Failure::refused(told)),
        (None, None) => Err(Failure::refused(
            "There is no deskbell.manifest beside this program: name one with --manifest.",
        )),
    }
}

/// Why a stranger's manifest is not used, and what to do.
fn stranger(manifests: &Manifests, offered: &Verified) -> String {
    let mut text = format!(
        "{} is of a server that was not trusted here before: {} ({}). It is not used, and nothing \
         was sent. Compare the fingerprint with the one you were given; then open the window and \
         answer there, or repeat this with --trust FINGERPRINT.",
        manifests.place().display(),
        inert::line(&offered.manifest.server_name),
        manifest::fingerprint(&offered.public_key),
    );
    if let Some(before) = manifests.before() {
        let english = Language::new(["en"]);
        let names = before.names();
        let told = [
            english.fill(Key::TrustBefore, &[("name", &inert::line(&names))]),
            english.fill(Key::TrustRemembered, &[("folder", &inert::line(&before.folder))]),
        ];
        text = format!("{text} {}", told.join(" "));
    }
    text
}

fn show(manifests: &Manifests, as_json: bool) -> Result<(), Failure> {
    let used = profile_in_use(manifests)?;
    let mut shown = deskbell_proto::json::to_value(&used.manifest);
    if let Some(fields) = shown.as_object_mut() {
        // It opens the door to the server; whoever needs it has the file.
        fields.remove("credential");
        fields.insert("fingerprint".into(), json!(manifest::fingerprint(&used.public_key)));
    }
    let mut out = io::stdout().lock();
    if as_json {
        writeln!(out, "{}", crate::inert::json(&shown))?;
        return Ok(());
    }
    let line = |text: &str| crate::inert::line(text).into_owned();
    let profile = crate::link::profile(&used);
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
