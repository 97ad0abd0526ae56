//! Deskbell from end to end, as stories: real processes, real gRPC, both databases. Rules are tested beside their code.

mod failing;
mod groups;
mod main_job;
mod many_servers;
mod members;
mod races;
mod sight;
mod sign_in;
mod submits;
mod tickets;
mod watching;
