//! `check-config`: which settings are in effect, and where each came from.

use serde_json::json;

use super::arguments::{CheckConfig, Common};
use super::failure::Failure;
use super::print;
use crate::config::DEFAULTS;

pub(super) fn run(common: &Common, check: &CheckConfig) -> Result<(), Failure> {
    if check.print_defaults {
        return print(common.json, &json!({"defaults": DEFAULTS}), DEFAULTS);
    }
    let (_, effective) = common.settings(None)?;
    print(common.json, &json!(effective), &effective.to_text())
}
