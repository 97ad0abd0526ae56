//! A person at a command line: programs with a home and an environment of their own, untouched by
//! whoever runs the tests.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use deskbell_proto::v1;
use serde_json::Value;

use crate::host::run;
use crate::process::Process;
use crate::server::Server;
use crate::staff::Staff;
use crate::{programs, scratch};

/// A person's home and environment.
#[derive(Clone, Debug)]
pub struct Shell {
    home: PathBuf,
    variables: Vec<(String, String)>,
}

/// How a command ended, as people see it.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The exit status.
    pub status: i32,
    /// What it printed.
    pub printed: String,
    /// What it complained about.
    pub complaint: String,
}

/// A program that goes on beside the story. Dropping it kills it.
pub struct Running(Process);

impl Running {
    /// What it printed so far, complaints and all.
    pub fn printed(&self) -> String {
        self.0.printed()
    }
}

impl Ended {
    /// What was printed as JSON, one value a line.
    pub fn json(&self) -> Vec<Value> {
        let value = |line| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}; {self:?}"))
        };
        self.printed.lines().map(value).collect()
    }

    /// The same. Panics unless it succeeded.
    #[expect(
        clippy::return_self_not_must_use,
        reason = "that it succeeded is often all a story wants"
    )]
    pub fn good(self) -> Self {
        assert_eq!(self.status, 0, "{self:?}");
        self
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            // Killed by a signal is no exit status that anything documents.
            status: output.status.code().unwrap_or(-1),
            printed: String::from_utf8(output.stdout).expect("programs print UTF-8"),
            complaint: String::from_utf8(output.stderr).expect("programs print UTF-8"),
        }
    }
}

impl Shell {
    /// Somebody who never used Deskbell.
    pub fn new() -> Self {
        let home = scratch::folder("home");
        let path = std::env::var("PATH").unwrap_or_default();
        let config = home.join("deskbell");
        let variables = [
            ("PATH", path.as_str()),
            ("HOME", home.to_str().expect("a path in UTF-8")),
            ("DESKBELL_CONFIG_DIR", config.to_str().expect("a path in UTF-8")),
            ("LANG", "C.UTF-8"),
            ("TZ", "UTC"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { home, variables }
    }

    /// Somebody whose session is in the environment, as scripts have it.
    pub fn of(staff: &Staff, server: &Server) -> Self {
        Self::new()
            .with("DESKBELL_SERVER", server.address())
            .with("DESKBELL_TOKEN", &staff.token)
            .with("DESKBELL_FINGERPRINT", server.fingerprint())
    }

    /// With another variable of the environment.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The home folder.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Words that make `env` run a program in this environment: for whoever starts programs by
    /// words alone.
    pub fn words(&self, program: &Path, words: &[&str]) -> Vec<String> {
        let set = self.variables.iter().map(|(name, value)| format!("{name}={value}"));
        let program = program.to_str().expect("a path in UTF-8").to_owned();
        let mut all = vec!["env".to_owned(), "-i".to_owned()];
        all.extend(set);
        all.push(program);
        all.extend(words.iter().map(|&word| word.to_owned()));
        all
    }

    /// A command in this environment.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.home);
        command
    }

    /// Runs any program to its end, with this on its standard input.
    pub fn run(&self, program: impl AsRef<OsStr>, words: &[&str], input: &str) -> Ended {
        run(self.command(program).args(words), input).into()
    }

    /// Starts a program that goes on beside the story.
    pub fn start(&self, program: &Path, words: &[&str]) -> Running {
        let words = self.words(program, words);
        Running(Process::start(
            None,
            "KILL",
            Path::new("/usr/bin/env"),
            &words[1..],
            &scratch::folder("running"),
        ))
    }

    /// Runs `deskbell`.
    pub fn deskbell(&self, words: &[&str]) -> Ended {
        self.run(programs::operator(), words, "")
    }

    /// Packages a profile with the real widget, and unpacks the archive as a customer would: the
    /// folder with the program.
    pub fn packaged(&self, profile: &v1::Profile) -> PathBuf {
        let name = &profile.settings.as_ref().expect("the profile has settings").name;
        let program = programs::widget();
        let archive = self.home.join("handed-out.tar.gz");
        let archive = archive.to_str().expect("a path in UTF-8");
        let program = program.to_str().expect("a path in UTF-8");
        self.deskbell(&["profile", "package", name, "--program", program, "--output", archive])
            .good();
        let unpacked = scratch::folder("unpacked");
        let into = unpacked.to_str().expect("a path in UTF-8");
        self.run("tar", &["-xzf", archive, "-C", into], "").good();
        let mut folders = std::fs::read_dir(unpacked).expect("an unpacked archive").flatten();
        folders.next().expect("a folder in the archive").path()
    }
}

impl Default for Shell {
    fn default() -> Self {
        Self::new()
    }
}
