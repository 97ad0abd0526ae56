//! The state of the queue on screen, and how news, outcomes and time change it. Pure: what has to
//! be done outside comes back as [`Action`]s. Keys are in `keys.rs`.

use std::collections::{BTreeMap, VecDeque};

use deskbell_proto::v1::watch_queue_response::Change as QueueChange;
use deskbell_proto::v1::{Group, Member, Ticket};
use deskbell_proto::watch::{WatchNews, is_open};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::detail::Detail;
use super::door;
use super::event::{Action, Answer, Call, Change, Event, Refusal, Writing};
use super::layout::list_height;
use super::order::Mine;
use super::popup::Popup;
use super::rows::Rows;
use super::words;
use crate::sight::Sight;

/// A stream that was silent for this long is called stale. The server gives a sign of life every 20
/// seconds.
const STALE_AFTER: SignedDuration = SignedDuration::from_secs(30);
/// How many messages the log keeps.
const LOGGED: usize = 200;
/// How long a message stays.
const NOTICE_FOR: SignedDuration = SignedDuration::from_secs(20);

/// Everything the screen shows and the keys act on.
#[derive(Debug)]
pub struct State {
    /// The time of the last event.
    pub now: Timestamp,
    /// The terminal has colours, and wants them.
    pub colour: bool,
    /// Where times are shown.
    pub zone: TimeZone,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// The connection.
    pub link: Link,
    /// When the server was last heard.
    pub heard: Timestamp,
    /// Who is at the keyboard.
    pub me: Me,
    /// The team's members.
    pub members: Vec<Member>,
    /// The team's groups.
    pub groups: Vec<Group>,
    /// What they see, once it is known.
    pub sight: Option<Sight>,
    /// The list.
    pub rows: Rows,
    /// The opened ticket, instead of the list.
    pub detail: Option<Detail>,
    /// What lies over both.
    pub popup: Option<Popup>,
    /// The last thing to tell.
    pub notice: Option<Notice>,
    /// What was told, oldest first.
    pub told: VecDeque<Notice>,
    /// Calls that have not ended, by id.
    pub in_flight: BTreeMap<u64, Call>,
    /// What was written and not sent, by ticket.
    pub drafts: BTreeMap<(i64, Writing), String>,
    /// The operator was told that leaving loses drafts.
    pub(super) warned: bool,
    /// When the row at the top was last pushed away by another.
    pub(super) displaced: Option<Timestamp>,
    next_id: u64,
    had_snapshot: bool,
    /// Tickets that came before the server had said who the operator is: whether they call for them
    /// is not known yet.
    not_judged: Vec<i64>,
}

/// The connection to the server.
#[derive(Clone, Debug, PartialEq)]
pub enum Link {
    /// Not yet there.
    Connecting,
    /// Open.
    Live,
    /// Broken, with the time of the next try.
    Broken {
        /// When it is tried again.
        retry_at: Timestamp,
    },
    /// Over for good.
    Ended,
}

/// Who is at the keyboard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Me {
    /// The name people see.
    pub name: String,
    /// Available rather than away.
    pub available: bool,
}

/// Something to tell, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The words, inert.
    pub text: String,
    /// It went wrong.
    pub bad: bool,
    /// When it was told.
    pub at: Timestamp,
}

impl State {
    /// The state before anything has happened, and what to do first.
    pub fn new(now: Timestamp, zone: TimeZone, size: (u16, u16)) -> (Self, Vec<Action>) {
        let mut state = Self {
            now,
            colour: false,
            zone,
            size,
            link: Link::Connecting,
            heard: now,
            me: Me::default(),
            members: Vec::new(),
            groups: Vec::new(),
            sight: None,
            rows: Rows::default(),
            detail: None,
            popup: None,
            notice: None,
            told: VecDeque::new(),
            in_flight: BTreeMap::new(),
            drafts: BTreeMap::new(),
            warned: false,
            displaced: None,
            next_id: 0,
            had_snapshot: false,
            not_judged: Vec::new(),
        };
        state.resize(size);
        let first = state.call(Call::People);
        (state, vec![first])
    }

