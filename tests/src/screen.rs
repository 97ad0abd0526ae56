//! A screen without a monitor, with a window manager, a keyboard and a mouse; and the widget's
//! window on it.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use crate::process::Process;
use crate::scratch;
use crate::shell::Shell;
use crate::terminal::found;
use crate::waiting::{BOUND, eventually};

/// The most pixels that a blinking text cursor has.
const CURSOR: usize = 60;

/// After this long without an effect a key is pressed again.
const PRESS_AGAIN: Duration = Duration::from_secs(2);

/// A screen, and whoever looks at it and types.
///
/// The pictures that a story keeps are for whoever wants to know why it failed: after a story that
/// passed they go, unless `DESKBELL_KEEP_PICTURES` is set.
pub struct Screen {
    display: String,
    pictures: PathBuf,
    taken: Cell<u32>,
    _processes: [Process; 2],
}

/// A running program with a window on a screen. Dropping it kills it.
pub struct Window<'screen> {
    screen: &'screen Screen,
    id: String,
    /// The colour of its buttons and of its text cursor.
    accent: [u8; 3],
    process: Process,
}

/// What a window looked like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    /// Red, green, blue; row by row.
    pixels: Vec<[u8; 3]>,
}

impl Screen {
    /// Switches one on.
    pub async fn new() -> Self {
        let folder = scratch::folder("screen");
        let needed = [
            ("Xvfb", "xvfb"),
            ("openbox", "openbox"),
            ("xdotool", "xdotool"),
            ("import", "imagemagick"),
        ];
        let [xvfb, openbox, ..] = found(needed);
        // It chooses a free display and prints its number.
        let arguments =
            ["-displayfd", "1", "-screen", "0", "1024x768x24", "-nolisten", "tcp", "-noreset"];
        let mut server =
            Process::start(None, "KILL", &xvfb, &arguments.map(str::to_owned), &folder);
        let mut number = None;
        eventually("Xvfb chooses a display", BOUND, async || {
            assert!(server.ended().is_none(), "Xvfb ended: {}", server.printed());
            let printed = server.printed();
            // A whole line: half a number is another display.
            number = printed
                .split_inclusive('\n')
                .find_map(|line| line.strip_suffix('\n')?.parse::<u32>().ok());
            number.is_some()
        })
        .await;
        let display = format!(":{}", number.expect("waited for"));
        let shell = Shell::new().with("DISPLAY", &display);
        let arguments = shell.words(&openbox, &["--sm-disable"]);
        let manager =
            Process::start(None, "KILL", Path::new("/usr/bin/env"), &arguments[1..], &folder);
        let pictures = tempfile::Builder::new()
            .prefix("deskbell-pictures-")
            .tempdir()
            .expect("a folder")
            .keep();
        let screen = Self { display, pictures, taken: Cell::new(0), _processes: [server, manager] };
        eventually("openbox manages windows", BOUND, async || {
            screen.xdotool(&["get_desktop"]).status.success()
        })
        .await;
        // Out of the way: what lies under the mouse is drawn another way.
        screen.did(&["mousemove", "0", "0"]);
        screen
    }

