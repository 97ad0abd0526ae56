//! `deskbell profile`: the branded programs for customers.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use deskbell_proto::client::{Client, request_id};
use deskbell_proto::{fold, v1};

use crate::commands::package;
use crate::commands::profile_settings::{Flags, from_text, to_text};
use crate::failure::{Exit, Failure};
use crate::lists::{groups, profiles};
use crate::moments;
use crate::output::{Output, aside};
use crate::resolve::{self, profile_name};
use crate::session::{Setting, call};
use crate::table::{Look, Table};
use crate::typed;
use crate::words;

/// See `deskbell profile --help`.
#[derive(Debug, Subcommand)]
pub enum Profile {
    /// Create a profile (for admins)
    Create(Create),
    /// The profiles
    #[command(after_help = "Example:\n  deskbell profile list")]
    List,
    /// One profile with its settings and what the linter says
    #[command(after_help = "Example:\n  deskbell profile show Acme")]
    Show {
        /// The profile
        profile: String,
    },
    /// Change a profile; running widgets follow within seconds
    Edit(Edit),
    /// Let widgets say that the service is paused
    #[command(after_help = "Example:\n  deskbell profile pause Acme")]
    Pause {
        /// The profile
        profile: String,
    },
    /// Let customers ring again
    #[command(after_help = "Example:\n  deskbell profile resume Acme")]
    Resume {
        /// The profile
        profile: String,
    },
    /// Make all copies of a profile invalid, for good
    #[command(after_help = "Example:\n  deskbell profile revoke Acme --confirm Acme")]
    Revoke {
        /// The profile
        profile: String,
        /// The profile's name again, because nothing brings it back; asked for when left out
        #[arg(long, value_name = "NAME")]
        confirm: Option<String>,
    },
    /// Make the archive to hand out: the unchanged program with the profile beside it
    Package(package::Package),
}

/// A profile to be.
#[derive(Debug, Args)]
#[command(after_help = "\
Settings come from flags, from a JSON file with the fields of ProfileSettings (as `profile show \
--json` prints them; groups by name or id), \
or from both: flags go before the file.

Example:
  deskbell profile create --name Acme --product-name \"Acme help\" --accent '#0a7d4f' --group \
  Sales --group Support --fallback-phone \"+49 30 1234\"
  deskbell profile create acme.json")]
pub struct Create {
    /// A JSON file; "-" reads the standard input
    file: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
}

/// A profile to change.
#[derive(Debug, Args)]
#[command(after_help = "\
Flags change what they name and leave the rest. A JSON file replaces all settings, apart from the \
logo when the file has none. With \
neither, your editor opens on the settings as they are.

Example:
  deskbell profile edit Acme --greeting \"How can we help?\"
  deskbell profile edit Acme --file acme.json
  deskbell profile edit Acme")]
pub struct Edit {
    /// The profile
    profile: String,
    /// A JSON file with all settings; "-" reads the standard input
    #[arg(long)]
    file: Option<PathBuf>,
    /// The revision you saw: change nothing if the profile has changed since
    #[arg(long)]
    revision: Option<i64>,
    #[command(flatten)]
    flags: Flags,
}

