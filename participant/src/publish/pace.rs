//! How many video packets leave per step, so that a keyframe is no burst that a switch or a receiver drops.

use std::time::{Duration, Instant};

/// Between two steps; browsers use the same.
pub(super) const STEP: Duration = Duration::from_millis(5);
/// A step always takes this many packets: a 4K keyframe of 518 packets is out after 45 ms.
const MIN_PACKETS: usize = 64;
/// Video may leave this many times faster than it is made.
const HEADROOM: f64 = 2.5;
/// What is waiting is gone after this many steps, however much it is: 100 ms.
const CATCH_UP_STEPS: usize = 20;
/// The rate is measured over this long.
const WINDOW: Duration = Duration::from_millis(500);
/// Bytes of a full packet.
const PACKET: f64 = 1_200.0;

#[derive(Debug)]
pub(super) struct Pacer {
    /// Bytes per second.
    rate: f64,
    window_start: Instant,
    window_bytes: usize,
}

impl Pacer {
    /// `bitrate` in bits per second, until the true one is known.
    pub(super) fn new(now: Instant, bitrate: u64) -> Self {
        Self {
            rate: bitrate as f64 / 8.0,
            window_start: now,
            window_bytes: 0,
        }
    }

    /// A frame of this many bytes is about to be sent.
    pub(super) fn on_frame(&mut self, now: Instant, bytes: usize) {
        let elapsed = now.saturating_duration_since(self.window_start);
        if elapsed >= WINDOW {
            let measured = self.window_bytes as f64 / elapsed.as_secs_f64();
            self.rate = (self.rate + measured) / 2.0;
            self.window_start = now;
            self.window_bytes = 0;
        }
        self.window_bytes += bytes;
    }

    /// Packets that may leave in this step, of `waiting` ones.
    pub(super) fn allowance(&self, waiting: usize) -> usize {
        let by_rate = (self.rate * HEADROOM * STEP.as_secs_f64() / PACKET).ceil() as usize;
        by_rate
            .max(MIN_PACKETS)
            .max(waiting.div_ceil(CATCH_UP_STEPS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_4k_keyframe_leaves_in_several_steps() {
        let pacer = Pacer::new(Instant::now(), 20_000_000);
        assert_eq!(518_usize.div_ceil(pacer.allowance(518)), 9);
    }

    #[test]
    fn the_allowance_follows_the_rate_and_the_backlog() {
        let start = Instant::now();
        let mut pacer = Pacer::new(start, 1_000_000);
        assert_eq!(pacer.allowance(0), MIN_PACKETS);
        for frame in 0..300 {
            pacer.on_frame(start + Duration::from_millis(33) * frame, 1_000_000);
        }
        // 30 MB/s: 2.5 × 150 kB in a step.
        let steady = pacer.allowance(0);
        assert!((280..=330).contains(&steady), "{steady}");
        assert_eq!(pacer.allowance(20_000), 1_000);
    }
}
