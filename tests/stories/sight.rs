//! Who sees what: both queue modes, history, and that hidden equals absent.

use deskbell_proto::client::request_id;
use deskbell_proto::problem::Problem;
use deskbell_proto::v1::{self, QueueMode};
use deskbell_tests::for_both_databases;
use deskbell_tests::host::Database;
use deskbell_tests::scene::Scene;
use deskbell_tests::staff::{Staff, To, refused};
use tonic::Code;

for_both_databases! {
    admins_assign_until_operators_serve_themselves,
    history_is_remembered,
    hidden_is_answered_like_absent,
    what_is_hidden_is_not_even_read,
    teams_never_meet,
}

async fn admins_assign_until_operators_serve_themselves(database: Database) {
    let Scene { desk, ana, bo, cy, sales, support, widget, .. } = Scene::open(database).await;
    let in_sales = widget.ring(Some(&sales), "For sales.").await.number;
    let in_support = widget.ring(Some(&support), "For support.").await.number;
    let unassigned = widget.ring(None, "For nobody in particular.").await.number;
    let bos_alone = widget.ring(None, "For bo alone.").await.number;
    ana.assign(&ana.ticket(bos_alone).await.unwrap(), To::operator(&bo)).await.unwrap();

    assert_eq!(ana.open_numbers().await, [in_sales, in_support, unassigned, bos_alone]);
    assert_eq!(bo.open_numbers().await, [in_sales, bos_alone]);
    assert_eq!(cy.open_numbers().await, [in_support]);
    let assigned = bo.ticket(bos_alone).await.unwrap();
    assert_eq!(assigned.state(), v1::TicketState::New, "being assigned is not beginning");

    let mut watches =
        [ana.watch().opened().await, bo.watch().opened().await, cy.watch().opened().await];
    let team = ana.set_mode(QueueMode::SelfService).await;
    assert_eq!(team.queue_mode(), QueueMode::SelfService);
    for watch in &mut watches {
        watch.until_sees(unassigned).await;
    }
    assert_eq!(bo.open_numbers().await, [in_sales, unassigned, bos_alone]);
    assert_eq!(cy.open_numbers().await, [in_support, unassigned]);

    ana.set_mode(QueueMode::AdminAssigns).await;
    watches[1].until_misses(unassigned).await;
    watches[2].until_misses(unassigned).await;
    assert_eq!(refused(bo.ticket(unassigned).await).0, Code::NotFound);
    for (watch, staff) in watches.iter().zip([&ana, &bo, &cy]) {
        watch.agrees_with(staff).await;
    }
    desk.close();
}

async fn history_is_remembered(database: Database) {
    let Scene { desk, ana, bo, cy, sales, support, widget, .. } = Scene::open(database).await;
    let customer = widget.ring(Some(&sales), "Wandering.").await;
    let number = customer.number;
    let taken = bo.take(&bo.ticket(number).await.unwrap()).await.unwrap();
    bo.assign(&taken, To::group(&support)).await.unwrap();
    cy.close(&cy.ticket(number).await.unwrap()).await.unwrap();
    let dee = desk.operator(&ana, "dee").await;
    for (staff, sees) in [(&ana, true), (&bo, true), (&cy, true), (&dee, false)] {
        assert_eq!(staff.history_numbers().await == [number], sees, "{}", staff.name());
        assert_eq!(staff.ticket(number).await.is_ok(), sees, "{}", staff.name());
    }
    // Whoever joins the group that it was in at its end sees it from then on; whoever leaves keeps
    // what they handled.
    ana.join(&support, &dee).await.unwrap();
    assert_eq!(dee.history_numbers().await, [number]);
    ana.part(&support, &cy).await.unwrap();
    assert_eq!(cy.history_numbers().await, [number], "handled is remembered");
    ana.part(&support, &dee).await.unwrap();
    assert_eq!(dee.history_numbers().await, Vec::<i64>::new());
    // Bo handled it, but an open ticket is seen by those whose it is.
    ana.reopen(&ana.ticket(number).await.unwrap()).await.unwrap();
    assert_eq!(refused(bo.ticket(number).await).0, Code::NotFound);
    desk.close();
}

