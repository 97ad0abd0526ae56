//! What admins set up: the team, its members, groups and profiles.

use std::time::Duration;

use deskbell_proto::client::request_id;
use deskbell_proto::manifest::{self, Verified};
use deskbell_proto::problem::Problem;
use deskbell_proto::v1;

use crate::customer::Widget;
use crate::server::Server;
use crate::staff::{Staff, ask};

fn there<T>(part: Option<T>) -> T {
    part.expect("the answer holds it")
}

/// Settings of a profile with these groups, and nothing else of interest.
pub fn settings(name: &str, groups: &[&v1::Group]) -> v1::ProfileSettings {
    v1::ProfileSettings {
        name: name.to_owned(),
        branding: Some(v1::Branding { product_name: format!("{name} help"), ..Default::default() }),
        assistance_enabled: true,
        group_ids: groups.iter().map(|group| group.id.clone()).collect(),
        ..Default::default()
    }
}

impl Staff {
    /// Activates a team.
    pub async fn activate(&self, name: &str) -> Result<v1::Team, Problem> {
        let request = v1::ActivateTeamRequest {
            request_id: request_id(),
            name: name.to_owned(),
            ..Default::default()
        };
        Ok(there(ask!(self.client, team, activate_team, request)?.team))
    }

    /// The team.
    pub async fn team(&self) -> Result<v1::Team, Problem> {
        Ok(there(ask!(self.client, team, get_team, v1::GetTeamRequest {})?.team))
    }

    /// Changes the settings of the team that the paths name.
    pub async fn update_team(&self, team: v1::Team, paths: &[&str]) -> Result<v1::Team, Problem> {
        let update_mask =
            prost_types::FieldMask { paths: paths.iter().map(|&path| path.to_owned()).collect() };
        let request = v1::UpdateTeamRequest {
            request_id: request_id(),
            team: Some(team),
            update_mask: Some(update_mask),
        };
        Ok(there(ask!(self.client, team, update_team, request)?.team))
    }

    /// Sets the queue mode.
    pub async fn set_mode(&self, mode: v1::QueueMode) -> v1::Team {
        let team = v1::Team { queue_mode: mode.into(), ..Default::default() };
        self.update_team(team, &["queue_mode"]).await.expect("the queue mode")
    }

    /// Sets how long open tickets live; none: for ever.
    pub async fn set_expiry(&self, after: Option<Duration>) -> Result<v1::Team, Problem> {
        let expire_after = after.map(|after| after.try_into().expect("a duration"));
        self.update_team(v1::Team { expire_after, ..Default::default() }, &["expire_after"]).await
    }

    /// Adds a member by address.
    pub async fn add_member(
        &self,
        email: &str,
        operator: bool,
        admin: bool,
    ) -> Result<v1::AddMemberResponse, Problem> {
        let request = v1::AddMemberRequest {
            request_id: request_id(),
            email: email.to_owned(),
            display_name: String::new(),
            operator,
            admin,
        };
        ask!(self.client, team, add_member, request)
    }

    /// All members.
    pub async fn members(&self) -> Result<Vec<v1::Member>, Problem> {
        Ok(ask!(self.client, team, list_members, v1::ListMembersRequest::default())?.members)
    }

    /// Changes a member: admin, operator, enabled; what is none stays.
    pub async fn update_member(
        &self,
        member_id: &str,
        admin: Option<bool>,
        operator: Option<bool>,
        enabled: Option<bool>,
    ) -> Result<v1::Member, Problem> {
        let request = v1::UpdateMemberRequest {
            request_id: request_id(),
            member_id: member_id.to_owned(),
            admin,
            operator,
            enabled,
        };
        Ok(there(ask!(self.client, team, update_member, request)?.member))
    }

    /// Removes a member.
    pub async fn remove_member(&self, member_id: &str) -> Result<(), Problem> {
        let request =
            v1::RemoveMemberRequest { request_id: request_id(), member_id: member_id.to_owned() };
        ask!(self.client, team, remove_member, request).map(drop)
    }

    /// Creates a public group.
    pub async fn group(&self, name: &str) -> v1::Group {
        self.create_group(name, v1::GroupVisibility::Public).await.expect("a group")
    }

    /// Creates a public group with these operators.
    pub async fn group_of(&self, name: &str, operators: &[&Staff]) -> v1::Group {
        let mut group = self.group(name).await;
        for operator in operators {
            group = self.join(&group, operator).await.expect("an operator in the group");
        }
        group
    }

    /// Creates a group.
    pub async fn create_group(
        &self,
        name: &str,
        visibility: v1::GroupVisibility,
    ) -> Result<v1::Group, Problem> {
        let request = v1::CreateGroupRequest {
            request_id: request_id(),
            name: name.to_owned(),
            visibility: visibility.into(),
        };
        Ok(there(ask!(self.client, team, create_group, request)?.group))
    }

    /// Groups of the team; deleted ones, too.
    pub async fn groups(&self, show_deleted: bool) -> Result<Vec<v1::Group>, Problem> {
        let request = v1::ListGroupsRequest { show_deleted, ..Default::default() };
        Ok(ask!(self.client, team, list_groups, request)?.groups)
    }

    /// Renames a group.
    pub async fn rename_group(&self, group: &v1::Group, name: &str) -> Result<v1::Group, Problem> {
        let request = v1::UpdateGroupRequest {
            request_id: request_id(),
            group_id: group.id.clone(),
            name: Some(name.to_owned()),
            visibility: None,
        };
        Ok(there(ask!(self.client, team, update_group, request)?.group))
    }

