//! Who may use whom inside the widget and the terminal, checked against what stands in the sources.
//! Each file or folder may use those of the lines before its own, so that none can be used in a
//! circle. What is not named is of the first line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

type Layers<'a> = &'a [&'a [&'a str]];

/// Screens and the link to the server know nothing of each other: intents of the one become orders
/// for the other in the state.
const WIDGET: Layers<'_> = &[
    &[],
    &["state"],
    &["facts", "manifest", "outbox"],
    &["in_use", "link", "screens"],
    &["catch_up"],
    &["app", "submit", "ticket"],
    &["preview", "tickets"],
    &["command"],
    &["main"],
];

/// The live queue knows nothing of commands, and none of them knows the command line.
const TERMINAL: Layers<'_> = &[
    &[],
    &["moments", "prompt"],
    &["contexts", "output", "typed"],
    &["resolve"],
    &["session"],
    &["lists"],
    &["queue"],
    &["commands"],
    &["arguments"],
    &["main"],
];

const COMMANDS: Layers<'_> = &[
    &[],
    &["login", "package", "ticket_filter"],
    &["profile", "ticket_show"],
    &["history", "ticket", "watch"],
];

/// The state and its keys are pure: they know neither how they are drawn nor who makes calls.
const QUEUE: Layers<'_> = &[
    &[],
    &["door", "editor", "rows", "words"],
    &["popup"],
    &["state"],
    &["page"],
    &["keys"],
    &["draw", "perform"],
    &["turn"],
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

fn inside(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder of sources");
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

/// What stands in a file or in the files of a folder, without tests.
fn text_of(path: &Path) -> String {
    if path.is_dir() {
        let paths = inside(path).into_iter().filter(|path| !path.ends_with("tests.rs"));
        // There, `super` is this folder.
        return paths.map(|path| text_of(&path)).collect::<String>().replace("super::", "");
    }
    let text = std::fs::read_to_string(path).expect("a source");
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned()
}

/// Each use of what does not stand before, as a sentence.
fn wrong_uses(crate_name: &str, folder: &str, layers: Layers<'_>) -> Vec<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(crate_name).join("src");
    let in_crate = format!("crate::{}", folder.replace('/', "::"));
    let layer = |name: &str| layers.iter().position(|layer| layer.contains(&name)).unwrap_or(0);
    let mut texts = BTreeMap::<String, String>::new();
    for path in inside(&source.join(folder)) {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if !name.contains("tests") {
            texts.entry(name).or_default().push_str(&text_of(&path));
        }
    }
    let named = layers.iter().copied().flatten();
    let gone = named.filter(|name| !texts.contains_key(**name));
    let mut wrong: Vec<_> = gone.map(|name| format!("{folder}{name} is not there")).collect();
    for (name, text) in &texts {
        for other in texts.keys().filter(|other| *other != name && layer(other) >= layer(name)) {
            if ["super::", &in_crate].iter().any(|module| uses(text, module, other)) {
                wrong.push(format!("{crate_name}: {folder}{name} must not use {other}"));
            }
        }
    }
    wrong
}

#[test]
fn each_uses_only_what_stands_before() {
    let mut wrong = wrong_uses("client-widget", "", WIDGET);
    wrong.extend(wrong_uses("operator-cli", "", TERMINAL));
    wrong.extend(wrong_uses("operator-cli", "commands/", COMMANDS));
    wrong.extend(wrong_uses("operator-cli", "queue/", QUEUE));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_use_is_found_however_it_is_written() {
    for text in ["use super::draw;", "use super::{\n    draw,\n    x,\n};", "super::draw::f()"] {
        assert!(uses(text, "super::", "draw"), "{text}");
    }
    assert!(!uses("use super::drawing; draw::f()", "super::", "draw"));
}
