//! What is told of a viewer's line once a second, and what its client tells of it.

use std::time::{Duration, Instant};

use congestion::arrivals::Feedback;
use relay_core::key::SessionKey;
use relay_core::line::{Hop, Reading, Shown, SlotReading};

use super::{Filled, Viewer};
use crate::worker::rtcp;
use crate::worker::track::Tracks;

/// Counts of the present second.
#[derive(Debug, Default)]
pub struct Line {
    /// Packets sent for the first time.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes of sound among them.
    pub sound: u64,
    /// Packets sent again.
    pub resent: u64,
    /// What had been lost in all when the second began.
    lost: u64,
    /// Jitter of the worst slot.
    jitter: Option<Duration>,
    /// Bit/s of sound in the second before.
    sound_rate: u64,
}

impl Line {
    /// Bit/s that sound takes of the line, its share of headers included.
    pub fn sound_rate(&self) -> u64 {
        self.sound_rate
    }
}

impl Viewer {
    /// When packets arrived.
    pub fn transport_feedback(&mut self, now: Instant, feedback: &Feedback) {
        self.is_informed = true;
        self.estimate.feedback(now, feedback);
    }

    /// A receiver-side estimate, bit/s.
    pub fn remb(&mut self, now: Instant, bitrate: u64) {
        self.is_informed = true;
        self.estimate.remb(now, bitrate);
    }

    /// A reception report about one of the slots.
    pub fn reception(&mut self, now: Instant, reception: rtcp::Reception) {
        let Some(filled) = self
            .slots
            .iter()
            .find(|filled| filled.ssrc == reception.ssrc)
        else {
            return;
        };
        let jitter = Duration::from_secs(u64::from(reception.jitter)) / filled.clock_rate().max(1);
        self.line.jitter = self.line.jitter.max(Some(jitter));
        let round_trip = reception.echo.and_then(|echo| filled.round_trip(now, echo));
        self.estimate
            .reception(now, reception.fraction_lost, round_trip);
    }

    /// The last second's line.
    pub fn reading(
        &mut self,
        now: Instant,
        session: SessionKey,
        silence: Duration,
        tracks: &Tracks,
    ) -> Reading {
        let line = std::mem::take(&mut self.line);
        self.line.sound_rate = line.sound * 8 * 5 / 4;
        self.line.lost = self.estimate.lost();
        let slots = (0..)
            .zip(&self.slots)
            .filter(|(_, filled)| filled.class.is_some())
            .map(|(slot, filled)| SlotReading {
                slot,
                track: filled.track.as_ref().map(|track| track.key),
                shown: shown(filled, tracks),
            })
            .collect();
        Reading {
            at: now,
            session,
            packets: line.packets,
            bytes: line.bytes,
            lost: self.line.lost.saturating_sub(line.lost),
            resent: line.resent,
            round_trip: self.estimate.round_trip(),
            jitter: line.jitter,
            estimate: self.is_informed.then(|| self.estimate.target()),
            silence: Some(silence),
            hop: Hop::Downlink { slots },
        }
    }
}

fn shown(filled: &Filled, tracks: &Tracks) -> Shown {
    let Some(track) = &filled.track else {
        return Shown::Empty;
    };
    let Some(layer) = filled.share.layer() else {
        return Shown::Paused;
    };
    let layer = filled.slot.showing().map_or(layer, |showing| showing.layer);
    let rates = tracks.get(&track.key).map(|track| &*track.rates);
    let rates = rates.unwrap_or_default();
    let index = rates.iter().position(|rate| rate.layer == layer);
    Shown::Layer {
        index: index.and_then(|at| u8::try_from(at).ok()).unwrap_or(0),
        of: u8::try_from(rates.len()).unwrap_or(u8::MAX).max(1),
    }
}
