//! The rules: what a request does, or why it does nothing. One file a noun.

mod account;
mod customer;
mod group;
mod member;
mod profile;
mod team;
#[cfg(test)]
mod tests;
mod ticket;

use std::sync::Arc;

use super::Millis;
use super::command::Command;
use super::event::{Actor, Event, TicketChange, What, actor_name};
use super::ids::{ContentId, GroupId, MemberId, Revision, TicketId};
use super::member::{Member, MemberState, MemberWords};
use super::refusal::Refusal;
use super::request::{Caller, Reply, Request};
use super::sight::Sight;
use super::team::Team;
use super::ticket::{Message, MessageKind, MessageWords, Ticket, TicketWords};
use super::words::{Entry, NewWords, Prepared};
use super::world::World;
pub use group::{ERASE_AT_ONCE, UNDELETE_FOR};

/// What a request does.
#[derive(Clone, Debug)]
pub struct Decision {
    /// In the order in which it happened; empty: nothing was left to do.
    pub events: Vec<Event>,
    /// What the caller hears.
    pub reply: Reply,
    /// The team's next id afterwards.
    pub next_id: i64,
    /// The team's next ticket number afterwards.
    pub next_number: i64,
}

/// Decides a request. The world stays as it is; applying the events is the caller's.
pub fn decide(world: &World, request: &Request, now: Millis) -> Result<Decision, Refusal> {
    let mut draft = Draft {
        world,
        caller: request.caller,
        actor: request.caller.actor(),
        now,
        revision: world.revision + 1,
        next_id: world.next_id,
        next_number: world.next_number,
        events: Vec::new(),
    };
    let reply = draft.run(&request.command)?;
    // Whoever may not do it has heard so by now; only who may hears what is wrong with the
    // request's id.
    if let Some(Err(refusal)) = &request.memory {
        return Err(refusal.clone());
    }
    let Draft { events, next_id, next_number, .. } = draft;
    Ok(Decision { events, reply, next_id, next_number })
}

/// A decision in the making.
struct Draft<'w> {
    world: &'w World,
    caller: Caller,
    actor: Actor,
    now: Millis,
    revision: Revision,
    next_id: i64,
    next_number: i64,
    events: Vec<Event>,
}

type TicketEntry = Entry<Ticket, Arc<TicketWords>>;
type MemberEntry = Entry<Member, MemberWords>;

impl<'w> Draft<'w> {
    fn run(&mut self, command: &Command) -> Result<Reply, Refusal> {
        match command {
            Command::Submit(submission) => self.submit(submission),
            Command::CustomerWrite { text } => self.customer_write(text),
            Command::CustomerCancel => self.customer_cancel(),
            Command::Take { number, version } => self.take(*number, *version),
            Command::Next => self.next(),
            Command::Assign { number, version, operator, group } => {
                self.assign(*number, *version, *operator, *group)
            }
            Command::SetPriority { number, version, priority } => {
                self.set_priority(*number, *version, priority)
            }
            Command::Reply { number, version, text } => {
                self.write(*number, *version, MessageKind::Reply, text)
            }
            Command::Note { number, version, text } => {
                self.write(*number, *version, MessageKind::Note, text)
            }
            Command::Close { number, version } => self.close(*number, *version),
            Command::Reopen { number, version } => self.reopen(*number, *version),
            Command::Expire { ticket } => self.expire(*ticket),
            Command::UpdateTeam { name, queue_mode, default_priority, expire_after } => self
                .update_team(name.as_ref(), *queue_mode, *default_priority, expire_after.as_ref()),
            Command::AddMember { .. } => self.add_member(command),
            Command::UpdateMember { member, admin, operator, enabled } => {
                self.update_member(*member, *admin, *operator, *enabled)
            }
            Command::RemoveMember { member } => self.remove_member(*member),
            Command::SetAvailability { available } => self.set_availability(*available),
            Command::CreateGroup { name, visibility, salt } => {
                self.create_group(name, *visibility, *salt)
            }
            Command::UpdateGroup { group, name, visibility, salt } => {
                self.update_group(*group, name.as_ref(), *visibility, *salt)
            }
            Command::DeleteGroup { group, dry_run, confirm, move_to } => {
                self.delete_group(*group, *dry_run, *confirm, *move_to)
            }
            Command::UndeleteGroup { group } => self.undelete_group(*group),
            Command::AddGroupOperator { group, member } => self.add_group_operator(*group, *member),
            Command::RemoveGroupOperator { group, member } => {
                self.remove_group_operator(*group, *member)
            }
            Command::EraseGroup { group } => self.erase_group(*group),
            Command::CreateProfile(draft) => self.create_profile(draft),
            Command::UpdateProfile { profile, revision, draft } => {
                self.update_profile(*profile, *revision, draft)
            }
            Command::SetProfileState { profile, state } => self.set_profile_state(*profile, *state),
            Command::CreateAccount { .. } => self.create_account(command),
            Command::ResetPassword { account, code } => self.reset_password(*account, code),
            Command::ChangePassword { account, password_hash, keep } => {
                self.change_password(*account, password_hash, *keep)
            }
            Command::RedeemCode { .. } => self.redeem_code(command),
            Command::OpenSession(session) => self.open_session(session),
            Command::EndSessions { account, only } => self.end_sessions(*account, *only),
            Command::ActivateTeam { name, salt, .. } => self.activate_team(name, *salt),
            Command::AnswerInvitation { member, accept, salt, .. } => {
                self.answer_invitation(*member, *accept, *salt)
            }
        }
    }

