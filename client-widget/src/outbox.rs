//! Requests on disk: written before anything is sent, the same bytes at every try, gone only when
//! they are done with.
//!
//! One file a request. It holds the ticket's secret, the encoded `SubmitTicketRequest` as it will
//! be sent each time, and what was written on the ticket and not acknowledged yet. The server looks
//! the secret's hash up before anything else, so a try whose answer was lost changes nothing when
//! it is repeated.
//!
//! Every look and every change happens under a lock on the folder, so that several windows and
//! scripts of one profile neither send twice at once nor overwrite each other.

use std::fmt;
use std::fs::{File, TryLockError};
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use deskbell_proto::{ticket_secret::TicketSecret, v1::SubmitTicketRequest};
use prost::Message as _;
use serde::{Deserialize, Serialize};

use crate::{disk, state::form::Draft};

/// The largest file of a request: a description of 10 000 code points and a handful of unsent
/// messages fit many times over.
const LARGEST: usize = 4 * 1024 * 1024;
/// How long another program may hold the folder. Longer than a call may take.
const LOCK_WITHIN: Duration = Duration::from_secs(45);
const LOCK_EVERY: Duration = Duration::from_millis(25);

/// The requests of one profile.
#[derive(Clone, Debug)]
pub struct Outbox {
    folder: PathBuf,
}

/// The folder, for as long as this lives.
#[derive(Debug)]
pub struct Locked {
    folder: PathBuf,
    /// Dropping it lets go. (`unlock` fails under wine.)
    _lock: File,
}

/// Requests that are remembered.
const REMEMBERED: usize = 200;

/// A request, as it lies on disk.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The ticket's secret, as base64.
    secret: String,
    /// The encoded request, as base64.
    body: String,
    /// A try was made: the server may have it.
    pub tried: bool,
    /// The ticket's number, once the server acknowledged it.
    pub number: Option<i64>,
    /// Messages that are not acknowledged, oldest first.
    pub messages: Vec<Unsent>,
    /// The call that takes the request back, when the customer wants that and it is not
    /// acknowledged.
    pub cancel: Option<String>,
    /// The call that says that help is still needed, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub still_needed: Option<String>,
    /// The customer has left it behind: it is not what the window opens with.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub left: bool,
}

/// A message that is not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsent {
    /// The same at every try.
    pub request_id: String,
    /// What was written.
    pub text: String,
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept")
            .field("number", &self.number)
            .field("tried", &self.tried)
            .finish_non_exhaustive()
    }
}

impl Kept {
    /// A new request with a secret of its own.
    pub fn new(draft: &Draft) -> io::Result<Self> {
        let secret = TicketSecret::make()?;
        let request = SubmitTicketRequest {
            secret_hash: secret.hash().to_vec(),
            group_id: draft.group_id.clone(),
            email: draft.email.clone(),
            title: draft.title.clone(),
            description: draft.description.clone(),
            facts: draft.facts.clone(),
            profile_revision: draft.profile_revision,
        };
        Ok(Self {
            secret: BASE64_STANDARD.encode(secret.bytes()),
            body: BASE64_STANDARD.encode(request.encode_to_vec()),
            tried: false,
            number: None,
            messages: Vec::new(),
            cancel: None,
            still_needed: None,
            left: false,
        })
    }

    /// The ticket's secret. None when the file was damaged.
    pub fn secret(&self) -> Option<TicketSecret> {
        BASE64_STANDARD.decode(&self.secret).ok()?.try_into().ok().map(TicketSecret::from_bytes)
    }

    /// What to send.
    pub fn request(&self) -> SubmitTicketRequest {
        let body = BASE64_STANDARD.decode(&self.body).unwrap_or_default();
        SubmitTicketRequest::decode(body.as_slice()).unwrap_or_default()
    }

    /// What was asked.
    pub fn draft(&self) -> Draft {
        let request = self.request();
        Draft {
            group_id: request.group_id,
            email: request.email,
            title: request.title,
            description: request.description,
            facts: request.facts,
            profile_revision: request.profile_revision,
        }
    }

    /// Nothing of it waits for the server.
    pub fn is_settled(&self) -> bool {
        self.number.is_some()
            && self.messages.is_empty()
            && self.cancel.is_none()
            && self.still_needed.is_none()
    }
}

impl Outbox {
    /// The requests in this folder, which is made when it is not there.
    pub fn open(folder: PathBuf) -> io::Result<Self> {
        disk::make_folder(&folder)?;
        Ok(Self { folder })
    }

    /// Waits for the folder.
    pub async fn lock(&self) -> io::Result<Locked> {
        let deadline = Instant::now() + LOCK_WITHIN;
        loop {
            match self.try_lock()? {
                Some(locked) => return Ok(locked),
                None if Instant::now() > deadline => {
                    return Err(io::Error::new(
                        io::ErrorKind::TimedOut,
                        "another program holds the folder",
                    ));
                }
                None => tokio::time::sleep(LOCK_EVERY).await,
            }
        }
    }

