//! The 64-bit NTP format: seconds since 1900 in 32.32 fixed point (RFC 5905 §6).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Seconds from the NTP epoch to the Unix epoch.
const UNIX_OFFSET: u64 = 2_208_988_800;

/// A moment on the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ntp(pub u64);

impl Ntp {
    /// Now.
    pub fn now() -> Self {
        Self::from_unix(
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
        )
    }

    /// A time since the Unix epoch.
    pub fn from_unix(time: Duration) -> Self {
        let fraction = (u64::from(time.subsec_nanos()) << 32) / 1_000_000_000;
        Self(((time.as_secs() + UNIX_OFFSET) << 32) | fraction)
    }

    /// Microseconds since `earlier`; nothing when `earlier` is later, as happens between clocks.
    pub fn micros_since(self, earlier: Self) -> Option<u64> {
        let difference = self.0.wrapping_sub(earlier.0);
        // Half the range: what is further away lies in the other direction.
        (difference >> 63 == 0).then(|| ((u128::from(difference) * 1_000_000) >> 32) as u64)
    }

    /// The middle 32 bits, as reports carry them (RFC 3550 §4).
    pub fn middle(self) -> u32 {
        (self.0 >> 16) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_microseconds() {
        let start = Ntp::from_unix(Duration::new(1_700_000_000, 999_999_000));
        let end = Ntp::from_unix(Duration::new(1_700_000_001, 1_000_000));
        assert!((1000..=1001).contains(&end.micros_since(start).unwrap()));
        assert_eq!(start.micros_since(end), None);
        assert_eq!(start.micros_since(start), Some(0));
    }
}
