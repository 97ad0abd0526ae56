//! A team's own settings.

use deskbell_proto::v1;
use deskbell_tests::desk::{Desk, email};
use deskbell_tests::for_both_databases;
use deskbell_tests::host::Database;
use deskbell_tests::shell::Shell;
use deskbell_tests::staff::refused_field;

for_both_databases! {
    a_team_has_a_time_zone,
}

async fn a_team_has_a_time_zone(database: Database) {
    let desk = Desk::open(database).await;
    desk.host.account(&email("ana"), "Ana");
    let ana = desk.sign_in(&email("ana")).await;
    let shell = Shell::of(&ana, &desk.server).with("TZ", "Europe/Lisbon");
    shell.deskbell(&["team", "activate", "Acme"]).good();
    assert_eq!(ana.team().await.unwrap().time_zone, "Europe/Lisbon", "the founder's own");
    let set = shell.deskbell(&["team", "set", "--time-zone", "asia/KOLKATA"]).good().printed;
    assert!(set.contains("Time zone           Asia/Kolkata\n"), "{set}");
    for wrong in ["Acme", "../etc/passwd", "Europe/Berlin\0", &"x".repeat(10_000)] {
        let team = v1::Team { time_zone: wrong.to_owned(), ..Default::default() };
        let outcome = ana.update_team(team, &["time_zone"]).await;
        assert_eq!(refused_field(outcome), "team.time_zone", "{wrong:?}");
    }
    assert_eq!(ana.team().await.unwrap().time_zone, "Asia/Kolkata");
    ana.update_team(v1::Team::default(), &["time_zone"]).await.expect("UTC");
    assert_eq!(ana.team().await.unwrap().time_zone, "UTC");
    desk.close();
}
