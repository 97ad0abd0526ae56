//! What lies over the list: a choice to make, a text to write, a question, the help.

use deskbell_proto::fold;
use deskbell_proto::v1::{Group, Member, MemberState, Priority};

use super::editor::Editor;
use super::event::{Change, Writing};
use crate::words;

/// What has the keyboard instead of the list.
#[derive(Debug)]
pub enum Popup {
    /// All keys, explained. Scrolled down by so many lines.
    Help {
        /// The first line shown.
        scroll: usize,
    },
    /// What was told, the latest first. Scrolled down by so many lines.
    Log {
        /// The first line shown.
        scroll: usize,
    },
    /// One of several: a priority, an operator, a group.
    Picker(Picker),
    /// A reply or a note.
    Write {
        /// The ticket's number.
        number: i64,
        /// The version it was seen at.
        version: i64,
        /// For whom.
        writing: Writing,
        /// The text.
        editor: Editor,
    },
    /// Whether to close, asked once.
    ConfirmClose {
        /// The ticket's number.
        number: i64,
        /// The version it was seen at.
        version: i64,
    },
    /// Whether to take it from a colleague, asked once.
    ConfirmTake {
        /// The ticket's number.
        number: i64,
        /// The version it was seen at.
        version: i64,
        /// The colleague's id as a member.
        operator: String,
        /// Their name, inert.
        name: String,
    },
    /// Whether to do what hides the ticket from the operator, asked once.
    ConfirmHiding {
        /// The ticket's number.
        number: i64,
        /// The version it was seen at.
        version: i64,
        /// What is asked for.
        change: Change,
    },
    /// The filter is being typed; what it was before, to go back to.
    Filter {
        /// The filter before.
        before: String,
    },
}

/// What a picker is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Picking {
    /// A priority.
    Priority,
    /// An operator or a group.
    Assignee,
}

/// One of several, narrowed down by typing.
#[derive(Debug)]
pub struct Picker {
    /// What is chosen here.
    pub picking: Picking,
    /// The ticket's number.
    pub number: i64,
    /// The version it was seen at.
    pub version: i64,
    /// What was typed.
    pub typed: String,
    /// Which of the matching choices is marked.
    pub marked: usize,
    choices: Vec<Choice>,
}

/// One thing to pick.
#[derive(Clone, Debug)]
pub struct Choice {
    /// What it is called, inert.
    pub label: String,
    /// What picking it does.
    pub change: Change,
}

impl Picker {
    /// The priorities, from the most urgent; the ticket's own is marked.
    pub fn priorities(number: i64, version: i64, now: Priority) -> Self {
        let order = [Priority::Urgent, Priority::High, Priority::Normal, Priority::Low];
        let choices = order
            .map(|priority| Choice {
                label: words::priority(priority.into()).to_owned(),
                change: Change::SetPriority(priority),
            })
            .to_vec();
        let marked = order.iter().position(|&priority| priority == now).unwrap_or(0);
        Self { picking: Picking::Priority, number, version, typed: String::new(), marked, choices }
    }

    /// Operators and groups, and nobody.
    pub fn assignees(number: i64, version: i64, members: &[Member], groups: &[Group]) -> Self {
        let operators = members
            .iter()
            .filter(|member| member.operator && member.state() == MemberState::Active)
            .map(|member| Choice {
                label: format!(
                    "{}  operator, {}",
                    member.display_name,
                    if member.available { "available" } else { "away" }
                ),
                change: Change::Assign { operator: Some(member.id.clone()), group: None },
            });
        let groups =
            groups.iter().filter(|group| group.delete_time.is_none()).map(|group| Choice {
                label: format!("{}  group", group.name),
                change: Change::Assign { operator: None, group: Some(group.id.clone()) },
            });
        let nobody = [
            ("no operator", Change::Assign { operator: Some(String::new()), group: None }),
            ("no group", Change::Assign { operator: None, group: Some(String::new()) }),
        ];
        let nobody = nobody.map(|(label, change)| Choice { label: label.to_owned(), change });
        let choices = operators.chain(groups).chain(nobody).collect();
        Self {
            picking: Picking::Assignee,
            number,
            version,
            typed: String::new(),
            marked: 0,
            choices,
        }
    }

    /// The choices that have a word beginning with what was typed.
    pub fn matching(&self) -> Vec<&Choice> {
        let typed = fold::search(&self.typed);
        let begins = |label: &str| {
            let label = fold::search(label);
            label.starts_with(&typed)
                || label.split_whitespace().any(|word| word.starts_with(&typed))
        };
        self.choices.iter().filter(|choice| begins(&choice.label)).collect()
    }

    /// The marked choice.
    pub fn picked(&self) -> Option<&Choice> {
        self.matching().get(self.marked).copied()
    }

    /// Moves the mark, stopping at the ends.
    pub fn step(&mut self, by: isize) {
        let last = self.matching().len().saturating_sub(1);
        self.marked = self.marked.saturating_add_signed(by).min(last);
    }

    /// Narrows down, or widens again without a character.
    pub fn narrow(&mut self, typed: Option<char>) {
        match typed {
            Some(character) => self.typed.push(character),
            None => {
                self.typed.pop();
            }
        }
        self.marked = 0;
    }

    /// Takes newly fetched members and groups into a picker of assignees, keeping what was typed
    /// and the marked choice.
    pub fn refresh(&mut self, members: &[Member], groups: &[Group]) {
        if self.picking != Picking::Assignee {
            return;
        }
        let marked = self.picked().map(|choice| choice.change.clone());
        let fresh = Self::assignees(self.number, self.version, members, groups);
        self.choices = fresh.choices;
        self.marked = self
            .matching()
            .iter()
            .position(|choice| Some(&choice.change) == marked.as_ref())
            .unwrap_or(0);
    }
}