    /// Takes in what happened and says what to do about it.
    pub fn update(&mut self, now: Timestamp, event: Event) -> Vec<Action> {
        self.now = now;
        match event {
            Event::Key(key) => return self.key(key),
            Event::Paste(text) => self.paste(&text),
            Event::Resize { width, height } => self.resize((width, height)),
            Event::Tick => self.tick(),
            Event::News(news) => return self.news(door::news(news)),
            Event::Outcome { id, result } => return self.outcome(id, result.map(door::answer)),
            Event::Edited(outcome) => self.edited(outcome),
        }
        Vec::new()
    }

    /// How long the server has been silent, when that is too long for an open connection.
    pub fn stale(&self) -> Option<SignedDuration> {
        let silent = self.now.duration_since(self.heard);
        (self.link == Link::Live && silent >= STALE_AFTER).then_some(silent)
    }

    /// A change of this ticket that has not ended.
    pub fn changing(&self, number: i64) -> Option<&Change> {
        self.in_flight.values().find_map(|call| match call {
            Call::Change { number: other, change, .. } if *other == number => Some(change),
            _ => None,
        })
    }

    /// What was written and not sent, with the text that is being written.
    pub fn all_drafts(&self) -> Vec<String> {
        let mut drafts = self.drafts.clone();
        if let Some(Popup::Write { number, writing, editor, .. }) = &self.popup {
            drafts.insert((*number, *writing), editor.text().to_owned());
        }
        drafts.into_values().filter(|text| !text.trim().is_empty()).collect()
    }

    pub(super) fn tell(&mut self, bad: bool, text: impl Into<String>) {
        let text = text.into();
        self.log(bad, text.clone());
        self.notice = Some(Notice { text, bad, at: self.now });
    }

    /// Keeps a message for the log alone.
    fn log(&mut self, bad: bool, text: String) {
        if self.told.len() == LOGGED {
            self.told.pop_front();
        }
        self.told.push_back(Notice { text, bad, at: self.now });
    }

    pub(super) fn call(&mut self, call: Call) -> Action {
        let id = self.next_id;
        self.next_id += 1;
        self.in_flight.insert(id, call.clone());
        Action::Call { id, call }
    }

    /// The queue has arrived at least once.
    pub fn had_snapshot(&self) -> bool {
        self.had_snapshot
    }

    fn resize(&mut self, size: (u16, u16)) {
        self.size = size;
        self.rows.resize(usize::from(list_height(size.1)));
        self.scroll_detail(0);
    }

    fn tick(&mut self) {
        if self
            .notice
            .as_ref()
            .is_some_and(|notice| self.now.duration_since(notice.at) > NOTICE_FOR)
        {
            self.notice = None;
        }
    }

    fn news(&mut self, news: WatchNews) -> Vec<Action> {
        let mut actions = Vec::new();
        let top_before = self.rows.chosen().map(|line| line.number);
        match news {
            WatchNews::Connected { .. } => {
                self.link = Link::Live;
                self.heard = self.now;
            }
            WatchNews::Snapshot { tickets, .. } => {
                self.heard = self.now;
                let mine = self.rows.order().mine.clone();
                let had: Vec<i64> = self
                    .rows
                    .tickets()
                    .values()
                    .filter(|ticket| mine.has(ticket))
                    .map(|ticket| ticket.number)
                    .collect();
                let fresh = self.rows.replace(tickets);
                let now = had.iter().filter_map(|number| self.rows.tickets().get(number));
                let lost: Vec<String> =
                    now.filter(|ticket| !mine.has(ticket)).map(words::lost_meanwhile).collect();
                self.tell_lost(&lost, &mut actions);
                if self.had_snapshot {
                    // It came again because the operator's own sight may have changed: groups or
                    // role.
                    actions.push(self.call(Call::People));
                    self.ring_for(&fresh, &mut actions);
                }
                self.had_snapshot = true;
                if let Some(detail) = self
                    .detail
                    .as_mut()
                    .filter(|detail| !self.rows.tickets().contains_key(&detail.number))
                {
                    // Ended, or out of sight: nothing of it is shown until the server says that it
                    // may be.
                    (detail.ticket, detail.messages, detail.events) =
                        (None, Vec::new(), Vec::new());
                }
                actions.extend(self.reopen_detail());
            }
            WatchNews::Change(change) => {
                self.heard = self.now;
                self.queue_changed(change, &mut actions);
            }
            WatchNews::Progress { .. } => self.heard = self.now,
            WatchNews::Disconnected { problem, retry_in } => {
                let wait = SignedDuration::try_from(retry_in).unwrap_or(SignedDuration::MAX);
                self.link =
                    Link::Broken { retry_at: self.now.checked_add(wait).unwrap_or(Timestamp::MAX) };
                self.tell(true, problem.text);
            }
            WatchNews::StartedOver => {}
            WatchNews::Ended(problem) => {
                self.link = Link::Ended;
                self.tell(true, format!("The queue is no longer live: {}", problem.text));
            }
        }
        let top = self.rows.chosen().map(|line| line.number);
        if top_before.is_some() && top != top_before {
            self.displaced = Some(self.now);
        }
        actions
    }

