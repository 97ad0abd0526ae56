//! The team: settings, members, groups. Reading is done on the team that [`Staff`] carries.

use std::sync::Arc;

use super::host::CODE_LIVES;
use super::{Desk, Failure, Session, Staff, random_id, salt};
use crate::domain::{
    AccountId, Caller, Checked, Command, Digest, GroupCommand, GroupId, MemberCommand, MemberDraft,
    MemberId, Millis, Prepared, Priority, QueueMode, Refusal, Reply, Team, TeamCommand, TeamId,
    TeamWords, Visibility, text,
};
use crate::secrets::codes::{code_for_request, code_hash};
use crate::store::process_clock;

/// An open ticket lives at least a minute and at most ten years.
const EXPIRE_AFTER: std::ops::RangeInclusive<Millis> = 60_000..=3_650 * 24 * 60 * 60 * 1000;

/// Settings to change; what is none stays.
#[derive(Clone, Debug, Default)]
pub struct TeamChanges {
    /// The team's name.
    pub name: Option<String>,
    /// How unassigned tickets find somebody.
    pub queue_mode: Option<QueueMode>,
    /// For tickets whose profile names none.
    pub default_priority: Option<Priority>,
    /// How long an open ticket lives; some none: for ever.
    pub expire_after: Option<Option<Millis>>,
}

/// A member who was added.
#[derive(Clone, Debug)]
pub struct AddedMember {
    /// The team with the member.
    pub team: Arc<Team>,
    /// The member.
    pub member: MemberId,
    /// The one-time code to pass on.
    pub code: String,
    /// When the code stops working.
    pub code_expires_at: Millis,
}

fn name(text: &str, field: &'static str) -> Checked<String> {
    text::one_line(text, 80).map_err(Refusal::text(field))
}

fn team_words(text: &str, field: &'static str) -> Result<Checked<Prepared<TeamWords>>, Failure> {
    let salt = salt()?;
    Ok(name(text, field).map(|name| Prepared::new(TeamWords { name }, salt)))
}

impl Desk {
    /// Activates a team for an account that has none.
    pub async fn activate_team(
        &self,
        session: Session,
        name: &str,
        request_id: &str,
        fingerprint: Digest,
    ) -> Result<Arc<Team>, Failure> {
        let memory = self.memory(request_id, fingerprint);
        // The id follows from the request, so that a repeat meets the team that the first one made.
        let seed =
            crate::domain::sha256(&[&session.account.0.to_be_bytes(), request_id.as_bytes()]);
        let mut id = [0; 8];
        id.copy_from_slice(&seed.0[..8]);
        let team = TeamId((i64::from_be_bytes(id) & i64::MAX).max(1));
        let command =
            TeamCommand::Activate { team, name: team_words(name, "name")?, salt: salt()? };
        self.change(team, Caller::Account(session.account), Some(memory), command).await?;
        let team = self.team(team).await?;
        // A repeat comes back to whoever made the team, as long as they are in it.
        if team.member_of(session.account).is_some() {
            Ok(team)
        } else {
            Err(Refusal::NO_TEAM.into())
        }
    }

    /// A change by a member of the team; gives what came of it with the team afterwards.
    pub async fn change_team(
        &self,
        staff: &Staff,
        command: impl Into<Command>,
        request_id: &str,
        fingerprint: Digest,
    ) -> Result<(Reply, Arc<Team>), Failure> {
        let memory = self.memory(request_id, fingerprint);
        let outcome = self.change(staff.team.id, staff.caller(), Some(memory), command).await?;
        Ok((outcome.reply, self.team(staff.team.id).await?))
    }

    /// Changes settings of the team.
    pub async fn update_team(
        &self,
        staff: &Staff,
        changes: TeamChanges,
        request_id: &str,
        fingerprint: Digest,
    ) -> Result<Arc<Team>, Failure> {
        let lasts = |after: Millis| {
            EXPIRE_AFTER.contains(&after).then_some(after).ok_or_else(|| {
                Refusal::invalid(
                    "team.expire_after",
                    "give a time between one minute and 3650 days, or none for never",
                )
            })
        };
        let command = TeamCommand::Update {
            name: changes.name.map(|name| team_words(&name, "team.name")).transpose()?,
            queue_mode: changes.queue_mode,
            default_priority: changes.default_priority,
            expire_after: changes.expire_after.map(|after| after.map(lasts)),
        };
        Ok(self.change_team(staff, command, request_id, fingerprint).await?.1)
    }

    /// Adds a member by address.
    pub async fn add_member(
        &self,
        staff: &Staff,
        email: &str,
        display_name: &str,
        (operator, admin): (bool, bool),
        request_id: &str,
        fingerprint: Digest,
    ) -> Result<AddedMember, Failure> {
        let email = text::email(email).map_err(Refusal::text("email"));
        let key = email.as_ref().map(|email| email.key.clone()).unwrap_or_default();
        let code =
            code_for_request(&self.secrets.credential_key, staff.team.id.0, request_id, &key);
        let code_hash =
            code_hash(&self.secrets.credential_key, &key, &code).ok_or(Failure::Internal)?;
        let code_expires_at = process_clock() + CODE_LIVES;
        let command = MemberCommand::Add(Box::new(MemberDraft {
            email,
            display_name: text::optional_line(display_name, 80)
                .map_err(Refusal::text("display_name")),
            operator,
            admin,
            salt: salt()?,
            code_hash: Digest(code_hash),
            code_expires_at,
            account: AccountId(random_id()?),
        }));
        match self.change_team(staff, command, request_id, fingerprint).await? {
            (Reply::Member(member), team) => {
                Ok(AddedMember { team, member, code, code_expires_at })
            }
            _ => Err(Failure::Internal),
        }
    }

    /// Creates a group.
    pub async fn create_group(
        &self,
        staff: &Staff,
        group: &str,
        visibility: Visibility,
        request_id: &str,
        fingerprint: Digest,
    ) -> Result<(Reply, Arc<Team>), Failure> {
        let command = GroupCommand::Create { name: name(group, "name"), visibility, salt: salt()? };
        self.change_team(staff, command, request_id, fingerprint).await
    }

    /// Changes a group's name or visibility.
    pub async fn update_group(
        &self,
        staff: &Staff,
        group: GroupId,
        new_name: Option<&str>,
        visibility: Option<Visibility>,
        request_id: &str,
        fingerprint: Digest,
    ) -> Result<(Reply, Arc<Team>), Failure> {
        let name = new_name.map(|new_name| name(new_name, "name"));
        let command = GroupCommand::Update { group, name, visibility, salt: salt()? };
        self.change_team(staff, command, request_id, fingerprint).await
    }

    /// Open tickets of each group.
    pub async fn open_by_group(&self, staff: &Staff) -> Result<Vec<(GroupId, i64)>, Failure> {
        Ok(self.store.open_by_group(staff.team.id).await?)
    }

    /// The revision the team is at.
    pub async fn revision(&self, team: TeamId) -> Result<i64, Failure> {
        Ok(self.store.revision(team).await?)
    }
}
