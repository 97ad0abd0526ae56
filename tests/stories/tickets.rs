//! What can be done to a ticket: assignment, closing and opening again, listing.

use std::time::Duration;

use deskbell_proto::v1::MessageKind::{Customer, Note, Reply};
use deskbell_proto::v1::{self, Priority, TicketState};
use deskbell_tests::customer::new_secret;
use deskbell_tests::for_both_databases;
use deskbell_tests::host::Database;
use deskbell_tests::scene::Scene;
use deskbell_tests::shell::Shell;
use deskbell_tests::staff::{To, numbers, refused, refused_field};
use tonic::Code;

for_both_databases! {
    operator_and_group_are_independent,
    closing_and_opening_again,
    messages_move_the_state,
    expiry_is_kept_on_the_ticket,
    lists_are_ordered_filtered_and_paged,
    staff_find_tickets_by_their_tags,
}

async fn operator_and_group_are_independent(database: Database) {
    let Scene { desk, ana, bo, cy, sales, support, widget, .. } = Scene::open(database).await;
    let number = widget.ring(None, "Where to?").await.number;
    let place = |ticket: &v1::Ticket| {
        let operator =
            ticket.operator.as_ref().map_or("-", |member| member.display_name.as_str()).to_owned();
        (operator, ticket.group.as_ref().map_or("-", |group| group.name.as_str()).to_owned())
    };
    let assign = async |to: To| {
        let now = ana.ticket(number).await.unwrap();
        place(&ana.assign(&now, to).await.unwrap().expect("an admin sees it wherever it is"))
    };
    let expect = |operator: &str, group: &str| (operator.to_owned(), group.to_owned());
    assert_eq!(assign(To::group(&sales)).await, expect("-", "Sales"));
    assert_eq!(
        assign(To::operator(&bo)).await,
        expect("bo", "Sales"),
        "assigning an operator keeps the group"
    );
    assert_eq!(assign(To::group(&sales)).await, expect("bo", "Sales"), "bo is in it");
    assert_eq!(
        assign(To::group(&support)).await,
        expect("-", "Support"),
        "a group clears an operator not in it"
    );
    assert_eq!(
        assign(To::operator(&bo)).await,
        expect("bo", "Support"),
        "also one who is not in the group"
    );
    assert_eq!(assign(To::operator(&bo).in_no_group()).await, expect("bo", "-"));
    assert_eq!(
        assign(To::operator(&cy).in_group(&sales)).await,
        expect("cy", "Sales"),
        "both as said"
    );
    assert_eq!(assign(To::nobody()).await, expect("-", "-"));

    // Whoever sees a ticket may pass it on to any operator and any group, also ones they are not
    // in.
    assign(To::group(&sales)).await;
    let seen = bo.ticket(number).await.unwrap();
    assert_eq!(
        bo.assign(&seen, To::operator(&cy).in_group(&support)).await.unwrap(),
        None,
        "out of bo's sight"
    );
    assert_eq!(place(&cy.ticket(number).await.unwrap()), expect("cy", "Support"));
    let mine = cy.ticket(number).await.unwrap();
    assert_eq!(refused_field(cy.assign(&mine, To::default()).await), "operator_id", "to whom?");
    // Members without assistance management cannot have tickets.
    let eve = desk.member(&ana, "eve", false, false).await;
    assert_eq!(refused_field(cy.assign(&mine, To::operator(&eve)).await), "operator_id");
    assert_eq!(
        refused(eve.open_or_problem().await),
        (Code::PermissionDenied, "NOT_AN_OPERATOR".to_owned())
    );
    desk.close();
}

