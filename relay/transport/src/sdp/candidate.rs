//! Host candidates as SDP spells them (RFC 8839 §5.1, RFC 6544 §4.5).

use std::fmt;
use std::net::SocketAddr;

use crate::{Path, Protocol};

/// RFC 8445 §5.1.2.2.
const UDP_HOST: u32 = 126;
/// Below every kind of UDP candidate that browsers have, so that TCP is what remains when UDP does not get through
/// (RFC 6544 §4.2).
const TCP_HOST: u32 = 90;
/// The share of a local preference that comes from the direction, and its value for passive host candidates (RFC 6544 §4.2).
const DIRECTION: u32 = 1 << 13;
const PASSIVE: u32 = 4;

/// The value of `a=candidate` for the candidate at this place of a list.
pub(super) struct Candidate(pub u32, pub Path);

/// What goes into `m=` and `c=`: the default candidate of an ICE-lite agent is a real one (RFC 8839 §4.2.2). A TCP one would
/// need another protocol in the m-line than the one offered.
pub(super) fn default(candidates: &[Path]) -> Option<SocketAddr> {
    let default = candidates
        .iter()
        .find(|candidate| candidate.protocol == Protocol::Udp);
    default.map(|candidate| candidate.address)
}

impl Candidate {
    /// RFC 8445 §5.1.2.1, for component 1.
    fn priority(&self) -> u32 {
        let Self(place, path) = self;
        let (kind, local) = match path.protocol {
            Protocol::Udp => (UDP_HOST, 65_535_u32.saturating_sub(*place)),
            Protocol::Tcp => (
                TCP_HOST,
                DIRECTION * PASSIVE + (DIRECTION - 1).saturating_sub(*place),
            ),
        };
        (kind << 24) | (local << 8) | 255
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(place, Path { protocol, address }) = self;
        let (foundation, name, priority) = (place + 1, protocol.as_str(), self.priority());
        let (ip, port) = (address.ip(), address.port());
        write!(f, "{foundation} 1 {name} {priority} {ip} {port} typ host")?;
        match protocol {
            Protocol::Udp => Ok(()),
            Protocol::Tcp => f.write_str(" tcptype passive"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tcp_comes_after_every_kind_of_udp_candidate() {
        let address = "192.0.2.7:7000".parse().unwrap();
        let candidates = [
            Candidate(0, Path::udp(address)),
            Candidate(1, Path::tcp(address)),
            Candidate(2, Path::tcp(address)),
        ];
        assert_eq!(
            candidates.each_ref().map(Candidate::to_string),
            [
                "1 1 udp 2130706431 192.0.2.7 7000 typ host",
                "2 1 tcp 1520434943 192.0.2.7 7000 typ host tcptype passive",
                "3 1 tcp 1520434687 192.0.2.7 7000 typ host tcptype passive",
            ]
        );
        // The lowest that a server-reflexive UDP candidate has (RFC 8445 §5.1.2.2).
        assert!(candidates[1].priority() < 100 << 24);
    }

    #[test]
    fn the_default_candidate_is_never_tcp() {
        let [tcp, udp] =
            ["192.0.2.7:443", "192.0.2.7:7000"].map(|address| address.parse().unwrap());
        assert_eq!(default(&[Path::tcp(tcp)]), None);
        assert_eq!(default(&[Path::tcp(tcp), Path::udp(udp)]), Some(udp));
    }
}
