//! Passwords: argon2id, a few at once, in the same time whether or not there is an account.
//!
//! Hashing takes 19 MiB and some milliseconds by design. It runs on a few threads of its own with a
//! bounded queue before them, so that floods of sign-ins can take neither the memory nor the
//! processors of the server. (On a pool of many threads the system's allocator would keep 19 MiB
//! for nearly each of them.)

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use tokio::sync::oneshot;
use unicode_normalization::UnicodeNormalization as _;

use super::{NoRandomness, random_bytes};

/// The fewest code points of a new password.
pub const SHORTEST: usize = 10;

/// The most code points of a password.
pub const LONGEST: usize = 256;

/// How many callers may wait for each one that is served.
const WAITING_PER_PLACE: usize = 16;

/// A hash of nothing anybody knows, with the same costs as real ones. Checked where there is no
/// account, to take the same time.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// What is wrong with a new password. Displays as a sentence that follows the field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnfitPassword {
    /// Fewer than [`SHORTEST`] code points.
    TooShort,
    /// More than [`LONGEST`] code points.
    TooLong,
}

impl fmt::Display for UnfitPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort => write!(f, "is too short: use at least {SHORTEST} characters"),
            Self::TooLong => write!(f, "is too long: use at most {LONGEST} characters"),
        }
    }
}

impl std::error::Error for UnfitPassword {}

/// Why a password was neither hashed nor checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HashingProblem {
    /// Too many wait already. Come back in a second.
    Busy,
    /// The hash in the database is none, or there is no randomness or memory. The cause is for the
    /// log.
    Failed(String),
}

impl fmt::Display for HashingProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => {
                f.write_str("too many people are signing in at this moment: try again in a second")
            }
            Self::Failed(cause) => write!(f, "a password cannot be hashed: {cause}"),
        }
    }
}

impl std::error::Error for HashingProblem {}

impl From<NoRandomness> for HashingProblem {
    fn from(problem: NoRandomness) -> Self {
        Self::Failed(problem.to_string())
    }
}

/// Whether a new password is fit: 10 to 256 code points, no other rule.
pub fn check(password: &str) -> Result<(), UnfitPassword> {
    match normal(password).chars().count() {
        ..SHORTEST => Err(UnfitPassword::TooShort),
        SHORTEST..=LONGEST => Ok(()),
        _ => Err(UnfitPassword::TooLong),
    }
}

/// Something to hash or check, which answers by itself.
type Work = Box<dyn FnOnce() + Send>;

/// Hashes and checks passwords, a few at once. Clones share their threads, which end with the last
/// clone.
#[derive(Debug, Clone)]
pub struct Passwords {
    queue: SyncSender<Work>,
}

impl Passwords {
    /// So many threads (at least one), and a short queue.
    pub fn new(at_once: usize) -> Self {
        let at_once = at_once.max(1);
        let (queue, works) = sync_channel(at_once * WAITING_PER_PLACE);
        let works = Arc::new(Mutex::new(works));
        for _ in 0..at_once {
            let works = Arc::clone(&works);
            let begun = thread::Builder::new()
                .name("passwords".to_owned())
                .spawn(move || carry_out(&works));
            if let Err(cause) = begun {
                tracing::error!(%cause, "a thread for passwords cannot be started");
            }
        }
        Self { queue }
    }

    /// The hash to keep of a password (a PHC string). The password should be [`check`]ed before.
    pub async fn hash(&self, password: &str) -> Result<String, HashingProblem> {
        let password = normal(password);
        let salt: [u8; 16] = random_bytes()?;
        self.run(move || {
            let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
            hash.map(|hash| hash.to_string())
                .map_err(|error| HashingProblem::Failed(error.to_string()))
        })
        .await
    }

