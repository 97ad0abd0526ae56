//! Organizations, for admins.

use std::mem::take;

use deskbell_proto::v1 as proto;
use deskbell_proto::v1::organization_service_server::OrganizationService;
use tonic::{Request, Response, Status};

use super::identity::fingerprint;
use super::pages::by_name;
use super::{Handlers, convert};
use crate::desk::Failure;
use crate::domain::{
    Entry, ItemId, Organization, OrganizationCommand, OrganizationId, OrganizationWords, Refusal,
    Reply, Team,
};

#[tonic::async_trait]
impl OrganizationService for Handlers {
    async fn create_organization(
        &self,
        request: Request<proto::CreateOrganizationRequest>,
    ) -> Result<Response<proto::CreateOrganizationResponse>, Status> {
        let staff = self.admin(request.metadata()).await?;
        let body = request.into_inner();
        let print = fingerprint("CreateOrganization", &body);
        let command = OrganizationCommand::Create { name: body.name, domains: pairs(body.domains) };
        let (reply, team) = self.desk.change_team(&staff, command, &body.request_id, print).await?;
        let organization = organization_of(&team, &reply)?;
        Ok(Response::new(proto::CreateOrganizationResponse { organization }))
    }

    async fn list_organizations(
        &self,
        request: Request<proto::ListOrganizationsRequest>,
    ) -> Result<Response<proto::ListOrganizationsResponse>, Status> {
        let staff = self.admin(request.metadata()).await?;
        let mut body = request.into_inner();
        let (size, token) = (take(&mut body.page_size), take(&mut body.page_token));
        let pages = self.pages(&staff, "ListOrganizations", &body, size)?;
        let after = pages.after(&token)?;
        let all = staff.team.organizations.iter();
        let all = by_name(all, after.as_ref(), |found| (found.id.0, &found.words.name));
        let (organizations, next_page_token) =
            pages.fill(all.map(|(place, found)| (place, organization(found))))?;
        Ok(Response::new(proto::ListOrganizationsResponse { organizations, next_page_token }))
    }

    async fn get_organization(
        &self,
        request: Request<proto::GetOrganizationRequest>,
    ) -> Result<Response<proto::GetOrganizationResponse>, Status> {
        let staff = self.admin(request.metadata()).await?;
        let id = organization_id(&request.into_inner().organization_id);
        let found = staff.team.organizations.get(id);
        let found = found.ok_or(Failure::Refused(Refusal::NotFound("organization")))?;
        let organization = Some(organization(found));
        Ok(Response::new(proto::GetOrganizationResponse { organization }))
    }

    async fn update_organization(
        &self,
        request: Request<proto::UpdateOrganizationRequest>,
    ) -> Result<Response<proto::UpdateOrganizationResponse>, Status> {
        let staff = self.admin(request.metadata()).await?;
        let body = request.into_inner();
        let print = fingerprint("UpdateOrganization", &body);
        let command = OrganizationCommand::Update {
            organization: organization_id(&body.organization_id),
            name: body.name,
            domains: body.domains.map(|all| pairs(all.domains)),
        };
        let (reply, team) = self.desk.change_team(&staff, command, &body.request_id, print).await?;
        let organization = organization_of(&team, &reply)?;
        Ok(Response::new(proto::UpdateOrganizationResponse { organization }))
    }

    async fn delete_organization(
        &self,
        request: Request<proto::DeleteOrganizationRequest>,
    ) -> Result<Response<proto::DeleteOrganizationResponse>, Status> {
        let staff = self.admin(request.metadata()).await?;
        let body = request.into_inner();
        let print = fingerprint("DeleteOrganization", &body);
        let organization = organization_id(&body.organization_id);
        let command = OrganizationCommand::Delete { organization };
        self.desk.change_team(&staff, command, &body.request_id, print).await?;
        Ok(Response::new(proto::DeleteOrganizationResponse {}))
    }
}

/// An organization's id. What is none reads as an organization that no team has.
fn organization_id(text: &str) -> OrganizationId {
    OrganizationId(convert::number('o', text).unwrap_or(0))
}

fn pairs(domains: Vec<proto::MailDomain>) -> Vec<(String, bool)> {
    domains.into_iter().map(|domain| (domain.name, domain.with_subdomains)).collect()
}

fn organization(found: &Entry<Organization, OrganizationWords>) -> proto::Organization {
    let domains = found.words.domains.iter().map(|domain| proto::MailDomain {
        name: domain.name.clone(),
        with_subdomains: domain.with_subdomains,
    });
    proto::Organization {
        id: convert::id('o', found.id.0),
        name: found.words.name.clone(),
        domains: domains.collect(),
    }
}

fn organization_of(team: &Team, reply: &Reply) -> Result<Option<proto::Organization>, Status> {
    match reply {
        Reply::Item(ItemId::Organization(id)) => Ok(team.organizations.get(*id).map(organization)),
        _ => Err(Failure::Internal.into()),
    }
}
