//! Whether the relay itself keeps up.

use crate::counters::{Counters, DELAY_BOUNDS_US};

/// Packets that took longer than this came late, in microseconds.
const LATE_US: u64 = 50_000;
/// With fewer packets a second there is no load to speak of.
const MEANINGFUL: u64 = 100;

/// Running counts of all workers together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Load {
    /// Packets that went through.
    pub packets: u64,
    /// Of these, late ones.
    pub late: u64,
    /// Messages that a worker's mailbox did not take.
    pub dropped: u64,
    /// Datagrams that the kernel did not take.
    pub refused: u64,
}

impl Load {
    /// What the workers have counted.
    pub fn of<'a>(workers: impl Iterator<Item = &'a Counters>) -> Self {
        workers.fold(Self::default(), |load, counters| {
            let buckets = counters.delay.buckets();
            let bounds = DELAY_BOUNDS_US.iter().copied().chain([u64::MAX]);
            let late = buckets
                .iter()
                .zip(bounds)
                .filter(|(_, bound)| *bound > LATE_US);
            Self {
                packets: load.packets + buckets.iter().sum::<u64>(),
                late: load.late + late.map(|(count, _)| count).sum::<u64>(),
                dropped: load.dropped + counters.mail_dropped.get(),
                refused: load.refused + counters.send_failures.get(),
            }
        })
    }

    /// Whether the relay could not keep up since `before`. A client whose address has become unreachable makes the kernel refuse
    /// datagrams as well, so a few of these prove nothing.
    pub fn is_too_much(&self, before: &Self) -> bool {
        let since = |now: u64, before: u64| now.saturating_sub(before);
        let packets = since(self.packets, before.packets).max(MEANINGFUL);
        since(self.dropped, before.dropped) > 0
            || since(self.late, before.late) > packets / 50
            || since(self.refused, before.refused) > packets / 5
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn late_packets_are_those_beyond_the_bound() {
        let counters = Counters::default();
        counters.delay.record(Duration::from_millis(1), 900);
        counters.delay.record(Duration::from_millis(50), 40);
        counters.delay.record(Duration::from_millis(51), 20);
        counters.delay.record(Duration::from_secs(2), 10);
        let load = Load::of([&counters, &counters].into_iter());
        assert_eq!((load.packets, load.late), (1_940, 60));
    }

    #[test]
    fn a_relay_is_overloaded_when_much_is_late_or_anything_is_dropped() {
        let before = Load {
            packets: 5_000,
            late: 10,
            dropped: 3,
            refused: 100,
        };
        let after = |late: u64, dropped: u64, refused: u64| Load {
            packets: 10_000,
            late: 10 + late,
            dropped: 3 + dropped,
            refused: 100 + refused,
        };
        assert!(!after(100, 0, 1_000).is_too_much(&before));
        assert!(after(101, 0, 0).is_too_much(&before));
        assert!(after(0, 1, 0).is_too_much(&before));
        assert!(after(0, 0, 1_001).is_too_much(&before));
    }
}
