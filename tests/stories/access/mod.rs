//! Who may do what and who sees what: the access matrix, generated from the contract's descriptors
//! against a policy that can be read, and lists against an oracle on random teams.
//!
//! Start with `policy`.

mod bodies;
mod lists;
mod matrix;
mod oracle;
mod policy;
mod stage;
mod wire;
