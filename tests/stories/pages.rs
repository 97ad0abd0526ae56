//! Pages of lists: their tokens tell nothing, and are good only where they were given.

use deskbell_proto::problem::Problem;
use deskbell_proto::v1;
use deskbell_tests::for_both_databases;
use deskbell_tests::host::Database;
use deskbell_tests::scene::Scene;
use deskbell_tests::setup::settings;
use deskbell_tests::staff::{Staff, refused_field};
use prost::Message as _;

for_both_databases! {
    tokens_tell_nothing_and_hold_where_they_were_given,
    large_nouns_fit_into_answers,
}

fn of_two(page_token: &str) -> v1::ListTicketsRequest {
    v1::ListTicketsRequest { page_size: 2, page_token: page_token.to_owned(), ..Default::default() }
}

async fn page(
    staff: &Staff,
    request: v1::ListTicketsRequest,
) -> Result<(Vec<i64>, String), Problem> {
    let page =
        staff.client.queue().list_tickets(request).await.map_err(Problem::from)?.into_inner();
    Ok((page.tickets.iter().map(|ticket| ticket.number).collect(), page.next_page_token))
}

/// The same token with another character, at each place.
fn altered(token: &str) -> Vec<String> {
    let other = |character| if character == 'A' { "B" } else { "A" };
    let at_each = token.char_indices().map(|(place, character)| {
        let mut altered = token.to_owned();
        altered.replace_range(place..=place, other(character));
        altered
    });
    at_each.collect()
}

async fn tokens_tell_nothing_and_hold_where_they_were_given(database: Database) {
    let Scene { mut desk, ana, bo, sales, widget, .. } = Scene::open(database).await;
    for _ in 0..5 {
        widget.ring(Some(&sales), "Something.").await;
    }
    let (first, token) = page(&ana, of_two("")).await.unwrap();
    assert_eq!(first, [1, 2]);
    let (_, again) = page(&ana, of_two("")).await.unwrap();
    assert_ne!(token, again, "nothing can be told from two of them");

    let zoe = desk.admin("zoe").await;
    let others = [
        page(&bo, of_two(&token)).await,
        page(&zoe, of_two(&token)).await,
        page(&ana, v1::ListTicketsRequest { history: true, ..of_two(&token) }).await,
        page(&ana, v1::ListTicketsRequest { group_id: sales.id.clone(), ..of_two(&token) }).await,
    ];
    for problem in others {
        assert_eq!(refused_field(problem), "page_token");
    }
    for altered in altered(&token).into_iter().chain(["x".into(), "2.1.3".into(), "A".repeat(999)])
    {
        assert_eq!(refused_field(page(&ana, of_two(&altered)).await), "page_token");
    }
    let request = v1::ListMembersRequest { page_token: token.clone(), ..Default::default() };
    let elsewhere = ana.client.team().list_members(request).await.map_err(Problem::from);
    assert_eq!(refused_field(elsewhere), "page_token");

    // Any size may follow, and the next server goes on with it.
    desk.server.kill();
    desk.server = desk.host.serve().await;
    let ana = ana.over(&desk.server.connect());
    let request = v1::ListTicketsRequest { page_size: 4, ..of_two(&token) };
    assert_eq!(page(&ana, request).await.unwrap(), (vec![3, 4, 5], String::new()));
    desk.close();
}

/// The most that a profile may hold, in every language.
fn large_profile(name: &str, groups: &[&v1::Group]) -> v1::ProfileSettings {
    let texts = (0..20).map(|n| v1::ProfileTexts {
        language: format!("x-{n}"),
        greeting: "\u{1f514}".repeat(500),
        help: "\u{1f514}".repeat(2_000),
        terms: "\u{1f514}".repeat(10_000),
    });
    v1::ProfileSettings { texts: texts.collect(), ..settings(name, groups) }
}

async fn large_nouns_fit_into_answers(database: Database) {
    let Scene { desk, ana, sales, .. } = Scene::open(database).await;
    let names: Vec<_> = (0..6).map(|n| format!("large {n}")).collect();
    for name in names.iter().rev() {
        ana.create_profile(large_profile(name, &[&sales])).await.unwrap();
    }
    let mut request = v1::ListProfilesRequest::default();
    let (mut found, mut pages) = (Vec::new(), 0);
    loop {
        let page = ana.client.profile().list_profiles(request.clone()).await.unwrap().into_inner();
        assert!(page.encoded_len() <= 1024 * 1024 || page.profiles.len() == 1);
        pages += 1;
        let named = page.profiles.into_iter().map(|profile| profile.settings.unwrap().name);
        found.extend(named.filter(|name| name.starts_with("large")));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(found, names);
    assert!(pages >= 6, "{pages}");
    // Groups, one by one.
    ana.group("apart").await;
    let (mut request, mut found) = (v1::ListGroupsRequest::default(), Vec::new());
    request.page_size = 1;
    loop {
        let page = ana.client.team().list_groups(request.clone()).await.unwrap().into_inner();
        found.extend(page.groups.into_iter().map(|group| group.id));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    let all: Vec<_> = ana.groups(false).await.unwrap().into_iter().map(|group| group.id).collect();
    assert_eq!(found, all);
    desk.close();
}
