//! The contract's messages as JSON, with the field names of the .proto files, for scripts and for
//! files that people edit.
//!
//! Unlike protobuf's usual JSON, 64-bit integers are numbers (ticket numbers and versions are
//! small) and fields are there even when they hold their default, so that a script need not know
//! what a missing field means. Absent are only fields that tell "not set" apart from their default,
//! such as the operator of a ticket nobody has. Times are RFC 3339, bytes are base64, enum values
//! have their names; one this program does not know yet is its number.

use std::sync::LazyLock;

use prost::{Message, Name};
use prost_reflect::{
    DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor, SerializeOptions,
};
use serde_json::Value;

use crate::DESCRIPTORS;

/// Nothing when the compiled-in descriptors cannot be read, which the tests rule out.
static POOL: LazyLock<Option<DescriptorPool>> =
    LazyLock::new(|| DescriptorPool::decode(DESCRIPTORS).ok());

/// The contract's descriptors, for looking things up by name.
pub fn descriptors() -> Option<&'static DescriptorPool> {
    POOL.as_ref()
}

fn descriptor<M: Name>() -> Option<MessageDescriptor> {
    POOL.as_ref()?.get_message_by_name(&M::full_name())
}

/// A message of the contract as JSON. Null for a message of another contract.
pub fn to_value<M: Message + Name>(message: &M) -> Value {
    let options = SerializeOptions::new()
        .stringify_64_bit_integers(false)
        .use_proto_field_name(true)
        .skip_default_fields(false);
    descriptor::<M>()
        .and_then(|descriptor| {
            DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice()).ok()
        })
        .and_then(|dynamic| {
            dynamic.serialize_with_options(serde_json::value::Serializer, &options).ok()
        })
        .unwrap_or_default()
}

/// A message of the contract from JSON as [`to_value`] writes it; missing fields get their default.
/// An unknown field, an unknown enum value or a value of the wrong kind is refused in words that
/// name it.
pub fn from_value<M: Message + Name + Default>(value: Value) -> Result<M, String> {
    let descriptor = descriptor::<M>()
        .ok_or_else(|| format!("{} is not part of this contract", M::full_name()))?;
    let options = DeserializeOptions::new().deny_unknown_fields(true);
    DynamicMessage::deserialize_with_options(descriptor, value, &options)
        .map_err(|problem| problem.to_string())?
        .transcode_to()
        .map_err(|problem| problem.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::v1;

    #[test]
    fn a_ticket_has_the_contracts_names() {
        let ticket = v1::Ticket {
            number: 42,
            version: 1 << 40,
            state: v1::TicketState::New.into(),
            priority: 77,
            requester: "x@example.org".to_owned(),
            submit_time: Some(prost_types::Timestamp { seconds: 0, nanos: 0 }),
            facts: [("os".to_owned(), "Debian".to_owned())].into(),
            ..Default::default()
        };
        let value = to_value(&ticket);
        assert_eq!(value["number"], json!(42));
        assert_eq!(value["version"], json!(1u64 << 40));
        assert_eq!(value["state"], json!("TICKET_STATE_NEW"));
        assert_eq!(value["priority"], json!(77));
        assert_eq!(value["submit_time"], json!("1970-01-01T00:00:00Z"));
        assert_eq!(value["facts"], json!({"os": "Debian"}));
        assert_eq!(value["requester_verified"], json!(false));
        assert_eq!(value["profile_name"], json!(""));
        assert!(value.get("operator").is_none());
    }

    #[test]
    fn settings_come_back_as_they_were() {
        let settings = v1::ProfileSettings {
            name: "Acme".to_owned(),
            branding: Some(v1::Branding {
                product_name: "Acme help".to_owned(),
                logo_png: vec![1, 2, 255],
                ..Default::default()
            }),
            group_ids: vec!["g1".to_owned()],
            default_priority: v1::Priority::High.into(),
            ..Default::default()
        };
        assert_eq!(from_value::<v1::ProfileSettings>(to_value(&settings)), Ok(settings));
    }

    #[test]
    fn mistakes_are_named() {
        let problem = from_value::<v1::ProfileSettings>(json!({"nmae": "Acme"})).unwrap_err();
        assert!(problem.contains("nmae"), "{problem}");
        assert!(from_value::<v1::ProfileSettings>(json!({"name": 7})).is_err());
        assert!(
            from_value::<v1::ProfileSettings>(json!({"default_priority": "PRIORITY_SOON"}))
                .is_err()
        );
        assert!(from_value::<v1::ProfileSettings>(json!([])).is_err());
    }

    #[test]
    fn every_message_is_known() {
        assert!(
            descriptors()
                .unwrap()
                .all_messages()
                .any(|message| message.full_name() == "deskbell.v1.WatchQueueResponse.Change")
        );
        assert!(to_value(&v1::watch_queue_response::Change::default()).is_object());
    }
}
