//! Receiving in batches: `recvmmsg` with GRO, and the kernel's own arrival times.

use std::io::{self, ErrorKind, IoSliceMut};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use quinn_udp::{RecvMeta, UdpSockRef, UdpSocketState};

/// Messages per system call.
const MESSAGES: usize = 8;
/// Bytes per message: the largest GRO list.
const MESSAGE_BYTES: usize = 65_536;

/// A received datagram.
#[derive(Debug)]
pub struct Datagram<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Who sent it.
    pub from: SocketAddr,
    /// When the kernel took it in, since the Unix epoch. Taken on loopback as the sender sends, so that the receiver's own
    /// scheduling does not count as delay.
    pub arrival: Duration,
}

/// Reusable memory for receiving; one serves all sockets of a thread.
pub struct Inbox {
    storage: Vec<u8>,
}

impl Default for Inbox {
    fn default() -> Self {
        Self {
            storage: vec![0; MESSAGES * MESSAGE_BYTES],
        }
    }
}

impl Inbox {
    /// Hands every waiting datagram to `each`; returns when the socket is empty.
    pub fn drain<S: AsFd>(
        &mut self,
        state: &UdpSocketState,
        socket: &S,
        mut each: impl FnMut(Datagram<'_>),
    ) -> io::Result<()> {
        loop {
            let mut meta = [RecvMeta::default(); MESSAGES];
            let received = {
                let mut slices = self
                    .storage
                    .chunks_exact_mut(MESSAGE_BYTES)
                    .map(IoSliceMut::new);
                let mut buffers: [IoSliceMut<'_>; MESSAGES] =
                    std::array::from_fn(|_| slices.next().expect("storage holds all messages"));
                state.recv(UdpSockRef::from(socket), &mut buffers, &mut meta)
            };
            let count = match received {
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                // An ICMP error of an earlier send; the next call reads on.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => continue,
                Err(error) => return Err(error),
            };
            for (message, meta) in self.storage.chunks_exact(MESSAGE_BYTES).zip(&meta[..count]) {
                let arrival = meta.timestamp.unwrap_or_else(unix_now);
                for bytes in message[..meta.len].chunks(meta.stride.max(1)) {
                    each(Datagram {
                        bytes,
                        from: meta.addr,
                        arrival,
                    });
                }
            }
        }
    }
}

/// The wall clock, since the Unix epoch.
pub fn unix_now() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}
