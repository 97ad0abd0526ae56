//! The live queue as a stream of frames, most of them encoded long before.

use std::pin::Pin;

use deskbell_proto::encoded::Frame;
use deskbell_proto::encoded::server::WatchService;
use deskbell_proto::v1::WatchQueueRequest;
use futures_util::{Stream, stream};
use tonic::{Request, Response, Status};

use super::{Handlers, convert, encoder};
use crate::desk::{Failure, Watch, WatchItem};

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
        Ok(Response::new(Box::pin(stream::unfold(Some(Box::new(watch)), next))))
    }
}

/// The watch is passed from one item to the next, which is cheap for a box.
async fn next(watch: Option<Box<Watch>>) -> Option<(Result<Frame, Status>, Option<Box<Watch>>)> {
    let mut watch = watch?;
    Some(match watch.next().await {
        Ok(WatchItem::Frame(bytes)) => (Ok(Frame(bytes)), Some(watch)),
        Ok(WatchItem::Progress(revision)) => (Ok(Frame(encoder::progress((watch.team(), revision)))), Some(watch)),
        Err(failure) => (Err(failure.into()), None),
    })
}
