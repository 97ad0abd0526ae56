//! Programs that run beside the tests and end with them, also when the tests are killed.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{LazyLock, mpsc};
use std::thread;
use std::time::Duration;

use crate::scratch;
use crate::waiting::eventually;

type Order = (Command, mpsc::Sender<std::io::Result<Child>>);

/// Starts all programs. The signal that they get at their parent's death is bound to the thread
/// that started them, so that thread has to live as long as the tests do.
static KEEPER: LazyLock<mpsc::Sender<Order>> = LazyLock::new(|| {
    let (orders, taken) = mpsc::channel::<Order>();
    thread::spawn(move || {
        for (mut command, answer) in taken {
            // Nobody waits any more: then dropping is all there is to do.
            drop(answer.send(command.spawn()));
        }
    });
    orders
});

/// A program that runs beside the tests.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program that gets `signal` when the tests die. What it prints goes to a file in
    /// `folder`.
    pub(crate) fn start(
        user: Option<&str>,
        signal: &str,
        program: &Path,
        arguments: &[String],
        folder: &Path,
    ) -> Self {
        Self::run(
            as_user(user, &["--pdeathsig", signal]),
            Stdio::null(),
            None,
            program,
            arguments,
            folder,
        )
    }

    /// Starts a program that dies with the tests, whose standard error goes there if it is given.
    pub(crate) fn start_logging_to(
        errors: Option<Stdio>,
        program: &Path,
        arguments: &[String],
        folder: &Path,
    ) -> Self {
        let command = as_user(None, &["--pdeathsig", "KILL"]);
        Self::run(command, Stdio::null(), errors, program, arguments, folder)
    }

    /// Starts a program that dies with the tests, with this as its standard input.
    pub(crate) fn start_with(
        input: Stdio,
        program: &Path,
        arguments: &[String],
        folder: &Path,
    ) -> Self {
        Self::run(as_user(None, &["--pdeathsig", "KILL"]), input, None, program, arguments, folder)
    }

    fn run(
        mut command: Command,
        input: Stdio,
        errors: Option<Stdio>,
        program: &Path,
        arguments: &[String],
        folder: &Path,
    ) -> Self {
        let name = program.file_name().unwrap_or_default().to_string_lossy();
        let (log, file) = scratch::log_file(folder, &format!("{name}.log"));
        // A file that may not grow further shall fail a write, as a full disk does, and not end the
        // program.
        command.args(["env", "--ignore-signal=XFSZ", "--"]);
        command.arg(program).args(arguments).stdin(input);
        command.stdout(file.try_clone().expect("a second handle"));
        command.stderr(errors.unwrap_or_else(|| file.into()));
        let (answer, started) = mpsc::channel();
        KEEPER.send((command, answer)).expect("the keeper lives");
        let child =
            started.recv().expect("the keeper answers").expect("setpriv (package util-linux)");
        Self { child, log }
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        // The child was not waited for, so its id is still its own.
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.id().to_string()).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill -{name} {}", self.id());
    }

    /// Lets none of its files grow beyond this many bytes from now on; none: as far as the disk
    /// goes.
    pub(crate) fn limit_files(&self, bytes: Option<u64>) {
        let limit = bytes.map_or("unlimited".to_owned(), |bytes| bytes.to_string());
        let limited = Command::new("prlimit")
            .arg(format!("--pid={}", self.id()))
            .arg(format!("--fsize={limit}:"))
            .status();
        assert!(limited.is_ok_and(|status| status.success()), "prlimit (package util-linux)");
    }

    /// Ends it at once, as a power cut would.
    pub(crate) fn kill(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child of one's own")
    }

    /// Waits for its end.
    pub(crate) async fn ends_within(&mut self, longest: Duration) -> ExitStatus {
        let what = format!("process {} ends", self.id());
        let mut status = None;
        eventually(&what, longest, async || {
            status = self.child.try_wait().expect("a child of one's own");
            status.is_some()
        })
        .await;
        status.expect("waited for")
    }

    /// What it printed.
    pub(crate) fn printed(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A command as this user, by `setpriv`, which then becomes the command.
pub(crate) fn as_user(user: Option<&str>, more: &[&str]) -> Command {
    let mut command = Command::new("setpriv");
    if let Some(user) = user {
        command.arg(format!("--reuid={user}")).arg(format!("--regid={user}")).arg("--init-groups");
    }
    command.args(more);
    if user.is_none() && more.is_empty() {
        // setpriv wants at least one thing to do.
        command.arg("--no-new-privs");
    }
    command.arg("--");
    command
}
