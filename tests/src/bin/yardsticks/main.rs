//! The programs that `./tests/bench` starts beside the server, each in a process of its own:
//! yardsticks, and the store's writer by itself.

mod bare_server;
mod commits;
mod relay;
mod writer;

use std::process::ExitCode;

use deskbell_tests::measuring::{BARE_SERVER, COMMITS, RELAY, WRITER};

/// As in the server, in whose place they are.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let ended = match std::env::args().nth(1).as_deref() {
        Some(COMMITS) => commits::run().await,
        Some(BARE_SERVER) => bare_server::run().await,
        Some(RELAY) => relay::run().await,
        Some(WRITER) => writer::run().await,
        _ => Err("./tests/bench starts this".into()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("yardsticks: {error}");
            ExitCode::FAILURE
        }
    }
}
