//! How often and how fast one packet is sent again.

use std::time::{Duration, Instant};

use crate::key::Kind;

/// Times one packet is sent again.
pub(super) const MAX_RESENDS: u8 = 8;
/// Shortest time between two sendings of one packet.
pub(super) const RESEND_INTERVAL: Duration = Duration::from_millis(15);

/// The repeated sendings of a slot's latest packets. Memory comes with the first loss.
#[derive(Debug)]
pub(super) struct Resends {
    places: usize,
    memory: Option<Box<[Option<Resend>]>>,
}

#[derive(Debug, Clone, Copy)]
struct Resend {
    index: u64,
    latest: Instant,
    count: u8,
}

impl Resends {
    /// As many packets are remembered as are kept of a layer, so that no two of them share a place.
    pub fn new(kind: Kind) -> Self {
        let places = match kind {
            Kind::Video => 2_048,
            Kind::Audio => 256,
        };
        Self {
            places,
            memory: None,
        }
    }

    /// How many copies of the packet may be sent again now, which then counts as done: one, and two from the second time on, for on a
    /// line that lost the packet and its first repetition another round trip is too late.
    pub fn allow(&mut self, now: Instant, index: u64) -> u8 {
        let memory = self
            .memory
            .get_or_insert_with(|| vec![None; self.places].into_boxed_slice());
        let place = &mut memory[index as usize % self.places];
        match place {
            // Going back would forget the newer packet's count, and two that take turns could be had without end.
            Some(resend) if resend.index > index => 0,
            Some(resend) if resend.index == index => {
                let since = now.saturating_duration_since(resend.latest);
                let allowed = since >= RESEND_INTERVAL && resend.count < MAX_RESENDS;
                if allowed {
                    resend.latest = now;
                    resend.count += 1;
                }
                2 * u8::from(allowed)
            }
            _ => {
                *place = Some(Resend {
                    index,
                    latest: now,
                    count: 1,
                });
                1
            }
        }
    }
}
