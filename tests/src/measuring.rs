//! What the benchmark (`bin/bench`) and the programs that it starts beside the server
//! (`bin/yardsticks`) have in common.

use std::error::Error;

pub mod pace;
pub mod program;
pub mod writes;

/// What comes of a step of the benchmark: it or why not, in words.
pub type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// The word for yardstick C: a bare loop that commits. It gets [`writes::Setup`], and is asked for
/// [`pace::Calls`].
pub const COMMITS: &str = "commits";

/// The word for yardstick F: a bare server in front of such a loop. It gets [`writes::Setup`], and
/// answers where it listens.
pub const BARE_SERVER: &str = "bare-server";

/// The word for yardstick T: raw TCP. It answers where it listens.
pub const RELAY: &str = "relay";

/// The word for the store's own writer. It gets the path of a database, and is asked for
/// [`pace::Calls`].
pub const WRITER: &str = "writer";
