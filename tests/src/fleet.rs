//! Three servers of one host behind a balancer, and the usual team, whose calls all pass through
//! it. Servers are killed, stopped and started again.

use std::net::{IpAddr, SocketAddr};

use deskbell_proto::client::Client;
use deskbell_proto::v1;

use crate::balancer::{Balancer, NAMES, address_of_ones_own};
use crate::customer::Widget;
use crate::desk::Desk;
use crate::host::Host;
use crate::scene::Scene;
use crate::server::Server;
use crate::staff::Staff;
use crate::waiting::BOUND;

/// How a server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// In the middle of whatever it does.
    Killed,
    /// As an upgrade does it: what runs may end, nothing new begins.
    Stopped,
}

/// See the module. Everybody is as in [`Scene`].
#[expect(missing_docs, reason = "the people and things of a scene")]
pub struct Fleet {
    pub host: Host,
    pub balancer: Balancer,
    /// From where another balancer may connect.
    another_at: IpAddr,
    /// What clients know: each balancer's address.
    addresses: Vec<String>,
    pub ana: Staff,
    pub bo: Staff,
    pub cy: Staff,
    pub sales: v1::Group,
    pub support: v1::Group,
    pub profile: v1::Profile,
    pub widget: Widget,
    places: Vec<Place>,
    authorities: Option<String>,
}

/// Where a server runs, while it does.
struct Place {
    at: SocketAddr,
    server: Option<Server>,
}

impl Fleet {
    /// Sets it up on a host without servers so far.
    pub async fn open(host: Host) -> Self {
        let [servers_at, balancer_at, another_at] = [(); 3].map(|()| address_of_ones_own());
        host.set(&format!("balancers={balancer_at},{another_at}"));
        let server = host.serve_at((servers_at, 0).into(), &[]).await;
        let scene = Scene::on(Desk { host, server }).await;
        let Scene { desk: Desk { host, server }, ana, bo, cy, sales, support, profile, widget } =
            scene;
        let second = host.serve_at((servers_at, 0).into(), &[]).await;
        let third = host.serve_at((servers_at, 0).into(), &[]).await;
        let balancer = Balancer::start([&server, &second, &third], balancer_at).await;
        let authorities = server.authorities().map(str::to_owned);
        let place = |server: Server| Place { at: server.socket(), server: Some(server) };
        let places = [server, second, third].map(place).into();
        let addresses = vec![balancer.https()];
        let mut fleet = Self {
            host,
            balancer,
            another_at,
            addresses,
            ana,
            bo,
            cy,
            sales,
            support,
            profile,
            widget,
            places,
            authorities,
        };
        fleet.ana = fleet.ana.over(&fleet.connect());
        fleet.bo = fleet.bo.over(&fleet.connect());
        fleet.cy = fleet.cy.over(&fleet.connect());
        fleet.widget = fleet.widget.over(&fleet.connect());
        fleet
    }

    /// A new connection through the first balancer that answers, as nobody yet.
    pub fn connect(&self) -> Client {
        Server::client(self.addresses.clone(), self.authorities.clone())
    }

    /// A new connection to what leads to a server at this address, as nobody yet.
    pub fn connect_to(&self, address: String) -> Client {
        Server::client(vec![address], self.authorities.clone())
    }

    /// Starts a second balancer in front of the same servers. Who connects from now on knows both.
    pub async fn another_balancer(&mut self) -> Balancer {
        let another =
            Balancer::start([0, 1, 2].map(|place| self.server(place)), self.another_at).await;
        self.addresses.push(another.https());
        another
    }

    /// The server at this place, counted from 0. Panics when it has ended.
    pub fn server(&self, place: usize) -> &Server {
        self.places[place].server.as_ref().expect("it runs")
    }

    /// Ends the server at this place.
    pub async fn end(&mut self, place: usize, ending: Ending) {
        let mut server = self.places[place].server.take().expect("it runs");
        server.check_log();
        match ending {
            Ending::Killed => server.kill(),
            Ending::Stopped => {
                server.terminate();
                let status = server.ends_within(BOUND).await;
                server.check_log();
                assert!(status.success(), "{status}: {}", server.log());
            }
        }
    }

    /// Starts a server again at this place.
    pub async fn restart(&mut self, place: usize) {
        let at = self.places[place].at;
        self.places[place].server = Some(self.host.serve_at(at, &[]).await);
    }

    /// Waits until the balancer finds exactly those servers well that run.
    pub async fn settles(&mut self) {
        let running = self.places.iter().zip(NAMES).filter(|(place, _)| place.server.is_some());
        let running: Vec<&str> = running.map(|(_, name)| name).collect();
        self.balancer.finds_well(&running).await;
    }

    /// The end of a story: the self-check while the servers still run, and that they still run.
    pub fn close(self) {
        self.host.verify();
        for mut server in self.places.into_iter().filter_map(|place| place.server) {
            assert!(server.runs(), "a server ended: {}", server.log());
            server.check_log();
        }
    }
}
