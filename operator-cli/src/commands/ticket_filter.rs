//! Which tickets `deskbell ticket list` and `deskbell history` are about.

use clap::Args;
use deskbell_proto::client::Client;
use deskbell_proto::v1;

use crate::failure::{Exit, Failure};
use crate::lists::{groups, members};
use crate::resolve;
use crate::session::identity;
use crate::words;

/// Which tickets to list.
#[derive(Debug, Args)]
#[command(after_help = "An address followed by ? is not proven to belong to the \
        customer.\n\nExample:\n  deskbell ticket list --group Sales --priority high")]
pub struct Filter {
    /// Only tickets in this state; can be given several times
    #[arg(long)]
    pub state: Vec<words::State>,
    /// Only tickets of this group
    #[arg(long)]
    pub group: Option<String>,
    /// Only tickets of this operator; "me" is you
    #[arg(long)]
    pub operator: Option<String>,
    /// Only tickets that have neither group nor operator
    #[arg(long, conflicts_with_all = ["group", "operator"])]
    pub unassigned: bool,
    /// Only tickets of at least this priority
    #[arg(long)]
    pub priority: Option<words::Priority>,
    /// Only tickets with this text in requester, title or description
    #[arg(long, value_name = "TEXT")]
    pub contains: Option<String>,
    /// Only tickets with this tag; can be given several times
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
    /// At most this many
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: Option<u32>,
}

impl Filter {
    /// The request for the first page. Pages stay small, because descriptions can be long.
    pub async fn request(
        &self,
        client: &Client,
        history: bool,
        for_people: bool,
    ) -> Result<v1::ListTicketsRequest, Failure> {
        let group_id = match &self.group {
            Some(group) => resolve::group(&groups(client, false).await?, group)?.id.clone(),
            None => String::new(),
        };
        let operator_id = match &self.operator {
            Some(operator) => operator_id(client, operator).await?,
            None => String::new(),
        };
        Ok(v1::ListTicketsRequest {
            history,
            states: self.state.iter().map(|state| v1::TicketState::from(*state).into()).collect(),
            group_id,
            operator_id,
            unassigned: self.unassigned,
            ended_since: None,
            ended_before: None,
            min_priority: self.priority.map_or(v1::Priority::Unspecified, Into::into).into(),
            contains: self.contains.clone().unwrap_or_default(),
            tags: self.tag.clone(),
            page_size: 100,
            page_token: String::new(),
            whole_descriptions: !for_people,
        })
    }
}

/// The operator whom people mean; "me" is the caller.
pub async fn operator_id(client: &Client, wanted: &str) -> Result<String, Failure> {
    if wanted == "me" {
        let membership = identity(client).await?.membership;
        return membership
            .map(|membership| membership.member_id)
            .ok_or_else(|| Failure::new(Exit::Refused, "You are in no team."));
    }
    Ok(resolve::member(&members(client).await?, wanted)?.id.clone())
}
