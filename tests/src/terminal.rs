//! A program in a real terminal: a private tmux that nobody else sees.

use std::path::PathBuf;
use std::process::{Command, Output};

use crate::process::Process;
use crate::scratch;
use crate::shell::Shell;
use crate::waiting::{BOUND, eventually};

/// Columns and lines of every terminal here.
pub const SIZE: (usize, usize) = (80, 24);

/// A terminal with a program in it. Dropping it ends both.
pub struct Terminal {
    socket: PathBuf,
    raw: PathBuf,
    /// The program's exit status, once it has ended.
    status: PathBuf,
    _process: Process,
}

impl Terminal {
    /// Opens a terminal of 80 by 24 in which this person runs `deskbell queue`.
    pub async fn queue(shell: &Shell) -> Self {
        let program = crate::programs::operator();
        Self::open(shell, program.to_str().expect("a path in UTF-8"), &["queue"]).await
    }

    /// Opens a terminal in which this person has a shell with jobs, which leaves the terminal's
    /// modes alone.
    pub async fn shell(shell: &Shell) -> Self {
        let terminal = Self::open(&shell.clone().with("PS1", "$ "), "sh", &["-i"]).await;
        terminal.shows("$").await;
        terminal
    }

    async fn open(shell: &Shell, program: &str, words: &[&str]) -> Self {
        let folder = scratch::folder("terminal");
        let socket = folder.join("tmux");
        let (raw, status) = (folder.join("raw"), folder.join("status"));
        // -D: it stays a child of the tests, and ends with them.
        let arguments =
            ["-S", socket.to_str().expect("UTF-8"), "-f", "/dev/null", "-D"].map(str::to_owned);
        let [tmux] = found([("tmux", "tmux")]);
        let process = Process::start(None, "KILL", &tmux, &arguments, &folder);
        let terminal = Self { socket, raw, status, _process: process };
        // What is recorded is recorded from the first byte on, so the program waits for it.
        let shell = shell.clone().with("TERM", "screen-256color");
        // tmux itself forgets how a program ended when it hears of it at a bad moment, so that the
        // shell tells.
        let told = terminal.status.to_str().expect("UTF-8").to_owned();
        let script = r#"read begin; status=$1; shift; "$@"; echo $? > "$status.new"; mv "$status.new" "$status""#;
        let mut inside = vec!["-c", script, "sh", &told, program];
        inside.extend(words);
        let inside = shell.words("sh".as_ref(), &inside);
        eventually("tmux answers", BOUND, async || {
            terminal.tmux(&["set", "-g", "status", "off"]).status.success()
        })
        .await;
        terminal.good(&["set", "-g", "remain-on-exit", "on"]);
        terminal.good(&["set", "-sg", "escape-time", "0"]);
        let mut new = vec!["new-session", "-d", "-s", "story", "-x", "80", "-y", "24", "--"];
        new.extend(inside.iter().map(String::as_str));
        terminal.good(&new);
        terminal.good(&[
            "pipe-pane",
            "-O",
            "-t",
            "story",
            &format!("exec cat > '{}'", terminal.raw.display()),
        ]);
        eventually("tmux records", BOUND, async || terminal.raw.exists()).await;
        terminal.press(&["Enter"]);
        terminal
    }

    fn tmux(&self, words: &[&str]) -> Output {
        // -N: never a server that outlives the tests.
        Command::new("tmux")
            .arg("-N")
            .arg("-S")
            .arg(&self.socket)
            .args(words)
            .output()
            .expect("tmux")
    }

