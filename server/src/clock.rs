//! The time of day, as a value: whoever decides by it is given it, so that tests own it.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

use crate::domain::Millis;

/// Tells the time.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Millis + Send + Sync>);

impl Clock {
    /// This machine's.
    pub fn of_machine() -> Self {
        Clock(Arc::new(machine_time))
    }

    /// One that tells what this does.
    pub fn new(tell: impl Fn() -> Millis + Send + Sync + 'static) -> Self {
        Clock(Arc::new(tell))
    }

    /// The moment that it is.
    pub fn now(&self) -> Millis {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Clock")
    }
}

/// This moment, for what is no decision: a line of the log, a certificate's renewal.
pub fn timestamp() -> Timestamp {
    Timestamp::from_millisecond(machine_time()).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The moment that it is by this machine's clock.
#[expect(clippy::disallowed_methods, reason = "everybody else is given a clock")]
pub fn machine_time() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
