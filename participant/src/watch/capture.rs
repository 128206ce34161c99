//! When the picture or sound of an RTP timestamp was captured.

use std::time::{Duration, SystemTime};

use crate::wire;

/// An RTP timestamp this far from the one with a known capture time says nothing any more.
const REACH: Duration = Duration::from_secs(20);

/// The mapping from RTP timestamps to the publisher's clock, from abs-capture-time where packets carry it, else from sender
/// reports.
#[derive(Debug)]
pub(super) struct CaptureClock {
    clock_rate: u32,
    by_extension: Option<Point>,
    by_report: Option<Point>,
}

#[derive(Debug, Clone, Copy)]
struct Point {
    rtp: u32,
    ntp: u64,
}

impl CaptureClock {
    pub(super) fn new(clock_rate: u32) -> Self {
        Self {
            clock_rate,
            by_extension: None,
            by_report: None,
        }
    }

    pub(super) fn on_extension(&mut self, rtp: u32, ntp: u64) {
        self.by_extension = Some(Point { rtp, ntp });
    }

    pub(super) fn on_report(&mut self, rtp: u32, ntp: u64) {
        self.by_report = Some(Point { rtp, ntp });
    }

    /// The capture time of an RTP timestamp. `near`: some time not decades away from it.
    pub(super) fn captured(&self, rtp: u32, near: SystemTime) -> Option<SystemTime> {
        let by = |point: Option<Point>| {
            let point = point?;
            let ahead = rtp.wrapping_sub(point.rtp) as i32;
            let distance = wire::from_ticks(ahead.unsigned_abs(), self.clock_rate);
            let at = wire::from_ntp(point.ntp, near);
            match ahead >= 0 {
                _ if distance > REACH => None,
                true => at.checked_add(distance),
                false => at.checked_sub(distance),
            }
        };
        by(self.by_extension).or_else(|| by(self.by_report))
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn extensions_come_before_reports_and_neither_reaches_far() {
        let time = UNIX_EPOCH + Duration::from_secs(1_795_000_000);
        let mut clock = CaptureClock::new(90_000);
        assert_eq!(clock.captured(0, time), None);
        clock.on_report(u32::MAX - 89_999, wire::to_ntp(time));
        let later = clock.captured(90_000, time).unwrap();
        assert!(
            later
                .duration_since(time)
                .unwrap()
                .abs_diff(Duration::from_secs(2))
                < Duration::from_micros(1)
        );
        clock.on_extension(90_000, wire::to_ntp(time));
        let same = clock.captured(90_000 - 9_000, time).unwrap();
        assert!(
            time.duration_since(same)
                .unwrap()
                .abs_diff(Duration::from_millis(100))
                < Duration::from_micros(1)
        );
        assert_eq!(clock.captured(90_000 * 60, time), None);
    }
}
