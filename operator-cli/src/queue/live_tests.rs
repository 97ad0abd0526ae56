//! The whole loop against a real server on loopback that cuts the stream: what happened meanwhile
//! arrives once, and rings.

use std::pin::Pin;
use std::sync::Mutex;
use std::time::Duration;

use crossterm::event::{Event as TerminalEvent, KeyCode, KeyEvent};
use deskbell_proto::client::{Client, Credentials, Server};
use deskbell_proto::v1::watch_queue_response::{Change, Frame, Snapshot};
use deskbell_proto::v1::watch_service_server::{WatchService, WatchServiceServer};
use deskbell_proto::v1::{Ticket, WatchQueueRequest, WatchQueueResponse};
use futures_util::{Stream, StreamExt as _};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use tokio::sync::mpsc;
use tokio_stream::wrappers::{TcpListenerStream, UnboundedReceiverStream};
use tonic::{Request, Response, Status};

use super::tests::{shown, ticket};
use super::*;

/// Cuts the first stream after its snapshot, and goes on in the second.
#[derive(Default)]
struct Cutting {
    asked: Mutex<Vec<String>>,
}

#[tonic::async_trait]
impl WatchService for Cutting {
    type WatchQueueStream = Pin<Box<dyn Stream<Item = Result<WatchQueueResponse, Status>> + Send>>;

    async fn watch_queue(
        &self,
        request: Request<WatchQueueRequest>,
    ) -> Result<Response<Self::WatchQueueStream>, Status> {
        let after = request.into_inner().after;
        let frames: Vec<Result<Frame, Status>> = match after.as_str() {
            "" => {
                let hostile =
                    Ticket { title: "\x1b[2J\u{202e}gone".into(), ..fresh(ticket(1, 2, 5, "Ben")) };
                vec![
                    Ok(Frame::Snapshot(Snapshot {
                        cursor: "s".into(),
                        tickets: vec![hostile],
                        first: true,
                        last: true,
                    })),
                    Err(Status::unavailable("restarting")),
                ]
            }
            "s" => vec![Ok(Frame::Change(Change {
                cursor: "c".into(),
                tickets: vec![fresh(ticket(2, 4, 0, ""))],
                kind: "submitted".into(),
                actor: "customer".into(),
                ..Change::default()
            }))],
            other => return Err(Status::out_of_range(other.to_owned())),
        };
        self.asked.lock().map_err(|_| Status::internal("poisoned"))?.push(after);
        let frames = frames
            .into_iter()
            .map(|frame| frame.map(|frame| WatchQueueResponse { frame: Some(frame) }));
        Ok(Response::new(Box::pin(
            futures_util::stream::iter(frames).chain(futures_util::stream::pending()),
        )))
    }
}

/// Rung just now: here the screen goes by the machine's clock.
fn fresh(ticket: Ticket) -> Ticket {
    let now = std::time::SystemTime::now();
    let after_a_day = now + Duration::from_hours(24);
    Ticket { submit_time: Some(now.into()), expire_time: Some(after_a_day.into()), ..ticket }
}

#[tokio::test]
async fn a_cut_stream_resumes_on_the_screen() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addresses = vec![format!("http://{}", listener.local_addr().unwrap())];
    let serving = tonic::transport::Server::builder()
        .add_service(WatchServiceServer::new(Cutting::default()))
        .serve_with_incoming(TcpListenerStream::new(listener));
    let server = tokio::spawn(serving);
    let channel = Server { addresses, authorities_pem: None }.connect_lazy().unwrap();
    let client = Client::new(channel, Credentials::session("token").unwrap());

    let mut terminal = Terminal::new(TestBackend::new(100, 20)).unwrap();
    let (press, keys) = mpsc::unbounded_channel();
    // The bell rings for the ticket that came after the cut; then it is on the screen, and the
    // operator leaves.
    let ring = move || {
        let _ = press.send(Ok(TerminalEvent::Key(KeyEvent::from(KeyCode::Char('q')))));
    };
    let options = Options { colour: true, zone: TimeZone::UTC };
    let mut live = Live::new(client, options);
    let mut signals = Signals::new().unwrap();
    let keys = UnboundedReceiverStream::new(keys);
    let running = live.turn(&mut terminal, keys, &mut signals, ring);
    tokio::time::timeout(Duration::from_secs(30), running)
        .await
        .expect("the bell never rang")
        .unwrap();
    server.abort();

    let screen = shown(terminal.backend().buffer());
    assert!(screen.contains("[1 new] · 2 open") && screen.contains("● live"), "{screen}");
    assert!(screen.contains("#2    urgent") && screen.contains("␛[2J⟨U+202E⟩gone"), "{screen}");
}