    /// Opens the widget that was unpacked in this folder, whose profile has this title and this
    /// accent colour.
    pub async fn widget(
        &self,
        shell: &Shell,
        folder: &Path,
        title: &str,
        accent: [u8; 3],
    ) -> Window<'_> {
        let shell = shell.clone().with("DISPLAY", &self.display).with("LIBGL_ALWAYS_SOFTWARE", "1");
        let data = shell.home().join("widget-data");
        let data = data.to_str().expect("a path in UTF-8");
        let words = shell.words(&folder.join("deskbell-widget"), &["--data-dir", data]);
        let mut process = Process::start(
            None,
            "KILL",
            Path::new("/usr/bin/env"),
            &words[1..],
            &scratch::folder("widget"),
        );
        let pid = process.id().to_string();
        let mut id = None;
        eventually("the widget has a window", BOUND, async || {
            assert!(process.ended().is_none(), "the widget ended: {}", process.printed());
            let found = self.xdotool(&["search", "--onlyvisible", "--pid", &pid]);
            id = String::from_utf8_lossy(&found.stdout).lines().next().map(str::to_owned);
            id.is_some()
        })
        .await;
        let window = Window { screen: self, id: id.expect("waited for"), accent, process };
        eventually("the window has the keyboard", BOUND, async || {
            drop(self.xdotool(&["windowactivate", &window.id]));
            let active = self.xdotool(&["getactivewindow"]);
            String::from_utf8_lossy(&active.stdout).trim() == window.id
        })
        .await;
        eventually(&format!("the title is {title:?}"), BOUND, async || window.title() == title)
            .await;
        window.settled().await;
        window
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("DISPLAY", &self.display).env("LC_ALL", "C.UTF-8");
        command
    }

    fn xdotool(&self, words: &[&str]) -> Output {
        self.command("xdotool").args(words).output().expect("xdotool")
    }

    fn did(&self, words: &[&str]) {
        let output = self.xdotool(words);
        assert!(
            output.status.success(),
            "xdotool {words:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if std::thread::panicking() || std::env::var_os("DESKBELL_KEEP_PICTURES").is_some() {
            eprintln!("pictures of the windows: {}", self.pictures.display());
        } else {
            // Whatever stays is only pictures.
            drop(std::fs::remove_dir_all(&self.pictures));
        }
    }
}

impl Window<'_> {
    /// Its title now.
    pub fn title(&self) -> String {
        let output = self.screen.xdotool(&["getwindowname", &self.id]);
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// What it looks like now.
    pub fn picture(&self) -> Picture {
        let output = self
            .screen
            .command("import")
            .args(["-window", &self.id, "-depth", "8", "ppm:-"])
            .output();
        Picture::from_ppm(&output.expect("import").stdout).expect("a picture of the window")
    }

    /// Keeps a picture beside the others of this run, for whoever wants to know why a story failed.
    pub fn keep(&self, name: &str) {
        let count = self.screen.taken.get() + 1;
        self.screen.taken.set(count);
        let path = self.screen.pictures.join(format!("{count:02}-{name}.png"));
        let status = self.screen.command("import").args(["-window", &self.id]).arg(&path).status();
        assert!(status.is_ok_and(|status| status.success()), "a picture of the window");
    }

    /// Waits until it is drawn and stays as it is, and gives the picture.
    pub async fn settled(&self) -> Picture {
        self.looks("it comes to rest", |_| true).await
    }

    /// Waits until it looks so and stays as it is, and gives the picture.
    pub async fn looks(&self, what: &str, is_so: impl Fn(&Picture) -> bool) -> Picture {
        let begun = Instant::now();
        let mut before = self.picture();
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let now = self.picture();
            if self.same(&now, &before) && now.is_drawn() && is_so(&now) {
                return now;
            }
            if begun.elapsed() > BOUND {
                self.keep("stuck");
                panic!(
                    "the window never came to this: {what}; it printed: {}",
                    self.process.printed()
                );
            }
            before = now;
        }
    }

    /// Waits until it looks quite another way than in this picture, and stays so.
    pub async fn changes(&self, before: &Picture, what: &str) -> Picture {
        self.looks(what, |now| !self.same(now, before)).await
    }

    /// Whether two pictures are the same, perhaps but for a blinking text cursor.
    fn same(&self, one: &Picture, other: &Picture) -> bool {
        let (by_cursor, otherwise) = one.differs(other, self.accent);
        by_cursor <= CURSOR && otherwise == 0
    }

    /// Presses a key and waits until the window shows that it was heard.
    pub async fn press(&self, key: &str) {
        let before = self.settled().await;
        self.screen.did(&["key", "--clearmodifiers", key]);
        self.changes(&before, &format!("the key {key} does something")).await;
    }

    /// Types a text where the keyboard's place is, and waits until it is there.
    pub async fn write(&self, text: &str) {
        let before = self.settled().await;
        for (number, line) in text.split('\n').enumerate() {
            if number > 0 {
                // xdotool would type a line feed, which no keyboard has.
                self.screen.did(&["key", "Return"]);
            }
            self.screen.did(&["type", "--clearmodifiers", "--delay", "15", line]);
        }
        self.changes(&before, &format!("{text:?} is typed")).await;
    }

    /// Clicks with the mouse on the large button, and waits until it has gone: it leads elsewhere.
    pub async fn click_button(&self) {
        let button = |now: &Picture| now.middle_of(self.accent);
        let (x, y) = button(&self.looks("there is a button", |now| button(now).is_some()).await)
            .expect("waited for");
        self.screen.did(&["mousemove", "--window", &self.id, &x.to_string(), &y.to_string()]);
        self.screen.did(&["click", "1"]);
        self.looks("the button leads elsewhere", |now| button(now) != Some((x, y))).await;
    }

    /// Closes it as people do, and waits until the program has ended. The window manager misses a
    /// key now and then, and whoever sees the window stay presses again.
    pub async fn close(mut self) {
        let mut pressed: Option<Instant> = None;
        eventually("the window closes", BOUND, async || {
            if pressed.is_none_or(|at| at.elapsed() > PRESS_AGAIN) {
                self.screen.did(&["key", "--clearmodifiers", "alt+F4"]);
                pressed = Some(Instant::now());
            }
            self.process.ended().is_some()
        })
        .await;
        let status = self.process.ends_within(BOUND).await;
        assert!(status.success(), "{status}: {}", self.process.printed());
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(mut self) {
        self.process.kill();
    }
}

