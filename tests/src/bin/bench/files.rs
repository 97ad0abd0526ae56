//! Open files: each connection is one, at both ends.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::Outcome;

/// Lets this process, and those that it starts, have so many files open, or says in words why that
/// cannot be.
pub fn allow(wanted: usize) -> Outcome<()> {
    let wanted = u64::try_from(wanted)?;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return Ok(());
    }
    if limit.maximum.is_some_and(|maximum| maximum < wanted) {
        return Err(format!(
            "this needs {wanted} open files, and {} are allowed: raise the hard limit (`ulimit \
             -Hn {wanted}` as root, or LimitNOFILE)",
            limit.maximum.unwrap_or_default()
        )
        .into());
    }
    setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum })?;
    Ok(())
}
