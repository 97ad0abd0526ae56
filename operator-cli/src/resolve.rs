//! Finds what people mean by a name, an e-mail address or an id.

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
    one("member", members, wanted, |member| [&member.id, &member.email, &member.display_name])
}

/// A group by id or name.
pub fn group<'a>(groups: &'a [Group], wanted: &str) -> Result<&'a Group, Failure> {
    one("group", groups, wanted, |group| [&group.id, &group.name])
}

/// A profile by id or name.
pub fn profile<'a>(profiles: &'a [Profile], wanted: &str) -> Result<&'a Profile, Failure> {
    one("profile", profiles, wanted, |profile| [&profile.id, profile_name(profile)])
}

/// A profile's name.
pub fn profile_name(profile: &Profile) -> &str {
    profile.settings.as_ref().map_or("", |settings| &settings.name)
}

/// The names of groups, for showing.
pub fn names(groups: &[GroupRef]) -> String {
    groups.iter().map(|group| group.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// The one of these things that somebody means: the first of its names is its id, and the others
/// count in their order. Otherwise what to say instead.
pub fn one<'a, T, const N: usize>(
    kind: &str,
    things: &'a [T],
    wanted: &str,
    names: impl Fn(&'a T) -> [&'a str; N],
) -> Result<&'a T, Failure> {
    let rank = |thing: &'a T| {
        let is = |(place, name): (usize, &&str)| {
            if place == 0 { *name == wanted } else { same(name, wanted) }
        };
        names(thing).iter().enumerate().position(is)
    };
    let best = things.iter().filter_map(rank).min();
    let found: Vec<&T> =
        things.iter().filter(|thing| best.is_some() && rank(thing) == best).collect();
    match found[..] {
        [thing] => Ok(thing),
        [] => Err(Failure::not_found(format!(
            "There is no {kind} \"{wanted}\". See them all with: deskbell {kind} list"
        ))),
        _ => {
            let distinct = |thing: &&'a T| names(thing)[usize::from(N > 2)];
            let choices: Vec<&str> = found.iter().map(distinct).collect();
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
