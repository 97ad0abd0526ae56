//! The metrics there are, in one table.

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
/// Whether the database answers: 1 or 0.
pub const DATABASE_UP: &str = "deskbell_database_up";

/// Servers that live on this database.
pub const SERVERS: &str = "deskbell_servers";

/// What a metric does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Durations in seconds.
    Histogram,
}

/// Every metric, with what it says.
pub const TABLE: &[(&str, Kind, &str)] = &[
    (CONNECTIONS_OPEN, Kind::Gauge, "Connections that are open."),
    (CONNECTIONS_REFUSED, Kind::Counter, "Connections refused, by reason: full, address, handshake, system."),
    (CALLS, Kind::Counter, "Calls answered, by method and status code."),
    (CALL_SECONDS, Kind::Histogram, "How long calls took until their answer began, by method."),
    (CHANGES, Kind::Counter, "Changes asked for."),
    (CHANGE_SECONDS, Kind::Histogram, "How long changes took until they were on disk."),
    (SERVERS, Kind::Gauge, "Servers that live on this database."),
    (DATABASE_UP, Kind::Gauge, "Whether the database answers: 1 or 0."),
];
