//! An organization: whom people belong to, by the domain of their e-mail address.

mod command;
mod rules;

use std::collections::BTreeMap;

use deskbell_proto::fold;
use serde::{Deserialize, Serialize};

use super::ids::OrganizationId;
use super::words::{ContentRef, Entry};
pub use command::OrganizationCommand;

/// What the log remembers of an organization.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Organization {
    /// The organization.
    pub id: OrganizationId,
    /// Its name and domains.
    pub words: ContentRef,
}

/// An organization's name and domains.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OrganizationWords {
    /// As it was written.
    pub name: String,
    /// Of its people's addresses.
    pub domains: Vec<MailDomain>,
}

/// A domain of e-mail addresses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MailDomain {
    /// As it was written.
    pub name: String,
    /// In ASCII and lower case, for comparing.
    pub key: String,
    /// What lies below it counts, too.
    pub with_subdomains: bool,
}

/// The organizations of a team, found by id and by domain.
#[derive(Clone, Debug, Default)]
pub struct Organizations {
    by_id: BTreeMap<OrganizationId, Entry<Organization, OrganizationWords>>,
    by_domain: BTreeMap<String, OrganizationId>,
}

impl Organizations {
    /// Adds an organization, or replaces it.
    pub fn insert(&mut self, entry: Entry<Organization, OrganizationWords>) {
        self.remove(entry.id);
        let domains = entry.words.domains.iter();
        self.by_domain.extend(domains.map(|domain| (domain.key.clone(), entry.id)));
        self.by_id.insert(entry.id, entry);
    }

    /// Takes an organization out.
    pub fn remove(&mut self, id: OrganizationId) {
        self.by_id.remove(&id);
        self.by_domain.retain(|_, owner| *owner != id);
    }

    /// The organization with that id.
    pub fn get(&self, id: OrganizationId) -> Option<&Entry<Organization, OrganizationWords>> {
        self.by_id.get(&id)
    }

    /// All of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Entry<Organization, OrganizationWords>> {
        self.by_id.values()
    }

    /// The one with that name, in normal form and without regard to case.
    pub fn named(&self, name: &str) -> Option<&Entry<Organization, OrganizationWords>> {
        let key = fold::name(name);
        self.iter().find(|organization| fold::name(&organization.words.name) == key)
    }

    /// The one that lists exactly this domain.
    pub fn listing(&self, domain: &str) -> Option<&Entry<Organization, OrganizationWords>> {
        self.by_id.get(self.by_domain.get(domain)?)
    }
}
