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
/// The line never slows bursts below so many packets per step, 15 Mbit/s: a picture of the least layer is out at once.
const MIN_BURST: usize = 8;
/// Nor below this many times the rate at which pictures are made: what is too much for the line is for the encoder to mend, and
/// for a recording nobody can.
const LEAST_HEADROOM: f64 = 1.25;
/// Nor is anything held back longer than this many steps, 200 ms.
const PATIENCE_STEPS: usize = 40;
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

    /// The rate at which pictures are made, bits per second.
    pub(super) fn bitrate(&self) -> u64 {
        (self.rate * 8.0) as u64
    }

    /// Packets that may leave in this step, of `waiting` ones. `line`: bits per second at which the line takes bursts.
    pub(super) fn allowance(&self, waiting: usize, line: u64) -> usize {
        let at = |rate: f64| (rate * STEP.as_secs_f64() / PACKET).ceil() as usize;
        let wanted = at(self.rate * HEADROOM)
            .max(MIN_PACKETS)
            .max(waiting.div_ceil(CATCH_UP_STEPS));
        let bearable = at(line as f64 / 8.0)
            .max(at(self.rate * LEAST_HEADROOM))
            .max(MIN_BURST)
            .max(waiting.div_ceil(PATIENCE_STEPS));
        wanted.min(bearable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_4k_keyframe_leaves_in_several_steps() {
        let pacer = Pacer::new(Instant::now(), 20_000_000);
        assert_eq!(518_usize.div_ceil(pacer.allowance(518, u64::MAX)), 9);
    }

    #[test]
    fn the_allowance_follows_the_rate_and_the_backlog() {
        let start = Instant::now();
        let mut pacer = Pacer::new(start, 1_000_000);
        assert_eq!(pacer.allowance(0, u64::MAX), MIN_PACKETS);
        for frame in 0..300 {
            pacer.on_frame(start + Duration::from_millis(33) * frame, 1_000_000);
        }
        // 30 MB/s: 2.5 × 150 kB in a step.
        let steady = pacer.allowance(0, u64::MAX);
        assert!((280..=330).contains(&steady), "{steady}");
        assert_eq!(pacer.allowance(20_000, u64::MAX), 1_000);
    }

    #[test]
    fn a_narrow_line_spreads_bursts_but_holds_nothing_back_for_long() {
        let pacer = Pacer::new(Instant::now(), 1_000_000);
        assert_eq!(pacer.allowance(0, 2_000_000), MIN_BURST);
        assert_eq!(pacer.allowance(0, 38_400_000), 20);
        assert_eq!(pacer.allowance(4_000, 2_000_000), 100);
        let fast = Pacer::new(Instant::now(), 38_400_000);
        assert_eq!(fast.allowance(0, 2_000_000), 25, "as fast as it is made");
    }
}
