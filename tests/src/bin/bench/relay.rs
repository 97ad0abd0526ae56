//! T, the yardstick of the fan-out: raw TCP on loopback doing the same fan-out with the same bytes.
//!
//! A bare tokio program in a process of its own, as the server is: no TLS, no HTTP/2, no disk, no rules. The first connection hands
//! in changes, one after the other, and hears one byte for each as soon as it is passed on to the other connections; each of those
//! has a task that waits for the next change and writes it, with one write a change. What waits for a connection is not put together:
//! a server that does that can be faster than this.

use std::sync::Arc;
use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;

use crate::Outcome;
use crate::http2::framed;
use crate::program::{self, Program};

/// The word that makes the benchmark be the yardstick's program.
pub const WORD: &str = "relay";

/// Changes that may wait for a slow connection; more than a round has.
const WAITING: usize = 8 * 1024;

/// When a change was handed in, and when that was answered.
pub type Moment = (Instant, Instant);

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

async fn write_each(mut taker: TcpStream, mut changes: broadcast::Receiver<Arc<[u8]>>) -> Outcome<()> {
    taker.set_nodelay(true)?;
    taker.write_u8(1).await?;
    // Whoever cannot be kept up with is cut, which the receiving side tells.
    while let Ok(change) = changes.recv().await {
        taker.write_all(&change).await?;
    }
    Ok(())
}

/// The yardstick's program, under way.
pub struct Relay {
    /// Where connections get changes.
    pub address: String,
    giving: OwnedWriteHalf,
    answers: OwnedReadHalf,
    _program: Program,
}

impl Relay {
    /// Starts it.
    pub async fn start() -> Outcome<Self> {
        let mut program = Program::start(WORD, &()).await?;
        let address: String = program.hear().await?;
        let giver = TcpStream::connect(&address).await?;
        giver.set_nodelay(true)?;
        let (answers, giving) = giver.into_split();
        Ok(Relay { address, giving, answers, _program: program })
    }

    /// Hands in changes, `pause` after the begin of each the next; gives when each was handed in and answered.
    pub async fn give(&mut self, changes: &[Arc<[u8]>], pause: Option<std::time::Duration>) -> Outcome<Vec<Moment>> {
        let giving = async {
            let mut begun = Vec::new();
            let mut ticks = pause.map(tokio::time::interval);
            for change in changes {
                if let Some(ticks) = &mut ticks {
                    ticks.tick().await;
                }
                let change = framed(change);
                let length = u32::try_from(change.len())?.to_be_bytes();
                begun.push(Instant::now());
                self.giving.write_all(&[&length[..], &change].concat()).await?;
            }
            Outcome::Ok(begun)
        };
        let answers = async {
            let mut answered = Vec::new();
            for _ in changes {
                self.answers.read_u8().await?;
                answered.push(Instant::now());
            }
            Outcome::Ok(answered)
        };
        let (begun, answered) = tokio::try_join!(giving, answers)?;
        Ok(begun.into_iter().zip(answered).collect())
    }
}
