//! Deskbell's contract as Rust: the generated types, the client, and the watch that resumes by
//! itself.
//!
//! The contract itself is `deskbell/v1/*.proto`, beside this crate's source; everything here
//! follows from it.

/// The generated messages, clients and servers of package `deskbell.v1`.
#[allow(
    missing_docs,
    clippy::pedantic,
    reason = "generated code; its comments come from the .proto files"
)]
pub mod v1 {
    tonic::include_proto!("deskbell.v1");
}

pub mod address;
pub mod characters;
pub mod client;
#[cfg(test)]
mod contract;
pub mod fold;
pub mod inert;
pub mod json;
pub mod manifest;
pub mod pin;
pub mod problem;
pub mod reading;
pub mod ticket_secret;
mod tls;
pub mod watch;

/// The compiled contract (`google.protobuf.FileDescriptorSet`), with its comments.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// "sha256:" and the lower-case hexadecimal of the SHA-256.
fn sha256_fingerprint(bytes: &[u8]) -> String {
    format!(
        "sha256:{}",
        hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref())
    )
}
