//! What a request is decided on: the team as it stands inside the transaction, and the few tickets
//! and accounts it names.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::TeamId;
use super::account::{Account, OneTimeCode};
use super::directory::DirectoryEvent;
use super::event::Event;
use super::ids::{AccountId, GroupId, MemberId, Revision, TicketId};
use super::refusal::Refusal;
use super::team::Team;
use super::ticket::TicketEntry;
use super::words::{Digest, Entry};

/// One team inside a transaction. The store fills it, the rules read it, and applying their events
/// moves it on.
#[derive(Clone, Debug)]
pub struct World {
    /// The team's id.
    pub id: TeamId,
    /// The team; none for the host itself and for a team that is about to be activated.
    pub team: Option<Arc<Team>>,
    /// The revision before the next change.
    pub revision: Revision,
    /// The next id to give.
    pub next_id: i64,
    /// The next ticket number to give.
    pub next_number: i64,
    /// Tickets at hand.
    pub tickets: HashMap<TicketId, TicketEntry>,
    /// Their numbers.
    pub numbers: HashMap<i64, TicketId>,
    /// The hashes of their secrets.
    pub secrets: HashMap<Digest, TicketId>,
    /// Accounts at hand.
    pub accounts: Vec<Account>,
    /// The one-time code at hand.
    pub code: Option<OneTimeCode>,
    /// For these members more waits than is at hand.
    pub more_waits: BTreeSet<MemberId>,
    /// How many open tickets the group in question has.
    pub open_in_group: i64,
    /// How many ended ones.
    pub ended_in_group: i64,
}

/// Tickets that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tickets {
    /// The first of what waits, nobody has, and this member may take.
    WaitingFor(MemberId),
    /// All open ones, with their words.
    Open,
    /// All open ones of an operator; the account that they are goes with them.
    OpenOf(MemberId),
    /// All open ones of a group, and how many ended ones it has.
    OpenIn(GroupId),
    /// All open ones that lost this group.
    FormerlyIn(GroupId),
    /// Some ended ones of a group.
    EndedIn(GroupId),
}

/// What has to be loaded to decide a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Needs {
    /// A ticket, by number.
    pub number: Option<i64>,
    /// A ticket, by id.
    pub ticket: Option<TicketId>,
    /// A ticket, by the hash of its secret.
    pub secret: Option<Digest>,
    /// Tickets, by id.
    pub ids: Vec<TicketId>,
    /// Their words, too.
    pub words: bool,
    /// Tickets that nobody named.
    pub tickets: Option<Tickets>,
    /// An account, by id.
    pub account: Option<AccountId>,
    /// All accounts with an address.
    pub email: Option<String>,
    /// A one-time code, with its account.
    pub code: Option<Digest>,
}

impl World {
    /// A team with nothing at hand yet.
    pub fn new(
        id: TeamId,
        team: Option<Arc<Team>>,
        revision: Revision,
        next_id: i64,
        next_number: i64,
    ) -> Self {
        World {
            id,
            team,
            revision,
            next_id,
            next_number,
            tickets: HashMap::new(),
            numbers: HashMap::new(),
            secrets: HashMap::new(),
            accounts: Vec::new(),
            code: None,
            more_waits: BTreeSet::new(),
            open_in_group: 0,
            ended_in_group: 0,
        }
    }

    /// Puts a ticket at hand.
    pub fn hold(&mut self, ticket: TicketEntry) {
        self.numbers.insert(ticket.number, ticket.id);
        if let Some(secret) = ticket.secret_hash {
            self.secrets.insert(secret, ticket.id);
        }
        self.tickets.insert(ticket.id, ticket);
    }

    /// The team; refused for callers who have none.
    pub fn team(&self) -> Result<&Team, Refusal> {
        self.team.as_deref().ok_or(Refusal::NO_TEAM)
    }

    /// The ticket with that secret.
    pub fn ticket_of(&self, secret: Digest) -> Option<&TicketEntry> {
        self.tickets.get(self.secrets.get(&secret)?)
    }

    /// An account at hand.
    pub fn account(&self, id: AccountId) -> Result<&Account, Refusal> {
        self.accounts.iter().find(|account| account.id == id).ok_or(Refusal::NotFound("account"))
    }

    /// Moves on to after these events.
    pub fn apply(&mut self, events: &[Event]) {
        for event in events {
            match event {
                Event::Ticket(change, _) => {
                    self.hold(Entry {
                        image: change.ticket.clone(),
                        words: Arc::clone(&change.words),
                    });
                }
                Event::HistoryMoved { from, to, tickets } => {
                    let is_moved = |ticket: &&mut TicketEntry| {
                        let named = tickets.as_ref().is_none_or(|ids| ids.contains(&ticket.id));
                        named && !ticket.is_open() && ticket.group == Some(*from)
                    };
                    let moved = self.tickets.values_mut().filter(is_moved);
                    moved.for_each(|ticket| ticket.group = Some(*to));
                }
                Event::TicketsErased(tickets) => {
                    for ticket in tickets {
                        self.tickets.remove(ticket);
                    }
                }
                Event::Directory(event) => match (&mut self.team, event) {
                    (Some(team), event) => Arc::make_mut(team).apply(event),
                    (none, DirectoryEvent::Set(item, ..)) => {
                        *none = Team::of(self.id, vec![(**item).clone()]).map(Arc::new);
                    }
                    (None, DirectoryEvent::Gone(_)) => {}
                },
                // The host's accounts are loaded anew for each request.
                Event::Message(..) | Event::Account(_) => {}
            }
        }
    }
}
