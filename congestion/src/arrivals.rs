//! When a publisher's packets arrived, by transport-wide sequence number: what its congestion control is fed with
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01).

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Time between two feedbacks, which libwebrtc expects to be 50 to 250 ms. The shorter, the sooner a line that falls is noticed, and the
/// more often a relay of hundreds of viewers is woken.
pub const INTERVAL: Duration = Duration::from_millis(100);
/// Packets one feedback covers: well within a datagram, and 100 Mbit/s at [`INTERVAL`] in a few of them.
const MAX_PACKETS: u64 = 256;
/// Numbers that wait for feedback at a time. A jump beyond them is no loss any more: feedback begins anew behind it.
const MAX_GAP: u64 = 4_096;
/// How far behind a packet may arrive and still be told of.
const MAX_LATE: u64 = 512;
/// Unit of the deltas.
const DELTA_US: i64 = 250;
/// Unit of the reference time.
const REFERENCE_US: i64 = 64_000;

/// The latest packets received.
#[derive(Debug)]
pub struct Arrivals {
    /// The instant that reference times count from.
    epoch: Instant,
    /// Those that no feedback has told, and the last [`MAX_LATE`] numbers of the others: a feedback that goes back for one that was
    /// overtaken repeats what came after it, as libwebrtc does, for what it left out would count as lost.
    received: BTreeMap<u64, Instant>,
    /// Overtaken, and not told yet.
    late: BTreeSet<u64>,
    highest: u64,
    /// First number that no feedback has covered.
    next: Option<u64>,
    sent: u8,
}

/// One feedback message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feedback {
    /// Number of the first packet.
    pub base: u16,
    /// When counting of the deltas begins, in multiples of 64 ms, 24 bits.
    pub reference_time: u32,
    /// Counts feedback messages.
    pub count: u8,
    /// For each packet from `base` on: not received, or the time since the previous received one (the first: since the
    /// reference time) in multiples of 250 µs.
    pub deltas: Vec<Option<i16>>,
}

impl Arrivals {
    /// Nothing has arrived yet. `now` becomes the origin of reference times.
    pub fn new(now: Instant) -> Self {
        Self {
            epoch: now,
            received: BTreeMap::new(),
            late: BTreeSet::new(),
            highest: 1 << 16,
            next: None,
            sent: 0,
        }
    }

    /// A packet arrived.
    pub fn received(&mut self, now: Instant, number: u16) {
        let distance = match self.next {
            None => i64::from(number.wrapping_sub(self.highest as u16)),
            Some(_) => i64::from(number.wrapping_sub(self.highest as u16) as i16),
        };
        let number = self.highest.saturating_add_signed(distance);
        let next = *self.next.get_or_insert(number);
        if number + MAX_LATE < next || self.received.contains_key(&number) {
            return;
        }
        if number >= next + MAX_GAP {
            self.received.clear();
            self.late.clear();
            self.next = Some(number);
        } else if number < next {
            self.late.insert(number);
        }
        self.highest = self.highest.max(number);
        self.received.insert(number, now);
    }

    /// The next feedback message; call it until `None`, every [`INTERVAL`].
    pub fn poll(&mut self) -> Option<Feedback> {
        let next = self.next?;
        let base = self.late.first().copied().unwrap_or(next);
        let (_, first_arrival) = self.received.range(base..).next()?;
        let reference = self.micros(*first_arrival) / REFERENCE_US;
        let end = (base + MAX_PACKETS).min(self.highest + 1);
        let mut clock = reference * REFERENCE_US / DELTA_US;
        let mut deltas = Vec::with_capacity((end - base) as usize);
        for number in base..end {
            let Some(arrival) = self.received.get(&number) else {
                deltas.push(None);
                continue;
            };
            let quantum = self.micros(*arrival) / DELTA_US;
            // 8 s between two packets cannot be expressed and would say nothing about congestion.
            let delta = (quantum - clock).clamp(i64::from(i16::MIN), i64::from(i16::MAX));
            clock += delta;
            deltas.push(Some(delta as i16));
        }
        self.late = self.late.split_off(&end);
        let next = end.max(next);
        self.next = Some(next);
        self.received = self.received.split_off(&next.saturating_sub(MAX_LATE));
        let count = self.sent;
        self.sent = self.sent.wrapping_add(1);
        Some(Feedback {
            base: base as u16,
            reference_time: reference as u32 & 0xFF_FFFF,
            count,
            deltas,
        })
    }

