//! Whole lists of the team's nouns, in which names are looked up: every page, one after another.

use deskbell_proto::client::Client;
use deskbell_proto::problem::Problem;
use deskbell_proto::v1;

use crate::session::pages;

/// The largest page that there is.
const LARGEST: i32 = 1000;

/// All members of the team.
pub async fn members(client: &Client) -> Result<Vec<v1::Member>, Problem> {
    let request = v1::ListMembersRequest { page_size: LARGEST, ..Default::default() };
    pages!(client, team.list_members(request).members)
}

/// All groups of the team.
pub async fn groups(client: &Client, show_deleted: bool) -> Result<Vec<v1::Group>, Problem> {
    let request = v1::ListGroupsRequest { show_deleted, page_size: LARGEST, ..Default::default() };
    pages!(client, team.list_groups(request).groups)
}

/// All profiles of the team.
pub async fn profiles(client: &Client) -> Result<Vec<v1::Profile>, Problem> {
    let request = v1::ListProfilesRequest { page_size: LARGEST, ..Default::default() };
    pages!(client, profile.list_profiles(request).profiles)
}
