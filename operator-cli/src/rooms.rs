//! Who may use whom, checked against what stands in the sources: each file or folder may use those
//! on the lines before its own, so that none can be used in a circle.

use std::path::Path;

type Floors<'a> = &'a [&'a [&'a str]];

/// Commands and the live queue know nothing of each other, and none of them knows the command line.
const PROGRAM: Floors<'_> = &[
    &["failure", "lists", "moments", "table", "words"],
    &["contexts", "output", "resolve", "typed"],
    &["session"],
    &["commands", "queue"],
    &["arguments"],
    &["main"],
];

const COMMANDS: Floors<'_> = &[
    &["account", "context", "group", "manual", "member", "package", "profile_settings", "team"],
    &["login", "profile", "ticket_filter"],
    &["ticket_show"],
    &["history", "ticket", "watch"],
];

/// The state and its keys are pure: they know neither how they are drawn nor who makes calls.
const QUEUE: Floors<'_> = &[
    &["detail", "event", "layout", "look", "order", "text"],
    &["door", "editor", "rows", "words"],
    &["popup"],
    &["state"],
    &["page"],
    &["keys"],
    &["draw", "perform"],
    &["mod"],
];

/// Whether a text uses a name of the module that is written so in it.
fn uses(text: &str, module: &str, name: &str) -> bool {
    let is_none = |letter: char| !letter.is_ascii_lowercase() && letter != '_';
    text.split(module).skip(1).any(|rest| match rest.strip_prefix('{') {
        Some(list) => list.split(';').take(1).any(|list| list.split(is_none).any(|it| it == name)),
        None => rest.split(is_none).next() == Some(name),
    })
}

/// What stands in a file or in the files of a folder, without tests.
fn text_of(path: &Path) -> String {
    if path.is_dir() {
        let entries = std::fs::read_dir(path).expect("a folder");
        // There, `super` is this folder.
        let paths = entries.map(|entry| entry.expect("an entry").path());
        let texts = paths.filter(|path| !path.ends_with("tests.rs")).map(|path| text_of(&path));
        return texts.collect::<String>().replace("super::", "");
    }
    let text = std::fs::read_to_string(path).expect("a source");
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned()
}

/// Each use of what does not stand before, as a sentence.
fn wrong_uses(folder: &str, floors: Floors<'_>) -> Vec<String> {
    let inside = folder.replace('/', "::");
    let mut wrong = Vec::new();
    let entries = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder));
    for entry in entries.expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if name.contains("tests") || name == "rooms" {
            continue;
        }
        let floor = floors.iter().position(|floor| floor.contains(&&*name));
        let floor = floor.unwrap_or_else(|| panic!("{folder}{name} needs a line in rooms.rs"));
        let text = text_of(&path);
        for other in floors[floor..].iter().copied().flatten().filter(|other| **other != name) {
            if ["super::", &format!("crate::{inside}")].iter().any(|at| uses(&text, at, other)) {
                wrong.push(format!("{folder}{name} must not use {other}"));
            }
        }
    }
    wrong
}

#[test]
fn each_uses_only_what_stands_before() {
    let mut wrong = wrong_uses("", PROGRAM);
    wrong.extend(wrong_uses("commands/", COMMANDS));
    wrong.extend(wrong_uses("queue/", QUEUE));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_use_is_found_however_it_is_written() {
    for text in ["use super::draw;", "use super::{\n    draw,\n    x,\n};", "super::draw::f()"] {
        assert!(uses(text, "super::", "draw"), "{text}");
    }
    assert!(!uses("use super::drawing; draw::f()", "super::", "draw"));
}
