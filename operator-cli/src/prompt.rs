//! Asks for something that is not shown while it is typed. Whatever ends or stops the program
//! meanwhile, the terminal shows again what is typed.

use std::io;

/// What is typed on the terminal after this question, with its line end.
#[cfg(unix)]
pub fn hidden(question: &str) -> io::Result<String> {
    system::hidden(question)
}

/// What is typed on the console after this question. It shows again by itself what is typed.
#[cfg(not(unix))]
pub fn hidden(question: &str) -> io::Result<String> {
    rpassword::prompt_password(question)
}

#[cfg(unix)]
mod system {
    use std::fs::File;
    use std::io::{self, BufRead as _, BufReader, Write as _};
    use std::sync::{Mutex, Once, PoisonError};

    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

    use crate::signals::{Heard, Signals};

    /// What is being asked now.
    static ASKED: Mutex<String> = Mutex::new(String::new());

    fn asks(question: &str) {
        question.clone_into(&mut ASKED.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn hidden(question: &str) -> io::Result<String> {
        let mut terminal = File::options().read(true).write(true).open("/dev/tty")?;
        let before = tcgetattr(&terminal)?;
        let mut modes = before.clone();
        modes.local_modes.remove(LocalModes::ECHO);
        // The end of the line is shown: what follows begins on a line of its own.
        modes.local_modes.insert(LocalModes::ECHONL);
        put_back_when_told_to_go(terminal.try_clone()?, before.clone());
        set(&terminal, &modes)?;
        asks(question);
        let mut line = String::new();
        let read = terminal
            .write_all(question.as_bytes())
            .and_then(|()| BufReader::new(&terminal).read_line(&mut line));
        asks("");
        set(&terminal, &before)?;
        read.map(|_| line)
    }

    fn set(terminal: &File, modes: &Termios) -> io::Result<()> {
        Ok(tcsetattr(terminal, OptionalActions::Now, modes)?)
    }

    /// From now on, what ends or stops the program puts the terminal back. Also when nothing is
    /// asked any more: once somebody listens to signals, the system no longer acts on them.
    fn put_back_when_told_to_go(terminal: File, before: Termios) {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            // Without signals there is nothing to wait for.
            if let Ok(signals) = Signals::new() {
                tokio::spawn(put_back(terminal, before, signals));
            }
        });
    }

    async fn put_back(mut terminal: File, before: Termios, mut signals: Signals) {
        loop {
            match signals.next().await {
                Heard::End(status) | Heard::Interrupt(status) => {
                    // There is nobody to tell when it fails.
                    let _ = set(&terminal, &before);
                    std::process::exit(status);
                }
                Heard::Stop => {
                    let hidden = tcgetattr(&terminal);
                    let _ = set(&terminal, &before);
                    let _ = signals.stop().await;
                    if let Ok(hidden) = hidden {
                        let _ = set(&terminal, &hidden);
                    }
                    let asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    let _ = terminal.write_all(asked.as_bytes());
                }
                Heard::Continued => {}
            }
        }
    }
}
