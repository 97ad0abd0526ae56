//! The door: every text that comes from the server is made inert here, once, so that nothing behind
//! it has to think of that.

use deskbell_proto::v1::{
    Group, GroupRef, Identity, Member, MemberRef, Message, OrganizationRef, Ticket, TicketEvent,
};
use deskbell_proto::watch::WatchNews;

use super::event::Answer;
use crate::inert;

/// One line of anybody's text.
pub fn line(text: &str) -> String {
    inert::line(text).into_owned()
}

/// Lines of anybody's text; tabs become the spaces they look like.
pub fn block(text: &str) -> String {
    inert::block(text).replace('\t', "    ")
}

/// News of the watch.
pub fn news(news: WatchNews) -> WatchNews {
    match news {
        WatchNews::Snapshot { tickets, cursor } => {
            WatchNews::Snapshot { tickets: tickets.into_iter().map(ticket).collect(), cursor }
        }
        WatchNews::Change(mut change) => {
            change.tickets = change.tickets.into_iter().map(ticket).collect();
            change.kind = line(&change.kind);
            change.actor = line(&change.actor);
            WatchNews::Change(change)
        }
        WatchNews::Disconnected { mut problem, retry_in } => {
            problem.text = line(&problem.text);
            WatchNews::Disconnected { problem, retry_in }
        }
        WatchNews::Ended(mut problem) => {
            problem.text = line(&problem.text);
            WatchNews::Ended(problem)
        }
        WatchNews::Connected { .. } | WatchNews::Progress { .. } | WatchNews::StartedOver => news,
    }
}

/// What a call came back with.
pub fn answer(answer: Answer) -> Answer {
    match answer {
        Answer::People { me, members, groups, self_service } => Answer::People {
            self_service,
            me: Box::new(identity(*me)),
            members: members.into_iter().map(member).collect(),
            groups: groups.into_iter().map(group).collect(),
        },
        Answer::Opened { ticket: opened, messages, events } => Answer::Opened {
            ticket: Box::new(ticket(*opened)),
            messages: messages.into_iter().map(message).collect(),
            events: events.into_iter().map(event).collect(),
        },
        Answer::Changed(changed) => {
            Answer::Changed(changed.map(|changed| Box::new(ticket(*changed))))
        }
        Answer::Next { ticket: next, reason } => {
            Answer::Next { ticket: Box::new(ticket(*next)), reason: line(&reason) }
        }
        Answer::Available(available) => Answer::Available(available),
    }
}

fn ticket(ticket: Ticket) -> Ticket {
    Ticket {
        group: ticket.group.map(|group| GroupRef { name: line(&group.name), ..group }),
        operator: ticket.operator.map(member_ref),
        requester: line(&ticket.requester),
        organization: ticket
            .organization
            .map(|organization| OrganizationRef { name: line(&organization.name), ..organization }),
        title: line(&ticket.title),
        description: block(&ticket.description),
        profile_name: line(&ticket.profile_name),
        tags: ticket.tags.iter().map(|tag| line(tag)).collect(),
        facts: ticket.facts.into_iter().map(|(key, value)| (line(&key), line(&value))).collect(),
        ..ticket
    }
}

fn member_ref(member: MemberRef) -> MemberRef {
    MemberRef { display_name: line(&member.display_name), ..member }
}

fn message(message: Message) -> Message {
    Message { author: message.author.map(member_ref), text: block(&message.text), ..message }
}

fn event(event: TicketEvent) -> TicketEvent {
    TicketEvent {
        kind: line(&event.kind),
        actor: line(&event.actor),
        details: event.details.into_iter().map(|(key, value)| (line(&key), line(&value))).collect(),
        ..event
    }
}

fn identity(identity: Identity) -> Identity {
    Identity {
        email: line(&identity.email),
        display_name: line(&identity.display_name),
        ..identity
    }
}

fn member(member: Member) -> Member {
    Member { email: line(&member.email), display_name: line(&member.display_name), ..member }
}

fn group(group: Group) -> Group {
    Group { name: line(&group.name), ..group }
}
