//! A run of packets of one source under one offset.

use std::time::{Duration, Instant};

use super::Outgoing;
use crate::descriptor::Shift;
use crate::packet::{Packet, Space};
use crate::report::ticks;

/// A jump in the source's numbers that a viewer's SRTP could mistake for a wrap (RFC 3711 §3.3.1 allows 2¹⁵).
const MAX_JUMP: u64 = 1 << 14;
/// Two clocks of one publisher that differ by more than this tell nothing.
const MAX_SKEW: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, Copy)]
pub(super) struct Epoch {
    pub space: Space,
    pub layer: u8,
    pub first_in: u64,
    pub first_out: u64,
    /// One past the last number that is its own: the next epoch's first, or no bound yet.
    pub end_out: u64,
    pub timestamp_offset: u32,
    pub payload_type: u8,
    pub shift: Shift,
}

impl Epoch {
    /// Whether the packet goes on under this epoch, of which `next` is one past the highest number sent.
    pub fn carries(&self, packet: &Packet, payload_type: u8, next: u64) -> bool {
        self.space == packet.space
            && self.payload_type == payload_type
            && (packet.sequence < self.first_in || self.index(packet.sequence) < next + MAX_JUMP)
    }

    pub fn index(&self, sequence: u64) -> u64 {
        self.first_out + (sequence - self.first_in)
    }

    /// The source's number of an outgoing packet, if it is of this epoch.
    pub fn sequence(&self, index: u64) -> Option<u64> {
        (self.first_out..self.end_out)
            .contains(&index)
            .then(|| self.first_in + (index - self.first_out))
    }

    pub fn outgoing(&self, sequence: u64, timestamp: u32) -> Outgoing {
        Outgoing {
            index: self.index(sequence),
            timestamp: timestamp.wrapping_add(self.timestamp_offset),
            payload_type: self.payload_type,
            shift: self.shift,
        }
    }
}

/// The newest packet that left.
#[derive(Debug, Clone, Copy)]
pub(super) struct Latest {
    pub arrived: Instant,
    pub timestamp: u32,
    pub ends_frame: bool,
}

impl Latest {
    /// A timestamp for the first packet of another source, and never one that stands still or goes back. `aligned` is what the
    /// clocks of two layers say; unrelated sources go on by the time that passed.
    pub fn follow(self, packet: &Packet, clock_rate: u32, aligned: Option<u32>) -> u32 {
        let elapsed = packet.arrived.saturating_duration_since(self.arrived);
        let by_time = self.timestamp.wrapping_add(ticks(elapsed, clock_rate));
        let close = |other: &u32| {
            other.wrapping_sub(by_time).cast_signed().unsigned_abs() < ticks(MAX_SKEW, clock_rate)
        };
        let timestamp = aligned.filter(close).unwrap_or(by_time);
        let ahead = timestamp.wrapping_sub(self.timestamp).cast_signed();
        self.timestamp.wrapping_add(ahead.max(1).cast_unsigned())
    }
}
