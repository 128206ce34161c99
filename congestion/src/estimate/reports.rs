//! Receivers without transport-wide feedback: a cap by REMB, and loss as reception reports tell it.

use super::aimd::Aimd;
use super::{Micros, clamp};

/// Without feedback for so long, reports decide.
pub(super) const DEAF: Micros = 2_000_000;
/// A cap that is not repeated ends after this time.
const MAX_AGE: Micros = 10_000_000;
/// More is nonsense.
const MAX_REMB: u64 = 10_000_000_000;
/// Below this, the target rises; above that, it falls; relative to what the line loses anyway.
const LITTLE: f64 = 0.02;
const MUCH: f64 = 0.10;
/// The rise in a second.
const INCREASE: f64 = 0.08;
/// A decrease must be seen to work before the next.
const PAUSE: Micros = 1_000_000;
/// Part of the loss that stays after a decrease if the rate did not cause it.
const SAME: f64 = 0.7;
/// Nothing that loses more than this is a line that could carry what it is given.
const MAX_INHERENT: f64 = 0.25;

/// What reports have told.
#[derive(Debug)]
pub(super) struct Reports {
    remb: Option<(Micros, f64)>,
    loss: Option<f64>,
    inherent: f64,
    updated: Option<Micros>,
    /// The target was lowered because of loss: when, from what, and the loss.
    lowered: Option<(Micros, f64, f64)>,
}

impl Reports {
    pub(super) fn new() -> Self {
        Self {
            remb: None,
            loss: None,
            inherent: 0.0,
            updated: None,
            lowered: None,
        }
    }

    /// Whether a receiver-side estimate makes sense.
    pub(super) fn remb(&mut self, now: Micros, bitrate: u64) -> bool {
        let is_sane = (1..=MAX_REMB).contains(&bitrate);
        if is_sane {
            self.remb = Some((now, clamp(bitrate as f64)));
        }
        is_sane
    }

    /// The receiver's estimate is all there is: the target rises to it.
    pub(super) fn follow(&self, aimd: &mut Aimd) {
        if let Some((_, remb)) = self.remb
            && self.loss.is_none_or(|loss| loss - self.inherent < MUCH)
        {
            aimd.set(remb.max(aimd.target()));
        }
    }

    pub(super) fn expire(&mut self, now: Micros) {
        if self.remb.is_some_and(|(at, _)| now - at > MAX_AGE) {
            self.remb = None;
        }
    }

    /// `target`, and not more than the receiver says.
    pub(super) fn cap(&self, target: f64) -> f64 {
        self.remb.map_or(target, |(_, remb)| target.min(remb))
    }

    pub(super) fn is_any(&self) -> bool {
        self.remb.is_some() || self.updated.is_some()
    }

    /// The fraction lost lately.
    pub(super) fn loss(&self) -> f64 {
        self.loss.unwrap_or(0.0)
    }

    pub(super) fn reception(&mut self, now: Micros, fraction: f64, aimd: &mut Aimd) {
        let passed = self.updated.map_or(0, |updated| now - updated);
        self.updated = Some(now);
        let loss = self.loss.get_or_insert(fraction);
        *loss += 0.3 * (fraction - *loss);
        if fraction < self.inherent {
            self.inherent += 0.2 * (fraction - self.inherent);
        }
        if let Some((at, before, lost)) = self.lowered {
            if now - at < PAUSE {
                return;
            }
            self.lowered = None;
            if fraction >= SAME * lost && fraction <= MAX_INHERENT {
                self.inherent = fraction;
                aimd.set(before);
            }
        }
        let beyond = fraction - self.inherent;
        if beyond > MUCH {
            self.lowered = Some((now, aimd.target(), fraction));
            aimd.set(aimd.target() * (1.0 - fraction / 2.0));
        } else if beyond < LITTLE {
            let seconds = passed.clamp(0, 5_000_000) as f64 / 1e6;
            aimd.set(aimd.target() * (1.0 + INCREASE).powf(seconds));
        }
    }
}
