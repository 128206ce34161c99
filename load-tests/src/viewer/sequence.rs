//! Which packets of a track arrived, which are missing, and which to ask for again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Packets told apart from duplicates: two seconds of 20 Mbit/s.
const WINDOW: u64 = 4096;
/// Reordering that is waited out before a packet is asked for.
const REORDERING: Duration = Duration::from_millis(5);
/// Between two requests for the same packet.
const RETRY: Duration = Duration::from_millis(50);
/// Requests for one packet before it is given up, as libwebrtc does.
const MAX_REQUESTS: u8 = 10;
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
}

#[derive(Debug)]
struct Request {
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
        };
        this.mark(first);
        this
    }

    /// Takes note of a packet after the first.
    pub fn arrive(&mut self, now: Instant, sequence: u16) -> Arrival {
        let index = self.unwrap(sequence);
        if index > self.highest {
            self.advance(now, index);
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
        self.missing.remove(&index);
        self.unique += 1;
        Arrival::Repaired
    }

    /// The sequence numbers to ask for now.
    pub fn due(&mut self, now: Instant) -> Vec<u16> {
        let mut due = Vec::new();
        if self.missing.is_empty() {
            return due;
        }
        self.missing.retain(|index, request| {
            if request.due > now {
                return true;
            }
            if request.sent == MAX_REQUESTS {
                return false;
            }
            request.sent += 1;
            request.due = now + RETRY;
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

    /// The extended highest sequence number (RFC 3550 §6.4.1).
    pub fn extended_highest(&self) -> u32 {
        (self.highest - (1 << 32)) as u32
    }

    fn unwrap(&self, sequence: u16) -> u64 {
        let step = sequence.wrapping_sub(self.highest as u16) as i16;
        self.highest.wrapping_add_signed(i64::from(step))
    }

    fn advance(&mut self, now: Instant, index: u64) {
        if index - self.highest >= WINDOW {
            self.seen.fill(0);
            self.missing.clear();
        } else {
            for skipped in self.highest + 1..index {
                self.clear(skipped);
                let request = Request {
                    due: now + REORDERING,
                    sent: 0,
                };
                self.missing.insert(skipped, request);
            }
            while self.missing.len() > MAX_MISSING {
                self.missing.pop_first();
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

    #[test]
    fn counts_across_wraps() {
        let now = Instant::now();
        let mut sequence = Sequence::new(65_000);
        for step in 1..200_000_u32 {
            let number = 65_000_u32.wrapping_add(step) as u16;
            if step % 1000 != 500 {
                assert_eq!(sequence.arrive(now, number), Arrival::New);
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
        assert_eq!(sequence.arrive(now, 1), Arrival::Stale);
        assert_eq!(sequence.arrive(now, 65_535), Arrival::Stale);
        assert_eq!(sequence.arrive(now, 5), Arrival::New);
        assert_eq!(sequence.lost(), 2);
        assert_eq!(sequence.arrive(now, 4), Arrival::Repaired);
        assert_eq!(sequence.arrive(now, 4), Arrival::Duplicate);
        assert_eq!((sequence.lost(), sequence.duplicates()), (1, 1));
    }

    #[test]
    fn forgets_marks_of_the_previous_lap() {
        let now = Instant::now();
        let mut sequence = Sequence::new(0);
        for number in 1..WINDOW as u16 {
            sequence.arrive(now, number);
        }
        sequence.arrive(now, WINDOW as u16 + 10);
        assert_eq!(sequence.arrive(now, WINDOW as u16 + 3), Arrival::Repaired);
        sequence.arrive(now, 30_000);
        assert_eq!(sequence.arrive(now, 29_999), Arrival::Repaired);
    }

    #[test]
    fn asks_after_reordering_and_gives_up() {
        let mut now = Instant::now();
        let mut sequence = Sequence::new(65_534);
        sequence.arrive(now, 1);
        assert!(sequence.due(now).is_empty());
        now += REORDERING;
        assert_eq!(sequence.due(now), [65_535, 0]);
        assert!(sequence.due(now).is_empty());
        sequence.arrive(now, 0);
        let mut asked = 1;
        for _ in 0..20 {
            now += RETRY;
            asked += sequence.due(now).len();
        }
        assert_eq!(asked, usize::from(MAX_REQUESTS));
        assert_eq!(sequence.lost(), 1);
        assert_eq!(sequence.requests(), u64::from(MAX_REQUESTS) + 1);
    }
}
