//! Deskbell from end to end, as stories: real processes, real gRPC, both databases. Rules are tested beside their code.

mod main_job;
mod races;
mod sight;
mod submits;
mod tickets;
mod watching;
