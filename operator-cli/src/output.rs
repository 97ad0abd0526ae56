//! What commands print: tables and sentences for people, JSON for scripts. Everything is made inert
//! on the way.

use std::io::{self, IsTerminal as _, Write as _};

use prost::{Message, Name};
use serde_json::Value;

use crate::failure::Failure;
use crate::inert;
use crate::table::Table;

/// Where and how to print.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    json: bool,
    colour: bool,
    /// Columns of the terminal; none when the output goes elsewhere, and then nothing is cut.
    width: Option<usize>,
}

impl Output {
    /// As JSON or for people; colours only on a terminal whose user did not say no (`NO_COLOR`).
    pub fn new(json: bool) -> Self {
        let terminal = io::stdout().is_terminal();
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let width = if terminal {
            crossterm::terminal::size().ok().map(|(columns, _)| usize::from(columns))
        } else {
            None
        };
        Self {
            json,
            colour: terminal && !refused && !dumb,
            width: width.filter(|width| *width > 0),
        }
    }

    /// Prints JSON rather than text for people.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Colours are wanted.
    pub fn has_colour(&self) -> bool {
        self.colour
    }

    /// A message of the contract as one line of JSON.
    pub fn message<M: Message + Name>(&self, message: &M) -> Result<(), Failure> {
        self.value(&deskbell_proto::json::to_value(message))
    }

    /// One line of JSON.
    #[expect(
        clippy::unused_self,
        reason = "all printing goes through the output, also what looks the same everywhere"
    )]
    pub fn value(&self, value: &Value) -> Result<(), Failure> {
        write(&format!("{}\n", inert::json(value)))
    }

    /// Text for people, of one or several lines.
    #[expect(
        clippy::unused_self,
        reason = "all printing goes through the output, also what looks the same everywhere"
    )]
    pub fn say(&self, text: &str) -> Result<(), Failure> {
        write(&format!("{}\n", inert::block(text)))
    }

    /// A table for people; instead of an empty one, a sentence.
    pub fn table(&self, table: &Table, when_empty: &str) -> Result<(), Failure> {
        if table.is_empty() {
            self.say(when_empty)
        } else {
            write(&table.draw(self.width, self.colour))
        }
    }

    /// The message as JSON, or the sentence for people.
    pub fn answer<M: Message + Name>(&self, message: &M, sentence: &str) -> Result<(), Failure> {
        if self.json { self.message(message) } else { self.say(sentence) }
    }

    /// Each message as a line of JSON, or a table of all.
    pub fn list<M: Message + Name>(
        &self,
        messages: &[M],
        table: &Table,
        when_empty: &str,
    ) -> Result<(), Failure> {
        if self.json {
            messages.iter().try_for_each(|message| self.message(message))
        } else {
            self.table(table, when_empty)
        }
    }
}

/// Ends when nobody reads the standard output any more, also while nothing is written. Never ends
/// where the system does not tell.
pub async fn unread() {
    let (tell, told) = tokio::sync::oneshot::channel();
    // The wait blocks and may never end: it has a thread of its own, which ends with the program.
    std::thread::spawn(move || {
        if reader_has_left() {
            let _ = tell.send(());
        }
    });
    if told.await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(unix)]
fn reader_has_left() -> bool {
    use rustix::event::{PollFd, PollFlags, poll};
    let output = io::stdout();
    loop {
        // Asked for nothing, the system tells of errors only: a pipe without a reader is one.
        match poll(&mut [PollFd::new(&output, PollFlags::empty())], None) {
            Ok(_) => return true,
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return false,
        }
    }
}

#[cfg(not(unix))]
fn reader_has_left() -> bool {
    false
}

fn write(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Something by the way, for people, on the error output: it is in nobody's way there.
pub fn aside(text: &str) {
    // A lost remark is no reason to fail.
    let _ = writeln!(io::stderr().lock(), "{}", inert::block(text));
}
