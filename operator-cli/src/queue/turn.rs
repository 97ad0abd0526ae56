//! The loop: waits for an event, updates the state, does what it asks for, draws. It goes on where it
//! was after somebody else had the terminal.

use std::collections::VecDeque;
use std::io;
use std::pin::{Pin, pin};
use std::time::Duration;

use deskbell_proto::client::Client;
use deskbell_proto::watch::{QueueWatch, WatchNews};
use futures_util::stream::Fuse;
use futures_util::{FutureExt as _, Stream, StreamExt as _};
use jiff::Timestamp;
use ratatui::Terminal;
use ratatui::backend::Backend;
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};

use super::event::{Action, Answer, Event, Refusal};
use super::state::State;
use super::{Options, draw, perform};
use crate::failure::Failure;
use crate::signals::{self, Heard, Signals};

/// News that are there at once are taken in together, at most so many, before the screen is drawn
/// again.
const NEWS_PER_DRAWING: usize = 256;
/// How long leaving waits for calls under way.
const LAST_CALLS: Duration = Duration::from_secs(2);

/// Why the queue gives the terminal away.
#[derive(Debug)]
pub enum Pause {
    /// The operator leaves.
    Leave,
    /// The system has the program end.
    End,
    /// The program stops until it is told to go on.
    Stop,
    /// It was stopped, and the terminal was somebody else's: take it anew.
    Again,
    /// The operator's editor opens on this text.
    Edit(String),
}

/// The queue, with everything that goes on while nobody sees it.
pub struct Live {
    client: Client,
    options: Options,
    state: Option<State>,
    news: Fuse<Pin<Box<dyn Stream<Item = WatchNews> + Send>>>,
    calls: JoinSet<(u64, Result<Answer, Refusal>)>,
    seconds: Interval,
    actions: VecDeque<Action>,
}

impl Live {
    /// Begins to watch.
    pub fn new(client: Client, options: Options) -> Self {
        let news: Pin<Box<dyn Stream<Item = WatchNews> + Send>> =
            Box::pin(QueueWatch::new(client.watch()).into_stream());
        let mut seconds = interval(Duration::from_secs(1));
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            client,
            options,
            state: None,
            news: news.fuse(),
            calls: JoinSet::new(),
            seconds,
            actions: VecDeque::new(),
        }
    }

    /// What was written and not sent.
    pub fn drafts(&self) -> Vec<String> {
        self.state.as_ref().map(State::all_drafts).unwrap_or_default()
    }

    /// What came of the operator's editor.
    pub fn edited(&mut self, outcome: Result<String, Failure>) {
        let outcome = outcome.map_err(|failure| failure.sentence().to_owned());
        self.happens(Event::Edited(outcome));
    }

    /// Has the terminal until it is wanted elsewhere. Ends with the keys, too.
    pub async fn turn<B>(
        &mut self,
        terminal: &mut Terminal<B>,
        keys: impl Stream<Item = io::Result<crossterm::event::Event>>,
        signals: &mut Signals,
        mut ring: impl FnMut(),
    ) -> io::Result<Pause>
    where
        B: Backend,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let mut keys = pin!(keys.fuse());
        let size = terminal.size().map_err(io::Error::other)?;
        self.begin((size.width, size.height));
        loop {
            while let Some(action) = self.actions.pop_front() {
                if let Some(pause) = self.act(action, &mut ring).await? {
                    return Ok(pause);
                }
            }
            if let Some(state) = &self.state {
                terminal.draw(|frame| draw::draw(state, frame)).map_err(io::Error::other)?;
            }
            tokio::select! {
                key = keys.next() => match key {
                    Some(event) => {
                        if let Some(event) = heard(event?) {
                            self.happens(event);
                        }
                    }
                    None => return Ok(Pause::End),
                },
                Some(news) = self.news.next() => self.hear(news),
                Some(Ok((id, result))) = self.calls.join_next() => {
                    self.happens(Event::Outcome { id, result });
                }
                _ = self.seconds.tick() => self.happens(Event::Tick),
                heard = signals.next() => match heard {
                    Heard::End(_) | Heard::Interrupt(_) => {
                        self.last_calls().await;
                        return Ok(Pause::End);
                    }
                    Heard::Stop if signals::can_stop() => return Ok(Pause::Stop),
                    Heard::Stop => {}
                    Heard::Continued => return Ok(Pause::Again),
                },
            }
        }
    }

    fn begin(&mut self, (width, height): (u16, u16)) {
        if self.state.is_some() {
            return self.happens(Event::Resize { width, height });
        }
        let zone = self.options.zone.clone();
        let (mut state, actions) = State::new(Timestamp::now(), zone, (width, height));
        state.colour = self.options.colour;
        self.state = Some(state);
        self.actions.extend(actions);
    }

    async fn act(&mut self, action: Action, ring: &mut impl FnMut()) -> io::Result<Option<Pause>> {
        match action {
            Action::Call { id, call } => {
                let client = self.client.clone();
                self.calls.spawn(async move { (id, perform::perform(client, call).await) });
            }
            Action::Bell => ring(),
            Action::Edit(text) => return Ok(Some(Pause::Edit(text))),
            // It comes back as a signal, to everything on the same command line.
            Action::Stop => signals::stop_all()?,
            Action::Quit => {
                self.last_calls().await;
                return Ok(Some(Pause::Leave));
            }
        }
        Ok(None)
    }

    /// What was asked for a moment ago still happens; a server that does not answer holds nobody
    /// up.
    async fn last_calls(&mut self) {
        let ended = async { while self.calls.join_next().await.is_some() {} };
        let _ = timeout(LAST_CALLS, ended).await;
    }

    fn happens(&mut self, event: Event) {
        if let Some(state) = &mut self.state {
            self.actions.extend(state.update(Timestamp::now(), event));
        }
    }

    /// Takes in these news and what else is there already.
    fn hear(&mut self, news: WatchNews) {
        self.happens(Event::News(news));
        for _ in 0..NEWS_PER_DRAWING {
            let Some(Some(news)) = self.news.next().now_or_never() else { break };
            self.happens(Event::News(news));
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
