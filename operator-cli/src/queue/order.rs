//! Which tickets the list shows, and in which order.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeSet;

use deskbell_proto::fold;
use deskbell_proto::v1::Ticket;

use crate::words;

/// What the list is sorted by. Ties go by waiting time, then number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// The most urgent first, as the server picks.
    #[default]
    Priority,
    /// The longest waiting first.
    Waiting,
    /// The newest number first.
    Number,
    /// By the group's name; without a group last.
    Group,
    /// By the operator's name; without an operator first.
    Operator,
}

impl Sort {
    /// The one after this.
    pub fn next(self) -> Self {
        match self {
            Self::Priority => Self::Waiting,
            Self::Waiting => Self::Number,
            Self::Number => Self::Group,
            Self::Group => Self::Operator,
            Self::Operator => Self::Priority,
        }
    }

    /// What to call it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Priority => "priority",
            Self::Waiting => "waiting",
            Self::Number => "number",
            Self::Group => "group",
            Self::Operator => "operator",
        }
    }
}

/// Who is at the keyboard, as far as tickets are concerned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mine {
    /// Own member id; empty until it is known.
    pub member: String,
    /// Ids of the groups the member is in.
    pub groups: BTreeSet<String>,
}

impl Mine {
    /// The ticket is assigned to me.
    pub fn has(&self, ticket: &Ticket) -> bool {
        ticket.operator.as_ref().is_some_and(|operator| operator.id == self.member)
    }

    /// The ticket waits for me: it is mine; or nobody has it, and it is in one of my groups or in
    /// none at all (whoever sees those is meant to care).
    pub fn is_called_by(&self, ticket: &Ticket) -> bool {
        self.has(ticket)
            || (ticket.operator.is_none()
                && ticket.group.as_ref().is_none_or(|group| self.groups.contains(&group.id)))
    }
}

/// Whose tickets are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Whose {
    /// All that the operator sees.
    #[default]
    All,
    /// Those the operator has.
    Mine,
    /// Those in no group that nobody has.
    Unassigned,
}

/// Which tickets, in which order.
#[derive(Clone, Debug, Default)]
pub struct Order {
    /// What the list is sorted by.
    pub sort: Sort,
    /// Only tickets that contain this, literally, without regard to case and accents. Empty: all.
    pub filter: String,
    /// The other way round.
    pub reversed: bool,
    /// Whose tickets.
    pub whose: Whose,
    /// Who "me" is.
    pub mine: Mine,
}

impl Order {
    /// The ticket belongs into the list.
    pub fn shows(&self, ticket: &Ticket) -> bool {
        let belongs = match self.whose {
            Whose::All => true,
            Whose::Mine => self.mine.has(ticket),
            Whose::Unassigned => ticket.operator.is_none() && ticket.group.is_none(),
        };
        belongs && self.matches(ticket)
    }

    fn matches(&self, ticket: &Ticket) -> bool {
        let wanted = fold::search(&self.filter);
        if wanted.is_empty() {
            return true;
        }
        let names = [group_name(ticket), operator_name(ticket)];
        let states = [words::priority(ticket.priority), words::state(ticket.state)];
        let requester = words::requester_in_full(ticket);
        let texts = [&requester, &ticket.title, &ticket.description].into_iter();
        let texts = texts.chain(&ticket.tags).map(String::as_str);
        format!("#{}", ticket.number).contains(&wanted)
            || names
                .into_iter()
                .chain(states)
                .chain(texts)
                .any(|it| fold::search(it).contains(&wanted))
    }

    /// Which of two tickets comes first.
    pub fn compare(&self, a: &Ticket, b: &Ticket) -> Ordering {
        let first = match self.sort {
            Sort::Priority => Reverse(a.priority).cmp(&Reverse(b.priority)),
            Sort::Waiting => submitted(a).cmp(&submitted(b)),
            Sort::Number => Reverse(a.number).cmp(&Reverse(b.number)),
            Sort::Group => (a.group.is_none(), fold::name(group_name(a)))
                .cmp(&(b.group.is_none(), fold::name(group_name(b)))),
            Sort::Operator => fold::name(operator_name(a)).cmp(&fold::name(operator_name(b))),
        };
        let first = if self.reversed { first.reverse() } else { first };
        first.then_with(|| submitted(a).cmp(&submitted(b))).then(a.number.cmp(&b.number))
    }
}