async fn closing_and_opening_again(database: Database) {
    let Scene { desk, ana, bo, sales, widget, .. } = Scene::open(database).await;
    let customer = widget.ring(Some(&sales), "Again and again.").await;
    let taken = bo.take(&bo.ticket(1).await.unwrap()).await.unwrap();
    let closed = bo.close(&taken).await.unwrap();
    assert_eq!(closed.operator, taken.operator, "who had it stays told");
    for (act, outcome) in [
        ("take", bo.take(&closed).await.map(drop)),
        ("assign", bo.assign(&closed, To::operator(&ana)).await.map(drop)),
        ("priority", bo.prioritise(&closed, Priority::Low).await.map(drop)),
        ("reply", bo.reply(&closed, "Hello?").await.map(drop)),
        ("note", bo.note(&closed, "Hm.").await.map(drop)),
        ("close", bo.close(&closed).await.map(drop)),
    ] {
        assert_eq!(
            refused(outcome),
            (Code::FailedPrecondition, "TICKET_ENDED".to_owned()),
            "{act}"
        );
    }
    let open = bo.reopen(&closed).await.unwrap().expect("it is seen");
    assert_eq!(
        (open.state(), open.operator.clone()),
        (TicketState::InProgress, taken.operator.clone())
    );
    assert!(open.end_time.is_none() && open.expire_time.is_some());
    assert_eq!(
        refused(bo.reopen(&open).await),
        (Code::FailedPrecondition, "TICKET_IS_OPEN".to_owned())
    );

    // The customer's message opens it, too.
    bo.close(&open).await.unwrap();
    let mine = customer.write("It is back.").await.unwrap();
    assert_eq!((mine.state(), mine.helper.as_str()), (TicketState::InProgress, "bo"));
    // The customer takes it back; doing so twice does no harm.
    assert_eq!(customer.cancel().await.unwrap().state(), TicketState::Closed);
    assert_eq!(customer.cancel().await.unwrap().state(), TicketState::Closed);
    assert_eq!(
        ana.event_kinds(1).await,
        ["submitted", "taken", "closed", "reopened", "closed", "customer_wrote", "cancelled"]
    );
    // Whoever had it is no operator any more: then it is new again.
    ana.update_member(&bo.id(), None, Some(false), None).await.unwrap();
    let open = ana.reopen(&ana.ticket(1).await.unwrap()).await.unwrap().expect("it is seen");
    assert_eq!(
        (open.state(), open.operator, open.group.unwrap().name.as_str()),
        (TicketState::New, None, "Sales")
    );
    desk.close();
}

async fn messages_move_the_state(database: Database) {
    let Scene { desk, bo, sales, widget, .. } = Scene::open(database).await;
    let customer = widget.ring(Some(&sales), "States.").await;
    assert_eq!(customer.ticket().await.unwrap().state(), TicketState::New);
    let new = customer.write("One more thing.").await.unwrap();
    assert_eq!(new.state(), TicketState::New, "a customer's message begins nothing");
    let noted = bo.note(&bo.ticket(1).await.unwrap(), "For colleagues: <secret>").await.unwrap();
    assert_eq!(noted.state(), TicketState::InProgress);
    let replied = bo.reply(&noted, "For the customer.").await.unwrap();
    assert_eq!(replied.state(), TicketState::Answered);
    let mine = customer.ticket().await.unwrap();
    assert!(!format!("{mine:?}").contains("secret"), "notes are for colleagues only");
    assert_eq!((mine.place, mine.messages.len()), (0, 2));
    assert_eq!(customer.write("Thanks.").await.unwrap().state(), TicketState::InProgress);
    let kinds: Vec<_> = bo.messages(1).await.unwrap().iter().map(v1::Message::kind).collect();
    assert_eq!(kinds, [Customer, Note, Reply, Customer]);
    // A wrong secret is no ticket.
    let stranger = widget.customer(new_secret(), 1);
    assert_eq!(refused(stranger.ticket().await).0, Code::NotFound);
    assert_eq!(refused(stranger.write("Let me in.").await).0, Code::NotFound);
    desk.close();
}

