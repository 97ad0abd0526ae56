//! The contract from another language: a client in Python (`tests/python`), made from the `.proto`
//! files by gRPC's own tools, with a real server.

use std::path::{Path, PathBuf};

use deskbell_tests::desk::Desk;
use deskbell_tests::for_both_databases;
use deskbell_tests::host::{Database, PASSWORD};
use deskbell_tests::programs;
use deskbell_tests::shell::Shell;

for_both_databases! {
    a_python_client_does_the_whole_job,
    a_client_of_an_earlier_contract_does_the_whole_job,
    long_tickets_reach_a_python_client,
}

/// What the client is made from.
#[derive(Clone, Copy)]
enum Contract {
    Current,
    /// As a build before knew it, see `tests/python/earlier`.
    Earlier,
}

async fn a_python_client_does_the_whole_job(database: Database) {
    play("whole-job", Contract::Current, database).await;
}

async fn a_client_of_an_earlier_contract_does_the_whole_job(database: Database) {
    play("whole-job", Contract::Earlier, database).await;
}

/// Two hundred tickets of the longest texts and facts allowed, listed and watched by a client that
/// takes messages of at most 4 MiB, as gRPC's libraries do unless they are told otherwise.
async fn long_tickets_reach_a_python_client(database: Database) {
    play("long-tickets", Contract::Current, database).await;
}

/// Plays a part of `tests/python/story.py` as the admin of a new team.
async fn play(part: &str, contract: Contract, database: Database) {
    let desk = Desk::open(database).await;
    let ana = desk.admin("ana").await;
    let shell = Shell::new();
    let generated = generate(&shell, contract);
    let authorities = shell.home().join("authorities.pem");
    std::fs::write(&authorities, desk.server.authorities().expect("TLS")).unwrap();
    let words = [
        "-B",
        &text(&folder("tests/python").join("story.py")),
        part,
        "--address",
        &desk.server.socket().to_string(),
        "--authorities",
        &text(&authorities),
        "--email",
        &ana.email,
    ];
    let shell = shell.with("PYTHONPATH", &generated).with("DESKBELL_PASSWORD", PASSWORD);
    let ended = shell.run(programs::python(), &words, "");
    print!("{}", ended.printed);
    assert_eq!(ended.status, 0, "{part}:\n{}{}", ended.printed, ended.complaint);
    desk.close();
}

/// Has gRPC's tools make Python of the contract, and gives the folder.
fn generate(shell: &Shell, contract: Contract) -> String {
    let generated = shell.home().join("generated");
    std::fs::create_dir(&generated).unwrap();
    let into = text(&generated);
    let mut words = vec!["-m".to_owned(), "grpc_tools.protoc".to_owned()];
    words.extend([format!("--python_out={into}"), format!("--grpc_python_out={into}")]);
    match contract {
        Contract::Current => {
            words.push(format!("-I{}", text(&folder("proto"))));
            for entry in std::fs::read_dir(folder("proto/deskbell/v1")).unwrap() {
                words.push(text(&entry.unwrap().path()));
            }
        }
        Contract::Earlier => {
            let earlier = folder("tests/python/earlier/contract.binpb");
            words.push(format!("--descriptor_set_in={}", text(&earlier)));
            for file in ["common", "server_info", "account", "team", "profile", "queue"] {
                words.push(format!("deskbell/v1/{file}.proto"));
            }
            words.push("deskbell/v1/assistance.proto".to_owned());
        }
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    shell.run(programs::python(), &words, "").good();
    into
}

/// A folder of the repository.
fn folder(place: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository").join(place)
}

fn text(path: &Path) -> String {
    path.to_str().expect("a path in UTF-8").to_owned()
}
