//! The live queue as a stream of frames, most of them encoded long before.

use std::collections::VecDeque;
use std::pin::Pin;

use deskbell_proto::encoded::Frame;
use deskbell_proto::encoded::server::WatchService;
use deskbell_proto::v1::watch_queue_response::{Frame as Kind, Snapshot};
use deskbell_proto::v1::{WatchQueueRequest, WatchQueueResponse};
use futures_util::{Stream, stream};
use prost::Message as _;
use tonic::{Request, Response, Status};

use super::{Handlers, convert, encoder};
use crate::desk::{Failure, TicketEntry, Watch, WatchItem};
use crate::domain::{Revision, Team};

/// Tickets in one part of a snapshot: a part stays well below the message limit of clients.
const PART: usize = 100;

/// A watch with the parts of its snapshot that are still to be sent.
struct Frames {
    watch: Watch,
    parts: VecDeque<Frame>,
    ended: bool,
}

#[tonic::async_trait]
impl WatchService for Handlers {
    type WatchQueueStream = Pin<Box<dyn Stream<Item = Result<Frame, Status>> + Send>>;

    async fn watch_queue(
        &self,
        request: Request<WatchQueueRequest>,
    ) -> Result<Response<Self::WatchQueueStream>, Status> {
        let session = self.session(request.metadata()).await?;
        // Whoever may not watch hears that, and not what is wrong with the cursor.
        let staff = self.desk.staff(session).await?;
        staff.operator()?;
        let after = request.into_inner().after;
        let after = match after.as_str() {
            "" => None,
            cursor => Some(convert::revision(staff.team.id, cursor).ok_or(Failure::StartOver)?),
        };
        let watch = self.desk.watch(session, after).await?;
        let frames = Frames { watch, parts: VecDeque::new(), ended: false };
        Ok(Response::new(Box::pin(stream::unfold(frames, next))))
    }
}

async fn next(mut frames: Frames) -> Option<(Result<Frame, Status>, Frames)> {
    if frames.ended {
        return None;
    }
    if let Some(part) = frames.parts.pop_front() {
        let part = frames.watch.check_session().await.map(|()| part);
        frames.ended = part.is_err();
        return Some((part.map_err(Status::from), frames));
    }
    let frame = match frames.watch.next().await {
        Ok(WatchItem::Change(bytes)) => Ok(Frame(bytes)),
        Ok(WatchItem::Progress(revision)) => Ok(Frame(encoder::progress((frames.watch.team(), revision)))),
        Ok(WatchItem::Snapshot(revision, team, tickets)) => {
            frames.parts = snapshot(revision, &team, &tickets);
            frames.parts.pop_front().ok_or_else(|| Failure::Internal.into())
        }
        Err(failure) => {
            frames.ended = true;
            Err(failure.into())
        }
    };
    Some((frame, frames))
}

fn snapshot(revision: Revision, team: &Team, tickets: &[TicketEntry]) -> VecDeque<Frame> {
    let parts = tickets.len().div_ceil(PART).max(1);
    let part = |index: usize| {
        let here = tickets.iter().skip(index * PART).take(PART);
        let last = index + 1 == parts;
        let snapshot = Snapshot {
            cursor: if last { convert::cursor((team.id, revision)) } else { String::new() },
            tickets: here.map(|ticket| convert::ticket(team, ticket)).collect(),
            first: index == 0,
            last,
        };
        Frame(WatchQueueResponse { frame: Some(Kind::Snapshot(snapshot)) }.encode_to_vec().into())
    };
    (0..parts).map(part).collect()
}
