//! How much may be written on one ticket, so that one conversation fills no disk and no answer.
//! Several requests at the same moment may pass a bound together. A repeat leaves nothing behind.

use std::time::Duration;

use super::{Desk, Failure, Staff};
use crate::domain::{Caller, Refusal, TeamId, Ticket, TicketId};
use crate::store::{Side, Written};

/// Messages of a ticket's customer.
const CUSTOMER: Bound = Bound { messages: 500, mebibytes: 1 };

/// Replies and notes on a ticket.
const STAFF: Bound = Bound { messages: 1000, mebibytes: 4 };

/// Requests of a customer on one ticket whose outcome is remembered at once. They are forgotten
/// after two days.
const REMEMBERED: i64 = 1_000;

/// How long to stay away when there are that many.
const FORGOTTEN_LATER: Duration = Duration::from_hours(1);

/// What one side may write on a ticket: messages, and their size as they are stored.
struct Bound {
    messages: i64,
    mebibytes: i64,
}

impl Bound {
    fn check(&self, written: Written) -> Result<(), Failure> {
        if written.messages < self.messages && written.bytes < self.mebibytes * 1024 * 1024 {
            return Ok(());
        }
        let text = format!(
            "this ticket has {} messages from your side, or {} MiB of them, and takes no more; go \
             on in another ticket",
            self.messages, self.mebibytes
        );
        Err(Refusal::precondition("TICKET_FULL", text).into())
    }
}

impl Desk {
    /// Whether a ticket's customer may leave more behind: a message, or only what is remembered of
    /// a request.
    pub(super) async fn has_room_for_customer(
        &self,
        (team, ticket): (TeamId, TicketId),
        caller: Caller,
        request_id: &str,
        writes: bool,
    ) -> Result<(), Failure> {
        if self.store.remembers(team, caller, request_id).await? {
            return Ok(());
        }
        if self.store.remembered(team, caller).await? >= REMEMBERED {
            return Err(Failure::Throttled(FORGOTTEN_LATER));
        }
        if writes {
            CUSTOMER.check(self.store.written(team, ticket, Side::Customer).await?)?;
        }
        Ok(())
    }

    /// Whether staff may write one more message on a ticket that they see.
    pub(super) async fn has_room_for_staff(
        &self,
        staff: &Staff,
        ticket: &Ticket,
        request_id: &str,
    ) -> Result<(), Failure> {
        if self.store.remembers(staff.team.id, staff.caller(), request_id).await? {
            return Ok(());
        }
        STAFF.check(self.store.written(staff.team.id, ticket.id, Side::Staff).await?)
    }
}
