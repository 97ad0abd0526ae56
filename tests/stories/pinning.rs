//! A program that trusted one server asks before it follows another.

use std::path::{Path, PathBuf};

use deskbell_proto::v1;
use deskbell_tests::desk::Desk;
use deskbell_tests::host::Database;
use deskbell_tests::shell::{Ended, Shell};
use deskbell_tests::staff::Staff;

/// A desk of its own, and a widget that was packaged there, after so many other profiles: servers
/// count their profiles alike, and the same id under another key is refused anyway.
async fn packaged(product: &str, others: u32) -> (Desk, Staff, v1::Profile, PathBuf) {
    let desk = Desk::open(Database::Sqlite).await;
    let ana = desk.admin("ana").await;
    let sales = ana.group_of("Sales", &[&ana]).await;
    for other in 0..others {
        ana.profile(&format!("Spare {other}"), &[&sales]).await;
    }
    let profile = ana.profile(product, &[&sales]).await;
    let folder = Shell::of(&ana, &desk.server).packaged(&profile);
    (desk, ana, profile, folder)
}

/// The profiles that are pinned in this data folder.
fn pins(data: &Path) -> usize {
    let profiles = std::fs::read_dir(data.join("profiles")).expect("profiles").flatten();
    profiles.filter(|profile| profile.path().join("newest.manifest").exists()).count()
}

/// The profile and the fingerprint that `manifest show` tells.
fn shown(ended: Ended) -> (String, String) {
    let fields = ended.good().json();
    let text = |name: &str| fields[0][name].as_str().expect(name).to_owned();
    (text("profile_id"), text("fingerprint"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strangers_profile_takes_no_pinned_program_over() {
    let (ours, ana, acme, folder) = packaged("Acme", 0).await;
    let (theirs, eve, other, their_folder) = packaged("Other", 1).await;
    assert_ne!(acme.id, other.id);
    let customer = Shell::new();
    let data = customer.home().join("widget-data");
    let widget = |words: &[&str]| {
        let data = ["--data-dir", data.to_str().expect("a path in UTF-8")];
        customer.run(folder.join("deskbell-widget"), &[&data[..], words].concat(), "")
    };
    let show = ["manifest", "show", "--json"];
    let submit = ["submit", "--email", "cy@acme.example", "--description", "Help."];
    let (profile_id, our_print) = shown(widget(&show));
    assert_eq!(profile_id, acme.id);

    // Their file lies beside our program.
    let place = folder.join("deskbell.manifest");
    let our_file = std::fs::read(&place).expect("our manifest");
    std::fs::copy(their_folder.join("deskbell.manifest"), &place).expect("a copied file");
    for words in [&show[..], &submit, &["ticket"]] {
        let ended = widget(words);
        assert_eq!(ended.status, 1, "{ended:?}");
        for told in ["not trusted here before", "--trust", data.to_str().unwrap(), "sha256:"] {
            assert!(ended.complaint.contains(told), "{told}: {ended:?}");
        }
        assert_eq!(widget(&[&["--trust", &our_print], words].concat()).status, 1);
    }
    assert_eq!(pins(&data), 1, "nothing of theirs is pinned");
    assert!(eve.open_numbers().await.is_empty() && ana.open_numbers().await.is_empty());

    // Without their file ours is in use as before.
    std::fs::remove_file(&place).expect("their file goes");
    assert_eq!(shown(widget(&show)), (acme.id.clone(), our_print.clone()));
    widget(&submit).good();
    assert_eq!((eve.open_numbers().await, ana.open_numbers().await), (vec![], vec![1]));

    // Accepted by name, theirs is used, and from then on without a word.
    std::fs::copy(their_folder.join("deskbell.manifest"), &place).expect("a copied file");
    let signed = eve.manifest(&other).await;
    let their_print = deskbell_proto::manifest::fingerprint(&signed.public_key);
    let accepted = shown(widget(&[&["--trust", &their_print], &show[..]].concat()));
    assert_eq!(accepted, (other.id.clone(), their_print.clone()));
    assert_eq!((shown(widget(&show)), pins(&data)), (accepted, 2));
    widget(&submit).good();
    assert_eq!((eve.open_numbers().await, ana.open_numbers().await), (vec![1], vec![1]));
    // Ours was trusted before: back without a question.
    std::fs::write(&place, our_file).expect("our manifest again");
    assert_eq!(shown(widget(&show)), (acme.id, our_print));
    ours.close();
    theirs.close();
}