    /// The folder, unless another program has it just now.
    pub fn try_lock(&self) -> io::Result<Option<Locked>> {
        let path = self.folder.join("lock");
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            // Where nothing can be written any more, what is there can still be read.
            .or_else(|error| File::open(&path).map_err(|_| error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Nobody else writes here now, so what is unfinished is left over.
        disk::sweep(&self.folder)?;
        Ok(Some(Locked { folder: self.folder.clone(), _lock: lock }))
    }
}

impl Locked {
    /// Names of the requests, oldest first.
    pub fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            if let Some(name) =
                entry?.file_name().to_str().and_then(|name| name.strip_suffix(".request"))
            {
                names.push(name.to_owned());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Keeps a new request and answers its name. Those before it stay, since their secrets are what
    /// their answers are read with; of very many the oldest settled ones go.
    pub fn keep(&self, kept: &Kept) -> io::Result<String> {
        let names = self.names()?;
        let last = names.last().and_then(|name| name.parse::<u64>().ok()).unwrap_or(0);
        let name = format!("{:012}", last + 1);
        self.save(&name, kept)?;
        let too_many = (names.len() + 1).saturating_sub(REMEMBERED);
        for name in names.into_iter().take(too_many) {
            if self.load(&name)?.is_some_and(|kept| kept.is_settled()) {
                self.remove(&name)?;
            }
        }
        Ok(name)
    }

    /// Reads a request. None when there is none, or its file is damaged beyond use.
    pub fn load(&self, name: &str) -> io::Result<Option<Kept>> {
        let content = disk::read(&self.path(name), LARGEST)?;
        Ok(content.and_then(|content| serde_json::from_slice(&content).ok()))
    }

    /// Writes a request.
    pub fn save(&self, name: &str, kept: &Kept) -> io::Result<()> {
        disk::write(&self.path(name), &serde_json::to_vec(kept)?)
    }

    /// Is done with a request.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        disk::remove(&self.path(name))
    }

    /// Keeps what is written but not rung.
    pub fn save_draft(&self, draft: &Draft) -> io::Result<()> {
        disk::write(&self.folder.join("draft.json"), &serde_json::to_vec(draft)?)
    }

    /// What was written but not rung.
    pub fn load_draft(&self) -> io::Result<Option<Draft>> {
        let content = disk::read(&self.folder.join("draft.json"), LARGEST)?;
        Ok(content.and_then(|content| serde_json::from_slice(&content).ok()))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.request"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> Draft {
        let facts = [("system", "Linux"), ("computer", "desk-7"), ("program", "0.1.0")];
        Draft {
            email: "ana@example.com".into(),
            description: "The printer is on fire".into(),
            facts: facts.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            ..Draft::default()
        }
    }

    fn outbox() -> (tempfile::TempDir, Outbox) {
        let folder = tempfile::tempdir().unwrap();
        let outbox = Outbox::open(folder.path().join("requests")).unwrap();
        (folder, outbox)
    }

    #[test]
    fn the_same_bytes_at_every_try() {
        let (_folder, outbox) = outbox();
        let kept = Kept::new(&draft()).unwrap();
        let name = outbox.try_lock().unwrap().unwrap().keep(&kept).unwrap();
        for _ in 0..20 {
            // As if by a program that was started again.
            let again = outbox.try_lock().unwrap().unwrap().load(&name).unwrap().unwrap();
            assert_eq!(BASE64_STANDARD.encode(again.request().encode_to_vec()), kept.body);
            assert_eq!(again.secret(), kept.secret());
            assert_eq!(again.draft(), draft());
        }
        assert_eq!(kept.request().secret_hash, kept.secret().unwrap().hash());
        assert_ne!(kept.secret(), Kept::new(&draft()).unwrap().secret());
    }

    #[test]
    fn killed_while_writing_leaves_the_old_or_the_new() {
        let (folder, outbox) = outbox();
        let kept = Kept::new(&draft()).unwrap();
        let name = outbox.try_lock().unwrap().unwrap().keep(&kept).unwrap();
        let whole = serde_json::to_vec(&Kept { number: Some(1), ..kept.clone() }).unwrap();
        for cut in [0, 1, whole.len() / 2, whole.len()] {
            let unfinished = folder.path().join("requests").join(format!("{name}.4711.unfinished"));
            std::fs::write(&unfinished, &whole[..cut]).unwrap();
            let locked = outbox.try_lock().unwrap().unwrap();
            assert!(!unfinished.exists());
            assert_eq!(locked.names().unwrap(), std::slice::from_ref(&name));
            assert_eq!(locked.load(&name).unwrap().unwrap(), kept);
        }
    }

    #[test]
    fn one_at_a_time() {
        let (_folder, outbox) = outbox();
        let locked = outbox.try_lock().unwrap().unwrap();
        assert!(outbox.try_lock().unwrap().is_none());
        drop(locked);
        assert!(outbox.try_lock().unwrap().is_some());
    }

    #[test]
    fn of_very_many_the_oldest_settled_ones_make_room() {
        let (_folder, outbox) = outbox();
        let locked = outbox.try_lock().unwrap().unwrap();
        let waiting = Kept::new(&draft()).unwrap();
        let settled = Kept { number: Some(1), ..waiting.clone() };
        let first = locked.keep(&waiting).unwrap();
        let second = locked.keep(&settled).unwrap();
        for _ in 2..REMEMBERED {
            locked.keep(&settled).unwrap();
        }
        assert_eq!(locked.names().unwrap().len(), REMEMBERED);
        assert!(locked.load(&second).unwrap().is_some(), "its answers can still be read");
        locked.keep(&settled).unwrap();
        locked.keep(&settled).unwrap();
        let names = locked.names().unwrap();
        assert!(names.contains(&first) && !names.contains(&second), "{names:?}");
    }

    #[test]
    fn the_secret_is_in_no_debug_output() {
        let kept = Kept::new(&draft()).unwrap();
        let shown = format!("{kept:?}");
        assert!(!shown.contains(&kept.secret) && !shown.contains(&kept.body));
    }

    #[test]
    fn drafts_survive() {
        let (_folder, outbox) = outbox();
        let locked = outbox.try_lock().unwrap().unwrap();
        assert_eq!(locked.load_draft().unwrap(), None);
        locked.save_draft(&draft()).unwrap();
        assert_eq!(locked.load_draft().unwrap(), Some(draft()));
    }
}
