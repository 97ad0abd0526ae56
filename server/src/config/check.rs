//! Completing settings that were left empty, and refusing what cannot work.

use std::fmt;
use std::path::{Path, PathBuf};

use deskbell_proto::reading;

use super::Settings;

/// Code points of the longest address of a database.
const LONGEST_ADDRESS: usize = 64 * 1024;

/// Why there are no settings: a sentence that says what to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigProblem(pub(super) String);

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigProblem {}

impl ConfigProblem {
    /// A value that does not fit its setting.
    pub(super) fn from_figment(error: &figment::Error) -> Self {
        let setting = error.path.join(".");
        let origin = error
            .metadata
            .as_ref()
            .map_or("configuration", |metadata| metadata.name.as_ref())
            .to_owned();
        Self(format!("the setting \"{setting}\" in the {origin} does not fit: {}", error.kind))
    }
}

fn refuse<T>(sentence: impl Into<String>) -> Result<T, ConfigProblem> {
    Err(ConfigProblem(sentence.into()))
}

/// The settings with everything filled in that was left empty.
pub(super) fn complete(
    mut settings: Settings,
    environment: &[(String, String)],
) -> Result<Settings, ConfigProblem> {
    if settings.data_dir.as_os_str().is_empty() {
        settings.data_dir = default_data_dir(environment);
    }
    if settings.key_file.as_os_str().is_empty() {
        settings.key_file = settings.data_dir.join("secrets.key");
    }
    settings.database = database(&settings)?;
    check_addresses(&settings)?;
    check_tls(&settings)?;
    check_numbers(&settings)?;
    if let Err(error) = tracing_subscriber::EnvFilter::try_new(&settings.log.filter) {
        return refuse(format!("the setting \"log.filter\" does not fit: {error}"));
    }
    Ok(settings)
}

fn default_data_dir(environment: &[(String, String)]) -> PathBuf {
    let variable = |name: &str| {
        environment
            .iter()
            .find(|(key, value)| key == name && value.starts_with('/'))
            .map(|(_, value)| Path::new(value))
    };
    match (variable("XDG_DATA_HOME"), variable("HOME")) {
        (Some(data), _) => data.join("deskbell"),
        (None, Some(home)) if home != Path::new("/") => home.join(".local/share/deskbell"),
        _ => PathBuf::from("/var/lib/deskbell"),
    }
}

fn database(settings: &Settings) -> Result<String, ConfigProblem> {
    let mut database = settings.database.clone();
    if !settings.database_file.as_os_str().is_empty() {
        if !database.is_empty() {
            return refuse("set \"database\" or \"database_file\", not both");
        }
        database = read_database_file("the database_file", &settings.database_file)?;
    }
    if database.is_empty() {
        return Ok(format!("sqlite:{}", settings.data_dir.join("deskbell.db").display()));
    }
    check_database("the setting \"database\"", &database)?;
    Ok(database)
}

/// Reads a database's address from a file, which `what` names.
pub fn read_database_file(what: &str, file: &Path) -> Result<String, ConfigProblem> {
    match reading::file(file, LONGEST_ADDRESS) {
        Ok(text) if text.trim().is_empty() => refuse(format!("{what} {} is empty", file.display())),
        Ok(text) => Ok(text.trim().to_owned()),
        Err(problem) => refuse(format!("{what} {} {problem}", file.display())),
    }
}

