//! A worker's UDP sockets: runs of equal datagrams leave with one call where the way takes them.

use std::collections::HashSet;
use std::io;
use std::net::{SocketAddr, UdpSocket};

use quinn_udp::{Transmit, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};

/// Asked of the kernel for each direction; it may give less. A 4K keyframe for 300 viewers is 150 MB, so the send side only evens out bursts.
const SOCKET_BUFFER: usize = 8 << 20;

/// Destinations remembered as taking no runs; beyond, they are found out anew.
const MAX_SINGLY: usize = 4_096;

/// A socket.
#[derive(Debug)]
pub struct Port {
    /// The socket itself.
    pub socket: UdpSocket,
    /// What its system can do.
    pub state: UdpSocketState,
    /// Where it receives.
    pub address: SocketAddr,
    /// Segments in a run, as far as the socket is concerned.
    segments: usize,
    /// Destinations whose way takes no runs: a tunnel, or an interface with a smaller MTU.
    singly: HashSet<SocketAddr>,
}

impl Port {
    /// Opens a socket; port 0 takes a free one.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::DGRAM,
            Some(Protocol::UDP),
        )?;
        if address.is_ipv6() {
            // IPv4 has a socket of its own where it is wanted.
            socket.set_only_v6(true)?;
        }
        socket.bind(&address.into())?;
        let socket: UdpSocket = socket.into();
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        // The kernel's limits may be lower: then bursts are cut earlier, which the counters show.
        let _ = state.set_recv_buffer_size(UdpSockRef::from(&socket), SOCKET_BUFFER);
        let _ = state.set_send_buffer_size(UdpSockRef::from(&socket), SOCKET_BUFFER);
        let address = socket.local_addr()?;
        Ok(Self {
            segments: state.max_gso_segments().max(1),
            socket,
            state,
            address,
            singly: HashSet::new(),
        })
    }

    /// Returns how many runs could not be sent.
    pub fn send(&mut self, to: SocketAddr, mut contents: &[u8], segment: usize) -> u64 {
        let mut failures = 0;
        while !contents.is_empty() {
            let segments = match self.singly.contains(&to) {
                true => 1,
                false => self.segments,
            };
            let (run, rest) = contents.split_at((segment * segments).clamp(1, contents.len()));
            if self.transmit(to, run, segment).is_ok() {
                contents = rest;
                continue;
            }
            if self.recover() && run.len() > segment {
                // Perhaps it was the run that its way did not take: once more, one by one.
                if self.singly.len() == MAX_SINGLY {
                    self.singly.clear();
                }
                self.singly.insert(to);
            } else {
                failures += 1;
                contents = rest;
            }
        }
        failures
    }

    /// quinn-udp takes any EINVAL and EIO for a system without segmentation offload and gives it up for the whole socket. But
    /// they may come from one destination, and any client can be one: port 0 is enough. Returns whether it had given up.
    fn recover(&mut self) -> bool {
        let has_given_up = self.state.max_gso_segments() < self.segments;
        if has_given_up && let Ok(state) = UdpSocketState::new(UdpSockRef::from(&self.socket)) {
            self.state = state;
        }
        has_given_up
    }

    fn transmit(&self, to: SocketAddr, contents: &[u8], segment: usize) -> io::Result<()> {
        let segment_size = (contents.len() > segment).then_some(segment);
        let transmit = Transmit {
            destination: to,
            ecn: None,
            contents,
            segment_size,
            src_ip: None,
        };
        self.state
            .try_send(UdpSockRef::from(&self.socket), &transmit)
    }
}
