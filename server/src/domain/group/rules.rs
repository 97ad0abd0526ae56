//! Groups: making, changing, deleting with all that follows, undoing, erasing.

use std::collections::BTreeSet;

use super::{Group, GroupWords, Visibility};
use crate::domain::Millis;
use crate::domain::decide::Draft;
use crate::domain::directory::ItemId;
use crate::domain::event::Event;
use crate::domain::follow_up::Following;
use crate::domain::ids::{GroupId, MemberId};
use crate::domain::refusal::Refusal;
use crate::domain::request::{Caller, Reply};
use crate::domain::text;
use crate::domain::ticket::{TicketEntry, What};
use crate::domain::words::Entry;

/// How long the deletion of a group can be undone: ten minutes.
pub const UNDELETE_FOR: Millis = 10 * 60 * 1000;

/// The sweep erases this many tickets of a deleted group in one change.
pub const ERASE_AT_ONCE: usize = 256;

/// A team has at most this many groups.
const GROUPS: usize = 1_000;

/// Which of the two is absent or hidden is not told.
const NOT_BOTH: Refusal = Refusal::NotFound("group or member");

fn checked_name(name: &str) -> Result<String, Refusal> {
    text::one_line(name, 80).map_err(Refusal::text("name"))
}

impl<'w> Draft<'w> {
    /// The group, if it is there and not deleted.
    pub(in crate::domain) fn group(
        &self,
        group: GroupId,
    ) -> Result<&'w Entry<Group, GroupWords>, Refusal> {
        self.team()?.live_group(group).ok_or(Refusal::NotFound("group"))
    }

    fn name_is_free(&self, name: &str, but: Option<GroupId>) -> Result<(), Refusal> {
        match self.team()?.group_named(name) {
            // A deleted group keeps its name as long as it can come back.
            Some(twin) if Some(twin.id) != but => Err(Refusal::AlreadyExists {
                field: "name",
                text: match twin.deleted_at {
                    None => {
                        format!("the team has a group named \u{201c}{}\u{201d}", twin.words.name)
                    }
                    Some(_) => format!(
                        "the group \u{201c}{}\u{201d} was deleted and can still come back: \
                         undelete it, or use its name in ten minutes",
                        twin.words.name
                    ),
                },
            }),
            _ => Ok(()),
        }
    }

    pub(super) fn create_group(
        &mut self,
        name: &str,
        visibility: Visibility,
    ) -> Result<Reply, Refusal> {
        self.admin()?;
        let name = checked_name(name)?;
        self.name_is_free(&name, None)?;
        if self.team()?.groups.len() >= GROUPS {
            return Err(Refusal::Full { what: "groups", limit: GROUPS });
        }
        let id = GroupId(self.id());
        let prepared = self.prepare(GroupWords { name, ..GroupWords::default() });
        let image = Group {
            id,
            visibility,
            operators: BTreeSet::new(),
            deleted_at: None,
            former: false,
            words: self.content(&prepared),
        };
        self.set(Entry { image, words: (*prepared.words).clone() }, Some(prepared.row));
        Ok(Reply::Item(ItemId::Group(id)))
    }

    pub(super) fn update_group(
        &mut self,
        id: GroupId,
        name: Option<&str>,
        visibility: Option<Visibility>,
    ) -> Result<Reply, Refusal> {
        self.admin()?;
        let mut group = self.group(id)?.clone();
        let before = group.clone();
        let mut row = None;
        if let Some(name) = name {
            let name = checked_name(name)?;
            self.name_is_free(&name, Some(id))?;
            if name != group.words.name {
                let mut words = group.words.clone();
                words.former_names.rename(&mut words.name, name, self.now);
                let prepared = self.prepare(words);
                group.image.words = prepared.at(group.image.words.id);
                group.words = (*prepared.words).clone();
                row = Some(prepared.row);
            }
        }
        group.image.visibility = visibility.unwrap_or(group.image.visibility);
        if group != before {
            self.set(group, row);
            self.profiles_offer_otherwise(id)?;
        }
        Ok(Reply::Item(ItemId::Group(id)))
    }

    /// What profiles offer is part of what they sign: with a group that is named otherwise, comes
    /// or goes, their revision grows.
    fn profiles_offer_otherwise(&mut self, group: GroupId) -> Result<(), Refusal> {
        for profile in
            self.team()?.profiles.values().filter(|profile| profile.groups.contains(&group))
        {
            let mut profile = profile.clone();
            profile.revision += 1;
            profile.saved_at = self.now;
            profile.saved_by = self.actor;
            self.set(profile, None);
        }
        Ok(())
    }

    pub(super) fn add_group_operator(
        &mut self,
        id: GroupId,
        member: MemberId,
    ) -> Result<Reply, Refusal> {
        self.admin()?;
        let mut group = self.team()?.live_group(id).ok_or(NOT_BOTH)?.clone();
        let found = self.team()?.members.get(&member).ok_or(NOT_BOTH)?;
        if !found.operator {
            return Err(Refusal::precondition(
                "NOT_AN_OPERATOR",
                "assistance management is off for this member; switch it on first",
            ));
        }
        if group.operators.insert(member) {
            self.set(group, None);
            self.sight_changes([member])?;
        }
        Ok(Reply::Item(ItemId::Group(id)))
    }

    pub(super) fn remove_group_operator(
        &mut self,
        id: GroupId,
        member: MemberId,
    ) -> Result<Reply, Refusal> {
        self.admin()?;
        let mut group = self.team()?.live_group(id).ok_or(NOT_BOTH)?.clone();
        if !group.operators.remove(&member) {
            return Err(NOT_BOTH);
        }
        self.set(group, None);
        self.sight_changes([member])?;
        Ok(Reply::Item(ItemId::Group(id)))
    }

    pub(super) fn delete_group(
        &mut self,
        id: GroupId,
        dry_run: bool,
        confirm: i64,
        move_to: Option<GroupId>,
    ) -> Result<Reply, Refusal> {
        self.admin()?;
        let mut group = self.group(id)?.clone();
        if let Some(to) = move_to
            && (to == id || self.team()?.live_group(to).is_none())
        {
            return Err(Refusal::invalid(
                "move_history_to_group_id",
                "name another group of the team",
            ));
        }
        let follow_ups = &self.team()?.settings.follow_ups;
        if follow_ups.iter().any(|left| left.what.moves_to(id)) {
            return Err(Refusal::precondition(
                "HISTORY_IS_MOVING",
                "another group's history is still being moved to this one; try again in a moment",
            ));
        }
        let open = self.tickets_where(|ticket| ticket.is_open() && ticket.group == Some(id));
        let ended = self.world.ended_in_group;
        let (erased, moved) = if move_to.is_some() { (0, ended) } else { (ended, 0) };
        let showing = self.team()?.profiles.values().filter(|profile| profile.groups.contains(&id));
        let mut reply = Reply::GroupDeleted {
            unassigned: self.world.open_in_group,
            erased,
            moved,
            profiles: showing.map(|profile| profile.id).collect(),
            until: None,
        };
        if dry_run {
            return Ok(reply);
        }
        if move_to.is_none() && confirm != erased {
            return Err(Refusal::precondition(
                "CONFIRMATION_NEEDED",
                format!(
                    "deleting this group erases {erased} tickets from history; confirm with \
                     exactly that number"
                ),
            ));
        }
        let operators = group.operators.clone();
        group.deleted_at = Some(self.now);
        self.set(group, None);
        self.profiles_offer_otherwise(id)?;
        if self.all_at_once(open.len(), Following::GroupDeleted(id))? {
            for old in open {
                self.lose_group(old);
            }
            self.sight_changes(operators)?;
        } else {
            // Whoever had one of them, or may take what has no group, sees others at once.
            self.sight_changes(self.team()?.members.keys().copied())?;
        }
        if let Some(to) = move_to {
            let what = Following::HistoryMoved { from: id, to };
            if self.all_at_once(usize::try_from(ended).unwrap_or(usize::MAX), what)? {
                self.events.push(Event::HistoryMoved { from: id, to, tickets: None });
            }
        }
        if let Reply::GroupDeleted { until, .. } = &mut reply {
            *until = Some(self.now.saturating_add(UNDELETE_FOR));
        }
        Ok(reply)
    }

    pub(super) fn undelete_group(&mut self, id: GroupId) -> Result<Reply, Refusal> {
        self.admin()?;
        let mut group = self.team()?.groups.get(&id).cloned().ok_or(Refusal::NotFound("group"))?;
        let deleted_at = group
            .deleted_at
            .ok_or_else(|| Refusal::precondition("NOT_DELETED", "the group is not deleted"))?;
        if self.now > deleted_at.saturating_add(UNDELETE_FOR) {
            return Err(Refusal::NotFound("group"));
        }
        let operators = group.operators.clone();
        group.deleted_at = None;
        self.set(group, None);
        self.profiles_offer_otherwise(id)?;
        let lost = self.tickets_where(|it| it.is_open() && it.former_group == Some(id));
        if self.all_at_once(lost.len(), Following::GroupRestored(id))? {
            for old in lost {
                self.regain_group(old, id);
            }
        }
        self.sight_changes(operators)?;
        Ok(Reply::Item(ItemId::Group(id)))
    }

    /// The ticket's group was deleted.
    pub(in crate::domain) fn lose_group(&mut self, old: &TicketEntry) {
        let mut ticket = old.image.clone();
        ticket.former_group = ticket.group.take();
        ticket.former_operator = ticket.operator.take();
        self.change_ticket(old, ticket, What::GroupDeleted, true);
    }

    /// The group that the ticket lost is there again.
    pub(in crate::domain) fn regain_group(&mut self, old: &TicketEntry, group: GroupId) {
        let mut ticket = old.image.clone();
        ticket.group = Some(group);
        // Whoever had it has it again, unless somebody took it meanwhile or they are an operator no
        // more.
        let is_operator =
            |id: &MemberId| self.team().is_ok_and(|team| team.operator(*id).is_some());
        ticket.operator = ticket.operator.or(ticket.former_operator.filter(is_operator));
        ticket.forget_deleted_group();
        self.change_ticket(old, ticket, What::GroupRestored, true);
    }

    /// The group is gone but for its name, as long as that is not one of very many.
    fn forget_group(&mut self, group: &Entry<Group, GroupWords>) -> Result<(), Refusal> {
        if self.team()?.past.groups.len() < GROUPS {
            let mut group = group.clone();
            group.former = true;
            group.operators.clear();
            self.set(group, None);
        } else {
            self.remove(ItemId::Group(group.id));
        }
        Ok(())
    }

    /// One step of the sweep: erases some of the history, and the group itself once there is none
    /// left.
    pub(super) fn erase_group(&mut self, id: GroupId) -> Result<Reply, Refusal> {
        if self.caller != Caller::Clock {
            return Err(Refusal::NOT_ADMIN);
        }
        let group = self.team()?.groups.get(&id).ok_or(Refusal::NotFound("group"))?;
        if group.erased_at().is_none_or(|at| self.now <= at) {
            return Ok(Reply::Done);
        }
        let follow_ups = &self.team()?.settings.follow_ups;
        if follow_ups.iter().any(|left| left.what.needs_group(id)) {
            return Ok(Reply::Done);
        }
        let ended = self.tickets_where(|ticket| !ticket.is_open() && ticket.group == Some(id));
        let erased: Vec<_> = ended.iter().map(|ticket| ticket.id).collect();
        let count = erased.len();
        if count > 0 {
            self.events.push(Event::TicketsErased(erased));
        }
        if count < ERASE_AT_ONCE {
            self.forget_group(group)?;
        }
        Ok(Reply::Count(i64::try_from(count).unwrap_or(i64::MAX)))
    }
}
