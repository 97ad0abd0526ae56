//! The terminal while the queue has it: its own screen, no line editing, pastes in one piece.
//! Leaving, in whatever way, puts everything back.

use std::io::{self, BufWriter, Stdout};
use std::sync::Once;

use crossterm::cursor::Show;
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::execute;
use crossterm::style::Print;
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

/// Bytes of one drawing that reach the terminal together: nobody sees half a picture.
const PICTURE: usize = 64 * 1024;

/// The terminal, taken. Dropping it gives it back.
pub struct Screen {
    /// What is drawn on.
    pub terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
}

impl Screen {
    /// Takes the terminal, with an empty screen.
    pub fn enter() -> io::Result<Self> {
        give_back_after_panics();
        enable_raw_mode()?;
        let whole = BufWriter::with_capacity(PICTURE, io::stdout());
        let entered = execute!(io::stdout(), EnterAlternateScreen, Clear(ClearType::All))
            .and_then(|()| Terminal::new(CrosstermBackend::new(whole)));
        // A terminal without bracketed paste works as well.
        let _ = execute!(io::stdout(), EnableBracketedPaste);
        match entered {
            Ok(terminal) => Ok(Self { terminal }),
            Err(problem) => {
                give_back();
                Err(problem)
            }
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// The one control character that we write ourselves.
pub fn ring() {
    // A bell that cannot be rung is no reason to stop: the badge tells the same.
    let _ = execute!(io::stdout(), Print('\u{7}'));
}

/// Each step by itself: a terminal that is gone holds up nothing.
fn give_back() {
    let _ = execute!(io::stdout(), DisableBracketedPaste, LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
}

/// The message of a panic is read on the terminal as it was.
fn give_back_after_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            give_back();
            report(panic);
        }));
    });
}
