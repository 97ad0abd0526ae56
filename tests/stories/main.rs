//! Deskbell from end to end, as stories: real processes, real gRPC, both databases. Rules are tested beside their code.

mod main_job;
