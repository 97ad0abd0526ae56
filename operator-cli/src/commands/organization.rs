//! `deskbell organization`: whom people who write belong to.

use clap::{Args, Subcommand};
use deskbell_proto::client::{Client, request_id};
use deskbell_proto::problem::Problem;
use deskbell_proto::v1;

use crate::failure::Failure;
use crate::resolve;
use crate::session::{Setting, call, pages};
use crate::table::{Look, Table};

/// See `deskbell organization --help`.
#[derive(Debug, Subcommand)]
pub enum Organization {
    /// Create an organization
    #[command(
        after_help = "Example:\n  deskbell organization create \"Acme Ltd\" --domain acme.example \
            --with-subdomains acme.test"
    )]
    Create {
        /// The organization's name
        name: String,
        #[command(flatten)]
        domains: Domains,
    },
    /// The organizations
    #[command(after_help = "Example:\n  deskbell organization list")]
    List,
    /// Show one organization
    #[command(after_help = "Example:\n  deskbell organization show Acme")]
    Show {
        /// The organization
        organization: String,
    },
    /// Change an organization's name or domains
    #[command(after_help = "The domains given replace all that it has.\n\nExample:\n  deskbell \
            organization set Acme --name \"Acme Ltd\"\n  deskbell organization set Acme --domain \
            acme.example --domain acme.test\n  deskbell organization set Acme --no-domains")]
    Set(Set),
    /// Delete an organization; tickets stay
    #[command(after_help = "Example:\n  deskbell organization delete Acme")]
    Delete {
        /// The organization
        organization: String,
    },
}

/// The domains of its people's addresses.
#[derive(Debug, Args)]
pub struct Domains {
    /// People with addresses at exactly this domain belong to it; may be given several times
    #[arg(long = "domain", value_name = "DOMAIN")]
    exact: Vec<String>,
    /// People with addresses at this domain, or at one below it; may be given several times
    #[arg(long, value_name = "DOMAIN")]
    with_subdomains: Vec<String>,
}

/// What to change.
#[derive(Debug, Args)]
pub struct Set {
    /// The organization
    organization: String,
    /// Its name from now on
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    domains: Domains,
    /// No domain belongs to it
    #[arg(long, conflicts_with_all = ["exact", "with_subdomains"])]
    no_domains: bool,
}

impl Organization {
    /// Shows or changes organizations.
    pub async fn run(self, setting: &Setting) -> Result<(), Failure> {
        let client = setting.client().await?;
        let output = setting.output;
        match self {
            Self::Create { name, domains } => {
                let request = v1::CreateOrganizationRequest {
                    request_id: request_id(),
                    name,
                    domains: domains.into_message(),
                };
                let answer = call!(client, organization.create_organization(request))?;
                output.answer(&answer, &describe(answer.organization.as_ref()))
            }
            Self::List => list(setting, &client).await,
            Self::Show { organization } => {
                let organization_id = find(&client, &organization).await?.id;
                let request = v1::GetOrganizationRequest { organization_id };
                let answer = call!(client, organization.get_organization(request))?;
                output.answer(&answer, &describe(answer.organization.as_ref()))
            }
            Self::Set(set) => set.run(setting, &client).await,
            Self::Delete { organization } => {
                let found = find(&client, &organization).await?;
                let request = v1::DeleteOrganizationRequest {
                    request_id: request_id(),
                    organization_id: found.id,
                };
                let answer = call!(client, organization.delete_organization(request))?;
                output.answer(&answer, &format!("{} is deleted.", found.name))
            }
        }
    }
}

impl Set {
    async fn run(self, setting: &Setting, client: &Client) -> Result<(), Failure> {
        let domains = self.domains.into_message();
        let change_domains = self.no_domains || !domains.is_empty();
        if self.name.is_none() && !change_domains {
            return Err(Failure::usage(
                "Say what to change: --name, --domain, --with-subdomains or --no-domains.",
            ));
        }
        let request = v1::UpdateOrganizationRequest {
            request_id: request_id(),
            organization_id: find(client, &self.organization).await?.id,
            name: self.name,
            domains: change_domains.then_some(v1::MailDomains { domains }),
        };
        let answer = call!(client, organization.update_organization(request))?;
        setting.output.answer(&answer, &describe(answer.organization.as_ref()))
    }
}

impl Domains {
    fn into_message(self) -> Vec<v1::MailDomain> {
        let exact = self.exact.into_iter().map(|name| (name, false));
        let wide = self.with_subdomains.into_iter().map(|name| (name, true));
        let domain = |(name, with_subdomains)| v1::MailDomain { name, with_subdomains };
        exact.chain(wide).map(domain).collect()
    }
}

async fn organizations(client: &Client) -> Result<Vec<v1::Organization>, Problem> {
    let request = v1::ListOrganizationsRequest { page_size: 1000, ..Default::default() };
    pages!(client, organization.list_organizations(request).organizations)
}

async fn find(client: &Client, wanted: &str) -> Result<v1::Organization, Failure> {
    let all = organizations(client).await?;
    resolve::one("organization", &all, wanted, |found| [&found.id, &found.name]).cloned()
}

async fn list(setting: &Setting, client: &Client) -> Result<(), Failure> {
    let organizations = organizations(client).await?;
    let mut table = Table::new(["NAME", "DOMAINS"]);
    for found in &organizations {
        table.row_in(Look::Plain, [found.name.clone(), domains(found)]);
    }
    let names = organizations.iter().map(|organization| organization.name.as_str());
    resolve::tell_twins("organization set", names);
    setting.output.list(
        &organizations,
        &table,
        "There are no organizations yet. Make one with: deskbell organization create NAME",
    )
}

fn domains(organization: &v1::Organization) -> String {
    let domains = organization.domains.iter().map(|domain| {
        let below = if domain.with_subdomains { " and below" } else { "" };
        format!("{}{below}", domain.name)
    });
    domains.collect::<Vec<_>>().join(", ")
}

fn describe(organization: Option<&v1::Organization>) -> String {
    let Some(organization) = organization else { return String::new() };
    if organization.domains.is_empty() {
        return format!("{} has no domains yet, so nobody belongs to it.", organization.name);
    }
    format!("{}: {}.", organization.name, domains(organization))
}
