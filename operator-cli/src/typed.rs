//! What people type in: texts from the command line, the standard input or their editor, passwords,
//! and answers to questions.

use std::fs;
use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::{Mutex, PoisonError};

use deskbell_proto::reading::{self, Lines, Unreadable};

use crate::failure::Failure;
use crate::prompt;

/// More code points than any text has that is given here: a profile's settings, logo and all.
const MOST: usize = 4 * 1024 * 1024;
/// More than any password or code has, in code points.
const LONGEST_LINE: usize = 4096;

/// The standard input, where it is read line by line.
static LINES: Mutex<Lines> = Mutex::new(Lines::new());

/// A person sits at the keyboard and can be asked.
pub fn is_somebody_there() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// The text given as an argument, or the standard input for "-", or what is written in the editor
/// when there is none.
pub fn text(argument: Option<&str>, about: &str) -> Result<String, Failure> {
    let text = match argument {
        Some("-") => standard_input()?,
        Some(text) => reading::plain(text),
        None if is_somebody_there() => edit("", ".txt")?,
        None => {
            return Err(Failure::usage(format!(
                "Say the {about} as an argument, or \"-\" to read it from the standard input."
            )));
        }
    };
    if text.trim().is_empty() {
        return Err(Failure::invalid(format!("The {about} is empty; nothing was sent.")));
    }
    Ok(text)
}

/// The standard input, without its last line's end.
pub fn standard_input() -> Result<String, Failure> {
    reading::text(io::stdin().lock(), MOST).map_err(|problem| unread("The standard input", problem))
}

/// Opens the user's editor on a text and answers what it is afterwards.
pub fn edit(before: &str, extension: &str) -> Result<String, Failure> {
    let file = EditedFile::new(before, extension)?;
    let ended = file.command().status();
    file.after(ended)
}

/// A text in a file, for the user's editor.
#[derive(Debug)]
pub struct EditedFile {
    /// A folder of its own, because editors put copies beside the file.
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl EditedFile {
    /// Writes the text.
    pub fn new(before: &str, extension: &str) -> Result<Self, Failure> {
        let folder = tempfile::tempdir().map_err(|problem| {
            Failure::other(format!("Cannot make a temporary folder: {problem}."))
        })?;
        let path = folder.path().join(format!("deskbell{extension}"));
        fs::write(&path, before).map_err(|problem| Failure::file("write", &path, &problem))?;
        Ok(Self { _folder: folder, path })
    }

    /// What opens the editor on it.
    pub fn command(&self) -> Command {
        let editor = editor();
        if cfg!(windows) {
            let mut words = editor.split_whitespace();
            let mut command = Command::new(words.next().unwrap_or_default());
            command.args(words).arg(&self.path);
            return command;
        }
        // As git does: whoever can write a shell's command line can say anything, also a program
        // whose path has a blank.
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{editor} \"$@\""), &editor]).arg(&self.path);
        command
    }

    /// The text after the editor has ended so.
    pub fn after(&self, ended: io::Result<ExitStatus>) -> Result<String, Failure> {
        match ended {
            Ok(status) if status.success() => {}
            // The shell's word for a program that is not there, or cannot be started.
            Ok(status) if matches!(status.code(), Some(126 | 127)) => {
                return Err(no_editor(&"there is no such program"));
            }
            Ok(_) => {
                return Err(Failure::other("The editor ended with a failure; nothing was sent."));
            }
            Err(problem) => return Err(no_editor(&problem)),
        }
        self.read()
    }

    /// The text as it is now.
    pub fn read(&self) -> Result<String, Failure> {
        text_file(&self.path)
    }
}

/// The editor cannot be started.
fn no_editor(problem: &impl std::fmt::Display) -> Failure {
    let editor = editor();
    Failure::other(format!("Cannot start the editor \"{editor}\": {problem}. Name one in EDITOR."))
}

fn editor() -> String {
    let named = ["VISUAL", "EDITOR"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.trim().is_empty()));
    named.unwrap_or_else(|| if cfg!(windows) { "notepad" } else { "vi" }.to_owned())
}

