//! Counting connections, in all and per address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Lets connections in while there is room. Clones share the count.
#[derive(Debug, Clone)]
pub(super) struct Gate {
    most: usize,
    most_per_address: usize,
    inside: Arc<Mutex<Inside>>,
}

#[derive(Debug, Default)]
struct Inside {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// Room for one connection, until it is dropped.
#[derive(Debug)]
pub(super) struct Room {
    /// None as long as nobody has said whose it is.
    address: Option<IpAddr>,
    inside: Arc<Mutex<Inside>>,
}

/// Why there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// All connections are taken.
    Everywhere,
    /// All that one address may have are taken.
    ForAddress,
}

impl Gate {
    pub(super) fn new(most: usize, most_per_address: usize) -> Self {
        Self { most, most_per_address, inside: Arc::default() }
    }

    /// Room for a connection from this address, if there is some.
    pub(super) fn enter(&self, address: IpAddr) -> Result<Room, Full> {
        self.settle(self.enter_unnamed()?, address)
    }

    /// Room for a connection of a balancer, which has yet to say for whom. See [`Self::settle`].
    pub(super) fn enter_unnamed(&self) -> Result<Room, Full> {
        let mut inside = lock(&self.inside);
        if inside.all >= self.most {
            return Err(Full::Everywhere);
        }
        inside.all += 1;
        Ok(Room { address: None, inside: Arc::clone(&self.inside) })
    }

    /// Counts a room that was nobody's so far as this address's, if that may have one more.
    pub(super) fn settle(&self, mut room: Room, address: IpAddr) -> Result<Room, Full> {
        let address = household(address);
        {
            let mut inside = lock(&self.inside);
            let here = inside.by_address.entry(address).or_default();
            if *here < self.most_per_address {
                *here += 1;
                room.address = Some(address);
            }
        }
        if room.address.is_some() { Ok(room) } else { Err(Full::ForAddress) }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut inside = lock(&self.inside);
        inside.all -= 1;
        if let Some(address) = self.address
            && let Some(here) = inside.by_address.get_mut(&address)
        {
            *here -= 1;
            if *here == 0 {
                inside.by_address.remove(&address);
            }
        }
    }
}

/// Nothing panics while the lock is held, so that a poisoned one is whole.
fn lock(inside: &Mutex<Inside>) -> MutexGuard<'_, Inside> {
    inside.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The address that stands for one connected party: an IPv6 network of 64 bits is usually one
/// machine or home.
pub fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn one_address_cannot_take_all_the_room() {
        let gate = Gate::new(3, 2);
        let first = gate.enter(ip("192.0.2.1")).expect("room");
        let second = gate.enter(ip("::ffff:192.0.2.1")).expect("room");
        assert_eq!(gate.enter(ip("192.0.2.1")).err(), Some(Full::ForAddress));
        let other = gate.enter(ip("192.0.2.2")).expect("room");
        assert_eq!(gate.enter(ip("192.0.2.3")).err(), Some(Full::Everywhere));
        drop((first, second, other));
        assert!(lock(&gate.inside).by_address.is_empty());
        assert!(gate.enter(ip("192.0.2.1")).is_ok());
    }

    #[test]
    fn a_balancer_takes_room_for_others() {
        let gate = Gate::new(2, 1);
        let first =
            gate.settle(gate.enter_unnamed().expect("room"), ip("192.0.2.1")).expect("room");
        let twice = gate.settle(gate.enter_unnamed().expect("room"), ip("192.0.2.1"));
        assert_eq!(twice.err(), Some(Full::ForAddress));
        let unnamed = gate.enter_unnamed().expect("the one that was refused gave its room back");
        assert_eq!(gate.enter_unnamed().err(), Some(Full::Everywhere));
        drop((first, unnamed));
        assert_eq!(lock(&gate.inside).all, 0);
        assert!(lock(&gate.inside).by_address.is_empty());
    }

    #[test]
    fn a_network_of_64_bits_counts_as_one() {
        let gate = Gate::new(9, 1);
        let _one = gate.enter(ip("2001:db8::1")).expect("room");
        assert_eq!(gate.enter(ip("2001:db8::ffff:2")).err(), Some(Full::ForAddress));
        assert!(gate.enter(ip("2001:db8:0:1::1")).is_ok());
    }
}
