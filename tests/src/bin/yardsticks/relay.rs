//! T, the yardstick of the fan-out: raw TCP on loopback doing the same fan-out with the same bytes.
//!
//! No TLS, no HTTP/2, no disk, no rules. The first connection hands in changes, one after the
//! other, and hears one byte for each as soon as it is passed on to the other connections; each of
//! those has a task that waits for the next change and writes it, with one write a change. What
//! waits for a connection is not put together: a server that does that can be faster than this.

use std::sync::Arc;

use deskbell_tests::measuring::{Outcome, program};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;

/// Changes that may wait for a slow connection; more than a round has.
const WAITING: usize = 8 * 1024;

/// Runs the yardstick's program until whoever hands in changes is gone.
pub async fn run() -> Outcome<()> {
    program::setup::<()>().await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    program::answer(&listener.local_addr()?)?;
    let (giver, _) = listener.accept().await?;
    giver.set_nodelay(true)?;
    let (changes, _) = broadcast::channel::<Arc<[u8]>>(WAITING);
    let giving = tokio::spawn(pass_on(giver, changes.clone()));
    let accepting = async {
        loop {
            let (taker, _) = listener.accept().await?;
            tokio::spawn(write_each(taker, changes.subscribe()));
        }
    };
    tokio::select! {
        // The giver's end is how a run ends.
        _ = giving => Ok(()),
        failed = accepting => failed,
    }
}

async fn pass_on(mut giver: TcpStream, changes: broadcast::Sender<Arc<[u8]>>) -> Outcome<()> {
    let (reader, mut answers) = giver.split();
    let mut reader = BufReader::new(reader);
    loop {
        let length = reader.read_u32().await?;
        let mut change = vec![0; usize::try_from(length)?];
        reader.read_exact(&mut change).await?;
        // Nobody connected yet is fine.
        let _ = changes.send(change.into());
        answers.write_u8(1).await?;
    }
}

async fn write_each(
    mut taker: TcpStream,
    mut changes: broadcast::Receiver<Arc<[u8]>>,
) -> Outcome<()> {
    taker.set_nodelay(true)?;
    taker.write_u8(1).await?;
    // Whoever cannot be kept up with is cut, which the receiving side tells.
    while let Ok(change) = changes.recv().await {
        taker.write_all(&change).await?;
    }
    Ok(())
}
