//! The team: settings, members, groups.

use std::mem::take;
use std::ops::Bound;
use std::sync::Arc;

use deskbell_proto::v1::team_service_server::TeamService;
use deskbell_proto::v1::{
    ActivateTeamRequest, ActivateTeamResponse, AddGroupOperatorRequest, AddGroupOperatorResponse,
    AddMemberRequest, AddMemberResponse, CreateGroupRequest, CreateGroupResponse,
    DeleteGroupRequest, DeleteGroupResponse, GetTeamRequest, GetTeamResponse, Group,
    ListGroupsRequest, ListGroupsResponse, ListMembersRequest, ListMembersResponse, Member,
    RemoveGroupOperatorRequest, RemoveGroupOperatorResponse, RemoveMemberRequest,
    RemoveMemberResponse, SetAvailabilityRequest, SetAvailabilityResponse, Team,
    UndeleteGroupRequest, UndeleteGroupResponse, UpdateGroupRequest, UpdateGroupResponse,
    UpdateMemberRequest, UpdateMemberResponse, UpdateTeamRequest, UpdateTeamResponse,
};
use tonic::{Request, Response, Status};

use super::identity::fingerprint;
use super::pages::by_name;
use super::status::invalid;
use super::{Handlers, convert};
use crate::desk::{Failure, time_zone};
use crate::domain::{
    self, GroupCommand, GroupId, ItemId, MemberCommand, MemberId, Millis, Refusal, Reply,
    TeamChanges, TeamCommand, Visibility,
};

impl Handlers {
    async fn team_message(&self, team: &domain::Team) -> Result<Option<Team>, Status> {
        Ok(Some(convert::team(team, self.desk.revision(team.id).await?)))
    }
}

fn member_message(team: &domain::Team, reply: &Reply) -> Result<Option<Member>, Status> {
    match reply {
        Reply::Item(ItemId::Member(member)) => {
            Ok(team.members.get(member).map(|member| convert::member(team, member)))
        }
        _ => Err(Failure::Internal.into()),
    }
}

fn group_message(team: &domain::Team, reply: &Reply) -> Result<Option<Group>, Status> {
    match reply {
        Reply::Item(ItemId::Group(group)) => {
            Ok(team.groups.get(group).map(|group| convert::group(team, group, None)))
        }
        _ => Err(Failure::Internal.into()),
    }
}

#[tonic::async_trait]
impl TeamService for Handlers {
    async fn activate_team(
        &self,
        request: Request<ActivateTeamRequest>,
    ) -> Result<Response<ActivateTeamResponse>, Status> {
        let session = self.session(request.metadata()).await?;
        let body = request.into_inner();
        let print = fingerprint("ActivateTeam", &body);
        let named = (body.name.as_str(), body.time_zone.as_str());
        let team = self.desk.activate_team(session, named, &body.request_id, print).await?;
        Ok(Response::new(ActivateTeamResponse { team: self.team_message(&team).await? }))
    }

    async fn get_team(
        &self,
        request: Request<GetTeamRequest>,
    ) -> Result<Response<GetTeamResponse>, Status> {
        let staff = self.staff(request.metadata()).await?;
        Ok(Response::new(GetTeamResponse { team: self.team_message(&staff.team).await? }))
    }

    async fn update_team(
        &self,
        request: Request<UpdateTeamRequest>,
    ) -> Result<Response<UpdateTeamResponse>, Status> {
        let staff = self.admin(request.metadata()).await?;
        let body = request.into_inner();
        let print = fingerprint("UpdateTeam", &body);
        let command = team_changes(&body)?;
        let (_, team) = self.desk.change_team(&staff, command, &body.request_id, print).await?;
        Ok(Response::new(UpdateTeamResponse { team: self.team_message(&team).await? }))
    }

    async fn add_member(
        &self,
        request: Request<AddMemberRequest>,
    ) -> Result<Response<AddMemberResponse>, Status> {
        let staff = self.admin(request.metadata()).await?;
        let body = request.into_inner();
        let print = fingerprint("AddMember", &body);
        let roles = (body.operator, body.admin);
        let added = self
            .desk
            .add_member(&staff, &body.email, &body.display_name, roles, &body.request_id, print)
            .await?;
        Ok(Response::new(AddMemberResponse {
            member: added
                .team
                .members
                .get(&added.member)
                .map(|member| convert::member(&added.team, member)),
            code: added.code,
            code_expire_time: Some(convert::time(added.code_expires_at)),
        }))
    }

    async fn list_members(
        &self,
        request: Request<ListMembersRequest>,
    ) -> Result<Response<ListMembersResponse>, Status> {
        let staff = self.staff(request.metadata()).await?;
        let mut body = request.into_inner();
        let (size, token) = (take(&mut body.page_size), take(&mut body.page_token));
        let pages = self.pages(&staff, "ListMembers", &body, size)?;
        let after = pages.after(&token)?.map_or(Bound::Unbounded, Bound::Excluded);
        let rest = staff.team.members.range((after.map(MemberId), Bound::Unbounded));
        let (members, next_page_token) =
            pages.fill(rest.map(|(id, member)| (id.0, convert::member(&staff.team, member))))?;
        Ok(Response::new(ListMembersResponse { members, next_page_token }))
    }

