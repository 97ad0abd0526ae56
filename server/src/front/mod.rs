//! The front door: from a listening socket to calls, with a limit on everything a stranger can do
//! before being known.
//!
//! A connection is counted ([`gate`]), says for whom it is if a balancer makes it ([`balancer`]),
//! shakes hands in time and says that it speaks HTTP/2 ([`accept`]), and only then is served
//! ([`serve`]) as long as it does not flood the server ([`frames`]), as one task with its calls ([`together`]), which keep the deadlines of their
//! clients ([`deadline`]). Stopping is announced ([`stopping`]), idle streams are ended with a word
//! ([`farewell`]), calls are waited for, and then it is done.

mod accept;
mod balancer;
mod certificates;
mod connection;
mod deadline;
mod farewell;
mod frames;
mod gate;
mod serve;
mod stopping;
mod together;

pub use certificates::{Certificates, CertificatesProblem};
pub use connection::remote_address;
pub use farewell::trailers;
pub use gate::household;
pub use serve::{Ended, Front};
pub use stopping::{Asked, Stage, Stopping, on_signals};

#[cfg(test)]
mod tests;
