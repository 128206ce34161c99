//! Which lost packets to ask a publisher for, and when (RFC 4585 §6.2.1).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long a gap may be mere reordering before it counts as loss.
const REORDERING: Duration = Duration::from_millis(10);
/// Time between two requests for one packet while the round trip is unknown.
const RETRY: Duration = Duration::from_millis(60);
/// How often one packet is asked for.
const MAX_REQUESTS: u8 = 8;
/// More missing packets than this are an outage: a keyframe repairs it cheaper than retransmissions.
const MAX_MISSING: usize = 1_024;

#[derive(Debug, Clone, Copy)]
struct Missing {
    next: Instant,
    requests: u8,
}

/// The missing packets of one sequence-number space.
#[derive(Debug, Default)]
pub struct NackGenerator {
    missing: BTreeMap<u64, Missing>,
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
            self.missing.clear();
            return Err(Outage);
        }
        self.missing.extend(gap.map(|sequence| {
            (
                sequence,
                Missing {
                    next: now + REORDERING,
                    requests: 0,
                },
            )
        }));
        Ok(())
    }

    /// A packet came late, or was repaired. Returns whether it had been asked for.
    pub fn arrived(&mut self, sequence: u64) -> Option<Repaired> {
        let missing = self.missing.remove(&sequence)?;
        Some(if missing.requests > 0 {
            Repaired::Requested
        } else {
            Repaired::Reordered
        })
    }

    /// The numbers to ask for now. Packets asked for often enough are given up.
    pub fn poll(&mut self, now: Instant) -> Vec<u64> {
        let mut due = Vec::new();
        self.missing.retain(|sequence, missing| {
            if missing.next > now {
                return true;
            }
            if missing.requests == MAX_REQUESTS {
                return false;
            }
            missing.requests += 1;
            missing.next = now + RETRY;
            due.push(*sequence);
            true
        });
        due
    }

    /// Whether anything is missing.
    pub fn is_idle(&self) -> bool {
        self.missing.is_empty()
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
        nack.lost(start, 5..6).unwrap();
        assert!(nack.poll(start).is_empty());
        assert_eq!(nack.arrived(5), Some(Repaired::Reordered));
        assert!(nack.poll(start + REORDERING).is_empty());
    }

    #[test]
    fn a_lost_packet_is_asked_for_until_it_comes() {
        let start = Instant::now();
        let mut nack = NackGenerator::default();
        nack.lost(start, 5..7).unwrap();
        assert_eq!(nack.poll(start + REORDERING), [5, 6]);
        assert!(
            nack.poll(start + REORDERING * 2).is_empty(),
            "not before the retry time"
        );
        assert_eq!(nack.arrived(6), Some(Repaired::Requested));
        assert_eq!(nack.poll(start + REORDERING + RETRY), [5]);
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
        assert!(nack.is_idle());
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
        assert!(nack.is_idle());
    }
}
