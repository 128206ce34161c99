//! Sealed packets of equal size, gathered for one GSO call.

use std::net::SocketAddr;

use super::session::Outlet;

/// Bytes of one GSO call.
const MAX_BYTES: usize = 60_000;

/// Packets that wait for others.
#[derive(Debug, Default)]
pub struct Burst {
    bytes: Vec<u8>,
    size: usize,
    packets: u64,
}

impl Burst {
    /// Adds a packet, after sending what it does not go with. Gives the number of packets that could not be sent.
    pub fn push(&mut self, to: SocketAddr, sealed: &[u8], outlet: &mut impl Outlet) -> u64 {
        let mut unsent = 0;
        // The last packet of a run may be shorter than the others, and ends it.
        let fits = self.bytes.len() + sealed.len() <= MAX_BYTES && sealed.len() <= self.size;
        if !fits {
            unsent += self.flush(to, outlet);
        }
        if self.packets == 0 {
            self.size = sealed.len();
        }
        self.bytes.extend_from_slice(sealed);
        self.packets += 1;
        if sealed.len() < self.size {
            unsent += self.flush(to, outlet);
        }
        unsent
    }

    /// Sends what waits. Gives the number of packets that could not be sent.
    pub fn flush(&mut self, to: SocketAddr, outlet: &mut impl Outlet) -> u64 {
        let packets = std::mem::take(&mut self.packets);
        if packets == 0 {
            return 0;
        }
        let sent = outlet.send(to, &self.bytes, self.size);
        self.bytes.clear();
        match sent {
            Ok(()) => 0,
            Err(_) => packets,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use super::*;

    #[derive(Default)]
    struct Calls(Vec<(usize, usize)>);

    impl Outlet for Calls {
        fn wall(&self) -> Duration {
            Duration::ZERO
        }

        fn send(&mut self, _: SocketAddr, packets: &[u8], segment: usize) -> io::Result<()> {
            self.0.push((packets.len(), segment));
            match segment {
                1 => Err(io::ErrorKind::WouldBlock.into()),
                _ => Ok(()),
            }
        }
    }

    #[test]
    fn a_shorter_packet_ends_a_run_and_a_longer_one_begins_another() {
        let (mut burst, mut calls) = (Burst::default(), Calls::default());
        let to = SocketAddr::from(([127, 0, 0, 1], 9));
        for size in [100, 100, 60, 30, 200, 200] {
            assert_eq!(burst.push(to, &vec![0; size], &mut calls), 0);
        }
        assert_eq!(burst.flush(to, &mut calls), 0);
        assert_eq!(burst.flush(to, &mut calls), 0);
        assert_eq!(calls.0, [(260, 100), (30, 30), (400, 200)]);
    }

    #[test]
    fn counts_what_is_not_taken_and_is_never_too_long() {
        let (mut burst, mut calls) = (Burst::default(), Calls::default());
        let to = SocketAddr::from(([127, 0, 0, 1], 9));
        burst.push(to, &[0], &mut calls);
        burst.push(to, &[0], &mut calls);
        assert_eq!(burst.flush(to, &mut calls), 2);
        for _ in 0..100 {
            burst.push(to, &[0; 1200], &mut calls);
        }
        burst.flush(to, &mut calls);
        assert_eq!(calls.0[1..], [(60_000, 1200), (60_000, 1200)]);
    }
}
