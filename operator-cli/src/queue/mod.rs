//! `deskbell queue`: the live queue, full screen.
//!
//! Built as event → state → draw, so that everything but this file can be tested without a terminal
//! or a server:
//!
//! - [`event`]: what happens (keys, news of the watch, outcomes of calls, time) and what is asked
//!   for (calls, the bell, leaving);
//! - [`state`] and [`keys`]: `State::update` takes an event and says what to do, without doing it;
//! - [`rows`] and [`order`]: the list, its order, and the promise that no row jumps under the
//!   cursor;
//! - [`popup`], [`editor`]: what lies over the list;
//! - [`draw`]: the state as cells; [`layout`], [`page`]: what keys and drawing share of it;
//!   [`words`]: the sentences it tells;
//! - [`door`]: every text from the server is made inert there before the state sees it;
//! - [`perform`]: the calls;
//! - [`turn`]: the loop around them, with the watch and the running calls;
//! - [`screen`]: the terminal while the queue has it.
//!
//! Here is what happens between turns, when others have the terminal: the shell while the program is
//! stopped, the operator's editor.

mod detail;
mod door;
mod draw;
mod editor;
mod event;
mod keys;
mod layout;
#[cfg(test)]
mod live_tests;
mod look;
mod order;
mod page;
mod perform;
mod popup;
mod rows;
mod screen;
mod state;
#[cfg(test)]
mod tests;
mod text;
mod turn;
mod words;

use std::io;

use crossterm::event::EventStream;
use deskbell_proto::client::Client;
use jiff::tz::TimeZone;

use self::screen::Screen;
use self::turn::{Live, Pause};
use crate::failure::Failure;
use crate::signals::{Heard, Signals};
use crate::typed::EditedFile;

/// How the queue is shown.
#[derive(Clone, Debug)]
pub struct Options {
    /// Use colour. What colour says is also said in words.
    pub colour: bool,
    /// Where times are shown.
    pub zone: TimeZone,
}

impl Default for Options {
    /// Colour unless `NO_COLOR` asks for none, and this computer's time zone.
    fn default() -> Self {
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { colour: !no_colour, zone: TimeZone::system() }
    }
}

/// Shows the live queue until the operator leaves. The terminal is as it was before, also after a
/// failure, and while the program is stopped. Gives the drafts that nobody was asked about, because
/// the system had the program end.
///
/// # Errors
///
/// What the terminal refuses. What the server refuses is told on the screen.
pub async fn run(client: Client, options: Options) -> io::Result<Vec<String>> {
    let mut signals = Signals::new()?;
    let mut live = Live::new(client, options);
    loop {
        let mut screen = Screen::enter()?;
        // The stream of keys ends with the turn: it would take keys away from others.
        let keys = EventStream::new();
        let pause = live.turn(&mut screen.terminal, keys, &mut signals, screen::ring).await;
        drop(screen);
        match pause? {
            Pause::Leave => return Ok(Vec::new()),
            Pause::End => return Ok(live.drafts()),
            Pause::Stop => signals.stop().await?,
            Pause::Again => {}
            Pause::Edit(text) => {
                let (outcome, ended) = edited(&text, &mut signals).await;
                live.edited(outcome);
                if ended {
                    return Ok(live.drafts());
                }
            }
        }
    }
}

/// The text as it is after the operator's editor, and whether the system had the program end
/// meanwhile.
async fn edited(text: &str, signals: &mut Signals) -> (Result<String, Failure>, bool) {
    let file = match EditedFile::new(text, ".txt") {
        Ok(file) => file,
        Err(failure) => return (Err(failure), false),
    };
    let mut editor = match tokio::process::Command::from(file.command()).spawn() {
        Ok(editor) => editor,
        Err(problem) => return (file.after(Err(problem)), false),
    };
    loop {
        tokio::select! {
            ended = editor.wait() => return (file.after(ended), false),
            heard = signals.next() => match heard {
                // The editor has stopped with us, and waits for the same shell.
                Heard::Stop => {
                    // Without a stop, the editor comes back by itself.
                    let _ = signals.stop().await;
                }
                Heard::End(_) => return (file.read(), true),
                // That was for the editor, which says what it means.
                Heard::Interrupt(_) | Heard::Continued => {}
            },
        }
    }
}
