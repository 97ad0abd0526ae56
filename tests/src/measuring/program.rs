//! Programs beside the server: each has a process of its own, as the server has, so that they
//! neither share SQLite's memory with each other, nor threads with whoever calls. The program is
//! `yardsticks`, started with a word; it reads a line of JSON for each order, and answers with one.

use std::io::Write as _;
use std::process::Stdio;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::Outcome;

/// Such a program, seen from the benchmark. It ends when this is dropped.
pub struct Program {
    word: &'static str,
    process: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Program {
    /// Starts the program of this word, with what it needs to know.
    pub async fn start(word: &'static str, setup: &impl Serialize) -> Outcome<Self> {
        let mut command = Command::new(std::env::current_exe()?.with_file_name("yardsticks"));
        command.arg(word).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn()?;
        let orders = process.stdin.take().ok_or("no way to a program's orders")?;
        let answers =
            BufReader::new(process.stdout.take().ok_or("no way to a program's answers")?).lines();
        let mut program = Program { word, process, orders, answers };
        program.tell(setup).await?;
        Ok(program)
    }

    /// Its process.
    pub fn id(&self) -> Outcome<u32> {
        Ok(self.process.id().ok_or("it ended")?)
    }

    /// Gives an order and waits until it is carried out.
    pub async fn ask<A: DeserializeOwned>(&mut self, order: &impl Serialize) -> Outcome<A> {
        self.tell(order).await?;
        self.hear().await
    }

    /// What it says next.
    pub async fn hear<A: DeserializeOwned>(&mut self) -> Outcome<A> {
        let line = self.answers.next_line().await?;
        let line = line.ok_or_else(|| {
            format!("the program beside the server, \"{}\", ended early", self.word)
        })?;
        Ok(serde_json::from_str(&line)?)
    }

    async fn tell(&mut self, order: &impl Serialize) -> Outcome<()> {
        self.orders.write_all(&line(order)?).await?;
        Ok(())
    }
}

fn line(value: &impl Serialize) -> Outcome<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

/// The next order, seen from such a program. None: there are no more, and it may end.
pub async fn next_order<O: DeserializeOwned>() -> Outcome<Option<O>> {
    let read = || std::io::stdin().lines().next().transpose();
    let Some(line) = tokio::task::spawn_blocking(read).await?? else { return Ok(None) };
    Ok(Some(serde_json::from_str(&line)?))
}

/// What such a program is started with.
pub async fn setup<S: DeserializeOwned>() -> Outcome<S> {
    Ok(next_order().await?.ok_or("./tests/bench starts this")?)
}

/// Answers an order.
pub fn answer(answer: &impl Serialize) -> Outcome<()> {
    let mut output = std::io::stdout().lock();
    output.write_all(&line(answer)?)?;
    Ok(output.flush()?)
}
