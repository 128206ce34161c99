//! How the target moves: additive or multiplicative increase, multiplicative decrease (draft-ietf-rmcat-gcc-02, section 5.5).

use super::{Micros, clamp};

/// Part of the delivered rate that is left after over-use.
const DECREASE: f64 = 0.85;
/// Multiplicative increase per second.
const INCREASE: f64 = 0.08;
/// Bytes per response time that additive increase adds.
const STEP_BYTES: f64 = 1_200.0;
/// Beside the round trip, a response takes about a feedback interval.
const RESPONSE: f64 = 100_000.0;
/// Sending less than this part of the target is no reason to lower it to what was delivered at a hint of a queue.
const APP_LIMITED: f64 = 0.7;
/// No two decreases within this time: the first has to be seen to work.
const PAUSE: Micros = 120_000;
/// Without evidence, the target stays below this many times what was delivered.
const BEYOND_DELIVERED: f64 = 1.5;
/// The target doubles in this time, in microseconds, while it climbs to what trains have shown.
const DOUBLING: f64 = 250_000.0;

/// The target, in bit/s.
#[derive(Debug)]
pub(super) struct Aimd {
    target: f64,
    /// What was delivered when the line was over-used last.
    ceiling: Option<f64>,
    decreased: Option<Micros>,
    updated: Micros,
}

impl Aimd {
    pub(super) fn new(now: Micros, target: f64) -> Self {
        Self {
            target: clamp(target),
            ceiling: None,
            decreased: None,
            updated: now,
        }
    }

    pub(super) fn target(&self) -> f64 {
        self.target
    }

    pub(super) fn set(&mut self, target: f64) {
        self.target = clamp(target);
    }

    /// Microseconds since the last call, as far as they count.
    pub(super) fn step(&mut self, now: Micros) -> f64 {
        let passed = (now - self.updated).clamp(0, 200_000);
        self.updated = now;
        passed as f64
    }

    /// A queue grows while `delivered` bit/s arrive. `is_small`: it has only begun.
    pub(super) fn over_used(&mut self, now: Micros, delivered: f64, is_small: bool) {
        if self.decreased.is_some_and(|last| now - last < PAUSE) {
            return;
        }
        self.decreased = Some(now);
        let is_app_limited = delivered < APP_LIMITED * self.target;
        let lowest = if is_app_limited && is_small {
            APP_LIMITED * self.target
        } else {
            0.0
        };
        if !is_app_limited {
            self.ceiling = Some(delivered);
        }
        self.lower((DECREASE * delivered).max(lowest));
    }

    /// The line has been found to carry `limit` and not much more.
    pub(super) fn limited(&mut self, limit: f64) {
        self.ceiling = Some(limit);
        self.lower(limit);
    }

    /// Not more than this.
    pub(super) fn lower(&mut self, limit: f64) {
        self.target = clamp(self.target.min(limit));
    }

    /// The line is not full.
    pub(super) fn increase(&mut self, passed: f64, delivered: f64, round_trip: f64) {
        let is_near = self
            .ceiling
            .is_some_and(|ceiling| (0.9..1.1).contains(&(self.target / ceiling)));
        let increased = if is_near {
            self.target + STEP_BYTES * 8.0 * passed / (round_trip + RESPONSE)
        } else {
            self.target * (1.0 + INCREASE * passed / 1e6)
        };
        if self
            .ceiling
            .is_some_and(|ceiling| increased > 1.1 * ceiling)
        {
            self.ceiling = None;
        }
        let limit = self.target.max(BEYOND_DELIVERED * delivered);
        self.target = clamp(increased.min(limit));
    }

    /// The line is known to carry `shown`. Whether the target rose.
    pub(super) fn climb(&mut self, passed: f64, shown: f64) -> bool {
        if shown <= self.target {
            return false;
        }
        self.target = clamp((self.target * (passed / DOUBLING).exp2()).min(shown));
        self.ceiling = None;
        true
    }

    /// The line is known to carry no more than `limit`: approaches it.
    pub(super) fn approach(&mut self, limit: f64) {
        if self.target > limit {
            self.target = clamp(self.target - 0.3 * (self.target - limit));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_use_leaves_a_part_of_what_was_delivered() {
        let mut aimd = Aimd::new(0, 20e6);
        aimd.over_used(0, 18e6, true);
        assert_eq!(aimd.target(), 0.85 * 18e6);
        aimd.over_used(50_000, 5e6, false);
        assert_eq!(aimd.target(), 0.85 * 18e6, "too soon");
        aimd.over_used(200_000, 5e6, false);
        assert_eq!(aimd.target(), 0.85 * 5e6);
    }

    #[test]
    fn a_sender_that_sends_little_is_not_reduced_to_it_by_a_hint() {
        let mut aimd = Aimd::new(0, 20e6);
        aimd.over_used(0, 3e6, true);
        assert_eq!(aimd.target(), 14e6);
        aimd.over_used(200_000, 3e6, false);
        assert_eq!(aimd.target(), 0.85 * 3e6);
    }

    #[test]
    fn increase_is_slow_near_the_ceiling_and_ends_beyond_what_is_delivered() {
        let mut aimd = Aimd::new(0, 10e6);
        for _ in 0..100 {
            aimd.increase(100_000.0, 8e6, 40_000.0);
        }
        assert_eq!(aimd.target(), 12e6);
        aimd.over_used(0, 11e6, false);
        let before = aimd.target();
        for _ in 0..10 {
            aimd.increase(100_000.0, before, 40_000.0);
        }
        assert!((1.05..1.08).contains(&(aimd.target() / before)), "far");
        for _ in 0..50 {
            aimd.increase(100_000.0, aimd.target(), 40_000.0);
        }
        assert!(aimd.target() < before * 1.2, "near: {}", aimd.target());
    }

    #[test]
    fn climbing_takes_a_few_moments() {
        let mut aimd = Aimd::new(0, 5e6);
        assert!(aimd.climb(60_000.0, 30e6));
        assert!(aimd.target() < 7e6);
        for _ in 0..12 {
            aimd.climb(60_000.0, 30e6);
        }
        assert_eq!(aimd.target(), 30e6);
        assert!(!aimd.climb(60_000.0, 30e6));
    }
}
