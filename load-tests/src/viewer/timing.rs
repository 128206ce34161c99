//! When to ask for a missing packet, and when to ask again.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Taken for the round trip until it has been measured.
const FIRST_ROUND_TRIP: Duration = Duration::from_millis(60);
/// A repair that was lost itself looks like a long round trip: the shortest of so many counts.
const SAMPLES: usize = 16;
/// What a request waits for at most, however long packets have been seen to overtake each other.
const MAX_REORDERING: Duration = Duration::from_millis(20);
/// Reordering that was not seen for so long is over.
const REORDERING_MEMORY: Duration = Duration::from_secs(10);
/// Beyond the round trip, for the other end's own pace.
const MARGIN: Duration = Duration::from_millis(5);

/// What the line of one viewer has been seen to do.
#[derive(Debug, Default)]
pub struct Timing {
    round_trips: VecDeque<Duration>,
    /// How long a packet was overtaken for, at most, and when that was last so.
    reordering: Option<(Duration, Instant)>,
}

/// How a packet came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// On its own SSRC, where repairs come on another: it is the first sending.
    First,
    /// On its own SSRC, where repairs come, too.
    Either,
    /// As a repair.
    Repair,
}

/// A packet that had been missing.
#[derive(Debug, Clone, Copy)]
pub struct Absence {
    /// When a later packet arrived.
    pub since: Instant,
    /// When it was first asked for.
    pub asked: Option<Instant>,
}

impl Timing {
    /// Takes note of a packet that had been missing and is there.
    pub(super) fn ended(&mut self, now: Instant, absence: Absence, via: Via) {
        let waited = absence
            .asked
            .map(|asked| now.saturating_duration_since(asked));
        let overtaken = match (via, waited) {
            (Via::First, _) | (_, None) => true,
            (Via::Repair, Some(_)) => false,
            // Sooner than any repair ever came.
            (Via::Either, Some(waited)) => waited < self.round_trip() / 2,
        };
        if overtaken {
            let by = now.saturating_duration_since(absence.since);
            let longest = self.reordering(now).map_or(by, |known| known.max(by));
            self.reordering = Some((longest, now));
        } else if let Some(waited) = waited {
            self.round_trips.truncate(SAMPLES - 1);
            self.round_trips.push_front(waited);
        }
    }

    /// Between noticing a gap and asking.
    pub fn patience(&self, now: Instant) -> Duration {
        self.reordering(now)
            .map_or(Duration::ZERO, |longest| longest.min(MAX_REORDERING))
    }

    /// Between asking and asking again.
    pub fn retry(&self) -> Duration {
        self.round_trip().mul_f64(1.2) + MARGIN
    }

    fn round_trip(&self) -> Duration {
        let shortest = self.round_trips.iter().min();
        shortest.copied().unwrap_or(FIRST_ROUND_TRIP)
    }

    fn reordering(&self, now: Instant) -> Option<Duration> {
        self.reordering
            .filter(|(_, seen)| now.saturating_duration_since(*seen) < REORDERING_MEMORY)
            .map(|(longest, _)| longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn asks_again_after_what_repairs_take() {
        let start = Instant::now();
        let mut timing = Timing::default();
        assert_eq!(timing.retry(), 77 * MS);
        // The first repair of the second packet was lost.
        for waited in [40 * MS, 93 * MS] {
            let absence = Absence {
                since: start,
                asked: Some(start),
            };
            timing.ended(start + waited, absence, Via::Repair);
        }
        assert_eq!(timing.retry(), 53 * MS);
        assert_eq!(timing.patience(start), Duration::ZERO);
    }

    #[test]
    fn waits_for_what_is_known_to_be_overtaken() {
        let start = Instant::now();
        let mut timing = Timing::default();
        let asked = |asked| Absence {
            since: start,
            asked,
        };
        timing.ended(start + 8 * MS, asked(None), Via::Either);
        assert_eq!(timing.patience(start + 8 * MS), 8 * MS);
        timing.ended(start + 12 * MS, asked(Some(start)), Via::Either);
        assert_eq!(timing.patience(start + 12 * MS), 12 * MS);
        timing.ended(start + 300 * MS, asked(Some(start)), Via::First);
        assert_eq!(timing.patience(start + 300 * MS), MAX_REORDERING);
        assert_eq!(timing.retry(), 77 * MS, "none of these was a repair");
        let later = start + 301 * MS + REORDERING_MEMORY;
        assert_eq!(timing.patience(later), Duration::ZERO);
    }
}
