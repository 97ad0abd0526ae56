//! `migrate`: bringing the database to this program's schema.

use serde_json::json;

use super::arguments::Common;
use super::failure::Failure;
use super::{host, print};

pub(super) async fn run(common: &Common) -> Result<(), Failure> {
    let (settings, _) = common.settings(None)?;
    let (database, migrated) = host::open_database(&settings).await?;
    database.close().await;
    let text = if migrated.from == migrated.to {
        format!("The database has schema {} already.", migrated.to)
    } else {
        format!("The database was brought from schema {} to {}.", migrated.from, migrated.to)
    };
    print(common.json, &json!({"from": migrated.from, "to": migrated.to}), &text)
}
