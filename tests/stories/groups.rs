//! Groups: names, and deleting one with all that follows from it.

use deskbell_proto::client::request_id;
use deskbell_proto::problem::Problem;
use deskbell_proto::v1::{self, GroupVisibility, TicketState};
use deskbell_tests::for_both_databases;
use deskbell_tests::host::Database;
use deskbell_tests::scene::Scene;
use deskbell_tests::staff::{To, refused, refused_field};
use tonic::Code;

for_both_databases! {
    a_deletion_is_told_confirmed_and_undone,
    history_moves_to_another_group,
    names_are_compared_as_people_read_them,
}

async fn a_deletion_is_told_confirmed_and_undone(database: Database) {
    let Scene { desk, ana, bo, sales, support, profile, widget, .. } = Scene::open(database).await;
    let mut customers = Vec::new();
    for n in 1..=5 {
        customers.push(widget.ring(Some(&sales), &format!("Call {n}.")).await);
    }
    bo.take(&bo.ticket(1).await.unwrap()).await.unwrap();
    for number in 3..=5 {
        bo.close(&bo.ticket(number).await.unwrap()).await.unwrap();
    }
    let mut watch = bo.watch().opened().await;

    let told = ana.delete_group_so(&sales, true, 0, None).await.unwrap();
    assert_eq!((told.unassigned_tickets, told.erased_tickets, told.moved_tickets), (2, 3, 0));
    assert_eq!((told.flagged_profiles, told.undelete_until), (vec!["Acme".to_owned()], None));
    for wrong in [0, 2, 4, -3] {
        let outcome = ana.delete_group(&sales, wrong).await;
        assert_eq!(
            refused(outcome),
            (Code::FailedPrecondition, "CONFIRMATION_NEEDED".to_owned()),
            "{wrong}"
        );
    }
    assert_eq!(
        refused(bo.delete_group(&sales, 3).await),
        (Code::PermissionDenied, "NOT_ADMIN".to_owned())
    );
    assert_eq!(bo.open_numbers().await, [1, 2], "nothing has happened so far");

    let done = ana.delete_group(&sales, 3).await.unwrap();
    assert!(done.undelete_until.is_some());
    watch.until("nothing is left", |r| r.numbers().is_empty()).await;
    for number in 1..=2 {
        let ticket = ana.ticket(number).await.unwrap();
        assert_eq!((ticket.group, ticket.operator), (None, None), "neither group nor operator");
    }
    for staff in [&ana, &bo] {
        assert_eq!(
            staff.history_numbers().await,
            Vec::<i64>::new(),
            "hidden at once from {}",
            staff.name()
        );
        assert_eq!(refused(staff.ticket(3).await).0, Code::NotFound);
    }
    assert_eq!(refused(customers[4].ticket().await).0, Code::NotFound);
    assert_eq!(refused(customers[4].write("Hello?").await).0, Code::NotFound);
    assert_eq!(customers[0].ticket().await.unwrap().group, "");
    let names =
        |groups: Vec<v1::Group>| groups.into_iter().map(|group| group.name).collect::<Vec<_>>();
    assert_eq!(names(ana.groups(false).await.unwrap()), ["Support"]);
    assert_eq!(names(ana.groups(true).await.unwrap()), ["Sales", "Support"]);
    assert_eq!(refused(bo.groups(true).await).0, Code::PermissionDenied);
    let flagged = ana.profile_now(&profile).await.unwrap();
    assert!(
        flagged.warnings.iter().any(|warning| warning.reason == "GROUP_GONE"),
        "{:?}",
        flagged.warnings
    );
    let open = ana.ticket(1).await.unwrap();
    assert_eq!(refused_field(ana.assign(&open, To::group(&sales)).await), "group_id");
    assert_eq!(refused(ana.rename_group(&sales, "Sold").await).0, Code::NotFound);

    // One of them found another place meanwhile; the deletion is undone.
    ana.assign(&ana.ticket(2).await.unwrap(), To::group(&support)).await.unwrap();
    let back = ana.undelete_group(&sales).await.unwrap();
    assert_eq!((back.delete_time, back.operators.len()), (None, 1));
    watch.until_sees(1).await;
    assert_eq!(bo.open_numbers().await, [1]);
    assert_eq!(ana.ticket(2).await.unwrap().group.unwrap().name, "Support");
    assert_eq!(
        (ana.history_numbers().await, bo.history_numbers().await),
        (vec![3, 4, 5], vec![3, 4, 5])
    );
    assert_eq!(customers[4].ticket().await.unwrap().state(), TicketState::Closed);
    assert_eq!(refused(ana.undelete_group(&sales).await).0, Code::FailedPrecondition);
    assert_eq!(
        ana.profile_now(&profile).await.unwrap().warnings,
        ana.profile("Twin", &[&sales, &support]).await.warnings
    );
    watch.agrees_with(&bo).await;
    desk.close();
}

