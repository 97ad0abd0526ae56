//! Profiles: saving and states.

use super::ProfileDraft;
use super::{Profile, ProfileState, ProfileWords};
use crate::domain::command::Checked;
use crate::domain::decide::Draft;
use crate::domain::directory::ItemId;
use crate::domain::event::actor_name;
use crate::domain::ids::ProfileId;
use crate::domain::refusal::Refusal;
use crate::domain::request::Reply;
use crate::domain::words::Entry;

/// A team has at most this many profiles.
const PROFILES: usize = 1_000;

fn not_revoked(profile: &Profile) -> Result<(), Refusal> {
    if profile.state != ProfileState::Revoked {
        return Ok(());
    }
    Err(Refusal::precondition(
        "REVOKED_FOR_GOOD",
        "a revoked profile stays revoked; create a new one",
    ))
}

impl<'w> Draft<'w> {
    fn check(&self, draft: &ProfileDraft, but: Option<ProfileId>) -> Result<(), Refusal> {
        let team = self.team()?;
        if let Some(twin) = team.profile_named(&draft.words.words.name)
            && Some(twin.id) != but
        {
            return Err(Refusal::AlreadyExists {
                field: "settings.name",
                text: "the team has a profile of that name".into(),
            });
        }
        let kept = |id: &super::super::GroupId| {
            // A group that was deleted under a profile is flagged, and must not keep the rest from
            // being saved.
            but.and_then(|but| team.profiles.get(&but))
                .is_some_and(|profile| profile.groups.contains(id))
        };
        if draft.groups.iter().any(|group| team.live_group(*group).is_none() && !kept(group)) {
            return Err(Refusal::invalid("settings.group_ids", "the team has no such group"));
        }
        Ok(())
    }

    fn existing(&self, id: ProfileId) -> Result<&'w Entry<Profile, ProfileWords>, Refusal> {
        self.team()?.profiles.get(&id).ok_or(Refusal::NotFound("profile"))
    }

    pub(super) fn create_profile(
        &mut self,
        draft: &Checked<Box<ProfileDraft>>,
    ) -> Result<Reply, Refusal> {
        self.admin()?;
        let draft = draft.clone()?;
        self.check(&draft, None)?;
        if self.team()?.profiles.len() >= PROFILES {
            return Err(Refusal::Full { what: "profiles", limit: PROFILES });
        }
        let id = ProfileId(self.id());
        let words = self.content(&draft.words);
        let image = Profile {
            id,
            state: ProfileState::Active,
            revision: 1,
            saved_at: self.now,
            saved_by: self.actor,
            assistance_enabled: draft.assistance_enabled,
            groups: draft.groups.clone(),
            group_required: draft.group_required,
            default_priority: draft.default_priority,
            words,
        };
        self.set(Entry { image, words: (*draft.words.words).clone() }, Some(draft.words.row));
        Ok(Reply::Item(ItemId::Profile(id)))
    }

    pub(super) fn update_profile(
        &mut self,
        id: ProfileId,
        revision: i64,
        draft: &Checked<Box<ProfileDraft>>,
    ) -> Result<Reply, Refusal> {
        self.admin()?;
        let old = self.existing(id)?;
        not_revoked(old)?;
        if revision != old.revision {
            let by = actor_name(self.team()?, old.saved_by, old.saved_at);
            return Err(Refusal::Stale { by, what: "profile_saved", version: old.revision });
        }
        let draft = draft.clone()?;
        self.check(&draft, Some(id))?;
        let mut image = old.image.clone();
        image.revision += 1;
        image.saved_at = self.now;
        image.saved_by = self.actor;
        image.assistance_enabled = draft.assistance_enabled;
        image.groups.clone_from(&draft.groups);
        image.group_required = draft.group_required;
        image.default_priority = draft.default_priority;
        image.words = draft.words.at(old.image.words.id);
        self.set(Entry { image, words: (*draft.words.words).clone() }, Some(draft.words.row));
        Ok(Reply::Item(ItemId::Profile(id)))
    }

    pub(super) fn set_profile_state(
        &mut self,
        id: ProfileId,
        state: ProfileState,
    ) -> Result<Reply, Refusal> {
        self.admin()?;
        let mut profile = self.existing(id)?.clone();
        if profile.state == state {
            return Ok(Reply::Item(ItemId::Profile(id)));
        }
        not_revoked(&profile)?;
        profile.state = state;
        profile.revision += 1;
        profile.saved_at = self.now;
        profile.saved_by = self.actor;
        self.set(profile, None);
        Ok(Reply::Item(ItemId::Profile(id)))
    }
}
