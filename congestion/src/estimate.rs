//! What a line carries, estimated by its sending end.

use std::time::{Duration, Instant};

use crate::arrivals::Feedback;

/// The sending side's estimate of one line.
#[derive(Debug)]
pub struct Estimate {
    next: u16,
    target: u64,
}

/// Padding to be sent at once, so that its arrival shows whether the line carries more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// Bytes on the wire, all numbered by [`Estimate::sent`].
    pub bytes: usize,
}

impl Estimate {
    /// `start` in bit/s holds until something is known.
    pub fn new(_now: Instant, start: u64) -> Self {
        Self {
            next: 0,
            target: start,
        }
    }

    /// A packet of `bytes` on the wire leaves; returns its transport-wide number.
    pub fn sent(&mut self, _now: Instant, _bytes: usize) -> u16 {
        let number = self.next;
        self.next = number.wrapping_add(1);
        number
    }

    /// The receiving end tells when packets arrived.
    pub fn feedback(&mut self, _now: Instant, _feedback: &Feedback) {}

    /// A receiver-side estimate in bit/s (draft-alvestrand-rmcat-remb).
    pub fn remb(&mut self, _now: Instant, _bitrate: u64) {}

    /// A reception report: the fraction lost in 1/256, and the round trip where it tells one.
    pub fn reception(&mut self, _now: Instant, _fraction_lost: u8, _round_trip: Option<Duration>) {}

    /// Bit/s that could be used; there is no probing beyond it.
    pub fn want(&mut self, _bitrate: u64) {}

    /// Advances timers; call it every 20 ms. Returns the padding to send now.
    pub fn poll(&mut self, _now: Instant) -> Option<Probe> {
        None
    }

    /// Bit/s that the line is believed to carry.
    pub fn target(&self) -> u64 {
        self.target
    }

    /// Bit/s at which bursts may leave.
    pub fn pace(&self) -> u64 {
        u64::MAX
    }

    /// The smoothed round trip.
    pub fn round_trip(&self) -> Option<Duration> {
        None
    }

    /// The fraction lost lately, before repair, 0 to 1.
    pub fn loss(&self) -> f32 {
        0.0
    }
}