async fn expiry_is_kept_on_the_ticket(database: Database) {
    let Scene { desk, ana, sales, widget, .. } = Scene::open(database).await;
    let seconds = |ticket: &v1::Ticket| {
        let expires = ticket.expire_time.as_ref().map(|at| at.seconds);
        expires.map(|at| at - ticket.submit_time.as_ref().unwrap().seconds)
    };
    let first = widget.ring(Some(&sales), "A day.").await.number;
    assert_eq!(seconds(&ana.ticket(first).await.unwrap()), Some(24 * 60 * 60));
    for wrong in [Duration::ZERO, Duration::from_secs(59), Duration::from_hours(24 * 3651)] {
        assert_eq!(
            refused_field(ana.set_expiry(Some(wrong)).await),
            "team.expire_after",
            "{wrong:?}"
        );
    }
    // Words between customer and staff move it, and so does saying that help is still needed.
    let customer = widget.ring(Some(&sales), "Moving.").await;
    let moved = async || seconds_and_nanos(&ana.ticket(customer.number).await.unwrap());
    let at_first = moved().await;
    ana.note(&ana.ticket(customer.number).await.unwrap(), "Aside.").await.unwrap();
    assert_eq!(moved().await, at_first, "the customer hears nothing of a note");
    ana.reply(&ana.ticket(customer.number).await.unwrap(), "Soon.").await.unwrap();
    let answered = moved().await;
    customer.write("Thanks.").await.unwrap();
    let wrote = moved().await;
    customer.still_needs().await.unwrap();
    let kept = moved().await;
    assert!(at_first < answered && answered < wrote && wrote < kept);
    customer.cancel().await.unwrap();
    assert_eq!(
        refused(customer.still_needs().await),
        (Code::FailedPrecondition, "TICKET_ENDED".to_owned())
    );
    ana.set_expiry(Some(Duration::from_mins(1))).await.unwrap();
    let second = widget.ring(Some(&sales), "A minute.").await.number;
    assert_eq!(seconds(&ana.ticket(second).await.unwrap()), Some(60));
    ana.set_expiry(None).await.unwrap();
    let third = widget.ring(Some(&sales), "For ever.").await.number;
    assert_eq!(seconds(&ana.ticket(third).await.unwrap()), None);
    assert_eq!(
        seconds(&ana.ticket(first).await.unwrap()),
        Some(24 * 60 * 60),
        "a ticket's own time stays"
    );
    // Closing ends its clock, opening again starts it anew, by what holds now.
    let closed = ana.close(&ana.ticket(first).await.unwrap()).await.unwrap();
    assert_eq!(seconds(&closed), None);
    assert_eq!(seconds(&ana.reopen(&closed).await.unwrap().expect("it is seen")), None);
    desk.close();
}

async fn lists_are_ordered_filtered_and_paged(database: Database) {
    let Scene { desk, ana, bo, sales, support, widget, .. } = Scene::open(database).await;
    for n in 1..=7 {
        let group = if n % 2 == 0 { &support } else { &sales };
        let text = if n == 3 {
            "100% _sure_ it's 'broken'; DROP TABLE tickets"
        } else {
            "Something else."
        };
        widget.ring(Some(group), text).await;
    }
    ana.prioritise(&ana.ticket(5).await.unwrap(), Priority::Urgent).await.unwrap();
    ana.prioritise(&ana.ticket(2).await.unwrap(), Priority::Low).await.unwrap();
    let order =
        |tickets: Vec<v1::Ticket>| tickets.iter().map(|ticket| ticket.number).collect::<Vec<_>>();
    let base = v1::ListTicketsRequest::default;
    assert_eq!(order(ana.open().await), [5, 1, 3, 4, 6, 7, 2]);
    let paged = ana.list(v1::ListTicketsRequest { page_size: 2, ..base() }).await.unwrap();
    assert_eq!(order(paged), [5, 1, 3, 4, 6, 7, 2], "pages join without gap or repeat");
    let listed = async |filter| numbers(&ana.list(filter).await.unwrap());
    assert_eq!(
        listed(v1::ListTicketsRequest { group_id: support.id.clone(), ..base() }).await,
        [2, 4, 6]
    );
    assert_eq!(
        listed(v1::ListTicketsRequest { min_priority: Priority::High.into(), ..base() }).await,
        [5]
    );
    for (contains, expected) in [
        ("% _sure", vec![3]),
        ("IT'S 'Broken'", vec![3]),
        ("%", vec![3]),
        ("_", vec![3]),
        ("acme.example", (1..=7).collect()),
    ] {
        let filter = v1::ListTicketsRequest { contains: contains.to_owned(), ..base() };
        assert_eq!(listed(filter).await, expected, "{contains}");
    }
    bo.close(&bo.take(&bo.ticket(1).await.unwrap()).await.unwrap()).await.unwrap();
    bo.close(&bo.ticket(7).await.unwrap()).await.unwrap();
    let history = v1::ListTicketsRequest { history: true, page_size: 1, ..base() };
    assert_eq!(order(ana.list(history.clone()).await.unwrap()), [7, 1], "newest end first");
    let bos = v1::ListTicketsRequest { operator_id: bo.id(), ..history.clone() };
    assert_eq!(order(ana.list(bos).await.unwrap()), [1]);
    let expired = v1::ListTicketsRequest { states: vec![TicketState::Expired.into()], ..history };
    assert_eq!(order(ana.list(expired).await.unwrap()), Vec::<i64>::new());
    let problem =
        ana.list(v1::ListTicketsRequest { page_token: "made up".to_owned(), ..base() }).await;
    assert_eq!(refused_field(problem), "page_token");
    desk.close();
}

