//! Every change of the contract is seen: `contract.txt` lists it as it was last accepted, one line
//! a thing.
//!
//! Programs that were handed out years ago speak the contract as it was then. So a line that is
//! gone or differs is a break, and only an added line can be accepted, by the command that the
//! failure names. Comments are not part of the list.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use prost_reflect::{DescriptorPool, FieldDescriptor, MethodDescriptor};

use super::{FOLDER, enums, messages, own_files};

/// Set to write additions into the list.
const ACCEPT: &str = "DESKBELL_ACCEPT_CONTRACT";

const HEAD: &str = "\
# The contract as it was last accepted: a line for each message, field, enum, value, service and \
call.
# Written by `DESKBELL_ACCEPT_CONTRACT=1 cargo test -p deskbell-proto contract`; compared by \
every run of the tests.
";

/// The contract, sorted by name and number.
fn description(pool: &DescriptorPool) -> Vec<String> {
    // Numbers sort as numbers; a thing goes before what is in it.
    let mut lines = BTreeMap::new();
    let mut add = |thing: String, number: i32, rest: String| {
        let line = if rest.is_empty() { thing.clone() } else { format!("{thing} {rest}") };
        lines.insert((thing, !rest.is_empty(), number, rest), line);
    };
    for file in own_files(pool) {
        for message in messages(&file) {
            let thing = format!("message {}", message.full_name());
            add(thing.clone(), 0, String::new());
            for field in message.fields() {
                let number = field.field_descriptor_proto().number();
                add(thing.clone(), number, format!("{number} {} {}", kind(&field), field.name()));
            }
        }
        for found in enums(&file) {
            let thing = format!("enum {}", found.full_name());
            add(thing.clone(), 0, String::new());
            for value in found.values() {
                add(thing.clone(), value.number(), format!("{} {}", value.number(), value.name()));
            }
        }
        for service in file.services() {
            let thing = format!("service {}", service.full_name());
            add(thing.clone(), 0, String::new());
            for call in service.methods() {
                add(thing.clone(), 0, signature(&call));
            }
        }
    }
    lines.into_values().collect()
}

/// A field's label and type, as a .proto file has them.
fn kind(field: &FieldDescriptor) -> String {
    let kind = field.kind();
    match (kind.as_message().filter(|_| field.is_map()), field.containing_oneof()) {
        (Some(entry), _) => {
            format!(
                "map<{:?}, {:?}>",
                entry.map_entry_key_field().kind(),
                entry.map_entry_value_field().kind()
            )
        }
        (None, Some(oneof)) if oneof.is_synthetic() => format!("optional {kind:?}"),
        (None, Some(oneof)) => format!("oneof({}) {kind:?}", oneof.name()),
        (None, None) if field.is_list() => format!("repeated {kind:?}"),
        (None, None) => format!("{kind:?}"),
    }
}

fn signature(call: &MethodDescriptor) -> String {
    let stream = |streams: bool| if streams { "stream " } else { "" };
    format!(
        "{}({}{}) returns ({}{})",
        call.name(),
        stream(call.is_client_streaming()),
        call.input().full_name(),
        stream(call.is_server_streaming()),
        call.output().full_name()
    )
}

/// What changed since the list was written.
#[derive(Debug, PartialEq, Eq)]
struct Changes {
    /// Lines that are gone or differ now: a break.
    gone: Vec<String>,
    /// Lines that are new.
    added: Vec<String>,
}

fn compare(accepted: &str, now: &[String]) -> Changes {
    let is_line = |line: &&str| !line.is_empty() && !line.starts_with('#');
    let accepted: BTreeSet<&str> = accepted.lines().filter(is_line).collect();
    let present: BTreeSet<&str> = now.iter().map(String::as_str).collect();
    let only_in = |these: &BTreeSet<&str>, those: &BTreeSet<&str>| {
        these.difference(those).map(|&line| line.to_owned()).collect::<Vec<_>>()
    };
    Changes { gone: only_in(&accepted, &present), added: only_in(&present, &accepted) }
}

