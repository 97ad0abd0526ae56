//! Organizations: set up by admins, from the command line, too.

use deskbell_proto::v1;
use deskbell_tests::for_both_databases;
use deskbell_tests::host::Database;
use deskbell_tests::scene::Scene;
use deskbell_tests::shell::Shell;
use deskbell_tests::staff::refused;
use tonic::Code;

for_both_databases! {
    an_admin_sets_them_up,
    tickets_show_whom_their_requester_belongs_to,
}

async fn an_admin_sets_them_up(database: Database) {
    let Scene { mut desk, ana, mut bo, .. } = Scene::open(database).await;
    let shell = Shell::of(&ana, &desk.server);
    let does = |words: &[&str]| {
        let words = [&["organization"], words].concat();
        shell.deskbell(&words)
    };
    let acme = ["create", "Acme", "--domain", "acme.example", "--with-subdomains", "acme.test"];
    let told = does(&acme).good().printed;
    assert_eq!(told.trim(), "Acme: acme.example, acme.test and below.");
    assert_eq!(does(&acme).status, 5, "there is one");
    let told = does(&["create", "Bakery", "--domain", "ACME.example"]);
    assert!(told.complaint.contains("belongs to \u{201c}Acme\u{201d}"), "{told:?}");
    assert_eq!(does(&["create", "Bakery", "--domain", "a@b"]).status, 7);
    does(&["create", "Bakery"]).good();
    let list = does(&["list"]).good().printed;
    assert!(list.contains("acme.example, acme.test and below"), "{list}");

    assert_eq!(does(&["set", "Bakery"]).status, 2, "it has to say what");
    does(&["set", "acme", "--name", "Acme Ltd", "--domain", "acme.test"]).good();
    does(&["set", "Bakery", "--domain", "acme.example"]).good();
    let at = desk.server.socket();
    desk.server.kill();
    desk.server = desk.host.serve_at(at, &[]).await;
    let shown = does(&["show", "acme ltd", "--json"]).good().json();
    assert_eq!(shown[0]["organization"]["domains"][0]["name"], "acme.test");
    does(&["set", "Bakery", "--no-domains"]).good();
    does(&["delete", "acme ltd"]).good();
    assert_eq!(does(&["show", "acme ltd"]).status, 4);

    bo = bo.over(&desk.server.connect());
    let outcome = bo.organization("Mine", &[]).await;
    assert_eq!(refused(outcome), (Code::PermissionDenied, "NOT_ADMIN".to_owned()));
    desk.close();
}

async fn tickets_show_whom_their_requester_belongs_to(database: Database) {
    let Scene { desk, ana, bo, sales, widget, .. } = Scene::open(database).await;
    let shell = Shell::of(&bo, &desk.server);
    let acme = ana.organization("Acme", &[".example"]).await.expect("a new one");
    let open = widget.ring(Some(&sales), "It is broken.").await;
    let ended = widget.ring(Some(&sales), "It was broken.").await;
    let ticket = bo.ticket(ended.number).await.expect("bo sees it");
    bo.close(&bo.take(&ticket).await.expect("bo takes it")).await.expect("it ends");
    let watch = bo.watch();
    let name = |ticket: &v1::Ticket| ticket.organization.clone().map(|of| of.name);
    let numbers = [open.number, ended.number];
    let names = async || {
        let [open, ended] = numbers.map(|number| bo.ticket(number));
        [open.await, ended.await].map(|ticket| name(&ticket.expect("bo sees it")))
    };
    assert_eq!(names().await, [Some("Acme".to_owned()), Some("Acme".to_owned())]);
    watch.agrees_with(&bo).await;
    let list = shell.deskbell(&["ticket", "list"]).good().printed;
    assert!(list.contains("Acme ?") && !list.contains("customer@"), "{list}");
    let shown = shell.deskbell(&["ticket", "show", "1"]).good().printed;
    assert!(shown.contains("customer@acme.example, Acme (unverified)"), "{shown}");
    let shown = shell.deskbell(&["ticket", "show", "1", "--json"]).good().json();
    assert_eq!(shown[0]["ticket"]["organization"]["name"], "Acme");

    ana.set_domains(&acme, &["acme.test"]).await.expect("other domains");
    assert_eq!(names().await, [None, Some("Acme".to_owned())]);
    watch.agrees_with(&bo).await;
    let events = bo.event_kinds(open.number).await;
    assert_eq!(events.last().map(String::as_str), Some("organization_set"));
    desk.close();
}
