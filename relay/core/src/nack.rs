//! Which lost packets to ask a publisher for, and when (RFC 4585 §6.2.1).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long a gap may be mere reordering before it counts as loss, on a line that reorders much.
const MAX_REORDERING: Duration = Duration::from_millis(20);
/// Time between two requests for one packet while the round trip is unknown.
const RETRY: Duration = Duration::from_millis(60);
/// Bounds of that time once the round trip is known.
const MIN_RETRY: Duration = Duration::from_millis(10);
const MAX_RETRY: Duration = Duration::from_millis(500);
/// How often one packet is asked for.
const MAX_REQUESTS: u8 = 8;
/// More missing packets than this are an outage: a keyframe repairs it cheaper than retransmissions.
const MAX_MISSING: usize = 1_024;

#[derive(Debug, Clone, Copy)]
struct Missing {
    since: Instant,
    next: Instant,
    requests: u8,
}

/// The missing packets of one sequence-number space.
#[derive(Debug, Default)]
pub struct NackGenerator {
    missing: BTreeMap<u64, Missing>,
    next: Option<Instant>,
    /// How long overtaken packets have taken to come, fading.
    reordering: Duration,
    /// From a request to the packet, smoothed as RFC 6298 §2 does.
    round_trip: Option<RoundTrip>,
    given_up: u64,
}

#[derive(Debug, Clone, Copy)]
struct RoundTrip {
    smoothed: Duration,
    variation: Duration,
}

impl RoundTrip {
    fn first(sample: Duration) -> Self {
        Self {
            smoothed: sample,
            variation: sample / 2,
        }
    }

    fn next(self, sample: Duration) -> Self {
        Self {
            smoothed: (self.smoothed * 7 + sample) / 8,
            variation: (self.variation * 3 + self.smoothed.abs_diff(sample)) / 4,
        }
    }
}

/// A gap too long to be repaired packet by packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage;

impl NackGenerator {
    /// The numbers `gap` were skipped.
    ///
    /// # Errors
    ///
    /// [`Outage`] when too much is missing; the generator has then forgotten everything.
    pub fn lost(&mut self, now: Instant, gap: std::ops::Range<u64>) -> Result<(), Outage> {
        let len = gap.end.saturating_sub(gap.start);
        if len as usize + self.missing.len() > MAX_MISSING {
            self.given_up += len + self.missing.len() as u64;
            self.missing.clear();
            return Err(Outage);
        }
        let first = now + self.reordering;
        self.missing.extend(gap.map(|sequence| {
            (
                sequence,
                Missing {
                    since: now,
                    next: first,
                    requests: 0,
                },
            )
        }));
        self.next = Some(self.next.map_or(first, |next| next.min(first)));
        Ok(())
    }

    /// A packet came late, or was repaired. Returns whether it had been asked for.
    pub fn arrived(&mut self, now: Instant, sequence: u64) -> Option<Repaired> {
        let missing = self.missing.remove(&sequence)?;
        let waited = now.saturating_duration_since(missing.since);
        match missing.requests {
            0 => {
                self.reordering = self.reordering.max(waited * 5 / 4).min(MAX_REORDERING);
                return Some(Repaired::Reordered);
            }
            // After a second request nobody knows which of them was answered (RFC 6298 §3).
            1 => {
                let sample = waited.saturating_sub(self.reordering);
                self.round_trip = Some(match self.round_trip {
                    None => RoundTrip::first(sample),
                    Some(known) => known.next(sample),
                });
                self.reordering = self.reordering * 31 / 32;
            }
            _ => {}
        }
        Some(Repaired::Requested)
    }

    /// The numbers to ask for now. Packets asked for often enough are given up.
    pub fn poll(&mut self, now: Instant) -> Vec<u64> {
        let mut due = Vec::new();
        if self.poll_timeout().is_none_or(|at| now < at) {
            return due;
        }
        let retry = self.retry();
        let mut next: Option<Instant> = None;
        let before = self.missing.len();
        self.missing.retain(|sequence, missing| {
            if missing.next <= now {
                if missing.requests == MAX_REQUESTS {
                    return false;
                }
                missing.requests += 1;
                missing.next = now + retry;
                due.push(*sequence);
            }
            next = Some(next.map_or(missing.next, |next| next.min(missing.next)));
            true
        });
        self.given_up += (before - self.missing.len()) as u64;
        self.next = next;
        due
    }

    /// Whether the packet is missing, and not given up.
    pub fn misses(&self, sequence: u64) -> bool {
        self.missing.contains_key(&sequence)
    }

    /// When [`poll`](Self::poll) has something to say.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.next.filter(|_| !self.missing.is_empty())
    }

    /// From a request to the packet, smoothed.
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip.map(|known| known.smoothed)
    }

    /// Packets that were not asked for any more.
    pub fn given_up(&self) -> u64 {
        self.given_up
    }

    /// A little longer than the answer takes, so that it is not asked for twice, and hardly longer, so that a lost answer costs no more
    /// than the round trip.
    fn retry(&self) -> Duration {
        self.round_trip.map_or(RETRY, |known| {
            (known.smoothed + (known.variation * 2).max(Duration::from_millis(5)))
                .clamp(MIN_RETRY, MAX_RETRY)
        })
    }
}

