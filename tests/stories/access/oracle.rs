//! What SPEC.md says about tickets' ways and who sees them, a second time, in its own words and
//! without the server's code.

use std::collections::{BTreeMap, BTreeSet};

use deskbell_proto::v1::{ListTicketsRequest, Priority, TicketState};

/// A team as far as sight goes. Members and groups go by their ids.
#[derive(Debug, Default)]
pub struct Team {
    /// Unassigned tickets are seen by all operators.
    pub self_service: bool,
    /// Its members.
    pub members: BTreeMap<String, Member>,
    /// Its groups with their operators; deleted ones have none, and are in `deleted`.
    pub groups: BTreeMap<String, BTreeSet<String>>,
    /// Groups that were deleted.
    pub deleted: BTreeSet<String>,
    /// Its tickets, by number: the order in which they came.
    pub tickets: BTreeMap<i64, Ticket>,
}

/// A member.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// Sees every ticket and all history.
    pub admin: bool,
    /// Assistance management is on.
    pub operator: bool,
}

/// A ticket.
#[derive(Clone, Debug)]
pub struct Ticket {
    /// Where it stands.
    pub state: TicketState,
    /// How urgent it is.
    pub priority: Priority,
    /// Who has it.
    pub operator: Option<String>,
    /// Whose it is, or was at its end.
    pub group: Option<String>,
    /// Who was assigned to it, answered or closed it.
    pub handled_by: BTreeSet<String>,
    /// Groups that had it when somebody acted on it.
    pub handled_in: BTreeSet<String>,
    /// Requester, title and description.
    pub texts: [String; 3],
}

impl Ticket {
    /// New, in progress or answered.
    pub fn is_open(&self) -> bool {
        matches!(self.state, TicketState::New | TicketState::InProgress | TicketState::Answered)
    }

    /// Takes it: the group stays.
    pub fn taken(&mut self, by: &str) {
        if self.operator.as_deref() != Some(by) || self.state != TicketState::InProgress {
            self.acted_on();
        }
        self.state = TicketState::InProgress;
        self.has(by);
    }

    /// The group that it has now handled it.
    fn acted_on(&mut self) {
        self.handled_in.extend(self.group.clone());
    }

    /// Somebody set its priority.
    pub fn prioritised(&mut self, priority: Priority) {
        if self.priority != priority {
            self.acted_on();
        }
        self.priority = priority;
    }

    fn has(&mut self, operator: &str) {
        self.operator = Some(operator.to_owned());
        self.handled_by.insert(operator.to_owned());
    }

    /// Answered by a member.
    pub fn answered(&mut self, by: &str) {
        self.acted_on();
        self.state = TicketState::Answered;
        self.handled_by.insert(by.to_owned());
    }

    /// Noted by a member.
    pub fn noted(&mut self) {
        self.acted_on();
        if self.state == TicketState::New {
            self.state = TicketState::InProgress;
        }
    }

    /// Closed by a member, or by its customer.
    pub fn closed(&mut self, by: Option<&str>) {
        if by.is_some() {
            self.acted_on();
        }
        self.state = TicketState::Closed;
        self.handled_by.extend(by.map(str::to_owned));
    }
}

impl Team {
    /// Whether somebody may look at tickets at all.
    pub fn may_look(&self, who: &str) -> bool {
        let member = self.members[who];
        member.admin || member.operator
    }

    /// "An admin sees every ticket and all history. An operator sees a ticket when it is assigned
    /// to them, or to a group they are in. … Unassigned tickets are seen by admins only, or by all
    /// operators when the team's queue mode is self-service … In history an operator sees tickets
    /// they handled themselves … and those that any group they are in has handled (had it when
    /// somebody acted on it, or at the end)." The history of a deleted group is hidden at once.
    pub fn sees(&self, who: &str, number: i64) -> bool {
        let Some(ticket) = self.tickets.get(&number) else { return false };
        let member = self.members[who];
        if self.is_hidden(number) {
            return false;
        }
        let is_in = |group: &String| {
            let operators = self.groups.get(group).filter(|_| !self.deleted.contains(group));
            operators.is_some_and(|operators| operators.contains(who))
        };
        let in_its_group = ticket.group.as_ref().is_some_and(is_in);
        let as_operator = if ticket.is_open() {
            let unassigned = ticket.operator.is_none() && ticket.group.is_none();
            ticket.operator.as_deref() == Some(who)
                || in_its_group
                || (unassigned && self.self_service)
        } else {
            let mut groups = ticket.handled_in.iter();
            ticket.handled_by.contains(who) || in_its_group || groups.any(is_in)
        };
        member.admin || (member.operator && as_operator)
    }

    /// History of a deleted group.
    pub fn is_hidden(&self, number: i64) -> bool {
        let ticket = &self.tickets[&number];
        !ticket.is_open() && ticket.group.as_ref().is_some_and(|group| self.deleted.contains(group))
    }