async fn staff_find_tickets_by_their_tags(database: Database) {
    let Scene { desk, ana, bo, cy, sales, widget, .. } = Scene::open(database).await;
    widget.ring(Some(&sales), "It smokes.").await;
    let customer = widget.ring(Some(&sales), "It smells.").await;
    widget.ring(Some(&sales), "It sings.").await;
    let [bos, cys] = [&bo, &cy].map(|staff| Shell::of(staff, &desk.server));
    let tag = |words: &[&str]| bos.deskbell(&[&["ticket", "tag"], words].concat());
    let tagged = tag(&["1", "--add", "VIP", "--add", "paper\u{a0}jam \u{202e}"]).good().printed;
    assert!(tagged.starts_with("#1 has the tags: paper"), "{tagged}");
    assert!(!tagged.contains('\u{202e}'), "{tagged}");
    tag(&["1", "--remove", "vip", "--add", "B\u{fc}ro", "--add", "Vip"]).good();
    tag(&["2", "--add", "vip"]).good();
    let shown = bos.deskbell(&["ticket", "show", "1", "--json"]).good().json();
    assert_eq!(shown[0]["ticket"]["tags"][0], "B\u{fc}ro");
    assert_eq!(shown[0]["ticket"]["tags"][2], "Vip");
    let shown = bos.deskbell(&["ticket", "show", "2"]).good().printed;
    assert!(shown.contains("\nTags       vip\n"), "{shown}");

    let found = |shell: &Shell, list: &[&str], tags: &[&str]| -> Vec<i64> {
        let tags = tags.iter().flat_map(|tag| ["--tag", tag]);
        let words: Vec<_> = list.iter().copied().chain(tags).chain(["--json"]).collect();
        let tickets = shell.deskbell(&words).good().json();
        tickets.iter().map(|ticket| ticket["number"].as_i64().unwrap()).collect()
    };
    let open = ["ticket", "list"];
    assert_eq!(found(&bos, &open, &["VIP"]), [1, 2]);
    assert_eq!(found(&bos, &open, &["vip", "B\u{dc}RO"]), [1]);
    assert_eq!(found(&bos, &open, &["vi"]), Vec::<i64>::new());
    assert_eq!(found(&cys, &open, &["VIP"]), Vec::<i64>::new(), "in a group that is not cy's");

    // Ended tickets keep theirs, and get others; their customers see nothing of it.
    ana.close(&ana.ticket(2).await.unwrap()).await.unwrap();
    let seen = customer.ticket().await.unwrap();
    tag(&["2", "--add", "later"]).good();
    assert_eq!(customer.ticket().await.unwrap(), seen);
    assert_eq!(found(&bos, &["history"], &["later", "vip"]), [2]);
    assert_eq!(tag(&["2", "--none"]).good().printed, "#2 has no tags.\n");
    let log = bos.deskbell(&["ticket", "log", "2"]).good().printed;
    assert!(log.contains("tagged"), "{log}");

    // Nothing is overwritten, and nothing is done twice.
    let version = ana.ticket(1).await.unwrap().version;
    tag(&["1", "--add", "vip"]).good();
    assert_eq!(ana.ticket(1).await.unwrap().version, version, "it had that one");
    let late = tag(&["1", "--version", "1", "--add", "x"]);
    assert_eq!(late.status, 5, "{}", late.complaint);
    let unknown = tag(&["1", "--remove", "x"]);
    assert!(unknown.complaint.contains("has no tag"), "{}", unknown.complaint);
    let many: Vec<_> = (0..21).map(|tag| format!("--add={tag}")).collect();
    let many: Vec<_> = ["1"].into_iter().chain(many.iter().map(String::as_str)).collect();
    assert!(tag(&many).complaint.contains("at most 20"), "{}", tag(&many).complaint);
    let hidden = cys.deskbell(&["ticket", "tag", "1", "--add", "x"]);
    assert_eq!(hidden.complaint, cys.deskbell(&["ticket", "tag", "99", "--add", "x"]).complaint);
    desk.close();
}

fn seconds_and_nanos(ticket: &v1::Ticket) -> (i64, i32) {
    let at = ticket.expire_time.as_ref().expect("it expires");
    (at.seconds, at.nanos)
}
