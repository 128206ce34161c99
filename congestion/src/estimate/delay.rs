//! Whether a queue is building up, told from how the way's delay changes (draft-ietf-rmcat-gcc-02, section 5).
//!
//! Two views must agree: the slope of the delay from group to group, which sees a queue early and takes jitter for one, and
//! the smallest delay of the last moments above the smallest of the last seconds, which jitter and the sender's own bursts
//! leave alone.

mod queue;
mod trend;

use super::Micros;
use queue::Queue;
use trend::Trend;

/// A queue below this is nobody's concern, whatever its slope.
const GATE: f64 = 10_000.0;
/// A gate that jitter lifts ends here.
const MAX_GATE: f64 = 30_000.0;
/// A queue that stays above this is one, whatever its slope.
const STANDING: f64 = 50_000.0;
/// A queue that loses this part of itself from one feedback to the next is draining.
const FALLING: f64 = 0.025;
/// Feedbacks in a row that make a small queue a growing one, and a large one a standing one: a single one may only show that
/// the receiver was busy.
const GROWING_COUNT: u32 = 2;
const STANDING_COUNT: u32 = 2;
/// A queue that stays as it is for so long, whatever is sent, is a longer way.
const LONGER_WAY: Micros = 4_000_000;

/// What the delay says about the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Usage {
    /// A queue grows or stands.
    Over,
    /// No queue, or none that grows.
    Normal,
    /// A queue drains.
    Under,
}

/// The delay detector.
#[derive(Debug)]
pub(super) struct Delay {
    trend: Trend,
    queue: Queue,
    /// Mean change of the queue from feedback to feedback while the line is not over-used.
    noise: f64,
    previous: f64,
    /// Feedbacks in a row that have had a growing and a standing queue.
    growing: u32,
    standing: u32,
    /// Since when the queue has stood, and its size.
    stuck: Option<(Micros, f64)>,
}

impl Delay {
    pub(super) fn new() -> Self {
        Self {
            trend: Trend::new(),
            queue: Queue::new(),
            noise: 0.0,
            previous: 0.0,
            growing: 0,
            standing: 0,
            stuck: None,
        }
    }

    /// A packet arrived. They come in the order of sending.
    pub(super) fn add(&mut self, sent: Micros, arrived: Micros) {
        self.trend.add(sent, arrived);
        self.queue.add(sent, arrived);
    }

    /// The delay of the way itself may have changed, or the clocks.
    pub(super) fn forget(&mut self) {
        *self = Self::new();
    }

    /// Microseconds that packets wait.
    pub(super) fn queue(&self) -> f64 {
        self.previous
    }

    /// Judges after a feedback's packets have been added.
    pub(super) fn judge(&mut self, now: Micros) -> Usage {
        let slope = self.trend.judge(now);
        let queue = self.queue.size();
        let change = queue - self.previous;
        self.previous = queue;
        let gate = (GATE + 3.0 * self.noise).min(MAX_GATE);
        let is_falling = change < -FALLING * queue || self.queue.is_released();
        if queue > STANDING + 2.0 * self.noise && !is_falling {
            self.standing += 1;
        } else {
            self.standing = 0;
        }
        if queue > gate && slope == Usage::Over && !is_falling {
            self.growing += 1;
        } else {
            self.growing = 0;
        }
        let is_growing = self.growing >= GROWING_COUNT || self.growing > 0 && queue > STANDING;
        if is_growing || self.standing >= STANDING_COUNT {
            if self.is_longer_way(now, queue) {
                self.forget();
                return Usage::Normal;
            }
            return Usage::Over;
        }
        if self.standing == 0 {
            self.stuck = None;
        }
        self.noise += 0.05 * (change.abs() - self.noise);
        match slope {
            Usage::Under if queue > gate => Usage::Under,
            _ if is_falling && queue > gate => Usage::Under,
            _ => Usage::Normal,
        }
    }

    fn is_longer_way(&mut self, now: Micros, queue: f64) -> bool {
        match self.stuck {
            Some((since, size)) if (queue - size).abs() < 0.15 * size => now - since > LONGER_WAY,
            _ => {
                self.stuck = Some((now, queue));
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends a packet every 5 ms for `ms` and judges every 60 ms; `delay` in µs tells each packet's delay.
    fn run(delay: &mut Delay, from_ms: i64, ms: i64, way: impl Fn(Micros) -> Micros) -> Vec<Usage> {
        let mut usages = Vec::new();
        for at in (from_ms..from_ms + ms).step_by(5) {
            let sent = at * 1_000;
            delay.add(sent, sent + way(sent));
            if at % 60 == 0 {
                usages.push(delay.judge(sent));
            }
        }
        usages
    }

    #[test]
    fn a_constant_delay_is_normal() {
        let usages = run(&mut Delay::new(), 0, 3_000, |_| 20_000);
        assert!(usages.iter().all(|usage| *usage == Usage::Normal));
    }

    #[test]
    fn a_growing_queue_is_over_use_and_a_draining_one_is_not() {
        let mut delay = Delay::new();
        run(&mut delay, 0, 2_000, |_| 20_000);
        // The queue grows by 20 % of the time.
        let growing = run(&mut delay, 2_000, 600, |sent| {
            20_000 + (sent - 2_000_000) / 5
        });
        assert!(growing.contains(&Usage::Over), "{growing:?}");
        let draining = run(&mut delay, 2_600, 240, |sent| {
            140_000 - (sent - 2_600_000) / 2
        });
        assert!(!draining[1..].contains(&Usage::Over), "{draining:?}");
        let drained = run(&mut delay, 2_840, 2_000, |_| 20_000);
        assert_eq!(drained.last(), Some(&Usage::Normal));
    }

    #[test]
    fn a_longer_way_is_over_use_only_for_a_while() {
        let mut delay = Delay::new();
        run(&mut delay, 0, 2_000, |_| 20_000);
        let longer = run(&mut delay, 2_000, 10_000, |_| 120_000);
        assert!(longer.contains(&Usage::Over));
        let later = run(&mut delay, 12_000, 5_000, |_| 120_000);
        assert!(
            later.iter().all(|usage| *usage == Usage::Normal),
            "{later:?}"
        );
    }

    #[test]
    fn jitter_is_no_over_use() {
        let mut random = 1_u64;
        let noise: Vec<i64> = std::iter::repeat_with(|| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (random >> 33) as i64 % 40_000
        })
        .take(4_000)
        .collect();
        let usages = run(&mut Delay::new(), 0, 20_000, |sent| {
            20_000 + noise[(sent / 5_000) as usize]
        });
        let over = usages.iter().filter(|usage| **usage == Usage::Over).count();
        assert!(over * 50 < usages.len(), "{over} of {}", usages.len());
    }
}
