//! The send buffer: packets are written and sealed where they are sent from, and leave in runs of equal size (UDP GSO).

use relay_transport::Path;

/// Where datagrams go: a socket, or a simulated network.
pub trait Outlet {
    /// Sends `contents`, datagrams of `segment` bytes each of which the last may be shorter, to `to`.
    fn send(&mut self, to: Path, contents: &[u8], segment: usize);
}

/// Room for one packet with header extensions and SRTP's overhead.
pub const MAX_PACKET: usize = 2_048;
/// Largest number of segments in a run (Linux: UDP_MAX_SEGMENTS was 64 before 6.9).
const MAX_SEGMENTS: usize = 64;
/// Largest run in bytes: an IPv4 datagram's payload.
const MAX_RUN: usize = 65_507;
/// Written without being reset; a multiple of a run, so that the tail that cannot be used is short.
const CAPACITY: usize = 4 * 65_536;

/// Collects packets to one destination into runs.
#[derive(Debug)]
pub struct SendBuffer {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
    segment: usize,
}

impl SendBuffer {
    /// An empty buffer.
    pub fn new() -> Self {
        Self {
            bytes: vec![0; CAPACITY].into_boxed_slice(),
            start: 0,
            end: 0,
            segment: 0,
        }
    }

    /// Lets `write` put one packet into at least [`MAX_PACKET`] bytes of room; it returns the packet's length, or `None` for no packet.
    /// Every packet between two calls of [`flush`](Self::flush) must be for the same `to`.
    pub fn push(
        &mut self,
        to: Path,
        outlet: &mut impl Outlet,
        write: impl FnOnce(&mut [u8]) -> Option<usize>,
    ) -> Option<usize> {
        if self.end + MAX_PACKET > self.bytes.len() {
            self.flush(to, outlet);
        }
        let len = write(&mut self.bytes[self.end..self.end + MAX_PACKET])?;
        let run = self.end - self.start;
        let fits = run == 0
            || len <= self.segment && run + len <= MAX_RUN && run < self.segment * MAX_SEGMENTS;
        if !fits {
            outlet.send(to, &self.bytes[self.start..self.end], self.segment);
            self.start = self.end;
        }
        if self.start == self.end {
            self.segment = len;
        }
        self.end += len;
        if len < self.segment {
            // A shorter segment can only be the last of its run.
            outlet.send(to, &self.bytes[self.start..self.end], self.segment);
            self.start = self.end;
        }
        Some(len)
    }

    /// Sends what is left.
    pub fn flush(&mut self, to: Path, outlet: &mut impl Outlet) {
        if self.start < self.end {
            outlet.send(to, &self.bytes[self.start..self.end], self.segment);
        }
        (self.start, self.end) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    #[derive(Default)]
    struct Runs(Vec<(usize, usize)>, Vec<u8>);

    impl Outlet for Runs {
        fn send(&mut self, _: Path, contents: &[u8], segment: usize) {
            self.0.push((contents.len(), segment));
            self.1
                .extend(contents.chunks(segment).map(|datagram| datagram[0]));
        }
    }

    fn runs(lens: &[usize]) -> Runs {
        let to = Path::udp(SocketAddr::from(([127, 0, 0, 1], 9)));
        let (mut buffer, mut runs) = (SendBuffer::new(), Runs::default());
        for (i, len) in lens.iter().enumerate() {
            buffer.push(to, &mut runs, |room| {
                room[0] = i as u8;
                Some(*len)
            });
        }
        buffer.flush(to, &mut runs);
        runs
    }

    #[test]
    fn a_frame_is_one_run_with_a_short_end() {
        assert_eq!(
            runs(&[1_200, 1_200, 700, 1_200]).0,
            [(3_100, 1_200), (1_200, 1_200)]
        );
    }

    #[test]
    fn a_longer_packet_begins_a_run() {
        assert_eq!(runs(&[700, 1_200]).0, [(700, 700), (1_200, 1_200)]);
    }

    #[test]
    fn runs_stay_within_what_a_kernel_takes() {
        let runs = runs(&[100; 200]);
        assert_eq!(
            runs.0,
            [(6_400, 100), (6_400, 100), (6_400, 100), (800, 100)]
        );
        let big = super::tests::runs(&[1_500; 300]);
        assert!(big.0.iter().all(|(len, _)| *len <= MAX_RUN));
        assert_eq!(big.0.iter().map(|(len, _)| len).sum::<usize>(), 300 * 1_500);
    }

    #[test]
    fn nothing_is_lost_or_swapped_when_the_buffer_wraps() {
        let lens: Vec<usize> = (0..250).map(|i| 1_200 - i % 3).collect();
        let order = runs(&lens).1;
        assert_eq!(order, (0..250).map(|i| i as u8).collect::<Vec<_>>());
    }

    #[test]
    fn a_packet_that_is_not_written_leaves_no_trace() {
        let to = Path::udp(SocketAddr::from(([127, 0, 0, 1], 9)));
        let (mut buffer, mut runs) = (SendBuffer::new(), Runs::default());
        assert_eq!(buffer.push(to, &mut runs, |_| None), None);
        buffer.flush(to, &mut runs);
        assert!(runs.0.is_empty());
    }
}
