//! Showing which values are in effect and where each came from, without secrets.

use std::fmt::Write as _;

use figment::Figment;
use figment::value::Value;
use serde::Serialize;

use super::{DEFAULT_LAYER, Settings};

/// The settings in effect, in the order of their names.
#[derive(Debug, Clone, Serialize)]
pub struct Effective {
    /// Each setting.
    pub settings: Vec<EffectiveSetting>,
}

/// One setting in effect.
#[derive(Debug, Clone, Serialize)]
pub struct EffectiveSetting {
    /// Its name, e.g. `limits.connections`.
    pub name: String,
    /// Its value, with passwords masked.
    pub value: serde_json::Value,
    /// Where the value came from, e.g. `flag --listen`.
    pub from: String,
}

impl Effective {
    pub(super) fn of(settings: &Settings, figment: &Figment, names: &[String]) -> Self {
        let values = Value::serialize(settings).ok();
        let setting = |name: &String| {
            let value = values.as_ref()?.find_ref(name)?;
            let value = match value.as_str() {
                Some(text) if name == "database" => serde_json::Value::from(masked_url(text)),
                _ => serde_json::to_value(value).ok()?,
            };
            let from = figment
                .find_metadata(name)
                .map_or(DEFAULT_LAYER, |metadata| metadata.name.as_ref());
            Some(EffectiveSetting { name: name.clone(), value, from: from.to_owned() })
        };
        Self { settings: names.iter().filter_map(setting).collect() }
    }

    /// Where a setting's value came from.
    pub fn origin(&self, name: &str) -> Option<&str> {
        self.settings
            .iter()
            .find(|setting| setting.name == name)
            .map(|setting| setting.from.as_str())
    }

    /// One line for each setting, as in a configuration file, with its origin behind.
    pub fn to_text(&self) -> String {
        let mut lines = Vec::new();
        for setting in &self.settings {
            lines.push((format!("{} = {}", setting.name, setting.value), &setting.from));
        }
        let width = lines.iter().map(|(text, _)| text.chars().count()).max().unwrap_or(0).min(60);
        lines.iter().fold(String::new(), |mut listing, (text, from)| {
            // Writing to a String cannot fail.
            let _ = writeln!(listing, "{text:<width$}  # {from}");
            listing
        })
    }
}

/// An address without the password in it.
pub fn masked_url(url: &str) -> String {
    let (address, parameters) =
        url.split_once('?').map_or((url, None), |(address, rest)| (address, Some(rest)));
    if let (Some((scheme, _)), Some(true)) =
        (address.split_once("://"), parameters.map(|rest| rest.contains('@')))
    {
        // A password with a "?" that should have been written as %3F ends nobody knows where.
        return format!("{scheme}://***");
    }
    let mut masked = match (address.split_once("://"), address.rfind('@')) {
        (Some((scheme, rest)), Some(at)) => {
            let user = rest.split([':', '@']).next().unwrap_or_default();
            let secret =
                if rest[..rest.len() - (address.len() - at)].contains(':') { ":***" } else { "" };
            format!("{scheme}://{user}{secret}{}", &address[at..])
        }
        _ => address.to_owned(),
    };
    for (place, parameter) in parameters.into_iter().flat_map(|all| all.split('&')).enumerate() {
        masked.push(if place == 0 { '?' } else { '&' });
        match parameter.split_once('=') {
            Some((name, _)) if name.contains("password") => {
                masked.push_str(name);
                masked.push_str("=***");
            }
            _ => masked.push_str(parameter),
        }
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::super::{Override, Sources};
    use super::*;

    #[test]
    fn passwords_in_addresses_are_masked() {
        let table = [
            ("postgres://desk:secret@db:5432/desk", "postgres://desk:***@db:5432/desk"),
            ("postgres://desk:se@cr:et@db/desk", "postgres://desk:***@db/desk"),
            ("postgres://desk@db/desk", "postgres://desk@db/desk"),
            ("postgres:///desk?host=/run&user=ana", "postgres:///desk?host=/run&user=ana"),
            (
                "postgres:///desk?password=secret&host=/run",
                "postgres:///desk?password=***&host=/run",
            ),
            ("postgres://desk:se?cr=et@db/desk", "postgres://***"),
            ("postgres://desk:a@b?c@db/desk", "postgres://***"),
            ("sqlite:/data/desk.db", "sqlite:/data/desk.db"),
        ];
        for (url, masked) in table {
            assert_eq!(masked_url(url), masked);
        }
    }

    #[test]
    fn the_listing_tells_values_and_origins_and_no_secret() {
        let flag = |setting: &str, value: &str| Override {
            flag: format!("--{setting}"),
            setting: setting.to_owned(),
            value: value.to_owned(),
        };
        let flags = vec![
            flag("database", "postgres://desk:hunter2@db/desk"),
            flag("listen", "127.0.0.1:1"),
        ];
        let (_, effective) = Sources { flags, ..Sources::default() }.load().expect("loaded");
        let text = effective.to_text();
        assert!(
            text.contains("listen = \"127.0.0.1:1\"") && text.contains("# flag --listen"),
            "{text}"
        );
        assert!(text.contains("postgres://desk:***@db/desk"), "{text}");
        assert!(text.contains("limits.connections = 20000"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
        assert!(!serde_json::to_string(&effective).expect("json").contains("hunter2"));
    }
}
