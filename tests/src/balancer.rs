//! A real HAProxy in front of real servers, with the configuration from `deploy/`: what is handed
//! out is what is tried.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::process::Process;
use crate::scratch;
use crate::server::Server;
use crate::waiting::{BOUND, eventually};

/// The configuration that is handed out.
const HANDED_OUT: &str = include_str!("../../deploy/haproxy.cfg");

/// The names of the servers in it, in order.
pub const NAMES: [&str; 3] = ["one", "two", "three"];

/// A running HAProxy. Dropping it kills it.
pub struct Balancer {
    process: Process,
    at: SocketAddr,
    admin: PathBuf,
}

impl Balancer {
    /// Starts one that connects to these servers from this address, and waits until it finds all of
    /// them well.
    pub async fn start(servers: [&Server; 3], from: IpAddr) -> Self {
        let folder = scratch::folder("balancer");
        let admin = folder.join("admin.sock");
        let file = folder.join("haproxy.cfg");
        fs::write(&file, configuration(servers.map(Server::socket), from, &admin))
            .expect("a file of one's own");
        // It is given the listening socket itself, so that no other program can have its port.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let at = listener.local_addr().expect("an address");
        let arguments = ["-db", "-n", "2000", "-f"]
            .map(str::to_owned)
            .into_iter()
            .chain([file.display().to_string()]);
        let socket = OwnedFd::from(listener).into();
        let process =
            Process::start_with(socket, &program(), &arguments.collect::<Vec<_>>(), &folder);
        let mut balancer = Self { process, at, admin };
        balancer.finds_well(&NAMES).await;
        balancer
    }

    /// The address at which clients reach the servers.
    pub fn https(&self) -> String {
        format!("https://{}", self.at)
    }

    /// Where it listens.
    pub fn socket(&self) -> SocketAddr {
        self.at
    }

    /// Kills it, with all connections through it.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Waits until it finds exactly these servers well.
    pub async fn finds_well(&mut self, names: &[&str]) {
        eventually(&format!("the balancer finds {names:?} well"), BOUND, async || {
            assert!(
                self.process.ended().is_none(),
                "the balancer ended: {}",
                self.process.printed()
            );
            let well = |name: &&str, state: &Look| (state.state == "UP") == names.contains(name);
            let states = self.look().await;
            states.len() == NAMES.len()
                && states.iter().all(|(name, look)| well(&name.as_str(), look))
        })
        .await;
    }

    /// How many connections a server has through here.
    pub async fn connections(&self, name: &str) -> usize {
        let states = self.look().await;
        states.iter().find(|(known, _)| known == name).expect("a server of this name").1.connections
    }

    /// Does what an admin of the balancer types.
    pub async fn ask(&self, command: &str) -> String {
        self.try_ask(command).await.expect("the balancer's own socket answers")
    }

    /// What it finds of each server; nothing before it answers.
    async fn look(&self) -> Vec<(String, Look)> {
        let table = self.try_ask("show stat deskbell 4 -1").await.unwrap_or_default();
        let mut lines =
            table.lines().map(|line| line.trim_start_matches("# ").split(',').collect::<Vec<_>>());
        let titles = lines.next().unwrap_or_default();
        let column = |title: &str| titles.iter().position(|known| *known == title);
        let (Some(name), Some(state), Some(now)) =
            (column("svname"), column("status"), column("scur"))
        else {
            return Vec::new();
        };
        let row = |cells: Vec<&str>| {
            let cell = |at: usize| cells.get(at).copied().unwrap_or_default();
            let look = Look {
                state: cell(state).to_owned(),
                connections: cell(now).parse().unwrap_or_default(),
            };
            (!cell(name).is_empty()).then(|| (cell(name).to_owned(), look))
        };
        lines.filter_map(row).collect()
    }

    async fn try_ask(&self, command: &str) -> std::io::Result<String> {
        let mut socket = UnixStream::connect(&self.admin).await?;
        socket.write_all(format!("{command}\n").as_bytes()).await?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await?;
        Ok(answer)
    }
}

/// What the balancer finds of a server.
struct Look {
    state: String,
    connections: usize,
}

/// An address on this machine that nothing else uses, also not a run of the tests beside this one.
/// A server that is started again finds its port free there.
pub fn address_of_ones_own() -> IpAddr {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let count = u8::try_from(COUNT.fetch_add(1, Ordering::Relaxed))
        .expect("some hundred addresses are enough");
    // 127.0.0.… is everybody's.
    IpAddr::from([127, high.max(1), low, count])
}

/// The configuration that is handed out, with this machine's addresses. Each line that is another
/// is named here; all else is as it is for everybody.
fn configuration(servers: [SocketAddr; 3], from: IpAddr, admin: &Path) -> String {
    let mut text = HANDED_OUT.to_owned();
    let mut replace = |handed_out: &str, here: &str| {
        assert_eq!(
            text.matches(handed_out).count(),
            1,
            "deploy/haproxy.cfg has {handed_out:?} once"
        );
        text = text.replace(handed_out, here);
    };
    // Only root has a folder to lock it up in, and another user to be.
    replace("    chroot /var/lib/haproxy\n", "");
    replace("    user haproxy\n", "");
    replace("    group haproxy\n", "");
    replace("log /dev/log local0", "log stdout format raw local0");
    replace("/run/haproxy/admin.sock", &admin.display().to_string());
    replace("bind :7443", "bind fd@0");
    replace("default-server ", &format!("default-server source {from} "));
    for (name, (handed_out, here)) in NAMES.iter().zip((11..).zip(servers)) {
        replace(
            &format!("server {name} 192.0.2.{handed_out}:7443"),
            &format!("server {name} {here}"),
        );
    }
    text
}

fn program() -> PathBuf {
    let path = PathBuf::from("/usr/sbin/haproxy");
    assert!(path.exists(), "{} is missing: install the package haproxy", path.display());
    path
}
