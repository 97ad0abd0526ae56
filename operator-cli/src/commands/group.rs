//! `deskbell group`: who shares tickets.

use clap::{Args, Subcommand, ValueEnum};
use deskbell_proto::client::{Client, request_id};
use deskbell_proto::v1;

use crate::failure::{Exit, Failure};
use crate::lists::{groups, members};
use crate::moments;
use crate::resolve;
use crate::session::{Setting, call};
use crate::table::{Look, Table};
use crate::typed;
use crate::words;

/// See `deskbell group --help`.
#[derive(Debug, Subcommand)]
pub enum Group {
    /// Create a group (for admins)
    #[command(
        after_help = "Example:\n  deskbell group create Sales\n  deskbell group create \"Second \
            level\" --internal"
    )]
    Create {
        /// The group's name
        name: String,
        /// Not offered to customers; tickets get there by assignment
        #[arg(long)]
        internal: bool,
    },
    /// The groups
    #[command(after_help = "Example:\n  deskbell group list --deleted")]
    List {
        /// Also groups that were deleted and can still be brought back (for admins)
        #[arg(long)]
        deleted: bool,
    },
    /// Give a group another name
    #[command(after_help = "Example:\n  deskbell group rename Sales \"Sales and orders\"")]
    Rename {
        /// The group
        group: String,
        /// Its name from now on
        name: String,
    },
    /// Change who is offered a group
    #[command(after_help = "Example:\n  deskbell group set Sales --visibility internal")]
    Set {
        /// The group
        group: String,
        /// Who is offered it
        #[arg(long)]
        visibility: Visibility,
    },
    /// Delete a group: first says what will happen, then asks
    Delete(Delete),
    /// Bring a group back, within ten minutes of its deletion
    #[command(after_help = "Example:\n  deskbell group undelete Sales")]
    Undelete {
        /// The group
        group: String,
    },
    /// Put an operator into a group
    #[command(after_help = "Example:\n  deskbell group add-operator Sales ana@desk.example")]
    AddOperator(Seat),
    /// Take an operator out of a group
    #[command(after_help = "Example:\n  deskbell group remove-operator Sales ana@desk.example")]
    RemoveOperator(Seat),
}

/// Who is offered a group.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Visibility {
    /// Customers, where a profile shows it
    Public,
    /// Nobody; tickets get there by assignment
    Internal,
}

/// An operator in a group.
#[derive(Debug, Args)]
pub struct Seat {
    /// The group
    group: String,
    /// The operator, by e-mail address or name
    member: String,
}

/// Which group to delete, and what becomes of its history.
#[derive(Debug, Args)]
#[command(after_help = "\
Its open tickets become unassigned. Its closed and expired tickets are erased for good, unless \
they move to another group. Therefore \
the command says how many that are, and wants that number back: on the terminal, or with --confirm.

Example:
  deskbell group delete Sales --dry-run
  deskbell group delete Sales --confirm 17
  deskbell group delete Sales --move-history-to Support")]
pub struct Delete {
    /// The group
    group: String,
    /// Only say what would happen
    #[arg(long, conflicts_with = "confirm")]
    dry_run: bool,
    /// How many tickets will be erased, as the dry run said
    #[arg(long, value_name = "NUMBER")]
    confirm: Option<i64>,
    /// Move the history to this group instead of erasing it
    #[arg(long, value_name = "GROUP")]
    move_history_to: Option<String>,
}