fn indented(lines: &[String]) -> String {
    lines.iter().fold(String::new(), |text, line| text + "\n    " + line)
}

#[test]
fn the_contract_is_as_it_was_accepted() {
    let path = PathBuf::from(FOLDER).join("contract.txt");
    let accepted = std::fs::read_to_string(&path).unwrap_or_default();
    let now = description(crate::json::descriptors().unwrap());
    let Changes { gone, added } = compare(&accepted, &now);
    assert!(
        gone.is_empty(),
        "BREAKING: this was part of the contract and is gone, or differs now:{}\n\
         Programs that were handed out speak it. Put it back as it was, and add what is new \
         beside it under a number of its \
         own.\nOnly what no release ever had may be taken out of proto/contract.txt, by \
         hand.\nNew:{}",
        indented(&gone),
        indented(&added)
    );
    if std::env::var_os(ACCEPT).is_some() {
        std::fs::write(&path, format!("{HEAD}{}\n", now.join("\n"))).unwrap();
        return;
    }
    assert!(
        added.is_empty(),
        "The contract has grown:{}\n\
         Old clients and servers will meet these. If they are meant, accept them and commit \
         proto/contract.txt with them:\n    \
         {ACCEPT}=1 cargo test -p deskbell-proto contract",
        indented(&added)
    );
}

#[test]
fn what_changed_is_told_apart() {
    let before = "message a.B\nmessage a.B 1 string c\nmessage a.B 2 int64 d\n";
    let changes = |now: &[&str]| {
        compare(before, &now.iter().map(|&line| line.to_owned()).collect::<Vec<_>>())
    };
    let nothing = Changes { gone: Vec::new(), added: Vec::new() };
    assert_eq!(
        changes(&["message a.B", "message a.B 1 string c", "message a.B 2 int64 d"]),
        nothing
    );
    let grown = changes(&[
        "message a.B",
        "message a.B 1 string c",
        "message a.B 2 int64 d",
        "message a.B 3 bool e",
    ]);
    assert_eq!(grown, Changes { gone: Vec::new(), added: vec!["message a.B 3 bool e".into()] });
    let retyped = changes(&["message a.B", "message a.B 1 string c", "message a.B 2 string d"]);
    assert_eq!(retyped.gone, ["message a.B 2 int64 d"]);
    assert_eq!(changes(&["message a.B", "message a.B 1 string c"]).gone, ["message a.B 2 int64 d"]);
}

#[test]
fn every_kind_of_thing_has_its_line() {
    let pool = super::compiled(
        "a/v1/a.proto",
        r#"syntax = "proto3"; package a.v1;
           service S { rpc Get(Q) returns (stream Q); }
           enum E { E_UNSPECIFIED = 0; E_X = 10; E_Y = 2; }
           message Q {
             string one = 1; optional int64 two = 2; repeated E three = 3; map<string, E> four = 4;
             oneof either { bool five = 5; In six = 10; }
             message In { enum Deep { DEEP_UNSPECIFIED = 0; } }
           }"#,
    );
    let lines = [
        "enum a.v1.E",
        "enum a.v1.E 0 E_UNSPECIFIED",
        "enum a.v1.E 2 E_Y",
        "enum a.v1.E 10 E_X",
        "enum a.v1.Q.In.Deep",
        "enum a.v1.Q.In.Deep 0 DEEP_UNSPECIFIED",
        "message a.v1.Q",
        "message a.v1.Q 1 string one",
        "message a.v1.Q 2 optional int64 two",
        "message a.v1.Q 3 repeated a.v1.E three",
        "message a.v1.Q 4 map<string, a.v1.E> four",
        "message a.v1.Q 5 oneof(either) bool five",
        "message a.v1.Q 10 oneof(either) a.v1.Q.In six",
        "message a.v1.Q.In",
        "service a.v1.S",
        "service a.v1.S Get(a.v1.Q) returns (stream a.v1.Q)",
    ];
    assert_eq!(description(&pool), lines);
}