/// Every act of the queue on this number at this version, each with its outcome.
async fn every_act(staff: &Staff, number: i64, version: i64) -> Vec<(&'static str, Problem)> {
    let ticket = v1::Ticket { number, version, ..Default::default() };
    let acts = [
        ("show", staff.ticket(number).await.map(drop)),
        ("log", staff.events(number).await.map(drop)),
        ("take", staff.take(&ticket).await.map(drop)),
        ("assign", staff.assign(&ticket, To::operator(staff)).await.map(drop)),
        ("priority", staff.prioritise(&ticket, v1::Priority::High).await.map(drop)),
        ("reply", staff.reply(&ticket, "Hello.").await.map(drop)),
        ("note", staff.note(&ticket, "Hm.").await.map(drop)),
        ("close", staff.close(&ticket).await.map(drop)),
        ("reopen", staff.reopen(&ticket).await.map(drop)),
    ];
    acts.into_iter().map(|(act, outcome)| (act, outcome.expect_err(act))).collect()
}

async fn hidden_is_answered_like_absent(database: Database) {
    let scene = Scene::open(database).await;
    let Scene { ana, bo, cy, sales, support, widget, .. } = &scene;
    let hidden = widget.ring(Some(support), "Not for bo.").await.number;
    let at_version = scene.ticket(hidden).await.version;
    for version in [at_version, at_version + 1, 1, 0] {
        let (hidden, absent) =
            (every_act(bo, hidden, version).await, every_act(bo, 4711, version).await);
        assert_eq!(hidden, absent, "at version {version}");
        assert!(hidden.iter().all(|(_, problem)| problem.code == Code::NotFound), "{hidden:#?}");
    }
    // What is wrong with the request is not told to whoever may not see the ticket.
    let bad = v1::Ticket { number: hidden, version: at_version, ..Default::default() };
    assert_eq!(refused(bo.reply(&bad, "").await).0, Code::NotFound);
    assert_eq!(refused(bo.prioritise(&bad, v1::Priority::Unspecified).await).0, Code::NotFound);

    // Who presents a version at which they could see it learns that they lost, and to whom.
    let number = widget.ring(Some(sales), "Everybody's.").await.number;
    let seen = bo.ticket(number).await.unwrap();
    let ours = ana.assign(&scene.ticket(number).await, To::group(support)).await.unwrap().unwrap();
    let lost = bo.take(&seen).await.unwrap_err();
    assert_eq!((lost.code, lost.reason.as_str()), (Code::Aborted, "STALE"));
    assert_eq!(
        (lost.parameters["by"].as_str(), lost.parameters["what"].as_str()),
        ("ana", "assigned")
    );
    assert_eq!(refused(bo.take(&ours).await).0, Code::NotFound, "a version bo never saw");
    assert_eq!(refused(cy.take(&seen).await), (Code::Aborted, "STALE".to_owned()));
    // A guess that happens to be another ticket's version is no proof.
    let guessed = v1::Ticket { number, version: at_version, ..Default::default() };
    assert_eq!(refused(bo.take(&guessed).await).0, Code::NotFound);

    // Ids that a request refers to: what is hidden or foreign is like what does not exist.
    let mine = bo
        .take(&bo.ticket(widget.ring(Some(sales), "Mine.").await.number).await.unwrap())
        .await
        .unwrap();
    let assign = async |operator_id: Option<&str>, group_id: Option<&str>| {
        let request = v1::AssignTicketRequest {
            request_id: request_id(),
            number: mine.number,
            version: mine.version,
            operator_id: operator_id.map(str::to_owned),
            group_id: group_id.map(str::to_owned),
        };
        bo.client.queue().assign_ticket(request).await.map_err(Problem::from).map(drop)
    };
    for nonsense in ["x", "999999", "-1", &sales.id, "0"] {
        let problem = assign(Some(nonsense), None).await.unwrap_err();
        assert_eq!(
            (problem.code, problem.field.as_deref()),
            (Code::InvalidArgument, Some("operator_id")),
            "{nonsense}"
        );
    }
    for nonsense in ["x", "999999", &bo.id()] {
        let problem = assign(None, Some(nonsense)).await.unwrap_err();
        assert_eq!(
            (problem.code, problem.field.as_deref()),
            (Code::InvalidArgument, Some("group_id")),
            "{nonsense}"
        );
    }
    scene.desk.close();
}