impl Group {
    /// Shows or changes groups.
    pub async fn run(self, setting: &Setting) -> Result<(), Failure> {
        let client = setting.client().await?;
        let output = setting.output;
        match self {
            Self::Create { name, internal } => {
                let visibility = if internal {
                    v1::GroupVisibility::Internal
                } else {
                    v1::GroupVisibility::Public
                };
                let request = v1::CreateGroupRequest {
                    request_id: request_id(),
                    name: name.clone(),
                    visibility: visibility.into(),
                };
                let answer = call!(client, team.create_group(request))?;
                output.answer(
                    &answer,
                    &format!("{name} is created. Next: deskbell group add-operator \"{name}\" WHO"),
                )
            }
            Self::List { deleted } => list(setting, &client, deleted).await,
            Self::Rename { group, name } => {
                let group_id = find(&client, &group, false).await?.id;
                let request = v1::UpdateGroupRequest {
                    request_id: request_id(),
                    group_id,
                    name: Some(name),
                    visibility: None,
                };
                let answer = call!(client, team.update_group(request))?;
                output.answer(&answer, &answer.group.as_ref().map(describe).unwrap_or_default())
            }
            Self::Set { group, visibility } => {
                let group_id = find(&client, &group, false).await?.id;
                let visibility = match visibility {
                    Visibility::Public => v1::GroupVisibility::Public,
                    Visibility::Internal => v1::GroupVisibility::Internal,
                };
                let request = v1::UpdateGroupRequest {
                    request_id: request_id(),
                    group_id,
                    name: None,
                    visibility: Some(visibility.into()),
                };
                let answer = call!(client, team.update_group(request))?;
                output.answer(&answer, &answer.group.as_ref().map(describe).unwrap_or_default())
            }
            Self::Delete(delete) => delete.run(setting, &client).await,
            Self::Undelete { group } => {
                let group_id = find(&client, &group, true).await?.id;
                let answer = call!(
                    client,
                    team.undelete_group(v1::UndeleteGroupRequest {
                        request_id: request_id(),
                        group_id
                    })
                )?;
                output.answer(
                    &answer,
                    &answer
                        .group
                        .as_ref()
                        .map(|group| format!("{} is back.", group.name))
                        .unwrap_or_default(),
                )
            }
            Self::AddOperator(seat) => {
                let (group_id, member_id) = seat.find(&client).await?;
                let answer = call!(
                    client,
                    team.add_group_operator(v1::AddGroupOperatorRequest {
                        request_id: request_id(),
                        group_id,
                        member_id
                    })
                )
                .map_err(|failure| match failure.reason() {
                    "NOT_AN_OPERATOR" => {
                        failure.hint(&format!("First: deskbell member enable {}", seat.member))
                    }
                    _ => failure,
                })?;
                output.answer(&answer, &answer.group.as_ref().map(describe).unwrap_or_default())
            }
            Self::RemoveOperator(seat) => {
                let (group_id, member_id) = seat.find(&client).await?;
                let request = v1::RemoveGroupOperatorRequest {
                    request_id: request_id(),
                    group_id,
                    member_id,
                };
                let answer = call!(client, team.remove_group_operator(request))?;
                output.answer(&answer, &answer.group.as_ref().map(describe).unwrap_or_default())
            }
        }
    }
}

async fn find(client: &Client, wanted: &str, deleted: bool) -> Result<v1::Group, Failure> {
    let groups: Vec<v1::Group> = groups(client, deleted)
        .await?
        .into_iter()
        .filter(|group| group.delete_time.is_some() == deleted)
        .collect();
    Ok(resolve::group(&groups, wanted)?.clone())
}

impl Seat {
    async fn find(&self, client: &Client) -> Result<(String, String), Failure> {
        let group = find(client, &self.group, false).await?;
        let members = members(client).await?;
        Ok((group.id, resolve::member(&members, &self.member)?.id.clone()))
    }
}

async fn list(setting: &Setting, client: &Client, deleted: bool) -> Result<(), Failure> {
    let groups = groups(client, deleted).await?;
    let mut table = Table::new(["NAME", "VISIBILITY", "OPEN", "OPERATORS"]);
    for group in &groups {
        let gone = group.delete_time.is_some();
        let visibility = if gone { "deleted" } else { words::visibility(group.visibility) };
        table.row_in(
            if gone { Look::Quiet } else { Look::Plain },
            [
                group.name.clone(),
                visibility.to_owned(),
                group.open_tickets.map(|open| open.to_string()).unwrap_or_default(),
                operators(group),
            ],
        );
    }
    resolve::tell_twins("group rename", groups.iter().map(|group| group.name.as_str()));
    setting.output.list(
        &groups,
        &table,
        "There are no groups yet. Make one with: deskbell group create NAME",
    )
}

