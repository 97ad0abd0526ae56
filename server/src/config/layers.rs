//! The layers that settings come from, and how they become one.

use std::path::{Path, PathBuf};

use deskbell_proto::reading;
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::check::{ConfigProblem, complete};
use super::show::Effective;
use super::{DEFAULT_FILE, DEFAULT_LAYER, DEFAULTS, Settings};

/// Code points of the largest file of settings.
const LARGEST: usize = 1024 * 1024;

/// What environment variables begin with.
const PREFIX: &str = "DESKBELL_";

/// One setting as a flag gives it.
#[derive(Debug, Clone)]
pub struct Override {
    /// The flag, for people, e.g. `--listen`.
    pub flag: String,
    /// The setting, e.g. `limits.connections`.
    pub setting: String,
    /// Its value, as text.
    pub value: String,
}

/// Where settings come from, beside the defaults.
#[derive(Debug, Default)]
pub struct Sources {
    /// The file; none: the usual one, if it is there.
    pub file: Option<PathBuf>,
    /// Environment variables, of which those that begin with `DESKBELL_` count.
    pub environment: Vec<(String, String)>,
    /// Flags; later ones win.
    pub flags: Vec<Override>,
}

impl Sources {
    /// A file and flags, and this process's environment.
    pub fn of_process(file: Option<PathBuf>, flags: Vec<Override>) -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, reading::plain(&value.into_string().ok()?)))
        };
        Self { file, environment: std::env::vars_os().filter_map(text).collect(), flags }
    }

    /// The settings of all layers, complete and checked, and where each value came from.
    pub fn load(&self) -> Result<(Settings, Effective), ConfigProblem> {
        let defaults = parse(DEFAULTS, DEFAULT_LAYER)?;
        let names = setting_names(&defaults);
        let mut figment =
            Figment::from(Layer { name: DEFAULT_LAYER.to_owned(), values: defaults.clone() });
        for layer in
            self.file_layer()?.into_iter().chain(self.environment_layers(&defaults, &names)?)
        {
            refuse_unknown(&layer, &names)?;
            figment = figment.merge(layer);
        }
        for flag in &self.flags {
            let layer = Layer::one(
                format!("flag {}", flag.flag),
                &flag.setting,
                typed(&defaults, &flag.setting, &flag.value),
            );
            refuse_unknown(&layer, &names)?;
            figment = figment.merge(layer);
        }
        let settings: Settings =
            figment.extract().map_err(|error| ConfigProblem::from_figment(&error))?;
        let settings = complete(settings, &self.environment)?;
        let effective = Effective::of(&settings, &figment, &names);
        Ok((settings, effective))
    }

    fn file_layer(&self) -> Result<Option<Layer>, ConfigProblem> {
        let path = match &self.file {
            Some(path) => path.as_path(),
            None if Path::new(DEFAULT_FILE).exists() => Path::new(DEFAULT_FILE),
            None => return Ok(None),
        };
        let name = format!("file {}", path.display());
        let text = reading::file(path, LARGEST)
            .map_err(|problem| ConfigProblem(format!("the {name} {problem}")))?;
        let values = parse(&text, &name)?;
        Ok(Some(Layer { name, values }))
    }

    /// One layer for each variable that is a setting. Others may belong to other programs, unless
    /// one is nearly a setting.
    fn environment_layers(
        &self,
        defaults: &Dict,
        names: &[String],
    ) -> Result<Vec<Layer>, ConfigProblem> {
        let variables: Vec<String> = names.iter().map(|name| variable(name)).collect();
        let mut layers = Vec::new();
        for (name, value) in self.environment.iter().filter(|(name, _)| name.starts_with(PREFIX)) {
            if let Some(place) = variables.iter().position(|variable| variable == name) {
                let setting = &names[place];
                let value = typed(defaults, setting, value);
                layers.push(Layer::one(format!("environment variable {name}"), setting, value));
            } else if let Some(near) =
                variables.iter().find(|variable| strsim::damerau_levenshtein(variable, name) <= 2)
            {
                return Err(ConfigProblem(format!(
                    "there is no environment variable {name}: did you mean {near}?"
                )));
            }
        }
        Ok(layers)
    }
}

/// The environment variable of a setting.
fn variable(setting: &str) -> String {
    format!("{PREFIX}{}", setting.replace('.', "_").to_uppercase())
}

/// One layer of settings, with a name that people understand.
struct Layer {
    name: String,
    values: Dict,
}

impl Layer {
    fn one(name: String, setting: &str, value: Value) -> Self {
        let values = figment::util::nest(setting, value).into_dict().unwrap_or_default();
        Self { name, values }
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Map::from([(Profile::Default, self.values.clone())]))
    }
}

fn parse(text: &str, name: &str) -> Result<Dict, ConfigProblem> {
    toml::from_str(text).map_err(|error| {
        ConfigProblem(format!("the {name} is not valid TOML: {}", error.to_string().trim()))
    })
}

/// A value of a flag or variable in the type that the setting has: texts stay as they are, whatever
/// they look like.
fn typed(defaults: &Dict, setting: &str, text: &str) -> Value {
    let default = Value::from(defaults.clone());
    match default.find_ref(setting) {
        Some(Value::String(..)) => Value::from(text),
        // One name is a list of one.
        Some(Value::Array(..)) if !text.trim_start().starts_with('[') => {
            let items: Vec<&str> =
                text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect();
            Value::from(items)
        }
        _ => text.parse().unwrap_or_else(|_| Value::from(text)),
    }
}

/// The names of all settings, e.g. `limits.connections`.
fn setting_names(values: &Dict) -> Vec<String> {
    let mut names = Vec::new();
    for (key, value) in values {
        match value {
            Value::Dict(_, inner) => {
                names.extend(setting_names(inner).iter().map(|name| format!("{key}.{name}")));
            }
            _ => names.push(key.clone()),
        }
    }
    names
}

