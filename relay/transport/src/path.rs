//! Where a datagram comes from, or goes to.

use std::fmt;
use std::net::SocketAddr;

/// One end of a way between a client and the relay: the client's, or as a candidate the relay's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    /// How datagrams travel.
    pub protocol: Protocol,
    /// The address at that end.
    pub address: SocketAddr,
}

/// How datagrams travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// As they are.
    Udp,
    /// Framed on a connection that the client opens (RFC 6544, RFC 4571).
    Tcp,
}

impl Path {
    /// Over UDP.
    #[must_use]
    pub const fn udp(address: SocketAddr) -> Self {
        Self {
            protocol: Protocol::Udp,
            address,
        }
    }

    /// Over the TCP connection from this address.
    #[must_use]
    pub const fn tcp(address: SocketAddr) -> Self {
        Self {
            protocol: Protocol::Tcp,
            address,
        }
    }
}

impl Protocol {
    /// As SDP candidates spell it, and a metric label value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.protocol.as_str(), self.address)
    }
}
