//! What a feedback makes of the target: loss first, then delay, then what trains have shown.

use super::delay::Usage;
use super::loss::Verdict;
use super::train::Capacity;
use super::{Estimate, Micros};

/// The part of what trains have shown that a target may be.
pub(super) const SHARE: f64 = 0.95;
/// With a queue from this many microseconds on, a train shows its share rather than the line's capacity.
const SETTLED_QUEUE: f64 = 15_000.0;
/// A queue up to this many microseconds has only begun.
const SMALL_QUEUE: f64 = 60_000.0;
/// A queue from this many microseconds on explains loss.
const LOSING_QUEUE: f64 = 25_000.0;
/// Windows of the delivered rate: the usual one, and one for when a queue makes arrivals even.
const WINDOW: Micros = 500_000;
const SHORT_WINDOW: Micros = 200_000;
/// How far the target may climb beyond what is wanted: enough for an allocator's headroom.
const BEYOND_WANT: f64 = 1.25;

impl Estimate {
    pub(super) fn adapt(&mut self, now: Micros) {
        let usage = self.delay.judge(now);
        let queue = self.delay.queue();
        let passed = self.aimd.step(now);
        let verdict = self
            .loss
            .judge(now, self.aimd.target(), queue > LOSING_QUEUE);
        self.capacity = self.trains.capacity(now);
        if let Some(capacity) = self.capacity
            && usage == Usage::Normal
            && queue < SETTLED_QUEUE
        {
            self.ascent.observe(now, capacity);
        }
        self.heed_loss(now, verdict);
        match usage {
            Usage::Over => self.heed_over_use(now, queue),
            Usage::Normal if verdict == Verdict::Fine && !self.loss.is_trial() => {
                self.rise(now, passed);
            }
            Usage::Normal | Usage::Under => {}
        }
        if let Some(Capacity {
            arrived,
            is_limit: true,
            ..
        }) = self.capacity
            && let Some(delivered) = self.delivered.rate(WINDOW)
        {
            self.aimd.approach((SHARE * arrived).max(delivered));
        }
        self.set_pace(now);
    }

    fn heed_loss(&mut self, now: Micros, verdict: Verdict) {
        match verdict {
            Verdict::Fine => {}
            Verdict::Lower(limit) => {
                self.aimd.lower(limit);
                self.ascent.failed(now, limit);
            }
            Verdict::Restore(target) => {
                self.aimd.set(target);
                self.ascent.reset(now);
            }
            Verdict::Limited(limit) => {
                self.aimd.limited(limit);
                self.ascent.failed(now, limit);
            }
        }
    }

    fn heed_over_use(&mut self, now: Micros, queue: f64) {
        self.over_used = Some(now);
        self.loss.overruled(now);
        let delivered = self.delivered.rate(SHORT_WINDOW);
        self.ascent
            .failed(now, delivered.unwrap_or(self.aimd.target()));
        if let Some(delivered) = delivered {
            self.aimd.over_used(now, delivered, queue < SMALL_QUEUE);
        }
    }

    fn rise(&mut self, now: Micros, passed: f64) {
        if let Some(delivered) = self.delivered.rate(WINDOW) {
            let round_trip = self.round_trip.smoothed().unwrap_or(0.0);
            self.aimd.increase(passed, delivered, round_trip);
        }
        if let Some(capacity) = self.capacity
            && self.ascent.is_open(now)
        {
            let goal = (SHARE * capacity.shown)
                .min(BEYOND_WANT * self.want)
                .min(self.ascent.limit(now));
            if self.aimd.climb(passed, goal) {
                self.ascent.climbs(now, capacity.shown);
            }
        }
    }
}
