//! A profile's settings as people write them: as flags, or as JSON with groups by name and without
//! the logo's bytes.

use std::path::PathBuf;

use clap::Args;
use deskbell_proto::{json, v1};
use serde_json::Value;

use crate::failure::Failure;
use crate::resolve;
use crate::typed;
use crate::words::{Priority, Switch};

/// The largest logo the contract allows, in bytes.
const LARGEST_LOGO: u64 = 64 * 1024;

/// Settings by flags. What is not named stays.
#[derive(Debug, Default, Args)]
pub struct Flags {
    /// The profile's name, for admins
    #[arg(long)]
    name: Option<String>,
    /// The product's name, for customers
    #[arg(long)]
    product_name: Option<String>,
    /// The window's title
    #[arg(long)]
    window_title: Option<String>,
    /// The colour of buttons and marks, as #rrggbb
    #[arg(long, value_name = "COLOUR")]
    accent: Option<String>,
    /// The colour behind everything, as #rrggbb
    #[arg(long, value_name = "COLOUR")]
    background: Option<String>,
    /// A PNG of at most 64 KiB and 512 by 512 pixels
    #[arg(long, value_name = "FILE", conflicts_with = "no_logo")]
    logo: Option<PathBuf>,
    /// No logo
    #[arg(long)]
    no_logo: bool,
    /// The language of --greeting, --help-text and --terms; without it, the first one of the
    /// profile, or else "en"
    #[arg(long, value_name = "TAG")]
    language: Option<String>,
    /// What customers read first
    #[arg(long, value_name = "TEXT")]
    greeting: Option<String>,
    /// Help beside the form
    #[arg(long, value_name = "TEXT")]
    help_text: Option<String>,
    /// Terms
    #[arg(long, value_name = "TEXT")]
    terms: Option<String>,
    /// A group to offer; once for each, in this order
    #[arg(long, conflicts_with = "no_groups")]
    group: Vec<String>,
    /// Offer no groups
    #[arg(long)]
    no_groups: bool,
    /// Whether customers must choose a group
    #[arg(long)]
    group_required: Option<Switch>,
    /// Whether customers can ring with this profile
    #[arg(long)]
    assistance: Option<Switch>,
    /// The priority of tickets from this profile
    #[arg(long)]
    default_priority: Option<Priority>,
    /// Where customers can call when the service is away
    #[arg(long, value_name = "NUMBER")]
    fallback_phone: Option<String>,
    /// Where customers can write when the service is away
    #[arg(long, value_name = "ADDRESS")]
    fallback_email: Option<String>,
    /// Where customers find help when the service is away: an https address
    #[arg(long, value_name = "ADDRESS")]
    fallback_url: Option<String>,
}

impl Flags {
    /// No flag was given.
    pub fn is_empty(&self) -> bool {
        self.logo.is_none()
            && self.group.is_empty()
            && !self.set(&mut v1::ProfileSettings::default())
    }

    /// Changes the settings that were named.
    pub fn apply(
        &self,
        settings: &mut v1::ProfileSettings,
        groups: &[v1::Group],
    ) -> Result<(), Failure> {
        if let Some(logo) = &self.logo {
            settings.branding.get_or_insert_default().logo_png = typed::file(logo, LARGEST_LOGO)?;
        }
        if !self.group.is_empty() {
            settings.group_ids = self
                .group
                .iter()
                .map(|name| Ok(resolve::group(groups, name)?.id.clone()))
                .collect::<Result<_, Failure>>()?;
        }
        self.set(settings);
        Ok(())
    }

    /// Sets what needs neither files nor groups. Answers whether there was anything.
    fn set(&self, settings: &mut v1::ProfileSettings) -> bool {
        let mut named = take(self.name.as_ref(), &mut settings.name);
        named |= self.set_branding(settings.branding.get_or_insert_default());
        named |= self.set_texts(&mut settings.texts);
        let fallback = settings.fallback.get_or_insert_default();
        named |= take(self.fallback_phone.as_ref(), &mut fallback.phone);
        named |= take(self.fallback_email.as_ref(), &mut fallback.email);
        named |= take(self.fallback_url.as_ref(), &mut fallback.url);
        if self.no_groups {
            settings.group_ids.clear();
        }
        if let Some(switch) = self.group_required {
            settings.group_required = switch.is_on();
        }
        if let Some(switch) = self.assistance {
            settings.assistance_enabled = switch.is_on();
        }
        if let Some(priority) = self.default_priority {
            settings.set_default_priority(priority.into());
        }
        named
            || self.no_groups
            || self.group_required.is_some()
            || self.assistance.is_some()
            || self.default_priority.is_some()
    }

    fn set_branding(&self, branding: &mut v1::Branding) -> bool {
        if self.no_logo {
            branding.logo_png.clear();
        }
        let named = [
            take(self.product_name.as_ref(), &mut branding.product_name),
            take(self.window_title.as_ref(), &mut branding.window_title),
            take(self.accent.as_ref(), &mut branding.accent_color),
            take(self.background.as_ref(), &mut branding.background_color),
        ];
        self.no_logo || named.contains(&true)
    }

