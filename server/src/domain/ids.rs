//! Ids. Inside a team all of them come from the team's own counter, so an id means nothing without
//! its team.

use serde::{Deserialize, Serialize};

/// A team's count of changes; 0 before the first.
pub type Revision = i64;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);
    };
}

id!(
    /// A team. Random, so that it tells nothing of how many there are.
    TeamId
);
id!(
    /// An account of the host. Random.
    AccountId
);
id!(
    /// A member of a team.
    MemberId
);
id!(
    /// A group of a team.
    GroupId
);
id!(
    /// An organization of a team.
    OrganizationId
);
id!(
    /// A profile of a team.
    ProfileId
);
id!(
    /// A ticket; apart from its number, so that merging can make one ticket answer to two numbers.
    TicketId
);
id!(
    /// A message on a ticket.
    MessageId
);
id!(
    /// A row of people's words, which can be erased.
    ContentId
);

impl TeamId {
    /// The host itself: its log and its accounts are kept like a team's.
    pub const HOST: TeamId = TeamId(0);
}
