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
/// Time from one probe to the next: while they help, while they do not, and while trains show all that the line carries.
const QUICK: Micros = 500_000;
const SLOW: Micros = 3_000_000;
const RARE: Micros = 10_000_000;
/// A probe occupies the line for so long, in seconds, at the present target.
const PROBE_SECONDS: f64 = 0.06;
/// A probe's own queue: it has drained after this time, and is not longer than that.
const ECHO: Micros = 400_000;
const ECHO_QUEUE: f64 = 100_000.0;
/// Limits of a probe: six packets, and what makes a good train.
const MIN_PROBE: f64 = 7_200.0;
const MAX_PROBE: f64 = 25_000.0;

/// Attempts at a higher target.
#[derive(Debug)]
pub(super) struct Ascent {
    wait: Micros,
    blocked_until: Micros,
    /// The latest attempt: a climb or a probe.
    latest: Option<Micros>,
    /// The least that the line has been seen to carry since the last failure.
    floor: Option<f64>,
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
            floor: None,
            probed: None,
        }
    }

    /// Whether a higher target may be tried.
    pub(super) fn is_open(&self, now: Micros) -> bool {
        now >= self.blocked_until
    }

    /// The target climbs beyond what was delivered.
    pub(super) fn climbs(&mut self, now: Micros) {
        self.latest = Some(now);
    }

    /// Whether a queue of `queue` microseconds is the latest probe's.
    pub(super) fn is_echo(&self, now: Micros, queue: f64) -> bool {
        queue < ECHO_QUEUE && self.probed.is_some_and(|last| now - last.at < ECHO)
    }

    /// The line is over-used.
    pub(super) fn failed(&mut self, now: Micros) {
        if self.is_open(now) {
            self.floor = None;
        }
        match self.latest.take() {
            Some(latest) if now - latest <= BLAME => {
                self.blocked_until = now + self.wait;
                self.wait = (self.wait * 2).min(MAX_WAIT);
            }
            _ => self.blocked_until = self.blocked_until.max(now + MIN_WAIT),
        }
    }

    /// The line is not as it was.
    pub(super) fn reset(&mut self, now: Micros) {
        self.wait = MIN_WAIT;
        self.blocked_until = now;
        self.floor = None;
        self.probed = None;
    }

    /// What trains show at present, with no queue.
    pub(super) fn observe(&mut self, now: Micros, capacity: Capacity) {
        if self.latest.is_some_and(|latest| now - latest > SUCCESS) {
            self.wait = MIN_WAIT;
        }
        if self.is_open(now) {
            return;
        }
        if self
            .floor
            .is_some_and(|floor| capacity.shown > CHANGED * floor)
        {
            self.reset(now);
        } else if capacity.is_limit {
            let floor = self.floor.unwrap_or(f64::MAX);
            self.floor = Some(floor.min(capacity.arrived));
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
        self.latest = Some(now);
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
            ascent.climbs(now);
            ascent.failed(now + SECOND);
            now += wait * SECOND;
            assert!(!ascent.is_open(now + SECOND - 1), "{wait}");
            now += SECOND;
        }
        assert!(ascent.is_open(now));
    }

    #[test]
    fn a_line_that_evidently_changed_is_tried_at_once() {
        let mut ascent = Ascent::new();
        ascent.climbs(0);
        ascent.failed(SECOND);
        ascent.observe(SECOND, capacity(5e6));
        ascent.observe(SECOND, capacity(6e6));
        assert!(!ascent.is_open(SECOND));
        ascent.observe(SECOND, capacity(30e6));
        assert!(ascent.is_open(SECOND));
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
        ascent.failed(6 * SECOND);
        assert_eq!(ascent.probe(7 * SECOND, 2.5e6, None), None);
    }
}
