//! Finds what people mean by a name, an e-mail address or an id.

use std::collections::BTreeMap;

use deskbell_proto::fold;
use deskbell_proto::v1::{Group, GroupRef, Member, Profile};

use crate::failure::{Exit, Failure};
use crate::output::aside;

/// A member by id, e-mail address or display name; an address counts before somebody else's name
/// that looks like it. Otherwise by the beginning of an address or a name, if it is nobody else's.
pub fn member<'a>(members: &'a [Member], wanted: &str) -> Result<&'a Member, Failure> {
    let exact =
        one("member", members, wanted, |member| [&member.id, &member.email, &member.display_name]);
    let beginning = fold::search(wanted);
    let begins = |member: &&Member| {
        let mut names = [&member.email, &member.display_name].into_iter();
        names.any(|name| fold::search(name).starts_with(&beginning))
    };
    match exact {
        Err(failure) if failure.exit == Exit::NotFound && !beginning.is_empty() => {
            let found: Vec<_> = members.iter().filter(begins).collect();
            match found[..] {
                [] => Err(failure),
                [member] => Ok(member),
                _ => Err(ambiguous(wanted, found.iter().map(|member| member.email.as_str()))),
            }
        }
        exact => exact,
    }
}

fn ambiguous<'a>(wanted: &str, choices: impl Iterator<Item = &'a str>) -> Failure {
    let choices = choices.collect::<Vec<_>>().join(", ");
    Failure::invalid(format!("\"{wanted}\" could be any of: {choices}. Say which."))
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

/// Tells an admin whose things have names that count as one: they were made when names were compared
/// more closely. `rename` is the command that gives one another name.
pub fn tell_twins<'a>(rename: &str, names: impl Iterator<Item = &'a str>) {
    let told = twins(rename, names);
    if !told.is_empty() {
        aside(&told);
    }
}

fn twins<'a>(rename: &str, names: impl Iterator<Item = &'a str>) -> String {
    let mut by_fold: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for name in names {
        by_fold.entry(fold::name(name)).or_default().push(name);
    }
    let twins = by_fold.values().filter(|alike| alike.len() > 1);
    let told = twins.map(|alike| {
        let alike: Vec<_> = alike.iter().map(|name| format!("\"{name}\"")).collect();
        format!(
            "These names count as one: {}. Give one another name, by its id (--json shows it): \
             deskbell {rename}",
            alike.join(", ")
        )
    });
    told.collect::<Vec<_>>().join("\n")
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
            if place == 0 { *name == wanted } else { fold::same_name(name, wanted) }
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
            Err(ambiguous(wanted, found.iter().map(distinct)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(id("MALL"), Ok("m4"), "nobody else begins so");
        assert_eq!(id("an"), Err(Exit::Invalid), "an address and a name begin so");
        assert_eq!(id("llory"), Err(Exit::NotFound));
        assert_eq!(id(""), Err(Exit::NotFound));
    }

    #[test]
    fn names_that_became_one_are_told() {
        assert_eq!(twins("group rename", ["Sales", "Support"].into_iter()), "");
        let told = twins("group rename", ["Big  Office", "Sales", "Big Office"].into_iter());
        assert!(told.contains(r#""Big  Office", "Big Office""#), "{told}");
        assert!(told.ends_with("deskbell group rename"), "{told}");
    }

    #[test]
    fn group_names_compare_in_normal_form() {
        let groups =
            [Group { id: "g1".to_owned(), name: "Büro".to_owned(), ..Default::default() }];
        assert!(group(&groups, "BU\u{308}RO").is_ok());
        assert!(group(&groups, "Buro").is_err());
    }
}
