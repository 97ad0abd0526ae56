//! Profiles: checking what an admin typed, and what goes into a manifest.

use std::sync::Arc;

use super::{Desk, Failure, Staff, salt};
use crate::domain::{
    Branding, Checked, Digest, Entry, Fallback, GroupId, Prepared, Priority, Profile,
    ProfileCommand, ProfileDraft, ProfileId, ProfileTexts, ProfileWords, Refusal, Reply, Team,
    Visibility, text,
};
use crate::secrets::ProfileCredential;

/// What a profile may hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a logo.
    pub logo_bytes: usize,
    /// Pixels of a logo, each way.
    pub logo_pixels: u32,
    /// Groups offered.
    pub groups: usize,
    /// Languages.
    pub languages: usize,
}

/// What a profile may hold.
pub const LIMITS: Limits =
    Limits { logo_bytes: 64 * 1024, logo_pixels: 512, groups: 100, languages: 20 };

/// Settings as an admin typed them.
#[derive(Clone, Debug, Default)]
pub struct RawProfile {
    /// Texts and pictures, unchecked.
    pub words: ProfileWords,
    /// Customers can ring.
    pub assistance_enabled: bool,
    /// The groups offered; none: an id that reads as no group.
    pub groups: Option<Vec<GroupId>>,
    /// Choosing one is required.
    pub group_required: bool,
    /// Goes before the team's.
    pub default_priority: Option<Priority>,
}

/// What a widget needs to know, to be signed by whoever speaks the protocol.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The profile.
    pub profile: Entry<Profile, ProfileWords>,
    /// The groups offered, with their names.
    pub groups: Vec<(GroupId, String)>,
    /// The copy's credential.
    pub credential: String,
    /// The host's name.
    pub server_name: String,
    /// Addresses of the servers.
    pub addresses: Vec<String>,
    /// Certificate authorities to trust, as PEM.
    pub authorities_pem: String,
    /// The seed of the host's signing key.
    pub signing_seed: SigningSeed,
}

/// The seed of the host's signing key. Shows nothing when debugged.
#[derive(Clone)]
pub struct SigningSeed(pub [u8; 32]);

impl std::fmt::Debug for SigningSeed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("SigningSeed")
    }
}

/// The groups that a profile offers: live, public, in its order.
fn offered(team: &Team, profile: &Profile) -> Vec<(GroupId, String)> {
    let live = profile.groups.iter().filter_map(|group| team.live_group(*group));
    let public = live.filter(|group| group.visibility == Visibility::Public);
    public.map(|group| (group.id, group.words.name.clone())).collect()
}

impl Desk {
    /// What a widget of this profile needs to know.
    pub fn manifest(&self, team: &Team, profile: ProfileId) -> Result<Manifest, Failure> {
        let entry =
            team.profiles.get(&profile).ok_or(Failure::Refused(Refusal::NotFound("profile")))?;
        let credential = ProfileCredential { team: team.id.0, profile: profile.0 };
        Ok(Manifest {
            profile: entry.clone(),
            groups: offered(team, entry),
            credential: credential.make(&self.secrets.credential_key),
            server_name: self.facts.server_name.clone(),
            addresses: self.facts.addresses.clone(),
            authorities_pem: self.facts.authorities_pem.clone(),
            signing_seed: SigningSeed(self.secrets.signing.to_bytes()),
        })
    }

    /// Creates a profile, or saves one that is based on a revision.
    pub async fn save_profile(
        &self,
        staff: &Staff,
        existing: Option<(ProfileId, i64)>,
        raw: RawProfile,
        request_id: &str,
        fingerprint: Digest,
    ) -> Result<(Reply, Arc<Team>), Failure> {
        let salt = salt()?;
        let draft = check(raw).map(|(mut draft, words)| {
            draft.words = Prepared::new(words, salt);
            Box::new(draft)
        });
        let command = match existing {
            None => ProfileCommand::Create(draft),
            Some((profile, revision)) => ProfileCommand::Update { profile, revision, draft },
        };
        self.change_team(staff, command, request_id, fingerprint).await
    }

    /// Somebody is there: an operator who is available and watches the queue on this server.
    pub(super) fn staffed(&self, team: &Team) -> bool {
        self.hub.is_watched(team.id, |member| {
            team.operator(member).is_some_and(|operator| operator.available)
        })
    }
}

