//! The metrics there are, in one table. `deploy/README.md` shows the same to whoever hosts; a test
//! keeps the two together.

/// Connections that are open, handshakes among them.
pub const CONNECTIONS_OPEN: &str = "deskbell_connections_open";
/// Connections refused, by `reason`: `full`, `address`, `handshake`, `system`.
pub const CONNECTIONS_REFUSED: &str = "deskbell_connections_refused_total";
/// Calls answered, by `method` and `code`.
pub const CALLS: &str = "deskbell_calls_total";
/// How long calls took until their answer began, in seconds, by `method`.
pub const CALL_SECONDS: &str = "deskbell_call_seconds";
/// Changes asked for.
pub const CHANGES: &str = "deskbell_changes_asked_total";
/// How long changes took until they were on disk, in seconds.
pub const CHANGE_SECONDS: &str = "deskbell_change_seconds";
/// How long the database took to write the last rows of a transaction and commit it, in seconds.
pub const COMMIT_SECONDS: &str = "deskbell_commit_seconds";
/// Requests that shared a commit.
pub const COMMIT_REQUESTS: &str = "deskbell_commit_requests";
/// Queues that are watched.
pub const WATCHES_OPEN: &str = "deskbell_watches_open";
/// From a commit until a watcher's stream has the change, in seconds.
pub const WATCH_DELAY_SECONDS: &str = "deskbell_watch_delay_seconds";
/// From the call for help until its first answer, in seconds.
pub const FIRST_ANSWER_SECONDS: &str = "deskbell_first_answer_seconds";
/// Open tickets of the whole host, by `state`: `new`, `in_progress`, `answered`.
pub const TICKETS_OPEN: &str = "deskbell_tickets_open";
/// How long the oldest new ticket of the whole host has waited, in seconds.
pub const OLDEST_NEW_TICKET_SECONDS: &str = "deskbell_oldest_new_ticket_seconds";
/// Servers that live on this database.
pub const SERVERS: &str = "deskbell_servers";
/// Whether the database answers: 1 or 0.
pub const DATABASE_UP: &str = "deskbell_database_up";
/// Whether the certificate was in order when it was last looked at: 1 or 0.
pub const CERTIFICATE_UP: &str = "deskbell_certificate_up";

/// What a metric does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Is spread over buckets with these upper bounds.
    Histogram(&'static [f64]),
}

/// Seconds that machines take: from a tenth of a millisecond to ten seconds.
const MACHINES: Kind = Kind::Histogram(&[
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
]);

/// Seconds that people wait: from one second to a day.
const PEOPLE: Kind = Kind::Histogram(&[
    1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0,
    28_800.0, 86_400.0,
]);

/// Sizes of batches, up to the largest there is.
const SIZES: Kind =
    Kind::Histogram(&[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_024.0]);

/// Every metric, with what it says.
pub const TABLE: &[(&str, Kind, &str)] = &[
    (
        FIRST_ANSWER_SECONDS,
        PEOPLE,
        "Seconds from the call for help until somebody was on it: taken, given to an operator, \
         replied to or closed by one. \
         Each ticket once, counted by the server that wrote it.",
    ),
    (
        TICKETS_OPEN,
        Kind::Gauge,
        "Open tickets by state: new, in_progress, answered. Of the whole host: every server says \
         the same, take the max.",
    ),
    (
        OLDEST_NEW_TICKET_SECONDS,
        Kind::Gauge,
        "Seconds that the oldest new ticket has waited; 0 without one. Of the whole host: take \
         the max.",
    ),
    (CHANGES, Kind::Counter, "Changes asked for."),
    (
        CHANGE_SECONDS,
        MACHINES,
        "Seconds from asking for a change until it was on disk, waiting for a place included.",
    ),
    (
        COMMIT_SECONDS,
        MACHINES,
        "Seconds the database took to write the last rows of a transaction and commit it.",
    ),
    (COMMIT_REQUESTS, SIZES, "Requests that shared a transaction."),
    (WATCHES_OPEN, Kind::Gauge, "Queues that are watched on this server."),
    (
        WATCH_DELAY_SECONDS,
        MACHINES,
        "Seconds from a commit on this server until a watcher's stream took the change. Of many \
         watchers of a team a few are \
         measured; slow readers count as slow.",
    ),
    (CALLS, Kind::Counter, "Calls answered, by method and status code."),
    (CALL_SECONDS, MACHINES, "Seconds until the answer to a call began, by method."),
    (CONNECTIONS_OPEN, Kind::Gauge, "Connections that are open."),
    (
        CONNECTIONS_REFUSED,
        Kind::Counter,
        "Connections refused, by reason: full, address, handshake, system.",
    ),
    (
        SERVERS,
        Kind::Gauge,
        "Servers that live on this database. Every server says the same: take the max.",
    ),
    (DATABASE_UP, Kind::Gauge, "Whether the database answers this server: 1 or 0."),
    (
        CERTIFICATE_UP,
        Kind::Gauge,
        "Whether the certificate was in order when it was last looked at: 1 or 0. At 0 the old \
         one is still presented.",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_handbook_has_the_same_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/README.md");
        let handbook = std::fs::read_to_string(path).expect("the handbook");
        let rows = handbook.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        let written: BTreeSet<_> = rows.filter(|name| name.starts_with("deskbell_")).collect();
        let known: BTreeSet<_> = TABLE.iter().map(|(name, ..)| *name).collect();
        assert_eq!(written, known);
    }

    #[test]
    fn names_tell_the_unit() {
        for (name, kind, _) in TABLE {
            assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
            if matches!(kind, Kind::Histogram(_)) {
                assert_eq!(name.ends_with("_seconds"), *kind != SIZES, "{name}");
            }
        }
    }
}