/// The group's name; empty without a group.
pub fn group_name(ticket: &Ticket) -> &str {
    ticket.group.as_ref().map_or("", |group| &group.name)
}

/// The operator's name; empty without an operator.
pub fn operator_name(ticket: &Ticket) -> &str {
    ticket.operator.as_ref().map_or("", |operator| &operator.display_name)
}

fn submitted(ticket: &Ticket) -> (i64, i32) {
    ticket.submit_time.as_ref().map_or((i64::MAX, 0), |time| (time.seconds, time.nanos))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::tests::{grouped, ticket};

    #[test]
    fn each_order_sorts() {
        // Number, priority, waiting minutes, group, operator.
        let tickets = [
            grouped(ticket(1, 2, 5, "Ben"), "Sales"),
            grouped(ticket(2, 4, 1, ""), "billing"),
            ticket(3, 2, 9, "ana"),
        ];
        for (sort, numbers) in [
            (Sort::Priority, [2, 3, 1]),
            (Sort::Waiting, [3, 1, 2]),
            (Sort::Number, [3, 2, 1]),
            (Sort::Group, [2, 1, 3]),
            (Sort::Operator, [2, 3, 1]),
        ] {
            let order = Order { sort, ..Order::default() };
            let mut sorted: Vec<&Ticket> = tickets.iter().collect();
            sorted.sort_by(|a, b| order.compare(a, b));
            assert_eq!(
                sorted.iter().map(|ticket| ticket.number).collect::<Vec<_>>(),
                numbers,
                "{sort:?}"
            );
        }
    }

    #[test]
    fn the_filter_is_literal_and_ignores_case() {
        let ticket = Ticket {
            title: "Drucker 50% (ÄRGER)".into(),
            ..grouped(ticket(42, 2, 5, "Ana"), "Sales")
        };
        for (filter, shows) in [
            ("", true),
            ("50%", true),
            ("ärger", true),
            ("DRUCKER", true),
            (".*", false),
            ("#42", true),
            ("sales", true),
            ("ana", true),
            ("%%", false),
            ("arger", true),
            ("A\u{308}RGER", true),
            ("normal", true),
            ("in progress", true),
            ("urgent", false),
            ("42", true),
        ] {
            let order = Order { filter: filter.into(), ..Order::default() };
            assert_eq!(order.shows(&ticket), shows, "{filter}");
        }
    }

    #[test]
    fn what_calls_for_me() {
        let mine = Mine { member: "member-Ana".into(), groups: ["group-Sales".to_owned()].into() };
        for (case, calls, whose) in [
            (ticket(1, 2, 5, "Ana"), true, Whose::Mine),
            (ticket(1, 2, 5, "Ben"), false, Whose::All),
            (ticket(1, 2, 5, ""), true, Whose::Unassigned),
            (grouped(ticket(1, 2, 5, ""), "Sales"), true, Whose::All),
            (grouped(ticket(1, 2, 5, "Ben"), "Sales"), false, Whose::All),
            (grouped(ticket(1, 2, 5, ""), "Billing"), false, Whose::All),
            (grouped(ticket(1, 2, 5, "Ana"), "Billing"), true, Whose::Mine),
        ] {
            assert_eq!(mine.is_called_by(&case), calls, "{case:?}");
            for (shown, wanted) in [Whose::Mine, Whose::Unassigned].map(|it| (it == whose, it)) {
                let order = Order { whose: wanted, mine: mine.clone(), ..Order::default() };
                assert_eq!(order.shows(&case), shown, "{wanted:?} {case:?}");
            }
        }
    }
}
