//! Deskbell's contract as Rust: the generated types, the client, and the watch that resumes by itself.
//!
//! The contract itself is `deskbell/v1/*.proto`, beside this crate's source; everything here follows from it.

/// The generated messages, clients and servers of package `deskbell.v1`.
#[allow(missing_docs, clippy::pedantic, reason = "generated code; its comments come from the .proto files")]
pub mod v1 {
    tonic::include_proto!("deskbell.v1");
}

pub mod encoded;
pub mod watch;

/// The compiled contract (`google.protobuf.FileDescriptorSet`), with comments' positions left out.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
