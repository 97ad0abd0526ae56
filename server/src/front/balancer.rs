//! For whom a balancer connects, as it says by the PROXY protocol, version 2.
//!
//! Only the addresses in the setting `balancers` are asked, and each of their connections must
//! begin with it: a client cannot put a word of its own in front when its balancer says nothing.
//! From all others it is not a beginning of anything.

use std::io;
use std::net::SocketAddr;

use ppp::v2::{Addresses, Command, Header};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

/// What every header has, in bytes; its last two say how many follow.
const FIXED: usize = 16;

/// The most that may follow, in bytes: two addresses and some details.
const LONGEST: usize = 1024;

/// The client that the balancer connects for; the balancer itself when it connects to see whether
/// the server is well. The caller sets the time-out.
pub(super) async fn client(stream: &mut TcpStream, balancer: SocketAddr) -> io::Result<SocketAddr> {
    let mut header = vec![0; FIXED];
    stream.read_exact(&mut header).await?;
    if !header.starts_with(ppp::v2::PROTOCOL_PREFIX) {
        return Err(unfit(
            "a balancer does not say for whom it connects: let it speak version 2 of the PROXY \
             protocol",
        ));
    }
    let more = usize::from(u16::from_be_bytes([header[FIXED - 2], header[FIXED - 1]]));
    if more > LONGEST {
        return Err(unfit("a balancer says too much"));
    }
    header.resize(FIXED + more, 0);
    stream.read_exact(&mut header[FIXED..]).await?;
    said(&header, balancer)
}

fn said(header: &[u8], balancer: SocketAddr) -> io::Result<SocketAddr> {
    let header = Header::try_from(header).map_err(|_| unfit("what a balancer says is damaged"))?;
    match (header.command, header.addresses) {
        (Command::Local, _) => Ok(balancer),
        (Command::Proxy, Addresses::IPv4(pair)) => {
            Ok((pair.source_address, pair.source_port).into())
        }
        (Command::Proxy, Addresses::IPv6(pair)) => {
            Ok((pair.source_address, pair.source_port).into())
        }
        (Command::Proxy, Addresses::Unspecified | Addresses::Unix(_)) => {
            Err(unfit("a balancer connects for something that is no address"))
        }
    }
}

fn unfit(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn balancer() -> SocketAddr {
        "192.0.2.9:1".parse().expect("an address")
    }

    /// A header with this command and family, and these bytes after the fixed part.
    fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).expect("short").to_be_bytes();
        [ppp::v2::PROTOCOL_PREFIX, &[0x20 | command, family], &length, rest].concat()
    }

    #[test]
    fn a_balancer_says_for_whom_it_connects() {
        let four = [198, 51, 100, 7, 192, 0, 2, 9, 0x10, 0x00, 0x1d, 0x13];
        let client: SocketAddr = "198.51.100.7:4096".parse().expect("an address");
        assert_eq!(said(&header(1, 0x11, &four), balancer()).expect("said"), client);
        // Details may follow, and mean nothing here.
        let detailed = [&four[..], &[0x04, 0x00, 0x01, 0x2a]].concat();
        assert_eq!(said(&header(1, 0x11, &detailed), balancer()).expect("said"), client);
        let mut six = [0; 36];
        (six[0], six[1], six[15], six[33]) = (0x20, 0x01, 0x05, 0x50);
        let client: SocketAddr = "[2001::5]:80".parse().expect("an address");
        assert_eq!(said(&header(1, 0x21, &six), balancer()).expect("said"), client);
        // It looks after the server's health.
        assert_eq!(said(&header(0, 0x00, &[]), balancer()).expect("said"), balancer());
    }

    #[test]
    fn what_says_nothing_is_refused() {
        let four = [198, 51, 100, 7, 192, 0, 2, 9, 0x10, 0x00, 0x1d, 0x13];
        for damaged in [
            header(1, 0x00, &[]),
            header(1, 0x31, &[0; 216]),
            header(1, 0x11, &four[..11]),
            header(2, 0x11, &four),
            header(1, 0x41, &four),
            header(1, 0x11, &four)[..20].to_vec(),
        ] {
            assert!(said(&damaged, balancer()).is_err(), "{damaged:?}");
        }
    }

    proptest! {
        #[test]
        fn no_header_panics(command in 0u8..16, family: u8, rest in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = said(&header(command, family, &rest), balancer());
        }
    }
}
