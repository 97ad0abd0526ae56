//! The log: what happened, in a versioned form of its own, chained so that no record can be changed
//! or left out unseen.

use std::borrow::Cow;

use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::driver::{read_json, write_json};
use super::error::StoreError;
use crate::domain::{
    AccountEvent, AccountId, Actor, Change, Digest, DirectoryEvent, Event, Former, GroupId, Item,
    ItemId, Member, MemberId, Message, Millis, Revision, TeamId, TicketChange, TicketId, sha256,
};

/// The version of the stored form that this binary writes. Fields are only ever added; kinds, too.
const VERSION: u32 = 1;

/// The word for what an item had before.
const FORMER: &str = "former";

/// One change as it is stored: no words, no secrets.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record<'a> {
    /// The version of this form.
    pub v: u32,
    /// Who did it.
    pub by: Actor,
    /// Words of the directory are among what changed; none: nothing of the directory changed, or
    /// the record is from before this was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<bool>,
    /// What happened.
    pub events: Vec<Stored<'a>>,
}

impl<'a> Record<'a> {
    /// What these events are in the log.
    ///
    /// # Errors
    ///
    /// An item's image does not write as JSON.
    pub fn of(
        by: Actor,
        events: impl Iterator<Item = &'a Event> + Clone,
    ) -> Result<Self, StoreError> {
        let renames = events.clone().filter_map(|event| match event {
            // No ticket is shown with the name of what is new.
            Event::Directory(DirectoryEvent::Set(_, words, former)) => {
                Some(words.is_some() && !former.is_empty())
            }
            _ => None,
        });
        let names = renames.reduce(|one, other| one || other);
        let events = events.map(Stored::of).collect::<Result<_, _>>()?;
        Ok(Record { v: VERSION, by, names, events })
    }

    /// The tickets among it.
    pub fn tickets(&self) -> impl Iterator<Item = &TicketChange> {
        self.events.iter().filter_map(|event| match event {
            Stored::Ticket(change) => Some(&**change),
            _ => None,
        })
    }

    /// Names that tickets are shown with may have changed.
    pub fn may_rename(&self) -> bool {
        let is_item = |event: &Stored| matches!(event, Stored::Item(..));
        self.names.unwrap_or_else(|| self.events.iter().any(is_item))
    }

    /// Members who see other things from this revision on, which is the record's.
    pub fn sight_of(&self, revision: Revision) -> Result<Vec<MemberId>, StoreError> {
        let images = self.events.iter().filter_map(|event| match event {
            Stored::Item(kind, image, _) if *kind == ItemId::Member(MemberId(0)).kind() => {
                Some(image)
            }
            _ => None,
        });
        let members = images.map(|image| read_json::<Member>(image.get()));
        let anew = members
            .filter(|member| member.as_ref().map_or(true, |member| member.sight_since == revision));
        anew.map(|member| Ok(member?.id)).collect()
    }
}

/// One event as it is stored: an object whose first member has the event's word as its name. What
/// follows tells more of it, such as what was there before.
#[expect(
    clippy::large_enum_variant,
    reason = "a record has few events, which are written or read at once"
)]
#[derive(Clone, Debug)]
pub enum Stored<'a> {
    /// See [`Event::Ticket`].
    Ticket(Cow<'a, TicketChange>),
    /// See [`Event::Message`].
    Message(Cow<'a, Message>),
    /// An item of the directory as it is now: its kind, its image as it was written, and what it
    /// had before.
    Item(&'static str, Box<RawValue>, Cow<'a, Former>),
    /// An item of the directory is gone.
    ItemGone(ItemId),
    /// See [`Event::HistoryMoved`].
    HistoryMoved(StoredMove),
    /// See [`Event::TicketsErased`].
    TicketsErased(Cow<'a, [TicketId]>),
    /// See [`AccountEvent::Changed`].
    Account(StoredAccount),
    /// See [`AccountEvent::CodeMade`].
    CodeMade(StoredCode),
    /// See [`AccountEvent::CodeUsed`].
    CodeUsed(StoredOf),
    /// See [`AccountEvent::SessionOpened`].
    SessionOpened(StoredOf),
    /// See [`AccountEvent::SessionsEnded`].
    SessionsEnded(StoredEnd),
    /// Something that only later servers know. It stays in the log as it is.
    Unknown,
}

/// Whose history moved.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoredMove {
    /// Whose it was.
    pub from: GroupId,
    /// Whose it is.
    pub to: GroupId,
    /// Only of these tickets; none: all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tickets: Option<Vec<TicketId>>,
}

/// An account.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct StoredAccount {
    /// The account.
    pub id: AccountId,
    /// Its place in a team.
    pub membership: Option<(TeamId, MemberId)>,
    /// It can sign in.
    pub has_password: bool,
}

/// A one-time code.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct StoredCode {
    /// Whose password it sets.
    pub account: AccountId,
    /// When it stops working.
    pub expires_at: Millis,
}

/// An account that something happened to.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct StoredOf {
    /// Whose.
    pub account: AccountId,
}

