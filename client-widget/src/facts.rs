//! What the widget knows about the computer it runs on, and the customer may untick.

use crate::state::form::Fact;
use crate::texts::Key;

/// The widget's version and system, e.g. "0.1.0 linux-x86_64".
pub fn program() -> String {
    format!("{} {}-{}", env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH)
}

/// Everything that can be sent along.
pub fn facts() -> Vec<Fact> {
    vec![
        Fact::new("system", Key::FactSystem, &system()),
        Fact::new("program", Key::FactProgram, &program()),
        Fact::new("computer", Key::FactComputer, &gethostname::gethostname().to_string_lossy()),
    ]
}

/// The system's own name for itself where it has one (os-release(5)), else its kind.
fn system() -> String {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="))
        .map(|name| name.trim_matches(['"', '\'']));
    name.filter(|name| !name.is_empty()).unwrap_or(std::env::consts::OS).to_owned()
}
