//! How fast a layer is sent: rates to be weighed against what a line carries.

use std::time::{Duration, Instant};

/// The window is cut into so many pieces of [`PIECE`]. It is long, because keyframes that somebody asked for are no part of the rate.
const PIECES: usize = 32;
const PIECE: Duration = Duration::from_millis(125);
/// Less than this of a layer tells nothing about its rate.
const YOUNG: Duration = Duration::from_millis(250);
/// A layer that is silent for this long beyond its usual pauses, while others go on, has been stopped by its publisher.
const SILENCE: Duration = Duration::from_millis(600);

/// The bytes of the last four seconds, without the first frame: a keyframe for itself tells nothing about the rate.
#[derive(Debug, Clone)]
pub struct Meter {
    began: Instant,
    latest: Instant,
    first: Option<u32>,
    timestamp: u32,
    /// Usual time between two frames.
    pause: Duration,
    pieces: [u64; PIECES],
    /// Number of the piece that is being filled, counted from `began`.
    piece: u64,
}

impl Meter {
    /// The first packet has arrived, or is about to.
    pub fn new(now: Instant) -> Self {
        Self {
            began: now,
            latest: now,
            first: None,
            timestamp: 0,
            pause: Duration::ZERO,
            pieces: [0; PIECES],
            piece: 0,
        }
    }

    /// A packet arrived.
    pub fn add(&mut self, now: Instant, timestamp: u32, bytes: usize) {
        self.advance(now);
        if *self.first.get_or_insert(timestamp) != timestamp {
            self.pieces[self.piece as usize % PIECES] += bytes as u64;
        }
        if timestamp != self.timestamp {
            let pause = now.saturating_duration_since(self.latest);
            self.pause = (self.pause * 7 + pause.min(SILENCE * 8)) / 8;
        }
        (self.latest, self.timestamp) = (now, timestamp);
    }

    /// Bit/s over the window, or since the beginning; `None` before that tells anything.
    pub fn rate(&mut self, now: Instant) -> Option<u64> {
        let age = now.saturating_duration_since(self.began);
        if age < YOUNG {
            return None;
        }
        self.advance(now);
        // The piece that is being filled counts as far as it is.
        let window = age.min(PIECE * (PIECES as u32 - 1) + age_within(age));
        let bytes: u64 = self.pieces.iter().sum();
        let bits = u128::from(bytes) * 8_000_000;
        Some((bits / window.as_micros().max(1)) as u64)
    }

    /// When the latest packet arrived.
    pub fn latest(&self) -> Instant {
        self.latest
    }

    /// Whether the layer goes on, when the track's latest packet of any layer came at `track`.
    pub fn is_active(&self, track: Instant) -> bool {
        track.saturating_duration_since(self.latest) < SILENCE + 2 * self.pause
    }

    fn advance(&mut self, now: Instant) {
        let age = now.saturating_duration_since(self.began);
        let piece = (age.as_millis() / PIECE.as_millis()) as u64;
        let passed = (piece - self.piece.min(piece)).min(PIECES as u64);
        for emptied in 1..=passed {
            self.pieces[(piece - passed + emptied) as usize % PIECES] = 0;
        }
        self.piece = self.piece.max(piece);
    }
}

/// How far the piece that is being filled has come.
fn age_within(age: Duration) -> Duration {
    Duration::from_micros((age.as_micros() % PIECE.as_micros()) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    #[test]
    fn an_even_flow_is_measured_from_early_on() {
        let start = Instant::now();
        let mut meter = Meter::new(start);
        for ms in 0..10_000u64 {
            meter.add(at(start, ms), ms as u32 / 33, 125);
            let rate = meter.rate(at(start, ms));
            match rate {
                None => assert!(ms < 250),
                Some(rate) if ms < 1_000 => assert!((850_000..=1_000_000).contains(&rate)),
                Some(rate) => assert!((950_000..1_050_000).contains(&rate), "{ms}: {rate}"),
            }
        }
    }

    #[test]
    fn the_first_keyframe_is_no_part_of_the_rate() {
        let start = Instant::now();
        let mut meter = Meter::new(start);
        meter.add(start, 7, 1_000_000);
        meter.add(at(start, 100), 8, 12_500);
        meter.add(at(start, 900), 9, 12_500);
        assert_eq!(meter.rate(at(start, 1_000)), Some(200_000));
    }

    #[test]
    fn a_layer_that_stops_loses_its_rate_and_is_inactive() {
        let start = Instant::now();
        let mut meter = Meter::new(start);
        for ms in 0..1_000 {
            meter.add(at(start, ms), ms as u32, 125);
        }
        assert!(meter.is_active(at(start, 1_500)));
        assert!(!meter.is_active(at(start, 1_700)));
        assert_eq!(meter.rate(at(start, 60_000)), Some(0));
    }

    #[test]
    fn a_layer_of_few_frames_is_not_taken_for_stopped() {
        let start = Instant::now();
        let mut meter = Meter::new(start);
        for second in 0..60 {
            meter.add(at(start, second * 1_000), second as u32, 10_000);
        }
        assert!(meter.is_active(at(start, 61_000)));
        assert!(!meter.is_active(at(start, 65_000)));
    }
}