/// Sessions that ended.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct StoredEnd {
    /// Whose.
    pub account: AccountId,
    /// One of them rather than all, or all but one.
    pub all: bool,
}

/// An item's image as JSON.
pub fn image_of(item: &Item) -> Result<String, StoreError> {
    item.image().map_err(|cause| StoreError::Broken(format!("JSON does not write: {cause}")))
}

/// The log's word for an item of this kind. Settings are the team's.
fn word_of(kind: &'static str) -> &'static str {
    if kind == ItemId::Team.kind() { "team" } else { kind }
}

/// The log's word for an item that is gone. A group's was there before others had one.
fn word_of_gone(id: ItemId) -> String {
    match id {
        ItemId::Group(_) => "group_erased".to_owned(),
        other => format!("{}_removed", word_of(other.kind())),
    }
}

impl<'a> Stored<'a> {
    fn of(event: &'a Event) -> Result<Self, StoreError> {
        let raw = |json| {
            RawValue::from_string(json)
                .map_err(|cause| StoreError::Broken(format!("JSON does not write: {cause}")))
        };
        Ok(match event {
            Event::Ticket(entry, _) => Stored::Ticket(Cow::Borrowed(&entry.image)),
            Event::Message(entry, _) => Stored::Message(Cow::Borrowed(&entry.image)),
            Event::Directory(DirectoryEvent::Set(item, _, former)) => {
                Stored::Item(item.id().kind(), raw(image_of(item)?)?, Cow::Borrowed(former))
            }
            Event::Directory(DirectoryEvent::Gone(id)) => Stored::ItemGone(*id),
            Event::HistoryMoved { from, to, tickets } => {
                Stored::HistoryMoved(StoredMove { from: *from, to: *to, tickets: tickets.clone() })
            }
            Event::TicketsErased(tickets) => Stored::TicketsErased(Cow::Borrowed(tickets)),
            Event::Account(event) => Stored::of_account(event),
        })
    }

    /// Neither passwords nor hashes of codes and tokens are part of the log.
    fn of_account(event: &AccountEvent) -> Self {
        match event {
            AccountEvent::Changed(account) => Stored::Account(StoredAccount {
                id: account.id,
                membership: account.membership,
                has_password: account.password_hash.is_some(),
            }),
            AccountEvent::CodeMade(code) => {
                Stored::CodeMade(StoredCode { account: code.account, expires_at: code.expires_at })
            }
            AccountEvent::CodeUsed(_, account) => Stored::CodeUsed(StoredOf { account: *account }),
            AccountEvent::SessionOpened(session) => {
                Stored::SessionOpened(StoredOf { account: session.account })
            }
            AccountEvent::SessionsEnded { account, only, except } => {
                Stored::SessionsEnded(StoredEnd {
                    account: *account,
                    all: only.is_none() && except.is_none(),
                })
            }
        }
    }
}

impl Serialize for Stored<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Stored::Ticket(change) => map.serialize_entry("ticket", change)?,
            Stored::Message(message) => map.serialize_entry("message", message)?,
            Stored::Item(kind, image, former) => {
                map.serialize_entry(word_of(kind), image)?;
                if !former.is_empty() {
                    map.serialize_entry(FORMER, former)?;
                }
            }
            Stored::ItemGone(id) => map.serialize_entry(&word_of_gone(*id), &id.number())?,
            Stored::HistoryMoved(moved) => map.serialize_entry("history_moved", moved)?,
            Stored::TicketsErased(tickets) => map.serialize_entry("tickets_erased", tickets)?,
            Stored::Account(account) => map.serialize_entry("account", account)?,
            Stored::CodeMade(code) => map.serialize_entry("code_made", code)?,
            Stored::CodeUsed(of) => map.serialize_entry("code_used", of)?,
            Stored::SessionOpened(of) => map.serialize_entry("session_opened", of)?,
            Stored::SessionsEnded(end) => map.serialize_entry("sessions_ended", end)?,
            Stored::Unknown => {}
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Stored<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ReadStored)
    }
}

struct ReadStored;

