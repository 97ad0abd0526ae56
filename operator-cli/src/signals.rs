//! What the system tells a program that has changed the terminal: to end, to stop, that it goes on.
//! Whoever listens here must do it all, since what the system would have done no longer happens.

use std::io;

/// Something the system told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// To end, with this exit status.
    End(i32),
    /// The same, from a person at the keyboard (Ctrl-C, Ctrl-\).
    Interrupt(i32),
    /// To stop until it is told to go on (Ctrl-Z).
    Stop,
    /// It was stopped by a signal that nobody hears, and goes on.
    Continued,
}

#[cfg(unix)]
mod system {
    use super::{Heard, io};
    use rustix::process::{self, Signal};
    use tokio::signal::unix::{self, SignalKind};

    /// The signals of this program.
    #[derive(Debug)]
    pub struct Signals {
        interrupt: unix::Signal,
        quit: unix::Signal,
        terminate: unix::Signal,
        hang_up: unix::Signal,
        stop: unix::Signal,
        go_on: unix::Signal,
    }

    impl Signals {
        /// Listens from now on, for as long as the program runs.
        pub fn new() -> io::Result<Self> {
            let listen = |of: Signal| unix::signal(SignalKind::from_raw(of.as_raw()));
            Ok(Self {
                interrupt: listen(Signal::INT)?,
                quit: listen(Signal::QUIT)?,
                terminate: listen(Signal::TERM)?,
                hang_up: listen(Signal::HUP)?,
                stop: listen(Signal::TSTP)?,
                go_on: listen(Signal::CONT)?,
            })
        }

        /// The next one.
        pub async fn next(&mut self) -> Heard {
            let status = |of: Signal| 128 + of.as_raw();
            tokio::select! {
                _ = self.interrupt.recv() => Heard::Interrupt(status(Signal::INT)),
                _ = self.quit.recv() => Heard::Interrupt(status(Signal::QUIT)),
                _ = self.terminate.recv() => Heard::End(status(Signal::TERM)),
                _ = self.hang_up.recv() => Heard::End(status(Signal::HUP)),
                _ = self.stop.recv() => Heard::Stop,
                _ = self.go_on.recv() => Heard::Continued,
            }
        }

        /// Stops this program until somebody has it go on.
        pub async fn stop(&mut self) -> io::Result<()> {
            if can_stop() {
                process::kill_process(process::getpid(), Signal::STOP)?;
                // The signal may take effect a moment after the call.
                self.go_on.recv().await;
            }
            Ok(())
        }
    }

    /// There is a shell that can have the program go on: each of its jobs has a group of its own.
    /// What began the session itself would stand still for ever.
    pub fn can_stop() -> bool {
        process::getsid(None).is_ok_and(|session| session != process::getpgrp())
    }

    /// What Ctrl-Z does on a terminal that makes signals of keys: whatever belongs to the same
    /// command line stops too.
    pub fn stop_all() -> io::Result<()> {
        Ok(process::kill_current_process_group(Signal::TSTP)?)
    }
}

#[cfg(not(unix))]
mod system {
    use super::{Heard, io};

    /// The signals of this program.
    #[derive(Debug)]
    pub struct Signals;

    impl Signals {
        /// Listens from now on, for as long as the program runs.
        pub fn new() -> io::Result<Self> {
            Ok(Self)
        }

        /// The next one.
        pub async fn next(&mut self) -> Heard {
            match tokio::signal::ctrl_c().await {
                Ok(()) => Heard::Interrupt(1),
                Err(_) => std::future::pending().await,
            }
        }

        /// There is no such thing here.
        pub async fn stop(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// There is no such thing here.
    pub fn can_stop() -> bool {
        false
    }

    /// There is no such thing here.
    pub fn stop_all() -> io::Result<()> {
        Ok(())
    }
}

pub use system::{Signals, can_stop, stop_all};