fn check(raw: RawProfile) -> Checked<(ProfileDraft, ProfileWords)> {
    let words = raw.words;
    let line =
        |text: &str, limit, field| text::optional_line(text, limit).map_err(Refusal::text(field));
    let prose = |typed: &str, limit, field: &'static str| {
        if typed.is_empty() {
            Ok(String::new())
        } else {
            text::prose(typed, limit).map_err(Refusal::text(field))
        }
    };
    let checked = ProfileWords {
        name: text::one_line(&words.name, 80).map_err(Refusal::text("settings.name"))?,
        branding: Branding {
            product_name: text::one_line(&words.branding.product_name, 60)
                .map_err(Refusal::text("settings.branding.product_name"))?,
            window_title: line(&words.branding.window_title, 80, "settings.branding.window_title")?,
            accent_color: color(words.branding.accent_color, "settings.branding.accent_color")?,
            background_color: color(
                words.branding.background_color,
                "settings.branding.background_color",
            )?,
            logo_png: logo(words.branding.logo_png)?,
        },
        texts: words
            .texts
            .into_iter()
            .map(|texts| {
                Ok(ProfileTexts {
                    language: language(&texts.language)?,
                    greeting: prose(&texts.greeting, 500, "settings.texts.greeting")?,
                    help: prose(&texts.help, 2_000, "settings.texts.help")?,
                    terms: prose(&texts.terms, 10_000, "settings.texts.terms")?,
                })
            })
            .collect::<Checked<_>>()?,
        fallback: Fallback {
            phone: line(&words.fallback.phone, 60, "settings.fallback.phone")?,
            email: match words.fallback.email.as_str() {
                "" => String::new(),
                email => {
                    text::email(email).map_err(Refusal::text("settings.fallback.email"))?.written
                }
            },
            url: url(line(&words.fallback.url, 500, "settings.fallback.url")?)?,
        },
    };
    let mut languages: Vec<_> = checked.texts.iter().map(|texts| texts.language.as_str()).collect();
    languages.sort_unstable();
    languages.dedup();
    if languages.len() != checked.texts.len() || languages.len() > LIMITS.languages {
        let problem = format!("give each language once, and at most {}", LIMITS.languages);
        return Err(Refusal::invalid("settings.texts", problem));
    }
    let groups = raw
        .groups
        .ok_or_else(|| Refusal::invalid("settings.group_ids", "the team has no such group"))?;
    let mut once = groups.clone();
    once.sort_unstable();
    once.dedup();
    if once.len() != groups.len() || groups.len() > LIMITS.groups {
        let problem = format!("give each group once, and at most {}", LIMITS.groups);
        return Err(Refusal::invalid("settings.group_ids", problem));
    }
    let draft = ProfileDraft {
        assistance_enabled: raw.assistance_enabled,
        groups,
        group_required: raw.group_required,
        default_priority: raw.default_priority,
        words: Prepared::new(ProfileWords::default(), [0; 16]),
    };
    Ok((draft, checked))
}

fn color(text: String, field: &'static str) -> Checked<String> {
    if text.is_empty() || crate::domain::color(&text).is_some() {
        Ok(text)
    } else {
        Err(Refusal::invalid(field, "write a colour like #1f5fbf"))
    }
}

fn url(text: String) -> Checked<String> {
    let fits =
        text.is_empty() || (text.starts_with("https://") && !text.contains(char::is_whitespace));
    if fits {
        Ok(text)
    } else {
        Err(Refusal::invalid("settings.fallback.url", "write an address like https://example.org"))
    }
}

fn language(tag: &str) -> Checked<String> {
    let fits = (2..=35).contains(&tag.len())
        && tag.split('-').all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
    if fits {
        Ok(tag.to_owned())
    } else {
        Err(Refusal::invalid("settings.texts.language", "write a language tag like en or pt-BR"))
    }
}

/// Looks at a logo's header only: a picture is never decoded on the server.
fn logo(png: Vec<u8>) -> Checked<Vec<u8>> {
    const FIELD: &str = "settings.branding.logo_png";
    if png.is_empty() {
        return Ok(png);
    }
    if png.len() > LIMITS.logo_bytes {
        return Err(Refusal::invalid(
            FIELD,
            format!("is too large: use at most {} KiB", LIMITS.logo_bytes / 1024),
        ));
    }
    // The signature, then the IHDR chunk: length 13, its name, width and height (PNG, third
    // edition, 11.2.1).
    let header = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR";
    let sizes = png.strip_prefix(header.as_slice()).and_then(|rest| rest.first_chunk::<8>());
    let Some([w0, w1, w2, w3, h0, h1, h2, h3]) = sizes.copied() else {
        return Err(Refusal::invalid(FIELD, "is not a PNG picture"));
    };
    let sizes = [u32::from_be_bytes([w0, w1, w2, w3]), u32::from_be_bytes([h0, h1, h2, h3])];
    if sizes.iter().any(|size| *size == 0 || *size > LIMITS.logo_pixels) {
        let problem = format!("is too large: use at most {0} by {0} pixels", LIMITS.logo_pixels);
        return Err(Refusal::invalid(FIELD, problem));
    }
    Ok(png)
}