    fn queue_changed(&mut self, change: QueueChange, actions: &mut Vec<Action>) {
        let mine = self.rows.order().mine.clone();
        let by_me = !self.me.name.is_empty() && change.actor == self.me.name;
        let touches_detail = self.detail.as_ref().is_some_and(|detail| {
            change.removed.contains(&detail.number)
                || change.tickets.iter().any(|ticket| ticket.number == detail.number)
        });
        let (mut calling, mut open, mut gone) = (Vec::new(), Vec::new(), Vec::new());
        let mut lost = Vec::new();
        let was_mine =
            |rows: &Rows, number| rows.tickets().get(&number).is_some_and(|it| mine.has(it));
        for ticket in change.tickets {
            let number = ticket.number;
            if !by_me && was_mine(&self.rows, number) && !mine.has(&ticket) {
                lost.push(words::lost(number, &change.kind, &change.actor, Some(&ticket)));
            }
            if let Some(detail) = self.detail.as_mut().filter(|detail| detail.number == number) {
                detail.hear(ticket.clone());
            }
            if is_open(&ticket) {
                let called_before =
                    self.rows.tickets().get(&number).is_some_and(|known| mine.is_called_by(known));
                if !by_me && !called_before {
                    calling.push(number);
                }
                open.push(ticket);
            } else {
                gone.push((number, words::ended(&ticket, &change.kind, &change.actor)));
            }
        }
        for number in change.removed {
            if !by_me && was_mine(&self.rows, number) {
                lost.push(words::lost(number, &change.kind, &change.actor, None));
            }
            gone.push((number, "no longer for you to see".to_owned()));
            if self.detail.as_ref().is_some_and(|detail| detail.number == number) {
                // What leaves a caller's sight leaves it at once. A reply being written is the
                // operator's own.
                self.detail = None;
                self.tell(true, format!("#{number} is no longer for you to see."));
            }
        }
        self.rows.take_in(open, gone);
        if touches_detail {
            actions.extend(self.reopen_detail());
        }
        self.ring_for(&calling, actions);
        self.tell_lost(&lost, actions);
    }

    /// Who loses a ticket is told by whom.
    fn tell_lost(&mut self, lost: &[String], actions: &mut Vec<Action>) {
        if !lost.is_empty() {
            self.tell(true, lost.join(" "));
            actions.push(Action::Bell);
        }
    }

    /// Rings once for those of these tickets that call for the operator, and keeps them in mind
    /// until they are looked at.
    fn ring_for(&mut self, numbers: &[i64], actions: &mut Vec<Action>) {
        let mine = self.rows.order().mine.clone();
        let tickets = self.rows.tickets();
        let known = numbers.iter().filter_map(|number| tickets.get(number));
        let (calling, others): (Vec<&Ticket>, Vec<&Ticket>) =
            known.partition(|ticket| mine.is_called_by(ticket));
        if mine.member.is_empty() {
            self.not_judged.extend(others.iter().map(|ticket| ticket.number));
        }
        let Some(first) = calling.first() else { return };
        // The badge tells of it; the line of messages is for what the operator did.
        let words = format!(
            "New: #{} {} {}",
            first.number,
            crate::words::priority(first.priority),
            first.title
        );
        let numbers: Vec<i64> = calling.iter().map(|ticket| ticket.number).collect();
        for number in numbers {
            self.rows.mark_unseen(number);
        }
        self.log(false, words);
        actions.push(Action::Bell);
    }

    pub(super) fn open(&mut self, number: i64) -> Action {
        let ticket = self.rows.tickets().get(&number).cloned();
        self.detail = Some(Detail {
            number,
            ticket,
            messages: Vec::new(),
            events: Vec::new(),
            scroll: 0,
            outdated: false,
        });
        self.call(Call::Open { number })
    }

