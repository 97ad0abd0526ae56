//! Finds what people mean by a name: groups, members and profiles, by name, e-mail address or id.

use deskbell_proto::v1::{Group, GroupRef, Member, Profile};
use unicode_normalization::UnicodeNormalization as _;

use crate::failure::Failure;

/// Names compare in normal form and without regard to case, as on the server.
pub fn same(one: &str, other: &str) -> bool {
    fn plain(text: &str) -> String {
        text.trim().nfc().collect::<String>().to_lowercase().nfc().collect()
    }
    plain(one) == plain(other)
}

/// A member by id, e-mail address or display name; an address counts before somebody else's name
/// that looks like it.
pub fn member<'a>(members: &'a [Member], wanted: &str) -> Result<&'a Member, Failure> {
    let found = best(members, |member| {
        [member.id == wanted, same(&member.email, wanted), same(&member.display_name, wanted)]
            .into_iter()
            .position(|is| is)
    });
    only(&found, "member", wanted, |member| &member.email)
}

/// A group by id or name.
pub fn group<'a>(groups: &'a [Group], wanted: &str) -> Result<&'a Group, Failure> {
    let found = best(groups, |group| {
        [group.id == wanted, same(&group.name, wanted)].into_iter().position(|is| is)
    });
    only(&found, "group", wanted, |group| &group.id)
}

/// A profile by id or name.
pub fn profile<'a>(profiles: &'a [Profile], wanted: &str) -> Result<&'a Profile, Failure> {
    let found = best(profiles, |profile| {
        [profile.id == wanted, same(profile_name(profile), wanted)].into_iter().position(|is| is)
    });
    only(&found, "profile", wanted, |profile| &profile.id)
}

/// A profile's name.
pub fn profile_name(profile: &Profile) -> &str {
    profile.settings.as_ref().map_or("", |settings| &settings.name)
}

/// The names of groups, for showing.
pub fn names(groups: &[GroupRef]) -> String {
    groups.iter().map(|group| group.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// The things with the best rank there is.
fn best<T>(things: &[T], rank: impl Fn(&T) -> Option<usize>) -> Vec<&T> {
    let best = things.iter().filter_map(&rank).min();
    things.iter().filter(|thing| best.is_some() && rank(thing) == best).collect()
}

/// The one that was found; otherwise what to say instead.
fn only<'a, T>(
    found: &[&'a T],
    kind: &str,
    wanted: &str,
    distinct: impl Fn(&'a T) -> &'a str,
) -> Result<&'a T, Failure> {
    match found {
        [thing] => Ok(thing),
        [] => Err(Failure::not_found(format!(
            "There is no {kind} \"{wanted}\". See them all with: deskbell {kind} list"
        ))),
        several => {
            let choices: Vec<&str> = several.iter().map(|thing| distinct(thing)).collect();
            Err(Failure::invalid(format!(
                "\"{wanted}\" could be any of: {}. Say which.",
                choices.join(", ")
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Exit;

    fn someone(id: &str, email: &str, name: &str) -> Member {
        Member {
            id: id.to_owned(),
            email: email.to_owned(),
            display_name: name.to_owned(),
            ..Default::default()
        }
    }

    #[test]
    fn members_go_by_address_name_or_id() {
        let members = [
            someone("m1", "ana@desk.example", "Ana"),
            someone("m2", "bo@desk.example", "Bo"),
            someone("m3", "bo2@desk.example", "BO"),
            someone("m4", "mallory@desk.example", "ana@desk.example"),
        ];
        let id = |wanted| {
            member(&members, wanted)
                .map(|member| member.id.as_str())
                .map_err(|failure| failure.exit)
        };
        assert_eq!(id("ANA@desk.example"), Ok("m1"));
        assert_eq!(id(" ana "), Ok("m1"));
        assert_eq!(id("m2"), Ok("m2"));
        assert_eq!(id("bo"), Err(Exit::Invalid));
        assert_eq!(id("cy"), Err(Exit::NotFound));
        assert_eq!(id(""), Err(Exit::NotFound));
    }

    #[test]
    fn group_names_compare_in_normal_form() {
        let groups =
            [Group { id: "g1".to_owned(), name: "Büro".to_owned(), ..Default::default() }];
        assert!(group(&groups, "BU\u{308}RO").is_ok());
        assert!(group(&groups, "Buro").is_err());
    }
}
