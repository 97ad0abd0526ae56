//! The program `deskbell-server`. Everything it does is in the library's `commands`.

use std::process::ExitCode;

fn main() -> ExitCode {
    deskbell_server::commands::run()
}
