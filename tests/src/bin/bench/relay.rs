//! T, the yardstick of the fan-out, seen from the benchmark: what the program is given, and when.

use std::sync::Arc;
use std::time::Instant;

use deskbell_tests::measuring::RELAY;
use deskbell_tests::measuring::program::Program;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::Outcome;
use crate::http2::framed;

/// When a change was handed in, and when that was answered.
pub type Moment = (Instant, Instant);

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
        let mut program = Program::start(RELAY, &()).await?;
        let address: String = program.hear().await?;
        let giver = TcpStream::connect(&address).await?;
        giver.set_nodelay(true)?;
        let (answers, giving) = giver.into_split();
        Ok(Relay { address, giving, answers, _program: program })
    }

    /// Hands in changes, `pause` after the begin of each the next; gives when each was handed in
    /// and answered.
    pub async fn give(
        &mut self,
        changes: &[Arc<[u8]>],
        pause: Option<std::time::Duration>,
    ) -> Outcome<Vec<Moment>> {
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
