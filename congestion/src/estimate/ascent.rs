//! When the target may climb to what trains have shown, and when to send padding to make a train.
//!
//! A train shows the line's capacity, not the part of it that is free. Climbing is therefore an attempt: if over-use follows,
//! the next one waits, each time longer, unless the line has evidently changed.

use super::train::Capacity;
use super::{Micros, Probe};

/// The wait after a failure, and what it grows to.
const MIN_WAIT: Micros = 2_000_000;
const MAX_WAIT: Micros = 30_000_000;
/// Over-use so soon after an attempt is its failure.
const BLAME: Micros = 3_000_000;
/// An attempt that has lasted so long has succeeded.
const SUCCESS: Micros = 10_000_000;
/// A line that carries this many times what it did has changed.
const CHANGED: f64 = 1.5;
/// The next attempt after a failure goes up to this many times what was delivered then, and those that follow further.
const FIRST: f64 = 1.5;
const FURTHER: f64 = 2.0;
/// Time from one probe to the next: while they help, while they do not, and while trains show all that the line carries.
const QUICK: Micros = 500_000;
const SLOW: Micros = 3_000_000;
const RARE: Micros = 10_000_000;
/// A probe occupies the line for so long, in seconds, at the present target.
const PROBE_SECONDS: f64 = 0.06;
/// Limits of a probe: six packets, and what makes a good train.
const MIN_PROBE: f64 = 7_200.0;
const MAX_PROBE: f64 = 25_000.0;

/// Attempts at a higher target.
#[derive(Debug)]
pub(super) struct Ascent {
    wait: Micros,
    blocked_until: Micros,
    /// The latest attempt, a climb or a probe, and what trains had shown.
    latest: Option<(Micros, f64)>,
    /// What trains had shown when the last attempt failed, or have shown since the line fell.
    known: Option<f64>,
    /// No attempt goes beyond this while a failure is remembered, and since when.
    limit: Option<(f64, Micros)>,
    probed: Option<Probed>,
}

/// The latest probe.
#[derive(Debug, Clone, Copy)]
struct Probed {
    at: Micros,
    /// The target then.
    target: f64,
}

impl Ascent {
    pub(super) fn new() -> Self {
        Self {
            wait: MIN_WAIT,
            blocked_until: 0,
            latest: None,
            known: None,
            limit: None,
            probed: None,
        }
    }

    /// Whether a higher target may be tried.
    pub(super) fn is_open(&self, now: Micros) -> bool {
        now >= self.blocked_until
    }

    /// The target climbs beyond what was delivered, to what trains have shown.
    pub(super) fn climbs(&mut self, now: Micros, shown: f64) {
        self.latest = Some((now, shown));
    }

    /// How far the target may climb. An attempt that has not failed may be followed by a further one.
    pub(super) fn limit(&mut self, now: Micros) -> f64 {
        let Some((limit, since)) = &mut self.limit else {
            return f64::MAX;
        };
        if now - *since > BLAME {
            *limit *= FURTHER;
            *since = now;
        }
        *limit
    }

    /// The line is over-used by `delivered` bit/s.
    pub(super) fn failed(&mut self, now: Micros, delivered: f64) {
        if self.is_open(now) {
            self.known = None;
        }
        match self.latest.take() {
            Some((latest, shown)) if now - latest <= BLAME => {
                self.known = (shown > 0.0).then_some(shown);
                self.blocked_until = now + self.wait;
                self.limit = Some((FIRST * delivered, self.blocked_until));
                self.wait = (self.wait * 2).min(MAX_WAIT);
            }
            _ => {
                self.blocked_until = self.blocked_until.max(now + MIN_WAIT);
                // What is delivered while a queue builds up is more than what the line goes on to carry.
                if let Some((limit, _)) = &mut self.limit {
                    *limit = limit.min(FIRST * delivered);
                }
            }
        }
    }

    /// The line is not as it was.
    pub(super) fn reset(&mut self, now: Micros) {
        self.wait = MIN_WAIT;
        self.blocked_until = now;
        self.known = None;
        self.limit = None;
        self.probed = None;
    }

    /// What trains show at present, with no queue.
    pub(super) fn observe(&mut self, now: Micros, capacity: Capacity) {
        if self
            .latest
            .is_some_and(|(latest, _)| now - latest > SUCCESS)
        {
            self.wait = MIN_WAIT;
        }
        if self.is_open(now) {
            return;
        }
        match self.known {
            Some(known) if capacity.shown > CHANGED * known => self.reset(now),
            Some(known) if capacity.is_limit && capacity.arrived < known / 2.0 => {
                self.known = Some(capacity.arrived);
            }
            None if capacity.is_limit => self.known = Some(capacity.arrived),
            Some(_) | None => {}
        }
    }

