//! The access matrix: every call of the contract, by every kind of caller, about every object, as
//! the policy says.
//!
//! Refusals first: whoever may not gets the same answer for a body that makes no sense
//! (authorization comes before validation), what is hidden answers like what does not exist, byte
//! for byte, and nothing at all has changed afterwards.

use std::collections::{BTreeMap, BTreeSet};

use deskbell_proto::client::Credentials;
use prost_reflect::{MessageDescriptor, MethodDescriptor};
use serde_json::Value;
use tonic::Code;

use super::bodies::{Target, field_of, spoilt, valid};
use super::policy::{Object, PEOPLE, Row, WIDGETS, objects, references, rows};
use super::stage::Stage;
use super::wire::Answer;

/// One cell: a call by a caller about objects.
struct Cell<'a> {
    row: &'a Row,
    caller: &'static str,
    expected: &'static str,
    objects: Vec<&'a Object>,
}

impl Cell<'_> {
    fn name(&self) -> String {
        let objects: Vec<_> = self.objects.iter().map(|object| object.name).collect();
        format!("{} ({}) by {}", self.row.call, objects.join(", "), self.caller)
    }

    /// It is about a ticket that is there for everybody, so the team's queue mode has to be
    /// self-service.
    fn in_self_service(&self) -> bool {
        self.objects.iter().any(|object| object.name == "shared")
    }
}

fn code(word: &str) -> Code {
    match word {
        "OK" => Code::Ok,
        "UA" => Code::Unauthenticated,
        "PD" => Code::PermissionDenied,
        "NF" => Code::NotFound,
        "FP" => Code::FailedPrecondition,
        "IA" => Code::InvalidArgument,
        "AB" => Code::Aborted,
        other => panic!("the policy says {other}, which is no answer"),
    }
}

/// Every call of the contract by its name.
fn calls() -> BTreeMap<String, MethodDescriptor> {
    let services = deskbell_proto::json::descriptors().expect("descriptors").services();
    services
        .flat_map(|service| service.methods().collect::<Vec<_>>())
        .map(|call| (call.name().to_owned(), call))
        .collect()
}

fn cells<'a>(rows: &'a [Row], objects: &'a [Object]) -> Vec<Cell<'a>> {
    let mut cells = Vec::new();
    for row in rows {
        let of = |kind| objects.iter().filter(move |object| object.kind == kind);
        let first: Vec<_> = row
            .kinds
            .iter()
            .map(|kind| of(*kind).next().expect("an object of that kind"))
            .collect();
        for &(caller, word) in &row.cells {
            if row.kinds.is_empty() {
                cells.push(Cell { row, caller, expected: word, objects: Vec::new() });
            }
            for (place, kind) in row.kinds.iter().enumerate() {
                for object in of(*kind) {
                    let mut objects = first.clone();
                    objects[place] = object;
                    let seen = objects.iter().all(|object| object.seen_by.contains(&caller));
                    let fits = row
                        .state
                        .is_none_or(|state| objects.iter().all(|object| object.state == state));
                    let expected = match (word, seen, fits) {
                        ("see", true, true) => "OK",
                        ("see", true, false) => "FP",
                        ("see", false, _) => "NF",
                        (word, ..) => word,
                    };
                    cells.push(Cell { row, caller, expected, objects });
                }
            }
        }
    }
    cells
}

/// Both have the object of that kind.
fn with(mut target: Target, kind: &str, object: &Target) -> Target {
    match kind {
        "ticket" => {
            (target.number, target.version) = (object.number, object.version);
            target.operator_id.clone_from(&object.operator_id);
        }
        "member" => target.member_id.clone_from(&object.member_id),
        "group" | "any-group" => target.group_id.clone_from(&object.group_id),
        "organization" => target.organization_id.clone_from(&object.organization_id),
        "profile" => target.profile_id.clone_from(&object.profile_id),
        "invitation" | "lure" => {
            target.invitation_id.clone_from(&object.invitation_id);
            target.code.clone_from(&object.code);
        }
        other => panic!("say what of a {other} a call is about"),
    }
    target
}