    /// Creates an organization with these domains; those that begin with a dot, with what lies below.
    pub async fn organization(
        &self,
        name: &str,
        domains: &[&str],
    ) -> Result<v1::Organization, Problem> {
        let request = v1::CreateOrganizationRequest {
            request_id: request_id(),
            name: name.to_owned(),
            domains: mail_domains(domains),
        };
        Ok(there(ask!(self.client, organization, create_organization, request)?.organization))
    }

    /// Gives an organization other domains.
    pub async fn set_domains(
        &self,
        organization: &v1::Organization,
        domains: &[&str],
    ) -> Result<v1::Organization, Problem> {
        let request = v1::UpdateOrganizationRequest {
            request_id: request_id(),
            organization_id: organization.id.clone(),
            name: None,
            domains: Some(v1::MailDomains { domains: mail_domains(domains) }),
        };
        Ok(there(ask!(self.client, organization, update_organization, request)?.organization))
    }

    /// Puts an operator into a group.
    pub async fn join(&self, group: &v1::Group, operator: &Staff) -> Result<v1::Group, Problem> {
        let request = v1::AddGroupOperatorRequest {
            request_id: request_id(),
            group_id: group.id.clone(),
            member_id: operator.id(),
        };
        Ok(there(ask!(self.client, team, add_group_operator, request)?.group))
    }

    /// Takes an operator out of a group.
    pub async fn part(&self, group: &v1::Group, operator: &Staff) -> Result<v1::Group, Problem> {
        let request = v1::RemoveGroupOperatorRequest {
            request_id: request_id(),
            group_id: group.id.clone(),
            member_id: operator.id(),
        };
        Ok(there(ask!(self.client, team, remove_group_operator, request)?.group))
    }

    /// Deletes a group, its history confirmed to be so many tickets.
    pub async fn delete_group(
        &self,
        group: &v1::Group,
        confirm: i64,
    ) -> Result<v1::DeleteGroupResponse, Problem> {
        self.delete_group_so(group, false, confirm, None).await
    }

    /// Deletes a group, or only says what would happen; its history moves, or is erased.
    pub async fn delete_group_so(
        &self,
        group: &v1::Group,
        dry_run: bool,
        confirm_erased_tickets: i64,
        move_to: Option<&v1::Group>,
    ) -> Result<v1::DeleteGroupResponse, Problem> {
        let request = v1::DeleteGroupRequest {
            request_id: request_id(),
            group_id: group.id.clone(),
            dry_run,
            confirm_erased_tickets,
            move_history_to_group_id: move_to.map(|group| group.id.clone()).unwrap_or_default(),
        };
        ask!(self.client, team, delete_group, request)
    }

    /// Undoes a group's deletion.
    pub async fn undelete_group(&self, group: &v1::Group) -> Result<v1::Group, Problem> {
        let request =
            v1::UndeleteGroupRequest { request_id: request_id(), group_id: group.id.clone() };
        Ok(there(ask!(self.client, team, undelete_group, request)?.group))
    }

    /// Creates a profile.
    pub async fn create_profile(
        &self,
        settings: v1::ProfileSettings,
    ) -> Result<v1::Profile, Problem> {
        let request =
            v1::CreateProfileRequest { request_id: request_id(), settings: Some(settings) };
        Ok(there(ask!(self.client, profile, create_profile, request)?.profile))
    }

    /// Creates a profile that offers these groups.
    pub async fn profile(&self, name: &str, groups: &[&v1::Group]) -> v1::Profile {
        self.create_profile(settings(name, groups)).await.expect("a profile")
    }

    /// A profile as it is now.
    pub async fn profile_now(&self, profile: &v1::Profile) -> Result<v1::Profile, Problem> {
        let request = v1::GetProfileRequest { profile_id: profile.id.clone() };
        Ok(there(ask!(self.client, profile, get_profile, request)?.profile))
    }

    /// Saves other settings of a profile, based on the revision seen.
    pub async fn save_profile(
        &self,
        seen: &v1::Profile,
        settings: v1::ProfileSettings,
    ) -> Result<v1::Profile, Problem> {
        let request = v1::UpdateProfileRequest {
            request_id: request_id(),
            profile_id: seen.id.clone(),
            settings: Some(settings),
            revision: seen.revision,
        };
        Ok(there(ask!(self.client, profile, update_profile, request)?.profile))
    }

    /// Pauses, resumes or revokes a profile.
    pub async fn set_profile(
        &self,
        profile: &v1::Profile,
        state: v1::ProfileState,
    ) -> Result<v1::Profile, Problem> {
        let request = v1::SetProfileStateRequest {
            request_id: request_id(),
            profile_id: profile.id.clone(),
            state: state.into(),
        };
        Ok(there(ask!(self.client, profile, set_profile_state, request)?.profile))
    }

    /// A profile's manifest, as it would lie beside the program.
    pub async fn signed_manifest(
        &self,
        profile: &v1::Profile,
    ) -> Result<v1::SignedManifest, Problem> {
        let request = v1::GetProfileManifestRequest { profile_id: profile.id.clone() };
        Ok(there(ask!(self.client, profile, get_profile_manifest, request)?.manifest))
    }

    /// A profile's manifest, its signature checked.
    pub async fn manifest(&self, profile: &v1::Profile) -> Verified {
        manifest::verify(&self.signed_manifest(profile).await.expect("a manifest"))
            .expect("a good signature")
    }

    /// A copy of the widget for a profile, with a connection of its own to the server.
    pub async fn widget(&self, server: &Server, profile: &v1::Profile) -> Widget {
        Widget::new(&server.connect(), self.manifest(profile).await)
    }
}

fn mail_domains(domains: &[&str]) -> Vec<v1::MailDomain> {
    let domain = |domain: &&str| {
        let below = domain.strip_prefix('.');
        let name = below.unwrap_or(domain).to_owned();
        v1::MailDomain { name, with_subdomains: below.is_some() }
    };
    domains.iter().map(domain).collect()
}
