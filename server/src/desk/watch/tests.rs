//! A watch of a desk on a database of its own, without a connection.

use futures_util::FutureExt as _;

use super::*;
use crate::clock::Clock;
use crate::desk::SNAPSHOTS;
use crate::desk::tests::{admin, desk};
use crate::hub::Frame;

#[tokio::test]
async fn what_was_given_goes_out_before_a_turn_is_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let desk = desk(folder.path(), Clock::of_machine()).await;
    let session = admin(&desk).await;
    let mut watch = desk.watch(session, None).await.expect("a watch");
    watch.next().await.expect("a snapshot");
    let (team, next) = (watch.staff.team.id, watch.cursor + 1);
    desk.hub.tell(team, next, || Frame {
        revision: next,
        whole: Bytes::new(),
        parts: Vec::new(),
        kind: "",
        actor: String::new(),
        sight_of: Vec::new(),
        starts_over: true,
        committed: None,
    });
    let mut waiting = Box::pin(watch.next());
    assert!(waiting.as_mut().now_or_never().is_none(), "the first snapshot can be sent");
    assert_eq!(desk.snapshots.available_permits(), SNAPSHOTS, "and may take its time");
    waiting.await.expect("another snapshot");
    desk.close();
}
