//! Activating a team and its settings.

use super::{QueueMode, Settings, TeamWords};
use crate::domain::Millis;
use crate::domain::command::Checked;
use crate::domain::decide::Draft;
use crate::domain::event::Event;
use crate::domain::ids::MemberId;
use crate::domain::member::{Member, MemberState, MemberWords};
use crate::domain::refusal::Refusal;
use crate::domain::request::{Caller, Reply};
use crate::domain::ticket::Priority;
use crate::domain::words::{Entry, Prepared, Salt};

/// Unless the team says otherwise, an open ticket lives this long: 24 hours.
const EXPIRE_AFTER: Millis = 24 * 60 * 60 * 1000;

impl Draft<'_> {
    pub(super) fn activate_team(
        &mut self,
        name: &Checked<Prepared<TeamWords>>,
        salt: Salt,
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
        let name = name.clone()?;
        let words = self.content(&name);
        let settings = Settings {
            queue_mode: QueueMode::AdminAssigns,
            default_priority: Priority::Normal,
            expire_after: Some(EXPIRE_AFTER),
            created_at: self.now,
            words,
        };
        self.set(Entry { image: settings, words: (*name.words).clone() }, Some(name.row));
        let member = MemberId(self.id());
        let prepared = Prepared::new(
            MemberWords {
                email: account.email.clone(),
                email_key: account.email_key.clone(),
                display_name: account.display_name.clone(),
            },
            salt,
        );
        let image = Member {
            id: member,
            account: Some(id),
            state: MemberState::Active,
            admin: true,
            operator: true,
            available: true,
            sight_since: self.revision,
            words: self.content(&prepared),
        };
        let entry = Entry { image, words: (*prepared.words).clone() };
        self.set(entry, Some(prepared.row));
        account.membership = Some((self.world.id, member));
        self.events.push(Event::Account(Box::new(account)));
        Ok(Reply::Done)
    }

    pub(super) fn update_team(
        &mut self,
        name: Option<&Checked<Prepared<TeamWords>>>,
        queue_mode: Option<QueueMode>,
        default_priority: Option<Priority>,
        expire_after: Option<&Option<Checked<Millis>>>,
    ) -> Result<Reply, Refusal> {
        self.admin()?;
        let team = self.team()?;
        let mut settings = team.settings.clone();
        let mut row = None;
        if let Some(name) = name {
            let name = name.clone()?;
            settings.image.words = name.at(settings.image.words.id);
            settings.words = (*name.words).clone();
            row = Some(name.row);
        }
        let mode_before = settings.image.queue_mode;
        settings.image.queue_mode = queue_mode.unwrap_or(mode_before);
        settings.image.default_priority =
            default_priority.unwrap_or(settings.image.default_priority);
        if let Some(after) = expire_after {
            settings.image.expire_after = after.clone().transpose()?;
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
