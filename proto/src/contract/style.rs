//! One style for the contract: the STANDARD and COMMENTS rules of the program buf, for those who do
//! not have it.
//!
//! Rules that the compiler of .proto files enforces by itself are left out, and so are those about
//! proto2.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use prost_reflect::{
    DescriptorPool, EnumDescriptor, FileDescriptor, MessageDescriptor, ServiceDescriptor,
};

use super::{FOLDER, enums, messages, own_files};

/// What is wrong, a line each, e.g. "a/v1/b.proto: message Foo has no comment".
struct Remarks<'a> {
    file: &'a FileDescriptor,
    found: Vec<String>,
}

impl Remarks<'_> {
    fn unless(&mut self, fits: bool, remark: impl Into<String>) {
        if !fits {
            self.found.push(format!("{}: {}", self.file.name(), remark.into()));
        }
    }

    /// Remarks on what has no leading comment.
    fn commented(&mut self, what: &str, path: &[i32]) {
        let info = self.file.file_descriptor_proto().source_code_info.as_ref();
        let place = info.and_then(|info| info.location.iter().find(|place| place.path == path));
        let comment = place.map_or("", |place| place.leading_comments()).trim();
        self.unless(!comment.is_empty(), format!("{what} has no comment"));
    }

    fn package(&mut self) {
        let (name, package) = (self.file.name(), self.file.package_name());
        let folder = Path::new(name).parent().and_then(Path::to_str).unwrap_or_default();
        self.unless(
            package.replace('.', "/") == folder,
            format!("package {package} is not in the folder {folder}"),
        );
        let version = package.rsplit('.').next().and_then(|last| last.strip_prefix('v'));
        self.unless(
            version.is_some_and(|version| version.parse::<u32>().is_ok()),
            "the package has no version",
        );
        self.unless(
            package.split('.').all(is_lower_snake),
            format!("package {package} is not lower_snake_case"),
        );
        let stem = Path::new(name).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        self.unless(is_lower_snake(stem), "the file's name is not lower_snake_case");
    }

    fn imports(&mut self) {
        let file = self.file.file_descriptor_proto();
        self.unless(
            file.public_dependency.is_empty() && file.weak_dependency.is_empty(),
            "imports are public or weak",
        );
        let mut needed = BTreeSet::new();
        for field in
            messages(self.file).iter().flat_map(|message| message.fields().collect::<Vec<_>>())
        {
            let kind = field.kind();
            // A map's values are behind its entry.
            let value = kind
                .as_message()
                .filter(|_| field.is_map())
                .map(|entry| entry.map_entry_value_field().kind());
            let kind = value.unwrap_or(kind);
            needed.extend(kind.as_message().map(|message| message.parent_file().name().to_owned()));
            needed.extend(kind.as_enum().map(|found| found.parent_file().name().to_owned()));
        }
        for call in self.file.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
            needed.extend(
                [call.input(), call.output()]
                    .map(|message| message.parent_file().name().to_owned()),
            );
        }
        for import in &file.dependency {
            self.unless(needed.contains(import), format!("{import} is imported for nothing"));
        }
    }

    fn message(&mut self, message: &MessageDescriptor) {
        let name = message.name();
        self.unless(is_pascal(name), format!("message {name} is not PascalCase"));
        self.commented(&format!("message {name}"), message.path());
        for field in message.fields() {
            let field_name = format!("field {name}.{}", field.name());
            self.unless(
                is_lower_snake(field.name()),
                format!("{field_name} is not lower_snake_case"),
            );
            self.commented(&field_name, field.path());
        }
        for oneof in message.oneofs().filter(|oneof| !oneof.is_synthetic()) {
            let oneof_name = format!("oneof {name}.{}", oneof.name());
            self.unless(
                is_lower_snake(oneof.name()),
                format!("{oneof_name} is not lower_snake_case"),
            );
            self.commented(&oneof_name, oneof.path());
        }
    }

    fn enumeration(&mut self, found: &EnumDescriptor) {
        let name = found.name();
        self.unless(is_pascal(name), format!("enum {name} is not PascalCase"));
        self.commented(&format!("enum {name}"), found.path());
        let prefix = upper_snake(name);
        let alias = found
            .enum_descriptor_proto()
            .options
            .as_ref()
            .is_some_and(prost_types::EnumOptions::allow_alias);
        self.unless(!alias, format!("enum {name} gives two names to one value"));
        let first = found.values().next().map(|value| (value.number(), value.name().to_owned()));
        self.unless(
            first == Some((0, format!("{prefix}_UNSPECIFIED"))),
            format!("enum {name} does not begin with {prefix}_UNSPECIFIED = 0"),
        );
        for value in found.values() {
            let value_name = value.name();
            let rest = value_name
                .strip_prefix(&prefix)
                .and_then(|rest| rest.strip_prefix('_'))
                .unwrap_or_default();
            self.unless(
                is_upper_snake(rest),
                format!("value {value_name} is not {prefix}_ with UPPER_SNAKE_CASE"),
            );
            self.commented(&format!("value {value_name}"), value.path());
        }
    }

    fn service(&mut self, service: &ServiceDescriptor) {
        let name = service.name();
        self.unless(
            is_pascal(name) && name.ends_with("Service"),
            format!("service {name} is not PascalCaseService"),
        );
        self.commented(&format!("service {name}"), service.path());
        for call in service.methods() {
            let call_name = format!("rpc {name}.{}", call.name());
            self.unless(is_pascal(call.name()), format!("{call_name} is not PascalCase"));
            self.commented(&call_name, call.path());
            for (message, suffix) in [(call.input(), "Request"), (call.output(), "Response")] {
                let fits = message.name() == format!("{}{suffix}", call.name());
                self.unless(
                    fits,
                    format!("{call_name} has {} instead of a {suffix} of its name", message.name()),
                );
            }
        }
    }
}

