//! `copy`: moving a host from one database to another.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::arguments::{Common, Copy};
use super::claim::Claim;
use super::failure::Failure;
use super::{host, print};
use crate::config::{Settings, check_database, masked_url, read_database_file};
use crate::desk::SILENCE;
use crate::store::{Copied, CopyProblem, Database, Progress, copy};

/// Whoever waits hears this often how far it is.
const TOLD_EVERY: Duration = Duration::from_secs(2);

pub(super) async fn run(common: &Common, arguments: Copy) -> Result<(), Failure> {
    let (settings, _) = common.settings(None)?;
    let from = address("from", arguments.from, arguments.from_file.as_deref())?;
    let to = address("to", arguments.to, arguments.to_file.as_deref())?;
    let (from, to) =
        (from.as_ref().unwrap_or(&settings.database), to.as_deref().unwrap_or_default());
    let is_new = to.strip_prefix("sqlite:").is_some_and(|file| !Path::new(file).exists());
    let _claims = claims(from, to)?;
    let copied = carry_out(common, from, to).await;
    if copied.is_err() && is_new {
        unmake(to);
    }
    let copied = copied?;
    print(common.json, &object(&settings, from, to, &copied), &text(&settings, from, to, &copied))
}

/// The address of a database, as the flag `name` gives it, or `name` with `-file`.
fn address(
    name: &str,
    given: Option<String>,
    file: Option<&Path>,
) -> Result<Option<String>, Failure> {
    let (what, address) = match (given, file) {
        (None, None) => return Ok(None),
        (Some(address), _) => (format!("--{name}"), address),
        (None, Some(file)) => {
            let what = format!("the --{name}-file");
            let address = read_database_file(&what, file)?;
            (format!("what is in {what}"), address)
        }
    };
    check_database(&what, &address)?;
    Ok(Some(address))
}

async fn carry_out(common: &Common, from: &str, to: &str) -> Result<Copied, Failure> {
    let source = open(from).await?;
    let target = match open(to).await {
        Ok(target) => target,
        Err(failure) => {
            source.close().await;
            return Err(failure);
        }
    };
    let mut line = ProgressLine { json: common.json, told: Instant::now() };
    let copied = copy(&source, &target, SILENCE, |progress| line.tell(progress)).await;
    source.close().await;
    target.close().await;
    copied.map_err(|problem| failure(from, to, &problem))
}

/// Removes the file that was made for a copy that came to nothing. It is still claimed.
fn unmake(to: &str) {
    let file = to.strip_prefix("sqlite:").unwrap_or(to);
    for end in ["", "-wal", "-shm"] {
        // An empty database that stays does no harm.
        let _ = fs::remove_file(format!("{file}{end}"));
    }
}

/// Claims both files, so that no server starts on either meanwhile. Makes the target's, but never
/// the source's.
fn claims(from: &str, to: &str) -> Result<[Option<Claim>; 2], Failure> {
    const WHAT: &str = "deskbell-server copy";
    if let Some(file) = from.strip_prefix("sqlite:")
        && !Path::new(file).is_file()
    {
        return Err(Failure::not_as_assumed(format!(
            "there is no database {file} to copy: check --from"
        )));
    }
    let same_file = |other: &str| {
        let file = |url: &str| fs::canonicalize(url.strip_prefix("sqlite:")?).ok();
        file(from).is_some_and(|from| file(other) == Some(from))
    };
    if from == to || same_file(to) {
        return Err(Failure::wrong_use("--from and --to name the same database"));
    }
    let source = Claim::lay(from, WHAT)?;
    host::make_file(to)?;
    Ok([source, Claim::lay(to, WHAT)?])
}

async fn open(url: &str) -> Result<Database, Failure> {
    let opened = Database::open(url).await;
    opened.map_err(|error| {
        Failure::failed(format!("the database {} cannot be used: {error}", masked_url(url)))
    })
}

fn failure(from: &str, to: &str, problem: &CopyProblem) -> Failure {
    let sentence =
        format!("nothing was copied from {} to {}: {problem}", masked_url(from), masked_url(to));
    match problem {
        CopyProblem::NothingThere | CopyProblem::NotEmpty(_) => Failure::not_as_assumed(sentence),
        _ => Failure::failed(sentence),
    }
}

/// Tells how far it is, when it takes long.
struct ProgressLine {
    json: bool,
    told: Instant,
}

impl ProgressLine {
    fn tell(&mut self, progress: Progress) {
        if self.told.elapsed() < TOLD_EVERY {
            return;
        }
        self.told = Instant::now();
        let Progress { table, done, of } = progress;
        let line = if self.json {
            json!({"progress": {"table": table, "rows": done, "of": of}}).to_string()
        } else {
            format!("{table}: {done} of {of} rows")
        };
        // A copy goes on when nobody reads how far it is.
        let _ = writeln!(io::stderr(), "{line}");
    }
}

fn object(settings: &Settings, from: &str, to: &str, copied: &Copied) -> Value {
    json!({
        "from": masked_url(from),
        "to": masked_url(to),
        "rows": copied.rows(),
        "tables": copied.tables,
        "verification": copied.verification,
        "key_file": settings.key_file,
    })
}

fn text(settings: &Settings, from: &str, to: &str, copied: &Copied) -> String {
    let tables: String = copied
        .tables
        .iter()
        .fold(String::new(), |all, (table, rows)| all + &format!("  {table}: {rows}\n"));
    let verification = &copied.verification;
    let key_file = if settings.key_file.exists() {
        settings.key_file.display().to_string()
    } else {
        "secrets.key in the old data folder, unless \"key_file\" names another".to_owned()
    };
    let certificate = settings.certificate_files().map_or_else(String::new, |files| {
        format!(
            "  the same certificate and its key ({} and {})\n",
            files.chain.display(),
            files.key.display()
        )
    });
    format!(
        "Copied {} rows from {} to {}:\n\
         {tables}\
         Replayed {} changes of {} teams there and compared {} tickets: all is as it was.\n\n\
         What the new servers need beside the database:\n  \
         the same key file ({key_file}), readable by their user alone; without it they do not \
         start\n\
         {certificate}\
         Then set \"database\" to the new address and start them. The old database is as it was: \
         keep it until all is well, and \
         do not serve it again, because what is written there is not in the copy.\n",
        copied.rows(),
        masked_url(from),
        masked_url(to),
        verification.changes,
        verification.teams,
        verification.tickets
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_is_missing_is_not_made() {
        let folder = tempfile::tempdir().expect("a folder");
        let url = |name: &str| format!("sqlite:{}", folder.path().join(name).display());
        let failure = claims(&url("missing.db"), &url("new.db")).err().expect("refused");
        assert!(failure.sentence.contains("missing.db"), "{failure:?}");
        assert_eq!(failure.status, 3);
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 0, "nothing is made");
    }

    #[test]
    fn one_database_is_not_copied_to_itself() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("desk.db"), "").expect("a file");
        let url = |name: &str| format!("sqlite:{}", folder.path().join(name).display());
        for to in ["desk.db", "./desk.db"] {
            let failure = claims(&url("desk.db"), &url(to)).err().expect("refused");
            assert!(failure.sentence.contains("the same database"), "{failure:?}");
        }
        let shared = "postgres://desk@db/desk";
        assert!(claims(shared, shared).is_err());
    }
}
