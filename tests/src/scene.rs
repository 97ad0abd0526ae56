//! The usual team: who most stories are about.

use deskbell_proto::v1;

use crate::customer::Widget;
use crate::desk::Desk;
use crate::host::Database;
use crate::staff::Staff;

/// A team with an admin, two operators in a group each, and a profile that offers both groups.
pub struct Scene {
    /// The desk.
    pub desk: Desk,
    /// The admin, an operator in no group.
    pub ana: Staff,
    /// An operator in Sales.
    pub bo: Staff,
    /// An operator in Support.
    pub cy: Staff,
    /// The group with bo.
    pub sales: v1::Group,
    /// The group with cy.
    pub support: v1::Group,
    /// The profile.
    pub profile: v1::Profile,
    /// A copy of its widget.
    pub widget: Widget,
}

impl Scene {
    /// Sets it up on a desk of its own.
    pub async fn open(database: Database) -> Self {
        Self::on(Desk::open(database).await).await
    }

    /// Sets it up on this desk.
    pub async fn on(desk: Desk) -> Self {
        let ana = desk.admin("ana").await;
        let (bo, cy) = tokio::join!(desk.operator(&ana, "bo"), desk.operator(&ana, "cy"));
        let sales = ana.group_of("Sales", &[&bo]).await;
        let support = ana.group_of("Support", &[&cy]).await;
        let profile = ana.profile("Acme", &[&sales, &support]).await;
        let widget = ana.widget(&desk.server, &profile).await;
        Self { desk, ana, bo, cy, sales, support, profile, widget }
    }

    /// The ticket as the admin sees it now.
    pub async fn ticket(&self, number: i64) -> v1::Ticket {
        self.ana.ticket(number).await.expect("the admin sees every ticket")
    }
}
