//! Files of one room must not use each other in a circle: one of them could not be read, nor
//! changed, without all the others. What two of them share is defined in a third.
//!
//! A folder is one of its parent's files here, with all that is in it, and its own files are looked
//! at among themselves. A `mod.rs` may use its children, and they what it defines itself; what it
//! only passes on from another child is that child's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::sources;

/// Rooms that still have circles: nouns of `domain` name each other's ids and commands, and a
/// connection of `front` the one that accepted it.
const EXCEPTIONS: [&str; 2] = ["domain", "front"];

/// A module, or a name in one, by the names on the way there from the crate.
type Names = Vec<String>;

/// The code of each module.
type Modules = BTreeMap<Names, String>;

/// The sources, without comments and tests.
fn modules() -> Modules {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let module = |path: &Path| {
        let path = path.strip_prefix(&src).expect("in the sources").with_extension("");
        let mut names: Names = path.iter().map(|name| name.display().to_string()).collect();
        names.pop_if(|last| *last == "mod");
        names
    };
    let code = |path: &Path| {
        let text = std::fs::read_to_string(path).expect("a source");
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().lines();
        code.filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
    };
    let found = sources(&src).into_iter().map(|path| (module(&path), code(&path)));
    found.filter(|(names, _)| names.last().is_none_or(|last| last != "tests")).collect()
}

/// The paths that a text uses, of imports and elsewhere.
fn paths(text: &str) -> Vec<Vec<&str>> {
    let mut found = Vec::new();
    for start in ["use ", "super::", "crate::"] {
        for (place, _) in text.match_indices(start) {
            let is_inside = |before: char| before.is_alphanumeric() || ":_".contains(before);
            if !text[..place].ends_with(is_inside) {
                let tree = text[place..].trim_start_matches("use ");
                expand(&[], tree, &mut found);
            }
        }
    }
    found
}

/// The paths of a tree such as `a::{b, c::d}`, and the text after it.
fn expand<'t>(before: &[&'t str], tree: &'t str, found: &mut Vec<Vec<&'t str>>) -> &'t str {
    let mut rest = tree.trim_start();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            rest = expand(before, rest, found).trim_start();
            match rest.strip_prefix(',') {
                Some(next) => rest = next,
                None => return rest.strip_prefix('}').unwrap_or(rest),
            }
        }
    }
    let is_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    let (name, rest) = rest.split_at(rest.find(|letter| !is_name(letter)).unwrap_or(rest.len()));
    let path = [before, &[name]].concat();
    if let Some(inside) = rest.strip_prefix("::") {
        return expand(&path, inside, found);
    }
    found.push(path);
    match rest.strip_prefix(" as ") {
        Some(other) => other.trim_start_matches(is_name),
        None => rest,
    }
}

/// The module where a path ends that a module uses.
fn target(
    modules: &Modules,
    passed_on: &BTreeMap<Names, Names>,
    from: &Names,
    path: &[&str],
) -> Names {
    let mut at = from.clone();
    for name in path {
        match *name {
            "crate" => at.clear(),
            "super" => drop(at.pop()),
            "self" => {}
            name => {
                at.push(name.to_owned());
                if let Some(of) = passed_on.get(&at) {
                    return of.clone();
                }
                if !modules.contains_key(&at) {
                    at.pop();
                    return at;
                }
            }
        }
    }
    at
}

/// Each circle as a sentence.
fn circles(modules: &Modules) -> Vec<String> {
    // What modules pass on of their children.
    let mut passed_on = BTreeMap::new();
    for (module, text) in modules {
        for path in paths(text) {
            let of = target(modules, &BTreeMap::new(), module, &path);
            if let Some(name) =
                path.last().filter(|_| of.len() > module.len() && of.starts_with(module))
            {
                let mut passed = module.clone();
                passed.push((*name).to_owned());
                if !modules.contains_key(&passed) {
                    passed_on.insert(passed, of);
                }
            }
        }
    }
    // By folder, who uses whom.
    let mut uses: BTreeMap<Names, BTreeSet<(String, String)>> = BTreeMap::new();
    for (module, text) in modules {
        for path in paths(text) {
            let of = target(modules, &passed_on, module, &path);
            let shared = module.iter().zip(&of).take_while(|(one, other)| one == other).count();
            if let (Some(user), Some(used)) = (module.get(shared), of.get(shared)) {
                let folder = uses.entry(module[..shared].to_vec()).or_default();
                folder.insert((user.clone(), used.clone()));
            }
        }
    }
    // Which room may use which is another test's.
    uses.remove(&Names::new());
    uses.retain(|_, uses| {
        keep_circles(uses);
        !uses.is_empty()
    });
    let sentence = |(folder, uses): (&Names, &BTreeSet<(String, String)>)| {
        let uses: Vec<_> = uses.iter().map(|(user, used)| format!("{user} uses {used}")).collect();
        format!("in `{}` files use each other in a circle: {}", folder.join("/"), uses.join(", "))
    };
    uses.iter().map(sentence).collect()
}

/// Leaves out, again and again, who uses nobody and who is used by nobody.
fn keep_circles(uses: &mut BTreeSet<(String, String)>) {
    loop {
        let (users, used): (BTreeSet<_>, BTreeSet<_>) = uses.iter().cloned().unzip();
        let before = uses.len();
        uses.retain(|(one, other)| used.contains(one) && users.contains(other));
        if uses.len() == before {
            return;
        }
    }
}

#[test]
fn no_files_of_a_room_use_each_other_in_a_circle() {
    let mut modules = modules();
    modules.retain(|names, _| !EXCEPTIONS.contains(&&*names[0]));
    let circles = circles(&modules);
    assert!(circles.is_empty(), "{}", circles.join("\n"));
}

#[test]
fn a_circle_is_found_however_it_is_written() {
    let found = |files: &[(&str, &str)]| {
        let names = |path: &str| path.split('/').map(str::to_owned).collect();
        circles(&files.iter().map(|(path, text)| (names(path), (*text).to_owned())).collect())
    };
    let room = ("a", "mod b;\nmod c;\nmod d;\npub use b::{self, B as Bee};\nuse d::D;");
    for (b, c) in [
        ("use super::c;", "use super::b::B;"),
        ("use super::{\n    c::{C, f},\n    x,\n};", "fn f() { crate::a::b::g() }"),
        ("use crate::a::c::C;", "use super::{X, B};"),
    ] {
        let circle = "in `a` files use each other in a circle: b uses c, c uses b";
        assert_eq!(found(&[room, ("a/b", b), ("a/c", c), ("a/d", "use super::b;")]), [circle]);
    }
    let line = [room, ("a/b", "use super::{X, c::C};"), ("a/c", "use super::D;"), ("a/d", "")];
    assert_eq!(found(&line), [""; 0]);
    let folder = [room, ("a/b", ""), ("a/b/x", "use crate::a::c;"), ("a/c", "use super::b::y;")];
    assert_eq!(found(&folder).len(), 1);
}
