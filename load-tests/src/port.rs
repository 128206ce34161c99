//! A UDP socket with GRO, GSO and large buffers, registered with mio.

use std::io;
use std::net::{IpAddr, SocketAddr};

use mio::net::UdpSocket;
use nix::sys::socket::{setsockopt, sockopt::RcvBufForce};
use quinn_udp::{Transmit, UdpSockRef, UdpSocketState};

use crate::inbox::{Datagram, Inbox};

/// What the kernel may queue per socket: several keyframes of a 4K lesson.
const BUFFER_BYTES: usize = 4 << 20;
/// Bytes of one GSO call: the largest UDP payload.
const MAX_RUN_BYTES: usize = 65_507;

/// The socket.
pub struct Port {
    socket: UdpSocket,
    state: UdpSocketState,
    address: SocketAddr,
}

impl Port {
    /// Binds any free port of `ip`.
    pub fn bind(ip: IpAddr) -> io::Result<Self> {
        Self::bind_to((ip, 0).into())
    }

    /// Binds `address`.
    pub fn bind_to(address: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind(address)?;
        let state = UdpSocketState::new((&socket).into())?;
        // Beyond the kernel's limit where that is allowed (CAP_NET_ADMIN), up to it elsewhere.
        if setsockopt(&socket, RcvBufForce, &BUFFER_BYTES).is_err() {
            let _ = state.set_recv_buffer_size((&socket).into(), BUFFER_BYTES);
        }
        let _ = state.set_send_buffer_size((&socket).into(), BUFFER_BYTES);
        let address = socket.local_addr()?;
        Ok(Self {
            socket,
            state,
            address,
        })
    }

    /// The address it is bound to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What to register for readiness.
    pub fn source(&mut self) -> &mut UdpSocket {
        &mut self.socket
    }

    /// Hands every waiting datagram to `each`.
    pub fn drain(&self, inbox: &mut Inbox, each: impl FnMut(Datagram<'_>)) -> io::Result<()> {
        inbox.drain(&self.state, &self.socket, each)
    }

    /// Sends one datagram. UDP may lose it; so may a full buffer.
    pub fn send(&self, to: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        self.socket.send_to(bytes, to).map(drop)
    }

    /// Sends packets of `size` bytes each (the last may be shorter) with as few GSO calls as the kernel allows.
    pub fn send_run(&self, to: SocketAddr, run: &[u8], size: usize) -> io::Result<()> {
        let segments = self
            .state
            .max_gso_segments()
            .min(MAX_RUN_BYTES / size)
            .max(1);
        for contents in run.chunks(segments * size) {
            let transmit = Transmit {
                destination: to,
                ecn: None,
                contents,
                segment_size: Some(size),
                src_ip: None,
            };
            self.state
                .try_send(UdpSockRef::from(&self.socket), &transmit)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use mio::{Events, Interest, Poll, Token};

    use super::*;

    #[test]
    fn a_run_arrives_as_its_packets() {
        let mut receiver = Port::bind("127.0.0.1".parse().unwrap()).unwrap();
        let sender = Port::bind("127.0.0.1".parse().unwrap()).unwrap();
        let mut poll = Poll::new().unwrap();
        poll.registry()
            .register(receiver.source(), Token(0), Interest::READABLE)
            .unwrap();
        let run = vec![7; 1200 * 130 + 100];
        sender.send_run(receiver.address(), &run, 1200).unwrap();
        let mut sizes = Vec::new();
        let mut events = Events::with_capacity(4);
        let mut inbox = Inbox::default();
        while sizes.len() < 131 {
            poll.poll(&mut events, None).unwrap();
            receiver
                .drain(&mut inbox, |datagram| {
                    assert_eq!(datagram.from, sender.address());
                    sizes.push(datagram.bytes.len());
                })
                .unwrap();
        }
        assert_eq!(sizes.pop(), Some(100));
        assert!(sizes.iter().all(|size| *size == 1200));
    }
}
