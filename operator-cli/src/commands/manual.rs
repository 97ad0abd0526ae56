//! `deskbell completions` and `deskbell man`: made from the command line itself, so they cannot be
//! wrong about it.

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;

use crate::failure::Failure;

/// See `deskbell completions --help`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  deskbell completions bash > ~/.local/share/bash-completion/completions/deskbell
  deskbell completions zsh > ~/.zfunc/_deskbell")]
pub struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    /// Prints the completions.
    pub fn run(self, mut command: Command) -> Result<(), Failure> {
        // Made in memory first, because the generator would panic when the reader of its output
        // goes away.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "deskbell", &mut script);
        Ok(io::stdout().lock().write_all(&script)?)
    }
}

/// See `deskbell man --help`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  deskbell man | man -l -\n  deskbell man --folder \
        ~/.local/share/man/man1")]
pub struct Man {
    /// Write a page for each command into this folder, rather than printing the main one
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

impl Man {
    /// Prints or writes the pages.
    pub fn run(self, command: Command) -> Result<(), Failure> {
        if let Some(folder) = self.folder {
            std::fs::create_dir_all(&folder)
                .and_then(|()| clap_mangen::generate_to(command, &folder))
                .map_err(|problem| Failure::file("write into", &folder, &problem))
        } else {
            let mut page = Vec::new();
            clap_mangen::Man::new(command).render(&mut page)?;
            Ok(io::stdout().lock().write_all(&page)?)
        }
    }
}
