//! What the log has of a ticket is read for years.

use crate::domain::*;

/// SHA-256 of nothing.
const DIGEST: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn ticket() -> Ticket {
    Ticket {
        id: TicketId(40),
        number: 3,
        version: 9,
        customer_version: 8,
        state: State::InProgress,
        priority: Priority::High,
        operator: None,
        group: None,
        former_group: None,
        former_operator: None,
        origin: Origin::Profile(ProfileId(21)),
        secret_hash: None,
        body_digest: None,
        submitted_at: 1_000,
        changed_at: 2_000,
        changed_by: Actor::Customer,
        changed: What::CustomerWrote,
        expires_at: None,
        ended_at: None,
        handled_by: Vec::new(),
        handled_in: Vec::new(),
        words: ContentRef { id: ContentId(41), digest: sha256(&[]) },
        extras: Extras::default(),
    }
}

/// The log is read for years: what was stored once must stay readable, and read as the same.
#[test]
fn stored_tickets_keep_their_form() {
    let bare = format!(
        r#"{{"ticket":{{"id":40,"number":3,"version":9,"customer_version":8,"state":"in_progress","priority":"high","origin":{{"profile":21}},"submitted_at":1000,"changed_at":2000,"changed_by":"customer","changed":"customer_wrote","words":{{"id":41,"digest":"{DIGEST}"}}}}}}"#
    );
    let change = TicketChange { before: None, former: Former::default(), ticket: ticket() };
    assert_eq!(serde_json::to_string(&change).expect("plain data"), bare);
    assert_eq!(serde_json::from_str::<TicketChange>(&bare).expect("was stored"), change);

    let mut full = TicketChange {
        before: Some(Sight {
            open: true,
            operator: None,
            group: Some(GroupId(11)),
            handled_by: vec![MemberId(2)],
            handled_in: Vec::new(),
        }),
        former: Former::between(&ticket(), &Ticket { group: Some(GroupId(11)), ..ticket() }, &[]),
        ticket: Ticket {
            state: State::Closed,
            operator: Some(MemberId(3)),
            group: Some(GroupId(11)),
            former_group: Some(GroupId(12)),
            former_operator: None,
            secret_hash: Some(sha256(&[])),
            body_digest: Some(sha256(&[])),
            extras: Extras { verified: true, ..Extras::default() },
            changed_by: Actor::Member(MemberId(3)),
            changed: What::Priority(Priority::Low),
            expires_at: Some(3_000),
            ended_at: Some(2_000),
            handled_by: vec![MemberId(2), MemberId(3)],
            handled_in: Vec::new(),
            ..ticket()
        },
    };
    let stored = serde_json::to_value(&full).expect("plain data");
    // It confirms words that are erased one day, so it is in no record.
    assert_eq!(stored["ticket"].get("body_digest"), None);
    full.ticket.body_digest = None;
    assert_eq!(
        stored["before"],
        serde_json::json!({ "open": true, "group": 11, "handled_by": [2] })
    );
    assert_eq!(stored["former"], serde_json::json!({ "group": null }));
    assert_eq!(stored["ticket"]["changed"], serde_json::json!({ "priority": "low" }));
    assert_eq!(stored["ticket"]["changed_by"], serde_json::json!({ "member": 3 }));
    assert_eq!(serde_json::from_value::<TicketChange>(stored).expect("was stored"), full);
}

#[test]
fn a_later_versions_fields_are_no_trouble() {
    let mut stored = serde_json::to_value(TicketChange {
        before: None,
        former: Former::default(),
        ticket: ticket(),
    })
    .expect("plain data");
    stored["ticket"]["merged_into"] = serde_json::json!(7);
    assert_eq!(
        serde_json::from_value::<TicketChange>(stored).expect("known fields").ticket,
        ticket()
    );
}