fn operators(group: &v1::Group) -> String {
    group
        .operators
        .iter()
        .map(|operator| operator.display_name.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}

fn describe(group: &v1::Group) -> String {
    let operators =
        if group.operators.is_empty() { "nobody yet".to_owned() } else { operators(group) };
    format!("{} ({}): {operators}.", group.name, words::visibility(group.visibility))
}

impl Delete {
    async fn run(self, setting: &Setting, client: &Client) -> Result<(), Failure> {
        let group = find(client, &self.group, false).await?;
        let move_history_to_group_id = match &self.move_history_to {
            Some(other) => find(client, other, false).await?.id,
            None => String::new(),
        };
        let request = |dry_run, confirm_erased_tickets| v1::DeleteGroupRequest {
            request_id: request_id(),
            group_id: group.id.clone(),
            dry_run,
            confirm_erased_tickets,
            move_history_to_group_id: move_history_to_group_id.clone(),
        };
        let preview = call!(client, team.delete_group(request(true, 0)))?;
        let what = foretell(&group.name, &preview);
        if self.dry_run {
            return setting.output.answer(&preview, &what);
        }
        let number = self.confirmed(&what, &preview)?;
        let answer = call!(client, team.delete_group(request(false, number)))?;
        let until = moments::local(answer.undelete_until.as_ref());
        let text = format!(
            "{} is deleted. Until {until} it can be brought back: deskbell group undelete \"{}\"",
            group.name, group.name
        );
        setting.output.answer(&answer, &text)
    }

    /// The number of tickets to erase that the person agreed to.
    fn confirmed(&self, what: &str, preview: &v1::DeleteGroupResponse) -> Result<i64, Failure> {
        let number = preview.erased_tickets;
        if self.move_history_to.is_some() {
            return Ok(0);
        }
        let agreed = match self.confirm {
            Some(agreed) => agreed,
            None if typed::is_somebody_there() => {
                let answer =
                    typed::ask(&format!("{what}\nType {number} to go on, anything else to stop:"))?;
                answer.parse().unwrap_or(-1)
            }
            None => {
                return Err(Failure::usage(what).hint(&format!(
                    "To go on, add: --confirm \
                    {number}"
                )));
            }
        };
        if agreed == number {
            Ok(number)
        } else {
            Err(Failure::new(Exit::Other, what)
                .hint(&format!("Nothing was deleted: {number} was not confirmed.")))
        }
    }
}

fn foretell(name: &str, preview: &v1::DeleteGroupResponse) -> String {
    let mut lines = vec![format!("Deleting {name}:")];
    lines.push(format!("  open tickets that become unassigned: {}", preview.unassigned_tickets));
    if preview.moved_tickets > 0 {
        lines.push(format!("  closed and expired tickets that move: {}", preview.moved_tickets));
    }
    lines.push(format!(
        "  closed and expired tickets that are erased for good: {}",
        preview.erased_tickets
    ));
    if !preview.flagged_profiles.is_empty() {
        lines.push(format!("  profiles that show it: {}", preview.flagged_profiles.join(", ")));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_number_deletes() {
        let preview = v1::DeleteGroupResponse { erased_tickets: 17, ..Default::default() };
        let delete = |confirm, move_history_to: Option<&str>| Delete {
            group: "Sales".to_owned(),
            dry_run: false,
            confirm,
            move_history_to: move_history_to.map(str::to_owned),
        };
        assert_eq!(delete(Some(17), None).confirmed("", &preview).unwrap(), 17);
        assert_eq!(delete(Some(16), None).confirmed("", &preview).unwrap_err().exit, Exit::Other);
        assert_eq!(delete(None, Some("Support")).confirmed("", &preview).unwrap(), 0);
    }

    #[test]
    fn people_are_told_before() {
        let preview = v1::DeleteGroupResponse {
            unassigned_tickets: 2,
            erased_tickets: 17,
            flagged_profiles: vec!["Acme".to_owned()],
            ..Default::default()
        };
        let text = foretell("Sales", &preview);
        for part in ["unassigned: 2", "erased for good: 17", "Acme"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
