//! Whose helper this is: the verified manifest and what is read from it in the customer's language.

use deskbell_proto::manifest::{self, Verified};
use deskbell_proto::v1::{Manifest, ProfileState, ProfileTexts};

use crate::texts::Language;

/// A verified profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// What the server signed.
    pub manifest: Manifest,
    /// The signing key's fingerprint, for people.
    pub fingerprint: String,
}

impl Profile {
    /// The profile of a verified manifest.
    pub fn new(verified: &Verified) -> Self {
        Self {
            manifest: verified.manifest.clone(),
            fingerprint: manifest::fingerprint(&verified.public_key),
        }
    }

    /// Where the profile stands. What a later server may add counts as active: the server has the
    /// last word anyway.
    pub fn standing(&self) -> ProfileState {
        match self.manifest.state() {
            ProfileState::Unspecified | ProfileState::Active => ProfileState::Active,
            other => other,
        }
    }

    /// The product's name; the server's when the profile has none.
    pub fn product_name(&self) -> &str {
        let branded =
            self.manifest.branding.as_ref().map_or("", |branding| branding.product_name.as_str());
        if branded.is_empty() { &self.manifest.server_name } else { branded }
    }

    /// The window's title.
    pub fn window_title(&self) -> &str {
        let title =
            self.manifest.branding.as_ref().map_or("", |branding| branding.window_title.as_str());
        if title.is_empty() { self.product_name() } else { title }
    }

    /// One of the profile's texts: in the first of the customer's languages that has it, else in
    /// the profile's default language, else none.
    pub fn text<'a>(
        &'a self,
        language: &Language,
        which: impl Fn(&'a ProfileTexts) -> &'a str,
    ) -> Option<&'a str> {
        let texts = &self.manifest.texts;
        let in_language =
            |tag: &String| texts.iter().find(|text| text.language.to_lowercase() == *tag);
        let chain = language.tags().iter().filter_map(in_language).chain(texts.first());
        chain.map(which).find(|text| !text.trim().is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_fall_back_to_the_default_language() {
        let texts = |language: &str, greeting: &str, help: &str| ProfileTexts {
            language: language.into(),
            greeting: greeting.into(),
            help: help.into(),
            terms: String::new(),
        };
        let manifest = Manifest {
            texts: vec![texts("en", "Hello", "Ask us"), texts("de", "Hallo", " ")],
            ..Manifest::default()
        };
        let profile = Profile { manifest, fingerprint: String::new() };
        let table =
            [("de-AT", "Hallo", "Ask us"), ("en", "Hello", "Ask us"), ("fr", "Hello", "Ask us")];
        for (tag, greeting, help) in table {
            let language = Language::new([tag]);
            assert_eq!(profile.text(&language, |texts| &texts.greeting), Some(greeting));
            assert_eq!(profile.text(&language, |texts| &texts.help), Some(help));
            assert_eq!(profile.text(&language, |texts| &texts.terms), None);
        }
    }
}
