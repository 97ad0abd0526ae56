//! What programs are given is read alike everywhere: as Windows writes it, as files and variables
//! end, as it is shown.

use std::fs::File;
use std::path::Path;

use deskbell_tests::desk::Desk;
use deskbell_tests::host::{Database, PASSWORD};
use deskbell_tests::programs;
use deskbell_tests::shell::{Ended, Shell};

/// The longest description, in code points.
const LONGEST: usize = 10_000;

/// Runs a program with these bytes on its standard input.
fn given(shell: &Shell, program: &Path, words: &[&str], input: &[u8]) -> Ended {
    let file = shell.home().join("input");
    std::fs::write(&file, input).expect("room on the disk");
    let input = File::open(&file).expect("the file just written");
    shell.command(program).args(words).stdin(input).output().expect("a program").into()
}

/// The text as Windows PowerShell pipes it when it is told to use its "Unicode".
fn utf16(text: &str) -> Vec<u8> {
    "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_piped_is_read_as_it_was_meant() {
    let desk = Desk::open(Database::Sqlite).await;
    let ana = desk.admin("ana").await;
    let profile = ana.profile("Acme", &[]).await;
    let shell = Shell::of(&ana, &desk.server);
    let widget = shell.packaged(&profile).join("deskbell-widget");
    let data = shell.home().join("data");
    let data = data.to_str().expect("a path in UTF-8");
    let words = ["--data-dir", data, "submit", "--json", "--no-facts", "--email", "eva@acme.test"];
    let ring = |input: &[u8]| {
        given(&shell, &widget, &[&words[..], &["--description", "-"]].concat(), input)
    };
    let exactly = "ü".repeat(LONGEST) + "\r\n";
    for (input, description) in [
        (&b"\xef\xbb\xbfPrinter\r\n"[..], "Printer"),
        (b"one\r\n\r\ntwo\n\n", "one\n\ntwo\n"),
        (&utf16("Drucker ü\r\n"), "Drucker ü"),
        (exactly.as_bytes(), exactly.trim_end()),
        (&utf16(&exactly), exactly.trim_end()),
    ] {
        let rung = ring(input).good().json();
        assert_eq!(rung[0]["ticket"]["description"], description);
    }
    for (input, why) in [
        (("ü".repeat(LONGEST + 1)).into_bytes(), "is too long: at most 10000 characters"),
        ("👩".repeat(4 * LONGEST).into_bytes(), "is too long"),
        (b"caf\xe9".to_vec(), "is not text"),
        (b"\xff\xfea".to_vec(), "is not text"),
    ] {
        let ended = ring(&input);
        assert!(ended.status == 1 && ended.complaint.contains(why), "{ended:?}");
    }

    let operator = programs::operator();
    let reply = |input: &[u8]| given(&shell, &operator, &["ticket", "reply", "#1", "-"], input);
    reply(&utf16("Which\r\none?\r\n")).good();
    assert_eq!(ana.messages(1).await.expect("messages")[0].text, "Which\none?");
    let ended = reply(b"caf\xe9");
    assert!(ended.status == 7 && ended.complaint.contains("is not text"), "{ended:?}");
    let ended = shell.deskbell(&["ticket", "note", "#1", "\u{feff}A note\r\n"]).good();
    assert!(ended.printed.starts_with("#1 "), "{ended:?}");
    assert_eq!(ana.messages(1).await.expect("messages")[1].text, "A note");
    desk.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_and_passwords_may_come_from_windows() {
    let desk = Desk::open(Database::Sqlite).await;
    let ana = desk.admin("ana").await;
    ana.profile("Acme", &[]).await;
    let (operator, shell) = (programs::operator(), Shell::new());
    let (address, fingerprint) = (desk.server.address(), desk.server.fingerprint());
    let padded = format!(" {fingerprint}\r\n");
    let login = ["login", address, "--email", "ana@desk.example", "--fingerprint", &padded];
    let login = [&login[..], &["--password-stdin"]].concat();
    for password in [
        format!("\u{feff}{PASSWORD}\r\n").into_bytes(),
        utf16(&format!("{PASSWORD}\r\n")),
        PASSWORD.as_bytes().to_vec(),
    ] {
        given(&shell, &operator, &login, &password).good();
    }
    let both = utf16(&format!("{PASSWORD}\r\nanother {PASSWORD}\r\n"));
    given(&shell, &operator, &["password", "--password-stdin"], &both).good();
    given(&shell, &operator, &login, format!("another {PASSWORD}").as_bytes()).good();

    // What Notepad saves: the settings of a profile, and our own file of contexts.
    let shown = shell.deskbell(&["--json", "profile", "show", "Acme"]).good().printed;
    let file = shell.home().join("settings.json");
    let name = file.to_str().expect("a path in UTF-8");
    for bytes in [format!("\u{feff}{shown}").into_bytes(), utf16(&shown)] {
        std::fs::write(&file, bytes).expect("room on the disk");
        shell.deskbell(&["profile", "edit", "Acme", "--file", name]).good();
    }
    let contexts = shell.home().join("deskbell/contexts.toml");
    let text = std::fs::read_to_string(&contexts).expect("contexts");
    std::fs::write(&contexts, format!("\u{feff}{}", text.replace('\n', "\r\n"))).expect("written");
    shell.deskbell(&["whoami"]).good();

    // On the host.
    let arguments = desk.host.arguments();
    let create =
        ["account", "create", "--email", "bo@desk.example", "--name", "Bo", "--password-stdin"];
    let mut create = create.to_vec();
    create.extend(arguments.iter().map(String::as_str));
    given(&shell, &programs::server(), &create, &utf16(&format!("{PASSWORD}\r\n"))).good();
    desk.try_sign_in("bo@desk.example", PASSWORD).await.expect("the password that was piped");
    let file = shell.home().join("server.toml");
    std::fs::write(&file, "\u{feff}listen = \"127.0.0.1:7\"\r\n").expect("written");
    let name = file.to_str().expect("a path in UTF-8");
    let words = ["check-config", "--json", "--config", name];
    let checked = shell.run(programs::server(), &words, "").good();
    assert!(checked.printed.contains("127.0.0.1:7"), "{checked:?}");
    desk.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_trimmed_and_checked_before_it_is_sent() {
    let desk = Desk::open(Database::Sqlite).await;
    let ana = desk.admin("ana").await;
    let shell = Shell::of(&ana, &desk.server);
    for token in [format!("{}\n", ana.token), format!(" {} ", ana.token)] {
        shell.clone().with("DESKBELL_TOKEN", &token).deskbell(&["whoami"]).good();
    }
    let fingerprint = format!("\u{feff}{}\r\n", desk.server.fingerprint());
    shell.clone().with("DESKBELL_FINGERPRINT", &fingerprint).deskbell(&["whoami"]).good();
    // 6 would say that the server is away: scripts would try for ever.
    for (name, value, why) in [
        ("DESKBELL_TOKEN", "0".repeat(100_000), "too long"),
        ("DESKBELL_TOKEN", "tökén".to_owned(), "characters that none can have"),
        ("DESKBELL_FINGERPRINT", "sha256:12".to_owned(), "no fingerprint"),
    ] {
        let ended = shell.clone().with(name, &value).deskbell(&["whoami"]);
        assert!(ended.status == 7 && ended.complaint.contains(why), "{ended:?}");
    }
    desk.close();
}
