//! From the monotonic clock to the wall clock.

use std::time::{Duration, SystemTime};

/// Fastest correction, per reading: enough to follow NTP's slewing of 500 ppm at ten frames a second.
const SLEW: Duration = Duration::from_micros(100);

/// A larger difference means that somebody set the clock.
const STEP: Duration = Duration::from_millis(500);

/// Tells the wall-clock time of moments on a monotonic clock, without passing on the jitter of the readings.
#[derive(Debug, Clone, Default)]
pub struct Wall {
    /// Wall-clock time at monotonic zero.
    zero: Option<SystemTime>,
}

impl Wall {
    /// The wall-clock time of `moment`, at a time when the monotonic clock shows `now` and the wall clock `wall_now`.
    pub fn at(&mut self, moment: Duration, now: Duration, wall_now: SystemTime) -> SystemTime {
        let observed = wall_now.checked_sub(now).unwrap_or(SystemTime::UNIX_EPOCH);
        let zero = match self.zero {
            Some(zero) => match observed.duration_since(zero) {
                Ok(ahead) if ahead > STEP => observed,
                Ok(ahead) => zero + ahead.min(SLEW),
                Err(behind) if behind.duration() > STEP => observed,
                Err(behind) => zero - behind.duration().min(SLEW),
            },
            None => observed,
        };
        self.zero = Some(zero);
        zero + moment
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_late_reading_hardly_moves_the_result() {
        let start = SystemTime::UNIX_EPOCH + ms(1_000_000);
        let mut wall = Wall::default();
        assert_eq!(wall.at(ms(0), ms(0), start), start);
        // The thread was held up for 8 ms between its two readings.
        assert_eq!(
            wall.at(ms(33), ms(33), start + ms(41)),
            start + ms(33) + SLEW
        );
    }

    #[test]
    fn a_clock_that_is_set_is_followed_at_once() {
        let start = SystemTime::UNIX_EPOCH + ms(1_000_000);
        let mut wall = Wall::default();
        wall.at(ms(0), ms(0), start);
        assert_eq!(
            wall.at(ms(33), ms(33), start + ms(60_033)),
            start + ms(60_033)
        );
        assert_eq!(wall.at(ms(66), ms(66), start + ms(66)), start + ms(66));
    }

    #[test]
    fn slewing_is_followed_over_hours() {
        let start = SystemTime::UNIX_EPOCH + ms(1_000_000);
        let mut wall = Wall::default();
        let mut last = start;
        for frame in 0..30 * 3_600 {
            let now = Duration::from_micros(frame * 33_333);
            // The wall clock runs 500 ppm fast.
            last = wall.at(now, now, start + now + now / 2_000);
        }
        let end = Duration::from_micros((30 * 3_600 - 1) * 33_333);
        let error = (start + end + end / 2_000).duration_since(last).unwrap();
        assert!(error <= SLEW, "{error:?}");
    }
}
