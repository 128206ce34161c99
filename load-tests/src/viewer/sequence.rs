//! Which packets of a track arrived, which are missing, and which to ask for again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::timing::{Absence, Timing, Via};

/// Packets told apart from duplicates: two seconds of 20 Mbit/s.
const WINDOW: u64 = 4096;
/// Requests for one packet before it is given up.
const MAX_REQUESTS: u8 = 8;
/// Between the two requests that are made where one was in vain.
const ECHO: Duration = Duration::from_millis(5);
/// Packets asked for at the same time, as libwebrtc does.
const MAX_MISSING: usize = 1000;

/// What a packet was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// The next one, or one after a gap.
    New,
    /// One that had been missing.
    Repaired,
    /// One that had arrived already.
    Duplicate,
    /// One from before the first, or too old to tell.
    Stale,
}

/// The received sequence numbers of one SSRC, across wraps.
#[derive(Debug)]
pub struct Sequence {
    first: u64,
    highest: u64,
    seen: Box<[u64; (WINDOW / 64) as usize]>,
    missing: BTreeMap<u64, Request>,
    unique: u64,
    duplicates: u64,
    requests: u64,
    given_up: u64,
}

#[derive(Debug)]
struct Request {
    absence: Absence,
    due: Instant,
    sent: u8,
}

impl Sequence {
    /// A track whose first packet is `sequence`.
    pub fn new(sequence: u16) -> Self {
        // Far enough from zero that a reordered predecessor of the first packet has a place.
        let first = (1 << 32) | u64::from(sequence);
        let mut this = Self {
            first,
            highest: first,
            seen: Box::new([0; (WINDOW / 64) as usize]),
            missing: BTreeMap::new(),
            unique: 1,
            duplicates: 0,
            requests: 0,
            given_up: 0,
        };
        this.mark(first);
        this
    }

    /// Takes note of a packet after the first.
    pub fn arrive(
        &mut self,
        now: Instant,
        sequence: u16,
        via: Via,
        timing: &mut Timing,
    ) -> Arrival {
        let index = self.unwrap(sequence);
        if index > self.highest {
            self.advance(now, index, timing);
            self.unique += 1;
            return Arrival::New;
        }
        if index < self.first || index + WINDOW <= self.highest {
            return Arrival::Stale;
        }
        if self.is_marked(index) {
            self.duplicates += 1;
            return Arrival::Duplicate;
        }
        self.mark(index);
        if let Some(request) = self.missing.remove(&index) {
            timing.ended(now, request.absence, via);
        }
        self.unique += 1;
        Arrival::Repaired
    }

    /// The sequence numbers to ask for now.
    pub fn due(&mut self, now: Instant, timing: &Timing) -> Vec<u16> {
        let mut due = Vec::new();
        if self.missing.is_empty() {
            return due;
        }
        let retry = timing.retry();
        self.missing.retain(|index, request| {
            if request.due > now {
                return true;
            }
            if request.sent == MAX_REQUESTS {
                self.given_up += 1;
                return false;
            }
            request.sent += 1;
            request.absence.asked.get_or_insert(now);
            // Where a request or its answer was lost, the next is likely to be: it is made twice.
            let is_said_twice = request.sent.is_multiple_of(2);
            request.due = now + if is_said_twice { ECHO } else { retry };
            due.push(*index as u16);
            true
        });
        self.requests += due.len() as u64;
        due
    }

    /// Packets from the first to the highest.
    pub fn expected(&self) -> u64 {
        self.highest - self.first + 1
    }

    /// Different packets that arrived.
    pub fn received(&self) -> u64 {
        self.unique
    }

    /// Packets that never arrived.
    pub fn lost(&self) -> u64 {
        self.expected() - self.unique
    }

    /// Packets that arrived again.
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// How often a packet was asked for.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// Packets asked for in vain, or too many to be asked for.
    pub fn given_up(&self) -> u64 {
        self.given_up
    }

    /// The extended highest sequence number (RFC 3550 §6.4.1).
    pub fn extended_highest(&self) -> u32 {
        (self.highest - (1 << 32)) as u32
    }

    fn unwrap(&self, sequence: u16) -> u64 {
        let step = sequence.wrapping_sub(self.highest as u16) as i16;
        self.highest.wrapping_add_signed(i64::from(step))
    }