    async fn update_member(
        &self,
        request: Request<UpdateMemberRequest>,
    ) -> Result<Response<UpdateMemberResponse>, Status> {
        let staff = self.admin(request.metadata()).await?;
        let body = request.into_inner();
        let print = fingerprint("UpdateMember", &body);
        let member = convert::member_id(&body.member_id);
        let command = MemberCommand::Update {
            member,
            admin: body.admin,
            operator: body.operator,
            enabled: body.enabled,
        };
        let (reply, team) = self.desk.change_team(&staff, command, &body.request_id, print).await?;
        Ok(Response::new(UpdateMemberResponse { member: member_message(&team, &reply)? }))
    }

    async fn remove_member(
        &self,
        request: Request<RemoveMemberRequest>,
    ) -> Result<Response<RemoveMemberResponse>, Status> {
        let staff = self.admin(request.metadata()).await?;
        let body = request.into_inner();
        let print = fingerprint("RemoveMember", &body);
        let command = MemberCommand::Remove { member: convert::member_id(&body.member_id) };
        self.desk.change_team(&staff, command, &body.request_id, print).await?;
        Ok(Response::new(RemoveMemberResponse {}))
    }

    async fn set_availability(
        &self,
        request: Request<SetAvailabilityRequest>,
    ) -> Result<Response<SetAvailabilityResponse>, Status> {
        let staff = self.staff(request.metadata()).await?;
        let body = request.into_inner();
        let print = fingerprint("SetAvailability", &body);
        let command = MemberCommand::SetAvailability { available: body.available };
        let (reply, team) = self.desk.change_team(&staff, command, &body.request_id, print).await?;
        Ok(Response::new(SetAvailabilityResponse { member: member_message(&team, &reply)? }))
    }

    async fn create_group(
        &self,
        request: Request<CreateGroupRequest>,
    ) -> Result<Response<CreateGroupResponse>, Status> {
        let staff = self.admin(request.metadata()).await?;
        let body = request.into_inner();
        let print = fingerprint("CreateGroup", &body);
        let visibility = convert::visibility(body.visibility)?.unwrap_or(Visibility::Public);
        let command = GroupCommand::Create { name: body.name, visibility };
        let (reply, team) = self.desk.change_team(&staff, command, &body.request_id, print).await?;
        Ok(Response::new(CreateGroupResponse { group: group_message(&team, &reply)? }))
    }

    async fn list_groups(
        &self,
        request: Request<ListGroupsRequest>,
    ) -> Result<Response<ListGroupsResponse>, Status> {
        let staff = self.staff(request.metadata()).await?;
        let mut body = request.into_inner();
        let (size, token) = (take(&mut body.page_size), take(&mut body.page_token));
        if body.show_deleted {
            staff.admin()?;
        }
        let pages = self.pages(&staff, "ListGroups", &body, size)?;
        let after = pages.after(&token)?;
        let open =
            if staff.viewer.admin { self.desk.open_by_group(&staff).await? } else { Vec::new() };
        let count = |id: GroupId| {
            let found = open.iter().find(|(group, _)| *group == id).map_or(0, |(_, count)| *count);
            staff.viewer.admin.then_some(found)
        };
        let groups = staff.team.groups.values();
        let shown = groups.filter(|group| body.show_deleted || group.deleted_at.is_none());
        let shown = by_name(shown, after.as_ref(), |group| (group.id.0, &group.words.name));
        let (groups, next_page_token) = pages
            .fill(shown.map(|(place, group)| {
                (place, convert::group(&staff.team, group, count(group.id)))
            }))?;
        Ok(Response::new(ListGroupsResponse { groups, next_page_token }))
    }

    async fn update_group(
        &self,
        request: Request<UpdateGroupRequest>,
    ) -> Result<Response<UpdateGroupResponse>, Status> {
        let staff = self.admin(request.metadata()).await?;
        let body = request.into_inner();
        let print = fingerprint("UpdateGroup", &body);
        let group = convert::group_or_nobody(&body.group_id);
        if staff.team.live_group(group).is_none() {
            return Err(Failure::Refused(Refusal::NotFound("group")).into());
        }
        let visibility = body.visibility.map(convert::visibility).transpose()?.flatten();
        let command = GroupCommand::Update { group, name: body.name, visibility };
        let (reply, team) = self.desk.change_team(&staff, command, &body.request_id, print).await?;
        Ok(Response::new(UpdateGroupResponse { group: group_message(&team, &reply)? }))
    }

