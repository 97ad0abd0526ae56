//! The front door: from a listening socket to calls, with a limit on everything a stranger can do
//! before being known.
//!
//! A connection is counted ([`gate`]), says for whom it is if a balancer makes it ([`balancer`]),
//! shakes hands in time and says that it speaks HTTP/2 ([`accept`]), and only then is given to
//! tonic's server ([`serve`]), as long as it does not flood the server ([`frames`]). Stopping is
//! announced ([`stopping`]), idle streams are ended with a status ([`endings`]), calls are waited
//! for, and then it is done.

mod accept;
mod balancer;
mod certificates;
mod connection;
mod endings;
mod frames;
mod gate;
mod serve;
mod stopping;

pub use certificates::{Certificates, CertificatesProblem};
pub use connection::remote_address;
pub use endings::trailers;
pub use gate::household;
pub use serve::{Ended, Front};
pub use stopping::{Asked, Stage, Stopping, on_signals};

#[cfg(test)]
mod tests;
