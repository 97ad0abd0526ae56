//! The program `deskbell-server`. Everything it does is in the library's `commands`.

use std::process::ExitCode;

/// Requests begin on one thread and end on another, a thousand at a time, which the C library's
/// allocator is slow at.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    deskbell_server::commands::run()
}