    async fn delete_group(
        &self,
        request: Request<DeleteGroupRequest>,
    ) -> Result<Response<DeleteGroupResponse>, Status> {
        let staff = self.admin(request.metadata()).await?;
        let body = request.into_inner();
        let print = fingerprint("DeleteGroup", &body);
        let move_to = Some(&body.move_history_to_group_id).filter(|id| !id.is_empty());
        let command = GroupCommand::Delete {
            group: convert::group_or_nobody(&body.group_id),
            dry_run: body.dry_run,
            confirm: body.confirm_erased_tickets,
            move_to: move_to.map(|id| convert::group_or_nobody(id)),
        };
        let (reply, team) = if body.dry_run {
            let told = self.desk.try_out(&staff, command, &body.request_id, print).await?;
            (told, Arc::clone(&staff.team))
        } else {
            self.desk.change_team(&staff, command, &body.request_id, print).await?
        };
        let Reply::GroupDeleted { unassigned, erased, moved, profiles, until } = reply else {
            return Err(Failure::Internal.into());
        };
        let flagged = profiles.iter().filter_map(|profile| team.profiles.get(profile));
        Ok(Response::new(DeleteGroupResponse {
            unassigned_tickets: unassigned,
            erased_tickets: erased,
            moved_tickets: moved,
            flagged_profiles: flagged.map(|profile| profile.words.name.clone()).collect(),
            undelete_until: until.map(convert::time),
        }))
    }

    async fn undelete_group(
        &self,
        request: Request<UndeleteGroupRequest>,
    ) -> Result<Response<UndeleteGroupResponse>, Status> {
        let staff = self.admin(request.metadata()).await?;
        let body = request.into_inner();
        let print = fingerprint("UndeleteGroup", &body);
        let command = GroupCommand::Undelete { group: convert::group_or_nobody(&body.group_id) };
        let (reply, team) = self.desk.change_team(&staff, command, &body.request_id, print).await?;
        Ok(Response::new(UndeleteGroupResponse { group: group_message(&team, &reply)? }))
    }

    async fn add_group_operator(
        &self,
        request: Request<AddGroupOperatorRequest>,
    ) -> Result<Response<AddGroupOperatorResponse>, Status> {
        let staff = self.admin(request.metadata()).await?;
        let body = request.into_inner();
        let print = fingerprint("AddGroupOperator", &body);
        let (group, member) =
            (convert::group_or_nobody(&body.group_id), convert::member_id(&body.member_id));
        let command = GroupCommand::AddOperator { group, member };
        let (reply, team) = self.desk.change_team(&staff, command, &body.request_id, print).await?;
        Ok(Response::new(AddGroupOperatorResponse { group: group_message(&team, &reply)? }))
    }

    async fn remove_group_operator(
        &self,
        request: Request<RemoveGroupOperatorRequest>,
    ) -> Result<Response<RemoveGroupOperatorResponse>, Status> {
        let staff = self.admin(request.metadata()).await?;
        let body = request.into_inner();
        let print = fingerprint("RemoveGroupOperator", &body);
        let (group, member) =
            (convert::group_or_nobody(&body.group_id), convert::member_id(&body.member_id));
        let command = GroupCommand::RemoveOperator { group, member };
        let (reply, team) = self.desk.change_team(&staff, command, &body.request_id, print).await?;
        Ok(Response::new(RemoveGroupOperatorResponse { group: group_message(&team, &reply)? }))
    }
}

/// The settings that the mask names.
fn team_changes(body: &UpdateTeamRequest) -> Result<TeamCommand, Status> {
    let team = body.team.clone().unwrap_or_default();
    let mut changes = TeamChanges::default();
    let paths = body.update_mask.as_ref().map(|mask| mask.paths.as_slice()).unwrap_or_default();
    if paths.is_empty() {
        return Err(invalid(
            "INVALID_FIELD",
            "update_mask",
            "names nothing: say which settings to change",
        ));
    }
    for path in paths {
        match path.as_str() {
            "name" => changes.name = Some(team.name.clone()),
            "queue_mode" => changes.queue_mode = Some(convert::queue_mode(team.queue_mode)?),
            "default_priority" => {
                let priority = convert::priority(team.default_priority, "team.default_priority")?;
                let needed = || invalid("INVALID_FIELD", "team.default_priority", "must be said");
                changes.default_priority = Some(priority.ok_or_else(needed)?);
            }
            "expire_after" => changes.expire_after = Some(team.expire_after.as_ref().map(millis)),
            "time_zone" => {
                changes.time_zone = Some(time_zone(&team.time_zone, "team.time_zone"));
            }
            _ => {
                let problem = "names something else than name, queue_mode, default_priority, \
                               expire_after or time_zone";
                return Err(invalid("INVALID_FIELD", "update_mask", problem));
            }
        }
    }
    Ok(TeamCommand::Update(changes))
}

fn millis(duration: &prost_types::Duration) -> Millis {
    duration.seconds.saturating_mul(1000).saturating_add(i64::from(duration.nanos) / 1_000_000)
}
