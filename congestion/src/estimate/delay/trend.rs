//! The slope of the delay: packets in groups by time of sending, their delay variation summed, smoothed and regressed on time
//! (draft-ietf-rmcat-gcc-02, sections 5.2 to 5.5, with the trend line that libwebrtc has in place of the Kalman filter).

use super::{Micros, Usage};

/// Packets sent within this time make a group.
const GROUP: Micros = 5_000;
/// Groups that make a line.
const POINTS: usize = 20;
/// Share of the old in the smoothed delay.
const SMOOTHING: f64 = 0.9;
/// What the slope is multiplied with so that the threshold can be in milliseconds.
const GAIN: f64 = 4.0 * 60.0;
/// The threshold at first, and its limits.
const THRESHOLD: f64 = 12.5;
const MIN_THRESHOLD: f64 = 6.0;
const MAX_THRESHOLD: f64 = 100.0;
/// How fast the threshold follows the slope, per millisecond: up so that a competing TCP or jitter does not starve us, and
/// slower than that down.
const UP: f64 = 0.0087;
const DOWN: f64 = 0.00018;
/// A slope further beyond the threshold than this is no jitter, and leaves it alone.
const OUTLIER: f64 = 15.0;

/// The trend line.
#[derive(Debug)]
pub(super) struct Trend {
    group: Option<Group>,
    previous: Option<Group>,
    /// Sum of all variations, and the same smoothed, in ms.
    delay: f64,
    smoothed: f64,
    /// Time of arrival in ms and smoothed delay.
    points: [(f64, f64); POINTS],
    count: usize,
    threshold: f64,
    judged: Option<Micros>,
}

#[derive(Debug, Clone, Copy)]
struct Group {
    first_sent: Micros,
    sent: Micros,
    arrived: Micros,
}

impl Trend {
    pub(super) fn new() -> Self {
        Self {
            group: None,
            previous: None,
            delay: 0.0,
            smoothed: 0.0,
            points: [(0.0, 0.0); POINTS],
            count: 0,
            threshold: THRESHOLD,
            judged: None,
        }
    }

    pub(super) fn add(&mut self, sent: Micros, arrived: Micros) {
        if let Some(group) = &mut self.group {
            if sent - group.first_sent <= GROUP {
                group.sent = sent.max(group.sent);
                group.arrived = arrived.max(group.arrived);
                return;
            }
            let group = *group;
            self.complete(group);
        }
        self.group = Some(Group {
            first_sent: sent,
            sent,
            arrived,
        });
    }

    pub(super) fn judge(&mut self, now: Micros) -> Usage {
        let Some(slope) = self.slope() else {
            return Usage::Normal;
        };
        let slope = slope * GAIN;
        let passed = (now - self.judged.replace(now).unwrap_or(now)).clamp(0, 100_000) as f64;
        let beyond = slope.abs() - self.threshold;
        let usage = match slope {
            _ if beyond <= 0.0 => Usage::Normal,
            _ if slope > 0.0 => Usage::Over,
            _ => Usage::Under,
        };
        if beyond <= OUTLIER {
            let speed = if beyond > 0.0 { UP } else { DOWN };
            let step = beyond * (speed * passed / 1_000.0).min(1.0);
            self.threshold = (self.threshold + step).clamp(MIN_THRESHOLD, MAX_THRESHOLD);
        }
        usage
    }

    fn complete(&mut self, group: Group) {
        let Some(previous) = self.previous.replace(group) else {
            return;
        };
        let variation = (group.arrived - previous.arrived) - (group.sent - previous.sent);
        self.delay += variation as f64 / 1_000.0;
        self.smoothed = SMOOTHING * self.smoothed + (1.0 - SMOOTHING) * self.delay;
        self.points[self.count % POINTS] = (group.arrived as f64 / 1_000.0, self.smoothed);
        self.count += 1;
    }

    /// Milliseconds of delay per millisecond.
    fn slope(&self) -> Option<f64> {
        if self.count < POINTS {
            return None;
        }
        let n = POINTS as f64;
        let (x0, y0) = self.points[0];
        let (mut x, mut y, mut xx, mut xy) = (0.0, 0.0, 0.0, 0.0);
        for (at, delay) in self.points {
            let (at, delay) = (at - x0, delay - y0);
            x += at;
            y += delay;
            xx += at * at;
            xy += at * delay;
        }
        let spread = xx - x * x / n;
        (spread > 0.0).then(|| (xy - x * y / n) / spread)
    }
}
