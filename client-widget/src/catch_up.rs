//! What every start of the program does, with a window or without: it follows its profile, and
//! delivers what is kept. The window's link does both for as long as it is open; commands do them
//! once.

use std::time::Duration;

use deskbell_proto::manifest::Verified;
use deskbell_proto::v1::FollowResponse;
use deskbell_proto::v1::follow_response::Prompt;
use tonic::Streaming;

use crate::link::calls::Calls;
use crate::link::delivery::{self, Held};
use crate::manifest::{Manifests, Trouble};
use crate::outbox::Outbox;

/// How long the server may take to say what the profile is by now: an older one says nothing as
/// long as nothing changes.
const PATIENCE: Duration = Duration::from_secs(5);

/// The profile as it is by now. Where the server cannot be asked, the last good one stays in use.
pub async fn newest(manifests: &Manifests, used: Verified) -> Verified {
    let asked = async {
        let calls = Calls::new(&used).ok()?;
        let stream = calls.look_once(used.manifest.revision).await.ok()?;
        first_manifest(stream, manifests, &used).await
    };
    let newer = tokio::time::timeout(PATIENCE, asked).await.ok().flatten();
    newer.unwrap_or(used)
}

async fn first_manifest(
    mut stream: Streaming<FollowResponse>,
    manifests: &Manifests,
    used: &Verified,
) -> Option<Verified> {
    loop {
        match stream.message().await.ok()??.prompt? {
            Prompt::Manifest(signed) => match manifests.follow(&signed, used) {
                Ok(verified) => return Some(verified),
                // It is right all the same.
                Err(Trouble::NotKept(_)) => return Manifests::newer(&signed, used).ok(),
                Err(trouble) => {
                    tracing::warn!(?trouble, "a manifest from the server is not used");
                    return None;
                }
            },
            Prompt::Ticket(_) | Prompt::KeepAlive(_) => {}
        }
    }
}

/// Sends what is kept, oldest first, one try each. What cannot be sent now stays.
pub async fn deliver(outbox: &Outbox, calls: &Calls) {
    let names = delivery::names(outbox).await.unwrap_or_default();
    for name in names {
        if let Err(Held::Server(problem)) = delivery::deliver(outbox, &name, calls).await
            && problem.code == tonic::Code::Unavailable
        {
            // Nobody is there: the next start tries again.
            return;
        }
    }
}
