//! The team: settings, members, groups. Reading is done on the team that [`Staff`] carries.

use std::sync::Arc;

use jiff::tz::TimeZoneDatabase;

use super::host::CODE_LIVES;
use super::{Desk, Failure, Session, Staff, random_id, salt};
use crate::domain::{
    AccountId, Caller, Checked, Command, Digest, GroupId, ItemId, MemberCommand, MemberDraft,
    MemberId, Millis, Refusal, Reply, Request, Team, TeamCommand, TeamId, text,
};
use crate::secrets::codes::{code_for_request, code_hash};

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

/// A time zone as the IANA's database names it; empty: none is said.
pub fn time_zone(typed: &str, field: &'static str) -> Checked<Option<String>> {
    if typed.is_empty() {
        return Ok(None);
    }
    // The database that comes with the program: the host's may be missing.
    let zone = TimeZoneDatabase::bundled().get(typed).ok();
    let name = zone.as_ref().and_then(|zone| zone.iana_name()).map(str::to_owned);
    let unknown = "names no time zone: say one of the IANA's database, such as Europe/Berlin";
    name.map(Some).ok_or_else(|| Refusal::invalid(field, unknown))
}

impl Desk {
    /// Activates a team for an account that has none.
    pub async fn activate_team(
        &self,
        session: Session,
        (name, time_zone): (&str, &str),
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
        let command = TeamCommand::Activate {
            team,
            name: name.to_owned(),
            time_zone: self::time_zone(time_zone, "time_zone"),
        };
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

    /// What a change to the team would do. It reads, and nobody waits for it.
    pub async fn try_out(
        &self,
        staff: &Staff,
        command: impl Into<Command>,
        request_id: &str,
        fingerprint: Digest,
    ) -> Result<Reply, Failure> {
        let memory = Some(self.memory(request_id, fingerprint));
        let (team, caller, command) = (staff.team.id, staff.caller(), command.into());
        let request = Request { team, caller, memory, command, salt: salt()? };
        Ok(self.store.try_out(&request).await?)
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
        let code_expires_at = self.clock.now() + CODE_LIVES;
        let command = MemberCommand::Add(Box::new(MemberDraft {
            email,
            display_name: text::optional_line(display_name, 80)
                .map_err(Refusal::text("display_name")),
            operator,
            admin,
            code_hash: Digest(code_hash),
            code_expires_at,
            account: AccountId(random_id()?),
        }));
        match self.change_team(staff, command, request_id, fingerprint).await? {
            (Reply::Item(ItemId::Member(member)), team) => {
                Ok(AddedMember { team, member, code, code_expires_at })
            }
            _ => Err(Failure::Internal),
        }
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
