//! Profiles and their signed manifests.

use std::mem::take;

use deskbell_proto::v1 as proto;
use deskbell_proto::v1::profile_service_server::ProfileService;
use tonic::{Request, Response, Status};

use super::identity::fingerprint;
use super::pages::by_name;
use super::status::invalid;
use super::{Handlers, convert};
use crate::desk::{Failure, Manifest, RawProfile};
use crate::domain::{
    Branding, Entry, Fallback, GroupId, ItemId, Profile, ProfileCommand, ProfileState,
    ProfileTexts, ProfileWords, Refusal, Reply, Team, lint,
};

type ProfileEntry = Entry<Profile, ProfileWords>;

#[tonic::async_trait]
impl ProfileService for Handlers {
    async fn create_profile(
        &self,
        request: Request<proto::CreateProfileRequest>,
    ) -> Result<Response<proto::CreateProfileResponse>, Status> {
        let staff = self.admin(request.metadata()).await?;
        let body = request.into_inner();
        let print = fingerprint("CreateProfile", &body);
        let raw = raw_profile(body.settings)?;
        let (reply, team) =
            self.desk.save_profile(&staff, None, raw, &body.request_id, print).await?;
        Ok(Response::new(proto::CreateProfileResponse { profile: profile_of(&team, &reply)? }))
    }

    async fn list_profiles(
        &self,
        request: Request<proto::ListProfilesRequest>,
    ) -> Result<Response<proto::ListProfilesResponse>, Status> {
        let staff = self.admin(request.metadata()).await?;
        let mut body = request.into_inner();
        let (size, token) = (take(&mut body.page_size), take(&mut body.page_token));
        let pages = self.pages(&staff, "ListProfiles", &body, size)?;
        let after = pages.after(&token)?;
        let profiles = staff.team.profiles.values();
        let rest = by_name(profiles, after.as_ref(), |profile| (profile.id.0, &profile.words.name));
        let (profiles, next_page_token) =
            pages.fill(rest.map(|(place, entry)| (place, profile(&staff.team, entry))))?;
        Ok(Response::new(proto::ListProfilesResponse { profiles, next_page_token }))
    }

    async fn get_profile(
        &self,
        request: Request<proto::GetProfileRequest>,
    ) -> Result<Response<proto::GetProfileResponse>, Status> {
        let staff = self.admin(request.metadata()).await?;
        let id = convert::profile_id(&request.into_inner().profile_id);
        let found =
            staff.team.profiles.get(&id).ok_or(Failure::Refused(Refusal::NotFound("profile")))?;
        Ok(Response::new(proto::GetProfileResponse { profile: Some(profile(&staff.team, found)) }))
    }

    async fn update_profile(
        &self,
        request: Request<proto::UpdateProfileRequest>,
    ) -> Result<Response<proto::UpdateProfileResponse>, Status> {
        let staff = self.admin(request.metadata()).await?;
        let body = request.into_inner();
        let print = fingerprint("UpdateProfile", &body);
        let id = convert::profile_id(&body.profile_id);
        if !staff.team.profiles.contains_key(&id) {
            return Err(Failure::Refused(Refusal::NotFound("profile")).into());
        }
        let raw = raw_profile(body.settings)?;
        let existing = Some((id, body.revision));
        let (reply, team) =
            self.desk.save_profile(&staff, existing, raw, &body.request_id, print).await?;
        Ok(Response::new(proto::UpdateProfileResponse { profile: profile_of(&team, &reply)? }))
    }

    async fn set_profile_state(
        &self,
        request: Request<proto::SetProfileStateRequest>,
    ) -> Result<Response<proto::SetProfileStateResponse>, Status> {
        let staff = self.admin(request.metadata()).await?;
        let body = request.into_inner();
        let print = fingerprint("SetProfileState", &body);
        let id = convert::profile_id(&body.profile_id);
        if !staff.team.profiles.contains_key(&id) {
            return Err(Failure::Refused(Refusal::NotFound("profile")).into());
        }
        let state = match proto::ProfileState::try_from(body.state) {
            Ok(proto::ProfileState::Active) => ProfileState::Active,
            Ok(proto::ProfileState::Paused) => ProfileState::Paused,
            Ok(proto::ProfileState::Revoked) => ProfileState::Revoked,
            Ok(proto::ProfileState::Unspecified) | Err(_) => {
                return Err(invalid(
                    "INVALID_FIELD",
                    "state",
                    "is neither active nor paused nor revoked",
                ));
            }
        };
        let command = ProfileCommand::SetState { profile: id, state };
        let (reply, team) = self.desk.change_team(&staff, command, &body.request_id, print).await?;
        Ok(Response::new(proto::SetProfileStateResponse { profile: profile_of(&team, &reply)? }))
    }

    async fn get_profile_manifest(
        &self,
        request: Request<proto::GetProfileManifestRequest>,
    ) -> Result<Response<proto::GetProfileManifestResponse>, Status> {
        let staff = self.admin(request.metadata()).await?;
        let id = convert::profile_id(&request.into_inner().profile_id);
        let manifest = self.desk.manifest(&staff.team, id)?;
        Ok(Response::new(proto::GetProfileManifestResponse { manifest: Some(signed(&manifest)?) }))
    }
}

