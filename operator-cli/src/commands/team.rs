//! `deskbell team`: the team's own settings.

use clap::{Args, Subcommand, ValueEnum};
use deskbell_proto::client::request_id;
use deskbell_proto::v1;
use jiff::tz::TimeZone;

use crate::failure::Failure;
use crate::inert;
use crate::moments;
use crate::session::{Setting, call};
use crate::words;

/// See `deskbell team --help`.
#[derive(Debug, Subcommand)]
pub enum Team {
    /// Make a team, with you as its admin
    #[command(after_help = "Example:\n  deskbell team activate \"Acme support\"")]
    Activate {
        /// The team's name
        name: String,
        /// The time zone in which the team's days begin and end; this computer's unless said
        #[arg(long, value_name = "ZONE")]
        time_zone: Option<String>,
    },
    /// Show the team's settings
    #[command(after_help = "Example:\n  deskbell team show")]
    Show,
    /// Change the team's settings (for admins)
    Set(Set),
}

/// Settings to change.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  deskbell team set --queue-mode self-service --expire-after 48h"
)]
pub struct Set {
    /// The team's name
    #[arg(long)]
    name: Option<String>,
    /// How unassigned tickets find somebody
    #[arg(long)]
    queue_mode: Option<QueueMode>,
    /// The priority of tickets whose profile names none
    #[arg(long)]
    default_priority: Option<words::Priority>,
    /// When open tickets expire: 90m, 24h, 3d or never
    #[arg(long, value_name = "TIME", value_parser = moments::read_length)]
    expire_after: Option<Lasting>,
    /// The time zone in which the team's days begin and end, such as Europe/Berlin
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
}

/// Seconds, or none for never; spelt out because clap would take a bare `Option` for an argument
/// that may be missing.
type Lasting = std::option::Option<i64>;

/// How unassigned tickets find somebody.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum QueueMode {
    /// Admins see them and assign them
    AdminAssigns,
    /// All operators see them and take them
    SelfService,
}

impl Team {
    /// Shows or changes the team.
    pub async fn run(self, setting: &Setting) -> Result<(), Failure> {
        let client = setting.client().await?;
        let output = setting.output;
        match self {
            Self::Activate { name, time_zone } => {
                let time_zone = time_zone.or_else(here).unwrap_or_default();
                let request = v1::ActivateTeamRequest { request_id: request_id(), name, time_zone };
                let answer = call!(client, team.activate_team(request))?;
                let name = answer.team.as_ref().map_or("", |team| &team.name);
                output.answer(
                    &answer,
                    &format!(
                        "{name} is active, and you are its admin. Next: deskbell group create, \
                         deskbell member add"
                    ),
                )
            }
            Self::Show => {
                let answer = call!(client, team.get_team(v1::GetTeamRequest {}))?;
                output.answer(&answer, &answer.team.as_ref().map(describe).unwrap_or_default())
            }
            Self::Set(set) => {
                let answer = call!(client, team.update_team(set.request()?))?;
                output.answer(&answer, &answer.team.as_ref().map(describe).unwrap_or_default())
            }
        }
    }
}

impl Set {
    fn request(self) -> Result<v1::UpdateTeamRequest, Failure> {
        let mut team = v1::Team::default();
        let mut paths = Vec::new();
        if let Some(name) = self.name {
            team.name = name;
            paths.push("name");
        }
        if let Some(mode) = self.queue_mode {
            let mode = match mode {
                QueueMode::AdminAssigns => v1::QueueMode::AdminAssigns,
                QueueMode::SelfService => v1::QueueMode::SelfService,
            };
            team.set_queue_mode(mode);
            paths.push("queue_mode");
        }
        if let Some(priority) = self.default_priority {
            team.set_default_priority(priority.into());
            paths.push("default_priority");
        }
        if let Some(lasting) = self.expire_after {
            team.expire_after = lasting.map(|seconds| prost_types::Duration { seconds, nanos: 0 });
            paths.push("expire_after");
        }
        if let Some(zone) = self.time_zone {
            team.time_zone = zone;
            paths.push("time_zone");
        }
        if paths.is_empty() {
            return Err(Failure::usage(
                "Nothing to change was named. See: deskbell team set --help",
            ));
        }
        let update_mask =
            prost_types::FieldMask { paths: paths.into_iter().map(str::to_owned).collect() };
        Ok(v1::UpdateTeamRequest {
            request_id: request_id(),
            team: Some(team),
            update_mask: Some(update_mask),
        })
    }
}

/// The time zone of this computer, if it has a name.
fn here() -> Option<String> {
    TimeZone::system().iana_name().map(str::to_owned)
}

fn describe(team: &v1::Team) -> String {
    let expiry = team.expire_after.as_ref().map_or_else(
        || "never".to_owned(),
        |after| format!("after {}", moments::length(after.seconds)),
    );
    format!(
        "{}\nUnassigned tickets  {}\nDefault priority    {}\nTickets expire      {expiry}\nTime \
         zone           {}\nActive since        {}",
        team.name,
        words::queue_mode(team.queue_mode),
        words::priority(team.default_priority),
        inert::line(&team.time_zone),
        moments::local(team.create_time.as_ref()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_named_is_changed() {
        let set = Set {
            name: None,
            queue_mode: Some(QueueMode::SelfService),
            default_priority: None,
            expire_after: Some(None),
            time_zone: None,
        };
        let request = set.request().unwrap();
        assert_eq!(request.update_mask.unwrap().paths, ["queue_mode", "expire_after"]);
        assert_eq!(request.team.unwrap().expire_after, None);
        let nothing = Set {
            name: None,
            queue_mode: None,
            default_priority: None,
            expire_after: None,
            time_zone: None,
        };
        assert!(nothing.request().is_err());
    }
}