/// Fails unless a text is a database's address. `what` names it; the text is not repeated, because
/// it may hold a password.
pub fn check_database(what: &str, address: &str) -> Result<(), ConfigProblem> {
    if ["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| address.starts_with(scheme))
    {
        return Ok(());
    }
    refuse(format!("{what} must begin with sqlite: or postgres://"))
}

fn check_addresses(settings: &Settings) -> Result<(), ConfigProblem> {
    if settings.plaintext && !settings.listen.ip().is_loopback() {
        return refuse(format!(
            "\"plaintext\" works on a loopback address only, and \"listen\" is {}: turn it off, \
             or listen on 127.0.0.1",
            settings.listen
        ));
    }
    if let Some(address) = settings.addresses.iter().find(|address| host(address).is_none()) {
        return refuse(format!(
            "\"{address}\" in \"addresses\" is not like https://desk.example.org:7443"
        ));
    }
    if settings.metrics.listen == "off" {
        return Ok(());
    }
    match settings.metrics_listen() {
        Some(address) if address.ip().is_loopback() => Ok(()),
        Some(_) => refuse(
            "\"metrics.listen\" must be a loopback address: metrics are for this machine, over \
             plain HTTP",
        ),
        None => refuse("\"metrics.listen\" must be like 127.0.0.1:7444, or \"off\""),
    }
}

/// The host of an address like `https://desk.example.org:7443`, without brackets.
pub(super) fn host(address: &str) -> Option<String> {
    let uri: http::Uri = address.parse().ok()?;
    let plain =
        matches!(uri.scheme_str(), Some("http" | "https")) && matches!(uri.path(), "" | "/");
    let authority =
        uri.authority().filter(|authority| plain && !authority.as_str().contains('@'))?;
    Some(authority.host().trim_matches(['[', ']']).to_owned())
}

fn check_tls(settings: &Settings) -> Result<(), ConfigProblem> {
    let given = |path: &Path| !path.as_os_str().is_empty();
    if given(&settings.tls.certificate_file) != given(&settings.tls.key_file) {
        return refuse(
            "\"tls.certificate_file\" and \"tls.key_file\" belong together: set both or none",
        );
    }
    Ok(())
}

/// A day, in seconds.
const DAY: u64 = 24 * 60 * 60;

fn check_numbers(settings: &Settings) -> Result<(), ConfigProblem> {
    let limits = &settings.limits;
    if !(1..=30).contains(&settings.drain_seconds) {
        return refuse("\"drain_seconds\" must be 1 to 30");
    }
    // What is more than anybody means, and less than what timers and counters hold.
    let most = [
        ("connections", limits.connections as u64, 10_000_000),
        ("connections_per_address", limits.connections_per_address as u64, 10_000_000),
        ("streams_per_connection", u64::from(limits.streams_per_connection), 100_000),
        ("handshake_seconds", limits.handshake_seconds, DAY),
        ("keepalive_seconds", limits.keepalive_seconds, DAY),
        ("keepalive_timeout_seconds", limits.keepalive_timeout_seconds, DAY),
        ("submits_per_address", u64::from(limits.submits_per_address), 1_000_000_000),
        ("submits_per_profile", u64::from(limits.submits_per_profile), 1_000_000_000),
        ("calls_per_address", u64::from(limits.calls_per_address), 1_000_000_000),
        ("customers_per_address", limits.customers_per_address as u64, 10_000_000),
        ("watches_per_account", limits.watches_per_account as u64, 10_000_000),
        ("sign_ins_per_account", u64::from(limits.sign_ins_per_account), 1_000_000_000),
        ("sign_ins_per_address", u64::from(limits.sign_ins_per_address), 1_000_000_000),
        ("passwords_at_once", limits.passwords_at_once as u64, 1_024),
        ("message_bytes", limits.message_bytes as u64, 64 * 1024 * 1024),
    ];
    if let Some((name, _, most)) = most.iter().find(|(_, value, most)| !(1..=*most).contains(value))
    {
        return refuse(format!("\"limits.{name}\" must be 1 to {most}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Override, Sources};
    use super::*;

    fn refusal(flags: &[(&str, &str)]) -> Option<String> {
        let flag = |(setting, value): &(&str, &str)| Override {
            flag: "--set".to_owned(),
            setting: (*setting).to_owned(),
            value: (*value).to_owned(),
        };
        let sources = Sources { flags: flags.iter().map(flag).collect(), ..Sources::default() };
        sources.load().err().map(|problem| problem.to_string())
    }

    #[test]
    fn what_cannot_work_is_refused() {
        let table: &[(&[(&str, &str)], &str)] = &[
            (&[("plaintext", "true"), ("listen", "0.0.0.0:1")], "loopback"),
            (&[("database", "mysql://u:secret@h/d")], "sqlite:"),
            (&[("database", "sqlite:x"), ("database_file", "/x")], "not both"),
            (&[("database_file", "/nowhere")], "/nowhere"),
            (&[("addresses", "desk.example")], "desk.example"),
            (&[("addresses", "https://user@desk.example")], "addresses"),
            (&[("tls.key_file", "/x")], "tls.certificate_file"),
            (&[("metrics.listen", "0.0.0.0:7444")], "loopback"),
            (&[("metrics.listen", "no")], "off"),
            (&[("drain_seconds", "31")], "1 to 30"),
            (&[("limits.connections", "0")], "limits.connections"),
            (&[("limits.keepalive_seconds", "9223372036854775807")], "limits.keepalive_seconds"),
            (&[("limits.passwords_at_once", "9223372036854775807")], "1 to 1024"),
            (&[("log.filter", "deskbell=loud")], "log.filter"),
        ];
        for (flags, expected) in table {
            let refused = refusal(flags).unwrap_or_default();
            assert!(refused.contains(expected), "{flags:?}: {refused:?}");
            assert!(!refused.contains("secret"), "{refused}");
        }
    }

    #[test]
    fn what_works_is_let_through() {
        let table: &[&[(&str, &str)]] = &[
            &[("plaintext", "true"), ("listen", "[::1]:0")],
            &[("database", "postgres://u:secret@h/d")],
            &[("addresses", "https://desk.example:7443,https://[::1]:7443")],
            &[("metrics.listen", "off")],
        ];
        for flags in table {
            assert_eq!(refusal(flags), None, "{flags:?}");
        }
    }

    #[test]
    fn data_lives_where_the_user_keeps_data() {
        let dir = |pairs: &[(&str, &str)]| {
            let pairs: Vec<_> =
                pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            default_data_dir(&pairs)
        };
        assert_eq!(dir(&[("XDG_DATA_HOME", "/d"), ("HOME", "/h")]), Path::new("/d/deskbell"));
        assert_eq!(dir(&[("HOME", "/h")]), Path::new("/h/.local/share/deskbell"));
        assert_eq!(dir(&[("XDG_DATA_HOME", "relative")]), Path::new("/var/lib/deskbell"));
    }
}