    fn set_texts(&self, texts: &mut Vec<v1::ProfileTexts>) -> bool {
        if self.greeting.is_none() && self.help_text.is_none() && self.terms.is_none() {
            return false;
        }
        let first = texts.first().map_or_else(|| "en".to_owned(), |texts| texts.language.clone());
        let language = self.language.clone().unwrap_or(first);
        let at = texts
            .iter()
            .position(|texts| texts.language.eq_ignore_ascii_case(&language))
            .unwrap_or_else(|| {
                texts.push(v1::ProfileTexts { language, ..Default::default() });
                texts.len() - 1
            });
        if let Some(texts) = texts.get_mut(at) {
            take(self.greeting.as_ref(), &mut texts.greeting);
            take(self.help_text.as_ref(), &mut texts.help);
            take(self.terms.as_ref(), &mut texts.terms);
        }
        true
    }
}

fn take(flag: Option<&String>, setting: &mut String) -> bool {
    if let Some(value) = flag {
        setting.clone_from(value);
    }
    flag.is_some()
}

/// The settings as JSON for people to edit: groups by name, and no logo (it stays unless a flag
/// changes it).
pub fn to_text(settings: &v1::ProfileSettings, groups: &[v1::Group]) -> String {
    let mut settings = settings.clone();
    for id in &mut settings.group_ids {
        // A group that is gone stays an id, so that saving says so.
        if let Some(group) = groups.iter().find(|group| group.id == *id) {
            id.clone_from(&group.name);
        }
    }
    let mut value = json::to_value(&settings);
    if let Some(branding) = value.get_mut("branding").and_then(Value::as_object_mut) {
        branding.remove("logo_png");
    }
    format!("{value:#}")
}

/// Settings from JSON that people wrote. Groups are named or given by id; an unknown field is
/// refused by name.
pub fn from_text(text: &str, groups: &[v1::Group]) -> Result<v1::ProfileSettings, Failure> {
    let value: Value = serde_json::from_str(text)
        .map_err(|problem| Failure::invalid(format!("The settings are not JSON: {problem}.")))?;
    // What `profile show --json` prints is taken as well.
    let value = value.pointer("/profile/settings").cloned().unwrap_or(value);
    let mut settings: v1::ProfileSettings = json::from_value(value).map_err(|problem| {
        Failure::invalid(format!("The settings are not those of a profile: {problem}."))
    })?;
    for id in &mut settings.group_ids {
        id.clone_from(&resolve::group(groups, id)?.id);
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups() -> Vec<v1::Group> {
        ["Sales", "Support"]
            .map(|name| v1::Group {
                id: format!("id-{name}"),
                name: name.to_owned(),
                ..Default::default()
            })
            .into()
    }

    fn settings() -> v1::ProfileSettings {
        v1::ProfileSettings {
            name: "Acme".to_owned(),
            branding: Some(v1::Branding {
                product_name: "Acme help".to_owned(),
                logo_png: vec![1, 2],
                ..Default::default()
            }),
            group_ids: vec!["id-Support".to_owned()],
            fallback: Some(v1::FallbackContact::default()),
            ..Default::default()
        }
    }

    #[test]
    fn edited_json_comes_back() {
        let text = to_text(&settings(), &groups());
        assert!(
            text.contains("\"Support\"")
                && !text.contains("logo_png")
                && !text.contains("id-Support"),
            "{text}"
        );
        let mut expected = settings();
        expected.branding.as_mut().unwrap().logo_png.clear();
        assert_eq!(from_text(&text, &groups()).unwrap(), expected);
        let shown = json::to_value(&v1::GetProfileResponse {
            profile: Some(v1::Profile { settings: Some(settings()), ..Default::default() }),
        });
        assert_eq!(from_text(&shown.to_string(), &groups()).unwrap(), settings());
    }

    #[test]
    fn mistakes_are_named() {
        for text in ["{", "[]", r#"{"nmae": "x"}"#, r#"{"group_ids": ["Gone"]}"#] {
            assert!(from_text(text, &groups()).is_err(), "{text}");
        }
    }

    #[test]
    fn flags_change_what_they_name() {
        assert!(Flags::default().is_empty());
        let flags = Flags {
            accent: Some("#0a7d4f".to_owned()),
            greeting: Some("Hallo".to_owned()),
            language: Some("de".to_owned()),
            group: vec!["sales".to_owned(), "Support".to_owned()],
            assistance: Some(Switch::On),
            no_logo: true,
            ..Default::default()
        };
        assert!(!flags.is_empty());
        let mut changed = settings();
        flags.apply(&mut changed, &groups()).unwrap();
        let branding = changed.branding.unwrap();
        assert_eq!(
            (
                branding.accent_color.as_str(),
                branding.product_name.as_str(),
                branding.logo_png.len()
            ),
            ("#0a7d4f", "Acme help", 0)
        );
        assert_eq!(changed.group_ids, ["id-Sales", "id-Support"]);
        assert_eq!(
            (changed.texts[0].language.as_str(), changed.texts[0].greeting.as_str()),
            ("de", "Hallo")
        );
        assert!(changed.assistance_enabled);
    }
}
