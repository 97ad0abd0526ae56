//! The widget's own words, by key and language.
//!
//! A compiled table, because there are some eighty short texts and no grammar that a table could
//! not hold. A text that a language lacks is taken from the next one of the customer's chain, and
//! last from English; a test reports what is missing. Adding a language: a file like `texts/de.rs`,
//! and one line in `LANGUAGES`.

#![allow(
    clippy::enum_glob_use,
    reason = "a table of a hundred lines that each begin with `Key::` is harder to read"
)]

mod de;
mod en;
mod es;
mod fr;
mod it;
mod pt;

type Table = &'static [(Key, &'static str)];

const LANGUAGES: [(&str, Table); 6] = [
    ("en", en::TEXTS),
    ("de", de::TEXTS),
    ("fr", fr::TEXTS),
    ("es", es::TEXTS),
    ("pt", pt::TEXTS),
    ("it", it::TEXTS),
];

macro_rules! keys {
    ($($key:ident),* $(,)?) => {
        /// What is to be said. The English table shows each one's words.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Key { $($key),* }

        #[cfg(test)]
        const ALL: &[Key] = &[$(Key::$key),*];
    };
}

keys! {
    Assistances, Greeting, OpenTicket, FallbackTitle, Phone, Email, Website, Fingerprint,
    Connecting, Online, OnlineStaffed, Away, AwayKept, AwayStillRing, Dismiss, Untrusted,
    FormTitle, Group, GroupNone, GroupHint, YourEmail, EmailHint, Title, TitleHint, Description,
    DescriptionHint, Facts, FactsHint, FactSystem, FactProgram, FactComputer, Ring, RingHint, Back,
    Help, Terms, GroupMissing, EmailMissing, EmailWrong, EmailLong, TitleLong, TitleControl,
    DescriptionMissing, DescriptionLong, FieldRefused, TicketNumber, TicketKept, TicketKeptHint,
    TicketSending, StateNew, StateInProgress, StateAnswered, StateClosed, StateExpired,
    StateUnknown, Place, PlaceFirst, HelpedBy, NobodyYet, InGroup, ExpiresSoon, You, NotSentYet,
    Write, WriteHint, WriteReopens, Send, SendHint, MessageLong, Cancel, CancelAsk, CancelYes,
    CancelNo, Cancelling, StillNeeded, NewRequest, Paused, PausedText, Revoked, RevokedText, Disabled,
    DisabledText, WrittenKept, NoManifest, NoManifestText, ManifestPath, ManifestOpen,
    ManifestDrop, TrustTitle, TrustText, TrustServer, TrustYes, TrustNo, TrustBefore,
    TrustRemembered, ManifestUnreadable, ManifestSignature, ManifestOtherSigner, ManifestOlder,
    ManifestNotRead, LastGoodStays, SubmitRefused, StorageFull, TicketFull, TicketGone,
}

/// The languages to try, best first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Language {
    tags: Vec<String>,
    tables: Vec<Table>,
}

impl Language {
    /// From tags (BCP 47 or as in `LANG`), best first: `["de-AT", "fr"]` tries de-AT, de, fr and
    /// then English.
    pub fn new<S: AsRef<str>>(wanted: impl IntoIterator<Item = S>) -> Self {
        let mut tags: Vec<String> = Vec::new();
        for tag in wanted {
            let whole = tag
                .as_ref()
                .split(['.', '@'])
                .next()
                .unwrap_or_default()
                .replace('_', "-")
                .to_lowercase();
            let base = whole.split('-').next().unwrap_or_default().to_owned();
            for tag in [whole, base] {
                if !tag.is_empty() && !tags.contains(&tag) {
                    tags.push(tag);
                }
            }
        }
        let known =
            |tag: &String| LANGUAGES.iter().find(|(name, _)| name == tag).map(|(_, table)| *table);
        let mut tables: Vec<Table> = tags.iter().filter_map(known).collect();
        tables.push(en::TEXTS);
        Self { tags, tables }
    }

    /// The tags to look for in a profile's texts, best first.
    pub fn tags(&self) -> &[String] {
        &self.tags
    }

    /// What to say.
    pub fn say(&self, key: Key) -> &'static str {
        self.tables.iter().find_map(|table| look_up(table, key)).unwrap_or_default()
    }

    /// What to say, with `{name}`s replaced. Values are put in as they are and never looked at
    /// again.
    pub fn fill(&self, key: Key, values: &[(&str, &str)]) -> String {
        let mut rest = self.say(key);
        let mut filled = String::with_capacity(rest.len() + 32);
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            if let Some((_, value)) = values.iter().find(|(known, _)| *known == name) {
                filled.push_str(value);
            }
            rest = after;
        }
        filled.push_str(rest);
        filled
    }
}

fn look_up(table: Table, key: Key) -> Option<&'static str> {
    table.iter().find(|(known, _)| *known == key).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placeholders(text: &str) -> Vec<&str> {
        let mut names: Vec<&str> =
            text.split('{').skip(1).filter_map(|part| part.split('}').next()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn every_language_has_every_text_once_with_the_same_placeholders() {
        let mut wrong = Vec::new();
        for (language, table) in LANGUAGES {
            for key in ALL {
                let found: Vec<_> = table.iter().filter(|(known, _)| known == key).collect();
                match (found.as_slice(), look_up(en::TEXTS, *key)) {
                    ([(_, text)], Some(english))
                        if placeholders(text) == placeholders(english) && !text.is_empty() => {}
                    (found, _) => wrong.push(format!("{language}: {key:?}: {found:?}")),
                }
            }
        }
        assert!(
            wrong.is_empty(),
            "missing, doubled or with other placeholders:\n{}",
            wrong.join("\n")
        );
    }

    #[test]
    fn the_chain_ends_in_english() {
        assert_eq!(Language::new(["de_AT.UTF-8"]).tags(), ["de-at", "de"]);
        assert_eq!(Language::new(["de_AT.UTF-8"]).say(Key::Back), "Zurück");
        assert_eq!(Language::new(["xx", "fr-CA"]).say(Key::Back), "Retour");
        assert_eq!(Language::new(["xx"]).say(Key::Assistances), "Assistances");
        assert_eq!(Language::new(Vec::<String>::new()).say(Key::Back), "Back");
    }

    #[test]
    fn values_are_not_looked_at_again() {
        let english = Language::new(["en"]);
        assert_eq!(english.fill(Key::HelpedBy, &[("name", "{place}")]), "{place} is helping you");
    }
}
