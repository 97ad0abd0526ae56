//! Profiles: creating, saving what others have not saved since, and the states.

use super::fixtures::*;
use crate::domain::*;

fn create(settings: ProfileDraft) -> Command {
    Command::Profile(ProfileCommand::Create(Ok(Box::new(settings))))
}

fn save(profile: ProfileId, revision: i64, settings: ProfileDraft) -> Command {
    Command::Profile(ProfileCommand::Update { profile, revision, draft: Ok(Box::new(settings)) })
}

fn set_state(profile: ProfileId, state: ProfileState) -> Command {
    Command::Profile(ProfileCommand::SetState { profile, state })
}

#[test]
fn a_new_profile() {
    let mut scene = Scene::new();
    let settings = ProfileDraft {
        assistance_enabled: false,
        group_required: true,
        default_priority: Some(Priority::Urgent),
        ..draft("Acme's helper", &[SALES, BACKSTAGE, SUPPORT])
    };
    let Reply::Item(ItemId::Profile(id)) = scene.does(ADA, create(settings)) else {
        panic!("a profile")
    };
    let profile = &scene.team().profiles[&id];
    assert_eq!(
        (profile.state, profile.revision, profile.saved_at),
        (ProfileState::Active, 1, START)
    );
    assert_eq!(profile.groups, [SALES, BACKSTAGE, SUPPORT], "in this order");
    assert_eq!((profile.assistance_enabled, profile.group_required), (false, true));
    assert_eq!(profile.default_priority, Some(Priority::Urgent));
    assert_eq!(profile.words.name, "Acme's helper");
}

#[test]
fn what_is_refused() {
    let table = [
        (create(draft("DESK", &[])), "exists settings.name"),
        (create(draft("Plai\u{308}n", &[GONE])), "invalid settings.group_ids"),
        (create(draft("New", &[SUPPORT, GroupId(99)])), "invalid settings.group_ids"),
        (save(PLAIN, 1, draft("desk", &[])), "exists settings.name"),
        (save(PLAIN, 1, draft("Plain", &[GONE])), "invalid settings.group_ids"),
        (save(PLAIN, 0, draft("Plain", &[])), "stale: ada profile_saved"),
        (save(PLAIN, 2, draft("Plain", &[])), "stale: ada profile_saved"),
        (save(ProfileId(99), 1, draft("Plain", &[])), "not found"),
        (set_state(ProfileId(99), ProfileState::Paused), "not found"),
        (
            Command::Profile(ProfileCommand::Create(Err(Refusal::invalid(
                "settings.name",
                "is empty",
            )))),
            "invalid settings.name",
        ),
    ];
    let scene = Scene::new();
    for (command, expected) in table {
        let asked = format!("{command:?}");
        assert_eq!(scene.refused(ADA, command), expected, "{asked}");
    }
}

#[test]
fn of_two_who_save_one_wins() {
    let mut scene = Scene::new();
    scene.does(BOB, save(PLAIN, 1, draft("PLAIN", &[SALES])));
    assert_eq!(scene.team().profiles[&PLAIN].words.name, "PLAIN", "its own name is no twin");
    let lost = scene.decide(Caller::Member(ADA), save(PLAIN, 1, draft("Other", &[]))).err();
    assert_eq!(
        lost,
        Some(Refusal::Stale { by: "bob".to_owned(), what: "profile_saved", version: 2 })
    );
    scene.does(ADA, save(PLAIN, 2, draft("Other", &[])));
    assert_eq!(scene.team().profiles[&PLAIN].revision, 3);
}

#[test]
fn states() {
    use ProfileState::{Active, Paused, Revoked};
    let revoked = Err("REVOKED_FOR_GOOD".to_owned());
    // From, to, and how far the revision grows.
    let table = [
        (DESK, Active, Ok(0)),
        (DESK, Paused, Ok(1)),
        (DESK, Revoked, Ok(1)),
        (PAUSED, Active, Ok(1)),
        (PAUSED, Paused, Ok(0)),
        (PAUSED, Revoked, Ok(1)),
        (REVOKED, Active, revoked.clone()),
        (REVOKED, Paused, revoked),
        (REVOKED, Revoked, Ok(0)),
    ];
    for (profile, state, expected) in table {
        let mut scene = Scene::new();
        let grows = match scene.ask(Caller::Member(ADA), set_state(profile, state)) {
            Ok(_) => Ok(scene.team().profiles[&profile].revision - 1),
            Err(refusal) => Err(word(&refusal)),
        };
        assert_eq!(grows, expected, "{profile:?} to {state:?}");
        if grows.is_ok() {
            assert_eq!(scene.team().profiles[&profile].state, state);
        }
    }
}

#[test]
fn a_revoked_profile_is_not_edited() {
    let scene = Scene::new();
    let revision = scene.team().profiles[&REVOKED].revision;
    let saved = save(REVOKED, revision, draft("Revoked", &[]));
    assert_eq!(scene.refused(ADA, saved), "REVOKED_FOR_GOOD");
}

