//! Organizations: creating, changing, deleting. A domain belongs to one of them, and the open
//! tickets of its addresses with it.

use super::{MailDomain, Organization, OrganizationWords, Organizations};
use crate::domain::decide::Draft;
use crate::domain::directory::ItemId;
use crate::domain::follow_up::Following;
use crate::domain::ids::OrganizationId;
use crate::domain::refusal::Refusal;
use crate::domain::request::Reply;
use crate::domain::text;
use crate::domain::ticket::{Ticket, TicketEntry, What};
use crate::domain::words::Entry;

/// A team has at most this many organizations.
const ORGANIZATIONS: usize = 5_000;

/// An organization has at most this many domains.
const DOMAINS: usize = 50;

impl<'w> Draft<'w> {
    fn organization(
        &self,
        id: OrganizationId,
    ) -> Result<&'w Entry<Organization, OrganizationWords>, Refusal> {
        self.team()?.organizations.get(id).ok_or(Refusal::NotFound("organization"))
    }

    pub(super) fn create_organization(
        &mut self,
        name: &str,
        domains: &[(String, bool)],
    ) -> Result<Reply, Refusal> {
        self.admin()?;
        let name = self.free_name(name, None)?;
        let domains = self.free_domains(domains, None)?;
        if self.team()?.organizations.iter().len() >= ORGANIZATIONS {
            return Err(Refusal::Full { what: "organizations", limit: ORGANIZATIONS });
        }
        let id = OrganizationId(self.id());
        let prepared = self.prepare(OrganizationWords { name, domains });
        let image = Organization { id, words: self.content(&prepared) };
        let entry = Entry { image, words: (*prepared.words).clone() };
        self.set(entry.clone(), Some(prepared.row));
        self.decide_anew(|organizations| organizations.insert(entry))?;
        Ok(Reply::Item(ItemId::Organization(id)))
    }

    pub(super) fn update_organization(
        &mut self,
        id: OrganizationId,
        name: Option<&str>,
        domains: Option<&[(String, bool)]>,
    ) -> Result<Reply, Refusal> {
        self.admin()?;
        let old = self.organization(id)?;
        let mut words = old.words.clone();
        if let Some(name) = name {
            words.name = self.free_name(name, Some(id))?;
        }
        if let Some(domains) = domains {
            words.domains = self.free_domains(domains, Some(id))?;
        }
        if words != old.words {
            let prepared = self.prepare(words);
            let image = Organization { id, words: prepared.at(old.image.words.id) };
            let entry = Entry { image, words: (*prepared.words).clone() };
            self.set(entry.clone(), Some(prepared.row));
            if domains.is_some() {
                self.decide_anew(|organizations| organizations.insert(entry))?;
            }
        }
        Ok(Reply::Item(ItemId::Organization(id)))
    }

    pub(super) fn delete_organization(&mut self, id: OrganizationId) -> Result<Reply, Refusal> {
        self.admin()?;
        self.organization(id)?;
        self.remove(ItemId::Organization(id));
        self.decide_anew(|organizations| organizations.remove(id))?;
        Ok(Reply::Done)
    }

    /// Decides for all open tickets whom their requesters belong to, after a change.
    fn decide_anew(&mut self, change: impl FnOnce(&mut Organizations)) -> Result<(), Refusal> {
        let mut organizations = self.team()?.organizations.clone();
        change(&mut organizations);
        let open = self.tickets_where(Ticket::is_open);
        if self.all_at_once(open.len(), Following::OrganizationsChanged)? {
            for old in open {
                self.set_organization(old, &organizations);
            }
        }
        Ok(())
    }

    /// Decides whom a ticket's requester belongs to.
    pub(in crate::domain) fn set_organization(
        &mut self,
        old: &TicketEntry,
        organizations: &Organizations,
    ) {
        let organization = organizations.of_address(&old.words.requester);
        if organization != old.extras.organization {
            let mut ticket = old.image.clone();
            ticket.extras.organization = organization;
            self.change_ticket(old, ticket, What::OrganizationSet, false);
        }
    }

    fn free_name(&self, name: &str, but: Option<OrganizationId>) -> Result<String, Refusal> {
        let name = text::one_line(name, 80).map_err(Refusal::text("name"))?;
        match self.team()?.organizations.named(&name) {
            Some(twin) if Some(twin.id) != but => Err(Refusal::AlreadyExists {
                field: "name",
                text: format!(
                    "the team has an organization named \u{201c}{}\u{201d}",
                    twin.words.name
                ),
            }),
            _ => Ok(name),
        }
    }

    fn free_domains(
        &self,
        domains: &[(String, bool)],
        but: Option<OrganizationId>,
    ) -> Result<Vec<MailDomain>, Refusal> {
        if domains.len() > DOMAINS {
            let problem = format!("has too many: an organization has at most {DOMAINS}");
            return Err(Refusal::invalid("domains", problem));
        }
        let mut free: Vec<MailDomain> = Vec::new();
        for (written, with_subdomains) in domains {
            let domain = mail_domain(written, *with_subdomains)?;
            if free.iter().any(|other| other.key == domain.key) {
                let problem = format!("names {} twice", domain.name);
                return Err(Refusal::invalid("domains", problem));
            }
            if let Some(owner) = self.team()?.organizations.listing(&domain.key)
                && Some(owner.id) != but
            {
                let text =
                    format!("{} belongs to \u{201c}{}\u{201d}", domain.name, owner.words.name);
                return Err(Refusal::AlreadyExists { field: "domains", text });
            }
            free.push(domain);
        }
        Ok(free)
    }
}

impl Organizations {
    /// The one that an address belongs to: which lists its domain, or else the nearest above it
    /// with what lies below.
    pub fn of_address(&self, address: &str) -> Option<OrganizationId> {
        if self.is_empty() {
            return None;
        }
        let address = text::email(address).ok()?;
        let domain = address.domain();
        let parents = domain.match_indices('.').map(|(dot, _)| &domain[dot + 1..]);
        let with_what_lies_below = |parent: &str| {
            let found = self.listing(parent)?;
            let domain = found.words.domains.iter().find(|domain| domain.key == parent)?;
            domain.with_subdomains.then_some(found)
        };
        let found =
            self.listing(domain).or_else(|| parents.into_iter().find_map(with_what_lies_below));
        found.map(|organization| organization.id)
    }

    fn is_empty(&self) -> bool {
        self.iter().len() == 0
    }
}

/// A domain is what can stand after the `@` of an address.
fn mail_domain(written: &str, with_subdomains: bool) -> Result<MailDomain, Refusal> {
    let name = written.trim();
    let wrong = || {
        Refusal::invalid("domains", "has one that is no mail domain: write it like acme.example")
    };
    if name.contains('@') {
        return Err(wrong());
    }
    let address = text::email(&format!("a@{name}")).map_err(|_| wrong())?;
    let key = address.domain().to_owned();
    let name = address.written.rsplit('@').next().unwrap_or_default().to_owned();
    Ok(MailDomain { name, key, with_subdomains })
}