    fn micros(&self, at: Instant) -> i64 {
        i64::try_from(at.saturating_duration_since(self.epoch).as_micros()).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    #[test]
    fn arrivals_become_deltas_and_gaps_losses() {
        let start = Instant::now();
        let mut arrivals = Arrivals::new(start);
        for (number, ms) in [(65_534, 130), (65_535, 131), (2, 140)] {
            arrivals.received(at(start, ms), number);
        }
        let feedback = arrivals.poll().unwrap();
        // 128 ms is the reference; 2 ms, 1 ms and 9 ms are 8, 4 and 36 quarters.
        assert_eq!(
            (feedback.base, feedback.reference_time, feedback.count),
            (65_534, 2, 0)
        );
        assert_eq!(feedback.deltas, [Some(8), Some(4), None, None, Some(36)]);
        assert_eq!(arrivals.poll(), None);
    }

    #[test]
    fn the_next_feedback_goes_on_where_the_last_ended() {
        let start = Instant::now();
        let mut arrivals = Arrivals::new(start);
        arrivals.received(start, 10);
        arrivals.poll();
        arrivals.received(at(start, 1), 10);
        assert_eq!(arrivals.poll(), None, "covered already");
        arrivals.received(at(start, 64), 12);
        let feedback = arrivals.poll().unwrap();
        assert_eq!((feedback.base, feedback.count), (11, 1));
        assert_eq!(feedback.deltas, [None, Some(0)]);
    }

    #[test]
    fn overtaking_makes_a_negative_delta() {
        let start = Instant::now();
        let mut arrivals = Arrivals::new(start);
        arrivals.received(at(start, 5), 2);
        arrivals.received(at(start, 6), 4);
        arrivals.received(at(start, 7), 3);
        assert_eq!(
            arrivals.poll().unwrap().deltas,
            [Some(20), Some(8), Some(-4)]
        );
    }

    #[test]
    fn what_was_overtaken_is_told_of_late_with_what_came_after_it() {
        let start = Instant::now();
        let mut arrivals = Arrivals::new(start);
        for number in [10, 11, 13, 15] {
            arrivals.received(start, number);
        }
        arrivals.poll();
        for number in [12, 13, 16] {
            arrivals.received(at(start, 64), number);
        }
        let feedback = arrivals.poll().unwrap();
        assert_eq!(feedback.base, 12);
        assert_eq!(
            feedback.deltas,
            [Some(0), Some(-256), None, Some(0), Some(256)],
            "only what did not come is left out"
        );
        arrivals.received(at(start, 65), 12);
        assert_eq!(arrivals.poll(), None);
        arrivals.received(at(start, 65), 1_000);
        arrivals.poll();
        arrivals.received(at(start, 66), 14);
        assert!(std::iter::from_fn(|| arrivals.poll()).count() <= 4);
        arrivals.received(at(start, 66), 400);
        assert_eq!(arrivals.poll(), None, "too late");
    }

    #[test]
    fn what_one_message_cannot_hold_goes_into_the_next() {
        let start = Instant::now();
        let mut arrivals = Arrivals::new(start);
        for number in 0..600 {
            arrivals.received(start, number);
        }
        let lens: Vec<_> = std::iter::from_fn(|| arrivals.poll())
            .map(|feedback| feedback.deltas.len())
            .collect();
        assert_eq!(lens, [256, 256, 88]);
    }

    #[test]
    fn many_jumps_between_two_feedbacks_cost_no_more_than_one() {
        let start = Instant::now();
        let mut arrivals = Arrivals::new(start);
        for step in 0..1_000u32 {
            arrivals.received(start, (step * 4_000) as u16);
        }
        let messages = std::iter::from_fn(|| arrivals.poll()).count();
        assert!(messages <= (MAX_GAP / MAX_PACKETS) as usize, "{messages}");
    }

    #[test]
    fn absurd_jumps_cost_nothing() {
        let start = Instant::now();
        let mut arrivals = Arrivals::new(start);
        let mut messages = 0;
        for step in 0..1_000u32 {
            arrivals.received(start, (step * 20_000) as u16);
            messages += std::iter::from_fn(|| arrivals.poll()).count();
        }
        assert!(messages <= 1_000, "{messages}");
    }
}
