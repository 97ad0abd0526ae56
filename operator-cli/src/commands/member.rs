//! `deskbell member`: who is in the team, and what they may do there.

use clap::{Args, Subcommand};
use deskbell_proto::client::{Client, request_id};
use deskbell_proto::v1;

use crate::failure::{Exit, Failure};
use crate::lists::members;
use crate::moments;
use crate::resolve;
use crate::session::{Setting, call};
use crate::table::{Look, Table};
use crate::words::{self, Switch};

/// See `deskbell member --help`.
#[derive(Debug, Subcommand)]
#[command(after_help = "Members are named by e-mail address, display name or id.")]
pub enum Member {
    /// Add somebody by e-mail address; prints a one-time code to pass on (for admins)
    Add(Add),
    /// Make a new code for somebody who was added and has not joined yet; older ones end
    #[command(after_help = "Example:\n  deskbell member resend bo@desk.example")]
    Resend {
        /// The member
        member: String,
    },
    /// The members
    #[command(after_help = "Example:\n  deskbell member list")]
    List,
    /// Let a member help: switch assistance management on, and let them in again if they were
    /// disabled
    #[command(
        after_help = "Example:\n  deskbell member enable ana@desk.example\n  deskbell member \
            enable ana@desk.example --sign-in-only"
    )]
    Enable {
        /// The member
        member: String,
        /// Only let a disabled member in again, without touching assistance management
        #[arg(long)]
        sign_in_only: bool,
    },
    /// Keep a member out: their sessions end and their name comes off their open tickets
    #[command(
        after_help = "To keep a member but take them off tickets, use: deskbell member assistance \
            off WHO\n\nExample:\n  deskbell member disable bo@desk.example"
    )]
    Disable {
        /// The member
        member: String,
    },
    /// Switch assistance management on or off: whether a member can be in groups and be assigned
    /// tickets
    #[command(after_help = "Example:\n  deskbell member assistance off bo@desk.example")]
    Assistance {
        /// On or off
        switch: Switch,
        /// The member
        member: String,
    },
    /// Remove a member from the team; their account stays
    #[command(after_help = "Example:\n  deskbell member remove bo@desk.example")]
    Remove {
        /// The member
        member: String,
    },
    /// Make a member an admin
    #[command(after_help = "Example:\n  deskbell member promote ana@desk.example")]
    Promote {
        /// The member
        member: String,
    },
    /// Make an admin a member like others
    #[command(
        after_help = "The last admin stays.\n\nExample:\n  deskbell member demote ana@desk.example"
    )]
    Demote {
        /// The member
        member: String,
    },
}

/// Whom to add.
#[derive(Debug, Args)]
#[command(after_help = "\
Pass the code on to nobody but the person. It opens their account, or lets one that they have \
already join. It works once, \
and only the newest one of your team does: adding them again, or \"deskbell member resend\", makes \
a new one.

Example:
  deskbell member add bo@desk.example --name \"Bo Berg\" --operator")]
pub struct Add {
    /// The e-mail address
    email: String,
    /// The name people see until the member changes it
    #[arg(long, default_value = "")]
    name: String,
    /// Switch assistance management on at once
    #[arg(long)]
    operator: bool,
    /// Make the member an admin at once
    #[arg(long)]
    admin: bool,
}

