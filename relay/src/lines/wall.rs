//! Wall-clock times for people, from the monotonic clock that everything is decided by.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// One instant on both clocks. A wall clock that is set during a lesson does not tear its record apart.
#[derive(Debug, Clone, Copy)]
pub struct Wall {
    instant: Instant,
    unix: Duration,
}

impl Wall {
    /// `instant` is `time`. A time before 1970 is taken for 1970.
    pub fn new(instant: Instant, time: SystemTime) -> Self {
        Self {
            instant,
            unix: time.duration_since(UNIX_EPOCH).unwrap_or_default(),
        }
    }

    /// Milliseconds since the Unix epoch at `at`.
    pub fn unix_ms(&self, at: Instant) -> u64 {
        let time = match at.checked_duration_since(self.instant) {
            Some(later) => self.unix + later,
            None => self.unix.saturating_sub(self.instant - at),
        };
        millis(time)
    }
}

/// A duration in whole milliseconds.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// `20261120T081500Z` (ISO 8601, UTC): sorts by time and fits into a file name.
pub fn stamp(unix_ms: u64) -> String {
    let seconds = unix_ms / 1_000;
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// Year, month and day of a day since the Unix epoch (Gregorian).
fn civil(mut days: u64) -> (u64, u64, u64) {
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    // Four centuries always have the same number of days.
    let mut year = 1970 + days / 146_097 * 400;
    days %= 146_097;
    loop {
        let length = 365 + u64::from(is_leap(year));
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_those_of_date_u() {
        for (seconds, text) in [
            (0, "19700101T000000Z"),
            (951_782_399, "20000228T235959Z"),
            (951_782_400, "20000229T000000Z"),
            (1_795_182_302, "20261120T134502Z"),
            (4_107_542_400, "21000301T000000Z"),
            (253_402_300_799, "99991231T235959Z"),
        ] {
            assert_eq!(stamp(seconds * 1_000 + 999), text);
        }
    }

    #[test]
    fn instants_before_the_anchor_are_told_too() {
        let now = Instant::now();
        let wall = Wall::new(
            now + Duration::from_secs(10),
            UNIX_EPOCH + Duration::from_secs(100),
        );
        assert_eq!(wall.unix_ms(now), 90_000);
        assert_eq!(wall.unix_ms(now + Duration::from_millis(10_500)), 100_500);
    }
}