fn refuse_unknown(layer: &Layer, names: &[String]) -> Result<(), ConfigProblem> {
    for name in setting_names(&layer.values) {
        if !names.contains(&name) {
            let near = names
                .iter()
                .max_by(|one, other| {
                    strsim::jaro_winkler(one, &name).total_cmp(&strsim::jaro_winkler(other, &name))
                })
                .map_or("", String::as_str);
            return Err(ConfigProblem(format!(
                "the {} has the unknown setting \"{name}\": did you mean \"{near}\"?",
                layer.name
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Reflection;
    use super::*;

    fn flag(setting: &str, value: &str) -> Override {
        Override {
            flag: format!("--set {setting}"),
            setting: setting.to_owned(),
            value: value.to_owned(),
        }
    }

    fn load(
        file: Option<&str>,
        environment: &[(&str, &str)],
        flags: &[(&str, &str)],
    ) -> Result<(Settings, Effective), String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("server.toml");
        std::fs::write(&path, file.unwrap_or_default()).expect("written");
        let mut environment: Vec<_> = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        environment.push(("HOME".to_owned(), "/home/ana".to_owned()));
        let flags = flags.iter().map(|(setting, value)| flag(setting, value)).collect();
        Sources { file: Some(path), environment, flags }
            .load()
            .map_err(|problem| problem.to_string())
    }

    fn refusal(file: Option<&str>, environment: &[(&str, &str)], flags: &[(&str, &str)]) -> String {
        load(file, environment, flags).map(|(settings, _)| settings).expect_err("refused")
    }

    #[test]
    fn defaults_are_complete() {
        let (settings, _) = load(None, &[], &[]).expect("loaded");
        assert_eq!(settings.listen.to_string(), "127.0.0.1:7443");
        assert_eq!(settings.data_dir, Path::new("/home/ana/.local/share/deskbell"));
        assert_eq!(settings.database, "sqlite:/home/ana/.local/share/deskbell/deskbell.db");
        assert_eq!(settings.key_file, Path::new("/home/ana/.local/share/deskbell/secrets.key"));
        assert_eq!(settings.addresses(settings.listen), ["https://127.0.0.1:7443"]);
        assert_eq!(settings.certificate_names(), ["localhost", "127.0.0.1", "::1"]);
        assert_eq!(settings.reflection, Reflection::Admins);
        assert!(settings.metrics_listen().is_some());
    }

    #[test]
    fn later_layers_win_and_are_named() {
        let file = "listen = \"127.0.0.1:1\"\n[limits]\nconnections = 5\nmessage_bytes = 7\n";
        let environment = [("DESKBELL_LIMITS_CONNECTIONS", "6"), ("DESKBELL_SERVER_NAME", "007")];
        let (settings, effective) =
            load(Some(file), &environment, &[("listen", "127.0.0.1:3")]).expect("loaded");
        assert_eq!(settings.listen.port(), 3);
        assert_eq!(settings.limits.connections, 6);
        assert_eq!(settings.limits.message_bytes, 7);
        assert_eq!(settings.server_name, "007");
        let origin = |name: &str| effective.origin(name).unwrap_or_default().to_owned();
        assert_eq!(origin("listen"), "flag --set listen");
        assert_eq!(
            origin("limits.connections"),
            "environment variable DESKBELL_LIMITS_CONNECTIONS"
        );
        assert!(origin("limits.message_bytes").starts_with("file "));
        assert_eq!(origin("plaintext"), "default");
    }

    #[test]
    fn unknown_names_are_refused_with_the_nearest() {
        let refused = refusal(Some("lisen = \"x\""), &[], &[]);
        assert!(refused.contains("\"lisen\"") && refused.contains("\"listen\""), "{refused}");
        let refused = refusal(Some("[limits]\nconections = 1"), &[], &[]);
        assert!(refused.contains("\"limits.connections\""), "{refused}");
        let refused = refusal(None, &[("DESKBELL_LISTN", "x")], &[]);
        assert!(refused.contains("DESKBELL_LISTEN"), "{refused}");
        let refused = refusal(None, &[], &[("log.fromat", "json")]);
        assert!(refused.contains("\"log.format\""), "{refused}");
        load(None, &[("DESKBELL_CONTEXT", "of another program")], &[]).expect("not ours");
    }

    #[test]
    fn wrong_values_say_where_they_are() {
        for (setting, value) in [
            ("listen", "here"),
            ("plaintext", "maybe"),
            ("limits.connections", "-1"),
            ("reflection", "x"),
        ] {
            let refused = refusal(None, &[], &[(setting, value)]);
            assert!(refused.contains(setting) && refused.contains("flag"), "{refused}");
        }
        assert!(refusal(Some("listen = "), &[], &[]).contains("TOML"));
        let missing =
            Sources { file: Some(PathBuf::from("/nowhere/server.toml")), ..Sources::default() }
                .load();
        assert!(missing.expect_err("refused").to_string().contains("/nowhere/server.toml"));
    }

    #[test]
    fn lists_can_be_written_in_one_line() {
        let (settings, _) =
            load(None, &[("DESKBELL_TLS_NAMES", "a.example, b.example")], &[]).expect("loaded");
        assert!(settings.certificate_names().contains(&"b.example".to_owned()));
        let (settings, _) =
            load(None, &[], &[("addresses", "[\"https://c.example\"]")]).expect("loaded");
        assert_eq!(settings.addresses(settings.listen), ["https://c.example"]);
        assert!(settings.certificate_names().contains(&"c.example".to_owned()));
    }
}
