//! Sums over the last seconds.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What a second, or several, amounted to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    /// Packets put on the line.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Missing before repair.
    pub lost: u64,
    /// Missing after repair.
    pub unrepaired: u64,
}

impl Sum {
    /// Packets missing before repair, in percent.
    pub fn loss_percent(&self) -> f64 {
        percent(self.lost, self.packets)
    }

    /// Packets missing after repair, in percent.
    pub fn unrepaired_percent(&self) -> f64 {
        percent(self.unrepaired, self.packets)
    }

    fn plus(self, more: Self) -> Self {
        Self {
            packets: self.packets.saturating_add(more.packets),
            bytes: self.bytes.saturating_add(more.bytes),
            lost: self.lost.saturating_add(more.lost),
            unrepaired: self.unrepaired.saturating_add(more.unrepaired),
        }
    }
}

/// A share, never more than the whole: counts of both ends may disagree for a moment.
fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        (100.0 * part as f64 / whole as f64).min(100.0)
    }
}

/// The sums of a stretch of time that ends now.
#[derive(Debug)]
pub struct Recent {
    span: Duration,
    entries: VecDeque<(Instant, Sum)>,
}

impl Recent {
    /// Nothing yet; `span` is how long something stays recent.
    pub fn new(span: Duration) -> Self {
        Self {
            span,
            entries: VecDeque::new(),
        }
    }

    /// Adds what was counted up to `at`.
    pub fn add(&mut self, at: Instant, sum: Sum) {
        self.entries.push_back((at, sum));
        // The length is bounded by time, as readings come once a second, and by number in case they do not.
        while self.entries.len() > 2 * self.span.as_secs() as usize
            || self
                .entries
                .front()
                .is_some_and(|(old, _)| at.saturating_duration_since(*old) >= self.span)
        {
            self.entries.pop_front();
        }
    }

    /// The sum of what is recent at `now`.
    pub fn sum(&self, now: Instant) -> Sum {
        self.entries
            .iter()
            .filter(|(at, _)| now.saturating_duration_since(*at) < self.span)
            .fold(Sum::default(), |sum, (_, entry)| sum.plus(*entry))
    }

    /// How many seconds it covers at `now`, at least one.
    pub fn seconds(&self, now: Instant) -> u64 {
        let count = self
            .entries
            .iter()
            .filter(|(at, _)| now.saturating_duration_since(*at) < self.span)
            .count();
        (count as u64).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_old_no_longer_counts() {
        let start = Instant::now();
        let mut recent = Recent::new(Duration::from_secs(5));
        for second in 1..=8 {
            let sum = Sum {
                packets: 100,
                lost: second,
                ..Sum::default()
            };
            recent.add(start + Duration::from_secs(second), sum);
        }
        let sum = recent.sum(start + Duration::from_secs(8));
        assert_eq!((sum.packets, sum.lost), (500, 4 + 5 + 6 + 7 + 8));
        assert_eq!(recent.sum(start + Duration::from_secs(20)), Sum::default());
    }

    #[test]
    fn a_share_is_between_none_and_all() {
        let sum = |packets, lost| Sum {
            packets,
            lost,
            ..Sum::default()
        };
        assert_eq!(sum(0, 0).loss_percent(), 0.0);
        assert_eq!(sum(0, 9).loss_percent(), 0.0);
        assert_eq!(sum(8, 9).loss_percent(), 100.0);
        assert_eq!(sum(200, 1).loss_percent(), 0.5);
    }

    #[test]
    fn readings_that_come_too_fast_do_not_pile_up() {
        let now = Instant::now();
        let mut recent = Recent::new(Duration::from_secs(5));
        for _ in 0..10_000 {
            recent.add(now, Sum::default());
        }
        assert!(recent.entries.len() <= 10);
    }
}