    /// Fetches the opened ticket again; once more afterwards when that is under way already.
    fn reopen_detail(&mut self) -> Option<Action> {
        let detail = self.detail.as_mut()?;
        let number = detail.number;
        if self.in_flight.values().any(|call| *call == Call::Open { number }) {
            detail.outdated = true;
            return None;
        }
        Some(self.call(Call::Open { number }))
    }

    fn outcome(&mut self, id: u64, result: Result<Answer, Refusal>) -> Vec<Action> {
        let Some(call) = self.in_flight.remove(&id) else { return Vec::new() };
        match (call, result) {
            (Call::Open { number }, result) => return self.opened(number, result),
            (_, Ok(Answer::People { me, members, groups, self_service })) => {
                self.sight = Some(Sight::new(&me, &groups, self_service));
                let member = me
                    .membership
                    .as_ref()
                    .map(|membership| membership.member_id.clone())
                    .unwrap_or_default();
                let mine = Mine {
                    groups: groups
                        .iter()
                        .filter(|group| {
                            group.operators.iter().any(|operator| operator.id == member)
                        })
                        .map(|group| group.id.clone())
                        .collect(),
                    member,
                };
                self.me = Me {
                    name: me.display_name,
                    available: me.membership.is_some_and(|membership| membership.available),
                };
                self.rows.set_mine(mine);
                if let Some(Popup::Picker(picker)) = &mut self.popup {
                    picker.refresh(&members, &groups);
                }
                (self.members, self.groups) = (members, groups);
                let mut actions = Vec::new();
                let came_before = std::mem::take(&mut self.not_judged);
                self.ring_for(&came_before, &mut actions);
                return actions;
            }
            (Call::Change { number, change, .. }, Ok(Answer::Changed(ticket))) => {
                if let Change::Write { writing, .. } = change {
                    self.drafts.remove(&(number, writing));
                }
                let gone = ticket.is_none();
                self.know(ticket.map(|ticket| *ticket));
                let after = if gone { " It is no longer for you to see." } else { "" };
                self.tell(
                    false,
                    format!(
                        "#{number}: {}.{after}",
                        words::done(&change, &self.members, &self.groups)
                    ),
                );
            }
            (Call::Next, Ok(Answer::Next { ticket, reason })) => {
                let number = ticket.number;
                self.know(Some(*ticket));
                self.rows.choose(number);
                self.tell(false, format!("#{number} is yours: {reason}."));
                if self.detail.is_some() {
                    return vec![self.open(number)];
                }
            }
            (Call::SetAvailable(_), Ok(Answer::Available(available))) => {
                self.me.available = available;
                self.tell(false, if available { "You are available." } else { "You are away." });
            }
            (call, Err(refusal)) => self.tell(true, words::refused(&call, &refusal)),
            // An answer to another question: the performer never gives one.
            (_, Ok(_)) => {}
        }
        Vec::new()
    }

    fn opened(&mut self, number: i64, result: Result<Answer, Refusal>) -> Vec<Action> {
        let Some(detail) = self.detail.as_mut().filter(|detail| detail.number == number) else {
            return Vec::new();
        };
        match result {
            Ok(Answer::Opened { ticket, messages, events }) => {
                detail.hear(*ticket);
                (detail.messages, detail.events) = (messages, events);
            }
            Ok(_) => {}
            Err(refusal) => {
                if refusal.absent {
                    self.detail = None;
                }
                self.tell(true, format!("#{number}: {}", refusal.text));
                return Vec::new();
            }
        }
        let again = std::mem::take(&mut detail.outdated);
        self.scroll_detail(0);
        if again { self.reopen_detail().into_iter().collect() } else { Vec::new() }
    }

    /// A ticket as an answer told it; the watch tells of it too, sooner or later, and says when it
    /// ended.
    fn know(&mut self, ticket: Option<Ticket>) {
        let Some(ticket) = ticket else { return };
        if let Some(detail) = self.detail.as_mut().filter(|detail| detail.number == ticket.number) {
            detail.hear(ticket.clone());
        }
        if is_open(&ticket) {
            self.rows.take_in(vec![ticket], Vec::new());
        }
    }
}
