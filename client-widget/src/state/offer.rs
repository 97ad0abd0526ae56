//! A manifest that waits for the customer's trust.

use super::profile::Profile;

/// What is to be trusted or not.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// What it says and who signed it.
    pub profile: Profile,
    /// Whom this program followed until now, when this is another server.
    pub before: Option<Before>,
}

/// What was trusted before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Before {
    /// The names of the servers; none when what is kept of them is damaged.
    pub servers: Vec<String>,
    /// The folder that remembers them.
    pub folder: String,
}

impl Before {
    /// The servers' names, for a sentence.
    pub fn names(&self) -> String {
        if self.servers.is_empty() { "?".to_owned() } else { self.servers.join(", ") }
    }
}