impl Profile {
    /// Shows or changes profiles.
    pub async fn run(self, setting: &Setting) -> Result<(), Failure> {
        let client = setting.client().await?;
        match self {
            Self::Create(create) => create.run(setting, &client).await,
            Self::List => list(setting, &client).await,
            Self::Show { profile } => {
                let profile = find(&client, &profile).await?;
                let groups = groups(&client, false).await?;
                let text = describe(&profile, &groups);
                setting.output.answer(&v1::GetProfileResponse { profile: Some(profile) }, &text)
            }
            Self::Edit(edit) => edit.run(setting, &client).await,
            Self::Pause { profile } => {
                set_state(setting, &client, &profile, v1::ProfileState::Paused).await
            }
            Self::Resume { profile } => {
                set_state(setting, &client, &profile, v1::ProfileState::Active).await
            }
            Self::Revoke { profile, confirm } => {
                let name = profile_name(&find(&client, &profile).await?).to_owned();
                let what =
                    format!("Revoking {name} makes every copy handed out invalid, for good.");
                let confirmed = match confirm {
                    Some(confirmed) => confirmed,
                    None if typed::is_somebody_there() => typed::ask(&format!(
                        "{what}\nType the profile's name to go on, anything else to stop:"
                    ))?,
                    None => {
                        return Err(Failure::usage(what)
                            .hint(&format!("To go on, add: --confirm \"{name}\"")));
                    }
                };
                if !fold::same_name(&confirmed, &name) {
                    return Err(Failure::new(
                        Exit::Other,
                        "Nothing was revoked: the name was not confirmed.",
                    ));
                }
                set_state(setting, &client, &profile, v1::ProfileState::Revoked).await
            }
            Self::Package(package) => package.run(setting, &client).await,
        }
    }
}

/// The profile that people mean.
async fn find(client: &Client, wanted: &str) -> Result<v1::Profile, Failure> {
    Ok(resolve::profile(&profiles(client).await?, wanted)?.clone())
}

impl Create {
    async fn run(self, setting: &Setting, client: &Client) -> Result<(), Failure> {
        let groups = groups(client, false).await?;
        let mut settings = match &self.file {
            Some(file) => from_text(&read(file)?, &groups)?,
            // Whoever makes a profile wants customers to ring with it.
            None => v1::ProfileSettings { assistance_enabled: true, ..Default::default() },
        };
        self.flags.apply(&mut settings, &groups)?;
        if settings.name.is_empty() {
            return Err(Failure::usage("A profile needs a name: --name NAME."));
        }
        let branding = settings.branding.get_or_insert_default();
        if branding.product_name.is_empty() {
            branding.product_name.clone_from(&settings.name);
        }
        let request =
            v1::CreateProfileRequest { request_id: request_id(), settings: Some(settings) };
        let answer = call!(client, profile.create_profile(request))?;
        let text = answer.profile.as_ref().map(saved).unwrap_or_default();
        setting.output.answer(&answer, &text)?;
        warn(setting.output, answer.profile.as_ref());
        Ok(())
    }
}

impl Edit {
    async fn run(self, setting: &Setting, client: &Client) -> Result<(), Failure> {
        let profile = find(client, &self.profile).await?;
        let groups = groups(client, false).await?;
        let before = profile.settings.clone().unwrap_or_default();
        let mut written = None;
        let kept = |failure: Failure, written: &Option<String>| match written {
            Some(text) => typed::kept(failure, text, ".json")
                .hint("Go on with: deskbell profile edit … --file THAT-FILE"),
            None => failure,
        };
        let mut settings = match &self.file {
            Some(file) => with_logo_of(&before, from_text(&read(file)?, &groups)?),
            None if self.flags.is_empty() && typed::is_somebody_there() => {
                let text = typed::edit(&to_text(&before, &groups), ".json")?;
                let settings = from_text(&text, &groups);
                written = Some(text);
                with_logo_of(&before, settings.map_err(|failure| kept(failure, &written))?)
            }
            None if self.flags.is_empty() => {
                return Err(Failure::usage(
                    "Say what to change, by flags or --file. See: deskbell profile edit --help",
                ));
            }
            None => before.clone(),
        };
        self.flags.apply(&mut settings, &groups)?;
        if settings == before {
            let text = format!("{} stays as it is.", before.name);
            return setting
                .output
                .answer(&v1::UpdateProfileResponse { profile: Some(profile) }, &text);
        }
        let request = v1::UpdateProfileRequest {
            request_id: request_id(),
            profile_id: profile.id,
            settings: Some(settings),
            revision: self.revision.unwrap_or(profile.revision),
        };
        let answer = call!(client, profile.update_profile(request))
            .map_err(|failure| kept(failure, &written))?;
        let text = answer.profile.as_ref().map(saved).unwrap_or_default();
        setting.output.answer(&answer, &text)?;
        warn(setting.output, answer.profile.as_ref());
        Ok(())
    }
}

