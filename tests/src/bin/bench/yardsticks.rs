//! Yardsticks that stand in the place of the server or its store, seen from the benchmark.

use std::sync::Arc;

use deskbell_proto::client::{Client, Server};
use deskbell_tests::measuring::pace::{Calls, Pace};
use deskbell_tests::measuring::program::Program;
use deskbell_tests::measuring::writes::Setup;
use deskbell_tests::measuring::{BARE_SERVER, COMMITS};

use crate::Outcome;
use crate::calls::CONNECTIONS;
use crate::server::Bench;

/// C: the bare loop.
pub struct Commits {
    program: Program,
}

impl Commits {
    /// Starts it.
    pub async fn start(setup: &Setup) -> Outcome<Self> {
        Ok(Commits { program: Program::start(COMMITS, setup).await? })
    }

    /// So many commits by so many callers.
    pub async fn pace(&mut self, calls: usize, in_flight: usize) -> Outcome<Pace> {
        self.program.ask(&Calls { calls, in_flight }).await
    }

    /// Its process.
    pub fn id(&self) -> Outcome<u32> {
        self.program.id()
    }
}

/// F: the bare server.
pub struct BareServer {
    server: Server,
    _program: Program,
}

impl BareServer {
    /// Starts it.
    pub async fn start(setup: &Setup) -> Outcome<Self> {
        let mut program = Program::start(BARE_SERVER, setup).await?;
        let (addresses, authorities_pem): (Vec<String>, String) = program.hear().await?;
        let server = Server { addresses, authorities_pem: Some(authorities_pem) };
        Ok(BareServer { server, _program: program })
    }

    /// Connections, as many as the real server gets for so many calls at once. Calls bring the same
    /// credentials, which nobody looks at.
    pub fn connections(&self, bench: &Bench, in_flight: usize) -> Outcome<Arc<[Client]>> {
        let connect = |_| Ok(Client::new(self.server.connect_lazy()?, bench.widget.clone()));
        (0..CONNECTIONS.min(in_flight)).map(connect).collect()
    }
}
