//! Deskbell from end to end, as stories: real processes, real gRPC, both databases. Rules are
//! tested beside their code.

mod access;
mod anonymous;
mod copying;
mod erasing;
mod expiry;
mod failing;
mod floods;
mod front_door;
mod groups;
mod hosting;
mod layers;
mod logging;
mod lost_files;
mod main_job;
mod many_servers;
mod many_servers_balanced;
mod members;
mod operations;
mod organizations;
mod pages;
mod pinning;
mod profiles;
mod programs;
mod python;
mod races;
mod scripts;
mod sight;
mod sign_in;
mod sizes;
mod submits;
mod terminal;
mod texts;
mod tickets;
mod watching;
mod window;
