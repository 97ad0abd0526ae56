//! Which room may use which, checked against what stands in the sources.

mod circles;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Each room with those whose names it may use, itself apart. `front` and `grpc` know each other:
/// what a connection refuses is said in the contract's words, and a call's address and its trailers
/// are the connection's.
const ROOMS: [(&str, &[&str]); 12] = [
    ("domain", &[]),
    ("config", &[]),
    ("secrets", &[]),
    ("telemetry", &["config", "clock"]),
    ("clock", &["domain"]),
    ("supervise", &[]),
    ("store", &["domain", "clock", "supervise"]),
    ("hub", &["domain"]),
    ("desk", &["domain", "clock", "store", "hub", "secrets", "supervise", "telemetry"]),
    ("grpc", &["domain", "desk", "front", "secrets", "config"]),
    ("front", &["clock", "grpc", "secrets", "config", "supervise", "telemetry"]),
    (
        "commands",
        &[
            "clock",
            "domain",
            "store",
            "desk",
            "grpc",
            "front",
            "secrets",
            "config",
            "supervise",
            "telemetry",
        ],
    ),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
    found
}

/// The rooms that a text names. Tests at the end of a file may use what they like.
fn named(text: &str) -> BTreeSet<&str> {
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let after = code.split("crate::").skip(1);
    let words = after.filter_map(|rest| rest.split(|c: char| !c.is_ascii_lowercase()).next());
    words.filter(|word| ROOMS.iter().any(|(room, _)| room == word)).collect()
}

#[test]
fn imports_point_the_right_way() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for path in sources(&src) {
        let place = path.strip_prefix(&src).expect("in the sources").display().to_string();
        let room = place.split(['/', '\\', '.']).next().unwrap_or_default().to_owned();
        let Some((room, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
            assert!(
                ["lib", "main", "rooms"].contains(&&*room),
                "{place} is in a room without a row"
            );
            continue;
        };
        seen.insert(*room);
        // Files of tests are named so.
        if place.contains("tests") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a source");
        for other in named(&text) {
            if other != *room && !allowed.contains(&other) {
                wrong.push(format!("{place}: `{room}` must not know of `{other}`"));
            }
        }
    }
    assert_eq!(seen.len(), ROOMS.len(), "a row for a room that is gone: {seen:?}");
    assert!(wrong.is_empty(), "an import points the wrong way:\n{}", wrong.join("\n"));
}

#[test]
fn a_name_is_found_wherever_it_stands() {
    let text = "use crate::store::Row;\nfn f() { crate::desk::g() }\n#[cfg(test)]\nmod tests { \
        use crate::grpc::x; }";
    assert_eq!(named(text), BTreeSet::from(["desk", "store"]));
}
