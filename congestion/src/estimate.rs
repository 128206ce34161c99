//! What a line carries, estimated by its sending end.
//!
//! Own reading of draft-ietf-rmcat-gcc-02, for a sender whose rate comes in steps: trains of packets show what the line could
//! carry long before it is sent, and the delay has the last word.

mod adapt;
mod aimd;
mod ascent;
mod delay;
mod history;
mod loss;
mod rate;
mod reports;
mod round_trip;
mod train;

use std::time::{Duration, Instant};

use crate::arrivals::Feedback;
use aimd::Aimd;
use ascent::Ascent;
use delay::Delay;
use history::{History, Reading, Report};
use loss::Loss;
use rate::Delivered;
use reports::Reports;
use round_trip::RoundTrip;
use train::{Capacity, Trains};

/// Time since the estimate began, and spans of it.
type Micros = i64;

/// The target is never below this, in bit/s.
pub const MIN_TARGET: u64 = 50_000;
/// The target is never above this, in bit/s.
pub const MAX_TARGET: u64 = 1_000_000_000;

/// Bursts may leave at this many bit/s before anything is known.
const FIRST_PACE: f64 = 40e6;
const MIN_PACE: f64 = 2e6;
/// Without feedback for so long, the line was cut.
const INTERRUPTION: Micros = 800_000;
/// After over-use, bursts are paced close to the target for so long.
const CAREFUL: Micros = 400_000;
/// No clock runs for longer: 30,000 years.
const MAX_SECONDS: u64 = 1 << 40;

/// The sending side's estimate of one line.
#[derive(Debug)]
pub struct Estimate {
    epoch: Instant,
    history: History,
    delivered: Delivered,
    delay: Delay,
    trains: Trains,
    /// What trains showed at the latest feedback.
    capacity: Option<Capacity>,
    loss: Loss,
    aimd: Aimd,
    ascent: Ascent,
    reports: Reports,
    round_trip: RoundTrip,
    want: f64,
    /// The latest feedback that told something.
    heard: Option<Micros>,
    /// What was sent before says nothing about the line of today.
    since: Micros,
    over_used: Option<Micros>,
    pace: f64,
}

/// Padding to be sent at once, so that its arrival shows whether the line carries more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// Bytes on the wire, all numbered by [`Estimate::sent`].
    pub bytes: usize,
}

impl Estimate {
    /// `start` in bit/s holds until something is known.
    pub fn new(now: Instant, start: u64) -> Self {
        let start = clamp(start as f64);
        Self {
            epoch: now,
            history: History::new(),
            delivered: Delivered::new(),
            delay: Delay::new(),
            trains: Trains::new(),
            capacity: None,
            loss: Loss::new(),
            aimd: Aimd::new(0, start),
            ascent: Ascent::new(),
            reports: Reports::new(),
            round_trip: RoundTrip::default(),
            want: start,
            heard: None,
            since: 0,
            over_used: None,
            pace: FIRST_PACE,
        }
    }

    /// A packet of `bytes` on the wire leaves; returns its transport-wide number.
    pub fn sent(&mut self, now: Instant, bytes: usize) -> u16 {
        let now = self.micros(now);
        self.history.push(now, bytes)
    }

    /// A packet leaves again under the number it had: its arrival will not tell any more that it was not lost.
    pub fn repeated(&mut self, number: u16) {
        self.history.repeat(number);
    }

    /// The receiving end tells when packets arrived.
    pub fn feedback(&mut self, now: Instant, feedback: &Feedback) {
        let now = self.micros(now);
        let origin = match self.history.read_clock(now, feedback) {
            None => return,
            Some(Reading::From(origin)) => origin,
            Some(Reading::Anew(origin)) => {
                self.interrupted(now);
                origin
            }
        };
        if self.heard.is_some_and(|heard| now - heard > INTERRUPTION) {
            self.interrupted(now);
        }
        let mut newest = None;
        let since = self.since;
        self.history
            .match_up(now, origin, feedback, |report| match report {
                Report::Missing { sent, bytes } => self.loss.add(sent, bytes, true),
                Report::Received {
                    sent,
                    arrived,
                    bytes,
                    is_late,
                } => {
                    newest = newest.max(Some(sent));
                    self.delivered.add(arrived, bytes);
                    if is_late {
                        self.loss.late(sent, bytes);
                        return;
                    }
                    self.loss.add(sent, bytes, false);
                    if sent >= since {
                        self.delay.add(sent, arrived);
                        self.trains.add(sent, arrived, bytes);
                    }
                }
            });
        let Some(newest) = newest else {
            return;
        };
        self.heard = Some(now);
        self.round_trip.measure(now, now - newest);
        self.adapt(now);
    }

