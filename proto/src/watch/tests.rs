//! The watch against a real server on loopback that plays a script: each opening of the stream gets
//! the next scene.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use futures_util::StreamExt as _;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Channel, Server};
use tonic::{Request, Response};

use super::*;
use crate::client::Retry;
use crate::v1::WatchQueueRequest;
use crate::v1::watch_queue_response::{Frame, Progress, Snapshot};
use crate::v1::watch_service_server::{WatchService, WatchServiceServer};

/// What the server does when the stream is opened.
struct Scene {
    /// Asserted on the request.
    after: &'static str,
    /// Refuses the call at once.
    refuse: Option<Status>,
    frames: Vec<WatchQueueResponse>,
    end: End,
}

enum End {
    /// Breaks the stream with a status.
    Break(Code),
    /// Ends it as if all were well.
    Finish,
    /// Says nothing any more.
    Silence,
}

#[derive(Clone)]
struct Script {
    scenes: Arc<Mutex<VecDeque<Scene>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

#[tonic::async_trait]
impl WatchService for Script {
    type WatchQueueStream = Pin<Box<dyn Stream<Item = Result<WatchQueueResponse, Status>> + Send>>;

    async fn watch_queue(
        &self,
        request: Request<WatchQueueRequest>,
    ) -> Result<Response<Self::WatchQueueStream>, Status> {
        let scene = self
            .scenes
            .lock()
            .unwrap()
            .pop_front()
            .ok_or_else(|| Status::unauthenticated("the script is over"))?;
        self.asked.lock().unwrap().push(format!("{} = {}", request.get_ref().after, scene.after));
        if let Some(status) = scene.refuse {
            return Err(status);
        }
        let frames = futures_util::stream::iter(scene.frames.into_iter().map(Ok));
        Ok(Response::new(match scene.end {
            End::Break(code) => {
                Box::pin(frames.chain(futures_util::stream::iter([Err(Status::new(code, "cut"))])))
            }
            End::Finish => Box::pin(frames),
            End::Silence => Box::pin(frames.chain(futures_util::stream::pending())),
        }))
    }
}

struct Stage {
    client: WatchServiceClient<Channel>,
    asked: Arc<Mutex<Vec<String>>>,
    server: JoinHandle<()>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn stage(scenes: Vec<Scene>) -> Stage {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::default();
    let script = Script { scenes: Arc::new(Mutex::new(scenes.into())), asked: Arc::clone(&asked) };
    let server = tokio::spawn(async move {
        let service = WatchServiceServer::new(script);
        Server::builder()
            .add_service(service)
            .serve_with_incoming(TcpListenerStream::new(listener))
            .await
            .unwrap();
    });
    let channel =
        Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    Stage { client: WatchServiceClient::new(channel), asked, server }
}

fn quick() -> Pace {
    Pace {
        retry: Retry { first_wait: Duration::from_millis(2), ..Retry::default() },
        silence: Duration::from_millis(300),
        ..Pace::default()
    }
}

fn frame(frame: Frame) -> WatchQueueResponse {
    WatchQueueResponse { frame: Some(frame) }
}

fn snapshot(cursor: &str, numbers: &[i64], first: bool, last: bool) -> WatchQueueResponse {
    let tickets = numbers.iter().map(|&number| Ticket { number, ..Ticket::default() }).collect();
    frame(Frame::Snapshot(Snapshot { cursor: cursor.into(), tickets, first, last }))
}

fn change(cursor: &str, number: i64) -> WatchQueueResponse {
    let tickets = vec![Ticket { number, ..Ticket::default() }];
    frame(Frame::Change(Change { cursor: cursor.into(), tickets, ..Change::default() }))
}

fn progress(cursor: &str) -> WatchQueueResponse {
    frame(Frame::Progress(Progress { cursor: cursor.into() }))
}

/// Plays to the end and tells the news in short words.
async fn play(stage: &Stage, after: &str) -> Vec<String> {
    let watch = QueueWatch::new(stage.client.clone()).after(after.into()).pace(quick());
    let told = watch.into_stream().map(|news| match news {
        WatchNews::Connected { resumed } => format!("connected {resumed}"),
        WatchNews::Snapshot { tickets, cursor } => {
            format!(
                "snapshot {:?} {cursor}",
                tickets.iter().map(|ticket| ticket.number).collect::<Vec<_>>()
            )
        }
        WatchNews::Change(change) => {
            format!("change {} {}", change.tickets[0].number, change.cursor)
        }
        WatchNews::Progress { cursor } => format!("progress {cursor}"),
        WatchNews::Disconnected { problem, .. } => format!("disconnected {:?}", problem.code),
        WatchNews::StartedOver => "started over".to_owned(),
        WatchNews::Ended(problem) => format!("ended {:?}", problem.code),
    });
    tokio::time::timeout(Duration::from_secs(30), told.collect()).await.expect("the watch hangs")
}

#[tokio::test]
async fn a_cut_stream_goes_on_without_a_gap_or_a_repeat() {
    let stage = stage(vec![
        // Cut inside the snapshot: nothing of it counts.
        Scene {
            after: "",
            refuse: None,
            frames: vec![snapshot("", &[1], true, false)],
            end: End::Break(Code::Unavailable),
        },
        Scene {
            after: "",
            refuse: None,
            frames: vec![
                snapshot("", &[1], true, false),
                snapshot("s", &[2], false, true),
                change("a", 3),
            ],
            end: End::Break(Code::Internal),
        },
        // The repeat of "a" is ignored.
        Scene {
            after: "a",
            refuse: None,
            frames: vec![change("a", 3), change("b", 4), progress("c")],
            end: End::Finish,
        },
        Scene {
            after: "c",
            refuse: Some(Status::unavailable("away")),
            frames: vec![],
            end: End::Finish,
        },
        Scene { after: "c", refuse: None, frames: vec![change("d", 5)], end: End::Silence },
        Scene { after: "d", refuse: None, frames: vec![], end: End::Break(Code::Unauthenticated) },
    ])
    .await;
    let told = play(&stage, "").await;
    assert_eq!(
        told,
        [
            "connected false",
            "disconnected Unavailable",
            "connected false",
            "snapshot [1, 2] s",
            "change 3 a",
            "disconnected Internal",
            "connected true",
            "change 4 b",
            "progress c",
            "disconnected Unavailable",
            "disconnected Unavailable",
            "connected true",
            "change 5 d",
            "disconnected Unavailable",
            "connected true",
            "ended Unauthenticated",
        ]
    );
    assert_eq!(*stage.asked.lock().unwrap(), [" = ", " = ", "a = a", "c = c", "c = c", "d = d"]);
}

#[tokio::test]
async fn a_place_too_old_and_an_unknown_frame_start_over() {
    let stage = stage(vec![
        Scene {
            after: "old",
            refuse: Some(Status::out_of_range("too old")),
            frames: vec![],
            end: End::Finish,
        },
        Scene {
            after: "",
            refuse: None,
            frames: vec![snapshot("s", &[1], true, true), WatchQueueResponse { frame: None }],
            end: End::Silence,
        },
        // Without a cursor, "out of range" is a frame over the limit: a break, not a reason to
        // start over again.
        Scene {
            after: "",
            refuse: Some(Status::out_of_range("too large")),
            frames: vec![],
            end: End::Finish,
        },
        Scene {
            after: "",
            refuse: Some(Status::permission_denied("no")),
            frames: vec![],
            end: End::Finish,
        },
    ])
    .await;
    let told = play(&stage, "old").await;
    assert_eq!(
        told,
        [
            "started over",
            "connected false",
            "snapshot [1] s",
            "started over",
            "disconnected OutOfRange",
            "ended PermissionDenied",
        ]
    );
    assert_eq!(*stage.asked.lock().unwrap(), ["old = old", " = ", " = ", " = "]);
}
