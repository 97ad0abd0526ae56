//! One's own account: `whoami`, `logout`, `password`, `invitation`, `available` and `away`.

use clap::{Args, Subcommand};
use deskbell_proto::client::request_id;
use deskbell_proto::{fold, v1};

use crate::contexts::Storage;
use crate::failure::{Exit, Failure};
use crate::session::{Setting, call, identity};
use crate::table::Table;
use crate::typed;

/// See `deskbell whoami --help`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  deskbell whoami")]
pub struct Whoami {}

impl Whoami {
    /// Tells who is signed in.
    pub async fn run(self, setting: &Setting) -> Result<(), Failure> {
        let client = setting.client().await?;
        let identity = identity(&client).await?;
        let text = describe(&identity);
        setting.output.answer(&v1::WhoAmIResponse { identity: Some(identity) }, &text)
    }
}

/// Who somebody is, in a sentence or two.
pub fn describe(identity: &v1::Identity) -> String {
    let who = format!("You are {} ({})", identity.display_name, identity.email);
    let Some(membership) = &identity.membership else {
        let teams: Vec<&str> =
            identity.invitations.iter().map(|invitation| invitation.team_name.as_str()).collect();
        if !identity.disabled_in_team.is_empty() {
            let team = &identity.disabled_in_team;
            return format!(
                "{who}. An admin has disabled you in {team}.\nTo be let in again, ask an admin there."
            );
        }
        let next = if teams.is_empty() {
            "To make one: deskbell team activate NAME".to_owned()
        } else {
            format!(
                "Asking you to join: {}. Answer with: deskbell invitation accept",
                teams.join(", ")
            )
        };
        return format!("{who}, in no team.\n{next}");
    };
    let roles = match (membership.admin, membership.operator) {
        (true, true) => "admin and operator",
        (true, false) => "admin",
        (false, true) => "operator",
        (false, false) => "member",
    };
    let there = match (membership.operator, membership.available) {
        (false, _) => "",
        (true, true) => ", available",
        (true, false) => ", away",
    };
    format!("{who}, {roles} of {}{there}.", membership.team_name)
}

/// See `deskbell logout --help`.
#[derive(Debug, Args)]
#[command(after_help = "\
When the server is away, the token is forgotten here all the same, and the exit code is 6: the \
session itself ends on the server by itself, or with --everywhere from elsewhere. --everywhere \
needs the server, and changes nothing here without it.

Example:
  deskbell logout
  deskbell logout --everywhere")]
pub struct Logout {
    /// End all sessions of the account, on all machines
    #[arg(long)]
    everywhere: bool,
}

impl Logout {
    /// Ends the session and forgets its token.
    pub async fn run(self, setting: &Setting) -> Result<(), Failure> {
        let client = setting.client().await?;
        let ended = match client
            .account()
            .sign_out(v1::SignOutRequest { everywhere: self.everywhere })
            .await
        {
            Ok(response) => response.into_inner(),
            // It had ended already.
            Err(status) if status.code() == tonic::Code::Unauthenticated => {
                v1::SignOutResponse { ended: 0 }
            }
            Err(status) => return Err(self.server_not_told(setting, status.into())),
        };
        forget(setting).map_err(|failure| {
            failure.hint("The session has ended; what is kept here of it is of no more use.")
        })?;
        setting.output.answer(&ended, &format!("Signed out; sessions ended: {}.", ended.ended))
    }
}

impl Logout {
    /// Finishes here what the server could not be told.
    fn server_not_told(&self, setting: &Setting, failure: Failure) -> Failure {
        if self.everywhere || setting.is_from_environment() {
            return failure.hint("You are still signed in.");
        }
        match forget(setting) {
            Ok(()) => failure.hint(
                "You are signed out here: the token is forgotten. The server was not told; there \
                 the session ends by itself, or with: deskbell logout --everywhere",
            ),
            Err(here) => failure.hint(&format!("You are still signed in: {}", here.sentence())),
        }
    }
}

/// Forgets the token of the context, if it is kept in one.
fn forget(setting: &Setting) -> Result<(), Failure> {
    if setting.is_from_environment() {
        return Ok(());
    }
    Storage::usual()?.change(|contexts| {
        let name = contexts.choose(setting.context.as_deref())?.0.to_owned();
        if let Some(context) = contexts.contexts.get_mut(&name) {
            context.token = None;
        }
        Ok(())
    })
}

/// See `deskbell password --help`.
#[derive(Debug, Args)]
#[command(after_help = "\
Ends all other sessions of your account. A password has 10 to 256 characters.

Example:
  deskbell password
  printf '%s\\n' \"$OLD\" \"$NEW\" | deskbell password --password-stdin")]
pub struct Password {
    /// The only thing one can do to a password; may be left out
    #[arg(value_parser = ["change"], hide = true)]
    change: Option<String>,
    /// Read the present and the new password from the standard input, one a line
    #[arg(long)]
    password_stdin: bool,
}

