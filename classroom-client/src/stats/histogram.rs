//! Delays, counted in buckets so that hours of them take no more memory than a second.

use std::time::Duration;

use super::Percentiles;

/// Tenths of a millisecond below 100 ms, then tens of milliseconds up to 10 s; more counts as 10 s.
const FINE: usize = 1_000;
const COARSE: usize = 990;

/// A histogram of delays from 0 to 10 s.
#[derive(Debug, Clone)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: vec![0; FINE + COARSE],
            total: 0,
        }
    }
}

impl Histogram {
    /// Counts one delay.
    pub fn record(&mut self, delay: Duration) {
        let tenths = usize::try_from(delay.as_micros() / 100).unwrap_or(usize::MAX);
        let bucket = if tenths < FINE {
            tenths
        } else {
            FINE + tenths.saturating_sub(FINE) / 100
        };
        self.counts[bucket.min(FINE + COARSE - 1)] += 1;
        self.total += 1;
    }

    /// The percentiles so far; `None` before the first delay.
    pub fn percentiles(&self) -> Option<Percentiles> {
        (self.total > 0).then(|| Percentiles {
            p50: self.percentile(50),
            p95: self.percentile(95),
            p99: self.percentile(99),
        })
    }

    fn percentile(&self, percent: u64) -> f64 {
        let rank = (self.total * percent).div_ceil(100);
        let mut seen = 0;
        let bucket = self.counts.iter().position(|count| {
            seen += count;
            seen >= rank
        });
        match bucket.unwrap_or(FINE + COARSE - 1) {
            fine if fine < FINE => fine as f64 / 10.0,
            coarse => 100.0 + (coarse - FINE) as f64 * 10.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_ranks() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentiles(), None);
        for ms in 1..=100 {
            histogram.record(Duration::from_millis(ms));
        }
        let found = histogram.percentiles().unwrap();
        assert_eq!((found.p50, found.p95, found.p99), (50.0, 95.0, 99.0));
    }

    #[test]
    fn long_delays_are_counted_coarsely_and_longest_at_the_end() {
        let mut histogram = Histogram::default();
        histogram.record(Duration::from_millis(1_234));
        assert_eq!(histogram.percentiles().unwrap().p50, 1_230.0);
        let mut histogram = Histogram::default();
        histogram.record(Duration::from_secs(3_600));
        assert_eq!(histogram.percentiles().unwrap().p99, 9_990.0);
    }
}
