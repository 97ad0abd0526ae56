//! Activating a team and its settings.

use std::ops::RangeInclusive;

use super::{QueueMode, Settings, TeamChanges, TeamWords};
use crate::domain::Millis;
use crate::domain::account::AccountEvent;
use crate::domain::command::Checked;
use crate::domain::decide::Draft;
use crate::domain::ids::MemberId;
use crate::domain::member::{Member, MemberState, MemberWords};
use crate::domain::names::FormerNames;
use crate::domain::refusal::Refusal;
use crate::domain::request::{Caller, Reply};
use crate::domain::text;
use crate::domain::ticket::Priority;
use crate::domain::words::Entry;

/// Unless the team says otherwise, an open ticket lives this long: 24 hours.
const EXPIRE_AFTER: Millis = 24 * 60 * 60 * 1000;

/// An open ticket lives at least a minute and at most ten years.
const LIFETIMES: RangeInclusive<Millis> = 60_000..=3_650 * 24 * 60 * 60 * 1000;

fn checked_name(name: &str, field: &'static str) -> Result<String, Refusal> {
    text::one_line(name, 80).map_err(Refusal::text(field))
}

fn lifetime(after: Millis) -> Result<Millis, Refusal> {
    if LIFETIMES.contains(&after) {
        return Ok(after);
    }
    Err(Refusal::invalid(
        "team.expire_after",
        "give a time between one minute and 3650 days, or none for never",
    ))
}

impl Draft<'_> {
    pub(super) fn activate_team(
        &mut self,
        name: &str,
        time_zone: &Checked<Option<String>>,
    ) -> Result<Reply, Refusal> {
        let Caller::Account(id) = self.caller else {
            return Err(Refusal::NO_TEAM);
        };
        let mut account = self.world.account(id)?.clone();
        if account.membership.is_some() {
            return Err(Refusal::precondition(
                "HAS_TEAM",
                "this account belongs to a team already",
            ));
        }
        if self.world.team.is_some() {
            // The id follows from account and request id, so this founder asked before and has left
            // since: a late repeat must not make them the admin of a team that others hold now.
            return Err(Refusal::RequestReused { field: "request_id" });
        }
        let name = checked_name(name, "name")?;
        let prepared = self.prepare(TeamWords { name });
        let words = self.content(&prepared);
        let settings = Settings {
            queue_mode: QueueMode::AdminAssigns,
            default_priority: Priority::Normal,
            expire_after: Some(EXPIRE_AFTER),
            time_zone: time_zone.clone()?,
            licensed_until: None,
            follow_ups: Vec::new(),
            created_at: self.now,
            words,
        };
        let entry = Entry { image: settings, words: (*prepared.words).clone() };
        self.set(entry, Some(prepared.row));
        let member = MemberId(self.id());
        let prepared = self.prepare(MemberWords {
            email: account.email.clone(),
            email_key: account.email_key.clone(),
            display_name: account.display_name.clone(),
            former_names: FormerNames::default(),
        });
        let image = Member {
            id: member,
            account: Some(id),
            state: MemberState::Active,
            admin: true,
            operator: true,
            available: true,
            returning: false,
            sight_since: self.revision,
            words: self.content(&prepared),
        };
        let entry = Entry { image, words: (*prepared.words).clone() };
        self.set(entry, Some(prepared.row));
        account.membership = Some((self.world.id, member));
        self.happened(AccountEvent::Changed(Box::new(account)));
        Ok(Reply::Done)
    }

    pub(super) fn update_team(&mut self, changes: &TeamChanges) -> Result<Reply, Refusal> {
        self.admin()?;
        let TeamChanges { name, queue_mode, default_priority, expire_after, time_zone } = changes;
        let team = self.team()?;
        let mut settings = team.settings.clone();
        let mut row = None;
        if let Some(name) = name {
            let prepared = self.prepare(TeamWords { name: checked_name(name, "team.name")? });
            settings.image.words = prepared.at(settings.image.words.id);
            settings.words = (*prepared.words).clone();
            row = Some(prepared.row);
        }
        let mode_before = settings.image.queue_mode;
        settings.image.queue_mode = queue_mode.unwrap_or(mode_before);
        settings.image.default_priority =
            default_priority.unwrap_or(settings.image.default_priority);
        if let Some(time_zone) = time_zone {
            settings.image.time_zone = time_zone.clone()?;
        }
        if let Some(after) = expire_after {
            settings.image.expire_after = after.map(lifetime).transpose()?;
        }
        if settings == team.settings {
            return Ok(Reply::Done);
        }
        let mode_changes = settings.image.queue_mode != mode_before;
        self.set(settings, row);
        if mode_changes {
            let operators = team
                .members
                .values()
                .filter(|member| member.operator && !member.admin)
                .map(|member| member.id);
            self.sight_changes(operators)?;
        }
        Ok(Reply::Done)
    }
}
