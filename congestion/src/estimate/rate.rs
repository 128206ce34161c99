//! What was delivered lately, by the far end's clock.

use super::Micros;

/// A bucket's length.
const BUCKET: Micros = 20_000;
/// 1.28 s.
const BUCKETS: usize = 64;

/// Bytes by time of arrival.
#[derive(Debug)]
pub(super) struct Delivered {
    buckets: [u32; BUCKETS],
    /// The first arrival and the latest one.
    span: Option<(Micros, Micros)>,
}

impl Delivered {
    pub(super) fn new() -> Self {
        Self {
            buckets: [0; BUCKETS],
            span: None,
        }
    }

    pub(super) fn add(&mut self, arrived: Micros, bytes: u16) {
        let (first, latest) = self.span.unwrap_or((arrived, arrived));
        let (old, new) = (latest / BUCKET, arrived / BUCKET);
        if new <= old - BUCKETS as i64 {
            return;
        }
        for index in (old + 1..=new).take(BUCKETS) {
            self.buckets[slot(index)] = 0;
        }
        if new - old >= BUCKETS as i64 {
            self.buckets = [0; BUCKETS];
        }
        self.span = Some((first, latest.max(arrived)));
        let bucket = &mut self.buckets[slot(new)];
        *bucket = bucket.saturating_add(u32::from(bytes));
    }

    /// What arrived before does not count.
    pub(super) fn forget(&mut self) {
        *self = Self::new();
    }

    /// Bit/s of the last `window` (at most 1.2 s), once half of it has been seen.
    pub(super) fn rate(&self, window: Micros) -> Option<f64> {
        let (first, latest) = self.span?;
        let newest = latest / BUCKET;
        let count = (window / BUCKET).clamp(1, BUCKETS as i64 - 1);
        let oldest = newest - count;
        let bytes: u64 = (oldest + 1..=newest)
            .map(|index| u64::from(self.buckets[slot(index)]))
            .sum();
        let span = latest - first.max((oldest + 1) * BUCKET);
        (span >= window / 2).then(|| bytes as f64 * 8e6 / span as f64)
    }
}

fn slot(index: i64) -> usize {
    index.rem_euclid(BUCKETS as i64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_rate_is_found_and_forgotten() {
        let mut delivered = Delivered::new();
        // 1,250 bytes every 2 ms are 5 Mbit/s.
        for index in 0..1_000 {
            delivered.add(index * 2_000, 1_250);
        }
        assert_eq!(Delivered::new().rate(500_000), None);
        let rate = delivered.rate(500_000).unwrap();
        assert!((4.8e6..5.2e6).contains(&rate), "{rate}");
        delivered.add(10_000_000, 1_250);
        assert!(delivered.rate(500_000).unwrap() < 50_000.0);
    }

    #[test]
    fn what_arrives_from_the_past_or_far_ahead_is_harmless() {
        let mut delivered = Delivered::new();
        for arrived in [0, -1_000_000_000, i64::MAX / 2, 5, i64::MIN / 2] {
            delivered.add(arrived, 1_000);
        }
        assert!(delivered.rate(500_000).unwrap_or(0.0) <= 1_000.0 * 8.0 * 4.0);
    }
}