#[test]
fn a_change_of_state_makes_what_was_seen_before_it_stale() {
    let mut scene = Scene::new();
    scene.does(BOB, set_state(PLAIN, ProfileState::Paused));
    assert_eq!(scene.refused(ADA, save(PLAIN, 1, draft("Plain", &[]))), "stale: bob profile_saved");
    scene.does(ADA, save(PLAIN, 2, draft("Plain", &[])));
    assert_eq!(
        scene.team().profiles[&PLAIN].state,
        ProfileState::Paused,
        "saving does not resume it"
    );
}

#[test]
fn a_group_that_was_deleted_under_a_profile_does_not_keep_it_from_being_saved() {
    let mut scene = Scene::new();
    scene.does(
        ADA,
        GroupCommand::Delete { group: SUPPORT, dry_run: false, confirm: 0, move_to: None },
    );
    for group in [SUPPORT, GONE] {
        // Whether it can still come back or is erased.
        scene.does(
            ADA,
            save(DESK, scene.team().profiles[&DESK].revision, draft("Desk", &[group, BACKSTAGE])),
        );
        assert_eq!(scene.team().profiles[&DESK].groups, [group, BACKSTAGE]);
        scene.does(
            ADA,
            save(DESK, scene.team().profiles[&DESK].revision, draft("Desk", &[BACKSTAGE])),
        );
        let back = save(DESK, scene.team().profiles[&DESK].revision, draft("Desk", &[group]));
        assert_eq!(
            scene.refused(ADA, back),
            "invalid settings.group_ids",
            "once it is off the list it stays off"
        );
        scene.team_mut().profiles.get_mut(&DESK).expect("there").groups.push(GONE);
        scene.team_mut().groups.remove(&GONE);
    }
}

#[test]
fn a_team_has_a_thousand_profiles_at_most() {
    let mut scene = Scene::new();
    let profile = scene.team().profiles[&PLAIN].clone();
    for id in 2_000..2_995 {
        let mut profile = profile.clone();
        profile.image.id = ProfileId(id);
        scene.team_mut().profiles.insert(profile.id, profile);
    }
    assert_eq!(scene.refused(ADA, create(draft("One more", &[]))), "full profiles");
}

fn lint_reasons(
    scene: &Scene,
    change: impl FnOnce(&mut Entry<Profile, ProfileWords>),
) -> Vec<&'static str> {
    let mut profile = scene.team().profiles[&PLAIN].clone();
    change(&mut profile);
    lint(scene.team(), &profile).into_iter().map(|warning| warning.reason).collect()
}

#[test]
fn the_linter_looks_at_the_groups_offered() {
    let table: [(&[GroupId], &[&str]); 6] = [
        (&[], &[]),
        (&[SUPPORT, SALES], &[]),
        (&[GONE], &["GROUP_GONE"]),
        (&[GroupId(99), SALES], &["GROUP_GONE"]),
        (&[BACKSTAGE], &["GROUP_INTERNAL"]),
        (&[SUPPORT, GONE, BACKSTAGE], &["GROUP_GONE", "GROUP_INTERNAL"]),
    ];
    let mut scene = Scene::new();
    for (groups, expected) in table {
        assert_eq!(
            lint_reasons(&scene, |profile| profile.groups = groups.to_vec()),
            expected,
            "{groups:?}"
        );
    }
    scene.does(ADA, GroupCommand::RemoveOperator { group: SUPPORT, member: ANA });
    let empty = lint_reasons(&scene, |profile| profile.groups = vec![SUPPORT]);
    assert_eq!(empty, ["GROUP_EMPTY"], "the disabled and the invited help nobody");
}

#[test]
fn the_linter_looks_at_colours_and_translations() {
    let scene = Scene::new();
    // Accent, background.
    let table: [(&str, &str, &[&str]); 6] = [
        ("", "", &[]),
        ("#1f5fbf", "#ffffff", &[]),
        ("#ffff00", "#ffffff", &["LOW_CONTRAST"]),
        ("#1f5fbf", "#1f5fbe", &["LOW_CONTRAST"]),
        ("", "#1f5fbf", &["LOW_CONTRAST"]),
        ("#ffffff", "#000000", &[]),
    ];
    for (accent, background, expected) in table {
        let reasons = lint_reasons(&scene, |profile| {
            profile.words.branding.accent_color = accent.to_owned();
            profile.words.branding.background_color = background.to_owned();
        });
        assert_eq!(reasons, expected, "{accent} on {background}");
    }
    let texts = |language: &str, greeting: &str, help: &str| ProfileTexts {
        language: language.to_owned(),
        greeting: greeting.to_owned(),
        help: help.to_owned(),
        terms: String::new(),
    };
    let reasons = lint_reasons(&scene, |profile| {
        profile.words.texts =
            vec![texts("en", "Hello", "Write."), texts("de", "Hallo", ""), texts("fr", "", "")];
    });
    assert_eq!(reasons, ["MISSING_TRANSLATION"; 3], "one of help in German, both in French");
}