    fn good(&self, words: &[&str]) -> String {
        let output = self.tmux(words);
        assert!(
            output.status.success(),
            "tmux {words:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Presses keys, as tmux names them: `Enter`, `C-s`, `Escape`, `?`.
    pub fn press(&self, keys: &[&str]) {
        let mut words = vec!["send-keys", "-t", "story", "--"];
        words.extend(keys);
        self.good(&words);
    }

    /// Types a text.
    pub fn write(&self, text: &str) {
        self.good(&["send-keys", "-t", "story", "-l", "--", text]);
    }

    /// What is on the screen.
    pub fn screen(&self) -> String {
        self.good(&["capture-pane", "-p", "-t", "story"])
    }

    /// What is on the screen, with the colours and weights as escape sequences.
    pub fn coloured_screen(&self) -> String {
        self.good(&["capture-pane", "-p", "-e", "-t", "story"])
    }

    /// What tmux knows about the terminal, by its format.
    pub fn tells(&self, format: &str) -> String {
        self.good(&["display-message", "-p", "-t", "story", format]).trim().to_owned()
    }

    /// Sends a signal to the process of this name in the terminal.
    pub fn signal(&self, signal: &str, name: &str) {
        let first = self.tells("#{pane_pid}");
        let process = descendant(&first, name).expect("it runs in the terminal");
        let sent = Command::new("kill").args(["-s", signal, &process]).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill -s {signal} {process}");
    }

    /// Every byte that the program wrote to the terminal so far.
    pub fn raw(&self) -> Vec<u8> {
        std::fs::read(&self.raw).expect("a recording")
    }

    /// How often the bell rang so far.
    pub fn bells(&self) -> usize {
        String::from_utf8_lossy(&self.raw()).matches('\u{7}').count()
    }

    /// The program's exit status, when it has ended.
    pub fn ended(&self) -> Option<i32> {
        std::fs::read_to_string(&self.status).ok()?.trim().parse().ok()
    }

    /// Waits until the program has ended, and gives its exit status.
    pub async fn ends(&self) -> i32 {
        let begun = std::time::Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(
                begun.elapsed() < BOUND,
                "the program never ended; the screen shows\n{}",
                self.screen()
            );
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// Waits until the screen is so, and gives it.
    pub async fn until(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        let begun = std::time::Instant::now();
        loop {
            let screen = self.screen();
            if is_so(&screen) {
                return screen;
            }
            assert!(
                begun.elapsed() < BOUND,
                "the screen never came to this: {what}; it shows\n{screen}"
            );
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// Waits until the screen shows this text.
    pub async fn shows(&self, text: &str) -> String {
        self.until(&format!("it shows {text:?}"), |screen| screen.contains(text)).await
    }

    /// Waits until the screen does not show this text.
    pub async fn hides(&self, text: &str) -> String {
        self.until(&format!("it does not show {text:?}"), |screen| !screen.contains(text)).await
    }

    /// Presses a key that opens something over the list, and waits for its title.
    pub async fn opens(&self, key: &str, title: &str) -> String {
        self.press(&[key]);
        self.shows(title).await
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.tmux(&["kill-server"]));
    }
}

/// The process of this name below another.
fn descendant(process: &str, name: &str) -> Option<String> {
    let read = |what: &str| std::fs::read_to_string(format!("/proc/{process}/{what}"));
    if read("comm").is_ok_and(|its| its.trim() == name) {
        return Some(process.to_owned());
    }
    let children = read(&format!("task/{process}/children")).ok()?;
    children.split_whitespace().find_map(|child| descendant(child, name))
}

/// Programs of the system, given with their packages: where they are. Panics with all packages that
/// are not there.
pub(crate) fn found<const COUNT: usize>(programs: [(&str, &str); COUNT]) -> [PathBuf; COUNT] {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let place = |program| {
        std::env::split_paths(&path)
            .map(|folder| folder.join(program))
            .find(|place| place.is_file())
    };
    let places = programs.map(|(program, _)| place(program));
    let missing = programs.iter().zip(&places).filter(|(_, place)| place.is_none());
    let missing: Vec<&str> = missing.map(|((_, package), _)| *package).collect();
    assert!(
        missing.is_empty(),
        "packages are missing (tests/run installs them): {}",
        missing.join(" ")
    );
    places.map(Option::unwrap_or_default)
}
