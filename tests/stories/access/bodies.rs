//! Bodies for every call: one that is valid, and the same with everything spoilt but what the call
//! is about.

use deskbell_proto::client::request_id;
use deskbell_proto::json::to_value;
use deskbell_proto::v1;
use deskbell_tests::customer::{call_for_help, new_secret};
use deskbell_tests::host::PASSWORD;
use deskbell_tests::setup::settings;
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

/// What a call may be about.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// A ticket.
    pub number: i64,
    /// The version it has.
    pub version: i64,
    /// The member who has it; empty when nobody has.
    pub operator_id: String,
    /// A member.
    pub member_id: String,
    /// A group.
    pub group_id: String,
    /// An organization.
    pub organization_id: String,
    /// A profile.
    pub profile_id: String,
    /// An invitation.
    pub invitation_id: String,
    /// An account's address.
    pub email: String,
    /// A one-time code for it.
    pub code: String,
}

/// The field that names an object of that kind.
pub fn field_of(kind: &str) -> &'static str {
    match kind {
        "ticket" => "number",
        "member" => "member_id",
        "group" | "any-group" => "group_id",
        "organization" => "organization_id",
        "profile" => "profile_id",
        "invitation" | "lure" => "invitation_id",
        other => panic!("say which field names a {other}"),
    }
}

/// A body that is in order.
pub fn valid(call: &str, target: &Target) -> Value {
    let Target { number, version, member_id, group_id, email, code, .. } = target;
    let Target { organization_id, profile_id, invitation_id, .. } = target;
    let mut body = match call {
        "GetServerInfo" | "WhoAmI" | "SignOut" | "GetTeam" | "ListMembers" | "ListGroups"
        | "ListOrganizations" | "ListProfiles" | "ListTickets" | "WatchQueue" | "GetMyTicket"
        | "Follow" => {
            return json!({});
        }
        "SignIn" => return json!({"email": email, "password": PASSWORD}),
        "RedeemCode" => return json!({"email": email, "code": code, "new_password": PASSWORD}),
        "ChangePassword" => return json!({"current_password": PASSWORD, "new_password": PASSWORD}),
        "GetProfile" | "GetProfileManifest" => return json!({"profile_id": profile_id}),
        "GetOrganization" => return json!({"organization_id": organization_id}),
        "GetTicket" | "ListTicketEvents" => return json!({"number": number}),
        "SubmitTicket" => return to_value(&call_for_help(&new_secret(), "It smokes.")),
        "AnswerInvitation" => {
            json!({"invitation_id": invitation_id, "accept": true, "code": code})
        }
        "ActivateTeam" => json!({"name": "Newcomers"}),
        "SetAvailability" => json!({"available": true}),
        "UpdateTeam" => json!({"team": {"name": "Renamed"}, "update_mask": "name"}),
        "AddMember" => json!({"email": format!("{}@desk.example", request_id())}),
        "UpdateMember" => json!({"member_id": member_id, "admin": true}),
        "RemoveMember" => json!({"member_id": member_id}),
        "CreateGroup" | "CreateOrganization" => json!({"name": request_id()}),
        "UpdateGroup" => json!({"group_id": group_id, "name": request_id()}),
        "DeleteGroup" | "UndeleteGroup" => json!({"group_id": group_id}),
        "AddGroupOperator" | "RemoveGroupOperator" => {
            json!({"group_id": group_id, "member_id": member_id})
        }
        "UpdateOrganization" => json!({"organization_id": organization_id, "name": request_id()}),
        "DeleteOrganization" => json!({"organization_id": organization_id}),
        "CreateProfile" => json!({"settings": any_settings()}),
        "UpdateProfile" => {
            json!({"profile_id": profile_id, "revision": 1, "settings": any_settings()})
        }
        "SetProfileState" => json!({"profile_id": profile_id, "state": "PROFILE_STATE_PAUSED"}),
        "TakeTicket" => {
            let from = &target.operator_id;
            json!({"number": number, "version": version, "from_operator_id": from})
        }
        "CloseTicket" | "ReopenTicket" => {
            json!({"number": number, "version": version})
        }
        "AssignTicket" => json!({"number": number, "version": version, "operator_id": ""}),
        "SetTicketPriority" => {
            json!({"number": number, "version": version, "priority": "PRIORITY_HIGH"})
        }
        "SetTicketTags" => json!({"number": number, "version": version, "tags": ["vip"]}),
        "ReplyTicket" | "NoteTicket" => {
            json!({"number": number, "version": version, "text": "Coming."})
        }
        "NextTicket" | "KeepTicket" | "CancelTicket" => json!({}),
        "WriteMessage" => json!({"text": "Still smoking."}),
        other => panic!("say what a valid body of {other} is"),
    };
    body["request_id"] = Value::from(request_id());
    body
}

fn any_settings() -> Value {
    to_value::<v1::ProfileSettings>(&settings(&request_id(), &[]))
}

/// The same with every field spoilt but those that say what the call is about.
pub fn spoilt(message: &MessageDescriptor, body: &Value, kinds: &[&str]) -> Value {
    let about: Vec<_> = kinds.iter().map(|kind| field_of(kind)).collect();
    let field = |field: FieldDescriptor| {
        let name = field.name().to_owned();
        let value = if about.contains(&name.as_str()) {
            body.get(&name).cloned()
        } else {
            nonsense(&field)
        };
        value.map(|value| (name, value))
    };
    Value::Object(message.fields().filter_map(field).collect::<Map<_, _>>())
}

/// What no field may hold; none where everything is allowed.
fn nonsense(field: &FieldDescriptor) -> Option<Value> {
    let one = match field.kind() {
        Kind::String => Value::from("\u{7}".repeat(20_000)),
        Kind::Bytes => Value::from("AA=="),
        Kind::Enum(_) => Value::from(99),
        Kind::Bool => return None,
        Kind::Message(_) if field.is_map() => return Some(json!({"\u{7}": "\u{7}"})),
        Kind::Message(message) if message.full_name() == "google.protobuf.FieldMask" => {
            Value::from("nonsense")
        }
        Kind::Message(message) if message.full_name().starts_with("google.") => return None,
        Kind::Message(message) => spoilt(&message, &Value::Null, &[]),
        _ => Value::from(-1),
    };
    Some(if field.is_list() { Value::from(vec![one]) } else { one })
}