    /// The numbers that a list gives, in no order.
    pub fn listed(&self, who: &str, filter: &ListTicketsRequest) -> BTreeSet<i64> {
        // Upper case is the one that “ß” and “ss” share.
        let contains = filter.contains.trim().to_uppercase();
        let fits = |ticket: &Ticket| {
            ticket.is_open() != filter.history
                && (filter.states.is_empty() || filter.states.contains(&i32::from(ticket.state)))
                && (filter.group_id.is_empty() || ticket.group.as_ref() == Some(&filter.group_id))
                && (filter.operator_id.is_empty()
                    || ticket.operator.as_ref() == Some(&filter.operator_id))
                && (!filter.unassigned || (ticket.group.is_none() && ticket.operator.is_none()))
                && i32::from(ticket.priority) >= filter.min_priority
                && ticket.texts.iter().any(|text| text.to_uppercase().contains(&contains))
        };
        let listed =
            self.tickets.iter().filter(|(number, ticket)| fits(ticket) && self.sees(who, **number));
        listed.map(|(number, _)| *number).collect()
    }

    /// "By priority, then waiting time, from what they may take and nobody has." An answered ticket
    /// waits for its customer.
    pub fn next(&self, who: &str) -> Option<i64> {
        let waits = |ticket: &Ticket| {
            ticket.operator.is_none()
                && matches!(ticket.state, TicketState::New | TicketState::InProgress)
        };
        let waiting = self
            .tickets
            .iter()
            .filter(|(number, ticket)| waits(ticket) && self.sees(who, **number));
        waiting
            .min_by_key(|(number, ticket)| (-i32::from(ticket.priority), **number))
            .map(|(number, _)| *number)
    }

    /// "Assigning a group clears an operator who is not in it. Assigning an operator keeps the
    /// group unless “no group” is said." An empty id says nobody, or no group.
    pub fn assigned(&mut self, number: i64, operator: Option<&str>, group: Option<&str>) {
        let Some(ticket) = self.tickets.get_mut(&number) else { return };
        let before = (ticket.operator.clone(), ticket.group.clone());
        if let Some(group) = group {
            ticket.group = Some(group.to_owned()).filter(|group| !group.is_empty());
            let stays =
                |operator: &String| group.is_empty() || self.groups[group].contains(operator);
            ticket.operator = ticket.operator.take().filter(stays);
        }
        match operator {
            Some("") => ticket.operator = None,
            Some(operator) => ticket.has(operator),
            None => {}
        }
        if (&ticket.operator, &ticket.group) != (&before.0, &before.1) {
            ticket.handled_in.extend(before.1);
        }
    }

    /// Opened again: it goes back to whoever had it, as far as they are still there.
    pub fn reopened(&mut self, number: i64) {
        let Some(ticket) = self.tickets.get_mut(&number) else { return };
        ticket.operator = ticket.operator.take().filter(|operator| self.members[operator].operator);
        ticket.group = ticket.group.take().filter(|group| !self.deleted.contains(group));
        ticket.state =
            if ticket.operator.is_some() { TicketState::InProgress } else { TicketState::New };
    }

    /// "A customer's message makes an answered ticket in progress, and reopens a closed or expired
    /// one."
    pub fn customer_wrote(&mut self, number: i64) {
        if !self.tickets[&number].is_open() {
            self.reopened(number);
        } else if let Some(ticket) =
            self.tickets.get_mut(&number).filter(|ticket| ticket.state == TicketState::Answered)
        {
            ticket.state = TicketState::InProgress;
        }
    }

    /// "Switching it off … takes their name off their open tickets; the tickets keep their group."
    pub fn switched(&mut self, member: &str, operator: bool) {
        if let Some(found) = self.members.get_mut(member) {
            found.operator = operator;
        }
        if operator {
            return;
        }
        for group in self.groups.values_mut() {
            group.remove(member);
        }
        for ticket in self.tickets.values_mut().filter(|ticket| ticket.is_open()) {
            ticket.operator = ticket.operator.take().filter(|operator| operator != member);
        }
    }

    /// "Its open tickets become unassigned (neither group nor operator), its closed and expired
    /// tickets are erased from history." How many of each.
    pub fn group_deleted(&mut self, group: &str) -> (i64, i64) {
        self.groups.remove(group);
        self.deleted.insert(group.to_owned());
        let mut counts = (0, 0);
        for ticket in
            self.tickets.values_mut().filter(|ticket| ticket.group.as_deref() == Some(group))
        {
            if ticket.is_open() {
                (ticket.group, ticket.operator) = (None, None);
                counts.0 += 1;
            } else {
                counts.1 += 1;
            }
        }
        counts
    }
}