impl Picture {
    /// Reads a binary PPM, which is a few numbers and then the pixels.
    fn from_ppm(bytes: &[u8]) -> Option<Self> {
        let mut at = 0;
        let mut number = || {
            let begin = at;
            at += bytes.get(begin..)?.iter().position(u8::is_ascii_whitespace)? + 1;
            std::str::from_utf8(bytes.get(begin..at - 1)?).ok()
        };
        let (kind, width, height, deepest) = (number()?, number()?, number()?, number()?);
        let (width, height): (usize, usize) = (width.parse().ok()?, height.parse().ok()?);
        let (pixels, _) = bytes.get(at..)?.as_chunks::<3>();
        (kind == "P6" && deepest == "255" && pixels.len() == width * height)
            .then(|| Self { width, pixels: pixels.to_vec() })
    }

    /// How many pixels differ, those where one has this colour apart from the others.
    fn differs(&self, other: &Self, colour: [u8; 3]) -> (usize, usize) {
        if self.width != other.width || self.pixels.len() != other.pixels.len() {
            return (0, self.pixels.len());
        }
        let differing =
            || self.pixels.iter().zip(&other.pixels).filter(|(one, other)| one != other);
        let by_colour =
            differing().filter(|(one, other)| **one == colour || **other == colour).count();
        (by_colour, differing().count() - by_colour)
    }

    /// Something is drawn: not all is of one colour.
    fn is_drawn(&self) -> bool {
        self.pixels.first().is_some_and(|first| self.pixels.iter().any(|pixel| pixel != first))
    }

    /// The middle of the large thing that has this colour, from the left and from the top.
    fn middle_of(&self, colour: [u8; 3]) -> Option<(usize, usize)> {
        let of_colour = || {
            self.pixels.iter().enumerate().filter(|(_, pixel)| **pixel == colour).map(|(at, _)| at)
        };
        let (columns, rows) =
            (of_colour().map(|at| at % self.width), of_colour().map(|at| at / self.width));
        let middle =
            |left: Option<usize>, right: Option<usize>| Some(usize::midpoint(left?, right?));
        (of_colour().count() > 2000)
            .then(|| {
                Some((
                    middle(columns.clone().min(), columns.max())?,
                    middle(rows.clone().min(), rows.max())?,
                ))
            })
            .flatten()
    }
}
