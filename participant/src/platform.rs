//! What lies under a participant: sockets, timers, the wall clock, and the way an offer travels.

mod sockets;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::SystemTime;

use url::Host;
use webrtc::runtime::Runtime;

use crate::Door;
use crate::signalling::Signalling;

/// What a participant stands on. The default is the real world; scenarios in virtual time replace it.
#[derive(Clone)]
pub struct Platform {
    /// Sockets, timers and tasks of the WebRTC library.
    pub runtime: Arc<dyn Runtime>,
    /// How an offer becomes an answer.
    pub signalling: Signalling,
    /// Which local addresses media uses.
    pub addresses: Addresses,
    /// The clock that capture times and one-way delays refer to.
    pub wall_clock: fn() -> SystemTime,
}

/// Which local addresses media uses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Addresses {
    /// Every interface; loopback too when the door is on this machine.
    #[default]
    Automatic,
    /// Exactly these; port 0 picks one.
    Only(Vec<SocketAddr>),
}

impl Addresses {
    /// What to bind for a session at `door`. The WebRTC library expands an unspecified address to the interfaces that
    /// exist, and leaves out loopback.
    pub(crate) fn for_door(&self, door: &Door) -> Vec<SocketAddr> {
        let any = |ip: IpAddr| SocketAddr::new(ip, 0);
        match self {
            Addresses::Only(addresses) => addresses.clone(),
            Addresses::Automatic => {
                let mut addresses = match door.url.host() {
                    Some(Host::Ipv4(ip)) if ip.is_loopback() => vec![any(ip.into())],
                    Some(Host::Ipv6(ip)) if ip.is_loopback() => vec![any(ip.into())],
                    Some(Host::Domain("localhost")) => {
                        vec![any(Ipv4Addr::LOCALHOST.into())]
                    }
                    _ => Vec::new(),
                };
                addresses.push(any(Ipv4Addr::UNSPECIFIED.into()));
                if has_ipv6() {
                    addresses.push(any(Ipv6Addr::UNSPECIFIED.into()));
                }
                addresses
            }
        }
    }
}

/// Whether the machine has an IPv6 route; without one the library would bind `[::]` itself and offer a candidate that no one
/// can use. Connecting a UDP socket sends nothing.
fn has_ipv6() -> bool {
    // RFC 3849 §2: an address for documentation, covered by any default route.
    let documentation = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
    std::net::UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))
        .and_then(|socket| socket.connect((documentation, 9)))
        .is_ok()
}

impl Default for Platform {
    fn default() -> Self {
        Self {
            runtime: Arc::new(sockets::LargeBuffers::default()),
            signalling: Signalling::Http,
            addresses: Addresses::Automatic,
            wall_clock: SystemTime::now,
        }
    }
}

impl fmt::Debug for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Platform")
            .field("runtime", &self.runtime.name())
            .field("signalling", &self.signalling)
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(url: &str) -> Vec<SocketAddr> {
        Addresses::Automatic.for_door(&Door::new(url.parse().unwrap()))
    }

    #[test]
    fn loopback_is_used_only_towards_this_machine() {
        let loopback = |addresses: Vec<SocketAddr>| addresses.iter().any(|a| a.ip().is_loopback());
        assert!(loopback(addresses(
            "http://127.0.0.1:8080/whip/demo/camera"
        )));
        assert!(loopback(addresses("http://localhost/whip/demo/camera")));
        assert!(loopback(addresses("http://[::1]/whip/demo/camera")));
        assert!(!loopback(addresses(
            "https://relay.example/whip/demo/camera"
        )));
    }
}