impl<'de> Visitor<'de> for ReadStored {
    type Value = Stored<'static>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("an event, named by its word")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Some(word) = map.next_key::<Cow<'de, str>>()? else { return Ok(Stored::Unknown) };
        let mut event = match &*word {
            "ticket" => Stored::Ticket(Cow::Owned(map.next_value()?)),
            "message" => Stored::Message(Cow::Owned(map.next_value()?)),
            "history_moved" => Stored::HistoryMoved(map.next_value()?),
            "tickets_erased" => {
                Stored::TicketsErased(Cow::Owned(map.next_value::<Vec<TicketId>>()?))
            }
            "account" => Stored::Account(map.next_value()?),
            "code_made" => Stored::CodeMade(map.next_value()?),
            "code_used" => Stored::CodeUsed(map.next_value()?),
            "session_opened" => Stored::SessionOpened(map.next_value()?),
            "sessions_ended" => Stored::SessionsEnded(map.next_value()?),
            word => of_directory(word, map.next_value()?).map_err(A::Error::custom)?,
        };
        while let Some(more) = map.next_key::<Cow<'de, str>>()? {
            match &mut event {
                Stored::Item(_, _, former) if more == FORMER => {
                    *former = Cow::Owned(map.next_value()?);
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(event)
    }
}

/// What a word says of the directory, if it is one of those.
fn of_directory(word: &str, value: Box<RawValue>) -> serde_json::Result<Stored<'static>> {
    let kind = |word: &str| if word == "team" { ItemId::Team.kind() } else { word }.to_owned();
    if let Some(id) = ItemId::of(&kind(word), 0) {
        return Ok(Stored::Item(id.kind(), value, Cow::default()));
    }
    let gone = word.strip_suffix("_removed").or_else(|| word.strip_suffix("_erased"));
    if let Some(gone) = gone.filter(|gone| ItemId::of(&kind(gone), 0).is_some()) {
        let number = serde_json::from_str(value.get())?;
        return Ok(ItemId::of(&kind(gone), number).map_or(Stored::Unknown, Stored::ItemGone));
    }
    Ok(Stored::Unknown)
}

/// Writes a change in the stored form.
pub fn write_record(change: &Change) -> Result<String, StoreError> {
    write_json(&Record::of(change.actor, change.events.iter())?)
}

/// Reads the stored form.
pub fn read_record(text: &str) -> Result<Record<'static>, StoreError> {
    read_json(text)
}

/// The chain's next link: over the one before, the team, the revision, the time and the record.
pub fn link(before: Digest, team: TeamId, revision: Revision, at: Millis, record: &str) -> Digest {
    sha256(&[
        &before.0,
        &team.0.to_be_bytes(),
        &revision.to_be_bytes(),
        &at.to_be_bytes(),
        record.as_bytes(),
    ])
}

/// What a chain begins with.
pub const CHAIN_START: Digest = Digest([0; 32]);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::MemberId;

    fn read(events: &str) -> Vec<Stored<'static>> {
        let text = format!(r#"{{"v":1,"by":"clock","events":{events}}}"#);
        read_record(&text).expect("it is read").events
    }

    /// The log is read for years, and by servers of two versions at once.
    #[test]
    fn what_was_stored_stays_readable_and_unknown_kinds_are_skipped() {
        let events = read(
            r#"[{"member":{"id":3, "x":1}},{"member_removed":3},{"group_erased":4},{"team":{}},
               {"tag":{"id":9}},{"tag_removed":9},{"history_moved":{"from":1,"to":2}}]"#,
        );
        let told: Vec<_> = events.iter().map(|event| format!("{event:?}")).collect();
        assert!(
            matches!(&events[0], Stored::Item("member", image, _)
            if image.get() == r#"{"id":3, "x":1}"#),
            "{told:?}"
        );
        assert!(matches!(events[1], Stored::ItemGone(ItemId::Member(MemberId(3)))), "{told:?}");
        assert!(matches!(events[2], Stored::ItemGone(ItemId::Group(GroupId(4)))), "{told:?}");
        assert!(matches!(&events[3], Stored::Item("settings", ..)), "{told:?}");
        assert!(matches!(events[4], Stored::Unknown), "{told:?}");
        assert!(matches!(events[5], Stored::Unknown), "{told:?}");
        assert!(matches!(events[6], Stored::HistoryMoved(_)), "{told:?}");
    }

    #[test]
    fn what_an_item_had_before_is_kept_beside_it() {
        let image = RawValue::from_string(r#"{"id":3,"admin":true}"#.to_owned()).expect("JSON");
        let [old, new] = [false, true].map(|admin| serde_json::json!({"id": 3, "admin": admin}));
        let former = Former::between(&old, &new, &[]);
        let stored = Stored::Item("member", image, Cow::Owned(former.clone()));
        let text = serde_json::to_string(&stored).expect("plain data");
        assert_eq!(text, r#"{"member":{"id":3,"admin":true},"former":{"admin":false}}"#);
        let events = read(&format!(r#"[{text},{{"member":{{"id":4}},"later":[1]}}]"#));
        assert!(matches!(&events[0], Stored::Item("member", _, kept) if **kept == former));
        assert!(matches!(&events[1], Stored::Item("member", _, kept) if kept.is_empty()));
    }

    #[test]
    fn what_is_gone_is_written_as_it_always_was() {
        let word = |id| serde_json::to_string(&Stored::ItemGone(id)).expect("plain data");
        assert_eq!(word(ItemId::Member(MemberId(3))), r#"{"member_removed":3}"#);
        assert_eq!(word(ItemId::Group(GroupId(4))), r#"{"group_erased":4}"#);
        let image = RawValue::from_string(r#"{"id":3}"#.to_owned()).expect("JSON");
        let set = |kind| {
            let item = Stored::Item(kind, image.clone(), Cow::default());
            serde_json::to_string(&item).expect("plain data")
        };
        assert_eq!(set("settings"), r#"{"team":{"id":3}}"#);
        assert_eq!(set("member"), r#"{"member":{"id":3}}"#);
    }
}