/// Says where a text from the editor is kept, when what it was for has failed: nobody should have
/// to write it twice.
pub fn kept(failure: Failure, text: &str, extension: &str) -> Failure {
    failure.hint(&keep(text, extension))
}

/// Keeps a text that was not sent, and says where.
pub fn keep(text: &str, extension: &str) -> String {
    let kept = tempfile::Builder::new().prefix("deskbell-").suffix(extension).tempfile().and_then(
        |mut file| {
            file.write_all(text.as_bytes())?;
            file.into_temp_path().keep().map_err(|problem| problem.error)
        },
    );
    match kept {
        Ok(path) => format!("What you wrote is kept in {}", path.display()),
        Err(_) => format!("What you wrote:\n{text}"),
    }
}

/// Asks for a password without showing it, or takes the next line of the standard input.
pub fn password(question: &str, from_stdin: bool) -> Result<String, Failure> {
    if from_stdin {
        // A second password stays for the next call.
        let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
        return lines
            .next(&mut io::stdin().lock(), LONGEST_LINE)
            .map_err(|problem| unread("The password", problem));
    }
    if !is_somebody_there() {
        return Err(Failure::usage(
            "There is nobody to ask for the password. Give it on the standard input with \
             --password-stdin.",
        ));
    }
    let line = prompt::hidden(&format!("{question}: "))
        .map_err(|problem| Failure::other(format!("Cannot read the password: {problem}.")))?;
    Ok(reading::plain(&line))
}

/// Asks for a new password, twice when a person types it.
pub fn new_password(from_stdin: bool) -> Result<String, Failure> {
    let one = password("New password", from_stdin)?;
    if !from_stdin && one != password("New password again", false)? {
        return Err(Failure::invalid("The two passwords differ; nothing was changed."));
    }
    Ok(one)
}

/// Asks a question on the terminal. Ask [`is_somebody_there`] first.
pub fn ask(question: &str) -> Result<String, Failure> {
    let mut terminal = io::stderr().lock();
    write!(terminal, "{} ", crate::inert::block(question)).and_then(|()| terminal.flush())?;
    let mut line = String::new();
    io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|problem| Failure::other(format!("Cannot read the answer: {problem}.")))?;
    Ok(line.trim().to_owned())
}

/// A file's content, at most so many bytes.
pub fn file(path: &Path, most: u64) -> Result<Vec<u8>, Failure> {
    let mut content = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(most + 1).read_to_end(&mut content))
        .map_err(|problem| Failure::file("read", path, &problem))?;
    if content.len() as u64 > most {
        return Err(Failure::invalid(format!("{} is larger than {most} bytes.", path.display())));
    }
    Ok(content)
}

/// The text of a file.
pub fn text_file(path: &Path) -> Result<String, Failure> {
    reading::file(path, MOST).map_err(|problem| unread(&path.display().to_string(), problem))
}

/// Why something that was given could not be read.
fn unread(what: &str, problem: Unreadable) -> Failure {
    match problem {
        Unreadable::Failed(problem) => Failure::other(format!("{what} cannot be read: {problem}.")),
        unfit => Failure::invalid(format!("{what} {unfit}.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_not_lost() {
        let told = format!("{:?}", kept(Failure::other("Ana was faster."), "long answer", ".txt"));
        let path = told.split("kept in ").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        assert_eq!(fs::read_to_string(path).unwrap(), "long answer");
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn blank_texts_are_not_sent() {
        assert!(text(Some(" \n"), "answer").is_err());
        assert_eq!(text(Some("hello"), "answer").unwrap(), "hello");
    }

    #[test]
    fn large_files_are_refused() {
        let file_there = tempfile::NamedTempFile::new().unwrap();
        fs::write(file_there.path(), [0; 11]).unwrap();
        assert!(file(file_there.path(), 10).is_err());
        assert_eq!(file(file_there.path(), 11).unwrap().len(), 11);
    }
}
