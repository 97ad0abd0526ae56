//! What the customer is writing, checked by the limits of `assistance.proto` before it is rung
//! with.

use std::collections::BTreeMap;

use deskbell_proto::v1::Manifest;
use serde::{Deserialize, Serialize};

use crate::{inert, texts::Key};

/// The longest address, in characters.
const EMAIL_LIMIT: usize = 254;
/// The longest title, in code points.
const TITLE_LIMIT: usize = 120;
/// The longest description or message, in code points.
pub const TEXT_LIMIT: usize = 10_000;
/// The longest value of a fact, in code points.
const FACT_LIMIT: usize = 200;

/// A request as it was written, before it has a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Draft {
    /// The chosen group's id; empty: none.
    pub group_id: String,
    /// The customer's address.
    pub email: String,
    /// A title; may be empty.
    pub title: String,
    /// What is wrong.
    pub description: String,
    /// Facts that stayed ticked, in a fixed order.
    pub facts: BTreeMap<String, String>,
    /// The revision of the profile that was on screen.
    pub profile_revision: i64,
}

/// A field of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Who should help.
    Group,
    /// The address.
    Email,
    /// The title.
    Title,
    /// What is wrong.
    Description,
}

impl Field {
    /// The field that the contract calls by this name.
    pub fn from_contract(name: &str) -> Option<Self> {
        match name {
            "group_id" => Some(Self::Group),
            "email" => Some(Self::Email),
            "title" => Some(Self::Title),
            "description" => Some(Self::Description),
            _ => None,
        }
    }
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Complaint {
    /// Found here.
    Own(Key),
    /// Found by the server, in its words.
    Server(String),
}

/// Something about the customer's computer that can be sent along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// The stable name it is sent under.
    pub name: &'static str,
    /// What the customer reads.
    pub label: Key,
    /// What it is.
    pub value: String,
    /// Whether it is sent.
    pub ticked: bool,
}

impl Fact {
    /// A ticked fact, cut to what the contract allows.
    pub fn new(name: &'static str, label: Key, value: &str) -> Self {
        let value = inert::line(value).chars().take(FACT_LIMIT).collect();
        Self { name, label, value, ticked: true }
    }
}

/// The form.
#[derive(Clone, Debug, Default)]
pub struct Form {
    /// The chosen group's id.
    pub group: Option<String>,
    /// The address, as typed.
    pub email: String,
    /// The title, as typed.
    pub title: String,
    /// What is wrong, as typed.
    pub description: String,
    /// What can be sent along.
    pub facts: Vec<Fact>,
    /// It was rung with, and is not on disk yet.
    pub ringing: bool,
    complaints: Vec<(Field, Complaint)>,
}

impl Form {
    /// An empty form.
    pub fn new(facts: Vec<Fact>) -> Self {
        Self { facts, ..Self::default() }
    }

    /// What is wrong with a field, when something is.
    pub fn complaint(&self, field: Field) -> Option<&Complaint> {
        self.complaints.iter().find(|(about, _)| *about == field).map(|(_, complaint)| complaint)
    }

    /// Says that something is wrong with a field.
    pub fn complain(&mut self, field: Field, complaint: Complaint) {
        self.complaints.push((field, complaint));
    }

    /// What was wrong with a field is being corrected.
    pub fn forgive(&mut self, field: Field) {
        self.complaints.retain(|(about, _)| *about != field);
    }

    /// Checks every field; says whether the form can be rung with.
    pub fn check(&mut self, manifest: &Manifest) -> bool {
        self.complaints.clear();
        if manifest.group_required && !manifest.groups.is_empty() && self.group.is_none() {
            self.complain(Field::Group, Complaint::Own(Key::GroupMissing));
        }
        let found = [
            (Field::Email, check_email(&self.email)),
            (Field::Title, check_title(&self.title)),
            (Field::Description, check_description(&self.description)),
        ];
        for (field, problem) in found {
            if let Some(key) = problem {
                self.complain(field, Complaint::Own(key));
            }
        }
        self.complaints.is_empty()
    }