    /// A receiver-side estimate in bit/s (draft-alvestrand-rmcat-remb). Zero and more than 10 Gbit/s are ignored.
    pub fn remb(&mut self, now: Instant, bitrate: u64) {
        let now = self.micros(now);
        let is_deaf = self.is_deaf(now);
        if self.reports.remb(now, bitrate) && is_deaf {
            self.reports.follow(&mut self.aimd);
        }
        self.set_pace(now);
    }

    /// A reception report: the fraction lost in 1/256, and the round trip where it tells one. The loss counts for receivers
    /// without transport-wide feedback only.
    pub fn reception(&mut self, now: Instant, fraction_lost: u8, round_trip: Option<Duration>) {
        let now = self.micros(now);
        if let Some(round_trip) = round_trip {
            let round_trip = Micros::try_from(round_trip.as_micros()).unwrap_or(Micros::MAX);
            self.round_trip.report(now, round_trip);
        }
        if self.is_deaf(now) {
            let fraction = f64::from(fraction_lost) / 256.0;
            self.reports.reception(now, fraction, &mut self.aimd);
        }
        self.set_pace(now);
    }

    /// Bit/s that could be used; there is no probing beyond it. At first it is what the estimate starts with.
    pub fn want(&mut self, bitrate: u64) {
        self.want = clamp(bitrate as f64);
    }

    /// Advances timers; call it every 20 ms. Returns the padding to send now.
    pub fn poll(&mut self, now: Instant) -> Option<Probe> {
        let now = self.micros(now);
        self.reports.expire(now);
        self.capacity.take_if(|_| self.trains.are_old(now));
        self.set_pace(now);
        let is_heard = self.heard.is_some_and(|heard| now - heard < INTERRUPTION);
        let target = self.aimd.target();
        if !is_heard
            || self.reports.cap(target) < target
            || target >= adapt::SHARE * self.want
            || self.is_careful(now)
            || self.loss.is_trial()
        {
            return None;
        }
        self.ascent.probe(now, target, self.capacity)
    }

    /// Bit/s that the line is believed to carry: [`MIN_TARGET`] to [`MAX_TARGET`].
    pub fn target(&self) -> u64 {
        clamp(self.reports.cap(self.aimd.target())) as u64
    }

    /// Bit/s at which bursts may leave.
    pub fn pace(&self) -> u64 {
        self.pace as u64
    }

    /// The smoothed round trip.
    pub fn round_trip(&self) -> Option<Duration> {
        let smoothed = self.round_trip.smoothed()?;
        Some(Duration::from_micros(smoothed as u64))
    }

    /// The fraction lost lately, before repair, 0 to 1.
    pub fn loss(&self) -> f32 {
        self.loss.smoothed().max(self.reports.loss()) as f32
    }

    /// The fraction that the line loses at any rate, 0 to 1.
    pub fn inherent_loss(&self) -> f32 {
        self.loss.inherent() as f32
    }

    /// How long packets wait in the line's queue at present.
    pub fn queue(&self) -> Duration {
        Duration::from_micros(self.delay.queue() as u64)
    }

    /// Packets lost so far, before repair. One that has only been late is taken back, so the count may fall. Count these rather
    /// than what a single feedback has missing: feedback may cover a number more than once.
    pub fn lost(&self) -> u64 {
        self.history.missing()
    }

    /// Reports about packets that were never sent, that are forgotten, or that were reported before.
    pub fn unmatched(&self) -> u64 {
        self.history.unmatched()
    }

    /// The line was cut, or leads elsewhere: what is measured begins anew, what was concluded stays.
    fn interrupted(&mut self, now: Micros) {
        self.since = now;
        self.delivered.forget();
        self.delay.forget();
        self.trains.forget();
        self.capacity = None;
        self.loss.interrupted(now);
    }

    /// Whether the receiver gives no transport-wide feedback.
    fn is_deaf(&self, now: Micros) -> bool {
        self.heard.is_none_or(|heard| now - heard > reports::DEAF)
    }

    fn is_careful(&self, now: Micros) -> bool {
        self.over_used.is_some_and(|at| now - at < CAREFUL)
    }

    fn set_pace(&mut self, now: Micros) {
        let target = self.target() as f64;
        self.pace = if self.heard.is_none() && !self.reports.is_any() {
            FIRST_PACE
        } else if self.is_careful(now) {
            1.2 * target + MIN_PACE / 4.0
        } else {
            let carried = self.capacity.map_or(0.0, |capacity| 0.8 * capacity.shown);
            carried.max(2.5 * target)
        }
        .max(MIN_PACE);
    }

    fn micros(&self, at: Instant) -> Micros {
        let since = at.saturating_duration_since(self.epoch);
        let seconds = since.as_secs().min(MAX_SECONDS) as Micros;
        seconds * 1_000_000 + Micros::from(since.subsec_micros())
    }
}

fn clamp(bitrate: f64) -> f64 {
    bitrate.clamp(MIN_TARGET as f64, MAX_TARGET as f64)
}
