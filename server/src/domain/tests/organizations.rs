//! Organizations: names, domains, and who belongs to them.

use super::fixtures::*;
use crate::domain::*;

fn create(name: &str, domains: &[&str]) -> OrganizationCommand {
    OrganizationCommand::Create { name: name.to_owned(), domains: pairs(domains) }
}

fn update(organization: OrganizationId, domains: &[&str]) -> OrganizationCommand {
    OrganizationCommand::Update { organization, name: None, domains: Some(pairs(domains)) }
}

/// A domain that begins with a dot counts with what lies below it.
fn pairs(domains: &[&str]) -> Vec<(String, bool)> {
    let pair = |domain: &&str| {
        let below = domain.strip_prefix('.');
        (below.unwrap_or(domain).to_owned(), below.is_some())
    };
    domains.iter().map(pair).collect()
}

fn made(scene: &mut Scene, name: &str, domains: &[&str]) -> OrganizationId {
    match scene.does(ADA, create(name, domains)) {
        Reply::Item(ItemId::Organization(id)) => id,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_name_and_a_domain_belong_to_one() {
    let mut scene = Scene::new();
    let acme = made(&mut scene, "Acme", &["acme.example", ".acme.test"]);
    for (name, domains, refused) in [
        ("ACME", &[][..], "exists name"),
        ("Other", &["ACME.example"], "exists domains"),
        ("Other", &[".acme.example"], "exists domains"),
        ("Other", &["other.example", "Other.Example"], "invalid domains"),
        ("Other", &["a@other.example"], "invalid domains"),
        ("Other", &["*.other.example"], "invalid domains"),
        ("Other", &[""], "invalid domains"),
        ("", &[], "invalid name"),
    ] {
        assert_eq!(scene.refused(ADA, create(name, domains)), refused, "{name} {domains:?}");
    }
    let other = made(&mut scene, "Other", &["sales.acme.test", "B\u{fc}ro.example"]);
    let words = &scene.team().organizations.get(other).expect("was made").words;
    assert_eq!(words.domains[1].name, "B\u{fc}ro.example");
    assert_eq!(words.domains[1].key, "xn--bro-hoa.example");
    assert_eq!(scene.refused(ADA, update(other, &["acme.example"])), "exists domains");
    scene.does(ADA, update(acme, &["acme.test"]));
    scene.does(ADA, update(other, &["acme.example"]));
    scene.does(ADA, OrganizationCommand::Delete { organization: other });
    scene.does(ADA, update(acme, &["acme.example", "acme.test"]));
    assert_eq!(scene.refused(ADA, update(other, &[])), "not found");
}

#[test]
fn only_admins_may() {
    let mut scene = Scene::new();
    let organization = made(&mut scene, "Acme", &[]);
    for command in [
        create("Other", &[]),
        create("", &["nowhere"]),
        update(organization, &[]),
        update(OrganizationId(99), &["@"]),
        OrganizationCommand::Delete { organization },
    ] {
        assert_eq!(scene.refused(ANA, command), "NOT_ADMIN");
    }
}

#[test]
fn an_address_belongs_to_the_nearest_domain() {
    let mut scene = Scene::new();
    let acme = made(&mut scene, "Acme", &[".acme.example", "b\u{fc}ro.example"]);
    let sales = made(&mut scene, "Sales", &["sales.acme.example"]);
    for (address, of) in [
        ("eva@acme.example", Some(acme)),
        ("Eva@ACME.Example", Some(acme)),
        ("eva@a.b.acme.example", Some(acme)),
        ("eva@sales.acme.example", Some(sales)),
        ("eva@a.sales.acme.example", Some(acme)),
        ("eva@xn--bro-hoa.example", Some(acme)),
        ("eva@a.xn--bro-hoa.example", None),
        ("eva@notacme.example", None),
        ("eva@example", None),
        ("acme.example", None),
        ("", None),
    ] {
        assert_eq!(scene.team().organizations.of_address(address), of, "{address}");
    }
}

#[test]
fn open_tickets_follow_the_domains_and_history_stays() {
    let mut scene = Scene::new();
    let acme = made(&mut scene, "Acme", &["example.com"]);
    let open = scene.ring("open", None);
    let ended = scene.put(State::Closed, Some(BOB), None);
    let of = |scene: &Scene, number| scene.ticket(number).extras.organization;
    assert_eq!((of(&scene, open), of(&scene, ended)), (Some(acme), Some(acme)));
    let seen = scene.ticket(open).customer_version;
    scene.does(ADA, update(acme, &[]));
    assert_eq!((of(&scene, open), of(&scene, ended)), (None, Some(acme)));
    assert_eq!(scene.ticket(open).changed, What::OrganizationSet);
    assert_eq!(scene.ticket(open).customer_version, seen, "its customer hears nothing of it");
    let bakery = made(&mut scene, "Bakery", &[".com"]);
    assert_eq!((of(&scene, open), of(&scene, ended)), (Some(bakery), Some(acme)));
    let version = scene.version(open);
    scene.does(ADA, update(bakery, &["example.com"]));
    assert_eq!(scene.version(open), version, "nothing changed for it");
    scene.does(ADA, OrganizationCommand::Delete { organization: bakery });
    assert_eq!((of(&scene, open), of(&scene, ended)), (None, Some(acme)));
}