    /// Whether a password is the one of a kept hash. Without a hash (no such account, or no
    /// password yet) the answer is no, after the same time.
    pub async fn verify(
        &self,
        password: &str,
        kept: Option<String>,
    ) -> Result<bool, HashingProblem> {
        let account = kept.is_some();
        let kept = kept.unwrap_or_else(|| NOBODY.to_owned());
        // Nothing longer was ever accepted, and hashing it would cost more.
        let fits = password.chars().nth(LONGEST * 4).is_none();
        let password = if fits { normal(password) } else { String::new() };
        self.run(move || {
            match Argon2::default().verify_password(password.as_bytes(), kept.as_str()) {
                Ok(()) => Ok(account && fits),
                Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
                Err(error) => Err(HashingProblem::Failed(error.to_string())),
            }
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, HashingProblem> + Send + 'static,
    ) -> Result<T, HashingProblem> {
        let (answer, answered) = oneshot::channel();
        let work = move || {
            // Nobody waits any more for what a caller who went away wanted.
            if !answer.is_closed() {
                let _ = answer.send(work());
            }
        };
        self.queue.try_send(Box::new(work)).map_err(|_| HashingProblem::Busy)?;
        answered
            .await
            .map_err(|_| HashingProblem::Failed("the thread for passwords is gone".to_owned()))?
    }
}

/// Does one work after the other until nobody can send any more.
fn carry_out(works: &Mutex<Receiver<Work>>) {
    loop {
        // The lock is let go before the work begins.
        let next = works.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            // Whoever waits for a work that panics hears that it failed; the thread is for all.
            Ok(work) => drop(std::panic::catch_unwind(AssertUnwindSafe(work))),
            Err(_) => return,
        }
    }
}

/// In NFC, so that the same password typed on two systems is the same (RFC 8265).
fn normal(password: &str) -> String {
    password.nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policy_table() {
        assert_eq!(check("123456789"), Err(UnfitPassword::TooShort));
        assert_eq!(check("1234567890"), Ok(()));
        assert_eq!(check(&"é".repeat(256)), Ok(()));
        assert_eq!(check(&"é".repeat(257)), Err(UnfitPassword::TooLong));
        assert_eq!(check("e\u{301}23456789"), Err(UnfitPassword::TooShort));
    }

    #[tokio::test]
    async fn knows_the_right_one_from_wrong_ones() {
        let passwords = Passwords::new(2);
        let kept = passwords.hash("caf\u{e9} au lait").await.expect("hashed");
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert_ne!(kept, passwords.hash("caf\u{e9} au lait").await.expect("hashed"));
        let verify = async |password: &str| passwords.verify(password, Some(kept.clone())).await;
        assert_eq!(verify("cafe\u{301} au lait").await, Ok(true));
        assert_eq!(verify("cafe au lait").await, Ok(false));
        assert_eq!(verify("").await, Ok(false));
        assert_eq!(verify(&"x".repeat(100_000)).await, Ok(false));
    }

    #[tokio::test]
    async fn nobody_has_no_password() {
        let passwords = Passwords::new(1);
        assert_eq!(passwords.verify("anything at all", None).await, Ok(false));
        assert_eq!(passwords.verify("", None).await, Ok(false));
    }

    #[tokio::test]
    async fn a_damaged_hash_is_a_failure_and_not_a_no() {
        let damaged = Passwords::new(1).verify("x", Some("nonsense".to_owned())).await;
        assert!(matches!(damaged, Err(HashingProblem::Failed(_))), "{damaged:?}");
    }

    #[tokio::test]
    async fn is_busy_when_the_queue_is_full() {
        let passwords = Passwords::new(1);
        let (begin, begun) = sync_channel(0);
        let (end, ends) = sync_channel::<()>(0);
        let busy = move || {
            begin.send(()).expect("awaited");
            // Until the test is done with it.
            let _ = ends.recv();
        };
        passwords.queue.try_send(Box::new(busy)).expect("room");
        begun.recv().expect("begun");
        for _ in 0..WAITING_PER_PLACE {
            passwords.queue.try_send(Box::new(|| {})).expect("room");
        }
        assert_eq!(passwords.hash("1234567890").await, Err(HashingProblem::Busy));
        drop(end);
        while passwords.hash("1234567890").await == Err(HashingProblem::Busy) {
            tokio::task::yield_now().await;
        }
        assert!(passwords.hash("1234567890").await.is_ok());
    }
}