async fn history_moves_to_another_group(database: Database) {
    let Scene { desk, ana, bo, cy, sales, support, widget, .. } = Scene::open(database).await;
    for n in 1..=3 {
        widget.ring(Some(&sales), &format!("Call {n}.")).await;
    }
    for number in 1..=2 {
        bo.close(&bo.ticket(number).await.unwrap()).await.unwrap();
    }
    let told = ana.delete_group_so(&sales, true, 0, Some(&support)).await.unwrap();
    assert_eq!((told.unassigned_tickets, told.erased_tickets, told.moved_tickets), (1, 0, 2));
    for wrong in [&sales, &v1::Group { id: "4711".to_owned(), ..Default::default() }] {
        let outcome = ana.delete_group_so(&sales, false, 0, Some(wrong)).await;
        assert_eq!(refused_field(outcome), "move_history_to_group_id");
    }
    ana.delete_group_so(&sales, false, 0, Some(&support)).await.unwrap();
    assert_eq!(cy.history_numbers().await, [1, 2], "Support has it now");
    assert_eq!(bo.history_numbers().await, [1, 2], "bo handled them");
    assert_eq!(ana.ticket(1).await.unwrap().group.unwrap().name, "Support");
    assert_eq!(ana.ticket(3).await.unwrap().group, None);
    let reopened = cy.reopen(&cy.ticket(1).await.unwrap()).await.unwrap().expect("it is seen");
    assert_eq!(reopened.group.unwrap().name, "Support");
    desk.close();
}

async fn names_are_compared_as_people_read_them(database: Database) {
    let Scene { desk, ana, bo, sales, support, .. } = Scene::open(database).await;
    ana.group("Café Straße").await;
    for twin in ["sales", "SALES", "  Sales ", "CAFÉ STRASSE", "cafe\u{301} straße"] {
        let outcome = ana.create_group(twin, GroupVisibility::Public).await;
        assert_eq!(refused(outcome).0, Code::AlreadyExists, "{twin}");
    }
    assert_eq!(refused(ana.rename_group(&support, "sAleS").await).0, Code::AlreadyExists);
    assert_eq!(
        ana.rename_group(&sales, "SALES").await.unwrap().name,
        "SALES",
        "its own name in other letters"
    );
    assert_eq!(ana.rename_group(&sales, "Sales").await.unwrap().name, "Sales");
    for hostile in ["Robert'); DROP TABLE groups;--", "100%", "a_b", "\u{202e}evil", "👩‍🚒"]
    {
        let made = ana.create_group(hostile, GroupVisibility::Internal).await.unwrap();
        assert_eq!(made.name, hostile);
    }
    // Whoever is no operator cannot be in a group, and nobody can be taken out of one they are not
    // in.
    let eve = desk.member(&ana, "eve", false, false).await;
    assert_eq!(
        refused(ana.join(&sales, &eve).await),
        (Code::FailedPrecondition, "NOT_AN_OPERATOR".to_owned())
    );
    assert_eq!(refused(ana.part(&support, &bo).await).0, Code::NotFound);
    let made_up = v1::AddGroupOperatorRequest {
        request_id: request_id(),
        group_id: sales.id.clone(),
        member_id: "4711".to_owned(),
    };
    let outcome = ana.client.team().add_group_operator(made_up).await.map_err(Problem::from);
    assert_eq!(refused(outcome).0, Code::NotFound);
    assert_eq!(
        ana.join(&sales, &bo).await.unwrap().operators.len(),
        1,
        "in it already: nothing changes"
    );
    desk.close();
}