    fn advance(&mut self, now: Instant, index: u64, timing: &Timing) {
        if index - self.highest >= WINDOW {
            self.seen.fill(0);
            self.missing.clear();
            self.given_up += 1;
        } else {
            for skipped in self.highest + 1..index {
                self.clear(skipped);
                let request = Request {
                    absence: Absence {
                        since: now,
                        asked: None,
                    },
                    due: now + timing.patience(now),
                    sent: 0,
                };
                self.missing.insert(skipped, request);
            }
            while self.missing.len() > MAX_MISSING {
                self.missing.pop_first();
                self.given_up += 1;
            }
        }
        self.mark(index);
        self.highest = index;
    }

    fn mark(&mut self, index: u64) {
        self.seen[(index % WINDOW / 64) as usize] |= 1 << (index % 64);
    }

    fn clear(&mut self, index: u64) {
        self.seen[(index % WINDOW / 64) as usize] &= !(1 << (index % 64));
    }

    fn is_marked(&self, index: u64) -> bool {
        self.seen[(index % WINDOW / 64) as usize] & (1 << (index % 64)) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RETRY: Duration = Duration::from_millis(77);

    fn arrive(sequence: &mut Sequence, now: Instant, number: u16) -> Arrival {
        sequence.arrive(now, number, Via::Either, &mut Timing::default())
    }

    #[test]
    fn counts_across_wraps() {
        let now = Instant::now();
        let mut sequence = Sequence::new(65_000);
        for step in 1..200_000_u32 {
            let number = 65_000_u32.wrapping_add(step) as u16;
            if step % 1000 != 500 {
                assert_eq!(arrive(&mut sequence, now, number), Arrival::New);
            }
        }
        assert_eq!(sequence.expected(), 200_000);
        assert_eq!(sequence.lost(), 200);
        assert_eq!(sequence.received(), 199_800);
        assert_eq!(sequence.extended_highest(), 65_000 + 199_999);
    }

    #[test]
    fn tells_repaired_from_duplicate_and_stale() {
        let now = Instant::now();
        let mut sequence = Sequence::new(2);
        assert_eq!(arrive(&mut sequence, now, 1), Arrival::Stale);
        assert_eq!(arrive(&mut sequence, now, 65_535), Arrival::Stale);
        assert_eq!(arrive(&mut sequence, now, 5), Arrival::New);
        assert_eq!(sequence.lost(), 2);
        assert_eq!(arrive(&mut sequence, now, 4), Arrival::Repaired);
        assert_eq!(arrive(&mut sequence, now, 4), Arrival::Duplicate);
        assert_eq!((sequence.lost(), sequence.duplicates()), (1, 1));
    }

    #[test]
    fn forgets_marks_of_the_previous_lap() {
        let now = Instant::now();
        let mut sequence = Sequence::new(0);
        for number in 1..WINDOW as u16 {
            arrive(&mut sequence, now, number);
        }
        arrive(&mut sequence, now, WINDOW as u16 + 10);
        assert_eq!(
            arrive(&mut sequence, now, WINDOW as u16 + 3),
            Arrival::Repaired
        );
        arrive(&mut sequence, now, 30_000);
        assert_eq!(arrive(&mut sequence, now, 29_999), Arrival::Repaired);
    }

    #[test]
    fn asks_at_once_and_gives_up() {
        let timing = Timing::default();
        let mut now = Instant::now();
        let mut sequence = Sequence::new(65_534);
        arrive(&mut sequence, now, 1);
        assert_eq!(sequence.due(now, &timing), [65_535, 0]);
        assert!(sequence.due(now, &timing).is_empty());
        arrive(&mut sequence, now, 0);
        let mut asked = 1;
        for _ in 0..20 {
            now += RETRY;
            asked += sequence.due(now, &timing).len();
        }
        assert_eq!(asked, usize::from(MAX_REQUESTS));
        assert_eq!((sequence.lost(), sequence.given_up()), (1, 1));
        assert_eq!(sequence.requests(), u64::from(MAX_REQUESTS) + 1);
    }

    #[test]
    fn a_request_in_vain_is_made_twice() {
        let timing = Timing::default();
        let start = Instant::now();
        let mut sequence = Sequence::new(1);
        arrive(&mut sequence, start, 3);
        let asked: Vec<u64> = (0..200)
            .filter(|milli| {
                let now = start + Duration::from_millis(*milli);
                !sequence.due(now, &timing).is_empty()
            })
            .collect();
        assert_eq!(asked, [0, 77, 82, 159, 164]);
    }
}
