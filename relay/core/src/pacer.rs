//! When the next packet may leave, so that a keyframe does not fill a queue on its way at once.

use std::time::{Duration, Instant};

/// How long a burst may be: shorter than what anybody sees, long enough for runs of packets.
const BURST: Duration = Duration::from_millis(10);
/// The least burst in bytes, so that a slow line gets whole packets.
const MIN_BURST: u64 = 6_000;

/// A bucket of bytes that fills at a given rate.
#[derive(Debug, Clone, Copy)]
pub struct Pacer {
    /// Bytes that may leave; below zero after a packet that took more.
    tokens: i64,
    at: Instant,
}

impl Pacer {
    /// A full bucket.
    pub fn new(now: Instant) -> Self {
        Self {
            tokens: MIN_BURST as i64,
            at: now,
        }
    }

    /// Fills the bucket at `rate` bit/s up to now.
    pub fn refill(&mut self, now: Instant, rate: u64) {
        let elapsed = now.saturating_duration_since(self.at);
        self.at = now;
        let depth = bytes(rate, BURST).max(MIN_BURST) as i64;
        let earned = bytes(rate, elapsed) as i64;
        self.tokens = self.tokens.saturating_add(earned).min(depth);
    }

    /// Whether a packet may leave now.
    pub fn is_open(&self) -> bool {
        self.tokens > 0
    }

    /// Whether so much left ahead of its turn that earning it takes longer than this at `rate` bit/s.
    pub fn is_overdrawn(&self, rate: u64, limit: Duration) -> bool {
        self.tokens.saturating_neg() > bytes(rate, limit) as i64
    }

    /// A packet left, whether it was waited for or not.
    pub fn spend(&mut self, bytes: usize) {
        self.tokens = self.tokens.saturating_sub(bytes as i64);
    }
}

fn bytes(rate: u64, time: Duration) -> u64 {
    (u128::from(rate) * time.as_micros() / 8_000_000).min(u128::from(u32::MAX)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(rate: u64, step: Duration, steps: u32) -> usize {
        let start = Instant::now();
        let mut pacer = Pacer::new(start);
        let mut sent = 0;
        for i in 0..steps {
            pacer.refill(start + step * i, rate);
            while pacer.is_open() {
                pacer.spend(1_200);
                sent += 1_200;
            }
        }
        sent
    }

    #[test]
    fn a_second_carries_what_the_rate_says() {
        for rate in [500_000, 4_000_000, 40_000_000] {
            let sent = sent(rate, Duration::from_millis(5), 200) as u64;
            let expected = rate / 8;
            let bounds = expected * 97 / 100..expected + 2 * MIN_BURST;
            assert!(bounds.contains(&sent), "{rate}: {sent} of {expected}");
        }
    }

    #[test]
    fn a_burst_is_bounded_after_a_pause() {
        let start = Instant::now();
        let mut pacer = Pacer::new(start);
        pacer.refill(start + Duration::from_secs(60), 8_000_000);
        let mut burst = 0;
        while pacer.is_open() {
            pacer.spend(1_000);
            burst += 1;
        }
        assert_eq!(burst, 10);
    }

    #[test]
    fn what_left_ahead_of_its_turn_is_owed() {
        let mut pacer = Pacer::new(Instant::now());
        let limit = Duration::from_millis(100);
        for _ in 0..5 {
            pacer.spend(10_000);
        }
        assert!(pacer.is_overdrawn(3_000_000, limit));
        assert!(!pacer.is_overdrawn(4_000_000, limit));
    }

    #[test]
    fn an_absurd_rate_is_no_overflow() {
        let start = Instant::now();
        let mut pacer = Pacer::new(start);
        pacer.refill(start + Duration::from_secs(1 << 40), u64::MAX);
        assert!(pacer.is_open());
    }
}
