//! `verify`: the self-check of the database.

use std::sync::Arc;

use serde_json::json;

use super::arguments::Common;
use super::failure::Failure;
use super::{host, print};
use crate::store::Store;

pub(super) async fn run(common: &Common) -> Result<(), Failure> {
    let (settings, _) = common.settings(None)?;
    let (database, _) = host::open_database(&settings).await?;
    let verification = Store::start(database.clone(), &(Arc::new(|_| {}) as _)).verify().await?;
    database.close().await;
    let mut text = format!(
        "Replayed {} changes of {} teams and compared {} tickets.\n",
        verification.changes, verification.teams, verification.tickets
    );
    for fault in &verification.faults {
        text.push_str(fault);
        text.push('\n');
    }
    print(common.json, &json!(verification), &text)?;
    match verification.faults.len() {
        0 => Ok(()),
        faults => Err(Failure::failed(format!(
            "{faults} faults were found: restore a backup, and keep this database"
        ))),
    }
}