fn profile_of(team: &Team, reply: &Reply) -> Result<Option<proto::Profile>, Status> {
    match reply {
        Reply::Item(ItemId::Profile(id)) => {
            Ok(team.profiles.get(id).map(|entry| profile(team, entry)))
        }
        _ => Err(Failure::Internal.into()),
    }
}

fn raw_profile(settings: Option<proto::ProfileSettings>) -> Result<RawProfile, Status> {
    let settings = settings.ok_or_else(|| invalid("INVALID_FIELD", "settings", "must be said"))?;
    let branding = settings.branding.unwrap_or_default();
    let fallback = settings.fallback.unwrap_or_default();
    let texts = settings.texts.into_iter().map(|texts| ProfileTexts {
        language: texts.language,
        greeting: texts.greeting,
        help: texts.help,
        terms: texts.terms,
    });
    Ok(RawProfile {
        words: ProfileWords {
            name: settings.name,
            branding: Branding {
                product_name: branding.product_name,
                window_title: branding.window_title,
                accent_color: branding.accent_color,
                background_color: branding.background_color,
                logo_png: branding.logo_png,
            },
            texts: texts.collect(),
            fallback: Fallback { phone: fallback.phone, email: fallback.email, url: fallback.url },
        },
        assistance_enabled: settings.assistance_enabled,
        groups: settings
            .group_ids
            .iter()
            .map(|id| convert::group_id(id))
            .collect::<Option<Vec<GroupId>>>(),
        group_required: settings.group_required,
        default_priority: convert::priority(
            settings.default_priority,
            "settings.default_priority",
        )?,
    })
}

fn branding(words: &ProfileWords) -> proto::Branding {
    proto::Branding {
        product_name: words.branding.product_name.clone(),
        window_title: words.branding.window_title.clone(),
        accent_color: words.branding.accent_color.clone(),
        background_color: words.branding.background_color.clone(),
        logo_png: words.branding.logo_png.clone(),
    }
}

fn texts(words: &ProfileWords) -> Vec<proto::ProfileTexts> {
    let texts = words.texts.iter().map(|texts| proto::ProfileTexts {
        language: texts.language.clone(),
        greeting: texts.greeting.clone(),
        help: texts.help.clone(),
        terms: texts.terms.clone(),
    });
    texts.collect()
}

fn fallback(words: &ProfileWords) -> proto::FallbackContact {
    proto::FallbackContact {
        phone: words.fallback.phone.clone(),
        email: words.fallback.email.clone(),
        url: words.fallback.url.clone(),
    }
}

fn state(state: ProfileState) -> i32 {
    let state = match state {
        ProfileState::Active => proto::ProfileState::Active,
        ProfileState::Paused => proto::ProfileState::Paused,
        ProfileState::Revoked => proto::ProfileState::Revoked,
    };
    state.into()
}

fn profile(team: &Team, entry: &ProfileEntry) -> proto::Profile {
    let settings = proto::ProfileSettings {
        name: entry.words.name.clone(),
        branding: Some(branding(&entry.words)),
        texts: texts(&entry.words),
        fallback: Some(fallback(&entry.words)),
        assistance_enabled: entry.assistance_enabled,
        group_ids: entry.groups.iter().map(|group| convert::id('g', group.0)).collect(),
        group_required: entry.group_required,
        default_priority: entry.default_priority.map_or(0, convert::to_priority),
    };
    let warnings = lint(team, entry).into_iter().map(|warning| proto::ProfileWarning {
        field: warning.field.to_owned(),
        reason: warning.reason.to_owned(),
        text: warning.text,
    });
    proto::Profile {
        id: convert::id('p', entry.id.0),
        settings: Some(settings),
        state: state(entry.state),
        revision: entry.revision,
        update_time: Some(convert::time(entry.saved_at)),
        warnings: warnings.collect(),
    }
}

/// The manifest, signed with the host's key.
pub fn signed(manifest: &Manifest) -> Result<proto::SignedManifest, Status> {
    let entry = &manifest.profile;
    let message = proto::Manifest {
        profile_id: convert::id('p', entry.id.0),
        revision: entry.revision,
        credential: manifest.credential.clone(),
        server_name: manifest.server_name.clone(),
        addresses: manifest.addresses.clone(),
        authorities_pem: manifest.authorities_pem.clone(),
        branding: Some(branding(&entry.words)),
        texts: texts(&entry.words),
        fallback: Some(fallback(&entry.words)),
        assistance_enabled: entry.assistance_enabled,
        groups: manifest
            .groups
            .iter()
            .map(|(id, name)| proto::GroupRef { id: convert::id('g', id.0), name: name.clone() })
            .collect(),
        group_required: entry.group_required,
        state: state(entry.state),
    };
    deskbell_proto::manifest::sign(&message, &manifest.signing_seed.0).map_err(|cause| {
        tracing::error!(%cause, "a manifest could not be signed");
        Failure::Internal.into()
    })
}
