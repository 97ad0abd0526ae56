//! The files beside an embedded database: taken away while it is open, and damaged when it is
//! opened.

use std::fs;

use deskbell_proto::v1;
use deskbell_tests::customer::{call_for_help, new_secret};
use deskbell_tests::desk::Desk;
use deskbell_tests::host::Database;
use deskbell_tests::scene::Scene;
use deskbell_tests::waiting::{BOUND, eventually, soon};
use tonic::Code;

use crate::hosting::serve;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_with_a_file_beside_the_database() {
    let Scene { mut desk, mut ana, sales, mut widget, .. } = Scene::open(Database::Sqlite).await;
    let mut rung = vec![widget.ring(Some(&sales), "Before.").await.number];
    for end in ["-wal", "-shm", "-wal"] {
        fs::remove_file(desk.host.data().join(format!("deskbell.db{end}"))).unwrap();
        // It is noticed at the latest by who comes next; nothing is asked of anybody.
        for text in ["Without it.", "And another one."] {
            rung.push(widget.ring(Some(&sales), text).await.number);
        }
        assert_eq!(ana.open_numbers().await, rung);
        eventually("there is a new one", BOUND, async || {
            desk.host.data().join(format!("deskbell.db{end}")).exists()
        })
        .await;
        let log = desk.server.log();
        assert!(log.contains("were moved, deleted or replaced"), "{log}");
        let at = desk.server.socket();
        desk.server.kill();
        desk.host.verify();
        desk = Desk { server: desk.host.serve_at(at, &[]).await, host: desk.host };
        ana = ana.over(&desk.server.connect());
        widget = widget.over(&desk.server.connect());
        assert_eq!(ana.open_numbers().await, rung, "what was acknowledged is there without {end}");
    }
    desk.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_written_beside_a_file_of_somebody_elses() {
    let Scene { desk, ana, sales, widget, .. } = Scene::open(Database::Sqlite).await;
    let mut rung = vec![widget.ring(Some(&sales), "Before.").await.number];
    for name in ["deskbell.db-wal", "deskbell.db"] {
        let file = desk.host.data().join(name);
        let (away, other) = (file.with_extension("away"), file.with_extension("other"));
        fs::copy(&file, &other).unwrap();
        fs::rename(&file, &away).unwrap();
        fs::rename(&other, &file).unwrap();
        let call = v1::SubmitTicketRequest {
            group_id: sales.id.clone(),
            ..call_for_help(&new_secret(), "Meanwhile.")
        };
        let problem = soon("an answer", widget.submit(call.clone())).await.unwrap_err();
        let said = (problem.code, problem.reason.as_str());
        assert_eq!(said, (Code::Unavailable, "DATABASE_AWAY"), "{name}");
        let log = desk.server.log();
        assert!(log.contains(file.to_str().unwrap()) && log.contains("replaced"), "{log}");
        fs::rename(&file, &other).unwrap();
        fs::rename(&away, &file).unwrap();
        eventually("it recovers by itself", BOUND, async || {
            let ticket = widget.submit(call.clone()).await;
            rung.extend(ticket.as_ref().map(|ticket| ticket.number));
            ticket.is_ok()
        })
        .await;
        assert_eq!(ana.open_numbers().await, rung);
    }
    let Desk { host, server } = desk;
    let at = server.socket();
    server.kill();
    host.verify();
    let desk = Desk { server: host.serve_at(at, &[]).await, host };
    assert_eq!(ana.over(&desk.server.connect()).open_numbers().await, rung);
    desk.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_log_is_refused_by_name() {
    let Scene { desk, ana, sales, widget, .. } = Scene::open(Database::Sqlite).await;
    let mut rung = Vec::new();
    for n in 0..5 {
        rung.push(widget.ring(Some(&sales), &format!("Call {n}.")).await.number);
    }
    let Desk { host, server } = desk;
    let (at, log) = (server.socket(), host.data().join("deskbell.db-wal"));
    server.kill();
    let whole = fs::read(&log).unwrap();
    // Garbage in its header, in a salt, in its first change.
    for byte in [0, 17, 100] {
        let mut damaged = whole.clone();
        damaged[byte] ^= 0x55;
        fs::write(&log, &damaged).unwrap();
        for ended in [serve(&host).complaint, complaint(&host.command(&["verify"], ""))] {
            for part in [log.to_str().unwrap(), "damaged", "restore a backup"] {
                assert!(ended.contains(part), "byte {byte}: {ended}");
            }
        }
        assert_eq!(fs::read(&log).unwrap(), damaged, "it is left as it is");
    }
    fs::remove_file(&log).unwrap();
    fs::create_dir(&log).unwrap();
    let ended = serve(&host);
    assert_eq!(ended.status, 1, "{ended:?}");
    assert!(ended.complaint.contains(log.to_str().unwrap()), "{ended:?}");
    fs::remove_dir(&log).unwrap();
    // As the kill left it, it is nothing to complain of.
    fs::write(&log, whole).unwrap();
    let desk = Desk { server: host.serve_at(at, &[]).await, host };
    assert_eq!(ana.over(&desk.server.connect()).open_numbers().await, rung);
    desk.close();
}

fn complaint(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