/// How much a viewer is sent again.
///
/// On a line that is too narrow every packet is late, asked for, and sent once more: without a bound, repair fills the line that
/// the lesson needs. A quarter of what was sent repairs a loss of 20 %, retransmissions' own losses included; what is lost beyond
/// that is congestion, which a lower layer cures and repetition does not.
#[derive(Debug, Clone, Copy)]
pub struct RepairBudget {
    /// In packets sent: a packet sent again costs [`SENT_PER_RESEND`](Self::SENT_PER_RESEND).
    credit: u64,
}

impl RepairBudget {
    /// Packets sent for each that may be sent again.
    const SENT_PER_RESEND: u64 = 4;
    /// Most that can be saved up: a whole 4K keyframe.
    const MAX: u64 = 512 * Self::SENT_PER_RESEND;

    /// These packets were sent for the first time.
    pub fn sent(&mut self, packets: u64) {
        self.credit = (self.credit + packets).min(Self::MAX);
    }

    /// Whether one more packet may be sent again.
    pub fn spend(&mut self) -> bool {
        let left = self.credit.checked_sub(Self::SENT_PER_RESEND);
        self.credit = left.unwrap_or(self.credit);
        left.is_some()
    }
}

impl Default for RepairBudget {
    /// Everything is saved up.
    fn default() -> Self {
        Self { credit: Self::MAX }
    }
}

/// How a missing packet came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repaired {
    /// It had only been overtaken.
    Reordered,
    /// It came after at least one request.
    Requested,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reordering_is_not_loss() {
        let start = Instant::now();
        let mut nack = NackGenerator::default();
        let waited = start + Duration::from_millis(8);
        nack.lost(start, 5..6).unwrap();
        assert_eq!(nack.arrived(waited, 5), Some(Repaired::Reordered));
        assert!(nack.poll(start + MAX_REORDERING).is_empty());
        nack.lost(start, 7..8).unwrap();
        assert!(
            nack.poll(waited).is_empty(),
            "it may be overtaken as the other was"
        );
        assert_eq!(nack.poll(start + Duration::from_millis(10)), [7]);
    }

    #[test]
    fn requests_are_a_round_trip_apart() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut nack = NackGenerator::default();
        for sequence in 0..50 {
            nack.lost(at(sequence * 100), sequence..sequence + 1)
                .unwrap();
            assert_eq!(nack.poll(at(sequence * 100)), [sequence], "at once");
            nack.arrived(at(sequence * 100 + 40), sequence);
        }
        assert_eq!(nack.round_trip(), Some(Duration::from_millis(40)));
        nack.lost(at(6_000), 90..91).unwrap();
        nack.poll(at(6_000));
        assert_eq!(nack.poll_timeout(), Some(at(6_045)));
        assert!(nack.poll(at(6_044)).is_empty());
        assert_eq!(nack.poll(at(6_045)), [90]);
        nack.arrived(at(6_090), 90);
        assert_eq!(
            nack.round_trip(),
            Some(Duration::from_millis(40)),
            "which request was answered is unknown"
        );
    }

    #[test]
    fn a_lost_packet_is_asked_for_until_it_comes() {
        let start = Instant::now();
        let mut nack = NackGenerator::default();
        nack.lost(start, 5..7).unwrap();
        assert_eq!(nack.poll(start), [5, 6]);
        assert!(
            nack.poll(start + RETRY / 2).is_empty(),
            "not before the retry time"
        );
        let answered = start + RETRY * 2 / 3;
        assert_eq!(nack.arrived(answered, 6), Some(Repaired::Requested));
        assert_eq!(nack.poll(start + RETRY), [5]);
    }

    #[test]
    fn requests_end() {
        let mut now = Instant::now();
        let mut nack = NackGenerator::default();
        nack.lost(now, 5..6).unwrap();
        let mut requests = 0;
        for _ in 0..100 {
            now += RETRY;
            requests += nack.poll(now).len();
        }
        assert_eq!(requests, usize::from(MAX_REQUESTS));
        assert_eq!((nack.poll_timeout(), nack.given_up()), (None, 1));
    }

    #[test]
    fn repair_takes_a_quarter_of_what_is_sent() {
        let mut budget = RepairBudget::default();
        assert_eq!(
            (0..10_000).filter(|_| budget.spend()).count(),
            512,
            "a keyframe at once"
        );
        budget.sent(400);
        assert_eq!((0..10_000).filter(|_| budget.spend()).count(), 100);
        budget.sent(1_000_000);
        assert_eq!(
            (0..10_000).filter(|_| budget.spend()).count(),
            512,
            "savings are bounded"
        );
    }

    #[test]
    fn an_outage_is_not_repaired_packet_by_packet() {
        let mut nack = NackGenerator::default();
        assert_eq!(nack.lost(Instant::now(), 0..5_000), Err(Outage));
        assert_eq!(nack.poll_timeout(), None);
    }
}
