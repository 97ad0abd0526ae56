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
//! - [`perform`]: the calls.
//!
//! Here is the loop around them: it owns the terminal, the watch and the running calls.

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
mod state;
#[cfg(test)]
mod tests;
mod text;
mod words;

use std::convert::Infallible;
use std::io::{self, BufWriter};
use std::pin::pin;
use std::time::Duration;

use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste, EventStream};
use crossterm::style::Print;
use deskbell_proto::client::Client;
use deskbell_proto::watch::QueueWatch;
use futures_util::{FutureExt as _, Stream, StreamExt as _};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::{Backend, CrosstermBackend};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use self::event::{Action, Answer, Event, Refusal};
use self::state::State;

/// News that are there at once are taken in together, at most so many, before the screen is drawn
/// again.
const NEWS_PER_DRAWING: usize = 256;
/// Bytes of one drawing that reach the terminal together.
const PICTURE: usize = 64 * 1024;
/// How long leaving waits for calls under way.
const LAST_CALLS: Duration = Duration::from_secs(2);

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
/// failure.
///
/// # Errors
///
/// What the terminal refuses. What the server refuses is told on the screen.
pub async fn run(client: Client, options: Options) -> io::Result<()> {
    ratatui::try_init()?;
    // Whole pictures in one piece: nobody sees half of one.
    let whole = BufWriter::with_capacity(PICTURE, io::stdout());
    let mut terminal = Terminal::new(CrosstermBackend::new(whole))?;
    // A terminal without bracketed paste works as well.
    let _ = crossterm::execute!(io::stdout(), EnableBracketedPaste);
    let keys = EventStream::new().take_until(stopped());
    let ran = turn(&mut terminal, keys, ring, client, options).await;
    let _ = crossterm::execute!(io::stdout(), DisableBracketedPaste);
    ratatui::try_restore()?;
    ran
}

/// The one control character that we write ourselves.
fn ring() {
    // A bell that cannot be rung is no reason to stop: the badge tells the same.
    let _ = crossterm::execute!(io::stdout(), Print('\u{7}'));
}

/// Ends when the system asks the program to end, so that the terminal is left in order.
async fn stopped() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let (Ok(mut terminate), Ok(mut hang_up)) =
            (signal(SignalKind::terminate()), signal(SignalKind::hangup()))
        {
            tokio::select! { _ = terminate.recv() => {}, _ = hang_up.recv() => {} }
            return;
        }
    }
    std::future::pending::<Infallible>().await;
}

/// The loop: waits for an event, updates the state, does what it asks for, draws. Ends with
/// [`Action::Quit`] or with the keys.
async fn turn<B>(
    terminal: &mut Terminal<B>,
    keys: impl Stream<Item = io::Result<crossterm::event::Event>>,
    mut ring: impl FnMut(),
    client: Client,
    options: Options,
) -> io::Result<()>
where
    B: Backend,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let mut keys = pin!(keys.fuse());
    let mut news = pin!(QueueWatch::new(client.watch()).into_stream().fuse());
    let mut calls: JoinSet<(u64, Result<Answer, Refusal>)> = JoinSet::new();
    let mut seconds = interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);

    let size = terminal.size().map_err(io::Error::other)?;
    let (mut state, mut actions) =
        State::new(Timestamp::now(), options.zone, (size.width, size.height));
    state.colour = options.colour;
    loop {
        for action in actions {
            match action {
                Action::Call { id, call } => {
                    let client = client.clone();
                    calls.spawn(async move { (id, perform::perform(client, call).await) });
                }
                Action::Bell => ring(),
                Action::Quit => {
                    // What was asked for a moment ago still happens; a server that does not answer
                    // holds nobody up.
                    let ended = async { while calls.join_next().await.is_some() {} };
                    let _ = timeout(LAST_CALLS, ended).await;
                    return Ok(());
                }
            }
        }
        terminal.draw(|frame| draw::draw(&state, frame)).map_err(io::Error::other)?;
        let event = tokio::select! {
            key = keys.next() => match key {
                Some(event) => heard(event?),
                None => return Ok(()),
            },
            Some(news) = news.next() => Some(Event::News(news)),
            Some(Ok((id, result))) = calls.join_next() => Some(Event::Outcome { id, result }),
            _ = seconds.tick() => Some(Event::Tick),
        };
        let more_may_come = matches!(event, Some(Event::News(_)));
        actions = event.map(|event| state.update(Timestamp::now(), event)).unwrap_or_default();
        for _ in 0..NEWS_PER_DRAWING {
            let Some(Some(news)) = Some(&mut news)
                .filter(|_| more_may_come)
                .and_then(|news| news.next().now_or_never())
            else {
                break;
            };
            actions.extend(state.update(Timestamp::now(), Event::News(news)));
        }
    }
}

/// What the terminal said, if it means something here.
fn heard(event: crossterm::event::Event) -> Option<Event> {
    match event {
        crossterm::event::Event::Key(key) => Some(Event::Key(key)),
        crossterm::event::Event::Paste(text) => Some(Event::Paste(text)),
        crossterm::event::Event::Resize(width, height) => Some(Event::Resize { width, height }),
        crossterm::event::Event::FocusGained
        | crossterm::event::Event::FocusLost
        | crossterm::event::Event::Mouse(_) => None,
    }
}
