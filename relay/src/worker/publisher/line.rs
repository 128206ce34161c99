//! What is told of a publisher's line once a second.

use std::time::{Duration, Instant};

use relay_core::line::{Hop, Reading};

use super::Publisher;

/// Totals at the last reading.
#[derive(Debug, Default)]
pub struct Totals {
    packets: u64,
    bytes: u64,
    lost: u64,
    repaired: u64,
    given_up: u64,
}

impl Publisher {
    /// The last second's line.
    pub fn reading(&mut self, now: Instant, silence: Duration) -> Reading {
        let mut totals = Totals {
            packets: self.received.0,
            bytes: self.received.1,
            ..Totals::default()
        };
        let (mut jitter, mut round_trip) = (None, None);
        for source in &mut self.sources {
            let nack = source.receiver.nack();
            totals.given_up += nack.given_up();
            totals.repaired += source.receiver.repaired;
            round_trip = round_trip.max(nack.round_trip());
            if let Some(reception) = source.receiver.reception() {
                totals.lost += reception.lost();
                jitter = jitter.max(Some(reception.jitter()));
            }
        }
        // Packets that came back were lost before that.
        totals.lost += totals.repaired;
        let before = std::mem::replace(&mut self.totals, totals);
        let totals = &self.totals;
        Reading {
            at: now,
            session: self.key,
            packets: totals.packets.saturating_sub(before.packets),
            bytes: totals.bytes.saturating_sub(before.bytes),
            lost: totals.lost.saturating_sub(before.lost),
            resent: totals.repaired.saturating_sub(before.repaired),
            round_trip,
            jitter,
            estimate: None,
            silence: Some(silence),
            hop: Hop::Uplink {
                unrepaired: totals.given_up.saturating_sub(before.given_up),
            },
        }
    }
}
