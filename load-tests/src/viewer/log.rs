//! What an attentive viewer received, packet by packet.

use std::time::Instant;

use super::track::Incoming;
use crate::publisher::mark;

/// The longest log: ten minutes of 30 Mbit/s.
const MAX_SIGHTINGS: usize = 2_000_000;

/// A packet that was received and opened, repairs by the number they have on their track.
#[derive(Debug, Clone, Copy)]
pub struct Sighting {
    /// When.
    pub at: Instant,
    /// The SSRC of its track.
    pub ssrc: u32,
    /// Its sequence number on its track.
    pub sequence: u16,
    /// Its timestamp, in ticks of the codec's clock.
    pub timestamp: u32,
    /// Which layer it is from, 0 the best; only of layers that this program published.
    pub layer: Option<u8>,
}

impl Sighting {
    pub(super) fn of(at: Instant, ssrc: u32, incoming: &Incoming<'_>, payload: &[u8]) -> Self {
        Self {
            at,
            ssrc,
            sequence: incoming.sequence,
            timestamp: incoming.packet.timestamp(),
            layer: mark::layer(payload),
        }
    }
}

/// A log that ends when it is full.
#[derive(Debug, Clone, Default)]
pub struct Log {
    sightings: Vec<Sighting>,
}

impl Log {
    /// In the order in which they came.
    pub fn sightings(&self) -> &[Sighting] {
        &self.sightings
    }

    /// Whether it was too short for what came.
    pub fn is_full(&self) -> bool {
        self.sightings.len() == MAX_SIGHTINGS
    }

    pub(super) fn keep(&mut self, sighting: Sighting) {
        if !self.is_full() {
            self.sightings.push(sighting);
        }
    }
}