impl Member {
    /// Shows or changes members.
    pub async fn run(self, setting: &Setting) -> Result<(), Failure> {
        let client = setting.client().await?;
        match self {
            Self::Add(add) => add.run(setting, &client).await,
            Self::Resend { member } => {
                let member = find(&client, &member).await?;
                if member.state() != v1::MemberState::Invited {
                    let text = format!("{} has joined already and needs no code.", member.email);
                    return Err(Failure::new(Exit::Refused, text));
                }
                let v1::Member { email, operator, admin, .. } = member;
                Add { email, name: String::new(), operator, admin }.run(setting, &client).await
            }
            Self::List => list(setting, &client).await,
            Self::Remove { member } => {
                let member = find(&client, &member).await?;
                let answer = call!(
                    client,
                    team.remove_member(v1::RemoveMemberRequest {
                        request_id: request_id(),
                        member_id: member.id.clone()
                    })
                )?;
                setting
                    .output
                    .answer(&answer, &format!("{} is no longer in the team.", member.email))
            }
            Self::Enable { member, sign_in_only } => {
                let member = find(&client, &member).await?;
                let disabled = member.state() == v1::MemberState::Disabled;
                let change = Change {
                    enabled: disabled.then_some(true),
                    operator: (!sign_in_only).then_some(true),
                    admin: None,
                };
                change.apply(setting, &client, member).await
            }
            Self::Disable { member } => {
                let change = Change { enabled: Some(false), ..Change::default() };
                change.apply(setting, &client, find(&client, &member).await?).await
            }
            Self::Assistance { switch, member } => {
                let change = Change { operator: Some(switch.is_on()), ..Change::default() };
                change.apply(setting, &client, find(&client, &member).await?).await
            }
            Self::Promote { member } => {
                let change = Change { admin: Some(true), ..Change::default() };
                change.apply(setting, &client, find(&client, &member).await?).await
            }
            Self::Demote { member } => {
                let change = Change { admin: Some(false), ..Change::default() };
                change.apply(setting, &client, find(&client, &member).await?).await
            }
        }
    }
}

impl Add {
    async fn run(self, setting: &Setting, client: &Client) -> Result<(), Failure> {
        let request = v1::AddMemberRequest {
            request_id: request_id(),
            email: self.email.clone(),
            display_name: self.name,
            operator: self.operator,
            admin: self.admin,
        };
        let answer = call!(client, team.add_member(request))?;
        let text = format!(
            "{} is asked to join. Pass this one-time code on to them (until {}):\n  {}\n\
             With a new account: deskbell redeem {} --email {}\n\
             With one that they have: deskbell invitation accept",
            self.email,
            moments::local(answer.code_expire_time.as_ref()),
            answer.code,
            setting.address().unwrap_or_else(|| "<server>".to_owned()),
            self.email,
        );
        setting.output.answer(&answer, &text)
    }
}

async fn find(client: &Client, wanted: &str) -> Result<v1::Member, Failure> {
    Ok(resolve::member(&members(client).await?, wanted)?.clone())
}

async fn list(setting: &Setting, client: &Client) -> Result<(), Failure> {
    let members = members(client).await?;
    let mut table = Table::new(["NAME", "E-MAIL", "STATE", "ROLE", "ASSISTANCE", "GROUPS"]);
    for member in &members {
        let look =
            if member.state() == v1::MemberState::Disabled { Look::Quiet } else { Look::Plain };
        table.row_in(
            look,
            [
                member.display_name.clone(),
                member.email.clone(),
                words::member_state(member.state).to_owned(),
                if member.admin { "admin" } else { "member" }.to_owned(),
                assistance(member).to_owned(),
                resolve::names(&member.groups),
            ],
        );
    }
    setting.output.list(&members, &table, "The team has no members.")
}

fn assistance(member: &v1::Member) -> &'static str {
    match (member.operator, member.available) {
        _ if member.state() == v1::MemberState::Disabled => "",
        (true, _) if member.state() == v1::MemberState::Invited => "on",
        (false, _) => "off",
        (true, true) => "on, available",
        (true, false) => "on, away",
    }
}

/// What to change about a member.
#[derive(Clone, Copy, Debug, Default)]
struct Change {
    admin: Option<bool>,
    operator: Option<bool>,
    enabled: Option<bool>,
}

impl Change {
    async fn apply(
        self,
        setting: &Setting,
        client: &Client,
        member: v1::Member,
    ) -> Result<(), Failure> {
        if self.admin.is_none() && self.operator.is_none() && self.enabled.is_none() {
            let text = format!("{} can sign in already.", member.email);
            return setting
                .output
                .answer(&v1::UpdateMemberResponse { member: Some(member) }, &text);
        }
        let request = v1::UpdateMemberRequest {
            request_id: request_id(),
            member_id: member.id,
            admin: self.admin,
            operator: self.operator,
            enabled: self.enabled,
        };
        let answer = call!(client, team.update_member(request))?;
        let text = answer.member.as_ref().map_or_else(String::new, |member| {
            format!(
                "{} ({}): {}, {}, assistance management {}.",
                member.display_name,
                member.email,
                words::member_state(member.state),
                if member.admin { "admin" } else { "member" },
                if member.operator { "on" } else { "off" },
            )
        });
        setting.output.answer(&answer, &text)
    }
}