impl Password {
    /// Changes the password.
    pub async fn run(self, setting: &Setting) -> Result<(), Failure> {
        let client = setting.client().await?;
        let current_password = typed::password("Present password", self.password_stdin)?;
        let new_password = typed::new_password(self.password_stdin)?;
        let request = v1::ChangePasswordRequest { current_password, new_password };
        let answer = client.account().change_password(request).await?.into_inner();
        setting.output.answer(&answer, "The password is changed; your other sessions have ended.")
    }
}

/// See `deskbell invitation --help`.
#[derive(Debug, Subcommand)]
pub enum Invitation {
    /// Teams that ask you to join
    #[command(after_help = "Example:\n  deskbell invitation list")]
    List,
    /// Join a team
    #[command(
        after_help = "The team's admin passes the code on to you. Only the newest one works.\n\n\
            Example:\n  deskbell invitation accept \"Acme support\" --code 7K3QX-0M9TD"
    )]
    Accept(Asking),
    /// Do not join a team
    #[command(
        after_help = "Example:\n  deskbell invitation decline \"Acme support\" --code 7K3QX-0M9TD"
    )]
    Decline(Asking),
}

/// Which invitation.
#[derive(Debug, Args)]
pub struct Asking {
    /// The team's name; may be left out when only one asks
    team: Option<String>,
    /// The code that the team's admin passed on to you; asked for when left out
    #[arg(long)]
    code: Option<String>,
}

impl Invitation {
    /// Lists or answers invitations.
    pub async fn run(self, setting: &Setting) -> Result<(), Failure> {
        let client = setting.client().await?;
        let invitations = identity(&client).await?.invitations;
        let (asking, accept) = match self {
            Self::List => {
                let mut table = Table::new(["TEAM"]);
                for invitation in &invitations {
                    table.row([invitation.team_name.clone()]);
                }
                return setting.output.list(&invitations, &table, "No team asks you to join.");
            }
            Self::Accept(asking) => (asking, true),
            Self::Decline(asking) => (asking, false),
        };
        let invitation = asking.choose(&invitations)?;
        let code = match &asking.code {
            Some(code) => code.clone(),
            None if typed::is_somebody_there() => typed::ask("Code from the team's admin:")?,
            None => {
                return Err(Failure::usage("Give the code from the team's admin with --code."));
            }
        };
        let request = v1::AnswerInvitationRequest {
            request_id: request_id(),
            invitation_id: invitation.id.clone(),
            accept,
            code,
        };
        let answer = call!(client, account.answer_invitation(request))?;
        let text = answer.identity.as_ref().map(describe).unwrap_or_default();
        setting.output.answer(&answer, &text)
    }
}

impl Asking {
    fn choose<'a>(&self, invitations: &'a [v1::Invitation]) -> Result<&'a v1::Invitation, Failure> {
        let wanted = |invitation: &&v1::Invitation| {
            self.team.as_ref().is_none_or(|team| {
                fold::same_name(&invitation.team_name, team) || invitation.id == *team
            })
        };
        let found: Vec<&v1::Invitation> = invitations.iter().filter(wanted).collect();
        match found.as_slice() {
            [invitation] => Ok(invitation),
            [] => Err(Failure::not_found("No such team asks you to join.")
                .hint("See them all with: deskbell invitation list")),
            _ => Err(Failure::new(Exit::Invalid, "Several teams ask you to join. Say which.")
                .hint("See them all with: deskbell invitation list")),
        }
    }
}

/// See `deskbell available --help`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  deskbell available")]
pub struct Available {}

/// See `deskbell away --help`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  deskbell away")]
pub struct Away {}

impl Available {
    /// Tells the team that the caller is available.
    pub async fn run(self, setting: &Setting) -> Result<(), Failure> {
        set_availability(setting, true).await
    }
}

impl Away {
    /// Tells the team that the caller is away.
    pub async fn run(self, setting: &Setting) -> Result<(), Failure> {
        set_availability(setting, false).await
    }
}

async fn set_availability(setting: &Setting, available: bool) -> Result<(), Failure> {
    let client = setting.client().await?;
    let answer = call!(
        client,
        team.set_availability(v1::SetAvailabilityRequest { request_id: request_id(), available })
    )?;
    setting.output.answer(&answer, if available { "You are available." } else { "You are away." })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_told_what_they_are_and_what_to_do_next() {
        let mut ana = v1::Identity {
            email: "ana@x".to_owned(),
            display_name: "Ana".to_owned(),
            ..Default::default()
        };
        assert!(describe(&ana).ends_with("deskbell team activate NAME"));
        ana.invitations.push(v1::Invitation { id: "i".to_owned(), team_name: "Acme".to_owned() });
        assert!(describe(&ana).contains("Acme. Answer with: deskbell invitation accept"));
        ana.membership = Some(v1::TeamMembership {
            team_name: "Acme".to_owned(),
            admin: true,
            operator: true,
            ..Default::default()
        });
        assert_eq!(describe(&ana), "You are Ana (ana@x), admin and operator of Acme, away.");
    }
}
