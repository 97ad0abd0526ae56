//! What several commands need of the host: its folder, its database and its secrets.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::failure::Failure;
use crate::clock::{self, Clock};
use crate::config::{Settings, masked_url};
use crate::desk::{Desk, HostFacts, Rates};
use crate::grpc::ProtoEncoder;
use crate::secrets::{HostSecrets, key_file};
use crate::store::{Database, Migrated, migrate};

/// Opens the database and brings it to this program's schema.
pub(super) async fn open_database(settings: &Settings) -> Result<(Database, Migrated), Failure> {
    make_file(&settings.database)?;
    let opened = async {
        let database = Database::open(&settings.database).await?;
        let migrated = migrate(&database).await?;
        Ok((database, migrated))
    };
    opened.await.map_err(|error: crate::store::StoreError| {
        Failure::failed(format!(
            "the database {} cannot be used: {error}",
            masked_url(&settings.database)
        ))
    })
}

/// Reads the host's secrets, and makes them at the first start.
pub(super) async fn open_secrets(
    settings: &Settings,
    database: &Database,
) -> Result<Arc<HostSecrets>, Failure> {
    let needed = database.has_host_secrets().await?;
    let key = key_file::open(&settings.key_file, needed)?;
    let secrets =
        HostSecrets::open(database, &key, &settings.server_name, clock::timestamp()).await?;
    Ok(Arc::new(secrets))
}

/// Opens the desk on a database. Commands that nobody reaches over the wire give no addresses.
pub(super) fn open_desk(
    settings: &Settings,
    database: Database,
    secrets: Arc<HostSecrets>,
    addresses: Vec<String>,
    authorities_pem: String,
) -> Arc<Desk> {
    let limits = &settings.limits;
    let rates = Rates {
        submits_per_address: limits.submits_per_address,
        submits_per_profile: limits.submits_per_profile,
        calls_per_address: limits.calls_per_address,
        calls_at_once: limits.connections,
        calls_at_once_per_address: limits.customers_per_address,
        watches_per_account: limits.watches_per_account,
        sign_ins_per_account: limits.sign_ins_per_account,
        sign_ins_per_address: limits.sign_ins_per_address,
        passwords_at_once: limits.passwords_at_once,
    };
    let facts = HostFacts { server_name: settings.server_name.clone(), addresses, authorities_pem };
    Desk::open(database, secrets, facts, &rates, Clock::of_machine(), Arc::new(ProtoEncoder))
}

/// Lets this process have as many files and connections as the system lets it, and says when that
/// is less than `connections` want: whoever took them all would keep others out until they let go.
pub(super) fn allow_connections(connections: usize) {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        /// Files beside connections: the database, its log, sockets that listen.
        const OTHERS: u64 = 64;
        let maximum = getrlimit(Resource::Nofile).maximum;
        if let Err(cause) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
            tracing::warn!(%cause, "the limit of open files cannot be raised");
        }
        let wanted = connections as u64 + OTHERS;
        if let Some(maximum) = maximum.filter(|maximum| *maximum < wanted) {
            tracing::warn!(
                maximum,
                wanted,
                "the system allows fewer open files than \"limits.connections\" wants: raise \
                 `ulimit -n`"
            );
        }
    }
    #[cfg(not(unix))]
    let _ = connections;
}

/// Makes the file of an embedded database, empty, unless it is there. Others are not for us to
/// make.
pub(super) fn make_file(database: &str) -> Result<(), Failure> {
    let Some(file) = database.strip_prefix("sqlite:") else { return Ok(()) };
    make_private(Path::new(file))
        .map_err(|error| Failure::failed(format!("the database {file} cannot be made: {error}")))
}

/// Makes an empty database file, and its folder, that are their owner's alone, unless they are
/// there. What SQLite makes beside them gets the same rights.
fn make_private(file: &Path) -> io::Result<()> {
    let mut folder = fs::DirBuilder::new();
    let mut options = fs::OpenOptions::new();
    #[cfg(unix)]
    {
        std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    if let Some(path) = file.parent().filter(|path| !path.as_os_str().is_empty()) {
        folder.recursive(true).create(path)?;
    }
    if !file.exists() {
        options.append(true).create(true).open(file)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(folder: &Path) -> Settings {
        let flag = crate::config::Override {
            flag: "--data-dir".to_owned(),
            setting: "data_dir".to_owned(),
            value: folder.display().to_string(),
        };
        let sources =
            crate::config::Sources { flags: vec![flag], ..crate::config::Sources::default() };
        sources.load().expect("settings").0
    }

    #[tokio::test]
    async fn a_host_keeps_its_secrets_and_needs_its_key_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = settings(&folder.path().join("data"));
        let (database, migrated) = open_database(&settings).await.expect("opened");
        assert_eq!(migrated.from, 0);
        let fingerprint =
            open_secrets(&settings, &database).await.expect("made").authority.fingerprint();
        assert_eq!(
            open_secrets(&settings, &database).await.expect("read").authority.fingerprint(),
            fingerprint
        );
        fs::remove_file(&settings.key_file).expect("removed");
        let failure = open_secrets(&settings, &database).await.expect_err("refused");
        assert!(failure.sentence.contains("secrets.key"), "{failure:?}");
        assert!(!settings.key_file.exists(), "no other key is made");
        database.close().await;
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn the_embedded_database_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let settings = settings(&folder.path().join("data"));
        let (database, _) = open_database(&settings).await.expect("opened");
        for entry in fs::read_dir(&settings.data_dir).expect("listed") {
            let entry = entry.expect("an entry");
            let mode = entry.metadata().expect("there").permissions().mode();
            assert_eq!(mode & 0o077, 0, "{}", entry.path().display());
        }
        database.close().await;
    }

    #[tokio::test]
    async fn a_database_that_is_not_there_is_named_without_its_password() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut settings = settings(folder.path());
        "postgres://desk:hunter2@127.0.0.1:1/desk".clone_into(&mut settings.database);
        let failure = open_database(&settings).await.expect_err("refused");
        assert!(failure.sentence.contains("postgres://desk:***@127.0.0.1:1/desk"), "{failure:?}");
        assert!(!failure.sentence.contains("hunter2"));
    }
}