/// People do not edit pictures as text: settings without a logo keep the one there is. `--no-logo`
/// takes it away.
fn with_logo_of(
    before: &v1::ProfileSettings,
    mut settings: v1::ProfileSettings,
) -> v1::ProfileSettings {
    let branding = settings.branding.get_or_insert_default();
    if branding.logo_png.is_empty()
        && let Some(before) = &before.branding
    {
        branding.logo_png.clone_from(&before.logo_png);
    }
    settings
}

fn read(file: &std::path::Path) -> Result<String, Failure> {
    if file.as_os_str() == "-" {
        return typed::standard_input();
    }
    typed::text_file(file)
}

fn saved(profile: &v1::Profile) -> String {
    let name = profile_name(profile);
    format!(
        "{name} is saved as revision {}. Next: deskbell profile package \"{name}\" --program … \
         --output …",
        profile.revision
    )
}

/// The linter's words, where they do not get in the way of JSON (which has them as fields).
fn warn(output: Output, profile: Option<&v1::Profile>) {
    if !output.is_json() {
        let warnings = profile.map(|profile| profile.warnings.as_slice()).unwrap_or_default();
        for warning in warnings {
            aside(&format!("Warning: {}: {}", warning.field, warning.text));
        }
    }
}

async fn set_state(
    setting: &Setting,
    client: &Client,
    wanted: &str,
    state: v1::ProfileState,
) -> Result<(), Failure> {
    let profile_id = find(client, wanted).await?.id;
    let request =
        v1::SetProfileStateRequest { request_id: request_id(), profile_id, state: state.into() };
    let answer = call!(client, profile.set_profile_state(request))?;
    let text = answer.profile.as_ref().map(|profile| {
        format!("{} is {}.", profile_name(profile), words::profile_state(profile.state))
    });
    setting.output.answer(&answer, &text.unwrap_or_default())
}

async fn list(setting: &Setting, client: &Client) -> Result<(), Failure> {
    let profiles = profiles(client).await?;
    let groups = if setting.output.is_json() { Vec::new() } else { groups(client, false).await? };
    let mut table = Table::new(["NAME", "STATE", "REVISION", "PRODUCT", "GROUPS", "WARNINGS"]);
    for profile in &profiles {
        let settings = profile.settings.clone().unwrap_or_default();
        let look =
            if profile.state() == v1::ProfileState::Active { Look::Plain } else { Look::Quiet };
        table.row_in(
            look,
            [
                settings.name.clone(),
                words::profile_state(profile.state).to_owned(),
                profile.revision.to_string(),
                settings.branding.unwrap_or_default().product_name,
                group_names(&settings.group_ids, &groups),
                if profile.warnings.is_empty() {
                    String::new()
                } else {
                    profile.warnings.len().to_string()
                },
            ],
        );
    }
    resolve::tell_twins("profile edit", profiles.iter().map(resolve::profile_name));
    setting.output.list(
        &profiles,
        &table,
        "There are no profiles yet. Make one with: deskbell profile create --name NAME",
    )
}

fn group_names(ids: &[String], groups: &[v1::Group]) -> String {
    let name = |id: &String| {
        groups.iter().find(|group| group.id == *id).map_or("(gone)", |group| &group.name).to_owned()
    };
    ids.iter().map(name).collect::<Vec<_>>().join(", ")
}

fn describe(profile: &v1::Profile, groups: &[v1::Group]) -> String {
    let settings = profile.settings.clone().unwrap_or_default();
    let mut text = format!(
        "{}: {}, revision {}, saved {}\n\n{}",
        settings.name,
        words::profile_state(profile.state),
        profile.revision,
        moments::local(profile.update_time.as_ref()),
        to_text(&settings, groups)
    );
    for warning in &profile.warnings {
        text = format!("{text}\nWarning: {}: {}", warning.field, warning.text);
    }
    text
}
