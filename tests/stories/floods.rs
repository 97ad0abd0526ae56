//! Peers that speak HTTP/2 and flood the server with frames that cost them nothing.

use std::net::SocketAddr;

use deskbell_tests::desk::Desk;
use deskbell_tests::host::{Database, Host};
use deskbell_tests::scene::Scene;
use deskbell_tests::waiting::soon;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// More than anybody has reason to send, and little enough to be read soon if it is.
const FLOOD: usize = 400_000;

/// What comes back when everything before has been read.
const ECHO: &[u8; 8] = b"all read";

fn frame(kind: u8, stream: u8, body: &[u8]) -> Vec<u8> {
    let length = u8::try_from(body.len()).unwrap();
    [&[0, 0, length, kind, 0, 0, 0, 0, stream][..], body].concat()
}

/// Whether the server reads so many of these frames from one peer.
async fn reads(at: SocketAddr, flood: &[u8], times: usize) -> bool {
    let (mut from, mut to) = TcpStream::connect(at).await.unwrap().into_split();
    let settings = frame(0x4, 0, &[]);
    to.write_all(&[&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &settings].concat()).await.unwrap();
    let flood = flood.repeat(1_000);
    let writing = async {
        for _ in 0..times / 1_000 {
            // It may hang up while we still talk.
            if to.write_all(&flood).await.is_err() {
                return;
            }
        }
        to.write_all(&frame(0x6, 0, ECHO)).await.ok();
    };
    let reading = async {
        let mut heard = Vec::new();
        while from.read_buf(&mut heard).await.is_ok_and(|read| read > 0) {
            if heard.windows(ECHO.len()).any(|said| said == ECHO) {
                return true;
            }
        }
        false
    };
    soon("an echo or the end", async { tokio::join!(writing, reading).1 }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_frames_that_ask_for_nothing_are_cut() {
    let host = Host::new(Database::Sqlite);
    let server = host.serve_at(SocketAddr::from(([127, 0, 0, 1], 0)), &["--plaintext"]).await;
    let Scene { desk, bo, sales, widget, .. } = Scene::on(Desk { host, server }).await;
    let at = desk.server.socket();
    let mut watch = bo.watch().opened().await;
    let floods = [
        ("WINDOW_UPDATE", frame(0x8, 0, &[0, 0, 0, 1])),
        ("PRIORITY", frame(0x2, 1, &[0, 0, 0, 0, 16])),
        ("SETTINGS", frame(0x4, 0, &[])),
        ("PING", frame(0x6, 0, &[0; 8])),
        ("of no known type", frame(0xfa, 0, &[])),
    ];
    for (name, flood) in floods {
        assert!(reads(at, &flood, 1_000).await, "some are no flood: {name}");
        assert!(!reads(at, &flood, FLOOD).await, "a flood is cut: {name}");
        let number = widget.ring(Some(&sales), name).await.number;
        watch.until_sees(number).await;
    }
    desk.close();
}
