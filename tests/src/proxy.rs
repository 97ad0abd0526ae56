//! A road to a server that can be cut and blocked.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What the road is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Road {
    /// Everything passes. Connections of an earlier age are cut.
    Clear { age: u64 },
    /// Connections stay and nothing passes.
    Stalled { age: u64 },
    /// Connections are cut, and new ones too.
    Closed { age: u64 },
}

impl Road {
    fn age(self) -> u64 {
        match self {
            Self::Clear { age } | Self::Stalled { age } | Self::Closed { age } => age,
        }
    }
}

/// Passes TCP connections on to a server, as long as the story lets it.
pub struct Proxy {
    address: SocketAddr,
    road: watch::Sender<Road>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// A clear road to this socket.
    pub async fn to(server: SocketAddr) -> Self {
        Self::from(Ipv4Addr::LOCALHOST.into(), server).await
    }

    /// A clear road to this socket, at whose other end one comes from this address.
    pub async fn from(source: IpAddr, server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (road, seen) = watch::channel(Road::Clear { age: 0 });
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(pass(socket, source, server, seen.clone()));
            }
        });
        Self { address, road, task }
    }

    /// The address at which a TLS server is reached through here.
    pub fn https(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The address at which a server without TLS is reached through here.
    pub fn http(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Cuts all connections; new ones pass.
    pub fn cut(&self) {
        self.road.send_modify(|road| *road = Road::Clear { age: road.age() + 1 });
    }

    /// Cuts all connections, and new ones until it opens again.
    pub fn close(&self) {
        self.road.send_modify(|road| *road = Road::Closed { age: road.age() + 1 });
    }

    /// Holds everything back without a word, until it opens again.
    pub fn stall(&self) {
        self.road.send_modify(|road| *road = Road::Stalled { age: road.age() });
    }

    /// Lets everything pass again.
    pub fn open(&self) {
        self.road.send_modify(|road| *road = Road::Clear { age: road.age() });
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One connection, until it ends or is cut.
async fn pass(
    socket: TcpStream,
    source: IpAddr,
    server: SocketAddr,
    mut road: watch::Receiver<Road>,
) {
    let age = road.borrow().age();
    if matches!(*road.borrow(), Road::Closed { .. }) {
        return;
    }
    let Ok(onward) = connect(source, server).await else { return };
    let (from_client, to_client) = socket.into_split();
    let (from_server, to_server) = onward.into_split();
    tokio::select! {
        () = one_way(from_client, to_server, road.clone()) => {}
        () = one_way(from_server, to_client, road.clone()) => {}
        _ = road.wait_for(|road| road.age() != age) => {}
    }
}

async fn connect(source: IpAddr, server: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = if server.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.bind((source, 0).into())?;
    socket.connect(server).await
}

/// Passes bytes in one direction. Those that were read when the road was blocked pass when it
/// opens.
async fn one_way(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut road: watch::Receiver<Road>) {
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        let open = road.wait_for(|road| matches!(road, Road::Clear { .. })).await.is_ok();
        if !open || to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}