/// What went another way than the policy says.
#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    fn expect(&mut self, cell: &str, expected: &str, got: &Answer) {
        if got.code != code(expected) {
            self.0.push(format!(
                "{cell}: {expected} by the policy, but {:?} {} ({})",
                got.code, got.reason, got.words.0
            ));
        }
    }

    fn same(&mut self, cell: &str, than: &str, expected: &Answer, got: &Answer) {
        if expected != got {
            self.0.push(format!(
                "{cell}: not the same as {than}: {:?} {} ({}) instead of {:?} {} ({})",
                got.code, got.reason, got.words.0, expected.code, expected.reason, expected.words.0
            ));
        }
    }

    fn none(&self) {
        assert!(
            self.0.is_empty(),
            "{} cells are not as the policy says:\n{}",
            self.0.len(),
            self.0.join("\n")
        );
    }
}

/// What must not happen: each such call twice, once with a body that makes no sense, and nothing
/// has changed.
async fn refusals(
    stage: &Stage,
    callers: &BTreeMap<&'static str, Credentials>,
    cells: &[&Cell<'_>],
    faults: &mut Faults,
) {
    let calls = calls();
    let before = stage.versions().await;
    let mut not_found: BTreeMap<(&str, &str), Answer> = BTreeMap::new();
    for cell in cells.iter().filter(|cell| cell.expected != "OK") {
        let call = &calls[cell.row.call];
        let target = cell.objects.iter().fold(Target::default(), |target, object| {
            with(target, object.kind, &stage.objects[&(object.kind, object.name)])
        });
        let body = valid(cell.row.call, &target);
        let caller = &callers[cell.caller];
        let answer = stage.wire.call(call, caller, &body).await;
        faults.expect(&cell.name(), cell.expected, &answer);
        if cell.expected == "NF" {
            let first =
                not_found.entry((cell.row.call, cell.caller)).or_insert_with(|| answer.clone());
            faults.same(&cell.name(), "others that are hidden or absent", first, &answer);
        }
        if cell.expected != "FP" {
            let spoilt = spoilt(&call.input(), &body, &cell.row.kinds);
            let again = stage.wire.call(call, caller, &spoilt).await;
            faults.same(
                &format!("{} with a spoilt body", cell.name()),
                "with a valid one",
                &answer,
                &again,
            );
        }
    }
    assert_eq!(stage.versions().await, before, "a refused call changed something");
}

/// What must work: each such call about something of its own, because it changes that.
async fn permissions(stage: &Stage, cells: &[&Cell<'_>], faults: &mut Faults) {
    let calls = calls();
    for cell in cells.iter().filter(|cell| cell.expected == "OK") {
        let call = &calls[cell.row.call];
        let mut caller = stage.callers[cell.caller].clone();
        let changes = call.input().get_field_by_name("request_id").is_some();
        let mut target = Target { email: "boss@desk.example".to_owned(), ..Target::default() };
        for object in &cell.objects {
            let fresh = if changes && object.kind != "invitation" {
                stage.fresh(object.kind, object.name).await
            } else {
                stage.objects[&(object.kind, object.name)].clone()
            };
            target = with(target, object.kind, &fresh);
        }
        match cell.row.call {
            "SignOut" => caller = stage.another_session(cell.caller).await,
            "ActivateTeam" | "AnswerInvitation" => {
                (caller, target) = stage.another(cell.caller).await;
            }
            "RedeemCode" => target = stage.code().await,
            "RemoveGroupOperator" => stage.join(&target).await,
            "NextTicket" => drop(stage.fresh("ticket", "grouped").await),
            _ => {}
        }
        let answer = stage.wire.call(call, &caller, &valid(cell.row.call, &target)).await;
        faults.expect(&cell.name(), "OK", &answer);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_get_what_the_policy_says() {
    let stage = Stage::set().await;
    let (rows, objects) = (rows(PEOPLE), objects());
    let all = cells(&rows, &objects);
    let (later, first): (Vec<_>, Vec<_>) = all.iter().partition(|cell| cell.in_self_service());
    let mut faults = Faults::default();
    refusals(&stage, &stage.callers, &first, &mut faults).await;
    permissions(&stage, &first, &mut faults).await;
    stage.self_service().await;
    refusals(&stage, &stage.callers, &later, &mut faults).await;
    permissions(&stage, &later, &mut faults).await;
    faults.none();
    stage.desk.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn customers_get_what_the_policy_says() {
    let stage = Stage::set().await;
    let callers = stage.customers().await;
    let rows = rows(WIDGETS);
    let all = cells(&rows, &[]);
    let mut faults = Faults::default();
    refusals(&stage, &callers, &all.iter().collect::<Vec<_>>(), &mut faults).await;
    for cell in all.iter().filter(|cell| cell.expected == "OK") {
        let body = valid(cell.row.call, &Target::default());
        let answer = stage.wire.call(&calls()[cell.row.call], &callers[cell.caller], &body).await;
        faults.expect(&cell.name(), "OK", &answer);
    }
    faults.none();
    stage.desk.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_that_requests_refer_to_are_checked() {
    let stage = Stage::set().await;
    let customers = stage.customers().await;
    let mut faults = Faults::default();
    let rows: Vec<_> = rows(PEOPLE).into_iter().chain(rows(WIDGETS)).collect();
    for ((name, field), expected) in references() {
        let row = rows.iter().find(|row| row.call == name).expect("a call of the policy");
        let mut answers = Vec::new();
        for object in ["absent", "foreign"] {
            let mut target = Target::default();
            for kind in &row.kinds {
                let object = objects()
                    .into_iter()
                    .find(|object| object.kind == *kind)
                    .expect("an object of that kind");
                target = with(target, kind, &stage.fresh(kind, object.name).await);
            }
            let mut body = valid(name, &target);
            *at(&mut body, field) = id(field, &stage.objects[&("group", object)]);
            let caller =
                if name == "SubmitTicket" { &customers["live"] } else { &stage.callers["boss"] };
            let answer = stage.wire.call(&calls()[name], caller, &body).await;
            faults.expect(&format!("{name} with {field} that is {object}"), expected, &answer);
            answers.push(answer);
        }
        faults.same(
            &format!("{name} with {field} that is foreign"),
            "one that is absent",
            &answers[0],
            &answers[1],
        );
    }
    faults.none();
    stage.desk.close();
}

/// The place that a path leads to.
fn at<'a>(body: &'a mut Value, path: &str) -> &'a mut Value {
    path.split('.').fold(body, |value, name| &mut value[name])
}

fn id(field: &str, target: &Target) -> Value {
    match field.rsplit('.').next().unwrap_or_default() {
        "operator_id" | "from_operator_id" => Value::from(target.member_id.as_str()),
        "group_ids" => Value::from(vec![target.group_id.as_str()]),
        _ => Value::from(target.group_id.as_str()),
    }
}

#[test]
fn every_call_of_the_contract_has_a_row() {
    let tables: Vec<_> = rows(PEOPLE).into_iter().chain(rows(WIDGETS)).collect();
    let rows: BTreeSet<_> = tables.iter().map(|row| (row.call, row.kinds.clone())).collect();
    assert_eq!(rows.len(), tables.len(), "a call has two rows for the same kind of object");
    let once: BTreeSet<_> = tables.iter().map(|row| row.call.to_owned()).collect();
    let in_contract: BTreeSet<_> = calls().into_keys().collect();
    assert_eq!(in_contract, once, "calls of the contract, and rows of the policy");
}

#[test]
fn every_id_in_a_request_is_in_the_policy() {
    let mut known: BTreeSet<(String, String)> =
        references().into_keys().map(|(call, field)| (call.to_owned(), field.to_owned())).collect();
    for row in rows(PEOPLE).into_iter().chain(rows(WIDGETS)) {
        known.extend(row.kinds.iter().map(|kind| (row.call.to_owned(), field_of(kind).to_owned())));
    }
    let mut found = BTreeSet::new();
    for (name, call) in calls() {
        found.extend(ids(&call.input(), "").into_iter().map(|field| (name.clone(), field)));
    }
    assert_eq!(found, known, "ids in the contract's requests, and those that the policy speaks of");
}

/// Paths of fields that name something.
fn ids(message: &MessageDescriptor, before: &str) -> Vec<String> {
    let mut found = Vec::new();
    for field in message.fields() {
        let (name, path) = (field.name(), format!("{before}{}", field.name()));
        if name != "request_id"
            && (name == "number" || name.ends_with("_id") || name.ends_with("_ids"))
        {
            found.push(path.clone());
        }
        if let Some(inner) = field
            .kind()
            .as_message()
            .filter(|inner| inner.full_name().starts_with("deskbell.") && !field.is_map())
        {
            found.extend(ids(inner, &format!("{path}.")));
        }
    }
    found
}