    /// What is written, as it would be sent.
    pub fn draft(&self, profile_revision: i64) -> Draft {
        let ticked = self.facts.iter().filter(|fact| fact.ticked && !fact.value.is_empty());
        Draft {
            group_id: self.group.clone().unwrap_or_default(),
            email: self.email.trim().to_owned(),
            title: self.title.trim().to_owned(),
            description: self.description.clone(),
            facts: ticked.map(|fact| (fact.name.to_owned(), fact.value.clone())).collect(),
            profile_revision,
        }
    }

    /// Puts a draft back for going on; ticks of facts stay as they are.
    pub fn restore(&mut self, draft: &Draft) {
        self.group = (!draft.group_id.is_empty()).then(|| draft.group_id.clone());
        self.email.clone_from(&draft.email);
        self.title.clone_from(&draft.title);
        self.description.clone_from(&draft.description);
        self.ringing = false;
    }

    /// After ringing: the next request is another one, from the same customer.
    pub fn clear_request(&mut self) {
        self.title.clear();
        self.description.clear();
        self.group = None;
        self.ringing = false;
        self.complaints.clear();
    }

    /// A new revision may no longer offer the chosen group.
    pub fn forget_group_unless(&mut self, offered: impl Fn(&str) -> bool) {
        self.group = self.group.take().filter(|id| offered(id));
    }
}

/// What is wrong with an address, when something is. The server has the last word; this catches
/// slips.
pub fn check_email(email: &str) -> Option<Key> {
    let email = email.trim();
    if email.is_empty() {
        return Some(Key::EmailMissing);
    }
    if email.chars().count() > EMAIL_LIMIT {
        return Some(Key::EmailLong);
    }
    let odd = |character: char| {
        deskbell_proto::characters::is_unseen(character) || ",;:<>()[]\\\"".contains(character)
    };
    let well_formed = email.rsplit_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && !local.contains('@')
            && domain.split('.').all(|label| !label.is_empty())
            && !email.contains(odd)
    });
    (!well_formed).then_some(Key::EmailWrong)
}

/// What is wrong with a title, when something is.
pub fn check_title(title: &str) -> Option<Key> {
    if title.trim().chars().count() > TITLE_LIMIT {
        return Some(Key::TitleLong);
    }
    title.trim().contains(char::is_control).then_some(Key::TitleControl)
}

/// What is wrong with a description, when something is.
pub fn check_description(description: &str) -> Option<Key> {
    if inert::is_blank(description) {
        return Some(Key::DescriptionMissing);
    }
    (description.chars().count() > TEXT_LIMIT).then_some(Key::DescriptionLong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let long = format!("{}@example.com", "a".repeat(250));
        let table = [
            ("ana@example.com", None),
            ("  ana@example.com ", None),
            ("ana@bücher.example", None),
            ("root@localhost", None),
            ("", Some(Key::EmailMissing)),
            ("ana", Some(Key::EmailWrong)),
            ("@example.com", Some(Key::EmailWrong)),
            ("ana@", Some(Key::EmailWrong)),
            ("ana@example..com", Some(Key::EmailWrong)),
            ("ana@b@c", Some(Key::EmailWrong)),
            ("ana@example.com\nBcc: all@example.com", Some(Key::EmailWrong)),
            ("Ana <ana@example.com>", Some(Key::EmailWrong)),
            (&long, Some(Key::EmailLong)),
        ];
        for (email, problem) in table {
            assert_eq!(check_email(email), problem, "{email:?}");
        }
    }

    #[test]
    fn texts_are_counted_in_code_points() {
        assert_eq!(check_description(&"ü".repeat(TEXT_LIMIT)), None);
        assert_eq!(check_description(&"ü".repeat(TEXT_LIMIT + 1)), Some(Key::DescriptionLong));
        assert_eq!(check_description("\u{200b}\n"), Some(Key::DescriptionMissing));
        assert_eq!(check_title(&"日".repeat(TITLE_LIMIT)), None);
        assert_eq!(check_title(&"日".repeat(TITLE_LIMIT + 1)), Some(Key::TitleLong));
        assert_eq!(check_title("a\u{1b}b"), Some(Key::TitleControl));
    }

    #[test]
    fn facts_are_cut_and_inert() {
        let fact =
            Fact::new("computer", Key::FactComputer, &format!("\u{202e}{}", "x".repeat(300)));
        assert_eq!(fact.value.chars().count(), FACT_LIMIT);
        assert!(!fact.value.contains('\u{202e}'));
    }
}
