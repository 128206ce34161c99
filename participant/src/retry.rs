//! When to try again.

use std::time::Duration;

use rand::RngExt as _;

/// First wait after a failure.
const FIRST: Duration = Duration::from_millis(250);
/// No wait is longer than this at first, apart from its jitter: a relay that was restarted or a line that was cut for a few
/// seconds has everybody back within two seconds of its return.
const QUICK_CAP: Duration = Duration::from_millis(1_250);
/// Failures in a row until it is clear that this takes longer, about 25 s.
const QUICK: u32 = 22;
/// No wait is longer than this, apart from its jitter.
const CAP: Duration = Duration::from_secs(5);
/// No wait after a permanent refusal is longer than this, apart from its jitter.
const REFUSED_CAP: Duration = Duration::from_secs(30);
/// A connection that lasted this long was a good one: the next failure starts from the first wait.
const GOOD: Duration = Duration::from_secs(10);
/// Waits vary by this fraction either way, so that thirty rooms do not return in the same millisecond.
const JITTER: f64 = 0.3;

/// Doubling waits with jitter.
#[derive(Debug, Clone, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// A fresh sequence.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long to wait after an attempt that failed or a connection that ended after `connected`.
    pub fn after_failure(&mut self, connected: Duration) -> Duration {
        if connected >= GOOD {
            self.failures = 0;
        }
        self.next(if self.failures < QUICK {
            QUICK_CAP
        } else {
            CAP
        })
    }

    /// How long to wait after the door said no in a way that will not change by itself.
    pub fn after_refusal(&mut self) -> Duration {
        self.failures = self.failures.max(2);
        self.next(REFUSED_CAP)
    }

    fn next(&mut self, cap: Duration) -> Duration {
        let wait = FIRST.saturating_mul(1 << self.failures.min(16)).min(cap);
        self.failures += 1;
        wait.mul_f64(rand::rng().random_range(1.0 - JITTER..=1.0 + JITTER))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nominal(wait: Duration, expected: Duration) -> bool {
        wait >= expected.mul_f64(1.0 - JITTER) && wait <= expected.mul_f64(1.0 + JITTER)
    }

    #[test]
    fn waits_double_stay_quick_for_a_while_and_are_capped() {
        let mut backoff = Backoff::new();
        let quick = std::iter::repeat_n(1_250, QUICK as usize - 3);
        for expected in [250, 500, 1_000]
            .into_iter()
            .chain(quick)
            .chain([5_000, 5_000])
        {
            let wait = backoff.after_failure(Duration::ZERO);
            assert!(
                nominal(wait, Duration::from_millis(expected)),
                "{wait:?} for {expected}"
            );
        }
    }

    #[test]
    fn a_good_connection_starts_over_and_a_short_one_does_not() {
        let mut backoff = Backoff::new();
        for _ in 0..QUICK {
            backoff.after_failure(Duration::ZERO);
        }
        assert!(nominal(backoff.after_failure(Duration::from_secs(9)), CAP));
        assert!(nominal(backoff.after_failure(GOOD), FIRST));
    }

    #[test]
    fn a_refusal_is_retried_slowly_but_never_given_up() {
        let mut backoff = Backoff::new();
        assert!(backoff.after_refusal() >= Duration::from_millis(700));
        for _ in 0..40 {
            backoff.after_refusal();
        }
        assert!(nominal(backoff.after_refusal(), REFUSED_CAP));
    }
}
