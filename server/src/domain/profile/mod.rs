//! A profile: the branded widget's settings.

mod command;
mod lint;
mod rules;

use serde::{Deserialize, Serialize};

use super::Millis;
use super::event::Actor;
use super::ids::{GroupId, ProfileId};
use super::ticket::Priority;
use super::words::ContentRef;
pub use command::{ProfileCommand, ProfileDraft};
pub use lint::{Warning, color, lint};

/// Where a profile stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProfileState {
    /// Widgets can ring.
    Active = 1,
    /// Widgets say that the service is paused.
    Paused = 2,
    /// Widgets say that this copy is no longer valid. For good.
    Revoked = 3,
}

/// What the log remembers of a profile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// The profile.
    pub id: ProfileId,
    /// Where it stands.
    pub state: ProfileState,
    /// Grows by one with each save, each change of state, and each change to a group that it
    /// offers.
    pub revision: i64,
    /// When it was last saved.
    pub saved_at: Millis,
    /// Who saved it.
    pub saved_by: Actor,
    /// Customers can ring.
    pub assistance_enabled: bool,
    /// The groups it offers, in this order.
    pub groups: Vec<GroupId>,
    /// Choosing a group is required.
    pub group_required: bool,
    /// Goes before the team's.
    pub default_priority: Option<Priority>,
    /// Everything that is text or picture.
    pub words: ContentRef,
}

/// A profile's texts and pictures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProfileWords {
    /// The profile's name, for admins.
    pub name: String,
    /// How the widget looks.
    pub branding: Branding,
    /// What it says; the first language is the default.
    pub texts: Vec<ProfileTexts>,
    /// Where customers turn otherwise.
    pub fallback: Fallback,
}

/// How a widget looks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Branding {
    /// The product's name.
    pub product_name: String,
    /// The window's title; empty: the product's name.
    pub window_title: String,
    /// "#rrggbb"; empty: the widget's own.
    pub accent_color: String,
    /// "#rrggbb"; empty: the widget's own.
    pub background_color: String,
    /// A PNG; empty: none.
    pub logo_png: Vec<u8>,
}

/// What a widget says in one language.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProfileTexts {
    /// A language tag (BCP 47).
    pub language: String,
    /// Shown first.
    pub greeting: String,
    /// Help beside the form.
    pub help: String,
    /// Terms.
    pub terms: String,
}

/// Where customers turn when the service cannot be reached.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Fallback {
    /// A phone number.
    pub phone: String,
    /// An e-mail address.
    pub email: String,
    /// An https address.
    pub url: String,
}
