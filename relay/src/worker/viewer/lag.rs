//! A slot that is behind what its source sends: where it goes on in the packets that are kept, and when it gives up.

use std::time::{Duration, Instant};

use relay_core::packet::{Packet, Space};

/// How far a slot may be behind before it skips to the next keyframe: within a lesson, later is no use.
const MAX_LAG: Duration = Duration::from_millis(800);
/// The same in the middle of a frame, which would be lost with what was sent of it.
const MAX_LAG_IN_FRAME: Duration = Duration::from_secs(3);

/// How far it may be behind with a layer that it is about to leave: what is left of that only keeps the next one waiting.
const MAX_LAG_LEAVING: Duration = Duration::from_millis(50);

/// Where a slot goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lag {
    /// Whose packets.
    pub space: Space,
    /// The next one to be sent.
    pub next: u64,
    /// How far behind it began.
    head_start: Duration,
}

impl Lag {
    /// The slot cannot send this packet yet.
    pub fn at(packet: &Packet) -> Self {
        Self {
            space: packet.space,
            next: packet.sequence,
            head_start: Duration::ZERO,
        }
    }

    /// The slot starts with this packet, which came some time ago.
    pub fn from(now: Instant, packet: &Packet) -> Self {
        Self {
            head_start: now.saturating_duration_since(packet.arrived),
            ..Self::at(packet)
        }
    }

    /// Whether the packet's turn has not come yet: it is found where the others are kept.
    pub fn covers(&self, packet: &Packet) -> bool {
        packet.space == self.space && packet.sequence >= self.next
    }

    /// Whether what is left of a layer that the slot leaves is not worth sending any more.
    pub fn is_superseded(&self, now: Instant, packet: &Packet) -> bool {
        now.saturating_duration_since(packet.arrived) > MAX_LAG_LEAVING
    }

    /// Whether what is left is not worth sending any more. `starts` tells that the packet begins a frame.
    pub fn is_hopeless(&self, now: Instant, packet: &Packet, starts: bool) -> bool {
        let behind = now.saturating_duration_since(packet.arrived);
        let limit = if starts { MAX_LAG } else { MAX_LAG_IN_FRAME };
        behind > self.head_start + limit
    }
}

/// How long a slot that gave up waits before it asks for a keyframe: a line that is always too slow must not make the publisher send
/// one keyframe after the other to everybody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Patience {
    until: Option<Instant>,
    wait: Duration,
}

impl Patience {
    const MIN: Duration = Duration::from_secs(1);
    const MAX: Duration = Duration::from_secs(8);

    /// The slot gave up.
    pub fn lost(&mut self, now: Instant) {
        // Whoever managed without for as long again begins anew.
        let lately = self.until.is_some_and(|until| now < until + 2 * self.wait);
        self.wait = match lately {
            true => (self.wait * 2).min(Self::MAX),
            false => Self::MIN,
        };
        self.until = Some(now + self.wait);
    }

    /// Whether the slot may ask now.
    pub fn may_ask(&self, now: Instant) -> bool {
        self.until.is_none_or(|until| now >= until)
    }
}

/// What a client's own keyframe requests may cost: some at once, as after an outage, and one every other second for ever.
#[derive(Debug, Clone, Copy, Default)]
pub struct Requests {
    /// When everything that was spent will have been earned again.
    paid: Option<Instant>,
}

impl Requests {
    const EACH: Duration = Duration::from_secs(2);
    const MOST: u32 = 5;

    /// Whether one more is followed.
    pub fn spend(&mut self, now: Instant) -> bool {
        let paid = self.paid.map_or(now, |paid| paid.max(now)) + Self::EACH;
        let allowed = paid <= now + Self::EACH * Self::MOST;
        if allowed {
            self.paid = Some(paid);
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_requests_costs_one_every_other_second() {
        let start = Instant::now();
        let mut requests = Requests::default();
        let followed = (0..60_000)
            .filter(|ms| requests.spend(start + Duration::from_millis(*ms)))
            .count();
        assert_eq!(followed, 34);
    }

    #[test]
    fn a_slot_that_gives_up_again_and_again_asks_less_often() {
        let mut now = Instant::now();
        let mut patience = Patience::default();
        assert!(patience.may_ask(now));
        let mut waits = Vec::new();
        for _ in 0..6 {
            patience.lost(now);
            let begun = now;
            while !patience.may_ask(now) {
                now += Duration::from_millis(100);
            }
            waits.push((now - begun).as_secs());
        }
        assert_eq!(waits, [1, 2, 4, 8, 8, 8]);
        now += Duration::from_secs(60);
        patience.lost(now);
        assert!(patience.may_ask(now + Patience::MIN));
    }
}