/// How long an answer takes would tell what is there. Words that cannot be read tell whether they
/// were.
async fn what_is_hidden_is_not_even_read(database: Database) {
    let scene = Scene::open(database).await;
    let Scene { desk, ana, bo, sales, support, widget, .. } = &scene;
    let customer = widget.ring(Some(support), "Not for bo.").await;
    let at_version = scene.ticket(customer.number).await.version;
    let elsewhere = ana.widget(&desk.server, &ana.profile("other", &[sales]).await).await;
    let elsewhere = elsewhere.customer(customer.secret.clone(), customer.number);
    desk.host
        .run_sql("UPDATE contents SET body = 'x' || body WHERE body LIKE '%Not for bo.%'")
        .await;
    for version in [at_version, at_version + 1] {
        for (act, problem) in every_act(bo, customer.number, version).await {
            assert_eq!(problem.code, Code::NotFound, "{act}: {problem:?}");
        }
    }
    assert_eq!(refused(elsewhere.ticket().await).0, Code::NotFound);
    assert_eq!(refused(elsewhere.cancel().await).0, Code::NotFound);
    // Whoever may see them would have read them.
    assert_eq!(refused(ana.ticket(customer.number).await).0, Code::Internal);
    assert_eq!(refused(customer.ticket().await).0, Code::Internal);
    desk.host.run_sql("UPDATE contents SET body = substr(body, 2) WHERE body LIKE 'x%'").await;
    scene.desk.close();
}

async fn teams_never_meet(database: Database) {
    let Scene { desk, ana, bo, sales, widget, profile, .. } = Scene::open(database).await;
    let zoe = desk.admin("zoe").await;
    let customer = widget.ring(Some(&sales), "Acme's secret.").await;
    assert_eq!(zoe.open_numbers().await, Vec::<i64>::new());
    for (act, problem) in
        every_act(&zoe, customer.number, ana.ticket(1).await.unwrap().version).await
    {
        assert_eq!(problem.code, Code::NotFound, "{act}");
    }
    // Another team's ids, in every place where an id goes.
    assert_eq!(refused(zoe.rename_group(&sales, "Mine").await).0, Code::NotFound);
    assert_eq!(refused(zoe.join(&sales, &zoe).await).0, Code::NotFound);
    assert_eq!(refused(zoe.delete_group(&sales, 0).await).0, Code::NotFound);
    assert_eq!(refused(zoe.undelete_group(&sales).await).0, Code::NotFound);
    assert_eq!(refused(zoe.profile_now(&profile).await).0, Code::NotFound);
    assert_eq!(refused(zoe.signed_manifest(&profile).await).0, Code::NotFound);
    assert_eq!(
        refused(zoe.set_profile(&profile, v1::ProfileState::Revoked).await).0,
        Code::NotFound
    );
    assert_eq!(zoe.groups(true).await.unwrap(), []);
    assert_eq!(zoe.members().await.unwrap().len(), 1);
    // Numbers and names are each team's own.
    let own = zoe.group("Sales").await;
    let others = zoe.profile("Acme", &[&own]).await;
    let other_widget = zoe.widget(&desk.server, &others).await;
    assert_eq!(other_widget.ring(Some(&own), "Ours.").await.number, 1);
    // The right secret with another team's widget is no ticket.
    let stray = other_widget.customer(customer.secret, 1);
    assert_eq!(refused(stray.ticket().await).0, Code::NotFound);
    assert_eq!(refused(stray.cancel().await).0, Code::NotFound);
    assert_eq!(bo.ticket(1).await.unwrap().description, "Acme's secret.");
    desk.close();
}
