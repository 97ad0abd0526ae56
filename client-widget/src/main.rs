//! The customer's window: a small branded program that rings for help.
//!
//! `state` is what the window shows, `screens` draw it, `link` is the one thread that does input
//! and output, `outbox` and `manifest` are what lies on disk. `command` is the way in.

// Without this a customer on Windows would see a console open behind the window. Scripts that
// redirect the output still get it.
#![cfg_attr(windows, windows_subsystem = "windows")]

mod app;
mod catch_up;
mod command;
mod disk;
mod facts;
mod failure;
mod in_use;
mod inert;
mod link;
mod logo;
mod manifest;
mod outbox;
mod preview;
mod screens;
mod state;
mod submit;
mod texts;
mod theme;
mod ticket;
mod tickets;

use std::process::ExitCode;

fn main() -> ExitCode {
    command::run()
}