fn remarks(pool: &DescriptorPool) -> Vec<String> {
    let mut all = Vec::new();
    let mut used = BTreeMap::new();
    for file in own_files(pool) {
        let mut remarks = Remarks { file: &file, found: Vec::new() };
        remarks.package();
        remarks.imports();
        for message in messages(&file) {
            remarks.message(&message);
        }
        for found in enums(&file) {
            remarks.enumeration(&found);
        }
        for service in file.services() {
            remarks.service(&service);
            for call in service.methods() {
                for message in [call.input(), call.output()] {
                    let before =
                        used.insert(message.full_name().to_owned(), call.full_name().to_owned());
                    remarks.unless(
                        before.is_none(),
                        format!("{} is used by two calls", message.name()),
                    );
                }
            }
        }
        all.extend(remarks.found);
    }
    all
}

fn is_word(text: &str, fits: impl Fn(char) -> bool) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|letter| fits(letter) || letter.is_ascii_digit())
}

fn is_pascal(text: &str) -> bool {
    is_word(text, |letter| letter.is_ascii_alphabetic())
        && text.starts_with(|first: char| first.is_ascii_uppercase())
}

fn is_lower_snake(text: &str) -> bool {
    is_word(text, |letter| letter.is_ascii_lowercase() || letter == '_')
        && !text.contains("__")
        && !text.ends_with('_')
}

fn is_upper_snake(text: &str) -> bool {
    is_word(text, |letter| letter.is_ascii_uppercase() || letter == '_')
        && !text.contains("__")
        && !text.ends_with('_')
}

/// `TicketState` as `TICKET_STATE`.
fn upper_snake(pascal: &str) -> String {
    let mut text = String::new();
    for letter in pascal.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_uppercase());
    }
    text
}

#[test]
fn the_contract_has_one_style() {
    let found = remarks(crate::json::descriptors().unwrap());
    assert!(found.is_empty(), "the contract's style:\n{}", found.join("\n"));
}

#[test]
fn every_file_is_compiled() {
    let compiled: BTreeSet<_> = own_files(crate::json::descriptors().unwrap())
        .iter()
        .map(|file| file.name().to_owned())
        .collect();
    let mut present = BTreeSet::new();
    for entry in std::fs::read_dir(Path::new(FOLDER).join("deskbell/v1")).unwrap() {
        present.insert(format!("deskbell/v1/{}", entry.unwrap().file_name().to_str().unwrap()));
    }
    assert_eq!(compiled, present, "build.rs compiles other files than there are");
}

#[test]
fn each_rule_is_kept_by_a_remark() {
    let pool = super::compiled(
        "a/Bad.proto",
        r#"syntax = "proto3"; package a.b; import "google/protobuf/timestamp.proto";
           // A service.
           service Desk { rpc get(Query) returns (Query); }
           // An enum.
           enum Kind { NONE = 0; KIND_lower = 1; }
           message Query { string Wrong = 1; oneof One_ { bool fine = 2; } }"#,
    );
    let file = "a/Bad.proto: ";
    let expected = [
        "package a.b is not in the folder a",
        "the package has no version",
        "the file's name is not lower_snake_case",
        "google/protobuf/timestamp.proto is imported for nothing",
        "message Query has no comment",
        "field Query.Wrong is not lower_snake_case",
        "field Query.Wrong has no comment",
        "field Query.fine has no comment",
        "oneof Query.One_ is not lower_snake_case",
        "oneof Query.One_ has no comment",
        "enum Kind does not begin with KIND_UNSPECIFIED = 0",
        "value NONE is not KIND_ with UPPER_SNAKE_CASE",
        "value NONE has no comment",
        "value KIND_lower is not KIND_ with UPPER_SNAKE_CASE",
        "value KIND_lower has no comment",
        "service Desk is not PascalCaseService",
        "rpc Desk.get is not PascalCase",
        "rpc Desk.get has no comment",
        "rpc Desk.get has Query instead of a Request of its name",
        "rpc Desk.get has Query instead of a Response of its name",
        "Query is used by two calls",
    ];
    assert_eq!(remarks(&pool), expected.map(|remark| format!("{file}{remark}")));
}