    /// The padding to send now for a target of more than `target`, if what is known already does not do.
    pub(super) fn probe(
        &mut self,
        now: Micros,
        target: f64,
        capacity: Option<Capacity>,
    ) -> Option<Probe> {
        if !self.is_open(now) {
            return None;
        }
        let pause = match capacity {
            Some(capacity) if capacity.shown > 1.3 * target => return None,
            Some(capacity) if capacity.is_limit => RARE,
            _ if self.probed.is_some_and(|last| target > 1.2 * last.target) => QUICK,
            _ => SLOW,
        };
        if self.probed.is_some_and(|last| now - last.at < pause) {
            return None;
        }
        self.probed = Some(Probed { at: now, target });
        self.latest = Some((now, capacity.map_or(0.0, |capacity| capacity.shown)));
        let bytes = (target * PROBE_SECONDS / 8.0).clamp(MIN_PROBE, MAX_PROBE);
        Some(Probe {
            bytes: bytes as usize,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Micros = 1_000_000;

    fn capacity(arrived: f64) -> Capacity {
        Capacity {
            arrived,
            shown: arrived,
            is_limit: true,
        }
    }

    #[test]
    fn every_failed_attempt_makes_the_next_wait_longer() {
        let mut ascent = Ascent::new();
        let mut now = 0;
        for wait in [2, 4, 8, 16, 30, 30] {
            assert!(ascent.is_open(now));
            ascent.climbs(now, 20e6);
            ascent.failed(now + SECOND, 10e6);
            now += wait * SECOND;
            assert!(!ascent.is_open(now + SECOND - 1), "{wait}");
            now += SECOND;
        }
        assert!(ascent.is_open(now));
    }

    #[test]
    fn a_line_that_evidently_changed_is_tried_at_once() {
        let mut ascent = Ascent::new();
        ascent.failed(SECOND, 5e6);
        ascent.observe(SECOND, capacity(5e6));
        ascent.observe(SECOND, capacity(6e6));
        assert!(!ascent.is_open(SECOND));
        ascent.observe(SECOND, capacity(30e6));
        assert!(ascent.is_open(SECOND));
        ascent.climbs(SECOND, 30e6);
        ascent.failed(2 * SECOND, 15e6);
        ascent.observe(2 * SECOND, capacity(20e6));
        ascent.observe(2 * SECOND, capacity(30e6));
        assert!(!ascent.is_open(2 * SECOND), "it has been tried");
        ascent.observe(2 * SECOND, capacity(60e6));
        assert!(ascent.is_open(2 * SECOND));
    }

    #[test]
    fn after_a_failure_attempts_go_step_by_step() {
        let mut ascent = Ascent::new();
        ascent.climbs(0, 30e6);
        ascent.failed(SECOND, 4e6);
        assert_eq!(ascent.limit(4 * SECOND), 6e6);
        assert_eq!(ascent.limit(6 * SECOND), 6e6, "it may still fail");
        assert_eq!(ascent.limit(6 * SECOND + 1), 12e6);
        assert_eq!(ascent.limit(9 * SECOND), 12e6);
        ascent.reset(11 * SECOND);
        assert_eq!(ascent.limit(11 * SECOND), f64::MAX);
    }

    #[test]
    fn probes_are_short_and_not_sent_for_what_is_known() {
        let mut ascent = Ascent::new();
        let probe = ascent.probe(0, 2.5e6, None);
        assert_eq!(probe, Some(Probe { bytes: 18_750 }));
        assert_eq!(ascent.probe(SECOND, 2.5e6, None), None, "too soon");
        assert_eq!(ascent.probe(5 * SECOND, 2.5e6, Some(capacity(30e6))), None);
        assert_eq!(ascent.probe(5 * SECOND, 2.5e6, Some(capacity(2.6e6))), None);
        let probe = ascent.probe(5 * SECOND, 100_000.0, None);
        assert_eq!(probe, Some(Probe { bytes: 7_200 }));
        ascent.failed(6 * SECOND, 5e6);
        assert_eq!(ascent.probe(7 * SECOND, 2.5e6, None), None);
    }
}
