//! The server of Deskbell: accounts, teams, groups, profiles and tickets over gRPC, on SQLite or
//! PostgreSQL.
//!
//! The rooms, from the inside out: `domain` ← `store`, `hub` ← `desk` ← `grpc`. Imports point left,
//! never right. A change walks from a `grpc` handler to a `desk` use case, is decided by `domain`
//! inside a transaction of `store`, and is told by `hub` to everyone who watches.

pub mod clock;
pub mod commands;
pub mod config;
pub mod desk;
pub mod domain;
pub mod front;
pub mod grpc;
pub mod hub;
#[cfg(test)]
mod rooms;
pub mod secrets;
pub mod store;
pub mod supervise;
pub mod telemetry;