    fn id(&mut self) -> i64 {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    fn content<W: serde::Serialize>(&mut self, prepared: &Prepared<W>) -> super::words::ContentRef {
        let id = ContentId(self.id());
        prepared.at(id)
    }

    fn team(&self) -> Result<&'w Team, Refusal> {
        self.world.team()
    }

    /// The calling member, if they are still active.
    fn member(&self) -> Result<&'w MemberEntry, Refusal> {
        let Caller::Member(member) = self.caller else {
            return Err(Refusal::NO_TEAM);
        };
        let found = self.team()?.members.get(&member).ok_or(Refusal::NO_TEAM)?;
        if found.state == MemberState::Active { Ok(found) } else { Err(Refusal::NO_TEAM) }
    }

    fn admin(&self) -> Result<&'w MemberEntry, Refusal> {
        let member = self.member()?;
        if member.admin { Ok(member) } else { Err(Refusal::NOT_ADMIN) }
    }

    /// The calling member, who can be assigned tickets.
    fn operator(&self) -> Result<&'w MemberEntry, Refusal> {
        let member = self.member()?;
        if member.operator { Ok(member) } else { Err(Refusal::NOT_OPERATOR) }
    }

    /// A ticket the caller sees.
    fn visible(&self, number: i64) -> Result<&'w TicketEntry, Refusal> {
        let member = self.member()?;
        let viewer = self.team()?.viewer(member.id).ok_or(Refusal::NO_TEAM)?;
        let id = self.world.numbers.get(&number).ok_or(Refusal::NotFound)?;
        let ticket = self.world.tickets.get(id).ok_or(Refusal::NotFound)?;
        if viewer.sees(&Sight::from(&ticket.image)) { Ok(ticket) } else { Err(Refusal::NotFound) }
    }

    /// Refuses what is based on another version than the ticket's.
    fn same_version(&self, ticket: &Ticket, version: Revision) -> Result<(), Refusal> {
        if version <= 0 {
            return Err(Refusal::invalid(
                "version",
                "give the version at which you saw the ticket",
            ));
        }
        if version == ticket.version {
            return Ok(());
        }
        Err(stale(self.team()?, ticket))
    }

    /// Notes a ticket's change: version, time, who and what.
    fn change_ticket(
        &mut self,
        old: &TicketEntry,
        mut ticket: Ticket,
        what: What,
        customer_sees: bool,
    ) -> Ticket {
        ticket.version = self.revision;
        if customer_sees {
            ticket.customer_version = self.revision;
        }
        ticket.changed_at = self.now;
        ticket.changed_by = self.actor;
        ticket.changed = what;
        let change = TicketChange { before: Some(Sight::from(&old.image)), ticket: ticket.clone() };
        self.events.push(Event::Ticket(
            Box::new(Entry { image: change, words: Arc::clone(&old.words) }),
            None,
        ));
        ticket
    }

    fn add_message(
        &mut self,
        ticket: TicketId,
        kind: MessageKind,
        author: Option<MemberId>,
        text: &Prepared<MessageWords>,
    ) -> super::ids::MessageId {
        let id = super::ids::MessageId(self.id());
        let words = self.content(text);
        let image = Message { id, ticket, kind, author, at: self.now, words };
        self.events.push(Event::Message(
            Box::new(Entry { image, words: Arc::clone(&text.words) }),
            text.row.clone(),
        ));
        id
    }

    fn change_member(&mut self, member: &MemberEntry, image: Member, row: Option<NewWords>) {
        let words = member.words.clone();
        self.events.push(Event::Member(Box::new(Entry { image, words }), row));
    }

    /// These members see other things from this revision on.
    fn sight_changes(
        &mut self,
        members: impl IntoIterator<Item = MemberId>,
    ) -> Result<(), Refusal> {
        let team = self.team()?;
        for id in members {
            if let Some(member) = team.members.get(&id) {
                let image = member.image.clone().seeing_anew(self.revision);
                self.change_member(member, image, None);
            }
        }
        Ok(())
    }

    /// Takes an operator's name off the open tickets they have; the tickets keep their group.
    fn leave_tickets(&mut self, member: MemberId) {
        for old in self.tickets_where(|ticket| ticket.is_open() && ticket.operator == Some(member))
        {
            let mut ticket = old.image.clone();
            ticket.operator = None;
            self.change_ticket(old, ticket, What::OperatorLeft, true);
        }
    }

    /// Tickets at hand of that kind, by number.
    fn tickets_where(&self, wanted: impl Fn(&Ticket) -> bool) -> Vec<&'w TicketEntry> {
        let mut tickets: Vec<_> =
            self.world.tickets.values().filter(|ticket| wanted(ticket)).collect();
        tickets.sort_by_key(|ticket| ticket.number);
        tickets
    }

    /// The group, if it is there and not deleted.
    fn group(&self, group: GroupId) -> Result<&'w Entry<super::Group, super::GroupWords>, Refusal> {
        self.team()?.live_group(group).ok_or(Refusal::NotFound)
    }
}

/// Somebody was faster: who, and what they did.
fn stale(team: &Team, ticket: &Ticket) -> Refusal {
    let by = actor_name(team, ticket.changed_by);
    Refusal::Stale { by, what: ticket.changed.word(), version: ticket.version }
}
