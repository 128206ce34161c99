//! The viewer's part of transport-wide feedback: which packet of all arrived when.

use std::time::{Duration, Instant};

use congestion::arrivals::{self, Arrivals};

use super::feedback;
use crate::rtp::Packet;

/// What arrived, and when to tell.
pub struct TransportWide {
    /// The header extension that numbers the packets.
    id: u8,
    arrivals: Arrivals,
    next: Instant,
}

impl TransportWide {
    /// Nothing has arrived yet.
    pub fn new(now: Instant, id: u8) -> Self {
        Self {
            id,
            arrivals: Arrivals::new(now),
            next: now + arrivals::INTERVAL,
        }
    }

    /// Takes note of a packet.
    pub fn note(&mut self, at: Instant, packet: &Packet<'_>) {
        if let Some(&[high, low]) = packet.extension(self.id) {
            self.arrivals.received(at, u16::from_be_bytes([high, low]));
        }
    }

    /// The feedback that is due: one packet, where not a great many arrived.
    pub fn due(&mut self, now: Instant, ssrc: u32) -> Vec<Vec<u8>> {
        if now < self.next {
            return Vec::new();
        }
        self.next = now + arrivals::INTERVAL;
        std::iter::from_fn(|| self.arrivals.poll())
            .map(|feedback| feedback::transport_wide(ssrc, &feedback))
            .collect()
    }
}

/// One moment on both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// The one that decisions are told.
    pub instant: Instant,
    /// The one that the kernel notes arrivals with, since the Unix epoch.
    pub wall: Duration,
}

impl Clock {
    /// What the first clock showed when the other showed this. Nothing is before the moment that is known.
    pub fn instant(&self, wall: Duration) -> Instant {
        self.instant + wall.saturating_sub(self.wall)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_once_in_an_interval() {
        let start = Instant::now();
        let mut wide = TransportWide::new(start, 6);
        let mut packet = vec![0x90, 102, 0, 1, 0, 0, 0, 9, 0, 0, 0, 7];
        packet.extend([0xbe, 0xde, 0, 1, 6 << 4 | 1, 0x12, 0x34, 0]);
        let at = start + arrivals::INTERVAL;
        assert!(wide.due(at, 7).is_empty(), "nothing has arrived");
        wide.note(start, &Packet::parse(&packet).unwrap());
        assert!(wide.due(at, 7).is_empty());
        let later = at + arrivals::INTERVAL;
        let [feedback] = &wide.due(later, 7)[..] else {
            panic!("one packet for one interval");
        };
        // RFC 4585 §6.1: format 15 of transport feedback; then the SSRCs and the first number.
        assert_eq!((feedback[0] & 0x1f, feedback[1]), (15, 205));
        assert_eq!(feedback[12..14], [0x12, 0x34]);
        assert!(wide.due(later, 7).is_empty());
    }
}
