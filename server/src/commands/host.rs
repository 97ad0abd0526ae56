//! What several commands need of the host: its folder, its database and its secrets.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use super::failure::Failure;
use crate::config::{Settings, masked_url};
use crate::desk::{Desk, HostFacts, Rates};
use crate::grpc::ProtoEncoder;
use crate::secrets::{HostSecrets, key_file};
use crate::store::{Database, Migrated, migrate};

/// Opens the database and brings it to this program's schema.
pub(super) async fn open_database(settings: &Settings) -> Result<(Database, Migrated), Failure> {
    if let Some(file) = settings.database.strip_prefix("sqlite:") {
        let folder = Path::new(file).parent().filter(|folder| !folder.as_os_str().is_empty());
        make_private(folder.unwrap_or(Path::new(".")))?;
    }
    let opened = async {
        let database = Database::open(&settings.database).await?;
        let migrated = migrate(&database).await?;
        Ok((database, migrated))
    };
    opened.await.map_err(|error: crate::store::StoreError| {
        Failure::failed(format!("the database {} cannot be used: {error}", masked_url(&settings.database)))
    })
}

/// Reads the host's secrets, and makes them at the first start.
pub(super) async fn open_secrets(settings: &Settings, database: &Database) -> Result<Arc<HostSecrets>, Failure> {
    let needed = database.has_host_secrets().await?;
    let key = key_file::open(&settings.key_file, needed)?;
    let secrets = HostSecrets::open(database, &key, &settings.server_name, Timestamp::now()).await?;
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
        sign_ins_per_account: limits.sign_ins_per_account,
        sign_ins_per_address: limits.sign_ins_per_address,
        passwords_at_once: limits.passwords_at_once,
    };
    let facts = HostFacts { server_name: settings.server_name.clone(), addresses, authorities_pem };
    Desk::open(database, secrets, facts, &rates, Arc::new(ProtoEncoder))
}

/// Makes a folder that is its owner's alone, if it is not there.
fn make_private(folder: &Path) -> Result<(), Failure> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(folder)
        .map_err(|error| Failure::failed(format!("the folder {} cannot be made: {error}", folder.display())))
}
