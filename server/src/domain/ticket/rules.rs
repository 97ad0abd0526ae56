//! What operators and the clock do to tickets.

use super::sight::Sight;
use super::{MessageKind, MessageWords, Priority, State, Ticket, TicketEntry, What};
use crate::domain::command::Checked;
use crate::domain::decide::Draft;
use crate::domain::ids::{GroupId, MemberId, Revision, TicketId};
use crate::domain::refusal::Refusal;
use crate::domain::request::{Caller, Reply};
use crate::domain::words::Prepared;

impl<'w> Draft<'w> {
    /// An open ticket that the caller sees, at the version they saw.
    fn open_at(&self, number: i64, version: Revision) -> Result<&'w TicketEntry, Refusal> {
        let ticket = self.visible(number)?;
        self.same_version(ticket, version)?;
        open(ticket)?;
        Ok(ticket)
    }

    /// Takes what nobody has, or what the named colleague has. What somebody else has stays theirs.
    pub(super) fn take(
        &mut self,
        number: i64,
        version: Option<Revision>,
        from: Option<MemberId>,
    ) -> Result<Reply, Refusal> {
        let me = self.operator()?.id;
        let ticket = match version {
            Some(version) => self.open_at(number, version)?,
            None => self.visible(number)?,
        };
        open(ticket)?;
        if let Some(has) = ticket.operator.filter(|has| *has != me && from != Some(*has)) {
            return Err(Refusal::Taken { by: self.team()?.member_name(has, self.now).to_owned() });
        }
        self.make_mine(ticket).map(|ticket| Reply::Ticket(Box::new(ticket)))
    }

    fn make_mine(&mut self, old: &TicketEntry) -> Result<Ticket, Refusal> {
        let me = self.operator()?;
        if old.operator == Some(me.id) && old.state == State::InProgress {
            return Ok(old.image.clone());
        }
        let mut ticket = old.image.clone();
        ticket.operator = Some(me.id);
        ticket.state = State::InProgress;
        ticket.remember_handler(me.id);
        Ok(self.change_ticket(old, ticket, What::Taken, true))
    }

    pub(super) fn next(&mut self) -> Result<Reply, Refusal> {
        let me = self.operator()?;
        let viewer = self.team()?.viewer(me.id).ok_or(Refusal::NO_TEAM)?;
        let waiting = |ticket: &&TicketEntry| {
            ticket.operator.is_none()
                && matches!(ticket.state, State::New | State::InProgress)
                && viewer.sees(&Sight::from(&ticket.image))
        };
        let mut candidates: Vec<_> = self.world.tickets.values().filter(waiting).collect();
        candidates.sort_by_key(|ticket| {
            (std::cmp::Reverse(ticket.priority), ticket.submitted_at, ticket.number)
        });
        let first = *candidates.first().ok_or(Refusal::QueueEmpty)?;
        let word = first.priority.word();
        let peers = candidates.iter().filter(|ticket| ticket.priority == first.priority).count();
        let reason = match peers {
            // What is not at hand is no more urgent.
            _ if self.world.more_waits.contains(&me.id) && peers == candidates.len() => {
                format!("{word}, waiting longest of more than {peers}")
            }
            1 => format!("the only one waiting with priority {word}"),
            _ => format!("{word}, waiting longest of {peers}"),
        };
        let ticket = self.make_mine(first)?;
        Ok(Reply::Next(Box::new(ticket), reason))
    }

    #[expect(
        clippy::option_option,
        reason = "not said, nobody, or somebody: as the contract has it"
    )]
    pub(super) fn assign(
        &mut self,
        number: i64,
        version: Revision,
        operator: Option<Option<MemberId>>,
        group: Option<Option<GroupId>>,
    ) -> Result<Reply, Refusal> {
        let old = self.open_at(number, version)?;
        let team = self.team()?;
        if operator.is_none() && group.is_none() {
            return Err(Refusal::invalid(
                "operator_id",
                "say which operator or group the ticket goes to",
            ));
        }
        let mut ticket = old.image.clone();
        if let Some(group) = group {
            let target = group
                .map(|id| {
                    team.live_group(id)
                        .ok_or_else(|| Refusal::invalid("group_id", "the team has no such group"))
                })
                .transpose()?;
            ticket.group = group;
            // A group that comes back later must not take the ticket away from where it was sent
            // meanwhile.
            ticket.forget_deleted_group();
            let stays = target.is_none_or(|group| {
                ticket.operator.is_some_and(|member| group.operators.contains(&member))
            });
            if !stays {
                ticket.operator = None;
            }
        }
        if let Some(operator) = operator {
            if let Some(id) = operator {
                team.operator(id).ok_or_else(|| {
                    Refusal::invalid(
                        "operator_id",
                        "no member with assistance management switched on has this id",
                    )
                })?;
                ticket.remember_handler(id);
            }
            ticket.operator = operator;
            ticket.forget_deleted_group();
        }
        if (ticket.operator, ticket.group) == (old.operator, old.group) {
            ticket = old.image.clone();
        } else {
            ticket = self.change_ticket(old, ticket, What::Assigned, true);
        }
        self.as_seen(ticket)
    }

    /// The ticket, if the caller still sees it where it is now.
    fn as_seen(&self, ticket: Ticket) -> Result<Reply, Refusal> {
        let viewer = self.team()?.viewer(self.member()?.id).ok_or(Refusal::NO_TEAM)?;
        if viewer.sees(&Sight::from(&ticket)) {
            Ok(Reply::Ticket(Box::new(ticket)))
        } else {
            Ok(Reply::OutOfSight(ticket.id))
        }
    }

    pub(super) fn set_priority(
        &mut self,
        number: i64,
        version: Revision,
        priority: &Checked<Priority>,
    ) -> Result<Reply, Refusal> {
        let old = self.open_at(number, version)?;
        let priority = priority.clone()?;
        let mut ticket = old.image.clone();
        if ticket.priority != priority {
            ticket.priority = priority;
            ticket = self.change_ticket(old, ticket, What::Priority(old.priority), false);
        }
        Ok(Reply::Ticket(Box::new(ticket)))
    }

    pub(super) fn write(
        &mut self,
        number: i64,
        version: Option<Revision>,
        kind: MessageKind,
        text: &Checked<Prepared<MessageWords>>,
    ) -> Result<Reply, Refusal> {
        let old = self.visible(number)?;
        if let Some(version) = version {
            self.same_version(old, version)?;
        }
        open(old)?;
        let text = text.clone()?;
        let me = self.member()?.id;
        let mut ticket = old.image.clone();
        let what = if kind == MessageKind::Reply {
            ticket.state = State::Answered;
            ticket.remember_handler(me);
            self.lives_anew(&mut ticket)?;
            What::Replied
        } else {
            if ticket.state == State::New {
                ticket.state = State::InProgress;
            }
            What::Noted
        };
        let message = self.add_message(ticket.id, kind, Some(me), &text);
        // A note shows its customer nothing, but beginning work on the ticket does.
        let customer_sees = kind == MessageKind::Reply || ticket.state != old.state;
        let ticket = self.change_ticket(old, ticket, what, customer_sees);
        Ok(Reply::Written(Box::new(ticket), message))
    }

    pub(super) fn close(&mut self, number: i64, version: Revision) -> Result<Reply, Refusal> {
        let old = self.open_at(number, version)?;
        let mut ticket = old.image.clone();
        ticket.remember_handler(self.member()?.id);
        self.end(&mut ticket, State::Closed);
        let ticket = self.change_ticket(old, ticket, What::Closed, true);
        Ok(Reply::Ticket(Box::new(ticket)))
    }

    pub(super) fn end(&self, ticket: &mut Ticket, state: State) {
        ticket.state = state;
        ticket.ended_at = Some(self.now);
        ticket.expires_at = None;
        ticket.forget_deleted_group();
    }

    pub(super) fn reopen(&mut self, number: i64, version: Revision) -> Result<Reply, Refusal> {
        let old = self.visible(number)?;
        self.same_version(old, version)?;
        if old.is_open() {
            return Err(Refusal::precondition("TICKET_IS_OPEN", "the ticket is open already"));
        }
        let mut ticket = old.image.clone();
        self.open_again(&mut ticket)?;
        let ticket = self.change_ticket(old, ticket, What::Reopened, true);
        self.as_seen(ticket)
    }

    /// Opens an ended ticket: its clock starts anew, and it goes back to whoever had it, as far as
    /// they are still there.
    pub(super) fn open_again(&self, ticket: &mut Ticket) -> Result<(), Refusal> {
        let team = self.team()?;
        ticket.operator = ticket.operator.filter(|operator| team.operator(*operator).is_some());
        ticket.group = ticket.group.filter(|group| team.live_group(*group).is_some());
        ticket.state = if ticket.operator.is_some() { State::InProgress } else { State::New };
        ticket.ended_at = None;
        self.lives_anew(ticket)
    }

    /// Somebody wrote, or wants it to go on: an open ticket's time begins anew.
    pub(super) fn lives_anew(&self, ticket: &mut Ticket) -> Result<(), Refusal> {
        let after = self.team()?.settings.expire_after;
        ticket.expires_at = after.map(|after| self.now.saturating_add(after));
        Ok(())
    }

    pub(super) fn expire(&mut self, id: TicketId) -> Result<Reply, Refusal> {
        let old = self
            .world
            .tickets
            .get(&id)
            .filter(|_| self.caller == Caller::Clock)
            .ok_or(Refusal::NotFound("ticket"))?;
        // It may have been closed, or its time moved, since the sweep looked.
        if !old.is_open() || old.expires_at.is_none_or(|due| due > self.now) {
            return Ok(Reply::Done);
        }
        let mut ticket = old.image.clone();
        self.end(&mut ticket, State::Expired);
        self.change_ticket(old, ticket, What::Expired, true);
        Ok(Reply::Done)
    }
}

pub(super) fn open(ticket: &Ticket) -> Result<(), Refusal> {
    if ticket.is_open() {
        Ok(())
    } else {
        Err(Refusal::precondition("TICKET_ENDED", "the ticket is no longer open; reopen it first"))
    }
}
